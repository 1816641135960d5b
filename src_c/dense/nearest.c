/* Nearest centroids: see nearest.h for what is computed, nearest_body.h for how. */
#include "dense/nearest.h"

#include <math.h>

#include "cpu.h"
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
#define NEAREST_UNITS 32700 /* of int16: below 32767 by more than what rounding adds */
#define NEAREST_KEEP 16     /* features from which keeping a tile's estimates costs next to nothing */

/* Covers what products lose below the least normal number. */
#define NEAREST_TINY(type) (sizeof(type) == 4 ? (type)0x1p-126f : (type)0x1p-1022)

/* Before a loop over registers. */
#define UNROLL _Pragma("GCC unroll 16")

/* What will be read at p + n, into the second level of cache; p + n need not be in the array. */
#define PREFETCH_LATER(p, n)                                                                                 \
    __builtin_prefetch((const void *)((uintptr_t)(p) + (size_t)(n) * sizeof *(p)), 0, 2)

/* Speed of products of pairs of int16 against that of products of reals, measured; 0: they cannot run. */
static double FN(nearest_pairs_speed)(void) {
#if defined(FASTML_AVX512)
    return fastml_cpu_features() & FASTML_CPU_VNNI ? 2.0 : 0.0;
#elif defined(FASTML_AVX2)
    return 1.5;
#else
    return 1.0;
#endif
}

#define REAL 32
#define LANES_ARE_F32 1
#include "dense/real.h"
#include "dense/nearest_exact_body.h"
#include "dense/nearest_pack_body.h"
#include "dense/nearest_tile_body.h"
#include "dense/nearest_pairs_body.h"
#include "dense/nearest_body.h"
#include "dense/nearest_screen_body.h"
#include "dense/nearest_find_body.h"
#undef TILE_ROWS
#undef LANES_ARE_F32

#define REAL 64
#define LANES_ARE_F32 0
#include "dense/real.h"
#include "dense/nearest_exact_body.h"
#include "dense/nearest_pack_body.h"
#include "dense/nearest_tile_body.h"
#include "dense/nearest_pairs_body.h"
#include "dense/nearest_body.h"
#include "dense/nearest_screen_body.h"
#include "dense/nearest_find_body.h"
#undef TILE_ROWS
#undef LANES_ARE_F32
