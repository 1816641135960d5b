/* exp and log: within the rounding of fused operations of the serial body. */
#include "compare.h"

#include <math.h>

static void exp_f32(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    float *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)((uniform(b) - 0.5) * (below(b, 4) ? 10.0 : 190.0));
    k->vmath_exp_f32(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close_f32(b, out + i, 1, 3e-7 * exp(fmin(x[i], 88.0)));
}

static void exp_f64(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    double *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = (uniform(b) - 0.5) * (below(b, 4) ? 10.0 : 1500.0);
    k->vmath_exp_f64(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close(b, out + i, 1, 6e-16 * exp(fmin(x[i], 709.0)));
}

static void log_f32(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    float *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)exp((uniform(b) - 0.5) * (below(b, 4) ? 2.0 : 170.0));
    k->vmath_log_f32(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close_f32(b, out + i, 1, 3e-7 * (fabs(log(x[i])) + 1e-30));
}

static void log_f64(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    double *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = exp((uniform(b) - 0.5) * (below(b, 4) ? 2.0 : 1400.0));
    k->vmath_log_f64(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close(b, out + i, 1, 6e-16 * (fabs(log(x[i])) + 1e-30));
}

const dense_case vmath_cases[] = {
    {"vmath_exp_f32", exp_f32},
    {"vmath_exp_f64", exp_f64},
    {"vmath_log_f32", log_f32},
    {"vmath_log_f64", log_f64},
    {NULL, NULL},
};
