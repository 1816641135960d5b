#include "dense/exp_log.h"
#include "dense/forward_backward.h"

#define REAL 32
#include "dense/real.h"
#include "dense/forward_backward_pack_body.h"

#define REAL 64
#include "dense/real.h"
#include "dense/forward_backward_pack_body.h"

#include "dense/forward_backward_emission.h"
#include "dense/forward_backward_sums.h"
#include "dense/forward_backward_path.h"

static int32_t FN(forward_backward_n_lanes)(void) { return LANES_F64; }

/* out_j = sum_i in_i m[i][j], n a multiple of 4. Even and odd i are added apart: eight chains hide the
   latency of each other. */
static ALWAYS_INLINE void times(const double *m, int64_t n, const double *in, double *out) {
    for (int64_t j = 0; j < n; j += 4) {
        lane_f64 even[4], odd[4];
        const lane_f64 a0 = f64_load(in), a1 = f64_load(in + LANES_F64);
        for (int q = 0; q < 4; q++) {
            even[q] = a0 * f64_set(m[j + q]);
            odd[q] = a1 * f64_set(m[n + j + q]);
        }
        for (int64_t i = 2; i < n; i += 2) {
            const lane_f64 a = f64_load(in + i * LANES_F64), b = f64_load(in + (i + 1) * LANES_F64);
            const double *row = m + i * n + j;
            for (int q = 0; q < 4; q++) {
                even[q] = f64_fma(a, f64_set(row[q]), even[q]);
                odd[q] = f64_fma(b, f64_set(row[n + q]), odd[q]);
            }
        }
        for (int q = 0; q < 4; q++)
            f64_store(out + (j + q) * LANES_F64, even[q] + odd[q]);
    }
}

static ALWAYS_INLINE void forward_of_size(const double *m, int64_t n, const double *d, int64_t n_frames,
                                          int64_t at_start, const double *start, double *scratch,
                                          double *alpha, double *inverse) {
    /* scratch: n_t before it is divided by c_t, so that the next product need not wait for the division */
    const int64_t line = n * LANES_F64;
    double *now = scratch, *next = scratch + line;
    lane_f64 last = f64_set(1.0);
    memcpy(now, alpha, (size_t)line * sizeof *now);
    for (int64_t t = 0; t < n_frames; t++, d += line) {
        lane_f64 sums[4];
        double *out = alpha + (t + 1) * line;
        times(m, n, now, next);
        for (int q = 0; q < 4; q++)
            sums[q] = f64_set(0.0);
        for (int64_t k = 0; k < n; k += 4)
            for (int q = 0; q < 4; q++) {
                double *here = next + (k + q) * LANES_F64;
                lane_f64 p = f64_load(here) * last;
                if (t == at_start)
                    p = p + f64_load(start + (k + q) * LANES_F64);
                p = p * f64_load(d + (k + q) * LANES_F64);
                f64_store(here, p);
                sums[q] = sums[q] + p;
            }
        last = f64_set(1.0) / ((sums[0] + sums[1]) + (sums[2] + sums[3]));
        f64_store(inverse + t * LANES_F64, last);
        for (int64_t k = 0; k < n; k++)
            f64_store(out + k * LANES_F64, f64_load(next + k * LANES_F64) * last);
        double *const swap = now;
        now = next;
        next = swap;
    }
}

/* alpha[t + 1] from alpha[0] and the densities d[t], 0 <= t < n_frames; inverse[t] = 1 / c_t. What is in
   `start` is added to the prediction of frame at_start (none if negative): the initial distribution in lanes
   where a sequence starts there. scratch: 2 rows of n_padded lanes. */
static void FN(forward_backward_forward)(const forward_backward_chain *chain, const double *d,
                                         int64_t n_frames, int64_t at_start, const double *start,
                                         double *scratch, double *alpha, double *inverse) {
    const double *m = chain->transitions;
    switch (chain->n_padded) {
    case 4:
        forward_of_size(m, 4, d, n_frames, at_start, start, scratch, alpha, inverse);
        break;
    case 8:
        forward_of_size(m, 8, d, n_frames, at_start, start, scratch, alpha, inverse);
        break;
    default:
        forward_of_size(m, chain->n_padded, d, n_frames, at_start, start, scratch, alpha, inverse);
    }
}

/* doubt[lane] += sum of beta, gamma and w of frame t; beta of t - 1. */
static ALWAYS_INLINE void backward_of_size(const double *m, int64_t n, const double *d, const double *alpha,
                                           const double *inverse, int64_t n_frames, double *beta,
                                           const double *end, const double *ends, int64_t last_end,
                                           double *gamma, double *w, double *doubt) {
    const int64_t line = n * LANES_F64;
    lane_f64 sum = f64_load(doubt);
    for (int64_t t = n_frames - 1; t >= 0; t--) {
        const lane_f64 over = f64_load(inverse + t * LANES_F64);
        double *wt = w + t * line;
        if (t >= last_end) { /* in some lane this may be the last frame */
            const lane_f64 lanes_end = f64_load(ends + t * LANES_F64);
            for (int64_t k = 0; k < n; k++) {
                const int64_t at = k * LANES_F64;
                f64_store(beta + at, f64_fma(f64_load(end + at), lanes_end, f64_load(beta + at)));
            }
        }
        for (int64_t k = 0; k < n; k++) {
            const int64_t at = k * LANES_F64;
            const lane_f64 b = f64_load(beta + at);
            sum = sum + b;
            f64_store(gamma + t * line + at, f64_load(alpha + (t + 1) * line + at) * b);
            f64_store(wt + at, f64_load(d + t * line + at) * over * b);
        }
        times(m, n, wt, beta);
    }
    f64_store(doubt, sum);
}

/* One block of frames, last to first: gamma[t] and w[t] of 0 <= t < n_frames, and beta, which enters as that
   of the block's last frame (without what lanes have that end in it) and leaves as that of the frame before
   its first. alpha[t + 1] and inverse[t] as forward_backward_forward leaves them. Lanes with ends[t][lane] =
   1 end at frame t, with beta = end; no ends[t] is read below last_end. */
static void FN(forward_backward_backward)(const forward_backward_chain *chain, const double *d,
                                          const double *alpha, const double *inverse, int64_t n_frames,
                                          double *beta, const double *end, const double *ends,
                                          int64_t last_end, double *gamma, double *w, double *doubt) {
    const double *m = chain->transposed;
    switch (chain->n_padded) {
    case 4:
        backward_of_size(m, 4, d, alpha, inverse, n_frames, beta, end, ends, last_end, gamma, w, doubt);
        break;
    case 8:
        backward_of_size(m, 8, d, alpha, inverse, n_frames, beta, end, ends, last_end, gamma, w, doubt);
        break;
    default:
        backward_of_size(m, chain->n_padded, d, alpha, inverse, n_frames, beta, end, ends, last_end, gamma, w,
                         doubt);
    }
}

/* total[lane] = sum over since[lane] <= t < to[lane] of shift[t] - log inverse[t]; -infinity if a frame has
   c_t below 1e-150: then the products of the next one may have lost digits. */
static void FN(forward_backward_likelihood)(const double *shift, const double *inverse, const int64_t *since,
                                            const int64_t *to, int64_t n_frames, double *total) {
    double lower[LANES_F64], upper[LANES_F64];
    for (int l = 0; l < LANES_F64; l++) {
        lower[l] = (double)since[l];
        upper[l] = (double)to[l];
    }
    const lane_f64 first = f64_load(lower), end = f64_load(upper), zero = f64_set(0.0);
    lane_f64 shifts = zero, logs = zero, worst = zero;
    for (int64_t t = 0; t < n_frames; t++) {
        const lane_f64 now = f64_set((double)t);
        const lane_f64 over =
            f64_select(f64_lt(now, first), f64_set(1.0),
                       f64_select(f64_lt(now, end), f64_load(inverse + t * LANES_F64), f64_set(1.0)));
        const lane_f64 top = f64_load(shift + t * LANES_F64);
        shifts = shifts + f64_select(f64_lt(now, first), zero, f64_select(f64_lt(now, end), top, zero));
        logs = logs + f64_log(f64_min(over, f64_set(1e308)));
        worst = f64_max(over, worst); /* in this order NaN, which follows, changes nothing */
    }
    const lane_f64 sum = f64_select(f64_lt(f64_set(1e150), worst), f64_set(-__builtin_inf()), shifts - logs);
    f64_store(total, sum);
}
