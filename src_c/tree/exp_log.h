/* exp and log as polynomials over plain multiplications and additions: no libm, whose last bit differs
 * between CPUs and whose calls do not vectorise. The same bits on every instruction set. Relative error:
 * float results 1e-7, double results 1e-13 (log: absolute, beside the rounding). Arguments out of range
 * saturate; nothing returns NaN. */
#ifndef FASTML_TREE_EXP_LOG_H
#define FASTML_TREE_EXP_LOG_H

#include <stdint.h>
#include <string.h>

#define LOG2E 1.4426950408889634
#define LN2 0.6931471805599453

static inline float float_from_bits(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline uint32_t bits_of_float(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline double double_from_bits(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
/* x, its magnitude at most `most`; NaN becomes `most`. On the bits, because compilers turn comparisons of
 * doubles whose outcome decides later operations into branches and masks, and integer minima into one
 * instruction. */
static inline float limit(float x, float most) {
    const uint32_t bits = bits_of_float(x), sign = bits & 0x80000000u;
    const int32_t size = (int32_t)(bits ^ sign), top = (int32_t)bits_of_float(most);
    return float_from_bits((uint32_t)(size < top ? size : top) | sign);
}
/* exp(r) - 1 for |r| <= ln(2) / 2, accurate near zero too. */
static inline float expm1_small(float r) {
    float p = 1.394124198e-03f;
    p = p * r + 8.363248860e-03f;
    p = p * r + 4.166637382e-02f;
    p = p * r + 1.666657656e-01f;
    p = p * r + 5.000000027e-01f;
    return r + r * r * p;
}

/* x = k ln(2) + r with |r| <= ln(2) / 2, for |k| <= most. The subtraction in double is what makes large
 * arguments accurate. Beyond, k stays at +-most and r at +-0.7. */
static inline int32_t split_exponent(double x, float most, float *r) {
    const float t = limit((float)x * (float)LOG2E, most);
    const float half = float_from_bits((bits_of_float(t) & 0x80000000u) | 0x3f000000u);
    const int32_t k = (int32_t)(t + half);
    *r = limit((float)(x - (double)k * LN2), 0.7f);
    return k;
}
static inline float power_of_two(int32_t k) { return float_from_bits((uint32_t)(k + 127) << 23); }

/* exp(x) as a float32, for any x: saturates near 2^-126 and 2^126. */
static inline float exp_float(double x) {
    float r;
    const int32_t k = split_exponent(x, 125.0f, &r);
    return (1.0f + expm1_small(r)) * power_of_two(k);
}

/* The same with the exponent range of a double: saturates near 2^-1022 and 2^1022. */
static inline double exp_double(double x) {
    float r;
    const int32_t k = split_exponent(x, 1021.0f, &r);
    return (double)(1.0f + expm1_small(r)) * double_from_bits((uint64_t)(k + 1023) << 52);
}

/* log(1 + e) for 0 <= e <= 1, accurate for small e: 2 atanh(e / (2 + e)). */
static inline float log1p_float(float e) {
    const float z = e / (2.0f + e), u = z * z;
    float p = 2.442490775e-01f;
    p = p * u + 2.138996085e-01f;
    p = p * u + 2.862104207e-01f;
    p = p * u + 3.999867820e-01f;
    p = p * u + 6.666667948e-01f;
    return z * (p * u + 2.0f);
}

/* log(x) for a positive normal double, absolute error 1e-13 beside the rounding. */
static inline double log_double(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    /* mantissa in [sqrt(1/2), sqrt(2)): 0x3fe6a09e667f3bcd is sqrt(1/2) */
    const uint64_t shifted = bits - 0x3fe6a09e667f3bcdull;
    const int32_t k = (int32_t)((int64_t)shifted >> 52);
    const double m = double_from_bits(bits - ((uint64_t)(int64_t)k << 52));
    const double z = (m - 1.0) / (m + 1.0), u = z * z;
    double p = 1.96102677020841165e-01;
    p = p * u + 2.21740944113841099e-01;
    p = p * u + 2.85721700349935015e-01;
    p = p * u + 3.99999948522484883e-01;
    p = p * u + 6.66666666797197327e-01;
    p = p * u + 1.99999999999994560;
    return z * p + (double)k * LN2;
}

/* exp(x) in double precision, for any x: saturates near 2^-1022 and 2^1022. */
static inline double exp_precise(double x) {
    const double low = x > -708.0 ? x : -708.0, y = low < 708.0 ? low : 708.0;
    const int32_t k = (int32_t)(y * LOG2E + 2048.5) - 2048;
    const double r = y - (double)k * LN2;
    double p = 2.51227457337674972e-08;
    p = p * r + 2.76208155930299714e-07;
    p = p * r + 2.75571562418752258e-06;
    p = p * r + 2.48015198620100703e-05;
    p = p * r + 1.98412700269126564e-04;
    p = p * r + 1.38888889178230557e-03;
    p = p * r + 8.33333333324864749e-03;
    p = p * r + 4.16666666666247465e-02;
    p = p * r + 1.66666666666667712e-01;
    p = p * r + 5.00000000000000555e-01;
    return (1.0 + (r + r * r * p)) * double_from_bits((uint64_t)(k + 1023) << 52);
}

#endif
