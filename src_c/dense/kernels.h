/* The dense engine's table of kernels: one constant table per instruction set, one of them chosen at import.
 * Every kernel comes for float32 and for float64. */
#ifndef FASTML_DENSE_KERNELS_H
#define FASTML_DENSE_KERNELS_H

#include <stdint.h>

typedef struct fastml_dense_kernels {
    /* dense/vmath */
    void (*vmath_exp_f32)(const float *x, int64_t n, float *out);
    void (*vmath_exp_f64)(const double *x, int64_t n, double *out);
    void (*vmath_log_f32)(const float *x, int64_t n, float *out);
    void (*vmath_log_f64)(const double *x, int64_t n, double *out);
} fastml_dense_kernels;

extern const fastml_dense_kernels fastml_dense_kernels_serial;
extern const fastml_dense_kernels fastml_dense_kernels_avx2;
extern const fastml_dense_kernels fastml_dense_kernels_avx512;
extern const fastml_dense_kernels fastml_dense_kernels_neon;

#endif
