/* Gradients and hessians of the losses, and their packing into 32-bit fixed point.
 *
 * Three steps, each over a range of rows, each the same bits on every instruction set:
 *
 *   gradient_rows    g = dL/draw and h = d2L/draw2 of one output, float32, from float64 scores
 *   gradient_stats   largest |g| and h, sum of |g| and of h: what the fixed-point scales are chosen from
 *   gradient_pack    gh = (int16)round(g * scale_g) << 16 | (uint16)round(h * scale_h), rounded
 * stochastically
 *
 * Loops are plain C without reductions of floats across rows, so that a compiler vectorises them without
 * changing a bit; exp and log are polynomials (no libm, whose last bit differs between CPUs). Relative error
 * of exp <= 1e-7; arguments that would overflow saturate: no output is ever NaN or infinite for finite
 * inputs.
 *
 * Sums: GRADIENT_BLOCK rows at a time, in GRADIENT_LANES fixed lanes of doubles (row i of a block in lane i
 * mod GRADIENT_LANES) folded in halves; the caller merges blocks in index order. Threads cannot change them.
 */
#ifndef FASTML_TREE_GRADIENT_H
#define FASTML_TREE_GRADIENT_H

#include <stdint.h>

#define GRADIENT_BLOCK 4096
#define GRADIENT_LANES 64
/* Largest |g| * scale_g and h * scale_h. A value x is rounded to floor(x + u), 0 <= u < 1: never beyond
 * these. */
#define GRADIENT_MAX_GQ 32766
#define GRADIENT_MAX_HQ 65534
/* Beyond this many rows the rounding alone could overflow the 31-bit sums. */
#define GRADIENT_MAX_ROWS (1 << 30)

typedef enum gradient_loss {
    LOSS_SQUARED_ERROR = 0,
    LOSS_ABSOLUTE_ERROR = 1,
    LOSS_HUBER = 2,    /* param: delta */
    LOSS_QUANTILE = 3, /* param: quantile */
    LOSS_POISSON = 4,
    LOSS_GAMMA = 5,
    LOSS_TWEEDIE = 6, /* param: power, 1 < power < 2 */
    LOSS_LOG_BINARY = 7,
    LOSS_LOG_MULTINOMIAL = 8,
    LOSS_FOCAL_BINARY = 9,       /* param: focusing exponent, >= 0 */
    LOSS_FOCAL_MULTINOMIAL = 10, /* param: focusing exponent, >= 0 */
    LOSS_GIVEN = 11,             /* raw holds the gradient and y the hessian of a custom loss */
} gradient_loss;

/* What gradient_rows reads and writes. y is float64, or uint8 (0 or 1) for the binary losses, or int32
 * classes for the multinomial ones. weight, lse, focal and h may be NULL where the loss or the caller does
 * not need them. */
typedef struct gradient_task {
    int32_t loss;
    int32_t output; /* class whose score is differentiated (multinomial) */
    double param;
    const void *y;
    const double *raw; /* scores of this output */
    const double *weight;
    const double *lse;    /* log-sum-exp of the row's scores (multinomial) */
    const float *focal;   /* three factors per row from gradient_focal (focal multinomial) */
    int64_t focal_stride; /* floats between the factors */
    float *g;
    float *h;
} gradient_task;

/* Over rows [0, n): largest |g|; largest h; smallest h that is not zero (0 if all are); sums. */
typedef struct GradientStats {
    double max_abs_g, max_h, min_h, sum_abs_g, sum_h;
} GradientStats;

/* Packed gradients: value = integer / scale. Sums are exact; min_hq and max_hq are over all rows. */
typedef struct Packed {
    double scale_g, scale_h;
    int64_t sum_g, sum_h;
    uint32_t min_hq, max_hq;
} Packed;

#endif
