/* Nearest centroids: see nearest.h for what is computed, nearest_body.h for how. */
#include "dense/nearest.h"

#include <math.h>

#include "dense/transpose.h"

/* Sums in registers: so many that they, the rows' values and one centroid's value fill the register file. */
#if REAL_REGISTERS >= 32
#define NEAREST_VECTORS 3
#define NEAREST_WIDTH 8
#elif defined(FASTML_AVX2)
#define NEAREST_VECTORS 3
#define NEAREST_WIDTH 4
#else
#define NEAREST_VECTORS 2
#define NEAREST_WIDTH 4
#endif
#define NEAREST_NARROW (NEAREST_WIDTH / 2)

/* Covers what products lose below the least normal number. */
#define NEAREST_TINY(type) (sizeof(type) == 4 ? (type)0x1p-126f : (type)0x1p-1022)

static inline float nearest_sqrt_f32(float x) { return sqrtf(x); }
static inline double nearest_sqrt_f64(double x) { return sqrt(x); }

#define REAL 32
#define LANES_ARE_F32 1
#include "dense/real.h"
#include "dense/nearest_exact_body.h"
#include "dense/nearest_body.h"
#undef TILE_ROWS
#undef LANES_ARE_F32

#define REAL 64
#define LANES_ARE_F32 0
#include "dense/real.h"
#include "dense/nearest_exact_body.h"
#include "dense/nearest_body.h"
#undef TILE_ROWS
#undef LANES_ARE_F32
