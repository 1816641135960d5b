/* exp and log of a vector, as polynomials over fused multiply-adds.
 *
 *              error (ulp)   range                              beyond it
 *   f32_exp    1.1           -87 <= x <= 88                     below: 0; above: exp(88), finite
 *   f64_exp    1.1           -708 <= x <= 709                   below: 0; above: exp(709), finite
 *   f32_log    1.5           positive normal numbers            0, subnormal: log of the least normal number
 *   f64_log    1.5           positive normal numbers            0, subnormal: log of the least normal number
 *
 * NaN is not passed on: callers check their input. What would be a subnormal number is zero: arithmetic on
 * subnormals takes a hundred cycles an operation on many processors.
 * Method: exp by Cody and Waite's reduction to |r| <= ln(2)/2 (Software Manual for the Elementary Functions,
 * 1980, ch. 6); log by x = 2^k m, m in [sqrt(1/2), sqrt(2)), and 2 atanh((m - 1) / (m + 1)) (ch. 5).
 */
#ifndef FASTML_DENSE_EXP_LOG_H
#define FASTML_DENSE_EXP_LOG_H

#include "dense/reals.h"

static inline lane_f32 f32_exp(lane_f32 x) {
    static const float p[5] = {0.5f, 0.166665768427547267f, 0.0416665544336394106f, 8.36320351051013724e-3f,
                               1.39262141395506675e-3f};
    const lane_f32 shift = f32_set(0x1.8p23f); /* adding it rounds to a whole number, kept in the low bits */
    const mask_f32 gone = f32_lt(x, f32_set(-87.0f));
    const lane_f32 y = f32_max(f32_min(x, f32_set(88.0f)), f32_set(-87.0f));
    const lane_f32 shifted = f32_fma(y, f32_set(1.44269504f), shift), k = shifted - shift;
    lane_f32 r = f32_fnma(k, f32_set(0.693359375f), y); /* exact: the constant has 10 bits */
    r = f32_fnma(k, f32_set(-2.12194440e-4f), r);
    lane_f32 q = f32_set(p[4]);
    for (int i = 3; i >= 0; i--)
        q = f32_fma(q, r, f32_set(p[i]));
    q = f32_fma(q, r * r, r) + f32_set(1.0f);
    const lane_i32 power = (((lane_i32)shifted - (lane_i32)shift) + 127) << 23;
    return f32_select(gone, f32_set(0.0f), q * (lane_f32)power);
}

static inline lane_f64 f64_exp(lane_f64 x) {
    static const double p[10] = {0.500000000000000111,    0.166666666666666685,    0.0416666666666239902,
                                 8.33333333333002683e-3,  1.38888889172842896e-3,  1.98412698631410668e-4,
                                 2.48015211859292245e-05, 2.75572683682249491e-06, 2.76201408892345422e-07,
                                 2.51004203738988400e-08};
    const lane_f64 shift = f64_set(0x1.8p52);
    const mask_f64 gone = f64_lt(x, f64_set(-708.0));
    const lane_f64 y = f64_max(f64_min(x, f64_set(709.0)), f64_set(-708.0));
    const lane_f64 shifted = f64_fma(y, f64_set(1.4426950408889634), shift), k = shifted - shift;
    lane_f64 r = f64_fnma(k, f64_set(6.93147180369123816e-01), y);
    r = f64_fnma(k, f64_set(1.90821492927058770e-10), r);
    lane_f64 q = f64_set(p[9]);
    for (int i = 8; i >= 0; i--)
        q = f64_fma(q, r, f64_set(p[i]));
    q = f64_fma(q, r * r, r) + f64_set(1.0);
    const lane_i64 power = (((lane_i64)shifted - (lane_i64)shift) + 1023) << 52;
    return f64_select(gone, f64_set(0.0), q * (lane_f64)power);
}

static inline lane_f32 f32_log(lane_f32 x) {
    const lane_f32 y = f32_max(x, f32_set(0x1p-126f));
    const lane_i32 shifted = (lane_i32)y - 0x3f3504f3; /* the bits of sqrt(1/2) */
    const lane_i32 exponent = shifted >> 23;
    const lane_f32 m = (lane_f32)((lane_i32)y - (exponent << 23));
    const lane_i32 big = exponent + 0x4b400000; /* 1.5 * 2^23 + k, as bits */
    const lane_f32 k = (lane_f32)big - f32_set(0x1.8p23f);
    const lane_f32 f = m - f32_set(1.0f), z = f / (f + f32_set(2.0f)), u = z * z;
    lane_f32 q = f32_set(0.233304672f);
    q = f32_fma(q, u, f32_set(0.285508208f));
    q = f32_fma(q, u, f32_set(0.400001218f));
    q = f32_fma(q, u, f32_set(0.666666666f));
    /* log(m) = f - z (f - u q): f is exact, and carries most of the digits */
    const lane_f32 low = f32_fma(k, f32_set(-2.12194440e-4f), z * (u * q - f));
    return f32_fma(k, f32_set(0.693359375f), low + f);
}

static inline lane_f64 f64_log(lane_f64 x) {
    const lane_f64 y = f64_max(x, f64_set(0x1p-1022));
    const lane_i64 shifted = (lane_i64)y - 0x3fe6a09e667f3bcd;
    /* an arithmetic shift of 64 bits is slow before AVX-512: move the sign out of the way and back */
    const lane_i64 exponent = (lane_i64)((((lane_u64)shifted + 0x4000000000000000u) >> 52)) - 1024;
    const lane_f64 m = (lane_f64)((lane_i64)y - (exponent << 52));
    const lane_i64 big = exponent + 0x4338000000000000;
    const lane_f64 k = (lane_f64)big - f64_set(0x1.8p52);
    const lane_f64 f = m - f64_set(1.0), z = f / (f + f64_set(2.0)), u = z * z;
    static const double p[8] = {0.666666666666666665, 0.40000000000000877,  0.285714285708036118,
                                0.222222223917139174, 0.181817956401329063, 0.153862397028146582,
                                0.132687731386568851, 0.130866261478401031};
    lane_f64 q = f64_set(p[7]);
    for (int i = 6; i >= 0; i--)
        q = f64_fma(q, u, f64_set(p[i]));
    const lane_f64 low = f64_fma(k, f64_set(1.90821492927058770e-10), z * (u * q - f));
    return f64_fma(k, f64_set(6.93147180369123816e-01), low + f);
}

#endif
