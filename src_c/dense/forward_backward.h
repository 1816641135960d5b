/* Hidden Markov models: likelihood, posterior probabilities, expected counts and best paths.
 *
 * LANES_F64 sequences, or pieces of long ones, run beside each other, one in each lane. What the kernels hand
 * to each other lies as [frame][row][lane] in doubles, rows padded to a multiple of 4
 * (`FORWARD_BACKWARD_PAD`). Frame t of a lane is its row since[lane] + t of the input where 0 <= since[lane]
 * + t - first and so on, see `forward_backward_lanes`; outside of its own range a lane has missing frames,
 * which say nothing: every state has density 1 there.
 *
 * With d[t][k] the densities of frame t divided by the largest one of the frame, whose log is shift[t]
 * (Rabiner 1989, section V.A, with one more factor for each frame):
 *
 *   forward    n_t(j) = d_t(j) (start(j) or sum_i alpha_{t-1}(i) A(i,j)), c_t = sum_j n_t(j), alpha_t = n_t /
 * c_t likelihood log P  = sum_t shift[t] + log c_t backward   beta_T = weight, w_t = d_t beta_t / c_t,
 * beta_{t-1}(i) = sum_j A(i,j) w_t(j) posterior  gamma_t = alpha_t beta_t, which sums to the weight of the
 * lane counts     xi(i,j) = A(i,j) sum_t alpha_{t-1}(i) w_t(j): where A is zero, xi is
 *
 * No logarithm is taken per transition. A density below exp(-708) of the frame's largest is zero. That is
 * harmless where every state can follow every other. Elsewhere it may hide a path that later frames would
 * favour: then beta, which is at most 1 / min A otherwise, becomes huge there. So the sum of beta over a lane
 * is handed out (`doubt`); a caller computes sequences above FORWARD_BACKWARD_DOUBT, or not a number, in
 * logarithms.
 */
#ifndef FASTML_DENSE_FORWARD_BACKWARD_H
#define FASTML_DENSE_FORWARD_BACKWARD_H

#include <stdint.h>

enum {
    FORWARD_BACKWARD_MOST_LANES = 8,
    FORWARD_BACKWARD_TILE = 4,   /* rows that are computed together */
    FORWARD_BACKWARD_BLOCK = 32, /* frames whose posteriors are summed together */
};
#define FORWARD_BACKWARD_PAD(n) (((n) + 3) / 4 * 4)
#define FORWARD_BACKWARD_DOUBT 1e130

enum forward_backward_kind {
    FORWARD_BACKWARD_DIAGONAL, /* Gaussian: sum_j (x_j scale_j + offset_j)^2 */
    FORWARD_BACKWARD_ENTRIES,  /* the same; entries of a frame may be missing */
    FORWARD_BACKWARD_FULL,     /* Gaussian: sum_j (offset_j + sum_{i<=j} x_i factor_ij)^2 */
    FORWARD_BACKWARD_LINEAR,   /* sum_j x_j scale_j: counts */
    FORWARD_BACKWARD_GIVEN,    /* x_c itself */
};

/* log density of component c at x: constant[c] + (Gaussian: -1/2 of) the sum above. ENTRIES: plus the
   log_scale[c][j] of the known entries. */
typedef struct forward_backward_emission {
    int32_t kind;
    int32_t n_states;
    int32_t n_mix;           /* components of a state; component c belongs to state c / n_mix */
    int32_t n_features;      /* rows of x that the formula reads */
    int32_t n_rows;          /* rows of a frame in memory: padded */
    const double *constant;  /* n_components, padded */
    const double *scale;     /* DIAGONAL, ENTRIES, LINEAR: [padded components][n_features] */
    const double *offset;    /* Gaussian: the same shape */
    const double *factor;    /* FULL: [component][n_features (n_features + 1) / 2], column by column */
    const double *log_scale; /* ENTRIES: like scale */
} forward_backward_emission;

/* What the lanes read. Local frame t of lane l is row first[l] + t of the input if since[l] <= t < to[l]. */
typedef struct forward_backward_lanes {
    int64_t first[FORWARD_BACKWARD_MOST_LANES];
    int64_t since[FORWARD_BACKWARD_MOST_LANES];
    int64_t to[FORWARD_BACKWARD_MOST_LANES];
    int64_t n_frames; /* local frames: at least the largest `to` */
} forward_backward_lanes;

/* Matrices of a chain, rows padded with zeros: [n_padded][n_padded]. */
typedef struct forward_backward_chain {
    int32_t n_padded;
    const double *transitions;
    const double *transposed;
} forward_backward_chain;

#endif
