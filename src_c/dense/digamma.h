/* The digamma function of positive numbers, its exponential, and the logarithm of the gamma function.
 *
 *                      error                             range
 *   f32_exp_digamma    1e-6 (1 + 1/x), relative          0 <= x, finite
 *   f64_exp_digamma    2e-15 (1 + 1/x), relative         0 <= x, finite
 *   f64_digamma        4e-15 (1 + 1/x), absolute         1e-280 <= x, finite
 *   f64_log_gamma      1e-14 (1 + |result|), absolute    1e-280 <= x <= 1e300
 *
 * Method: below m = 4 or 8 the argument is shifted by m with psi(x) = psi(x + m) - s, s = 1/x + ... + 1/(x +
 * m - 1) (Abramowitz and Stegun, 6.3.6). s is P'(x) / P(x) with P(x) = x (x + 1) ... (x + m - 1), and the
 * factors in pairs, x + i with x + m - 1 - i, are polynomials in u = x (x + m - 1), so that four
 * multiplications and one division serve for eight terms. Of the shifted argument exp(psi(y + 1/2)) is y (1 +
 * 1/24 y^-2 - 37/5760 y^-4 +
 * ...), which follows from 6.3.18 there: no logarithm is taken. f32_exp_digamma_parts gives exp(psi(x)) as a
 * factor a and the exponent -s, for those who want quotients of numbers that would be zero by themselves. The
 * logarithm of gamma is Stirling's series (6.1.41), shifted likewise.
 */
#ifndef FASTML_DENSE_DIGAMMA_H
#define FASTML_DENSE_DIGAMMA_H

#include "dense/exp_log.h"

/* a exp(-s) = exp(psi(x)) */
static inline lane_f32 f32_exp_digamma_parts(lane_f32 x, lane_f32 *s) {
    const mask_f32 shifted = f32_lt(x, f32_set(4.0f));
    const lane_f32 t = f32_max(f32_min(x, f32_set(4.0f)), f32_set(0x1p-60f));
    const lane_f32 u = t * (t + f32_set(3.0f)), p = u * (u + f32_set(2.0f));
    const lane_f32 slope = (t + t + f32_set(3.0f)) * (u + u + f32_set(2.0f));
    const lane_f32 y = f32_select(shifted, x + f32_set(3.5f), x - f32_set(0.5f));
    const lane_f32 z = f32_set(1.0f) / y, v = z * z;
    *s = f32_select(shifted, slope / p, f32_set(0.0f));
    lane_f32 q = f32_set(-3.95355745e-3f);
    q = f32_fma(q, v, f32_set(3.55248291e-3f));
    q = f32_fma(q, v, f32_set(-6.42361111e-3f));
    q = f32_fma(q, v, f32_set(4.16666667e-2f));
    return f32_fma(q, z, y);
}

static inline lane_f64 f64_exp_digamma_parts(lane_f64 x, lane_f64 *s) {
    static const double c[8] = {4.16666666666666667e-2,  -6.42361111111111111e-3, 3.55248291446208113e-3,
                                -3.95355744897303059e-3, 7.36503326930866886e-3,  -2.07346758243682374e-2,
                                8.23818522387877602e-2,  -0.439604436860081276};
    const mask_f64 shifted = f64_lt(x, f64_set(8.0));
    const lane_f64 t = f64_max(f64_min(x, f64_set(8.0)), f64_set(0x1p-930));
    const lane_f64 u = t * (t + f64_set(7.0));
    /* (u, u + 6), (u + 10, u + 12): two products and their derivatives, then the product of both */
    const lane_f64 low = u * (u + f64_set(6.0)), high = (u + f64_set(10.0)) * (u + f64_set(12.0));
    const lane_f64 two = u + u, p = low * high;
    const lane_f64 slope = f64_fma(two + f64_set(6.0), high, (two + f64_set(22.0)) * low);
    const lane_f64 y = f64_select(shifted, x + f64_set(7.5), x - f64_set(0.5));
    const lane_f64 z = f64_set(1.0) / y, v = z * z;
    *s = f64_select(shifted, (t + t + f64_set(7.0)) * slope / p, f64_set(0.0));
    lane_f64 q = f64_set(c[7]);
    for (int i = 6; i >= 0; i--)
        q = f64_fma(q, v, f64_set(c[i]));
    return f64_fma(q, z, y);
}

static inline lane_f32 f32_exp_digamma(lane_f32 x) {
    lane_f32 s;
    const lane_f32 a = f32_exp_digamma_parts(x, &s);
    return a * f32_exp(f32_set(0.0f) - s);
}

static inline lane_f64 f64_exp_digamma(lane_f64 x) {
    lane_f64 s;
    const lane_f64 a = f64_exp_digamma_parts(x, &s);
    return a * f64_exp(f64_set(0.0) - s);
}

static inline lane_f64 f64_digamma(lane_f64 x) {
    lane_f64 s;
    const lane_f64 a = f64_exp_digamma_parts(x, &s);
    return f64_log(a) - s;
}

static inline lane_f64 f64_log_gamma(lane_f64 x) {
    static const double c[8] = {8.33333333333333333e-2,  -2.77777777777777778e-3, 7.93650793650793651e-4,
                                -5.95238095238095238e-4, 8.41750841750841751e-4,  -1.91752691752691753e-3,
                                6.41025641025641026e-3,  -2.95506535947712418e-2};
    const mask_f64 shifted = f64_lt(x, f64_set(8.0));
    const lane_f64 t = f64_min(x, f64_set(8.0)), u = t * (t + f64_set(7.0));
    const lane_f64 p = u * (u + f64_set(6.0)) * ((u + f64_set(10.0)) * (u + f64_set(12.0)));
    const lane_f64 y = f64_select(shifted, x + f64_set(8.0), x), z = f64_set(1.0) / y, v = z * z;
    lane_f64 q = f64_set(c[7]);
    for (int i = 6; i >= 0; i--)
        q = f64_fma(q, v, f64_set(c[i]));
    const lane_f64 whole = f64_fma(y - f64_set(0.5), f64_log(y), f64_set(0.918938533204672742) - y);
    const lane_f64 before = f64_select(shifted, f64_log(p), f64_set(0.0));
    return f64_fma(q, z, whole) - before;
}

#endif
