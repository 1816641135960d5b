/* lanes.h on AVX2: the names of lanes_avx512.h. */
#ifndef FASTML_LANES_AVX2_H
#define FASTML_LANES_AVX2_H

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
    const __m256i totals = _mm256_unpackhi_epi64(a, a);
    return _mm256_add_epi64(a, _mm256_permute2x128_si256(totals, totals, 0x08));
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

#endif
