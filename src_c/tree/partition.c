/* See partition.h. */
#include "partition.h"

#include "../lanes.h"

static ALWAYS_INLINE int64_t mask_word(const uint8_t *column, const uint32_t *rows, int64_t first, int n,
                                       uint8_t bias, uint8_t limit, uint64_t *word) {
    /* the bytes are fetched first, so that 64 loads are in flight at once, and compared together */
    uint8_t x[64];
    if (rows)
        for (int j = 0; j < n; j++)
            x[j] = column[rows[j]];
    else
        for (int j = 0; j < n; j++)
            x[j] = column[first + j];
    uint64_t bits = 0;
#if defined(FASTML_AVX512)
    if (n == 64) {
        const __m512i v = _mm512_sub_epi8(_mm512_loadu_si512(x), _mm512_set1_epi8((char)bias));
        bits = _mm512_cmple_epu8_mask(v, _mm512_set1_epi8((char)limit));
        *word = bits;
        return __builtin_popcountll(bits);
    }
#elif defined(FASTML_AVX2)
    if (n == 64) {
        const __m256i b = _mm256_set1_epi8((char)bias), t = _mm256_set1_epi8((char)limit);
        const __m256i lo = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)x), b);
        const __m256i hi = _mm256_sub_epi8(_mm256_loadu_si256((const __m256i *)(x + 32)), b);
        const uint32_t m0 = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(lo, t), lo));
        const uint32_t m1 = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(hi, t), hi));
        bits = (uint64_t)m1 << 32 | m0;
        *word = bits;
        return __builtin_popcountll(bits);
    }
#endif
    int64_t count = 0;
    for (int j = 0; j < n; j++) {
        const uint64_t left = (uint8_t)(x[j] - bias) <= limit;
        bits |= left << j;
        count += (int64_t)left;
    }
    *word = bits;
    return count;
}

#if defined(FASTML_AVX512)
enum { NEAR = 256 };

/* Codes of 32 rows as words; idx: their distances from the first byte of four vectors of codes. */
static ALWAYS_INLINE __m512i near_codes(const __m512i *codes, __m512i idx) {
    const __m512i word = _mm512_srli_epi16(idx, 1);
    const __m512i low = _mm512_permutex2var_epi16(codes[0], word, codes[1]);
    const __m512i high = _mm512_permutex2var_epi16(codes[2], word, codes[3]);
    const __mmask32 upper = _mm512_test_epi16_mask(idx, _mm512_set1_epi16(NEAR / 2));
    const __m512i odd = _mm512_slli_epi16(_mm512_and_si512(idx, _mm512_set1_epi16(1)), 3);
    return _mm512_and_si512(_mm512_srlv_epi16(_mm512_mask_blend_epi16(upper, low, high), odd),
                            _mm512_set1_epi16(0xFF));
}

static ALWAYS_INLINE __m512i distances(const uint32_t *rows, uint32_t base) {
    const __m512i from = _mm512_set1_epi32((int)base);
    const __m256i a = _mm512_cvtepi32_epi16(_mm512_sub_epi32(_mm512_loadu_si512(rows), from));
    const __m256i b = _mm512_cvtepi32_epi16(_mm512_sub_epi32(_mm512_loadu_si512(rows + 16), from));
    return _mm512_inserti64x4(_mm512_castsi256_si512(a), b, 1);
}

/* Which of 32 codes go left. */
static ALWAYS_INLINE uint32_t left_words(const partition_rule *rule, __m512i codes) {
    if (rule->set) {
        const __m512i set = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)rule->set));
        const __m512i word = _mm512_permutexvar_epi16(_mm512_srli_epi16(codes, 4), set);
        const __m512i bit = _mm512_and_si512(codes, _mm512_set1_epi16(15));
        return _mm512_test_epi16_mask(_mm512_srlv_epi16(word, bit), _mm512_set1_epi16(1));
    }
    const __m512i x =
        _mm512_and_si512(_mm512_sub_epi16(codes, _mm512_set1_epi16(rule->bias)), _mm512_set1_epi16(0xFF));
    return _mm512_cmple_epu16_mask(x, _mm512_set1_epi16((uint8_t)(rule->code - rule->bias)));
}

/* 64 rows side by side. */
static ALWAYS_INLINE uint64_t next_word(const uint8_t *codes, const partition_rule *rule) {
    const __m256i a = _mm256_loadu_si256((const __m256i *)codes);
    const __m256i b = _mm256_loadu_si256((const __m256i *)(codes + 32));
    return (uint64_t)left_words(rule, _mm512_cvtepu8_epi16(b)) << 32 |
           left_words(rule, _mm512_cvtepu8_epi16(a));
}

/* 64 ascending rows, the last of which is less than NEAR beyond the first: their codes are looked up in
 * registers. */
static ALWAYS_INLINE uint64_t near_word(const uint8_t *column, const uint32_t *rows,
                                        const partition_rule *rule) {
    const uint32_t base = rows[63] - (NEAR - 1);
    __m512i codes[4];
    for (int k = 0; k < 4; k++)
        codes[k] = _mm512_loadu_si512(column + base + 64 * k);
    const uint32_t first = left_words(rule, near_codes(codes, distances(rows, base)));
    const uint32_t second = left_words(rule, near_codes(codes, distances(rows + 32, base)));
    return (uint64_t)second << 32 | first;
}
#endif

static ALWAYS_INLINE int64_t set_word(const uint8_t *column, const uint32_t *rows, int64_t first, int n,
                                      const uint8_t *set, uint64_t *word) {
    uint64_t bits = 0;
    int64_t count = 0;
    for (int j = 0; j < n; j++) {
        const uint8_t x = column[rows ? (int64_t)rows[j] : first + j];
        const uint64_t left = set[x >> 3] >> (x & 7) & 1;
        bits |= left << j;
        count += (int64_t)left;
    }
    *word = bits;
    return count;
}

static ALWAYS_INLINE int64_t any_word(const uint8_t *column, const uint32_t *rows, int64_t first, int n,
                                      const partition_rule *rule, uint64_t *word) {
    if (rule->set)
        return set_word(column, rows, first, n, rule->set, word);
    return mask_word(column, rows, first, n, rule->bias, (uint8_t)(rule->code - rule->bias), word);
}

/* Bit i % 64 of mask[i / 64] = row i goes left; returns how many do.
 *
 * column: codes of the split feature for all rows of the matrix. rows: n row numbers, ascending, or NULL for
 * first, first + 1, ... Once the matrix is sorted by the leaves of an earlier tree, most 64 rows of a node in
 * turn are neighbours.
 */
int64_t FN(partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                           const partition_rule *rule, uint64_t *mask) {
    const uint32_t *none = (const uint32_t *)0;
    int64_t count = 0, i = 0;
    for (; i + 64 <= n; i += 64) {
        uint64_t *word = mask + i / 64;
#if defined(FASTML_AVX512)
        if (!rows) {
            *word = next_word(column + first + i, rule);
            count += __builtin_popcountll(*word);
        }
#else
        if (!rows)
            count += any_word(column, none, first + i, 64, rule, word);
#endif
#if defined(FASTML_AVX512)
        else if (rows[i + 63] - rows[i] < NEAR && rows[i + 63] >= NEAR - 1) {
            *word = near_word(column, rows + i, rule);
            count += __builtin_popcountll(*word);
        }
#else
        else if (rows[i + 63] - rows[i] == 63)
            count += any_word(column, none, rows[i], 64, rule, word);
#endif
        else
            count += any_word(column, rows + i, 0, 64, rule, word);
    }
    if (i < n)
        count += any_word(column, rows ? rows + i : none, first + i, (int)(n - i), rule, mask + i / 64);
    return count;
}

/* Writes rows and gh of the masked rows to the left arrays, of the others to the right ones, both in order.
 *
 * n_left: the number of set bits among the n. Exactly n_left and n - n_left entries are written: neighbouring
 * blocks may be written by other threads at the same time.
 */
void FN(partition_apply)(const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                         const uint64_t *mask, int64_t n_left, uint32_t *rows_left, uint32_t *gh_left,
                         uint32_t *rows_right, uint32_t *gh_right) {
    const int64_t n_right = n - n_left;
    int64_t i = 0, l = 0, r = 0;
#if LANES32 > 1
    const uint32_t all = (1u << LANES32) - 1;
    for (; i + LANES32 <= n; i += LANES32) {
        /* whole vectors are stored, so stop where one would reach past this block's share */
        if (l + LANES32 > n_left || r + LANES32 > n_right)
            break;
        const uint32_t left = (uint32_t)(mask[i / 64] >> (i % 64)) & all, right = ~left & all;
        const lane_u32 id = rows ? u32_load(rows + i) : u32_iota((uint32_t)(first + i));
        const lane_u32 q = u32_load(gh + i);
        u32_store(rows_left + l, u32_compress(id, left));
        u32_store(gh_left + l, u32_compress(q, left));
        u32_store(rows_right + r, u32_compress(id, right));
        u32_store(gh_right + r, u32_compress(q, right));
        const int c = __builtin_popcount(left);
        l += c;
        r += LANES32 - c;
    }
    /* one side is nearly full: the other side may still take whole vectors, this one is written entry by
     * entry */
    for (; i + LANES32 <= n; i += LANES32) {
        uint32_t left = (uint32_t)(mask[i / 64] >> (i % 64)) & all, right = ~left & all;
        const lane_u32 id = rows ? u32_load(rows + i) : u32_iota((uint32_t)(first + i));
        const lane_u32 q = u32_load(gh + i);
        const int c = __builtin_popcount(left);
        uint32_t ids[LANES32], qs[LANES32];
        u32_store(ids, id);
        u32_store(qs, q);
        if (l + LANES32 <= n_left) {
            u32_store(rows_left + l, u32_compress(id, left));
            u32_store(gh_left + l, u32_compress(q, left));
            l += c;
        } else
            for (; left; left &= left - 1, l++) {
                const int j = __builtin_ctz(left);
                rows_left[l] = ids[j];
                gh_left[l] = qs[j];
            }
        if (r + LANES32 <= n_right) {
            u32_store(rows_right + r, u32_compress(id, right));
            u32_store(gh_right + r, u32_compress(q, right));
            r += LANES32 - c;
        } else
            for (; right; right &= right - 1, r++) {
                const int j = __builtin_ctz(right);
                rows_right[r] = ids[j];
                gh_right[r] = qs[j];
            }
    }
#endif
    /* one by one, without a branch on the bit: both sides are written, one of them advances */
    for (; i < n && l < n_left && r < n_right; i++) {
        const int left = (int)(mask[i / 64] >> (i % 64) & 1);
        const uint32_t id = rows ? rows[i] : (uint32_t)(first + i);
        rows_left[l] = rows_right[r] = id;
        gh_left[l] = gh_right[r] = gh[i];
        l += left;
        r += 1 - left;
    }
    /* one side is full: the rest belongs to the other */
    uint32_t *rows_rest = l < n_left ? rows_left + l : rows_right + r;
    uint32_t *gh_rest = l < n_left ? gh_left + l : gh_right + r;
    for (; i < n; i++) {
        *rows_rest++ = rows ? rows[i] : (uint32_t)(first + i);
        *gh_rest++ = gh[i];
    }
}
