/* See partition.h. */
#include "partition.h"

#include "../lanes.h"

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

/* Which of 64 codes go left. */
static ALWAYS_INLINE uint64_t left_codes(const partition_rule *rule, const uint8_t *codes) {
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

static ALWAYS_INLINE int is_near(const uint32_t *rows) {
    return rows[63] - rows[0] < NEAR && rows[63] >= NEAR - 1;
}
#elif defined(FASTML_AVX2)
/* Which of 32 codes go left. */
static ALWAYS_INLINE uint32_t left_bytes(const partition_rule *rule, __m256i codes) {
    __m256i left;
    if (rule->set) {
        /* the byte of the set that has the code's bit, from its first or its second half, else 0 */
        const __m256i first = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)rule->set));
        const __m256i second =
            _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(rule->set + 16)));
        const __m256i at = _mm256_and_si256(_mm256_srli_epi16(codes, 3), _mm256_set1_epi8(31));
        const __m256i byte =
            _mm256_or_si256(_mm256_shuffle_epi8(first, _mm256_add_epi8(at, _mm256_set1_epi8(0x70))),
                            _mm256_shuffle_epi8(second, _mm256_sub_epi8(at, _mm256_set1_epi8(16))));
        const __m256i bits = _mm256_set1_epi64x((int64_t)0x8040201008040201);
        const __m256i bit = _mm256_shuffle_epi8(bits, _mm256_and_si256(codes, _mm256_set1_epi8(7)));
        left = _mm256_cmpeq_epi8(_mm256_and_si256(byte, bit), bit);
    } else {
        const __m256i x = _mm256_sub_epi8(codes, _mm256_set1_epi8((char)rule->bias));
        left = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8((char)(rule->code - rule->bias))), x);
    }
    return (uint32_t)_mm256_movemask_epi8(left);
}

/* Which of 64 codes go left. */
static ALWAYS_INLINE uint64_t left_codes(const partition_rule *rule, const uint8_t *codes) {
    return (uint64_t)left_bytes(rule, _mm256_loadu_si256((const __m256i *)(codes + 32))) << 32 |
           left_bytes(rule, _mm256_loadu_si256((const __m256i *)codes));
}
#endif

/* The codes of up to 64 rows, fetched before they are compared, so that all loads are in flight at once. */
static ALWAYS_INLINE void fetch_codes(const uint8_t *column, const uint32_t *rows, int n, uint8_t *x) {
    int j = 0;
    for (; j + 8 <= n; j += 8) {
        x[j] = column[rows[j]];
        x[j + 1] = column[rows[j + 1]];
        x[j + 2] = column[rows[j + 2]];
        x[j + 3] = column[rows[j + 3]];
        x[j + 4] = column[rows[j + 4]];
        x[j + 5] = column[rows[j + 5]];
        x[j + 6] = column[rows[j + 6]];
        x[j + 7] = column[rows[j + 7]];
    }
    for (; j < n; j++)
        x[j] = column[rows[j]];
}

/* Which of n <= 64 codes go left. */
static ALWAYS_INLINE uint64_t some_codes(const partition_rule *rule, const uint8_t *x, int n) {
    const uint8_t bias = rule->bias, limit = (uint8_t)(rule->code - bias), *const set = rule->set;
    uint64_t bits = 0;
    if (set)
        for (int j = 0; j < n; j++)
            bits |= (uint64_t)(set[x[j] >> 3] >> (x[j] & 7) & 1) << j;
    else
        for (int j = 0; j < n; j++)
            bits |= (uint64_t)((uint8_t)(x[j] - bias) <= limit) << j;
    return bits;
}

#if !defined(FASTML_AVX512) && !defined(FASTML_AVX2)
static ALWAYS_INLINE uint64_t left_codes(const partition_rule *rule, const uint8_t *codes) {
    return some_codes(rule, codes, 64);
}
#endif

#if !defined(FASTML_AVX512)
/* 64 rows side by side. */
static ALWAYS_INLINE int is_near(const uint32_t *rows) { return rows[63] - rows[0] == 63; }

static ALWAYS_INLINE uint64_t near_word(const uint8_t *column, const uint32_t *rows,
                                        const partition_rule *rule) {
    return left_codes(rule, column + rows[0]);
}
#endif

/* Bit i % 64 of mask[i / 64] = row i goes left; returns how many do.
 *
 * column: codes of the split feature for all rows of the matrix. rows: n row numbers, ascending, or NULL for
 * first, first + 1, ... Once the matrix is sorted by the leaves of an earlier tree, most 64 rows of a node in
 * turn are neighbours.
 */
int64_t FN(partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                           const partition_rule *rule, uint64_t *mask) {
    uint8_t x[64];
    int64_t count = 0;
    for (int64_t i = 0; i < n; i += 64) {
        const int m = n - i < 64 ? (int)(n - i) : 64;
        const uint8_t *codes = column + first + i;
        uint64_t word;
        if (rows && m == 64 && is_near(rows + i)) {
            word = near_word(column, rows + i, rule);
        } else {
            if (rows) {
                fetch_codes(column, rows + i, m, x);
                codes = x;
            }
            word = m == 64 ? left_codes(rule, codes) : some_codes(rule, codes, m);
        }
        mask[i / 64] = word;
        count += __builtin_popcountll(word);
    }
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
