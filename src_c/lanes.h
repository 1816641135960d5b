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
#include "lanes_avx512.h"
#elif defined(FASTML_AVX2)
#include "lanes_avx2.h"
#elif defined(FASTML_NEON)
#include "lanes_neon.h"
#else
#include "lanes_serial.h"
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
