/* Sums of the lanes of as many vectors as a vector has lanes: lane i of the result is the sum of vector i. */
#ifndef FASTML_DENSE_LANE_SUMS_H
#define FASTML_DENSE_LANE_SUMS_H

#include "dense/reals.h"

#if defined(FASTML_AVX512)

static inline lane_f64 f64_lane_sums(const lane_f64 *a) {
    lane_f64 p[4], q[2];
    for (int i = 0; i < 4; i++)
        p[i] = _mm512_unpacklo_pd(a[2 * i], a[2 * i + 1]) + _mm512_unpackhi_pd(a[2 * i], a[2 * i + 1]);
    for (int i = 0; i < 2; i++)
        q[i] = _mm512_shuffle_f64x2(p[2 * i], p[2 * i + 1], 0x88) +
               _mm512_shuffle_f64x2(p[2 * i], p[2 * i + 1], 0xdd);
    return _mm512_shuffle_f64x2(q[0], q[1], 0x88) + _mm512_shuffle_f64x2(q[0], q[1], 0xdd);
}

static inline lane_f32 f32_lane_sums(const lane_f32 *a) {
    lane_f32 p[8], q[4], s[2];
    for (int i = 0; i < 8; i++)
        p[i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]) + _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    for (int i = 0; i < 4; i++) {
        const lane_f64 x = (lane_f64)p[2 * i], y = (lane_f64)p[2 * i + 1];
        q[i] = (lane_f32)_mm512_unpacklo_pd(x, y) + (lane_f32)_mm512_unpackhi_pd(x, y);
    }
    for (int i = 0; i < 2; i++)
        s[i] = _mm512_shuffle_f32x4(q[2 * i], q[2 * i + 1], 0x88) +
               _mm512_shuffle_f32x4(q[2 * i], q[2 * i + 1], 0xdd);
    return _mm512_shuffle_f32x4(s[0], s[1], 0x88) + _mm512_shuffle_f32x4(s[0], s[1], 0xdd);
}

#elif defined(FASTML_AVX2)

static inline lane_f64 f64_lane_sums(const lane_f64 *a) {
    const lane_f64 p = _mm256_unpacklo_pd(a[0], a[1]) + _mm256_unpackhi_pd(a[0], a[1]);
    const lane_f64 q = _mm256_unpacklo_pd(a[2], a[3]) + _mm256_unpackhi_pd(a[2], a[3]);
    return _mm256_permute2f128_pd(p, q, 0x20) + _mm256_permute2f128_pd(p, q, 0x31);
}

static inline lane_f32 f32_lane_sums(const lane_f32 *a) {
    lane_f32 p[4], q[2];
    for (int i = 0; i < 4; i++)
        p[i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]) + _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    for (int i = 0; i < 2; i++) {
        const lane_f64 x = (lane_f64)p[2 * i], y = (lane_f64)p[2 * i + 1];
        q[i] = (lane_f32)_mm256_unpacklo_pd(x, y) + (lane_f32)_mm256_unpackhi_pd(x, y);
    }
    return _mm256_permute2f128_ps(q[0], q[1], 0x20) + _mm256_permute2f128_ps(q[0], q[1], 0x31);
}

#else

static inline lane_f64 f64_lane_sums(const lane_f64 *a) {
    return (lane_f64){a[0][0] + a[0][1], a[1][0] + a[1][1]};
}

static inline lane_f32 f32_lane_sums(const lane_f32 *a) {
    lane_f32 sums;
    for (int i = 0; i < LANES_F32; i++)
        sums[i] = (a[i][0] + a[i][2]) + (a[i][1] + a[i][3]);
    return sums;
}

#endif

#endif
