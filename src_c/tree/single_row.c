/* One row through all trees at once: see single_row.h. */
#include "single_row.h"

#include <string.h>

#include "../lanes.h"

/* ---- codes ---- */

static ALWAYS_INLINE double single_row_value(const char *row, int64_t stride, const int is_f32,
                                             const single_row_plane *plane) {
    const char *at = row + plane->feature * stride;
    return is_f32 ? *(const float *)at : *(const double *)at;
}

static ALWAYS_INLINE void single_row_put(const single_row_plane *plane, uint32_t code, uint8_t *table) {
    table[plane->code_at] = (uint8_t)code;
    table[plane->less_at] = (uint8_t)(code - 1);
}

static ALWAYS_INLINE void single_row_all_codes(const single_row_coder *coder, const char *row, int64_t stride,
                                               const int is_f32, uint8_t *table) {
    const single_row_plane *plane = coder->planes;
    const single_row_plane *first_long = plane + coder->n_short, *first_set = plane + coder->n_numbers;
    for (; plane < first_long; plane++)
        single_row_put(plane,
                       (uint32_t)f64_count_le(plane->bounds, single_row_value(row, stride, is_f32, plane)),
                       table);
    for (; plane < first_set; plane++) {
        const double x = single_row_value(row, stride, is_f32, plane);
        const uint32_t before = SINGLE_ROW_BLOCK * (uint32_t)f64_count_le(plane->bounds, x);
        single_row_put(plane, before + (uint32_t)f64_count_le(plane->bounds + SINGLE_ROW_BLOCK + before, x),
                       table);
    }
    for (; plane < coder->planes + coder->n_planes; plane++)
        single_row_put(plane, FN(binning_code)(plane->table, single_row_value(row, stride, is_f32, plane)),
                       table);
    for (int64_t k = 0; k < coder->n_sets; k++) {
        const single_row_set *set = coder->sets + k;
        const uint8_t code = table[set->code_at];
        table[set->at] = (uint8_t)((set->bits[code >> 3] >> (code & 7) & 1) - 1);
    }
}

/* Codes of the row whose values lie at row, row + stride, ...: float32 or float64. */
void FN(single_row_codes)(const single_row_coder *coder, const void *row, int64_t stride, int is_f32,
                          uint8_t *table) {
    if (is_f32)
        single_row_all_codes(coder, row, stride, 1, table);
    else
        single_row_all_codes(coder, row, stride, 0, table);
}

/* ---- trees ---- */

/* Leaves that are ruled out: a word of one of four lengths for each lane. */
typedef union single_row_words {
    uint8_t of8[SINGLE_ROW_LANES];
    uint16_t of16[SINGLE_ROW_LANES];
    uint32_t of32[SINGLE_ROW_LANES];
    uint64_t of64[SINGLE_ROW_LANES];
} single_row_words;

#if defined(FASTML_AVX512)

typedef __mmask64 single_row_lanes;

#define PIECE(k) _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(page + 16 * (k))))

/* Lanes whose code is above the limit. */
static ALWAYS_INLINE single_row_lanes single_row_right(const uint8_t *page, const uint8_t *slots,
                                                       const uint8_t *limits) {
    const __m512i slot = _mm512_loadu_si512(slots);
    const __mmask64 odd = _mm512_test_epi8_mask(slot, _mm512_set1_epi8(16));
    const __mmask64 upper = _mm512_test_epi8_mask(slot, _mm512_set1_epi8(32));
    const __m512i low = _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(PIECE(0), slot), odd, PIECE(1), slot);
    const __m512i high = _mm512_mask_shuffle_epi8(_mm512_shuffle_epi8(PIECE(2), slot), odd, PIECE(3), slot);
    return _mm512_cmpgt_epu8_mask(_mm512_mask_blend_epi8(upper, low, high), _mm512_loadu_si512(limits));
}

#undef PIECE

static ALWAYS_INLINE void single_row_lines(const single_row_pack *pack, const single_row_group *group,
                                           const uint8_t *table, const int bytes, single_row_words *gone) {
    const int32_t *page = pack->page_of + group->first_line;
    const uint8_t *slots = pack->slots + group->first_line * SINGLE_ROW_LANES;
    const uint8_t *limits = pack->limits + group->first_line * SINGLE_ROW_LANES;
    const uint8_t *left = pack->left + group->first_word;
    __m512i out[8];
    for (int k = 0; k < bytes; k++)
        out[k] = _mm512_setzero_si512();
    for (int32_t i = 0; i < group->n_lines; i++) {
        const __mmask64 right = single_row_right(table + (int64_t)page[i] * SINGLE_ROW_PAGE, slots, limits);
        for (int k = 0; k < bytes; k++) {
            const __m512i *from = (const __m512i *)(left + 64 * k);
            const uint64_t these = (uint64_t)right >> 64 / bytes * k;
            if (bytes == 1)
                out[k] = _mm512_or_si512(out[k], _mm512_maskz_loadu_epi8(these, from));
            else if (bytes == 2)
                out[k] = _mm512_or_si512(out[k], _mm512_maskz_loadu_epi16((__mmask32)these, from));
            else if (bytes == 4)
                out[k] = _mm512_mask_or_epi32(out[k], (__mmask16)these, out[k], _mm512_loadu_si512(from));
            else
                out[k] = _mm512_mask_or_epi64(out[k], (__mmask8)these, out[k], _mm512_loadu_si512(from));
        }
        slots += SINGLE_ROW_LANES;
        limits += SINGLE_ROW_LANES;
        left += SINGLE_ROW_LANES * bytes;
    }
    for (int k = 0; k < bytes; k++)
        _mm512_storeu_si512(gone->of8 + 64 * k, out[k]);
}

#else

#if defined(FASTML_AVX2)

#define PIECE(k) _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(page + 16 * (k))))

/* right[j]: all ones if lane j's code is above its limit, else zero. */
static ALWAYS_INLINE void single_row_right(const uint8_t *page, const uint8_t *slots, const uint8_t *limits,
                                           uint8_t *right) {
    for (int j = 0; j < SINGLE_ROW_LANES; j += 32) {
        const __m256i slot = _mm256_loadu_si256((const __m256i *)(slots + j));
        const __m256i limit = _mm256_loadu_si256((const __m256i *)(limits + j));
        const __m256i odd = _mm256_slli_epi16(slot, 3), upper = _mm256_slli_epi16(slot, 2);
        const __m256i low =
            _mm256_blendv_epi8(_mm256_shuffle_epi8(PIECE(0), slot), _mm256_shuffle_epi8(PIECE(1), slot), odd);
        const __m256i high =
            _mm256_blendv_epi8(_mm256_shuffle_epi8(PIECE(2), slot), _mm256_shuffle_epi8(PIECE(3), slot), odd);
        const __m256i code = _mm256_blendv_epi8(low, high, upper);
        const __m256i not_above = _mm256_cmpeq_epi8(_mm256_min_epu8(code, limit), code);
        _mm256_storeu_si256((__m256i *)(right + j), _mm256_xor_si256(not_above, _mm256_set1_epi8(-1)));
    }
}

#undef PIECE

#elif defined(FASTML_NEON)

static ALWAYS_INLINE void single_row_right(const uint8_t *page, const uint8_t *slots, const uint8_t *limits,
                                           uint8_t *right) {
    const uint8x16x4_t codes = {
        {vld1q_u8(page), vld1q_u8(page + 16), vld1q_u8(page + 32), vld1q_u8(page + 48)}};
    for (int j = 0; j < SINGLE_ROW_LANES; j += 16)
        vst1q_u8(right + j, vcgtq_u8(vqtbl4q_u8(codes, vld1q_u8(slots + j)), vld1q_u8(limits + j)));
}

#else

static ALWAYS_INLINE void single_row_right(const uint8_t *page, const uint8_t *slots, const uint8_t *limits,
                                           uint8_t *right) {
    uint8_t code[SINGLE_ROW_LANES];
    for (int j = 0; j < SINGLE_ROW_LANES; j++)
        code[j] = page[slots[j]];
    for (int j = 0; j < SINGLE_ROW_LANES; j++)
        right[j] = (uint8_t)-(code[j] > limits[j]);
}

#endif

/* right[j] is widened with its sign, so that it is all ones in a word of any length. */
#define SINGLE_ROW_OR(words, word, wide)                                                                     \
    for (int j = 0; j < SINGLE_ROW_LANES; j++)                                                               \
    gone->words[j] |= (word)(((const word *)left)[j] & (word)(wide)(int8_t)right[j])

static ALWAYS_INLINE void single_row_lines(const single_row_pack *pack, const single_row_group *group,
                                           const uint8_t *table, const int bytes,
                                           single_row_words *restrict gone) {
    const int32_t *page = pack->page_of + group->first_line;
    const uint8_t *slots = pack->slots + group->first_line * SINGLE_ROW_LANES;
    const uint8_t *limits = pack->limits + group->first_line * SINGLE_ROW_LANES;
    const uint8_t *restrict left = pack->left + group->first_word;
    memset(gone, 0, (size_t)(SINGLE_ROW_LANES * bytes));
    for (int32_t i = 0; i < group->n_lines; i++) {
        uint8_t right[SINGLE_ROW_LANES];
        single_row_right(table + (int64_t)page[i] * SINGLE_ROW_PAGE, slots, limits, right);
        if (bytes == 1)
            SINGLE_ROW_OR(of8, uint8_t, int8_t);
        else if (bytes == 2)
            SINGLE_ROW_OR(of16, uint16_t, int16_t);
        else if (bytes == 4)
            SINGLE_ROW_OR(of32, uint32_t, int32_t);
        else
            SINGLE_ROW_OR(of64, uint64_t, int64_t);
        slots += SINGLE_ROW_LANES;
        limits += SINGLE_ROW_LANES;
        left += SINGLE_ROW_LANES * bytes;
    }
}

#undef SINGLE_ROW_OR

#endif

/* The first leaf of lane j that is not gone. */
static ALWAYS_INLINE int single_row_leaf(const single_row_words *gone, int j, const int bytes) {
    return __builtin_ctzll(~(bytes == 1   ? (uint64_t)gone->of8[j]
                             : bytes == 2 ? (uint64_t)gone->of16[j]
                             : bytes == 4 ? (uint64_t)gone->of32[j]
                                          : gone->of64[j]));
}

static ALWAYS_INLINE double single_row_group_sums(const single_row_pack *pack, int64_t g,
                                                  const uint8_t *table, const int bytes, double sum,
                                                  double *sums) {
    const single_row_group *group = pack->groups + g;
    const int64_t first_tree = g * SINGLE_ROW_LANES, left = pack->n_trees - first_tree;
    const int n = left < SINGLE_ROW_LANES ? (int)left : SINGLE_ROW_LANES;
    const double *value = pack->leaf_value + group->first_leaf;
    single_row_words gone;
    single_row_lines(pack, group, table, bytes, &gone);
    if (pack->n_outputs == 1) {
        for (int j = 0; j < n; j++)
            sum += value[8 * bytes * j + single_row_leaf(&gone, j, bytes)];
        return sum;
    }
    for (int j = 0; j < n; j++)
        sums[pack->output[first_tree + j]] += value[8 * bytes * j + single_row_leaf(&gone, j, bytes)];
    return sum;
}

/* sums[output] += value of the row's leaf, trees in order. table: codes, whole pages. */
void FN(single_row_sums)(const single_row_pack *pack, const uint8_t *table, double *sums) {
    double sum = sums[0]; /* of the only output */
    for (int64_t g = 0; g * SINGLE_ROW_LANES < pack->n_trees; g++)
        switch (pack->groups[g].word_bytes) {
        case 1:
            sum = single_row_group_sums(pack, g, table, 1, sum, sums);
            break;
        case 2:
            sum = single_row_group_sums(pack, g, table, 2, sum, sums);
            break;
        case 4:
            sum = single_row_group_sums(pack, g, table, 4, sum, sums);
            break;
        default:
            sum = single_row_group_sums(pack, g, table, 8, sum, sums);
        }
    if (pack->n_outputs == 1)
        sums[0] = sum;
}

/* Nanoseconds of a line of words on one core at 3.7 GHz (Zen 5), measured (NEON: half as fast as AVX2, by the
 * length of its vectors); only speed depends on them. */
double FN(single_row_line_ns)(int word_bytes) {
#if defined(FASTML_AVX512)
    return 2.0 + 0.5 * word_bytes;
#elif defined(FASTML_AVX2)
    return 3.0 + 1.0 * word_bytes;
#elif defined(FASTML_NEON)
    return 6.0 + 2.0 * word_bytes;
#else
    return 10.0 + 8.0 * word_bytes;
#endif
}
