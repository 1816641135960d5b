/* digamma, its exponential and log gamma: within the rounding of fused operations of the serial body. */
#include "compare.h"

#include <math.h>

/* from 1e-3 to 1e9, and as often below 20 */
static double some_number(bench *b) {
    return below(b, 2) ? 20.0 * uniform(b) + 1e-3 : exp(uniform(b) * 27.0 - 6.9);
}

static void digamma_exp_f32(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    float *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)some_number(b);
    k->digamma_exp_f32(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close_f32(b, out + i, 1, 2e-6 * (1.0 + 1.0 / x[i]) * x[i]);
}

static void digamma_exp_f64(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    double *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = some_number(b);
    k->digamma_exp_f64(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close(b, out + i, 1, 4e-15 * (1.0 + 1.0 / x[i]) * x[i]);
}

static void digamma_psi_f64(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    double *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = some_number(b);
    k->digamma_psi_f64(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close(b, out + i, 1, 1e-14 * (1.0 + 1.0 / x[i]));
}

static void digamma_log_gamma_f64(const fastml_dense_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 300);
    double *x = room(b, (size_t)n * sizeof *x), *out = room(b, (size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        x[i] = some_number(b);
    k->digamma_log_gamma_f64(x, n, out);
    for (int64_t i = 0; i < n; i++)
        keep_close(b, out + i, 1, 1e-14 * (8.0 + x[i] * fabs(log(x[i]))));
}

const dense_case digamma_cases[] = {
    {"digamma_exp_f32", digamma_exp_f32},
    {"digamma_exp_f64", digamma_exp_f64},
    {"digamma_log_gamma_f64", digamma_log_gamma_f64},
    {"digamma_psi_f64", digamma_psi_f64},
    {NULL, NULL},
};
