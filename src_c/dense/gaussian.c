/* See gaussian.h. */
#include "dense/gaussian.h"

#include <math.h>

#include "dense/exp_log.h"
#include "dense/lane_sums.h"
#include "dense/transpose.h"

/* Registers hold ROWS vectors of rows and a panel's columns; SUMS sums of pairs and components. */
#if REAL_REGISTERS == 32
enum { GAUSSIAN_VECTORS = 6, GAUSSIAN_COMPONENTS = 8 };
#else
enum { GAUSSIAN_VECTORS = 3, GAUSSIAN_COMPONENTS = 4 };
#endif

/* The components in groups of nearly equal size; as many pairs beside them as registers allow. */
void FN(gaussian_blocks)(int32_t n_components, int32_t *pairs, int32_t *components) {
    const int32_t n_groups = (n_components + GAUSSIAN_COMPONENTS - 1) / GAUSSIAN_COMPONENTS;
    const int32_t wide = (n_components + n_groups - 1) / n_groups;
    *components = wide;
#if REAL_REGISTERS == 32
    *pairs = wide == 8 ? 3 : wide == 7 ? 3 : wide == 6 ? 4 : wide == 5 ? 5 : wide == 4 ? 6 : 8;
#else
    *pairs = wide == 4 ? 3 : wide == 3 ? 4 : 6;
#endif
}

#define REAL 32
#define REAL_IS_32 1
#include "dense/real.h"
#include "dense/gaussian_body.h"
#undef REAL_IS_32

#define REAL 64
#define REAL_IS_32 0
#include "dense/real.h"
#include "dense/gaussian_body.h"
#undef REAL_IS_32

#include "dense/gaussian_pattern.h"

#define REAL 32
#include "dense/real.h"
#include "dense/gaussian_missing_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/gaussian_missing_body.h"
