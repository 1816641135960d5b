/* The search of binning.h for many values at once: which code has each of x[0 .. n-1]?

   Values are in lanes and go down the tree together, one level at a time. A level of up to 32 nodes fits
   registers and is looked up by a permutation, whose index is the node's number itself (only its low bits
   count); of larger levels several pieces are looked up and the decisions made higher up choose between them.
   No load depends on a value, which a gather or a search of one value would (0.55 against 1.3 and 2.5 ns a
   value at 255 bins).

   Float64 values take the same road after rounding to float32: rounding keeps order, so the result can only
   be wrong for a value that is equal to a rounded bound on its way, and these few are searched again,
   exactly. An offset is subtracted before rounding, because many columns are large numbers that differ
   little. */
#ifndef FASTML_TREE_BINNING_SEARCH_H
#define FASTML_TREE_BINNING_SEARCH_H

#include <stdint.h>
#include <string.h>

#include "../simd.h"
#include "binning.h"

static ALWAYS_INLINE uint8_t binning_search32(const float *tree, int32_t depth, float x) {
    uint32_t node = 1;
    for (int32_t level = 0; level < depth; level++)
        node = 2 * node + (x >= tree[node]);
    return (uint8_t)(node - (1u << depth));
}

static ALWAYS_INLINE uint8_t binning_search64(const double *lower, int32_t depth, double x) {
    uint32_t count = 0;
    for (uint32_t step = 1u << (depth - 1); step; step >>= 1)
        count += step & -(uint32_t)(x >= lower[count + step - 1]); /* a branch would be mispredicted */
    return (uint8_t)count;
}

#if defined(FASTML_AVX512)

#include <immintrin.h>

typedef __m512 binning_x16;

static ALWAYS_INLINE binning_x16 binning_load32(const float *x) { return _mm512_loadu_ps(x); }

static ALWAYS_INLINE binning_x16 binning_load64(const double *x, double offset) {
    const __m512d c = _mm512_set1_pd(offset);
    const __m256 low = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_loadu_pd(x), c));
    const __m256 high = _mm512_cvtpd_ps(_mm512_sub_pd(_mm512_loadu_pd(x + 8), c));
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
}

/* Decision of one level for 16 values: right where x >= bound. */
static ALWAYS_INLINE __mmask16 binning_decide(__m512 x, __m512 bound, __m512i *node, uint32_t *equal) {
    const __mmask16 right = _mm512_cmp_ps_mask(x, bound, _CMP_GE_OQ);
    *node = _mm512_add_epi32(*node, *node);
    *node = _mm512_mask_add_epi32(*node, right, *node, _mm512_set1_epi32(1));
    if (equal)
        *equal |= _mm512_cmp_ps_mask(x, bound, _CMP_EQ_OQ);
    return right;
}

/* Codes of 16 values; equal (when not NULL): bits of the values that met a bound equal to them. */
static ALWAYS_INLINE void binning_search16(const float *tree, int32_t depth, binning_x16 x, uint8_t *out,
                                           uint32_t *equal) {
#define PIECE(k) _mm512_loadu_ps(tree + 16 * (k))
#define PAIR(k) _mm512_permutex2var_ps(PIECE(k), node, PIECE((k) + 1))
    __m512i node = _mm512_set1_epi32(1);
    const __mmask16 first = binning_decide(x, _mm512_set1_ps(tree[1]), &node, equal);
    const __mmask16 second = binning_decide(x, _mm512_permutexvar_ps(node, PIECE(0)), &node, equal);
    binning_decide(x, _mm512_permutexvar_ps(node, PIECE(0)), &node, equal);
    binning_decide(x, _mm512_permutexvar_ps(node, PIECE(0)), &node, equal);
    if (depth > 4)
        binning_decide(x, _mm512_permutexvar_ps(node, PIECE(1)), &node, equal);
    if (depth > 5)
        binning_decide(x, PAIR(2), &node, equal);
    if (depth > 6)
        binning_decide(x, _mm512_mask_blend_ps(first, PAIR(4), PAIR(6)), &node, equal);
    if (depth > 7)
        binning_decide(x,
                       _mm512_mask_blend_ps(first, _mm512_mask_blend_ps(second, PAIR(8), PAIR(10)),
                                            _mm512_mask_blend_ps(second, PAIR(12), PAIR(14))),
                       &node, equal);
    node = _mm512_sub_epi32(node, _mm512_set1_epi32(1 << depth));
    _mm_storeu_si128((__m128i *)out, _mm512_cvtepi32_epi8(node));
#undef PAIR
#undef PIECE
}

#elif defined(FASTML_AVX2)

#include <immintrin.h>

typedef struct binning_x16 {
    __m256 half[2];
} binning_x16;

static ALWAYS_INLINE binning_x16 binning_load32(const float *x) {
    const binning_x16 both = {{_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)}};
    return both;
}

static ALWAYS_INLINE __m256 binning_load64_half(const double *x, double offset) {
    const __m256d c = _mm256_set1_pd(offset);
    const __m128 low = _mm256_cvtpd_ps(_mm256_sub_pd(_mm256_loadu_pd(x), c));
    const __m128 high = _mm256_cvtpd_ps(_mm256_sub_pd(_mm256_loadu_pd(x + 4), c));
    return _mm256_insertf128_ps(_mm256_castps128_ps256(low), high, 1);
}

static ALWAYS_INLINE binning_x16 binning_load64(const double *x, double offset) {
    const binning_x16 both = {{binning_load64_half(x, offset), binning_load64_half(x + 8, offset)}};
    return both;
}

static ALWAYS_INLINE __m256 binning_decide(__m256 x, __m256 bound, __m256i *node, __m256 *equal) {
    const __m256 right = _mm256_cmp_ps(x, bound, _CMP_GE_OQ);
    *node = _mm256_sub_epi32(_mm256_add_epi32(*node, *node), _mm256_castps_si256(right)); /* true is -1 */
    *equal = _mm256_or_ps(*equal, _mm256_cmp_ps(x, bound, _CMP_EQ_OQ));
    return right;
}

/* As for AVX-512, but eight lanes: the two last levels of a deep tree are gathered. */
static ALWAYS_INLINE __m256i binning_search8(const float *tree, int32_t depth, __m256 x, __m256 *equal) {
#define PIECE(k) _mm256_permutevar8x32_ps(_mm256_loadu_ps(tree + 8 * (k)), node)
#define PAIR(k, decision) _mm256_blendv_ps(PIECE(k), PIECE((k) + 1), decision)
    __m256i node = _mm256_set1_epi32(1);
    const __m256 first = binning_decide(x, _mm256_set1_ps(tree[1]), &node, equal);
    const __m256 second = binning_decide(x, PIECE(0), &node, equal);
    binning_decide(x, PIECE(0), &node, equal);
    binning_decide(x, PIECE(1), &node, equal);
    if (depth > 4)
        binning_decide(x, PAIR(2, first), &node, equal);
    if (depth > 5)
        binning_decide(x, _mm256_blendv_ps(PAIR(4, second), PAIR(6, second), first), &node, equal);
    if (depth > 6)
        binning_decide(x, _mm256_i32gather_ps(tree, node, 4), &node, equal);
    if (depth > 7)
        binning_decide(x, _mm256_i32gather_ps(tree, node, 4), &node, equal);
    return _mm256_sub_epi32(node, _mm256_set1_epi32(1 << depth));
#undef PAIR
#undef PIECE
}

static ALWAYS_INLINE void binning_search16(const float *tree, int32_t depth, binning_x16 x, uint8_t *out,
                                           uint32_t *equal) {
    __m256 met[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    const __m256i low = binning_search8(tree, depth, x.half[0], &met[0]);
    const __m256i high = binning_search8(tree, depth, x.half[1], &met[1]);
    /* packing works on 128-bit halves: put their quarters back in order */
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xD8);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)out, bytes);
    if (equal)
        *equal = (uint32_t)_mm256_movemask_ps(met[0]) | (uint32_t)_mm256_movemask_ps(met[1]) << 8;
}

#endif

#if defined(FASTML_AVX512) || defined(FASTML_AVX2)

static ALWAYS_INLINE void binning_many32(const float *tree, int32_t depth, const float *x, int64_t n,
                                         uint8_t *out) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16)
        binning_search16(tree, depth, binning_load32(x + i), out + i, (uint32_t *)0);
    if (i < n) {
        float rest[16] = {0};
        uint8_t codes[16];
        memcpy(rest, x + i, (size_t)(n - i) * sizeof *x);
        binning_search16(tree, depth, binning_load32(rest), codes, (uint32_t *)0);
        memcpy(out + i, codes, (size_t)(n - i));
    }
}

static ALWAYS_INLINE void binning_many64(const binning_table *table, int32_t depth, const double *x,
                                         int64_t n, uint8_t *out) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        uint32_t equal = 0;
        binning_search16(table->coarse, depth, binning_load64(x + i, table->offset), out + i, &equal);
        for (int64_t k = i; equal; equal >>= 1, k++)
            if (equal & 1)
                out[k] = binning_search64(table->lower, depth, x[k]);
    }
    for (; i < n; i++)
        out[i] = binning_search64(table->lower, depth, x[i]);
}

#else

static ALWAYS_INLINE void binning_many32(const float *tree, int32_t depth, const float *x, int64_t n,
                                         uint8_t *out) {
    int64_t i = 0;
    /* four at a time: some processors wait for the store of a code before they look up the next value's
     * bounds */
    for (; i + 4 <= n; i += 4) {
        const float p = x[i], q = x[i + 1], r = x[i + 2], s = x[i + 3];
        uint32_t a = 1, b = 1, c = 1, d = 1;
        for (int32_t level = 0; level < depth; level++) {
            a = 2 * a + (p >= tree[a]);
            b = 2 * b + (q >= tree[b]);
            c = 2 * c + (r >= tree[c]);
            d = 2 * d + (s >= tree[d]);
        }
        out[i] = (uint8_t)(a - (1u << depth));
        out[i + 1] = (uint8_t)(b - (1u << depth));
        out[i + 2] = (uint8_t)(c - (1u << depth));
        out[i + 3] = (uint8_t)(d - (1u << depth));
    }
    for (; i < n; i++)
        out[i] = binning_search32(tree, depth, x[i]);
}

#define BINNING_NO_COARSE

#endif

/* ---- cells ----

   Equal cells over the range of the bounds: where a cell has a bound or two, the code is looked up by the
   cell and one or two comparisons. Rounding keeps order, so a value in a smaller cell than a bound is less
   than the bound; only bounds of its own cell are compared with. */

#if defined(FASTML_AVX512)
enum { BINNING_CELLS_PAY = 0 }; /* its search is as fast */
#else
enum { BINNING_CELLS_PAY = 1 };
#endif

/* Cell of a value; the last one is for those that are missing. */
static ALWAYS_INLINE int32_t binning_cell(double x, double low, double scale) {
    double at = (x - low) * scale;
    at = at > 0 ? at : 0;
    at = at < BINNING_CELLS - 1 ? at : BINNING_CELLS - 1;
    return (int32_t)(x == x ? at : (double)BINNING_CELLS);
}

static ALWAYS_INLINE uint8_t binning_look_up(uint32_t code, const double *lower, double x, const int most) {
    for (int k = 0; k < most; k++)
        code += x >= lower[code]; /* behind the last bound is a NaN */
    return (uint8_t)code;
}

#define BINNING_BY_CELL(name, type)                                                                          \
    static ALWAYS_INLINE void name##_most(const binning_table *table, const type *x, int64_t n,              \
                                          uint8_t *out, const int most) {                                    \
        const double low = table->cell_low, scale = table->cell_scale, *const lower = table->lower;          \
        const uint8_t *const cells = table->cells;                                                           \
        int64_t i = 0;                                                                                       \
        for (; i + 16 <= n; i += 16) {                                                                       \
            int32_t cell[16];                                                                                \
            for (int k = 0; k < 16; k++)                                                                     \
                cell[k] = binning_cell((double)x[i + k], low, scale);                                        \
            for (int k = 0; k < 16; k++)                                                                     \
                out[i + k] = binning_look_up(cells[cell[k]], lower, (double)x[i + k], most);                 \
        }                                                                                                    \
        for (; i < n; i++) {                                                                                 \
            const uint8_t smaller = cells[binning_cell((double)x[i], low, scale)];                           \
            out[i] = binning_look_up(smaller, lower, (double)x[i], most);                                    \
        }                                                                                                    \
    }                                                                                                        \
    /* Returns whether the feature has cells. */                                                             \
    static int name(const binning_table *table, const type *x, int64_t n, uint8_t *out) {                    \
        if (!BINNING_CELLS_PAY || !table->most_in_cell)                                                      \
            return 0;                                                                                        \
        if (table->most_in_cell == 1)                                                                        \
            name##_most(table, x, n, out, 1);                                                                \
        else                                                                                                 \
            name##_most(table, x, n, out, BINNING_MOST_IN_CELL);                                             \
        return 1;                                                                                            \
    }
BINNING_BY_CELL(binning_by_cell32, float)
BINNING_BY_CELL(binning_by_cell64, double)
#undef BINNING_BY_CELL

/* Lays the cells out; returns the most bounds in one, 0 if there are too few bounds to be worth it, or too
   far apart. */
static int32_t binning_lay_cells(const double *lower, int32_t n_lower, double *low, double *scale,
                                 uint8_t *cells) {
    /* every number is at least the first bound */
    int32_t most = 0, in_cell[BINNING_CELLS + 1] = {0}, smaller = 1;
    const double range = n_lower < 32 ? 0 : lower[n_lower - 1] - lower[1];
    *low = n_lower < 32 ? 0 : lower[1];
    *scale = (BINNING_CELLS - 1) / range;
    if (!(range > 0 && range < INFINITY && *scale > 0 && *scale < INFINITY))
        return 0;
    for (int32_t i = 1; i < n_lower; i++)
        in_cell[binning_cell(lower[i], *low, *scale)]++;
    for (int32_t c = 0; c < BINNING_CELLS; c++) {
        cells[c] = (uint8_t)smaller;
        smaller += in_cell[c];
        most = most > in_cell[c] ? most : in_cell[c];
    }
    cells[BINNING_CELLS] = 0;
    return most;
}

/* A depth known to the compiler makes straight-line code of a search. */
#define BINNING_BY_DEPTH(depth, CALL)                                                                        \
    switch (depth) {                                                                                         \
    case 4:                                                                                                  \
        CALL(4);                                                                                             \
        break;                                                                                               \
    case 5:                                                                                                  \
        CALL(5);                                                                                             \
        break;                                                                                               \
    case 6:                                                                                                  \
        CALL(6);                                                                                             \
        break;                                                                                               \
    case 7:                                                                                                  \
        CALL(7);                                                                                             \
        break;                                                                                               \
    default:                                                                                                 \
        CALL(8);                                                                                             \
    }

static void binning_codes32(const binning_table *table, const float *x, int64_t n, uint8_t *out) {
    if (binning_by_cell32(table, x, n, out))
        return;
#define CALL(depth) binning_many32(table->tree32, depth, x, n, out)
    BINNING_BY_DEPTH(table->depth, CALL)
#undef CALL
}

static ALWAYS_INLINE void binning_exact64(const double *lower, int32_t depth, const double *x, int64_t n,
                                          uint8_t *out) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) { /* as in binning_many32 */
        const double p = x[i], q = x[i + 1], r = x[i + 2], s = x[i + 3];
        uint32_t a = 0, b = 0, c = 0, d = 0;
        for (uint32_t step = 1u << (depth - 1); step; step >>= 1) {
            a += step & -(uint32_t)(p >= lower[a + step - 1]);
            b += step & -(uint32_t)(q >= lower[b + step - 1]);
            c += step & -(uint32_t)(r >= lower[c + step - 1]);
            d += step & -(uint32_t)(s >= lower[d + step - 1]);
        }
        out[i] = (uint8_t)a;
        out[i + 1] = (uint8_t)b;
        out[i + 2] = (uint8_t)c;
        out[i + 3] = (uint8_t)d;
    }
    for (; i < n; i++)
        out[i] = binning_search64(lower, depth, x[i]);
}

static void binning_codes64(const binning_table *table, const double *x, int64_t n, uint8_t *out) {
    if (binning_by_cell64(table, x, n, out))
        return;
#ifndef BINNING_NO_COARSE
    if (table->coarse_pays) {
#define CALL(depth) binning_many64(table, depth, x, n, out)
        BINNING_BY_DEPTH(table->depth, CALL)
#undef CALL
        return;
    }
#endif
#define CALL(depth) binning_exact64(table->lower, depth, x, n, out)
    BINNING_BY_DEPTH(table->depth, CALL)
#undef CALL
}

#endif
