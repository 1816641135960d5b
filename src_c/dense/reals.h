/* The small vocabulary that the dense kernels are written in: vectors of floats and of doubles.
 *
 *   lane_f32, lane_i32, mask_f32    LANES_F32 lanes
 *   lane_f64, lane_i64, mask_f64    LANES_F64 lanes, half as many
 *
 * The vector types know + - * / and, the integers, << >> & | by themselves (GCC's and clang's vector
 * extension). Named below is the rest. f32_fma(a, b, c) is a * b + c and f32_fnma(a, b, c) is c - a * b, in
 * one rounding where the instruction set has it and in two in the serial body: so a result may differ between
 * instruction sets by its rounding, and never between runs or numbers of threads. f32_min and f32_max give b
 * if either is NaN. A kernel is written once for both types over real.h.
 */
#ifndef FASTML_DENSE_REALS_H
#define FASTML_DENSE_REALS_H

#include <stdint.h>
#include <string.h>

#include "simd.h"

#if defined(FASTML_AVX512)

#include <immintrin.h>

#define LANE_BYTES 64
#define REAL_REGISTERS 32
typedef __m512 lane_f32;
typedef __m512d lane_f64;
typedef __mmask16 mask_f32;
typedef __mmask8 mask_f64;

#define F32_(op) _mm512_##op##_ps
#define F64_(op) _mm512_##op##_pd
static inline mask_f32 f32_lt(lane_f32 a, lane_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline mask_f64 f64_lt(lane_f64 a, lane_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ); }
static inline mask_f32 f32_le(lane_f32 a, lane_f32 b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
static inline mask_f64 f64_le(lane_f64 a, lane_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ); }
/* Bit j: lane j is set. */
static inline uint32_t f32_bits(mask_f32 m) { return m; }
static inline uint32_t f64_bits(mask_f64 m) { return m; }
static inline lane_f32 f32_select(mask_f32 m, lane_f32 yes, lane_f32 no) {
    return _mm512_mask_blend_ps(m, no, yes);
}
static inline lane_f64 f64_select(mask_f64 m, lane_f64 yes, lane_f64 no) {
    return _mm512_mask_blend_pd(m, no, yes);
}

#elif defined(FASTML_AVX2)

#include <immintrin.h>

#define LANE_BYTES 32
#define REAL_REGISTERS 16
typedef __m256 lane_f32;
typedef __m256d lane_f64;
typedef __m256 mask_f32;
typedef __m256d mask_f64;

#define F32_(op) _mm256_##op##_ps
#define F64_(op) _mm256_##op##_pd
static inline mask_f32 f32_lt(lane_f32 a, lane_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline mask_f64 f64_lt(lane_f64 a, lane_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LT_OQ); }
static inline mask_f32 f32_le(lane_f32 a, lane_f32 b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
static inline mask_f64 f64_le(lane_f64 a, lane_f64 b) { return _mm256_cmp_pd(a, b, _CMP_LE_OQ); }
static inline uint32_t f32_bits(mask_f32 m) { return (uint32_t)_mm256_movemask_ps(m); }
static inline uint32_t f64_bits(mask_f64 m) { return (uint32_t)_mm256_movemask_pd(m); }
static inline lane_f32 f32_select(mask_f32 m, lane_f32 yes, lane_f32 no) {
    return _mm256_blendv_ps(no, yes, m);
}
static inline lane_f64 f64_select(mask_f64 m, lane_f64 yes, lane_f64 no) {
    return _mm256_blendv_pd(no, yes, m);
}

#else

#define LANE_BYTES 16
#if defined(FASTML_NEON)
#include <arm_neon.h>
#define REAL_REGISTERS 32
typedef float32x4_t lane_f32;
typedef float64x2_t lane_f64;
#else
#define REAL_REGISTERS 16
typedef float lane_f32 __attribute__((vector_size(16)));
typedef double lane_f64 __attribute__((vector_size(16)));
#endif
typedef int32_t mask_f32 __attribute__((vector_size(16)));
typedef int64_t mask_f64 __attribute__((vector_size(16)));

static inline mask_f32 f32_lt(lane_f32 a, lane_f32 b) { return (mask_f32)(a < b); }
static inline mask_f64 f64_lt(lane_f64 a, lane_f64 b) { return (mask_f64)(a < b); }
static inline mask_f32 f32_le(lane_f32 a, lane_f32 b) { return (mask_f32)(a <= b); }
static inline mask_f64 f64_le(lane_f64 a, lane_f64 b) { return (mask_f64)(a <= b); }
static inline uint32_t f32_bits(mask_f32 m) {
    return (uint32_t)((m[0] & 1) | (m[1] & 2) | (m[2] & 4) | (m[3] & 8));
}
static inline uint32_t f64_bits(mask_f64 m) { return (uint32_t)((m[0] & 1) | (m[1] & 2)); }
static inline lane_f32 f32_select(mask_f32 m, lane_f32 yes, lane_f32 no) {
    return (lane_f32)((m & (mask_f32)yes) | (~m & (mask_f32)no));
}
static inline lane_f64 f64_select(mask_f64 m, lane_f64 yes, lane_f64 no) {
    return (lane_f64)((m & (mask_f64)yes) | (~m & (mask_f64)no));
}

#endif

typedef int32_t lane_i32 __attribute__((vector_size(LANE_BYTES)));
typedef int64_t lane_i64 __attribute__((vector_size(LANE_BYTES)));
typedef uint32_t lane_u32 __attribute__((vector_size(LANE_BYTES)));
typedef uint64_t lane_u64 __attribute__((vector_size(LANE_BYTES)));
#define LANES_F32 (LANE_BYTES / 4)
#define LANES_F64 (LANE_BYTES / 8)

#ifdef F32_ /* x86 */
static inline lane_f32 f32_load(const float *p) { return F32_(loadu)(p); }
static inline lane_f64 f64_load(const double *p) { return F64_(loadu)(p); }
static inline void f32_store(float *p, lane_f32 a) { F32_(storeu)(p, a); }
static inline void f64_store(double *p, lane_f64 a) { F64_(storeu)(p, a); }
static inline lane_f32 f32_set(float x) { return F32_(set1)(x); }
static inline lane_f64 f64_set(double x) { return F64_(set1)(x); }
static inline lane_f32 f32_fma(lane_f32 a, lane_f32 b, lane_f32 c) { return F32_(fmadd)(a, b, c); }
static inline lane_f64 f64_fma(lane_f64 a, lane_f64 b, lane_f64 c) { return F64_(fmadd)(a, b, c); }
static inline lane_f32 f32_fnma(lane_f32 a, lane_f32 b, lane_f32 c) { return F32_(fnmadd)(a, b, c); }
static inline lane_f64 f64_fnma(lane_f64 a, lane_f64 b, lane_f64 c) { return F64_(fnmadd)(a, b, c); }
static inline lane_f32 f32_min(lane_f32 a, lane_f32 b) { return F32_(min)(a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return F64_(min)(a, b); }
static inline lane_f32 f32_max(lane_f32 a, lane_f32 b) { return F32_(max)(a, b); }
static inline lane_f64 f64_max(lane_f64 a, lane_f64 b) { return F64_(max)(a, b); }
static inline lane_f32 f32_sqrt(lane_f32 a) { return F32_(sqrt)(a); }
static inline lane_f64 f64_sqrt(lane_f64 a) { return F64_(sqrt)(a); }
#undef F32_
#undef F64_
#else
static inline lane_f32 f32_load(const float *p) {
    lane_f32 a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline lane_f64 f64_load(const double *p) {
    lane_f64 a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void f32_store(float *p, lane_f32 a) { memcpy(p, &a, sizeof a); }
static inline void f64_store(double *p, lane_f64 a) { memcpy(p, &a, sizeof a); }
static inline lane_f32 f32_set(float x) { return (lane_f32){x, x, x, x}; }
static inline lane_f64 f64_set(double x) { return (lane_f64){x, x}; }
static inline lane_f32 f32_min(lane_f32 a, lane_f32 b) { return f32_select(f32_lt(a, b), a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return f64_select(f64_lt(a, b), a, b); }
static inline lane_f32 f32_max(lane_f32 a, lane_f32 b) { return f32_select(f32_lt(b, a), a, b); }
static inline lane_f64 f64_max(lane_f64 a, lane_f64 b) { return f64_select(f64_lt(b, a), a, b); }
#if defined(FASTML_NEON)
static inline lane_f32 f32_fma(lane_f32 a, lane_f32 b, lane_f32 c) { return vfmaq_f32(c, a, b); }
static inline lane_f64 f64_fma(lane_f64 a, lane_f64 b, lane_f64 c) { return vfmaq_f64(c, a, b); }
static inline lane_f32 f32_fnma(lane_f32 a, lane_f32 b, lane_f32 c) { return vfmsq_f32(c, a, b); }
static inline lane_f64 f64_fnma(lane_f64 a, lane_f64 b, lane_f64 c) { return vfmsq_f64(c, a, b); }
static inline lane_f32 f32_sqrt(lane_f32 a) { return vsqrtq_f32(a); }
static inline lane_f64 f64_sqrt(lane_f64 a) { return vsqrtq_f64(a); }
#else
static inline lane_f32 f32_fma(lane_f32 a, lane_f32 b, lane_f32 c) { return a * b + c; }
static inline lane_f64 f64_fma(lane_f64 a, lane_f64 b, lane_f64 c) { return a * b + c; }
static inline lane_f32 f32_fnma(lane_f32 a, lane_f32 b, lane_f32 c) { return c - a * b; }
static inline lane_f64 f64_fnma(lane_f64 a, lane_f64 b, lane_f64 c) { return c - a * b; }
static inline lane_f32 f32_sqrt(lane_f32 a) {
    for (int j = 0; j < LANES_F32; j++)
        a[j] = __builtin_sqrtf(a[j]);
    return a;
}
static inline lane_f64 f64_sqrt(lane_f64 a) {
    for (int j = 0; j < LANES_F64; j++)
        a[j] = __builtin_sqrt(a[j]);
    return a;
}
#endif
#endif

static inline lane_i32 i32_load(const int32_t *p) {
    lane_i32 a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline lane_i64 i64_load(const int64_t *p) {
    lane_i64 a;
    memcpy(&a, p, sizeof a);
    return a;
}
static inline void i32_store(int32_t *p, lane_i32 a) { memcpy(p, &a, sizeof a); }
static inline void i64_store(int64_t *p, lane_i64 a) { memcpy(p, &a, sizeof a); }
static inline lane_i32 i32_set(int32_t x) { return (lane_i32){0} + x; }
static inline lane_i64 i64_set(int64_t x) { return (lane_i64){0} + x; }
/* The index that goes with a value: chosen by the value's comparison. */
static inline lane_i32 i32_select(mask_f32 m, lane_i32 yes, lane_i32 no) {
    return (lane_i32)f32_select(m, (lane_f32)yes, (lane_f32)no);
}
static inline lane_i64 i64_select(mask_f64 m, lane_i64 yes, lane_i64 no) {
    return (lane_i64)f64_select(m, (lane_f64)yes, (lane_f64)no);
}

/* Two int16 in every lane: what is next to `low` and `high`, within 32767; and the sum of both products with
   those of b added to `sum`. */
static inline lane_i32 i32_pair(lane_f32 low, lane_f32 high) {
    lane_i32 a, b;
#if defined(FASTML_AVX512)
    a = (lane_i32)_mm512_cvtps_epi32(low), b = (lane_i32)_mm512_cvtps_epi32(high);
#elif defined(FASTML_AVX2)
    a = (lane_i32)_mm256_cvtps_epi32(low), b = (lane_i32)_mm256_cvtps_epi32(high);
#else
    for (int j = 0; j < LANES_F32; j++) {
        a[j] = (int32_t)__builtin_rintf(low[j]);
        b[j] = (int32_t)__builtin_rintf(high[j]);
    }
#endif
    return (a & 0xFFFF) | (lane_i32)((lane_u32)b << 16);
}
static inline lane_i32 i32_dot(lane_i32 a, lane_i32 b, lane_i32 sum) {
#if defined(FASTML_AVX512)
    /* by hand: only callers that have seen FASTML_CPU_VNNI come here, the rest is compiled for all AVX-512 */
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
#elif defined(FASTML_AVX2)
    return sum + (lane_i32)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#else
    const lane_i32 low = (lane_i32)((lane_u32)a << 16) >> 16, other = (lane_i32)((lane_u32)b << 16) >> 16;
    return sum + low * other + (a >> 16) * (b >> 16);
#endif
}
static inline lane_f32 f32_from_i32(lane_i32 a) {
#if defined(FASTML_AVX512)
    return _mm512_cvtepi32_ps((__m512i)a);
#elif defined(FASTML_AVX2)
    return _mm256_cvtepi32_ps((__m256i)a);
#else
    return __builtin_convertvector(a, lane_f32);
#endif
}

/* Widened: the lower and the upper half of the lanes as doubles. */
static inline lane_f64 f64_from_low(lane_f32 a) {
#if defined(FASTML_AVX512)
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
#elif defined(FASTML_AVX2)
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
#else
    return (lane_f64){a[0], a[1]};
#endif
}
static inline lane_f64 f64_from_upper(lane_f32 a) {
#if defined(FASTML_AVX512)
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
#elif defined(FASTML_AVX2)
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
#else
    return (lane_f64){a[2], a[3]};
#endif
}

/* Sum of the lanes: neighbours first, so the order follows from the number of lanes alone. */
static inline float f32_sum(lane_f32 a) {
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
    /* by hand: of the loop below GCC makes one, through memory */
#if defined(FASTML_AVX512)
    const __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
#else
    const __m256 b = a;
#endif
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
#else
    float x[LANES_F32];
    f32_store(x, a);
    for (int half = LANES_F32 / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            x[j] += x[j + half];
    return x[0];
#endif
}
static inline double f64_sum(lane_f64 a) {
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
#if defined(FASTML_AVX512)
    const __m256d b = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
#else
    const __m256d b = a;
#endif
    const __m128d c = _mm_add_pd(_mm256_castpd256_pd128(b), _mm256_extractf128_pd(b, 1));
    return _mm_cvtsd_f64(_mm_add_sd(c, _mm_unpackhi_pd(c, c)));
#else
    double x[LANES_F64];
    f64_store(x, a);
    for (int half = LANES_F64 / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            x[j] += x[j + half];
    return x[0];
#endif
}

/* The greatest of the lanes; none is NaN. */
static inline float f32_greatest(lane_f32 a) {
#if defined(FASTML_AVX512)
    return _mm512_reduce_max_ps(a);
#else
    float x[LANES_F32];
    f32_store(x, a);
    for (int j = 1; j < LANES_F32; j++)
        x[0] = x[j] > x[0] ? x[j] : x[0];
    return x[0];
#endif
}
static inline double f64_greatest(lane_f64 a) {
#if defined(FASTML_AVX512)
    return _mm512_reduce_max_pd(a);
#else
    double x[LANES_F64];
    f64_store(x, a);
    for (int j = 1; j < LANES_F64; j++)
        x[0] = x[j] > x[0] ? x[j] : x[0];
    return x[0];
#endif
}

/* The first n lanes, 0 <= n <= LANES; the others are zero, and are neither read nor written in memory. */
static inline lane_f32 f32_load_part(const float *p, int n) {
#if defined(FASTML_AVX512)
    return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
    float x[LANES_F32] = {0};
    memcpy(x, p, (size_t)n * sizeof *p);
    return f32_load(x);
#endif
}
static inline lane_f64 f64_load_part(const double *p, int n) {
#if defined(FASTML_AVX512)
    return _mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#else
    double x[LANES_F64] = {0};
    memcpy(x, p, (size_t)n * sizeof *p);
    return f64_load(x);
#endif
}
static inline void f32_store_part(float *p, lane_f32 a, int n) {
#if defined(FASTML_AVX512)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), a);
#else
    float x[LANES_F32];
    f32_store(x, a);
    memcpy(p, x, (size_t)n * sizeof *p);
#endif
}
static inline void f64_store_part(double *p, lane_f64 a, int n) {
#if defined(FASTML_AVX512)
    _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), a);
#else
    double x[LANES_F64];
    f64_store(x, a);
    memcpy(p, x, (size_t)n * sizeof *p);
#endif
}

#endif
