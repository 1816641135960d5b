/* The small vector vocabulary that the tree kernels are written in.
 *
 * One body of source is compiled once per instruction set; each set gives the same names a different number
 * of lanes.
 *
 *   LANES64          lanes of 64 bits            lane_i64, lane_f64, lane_mask
 *   LANES32          lanes of 32 bits            lane_u32
 *   LANES8           lanes of 8 bits             lane_u8
 *
 * Every operation is exact or IEEE-rounded lane by lane (no fused multiply-add, no approximate reciprocal),
 * so a result does not depend on the number of lanes as long as the caller's reductions do not.
 */
#ifndef FASTML_LANES_H
#define FASTML_LANES_H

#include <stdint.h>
#include <string.h>

#include "simd.h"

#if defined(FASTML_AVX512)

#include <immintrin.h>

#define LANES64 8
#define LANES32 16
typedef __m512i lane_i64;
typedef __m512d lane_f64;
typedef __mmask8 lane_mask;
typedef __m512i lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return _mm512_loadu_si512(p); }
static inline void i64_store(int64_t *p, lane_i64 a) { _mm512_storeu_si512(p, a); }
static inline lane_i64 i64_zero(void) { return _mm512_setzero_si512(); }
static inline lane_i64 i64_set(int64_t x) { return _mm512_set1_epi64(x); }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return _mm512_add_epi64(a, b); }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return _mm512_sub_epi64(a, b); }
/* The product of the lower 32 bits. */
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) { return _mm512_mul_epu32(a, b); }
/* a[0], a[0]+a[1], ... */
static inline lane_i64 i64_prefix(lane_i64 a) {
    const lane_i64 zero = _mm512_setzero_si512();
    a = _mm512_add_epi64(a, _mm512_alignr_epi64(a, zero, 7));
    a = _mm512_add_epi64(a, _mm512_alignr_epi64(a, zero, 6));
    return _mm512_add_epi64(a, _mm512_alignr_epi64(a, zero, 4));
}
static inline lane_i64 i64_last(lane_i64 a) { return _mm512_permutexvar_epi64(_mm512_set1_epi64(7), a); }
/* The signed upper 32 bits of each lane, and the lower 32 bits (below 2^31), as doubles. */
static inline lane_f64 f64_from_high(lane_i64 a) { return _mm512_cvtepi64_pd(_mm512_srai_epi64(a, 32)); }
static inline lane_f64 f64_from_low(lane_i64 a) {
    return _mm512_cvtepi64_pd(_mm512_and_si512(a, _mm512_set1_epi64(0xFFFFFFFFll)));
}
/* The signed upper 28 bits, the 26 below them, and the lowest 10, as doubles. */
static inline lane_f64 f64_from_upper28(lane_i64 a) { return _mm512_cvtepi64_pd(_mm512_srai_epi64(a, 36)); }
static inline lane_f64 f64_from_middle26(lane_i64 a) {
    return _mm512_cvtepi64_pd(_mm512_and_si512(_mm512_srli_epi64(a, 10), _mm512_set1_epi64(0x3FFFFFF)));
}
static inline lane_f64 f64_from_lower10(lane_i64 a) {
    return _mm512_cvtepi64_pd(_mm512_and_si512(a, _mm512_set1_epi64(0x3FF)));
}
/* Bit j: lane j is not zero. */
static inline uint32_t i64_nonzero(lane_i64 a) { return _mm512_test_epi64_mask(a, a); }
/* The lanes whose bit is set, moved to the front; what follows them is unspecified. */
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    return _mm512_maskz_compress_epi64((__mmask8)bits, a);
}
static inline lane_f64 f64_set(double x) { return _mm512_set1_pd(x); }
static inline lane_f64 f64_load(const double *p) { return _mm512_loadu_pd(p); }
static inline void f64_store(double *p, lane_f64 a) { _mm512_storeu_pd(p, a); }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return _mm512_add_pd(a, b); }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return _mm512_sub_pd(a, b); }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return _mm512_mul_pd(a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return _mm512_min_pd(a, b); }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ); }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ); }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return a & b; }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return _mm512_div_pd(a, b); }
static inline lane_f64 f64_from_i64(lane_i64 a) { return _mm512_cvtepi64_pd(a); }
static inline lane_f64 f64_from_u8(const uint8_t *p) {
    return _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ); }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return a | b; }
/* a and not b */
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return a & (lane_mask)~b; }
/* yes where the mask is set, else no */
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) {
    return _mm512_mask_mov_pd(no, m, yes);
}
static inline int mask_any(lane_mask a) { return a != 0; }
/* Bit j: lane j is set. */
static inline uint32_t mask_bits(lane_mask a) { return a; }
/* How many of 16 doubles are not above x. */
static inline int f64_count_le(const double *p, double x) {
    const lane_f64 limit = _mm512_set1_pd(x);
    const __mmask8 a = _mm512_cmp_pd_mask(_mm512_loadu_pd(p), limit, _CMP_LE_OQ);
    const __mmask8 b = _mm512_cmp_pd_mask(_mm512_loadu_pd(p + 8), limit, _CMP_LE_OQ);
    return POPCOUNT((uint32_t)a | (uint32_t)b << 8);
}

static inline lane_u32 u32_load(const uint32_t *p) { return _mm512_loadu_si512(p); }
static inline void u32_store(uint32_t *p, lane_u32 a) { _mm512_storeu_si512(p, a); }
static inline lane_u32 u32_iota(uint32_t first) {
    return _mm512_add_epi32(_mm512_set1_epi32((int)first),
                            _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}
/* The lanes whose bit in `bits` is set, moved to the front; what follows them is unspecified. */
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    return _mm512_maskz_compress_epi32((__mmask16)bits, a);
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return _mm512_min_epu32(a, b); }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return _mm512_max_epu32(a, b); }
/* Of LANES64 words: the bits from `shift` on that `mask` keeps (below 2^31), as doubles; what the lowest byte
 * has in a table. */
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    const __m256i words = _mm256_srli_epi32(_mm256_loadu_si256((const __m256i *)p), shift);
    return _mm512_cvtepi32_pd(_mm256_and_si256(words, _mm256_set1_epi32((int)mask)));
}
/* Sixteen words: byte j << 24 | word. */
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    const __m512i codes = _mm512_cvtepu8_epi32(_mm_set_epi64x((long long)high, (long long)low));
    _mm512_storeu_si512(out, _mm512_or_si512(_mm512_slli_epi32(codes, 24), _mm512_set1_epi32((int)word)));
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) {
    const __m256i words = _mm256_loadu_si256((const __m256i *)p);
    return _mm512_i32gather_epi64(_mm256_and_si256(words, _mm256_set1_epi32(255)), table, 8);
}
/* The same by the lowest four bits, of a table of sixteen. */
typedef struct lane_sixteen {
    __m512i low, high;
} lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) {
    return (lane_sixteen){_mm512_loadu_si512(table), _mm512_loadu_si512(table + 8)};
}
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) {
    const __m512i at = _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_permutex2var_epi64(table.low, at, table.high);
}

#define LANES8 64
typedef __m512i lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) { return _mm512_loadu_si512(p); }
static inline void u8_store(uint8_t *p, lane_u8 a) { _mm512_storeu_si512(p, a); }
static inline lane_u8 u8_zero(void) { return _mm512_setzero_si512(); }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) { return _mm512_add_epi8(a, b); }
/* The same eight bytes, or one, again and again. */
static inline lane_u8 u8_eight(uint64_t eight) { return _mm512_set1_epi64((long long)eight); }
static inline lane_u8 u8_set(uint8_t x) { return _mm512_set1_epi8((char)x); }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) { return _mm512_min_epu8(a, b); }
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) { return _mm512_max_epu8(a, b); }
/* sum + term where a >= b, else sum */
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return _mm512_mask_add_epi8(sum, _mm512_cmpge_epu8_mask(a, b), sum, term);
}
/* sum + term where a == b, else sum */
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return _mm512_mask_add_epi8(sum, _mm512_cmpeq_epu8_mask(a, b), sum, term);
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) { return _mm512_and_si512(a, b); }
/* yes where a >= b, else no */
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    return _mm512_mask_blend_epi8(_mm512_cmpge_epu8_mask(a, b), no, yes);
}

#elif defined(FASTML_AVX2)

#include <immintrin.h>

#define LANES64 4
#define LANES32 8
typedef __m256i lane_i64;
typedef __m256d lane_f64;
typedef __m256d lane_mask;
typedef __m256i lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline void i64_store(int64_t *p, lane_i64 a) { _mm256_storeu_si256((__m256i *)p, a); }
static inline lane_i64 i64_zero(void) { return _mm256_setzero_si256(); }
static inline lane_i64 i64_set(int64_t x) { return _mm256_set1_epi64x(x); }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return _mm256_add_epi64(a, b); }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return _mm256_sub_epi64(a, b); }
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) { return _mm256_mul_epu32(a, b); }
static inline lane_i64 i64_prefix(lane_i64 a) {
    a = _mm256_add_epi64(a, _mm256_slli_si256(a, 8));
    /* the upper half still lacks the total of the lower one */
    return _mm256_add_epi64(a, _mm256_permute4x64_epi64(_mm256_permute2x128_si256(a, a, 0x08), 0xF5));
}
static inline lane_i64 i64_last(lane_i64 a) { return _mm256_permute4x64_epi64(a, 0xFF); }
static inline lane_f64 f64_from_high(lane_i64 a) {
    const __m256i odd = _mm256_setr_epi32(1, 3, 5, 7, 1, 3, 5, 7);
    return _mm256_cvtepi32_pd(_mm256_castsi256_si128(_mm256_permutevar8x32_epi32(a, odd)));
}
static inline lane_f64 f64_from_low(lane_i64 a) {
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    return _mm256_cvtepi32_pd(_mm256_castsi256_si128(_mm256_permutevar8x32_epi32(a, even)));
}
static inline lane_f64 f64_from_upper28(lane_i64 a) { return f64_from_high(_mm256_srai_epi32(a, 4)); }
static inline lane_f64 f64_from_middle26(lane_i64 a) {
    return f64_from_low(_mm256_and_si256(_mm256_srli_epi64(a, 10), _mm256_set1_epi64x(0x3FFFFFF)));
}
static inline lane_f64 f64_from_lower10(lane_i64 a) {
    return f64_from_low(_mm256_and_si256(a, _mm256_set1_epi64x(0x3FF)));
}
static inline uint32_t i64_nonzero(lane_i64 a) {
    const __m256i empty = _mm256_cmpeq_epi64(a, _mm256_setzero_si256());
    return ~(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(empty)) & 15u;
}
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    /* as for 32 bits below, each lane being two neighbours */
    const uint64_t spread = _pdep_u64(bits, 0x0001000100010001ull) * 0xFFFF;
    const uint64_t order = _pext_u64(0x0706050403020100ull, spread);
    return _mm256_permutevar8x32_epi32(a, _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)order)));
}
static inline lane_f64 f64_set(double x) { return _mm256_set1_pd(x); }
static inline lane_f64 f64_load(const double *p) { return _mm256_loadu_pd(p); }
static inline void f64_store(double *p, lane_f64 a) { _mm256_storeu_pd(p, a); }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return _mm256_add_pd(a, b); }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return _mm256_sub_pd(a, b); }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return _mm256_mul_pd(a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return _mm256_min_pd(a, b); }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return _mm256_cmp_pd(a, b, _CMP_GE_OQ); }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return _mm256_cmp_pd(a, b, _CMP_GT_OQ); }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return _mm256_and_pd(a, b); }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return _mm256_div_pd(a, b); }
static inline lane_f64 f64_from_i64(lane_i64 a) {
    int64_t x[4];
    _mm256_storeu_si256((__m256i *)x, a);
    return _mm256_setr_pd((double)x[0], (double)x[1], (double)x[2], (double)x[3]);
}
static inline lane_f64 f64_from_u8(const uint8_t *p) {
    int32_t four;
    memcpy(&four, p, 4);
    return _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four)));
}
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return _mm256_cmp_pd(a, b, _CMP_EQ_OQ); }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return _mm256_or_pd(a, b); }
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return _mm256_andnot_pd(b, a); }
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) {
    return _mm256_blendv_pd(no, yes, m);
}
static inline int mask_any(lane_mask a) { return _mm256_movemask_pd(a) != 0; }
static inline uint32_t mask_bits(lane_mask a) { return (uint32_t)_mm256_movemask_pd(a); }
static inline int f64_count_le(const double *p, double x) {
    uint32_t bits = 0;
    for (int i = 0; i < 16; i += 4)
        bits |= mask_bits(_mm256_cmp_pd(_mm256_loadu_pd(p + i), _mm256_set1_pd(x), _CMP_LE_OQ)) << i;
    return POPCOUNT(bits);
}

static inline lane_u32 u32_load(const uint32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline void u32_store(uint32_t *p, lane_u32 a) { _mm256_storeu_si256((__m256i *)p, a); }
static inline lane_u32 u32_iota(uint32_t first) {
    return _mm256_add_epi32(_mm256_set1_epi32((int)first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    /* spread the bits to bytes of ones, take the chosen lane numbers to the front, widen them to an index
     * vector */
    const uint64_t spread = _pdep_u64(bits, 0x0101010101010101ull) * 0xFF;
    const uint64_t order = _pext_u64(0x0706050403020100ull, spread);
    return _mm256_permutevar8x32_epi32(a, _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)order)));
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return _mm256_min_epu32(a, b); }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return _mm256_max_epu32(a, b); }
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    const __m128i words = _mm_srli_epi32(_mm_loadu_si128((const __m128i *)p), shift);
    return _mm256_cvtepi32_pd(_mm_and_si128(words, _mm_set1_epi32((int)mask)));
}
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    const __m256i x = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)low));
    const __m256i y = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)high)),
                  w = _mm256_set1_epi32((int)word);
    _mm256_storeu_si256((__m256i *)out, _mm256_or_si256(_mm256_slli_epi32(x, 24), w));
    _mm256_storeu_si256((__m256i *)(out + 8), _mm256_or_si256(_mm256_slli_epi32(y, 24), w));
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) {
    return _mm256_setr_epi64x(table[p[0] & 255], table[p[1] & 255], table[p[2] & 255], table[p[3] & 255]);
}
typedef const int64_t *lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) { return table; }
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) { return i64_look_up(table, p); }

#define LANES8 32
typedef __m256i lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline void u8_store(uint8_t *p, lane_u8 a) { _mm256_storeu_si256((__m256i *)p, a); }
static inline lane_u8 u8_zero(void) { return _mm256_setzero_si256(); }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) { return _mm256_add_epi8(a, b); }
static inline lane_u8 u8_eight(uint64_t eight) { return _mm256_set1_epi64x((long long)eight); }
static inline lane_u8 u8_set(uint8_t x) { return _mm256_set1_epi8((char)x); }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) { return _mm256_min_epu8(a, b); }
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) { return _mm256_max_epu8(a, b); }
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    const __m256i ge = _mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a);
    return _mm256_add_epi8(sum, _mm256_and_si256(ge, term));
}
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return _mm256_add_epi8(sum, _mm256_and_si256(_mm256_cmpeq_epi8(a, b), term));
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) { return _mm256_and_si256(a, b); }
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    return _mm256_blendv_epi8(no, yes, _mm256_cmpeq_epi8(_mm256_max_epu8(a, b), a));
}

#elif defined(FASTML_NEON)

#include <arm_neon.h>

#define LANES64 2
#define LANES32 4
typedef int64x2_t lane_i64;
typedef float64x2_t lane_f64;
typedef uint64x2_t lane_mask;
typedef uint32x4_t lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return vld1q_s64(p); }
static inline void i64_store(int64_t *p, lane_i64 a) { vst1q_s64(p, a); }
static inline lane_i64 i64_zero(void) { return vdupq_n_s64(0); }
static inline lane_i64 i64_set(int64_t x) { return vdupq_n_s64(x); }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return vaddq_s64(a, b); }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return vsubq_s64(a, b); }
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) {
    return vreinterpretq_s64_u64(
        vmull_u32(vmovn_u64(vreinterpretq_u64_s64(a)), vmovn_u64(vreinterpretq_u64_s64(b))));
}
static inline lane_i64 i64_prefix(lane_i64 a) { return vaddq_s64(a, vextq_s64(vdupq_n_s64(0), a, 1)); }
static inline lane_i64 i64_last(lane_i64 a) { return vdupq_laneq_s64(a, 1); }
static inline lane_f64 f64_from_high(lane_i64 a) { return vcvtq_f64_s64(vshrq_n_s64(a, 32)); }
static inline lane_f64 f64_from_low(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(a, vdupq_n_s64(0xFFFFFFFFll)));
}
static inline lane_f64 f64_from_upper28(lane_i64 a) { return vcvtq_f64_s64(vshrq_n_s64(a, 36)); }
static inline lane_f64 f64_from_middle26(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(vshrq_n_s64(a, 10), vdupq_n_s64(0x3FFFFFF)));
}
static inline lane_f64 f64_from_lower10(lane_i64 a) {
    return vcvtq_f64_s64(vandq_s64(a, vdupq_n_s64(0x3FF)));
}
static inline uint32_t i64_nonzero(lane_i64 a) {
    return (uint32_t)(vgetq_lane_s64(a, 0) != 0) | (uint32_t)(vgetq_lane_s64(a, 1) != 0) << 1;
}
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    return bits & 1 ? a : vextq_s64(a, a, 1); /* the first lane stays or makes room for the second */
}
static inline lane_f64 f64_set(double x) { return vdupq_n_f64(x); }
static inline lane_f64 f64_load(const double *p) { return vld1q_f64(p); }
static inline void f64_store(double *p, lane_f64 a) { vst1q_f64(p, a); }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return vaddq_f64(a, b); }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return vsubq_f64(a, b); }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return vmulq_f64(a, b); }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return vminq_f64(a, b); }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return vcgeq_f64(a, b); }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return vcgtq_f64(a, b); }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return vandq_u64(a, b); }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return vdivq_f64(a, b); }
static inline lane_f64 f64_from_i64(lane_i64 a) { return vcvtq_f64_s64(a); }
static inline lane_f64 f64_from_u8(const uint8_t *p) {
    const double x[2] = {p[0], p[1]};
    return vld1q_f64(x);
}
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return vceqq_f64(a, b); }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return vorrq_u64(a, b); }
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return vbicq_u64(a, b); }
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) { return vbslq_f64(m, yes, no); }
static inline int mask_any(lane_mask a) { return (vgetq_lane_u64(a, 0) | vgetq_lane_u64(a, 1)) != 0; }
static inline uint32_t mask_bits(lane_mask a) {
    return (uint32_t)(vgetq_lane_u64(a, 0) & 1) | (uint32_t)(vgetq_lane_u64(a, 1) & 2);
}
static inline int f64_count_le(const double *p, double x) {
    uint64x2_t minus = vdupq_n_u64(0);
    for (int i = 0; i < 16; i += 2)
        minus = vaddq_u64(minus, vcleq_f64(vld1q_f64(p + i), vdupq_n_f64(x)));
    return -(int)(int64_t)vaddvq_u64(minus);
}

static inline lane_u32 u32_load(const uint32_t *p) { return vld1q_u32(p); }
static inline void u32_store(uint32_t *p, lane_u32 a) { vst1q_u32(p, a); }
static inline lane_u32 u32_iota(uint32_t first) {
    static const uint32_t step[4] = {0, 1, 2, 3};
    return vaddq_u32(vdupq_n_u32(first), vld1q_u32(step));
}
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    uint32_t in[4], out[4] = {0, 0, 0, 0};
    unsigned n = 0;
    vst1q_u32(in, a);
    for (unsigned j = 0; j < 4; j++) {
        out[n] = in[j];
        n += (bits >> j) & 1u;
    }
    return vld1q_u32(out);
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return vminq_u32(a, b); }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return vmaxq_u32(a, b); }
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    const double x[2] = {p[0] >> shift & mask, p[1] >> shift & mask};
    return vld1q_f64(x);
}
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    for (int j = 0; j < 8; j++) {
        out[j] = (uint32_t)(low >> 8 * j) << 24 | word;
        out[8 + j] = (uint32_t)(high >> 8 * j) << 24 | word;
    }
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) {
    const int64_t x[2] = {table[p[0] & 255], table[p[1] & 255]};
    return vld1q_s64(x);
}
typedef const int64_t *lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) { return table; }
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) { return i64_look_up(table, p); }

#define LANES8 16
typedef uint8x16_t lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) { return vld1q_u8(p); }
static inline void u8_store(uint8_t *p, lane_u8 a) { vst1q_u8(p, a); }
static inline lane_u8 u8_zero(void) { return vdupq_n_u8(0); }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) { return vaddq_u8(a, b); }
static inline lane_u8 u8_eight(uint64_t eight) { return vreinterpretq_u8_u64(vdupq_n_u64(eight)); }
static inline lane_u8 u8_set(uint8_t x) { return vdupq_n_u8(x); }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) { return vminq_u8(a, b); }
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) { return vmaxq_u8(a, b); }
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return vaddq_u8(sum, vandq_u8(vcgeq_u8(a, b), term));
}
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    return vaddq_u8(sum, vandq_u8(vceqq_u8(a, b), term));
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) { return vandq_u8(a, b); }
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    return vbslq_u8(vcgeq_u8(a, b), yes, no);
}

#else /* serial: one lane */

#define LANES64 1
#define LANES32 1
typedef int64_t lane_i64;
typedef double lane_f64;
typedef int lane_mask;
typedef uint32_t lane_u32;

static inline lane_i64 i64_load(const int64_t *p) { return *p; }
static inline void i64_store(int64_t *p, lane_i64 a) { *p = a; }
static inline lane_i64 i64_zero(void) { return 0; }
static inline lane_i64 i64_set(int64_t x) { return x; }
static inline lane_i64 i64_add(lane_i64 a, lane_i64 b) { return a + b; }
static inline lane_i64 i64_sub(lane_i64 a, lane_i64 b) { return a - b; }
static inline lane_i64 i64_mul_low(lane_i64 a, lane_i64 b) {
    return (int64_t)((uint64_t)(uint32_t)a * (uint32_t)b);
}
static inline lane_i64 i64_prefix(lane_i64 a) { return a; }
static inline lane_i64 i64_last(lane_i64 a) { return a; }
static inline lane_f64 f64_from_high(lane_i64 a) { return (double)(a >> 32); }
static inline lane_f64 f64_from_low(lane_i64 a) { return (double)(a & 0xFFFFFFFFll); }
static inline lane_f64 f64_from_upper28(lane_i64 a) { return (double)(a >> 36); }
static inline lane_f64 f64_from_middle26(lane_i64 a) { return (double)(a >> 10 & 0x3FFFFFF); }
static inline lane_f64 f64_from_lower10(lane_i64 a) { return (double)(a & 0x3FF); }
static inline uint32_t i64_nonzero(lane_i64 a) { return a != 0; }
static inline lane_i64 i64_compress(lane_i64 a, uint32_t bits) {
    (void)bits;
    return a;
}
static inline lane_f64 f64_set(double x) { return x; }
static inline lane_f64 f64_load(const double *p) { return *p; }
static inline void f64_store(double *p, lane_f64 a) { *p = a; }
static inline lane_f64 f64_add(lane_f64 a, lane_f64 b) { return a + b; }
static inline lane_f64 f64_sub(lane_f64 a, lane_f64 b) { return a - b; }
static inline lane_f64 f64_mul(lane_f64 a, lane_f64 b) { return a * b; }
static inline lane_f64 f64_min(lane_f64 a, lane_f64 b) { return a < b ? a : b; }
static inline lane_mask f64_ge(lane_f64 a, lane_f64 b) { return a >= b; }
static inline lane_mask f64_gt(lane_f64 a, lane_f64 b) { return a > b; }
static inline lane_mask mask_and(lane_mask a, lane_mask b) { return a & b; }
static inline lane_f64 f64_div(lane_f64 a, lane_f64 b) { return a / b; }
static inline lane_f64 f64_from_i64(lane_i64 a) { return (double)a; }
static inline lane_f64 f64_from_u8(const uint8_t *p) { return p[0]; }
static inline lane_mask f64_eq(lane_f64 a, lane_f64 b) { return a == b; }
static inline lane_mask mask_or(lane_mask a, lane_mask b) { return a | b; }
static inline lane_mask mask_without(lane_mask a, lane_mask b) { return a & !b; }
static inline lane_f64 f64_select(lane_mask m, lane_f64 yes, lane_f64 no) { return m ? yes : no; }
static inline int mask_any(lane_mask a) { return a; }
static inline uint32_t mask_bits(lane_mask a) { return (uint32_t)a; }
static inline int f64_count_le(const double *p, double x) {
    int n = 0;
    for (int i = 0; i < 16; i++)
        n += p[i] <= x;
    return n;
}

static inline lane_u32 u32_load(const uint32_t *p) { return *p; }
static inline void u32_store(uint32_t *p, lane_u32 a) { *p = a; }
static inline lane_u32 u32_iota(uint32_t first) { return first; }
static inline lane_u32 u32_compress(lane_u32 a, uint32_t bits) {
    (void)bits;
    return a;
}
static inline lane_u32 u32_min(lane_u32 a, lane_u32 b) { return a < b ? a : b; }
static inline lane_u32 u32_max(lane_u32 a, lane_u32 b) { return a < b ? b : a; }
static inline lane_f64 f64_from_bits(const uint32_t *p, int shift, uint32_t mask) {
    return *p >> shift & mask;
}
static inline void u32_store_codes(uint32_t *out, uint64_t low, uint64_t high, uint32_t word) {
    for (int j = 0; j < 8; j++) {
        out[j] = (uint32_t)(low >> 8 * j) << 24 | word;
        out[8 + j] = (uint32_t)(high >> 8 * j) << 24 | word;
    }
}
static inline lane_i64 i64_look_up(const int64_t *table, const uint32_t *p) { return table[*p & 255]; }
typedef const int64_t *lane_sixteen;
static inline lane_sixteen sixteen_of(const int64_t *table) { return table; }
static inline lane_i64 i64_look_up16(lane_sixteen table, const uint32_t *p) { return i64_look_up(table, p); }

/* eight bytes, as the compiler's own vectors have them: loops that it makes what it can of */
#define LANES8 8
typedef struct lane_u8 {
    uint8_t x[8];
} lane_u8;
static inline lane_u8 u8_load(const uint8_t *p) {
    lane_u8 a;
    memcpy(a.x, p, 8);
    return a;
}
static inline void u8_store(uint8_t *p, lane_u8 a) { memcpy(p, a.x, 8); }
static inline lane_u8 u8_zero(void) { return (lane_u8){{0}}; }
static inline lane_u8 u8_add(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = (uint8_t)(a.x[j] + b.x[j]);
    return a;
}
static inline lane_u8 u8_eight(uint64_t eight) {
    lane_u8 a;
    memcpy(a.x, &eight, 8);
    return a;
}
static inline lane_u8 u8_set(uint8_t x) { return (lane_u8){{x, x, x, x, x, x, x, x}}; }
static inline lane_u8 u8_min(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] < b.x[j] ? a.x[j] : b.x[j];
    return a;
}
static inline lane_u8 u8_max(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] > b.x[j] ? a.x[j] : b.x[j];
    return a;
}
static inline lane_u8 u8_add_where_ge(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        sum.x[j] = (uint8_t)(sum.x[j] + (a.x[j] >= b.x[j] ? term.x[j] : 0));
    return sum;
}
static inline lane_u8 u8_add_where_eq(lane_u8 sum, lane_u8 term, lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        sum.x[j] = (uint8_t)(sum.x[j] + (a.x[j] == b.x[j] ? term.x[j] : 0));
    return sum;
}
static inline lane_u8 u8_and(lane_u8 a, lane_u8 b) {
    for (int j = 0; j < 8; j++)
        a.x[j] &= b.x[j];
    return a;
}
static inline lane_u8 u8_select_ge(lane_u8 a, lane_u8 b, lane_u8 yes, lane_u8 no) {
    for (int j = 0; j < 8; j++)
        a.x[j] = a.x[j] >= b.x[j] ? yes.x[j] : no.x[j];
    return a;
}

#endif

/* The lanes eight by eight folded into one eight, each byte with those in its place. */
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
#if defined(FASTML_AVX512)
#define U8_HALF(op, a) _mm256_##op##_epu8(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1))
#else
#define U8_HALF(op, a) (a)
#endif
#define U8_FOLD(name, op, neon_op)                                                                           \
    static inline uint64_t u8_fold_##name(lane_u8 a) {                                                       \
        const __m256i half = U8_HALF(op, a);                                                                 \
        __m128i x = _mm_##op##_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));        \
        x = _mm_##op##_epu8(x, _mm_srli_si128(x, 8));                                                        \
        return (uint64_t)_mm_cvtsi128_si64(x);                                                               \
    }
#elif defined(FASTML_NEON)
#define U8_FOLD(name, op, neon_op)                                                                           \
    static inline uint64_t u8_fold_##name(lane_u8 a) {                                                       \
        return vget_lane_u64(vreinterpret_u64_u8(v##neon_op##_u8(vget_low_u8(a), vget_high_u8(a))), 0);      \
    }
#else
#define U8_FOLD(name, op, neon_op)                                                                           \
    static inline uint64_t u8_fold_##name(lane_u8 a) {                                                       \
        uint64_t word;                                                                                       \
        memcpy(&word, a.x, 8);                                                                               \
        return word;                                                                                         \
    }
#endif
U8_FOLD(min, min, min)
U8_FOLD(max, max, max)
U8_FOLD(add, adds, qadd)
#undef U8_FOLD

/* Eight bytes of 32, in any order: places[s] is below 32. */
typedef struct lane_places {
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
    __m256i half;
#else
    uint8_t at[8];
#endif
} lane_places;
static inline lane_places places_of(const uint8_t places[8]) {
    lane_places p;
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
    /* each half of the record is shuffled by itself; a set top bit gives zero where the other half has the
     * byte */
    const uint64_t upper = 0x1010101010101010ull;
    uint64_t low, high;
    memcpy(&low, places, 8);
    high = low ^ upper;
    low |= (low & upper) << 3;
    high |= (high & upper) << 3;
    p.half = _mm256_set_epi64x(-1, (long long)high, -1, (long long)low);
#else
    memcpy(p.at, places, 8);
#endif
    return p;
}
static inline uint64_t u64_pick(const uint8_t *record, lane_places p) {
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
    const __m256i x = _mm256_shuffle_epi8(_mm256_loadu_si256((const __m256i *)record), p.half);
    const __m128i both = _mm_or_si128(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    return (uint64_t)_mm_cvtsi128_si64(both);
#else
    uint8_t x[8];
    uint64_t word;
    for (int s = 0; s < 8; s++)
        x[s] = record[p.at[s]];
    memcpy(&word, x, 8);
    return word;
#endif
}

/* The same of LANES8 / 8 records of 32 bytes that follow each other, in their order. */
static inline lane_u8 u8_pick(const uint8_t *records, lane_places p) {
#if defined(FASTML_AVX512)
    /* two records a vector; their eights go to the first or to the second place, so that two vectors fit in
     * one */
    const __m512i first = _mm512_broadcast_i64x4(p.half);
    const __m512i second = _mm512_shuffle_epi32(first, (_MM_PERM_ENUM)0x4E);
    const __m512i a = _mm512_or_si512(_mm512_shuffle_epi8(_mm512_loadu_si512(records), first),
                                      _mm512_shuffle_epi8(_mm512_loadu_si512(records + 64), second));
    const __m512i b = _mm512_or_si512(_mm512_shuffle_epi8(_mm512_loadu_si512(records + 128), first),
                                      _mm512_shuffle_epi8(_mm512_loadu_si512(records + 192), second));
    const __m512i x = _mm512_or_si512(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD));
    return _mm512_permutex_epi64(x, 0xD8); /* records 0, 2, 1, 3 and so on */
#elif defined(FASTML_AVX2)
    const __m256i *record = (const __m256i *)records, second = _mm256_shuffle_epi32(p.half, 0x4E);
    const __m256i a = _mm256_or_si256(_mm256_shuffle_epi8(_mm256_loadu_si256(record), p.half),
                                      _mm256_shuffle_epi8(_mm256_loadu_si256(record + 1), second));
    const __m256i b = _mm256_or_si256(_mm256_shuffle_epi8(_mm256_loadu_si256(record + 2), p.half),
                                      _mm256_shuffle_epi8(_mm256_loadu_si256(record + 3), second));
    return _mm256_or_si256(_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31));
#else
    uint8_t x[LANES8];
    for (int i = 0; i < LANES8; i += 8) {
        const uint64_t word = u64_pick(records + 4 * i, p);
        memcpy(x + i, &word, 8);
    }
    return u8_load(x);
#endif
}

#endif
