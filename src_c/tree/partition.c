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

/* Bit i % 64 of mask[i / 64] = row i goes left; returns how many do.
 *
 * column: codes of the split feature for all rows of the matrix. rows: n row numbers, or NULL for first,
 * first + 1, ...
 */
int64_t FN(partition_mask)(const uint8_t *column, const uint32_t *rows, int64_t first, int64_t n,
                           const partition_rule *rule, uint64_t *mask) {
    int64_t count = 0;
    if (rule->set) {
        for (int64_t i = 0; i < n; i += 64) {
            const int m = n - i < 64 ? (int)(n - i) : 64;
            uint64_t bits = 0;
            for (int j = 0; j < m; j++) {
                const uint8_t x = column[rows ? (int64_t)rows[i + j] : first + i + j];
                const uint64_t left = rule->set[x >> 3] >> (x & 7) & 1;
                bits |= left << j;
                count += (int64_t)left;
            }
            mask[i / 64] = bits;
        }
        return count;
    }
    const uint8_t limit = (uint8_t)(rule->code - rule->bias);
    int64_t i = 0;
    if (rows)
        for (; i + 64 <= n; i += 64)
            count += mask_word(column, rows + i, 0, 64, rule->bias, limit, mask + i / 64);
    else
        for (; i + 64 <= n; i += 64)
            count += mask_word(column, (const uint32_t *)0, first + i, 64, rule->bias, limit, mask + i / 64);
    if (i < n)
        count += mask_word(column, rows ? rows + i : (const uint32_t *)0, first + i, (int)(n - i), rule->bias,
                           limit, mask + i / 64);
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
