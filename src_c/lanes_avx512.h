/* lanes.h on AVX-512; what each name means is said here. */
#ifndef FASTML_LANES_AVX512_H
#define FASTML_LANES_AVX512_H

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
/* How many of 16 doubles that ascend are not above x: none if it is NaN. */
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

#endif
