/* Values of a column, whatever their type and stride, as contiguous float32 or float64. */
#ifndef FASTML_TREE_BINNING_READ_H
#define FASTML_TREE_BINNING_READ_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "../simd.h"
#include "binning.h"

enum { BINNING_CHUNK = 256, BINNING_TILE = 16 };

static inline float binning_half(const unsigned char *p) {
    uint16_t h;
    memcpy(&h, p, 2);
    const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7FFFu;
    uint32_t bits;
    float x;
    if (rest >= 0x7C00u)
        bits = 0x7F800000u | (rest & 0x3FFu) << 13;
    else if (rest >= 0x400u)
        bits = (rest << 13) + 0x38000000u;
    else { /* zero and subnormals: rest * 2^-24 is exact */
        x = (float)rest * 0x1p-24f;
        memcpy(&bits, &x, 4);
    }
    bits |= sign;
    memcpy(&x, &bits, 4);
    return x;
}

static inline int binning_bit(const unsigned char *p, int64_t i) { return p[i >> 3] >> (i & 7) & 1; }

/* memcpy, as the values of a structured array need not be aligned */
#define BINNING_READ(type)                                                                                   \
    for (int64_t i = 0; i < n; i++) {                                                                        \
        type v;                                                                                              \
        memcpy(&v, data + stride * BINNING_ROW, sizeof v);                                                   \
        out[i] = (BINNING_OUT)v;                                                                             \
    }                                                                                                        \
    break

#define BINNING_READ_ALL                                                                                     \
    const unsigned char *data = column->data;                                                                \
    const int64_t stride = column->stride;                                                                   \
    switch (column->kind) {                                                                                  \
    case BINNING_F64:                                                                                        \
        BINNING_READ(double);                                                                                \
    case BINNING_F32:                                                                                        \
        BINNING_READ(float);                                                                                 \
    case BINNING_I8:                                                                                         \
        BINNING_READ(int8_t);                                                                                \
    case BINNING_I16:                                                                                        \
        BINNING_READ(int16_t);                                                                               \
    case BINNING_I32:                                                                                        \
        BINNING_READ(int32_t);                                                                               \
    case BINNING_I64:                                                                                        \
        BINNING_READ(int64_t);                                                                               \
    case BINNING_U8:                                                                                         \
        BINNING_READ(uint8_t);                                                                               \
    case BINNING_U16:                                                                                        \
        BINNING_READ(uint16_t);                                                                              \
    case BINNING_U32:                                                                                        \
        BINNING_READ(uint32_t);                                                                              \
    case BINNING_U64:                                                                                        \
        BINNING_READ(uint64_t);                                                                              \
    case BINNING_F16:                                                                                        \
        for (int64_t i = 0; i < n; i++)                                                                      \
            out[i] = (BINNING_OUT)binning_half(data + stride * BINNING_ROW);                                 \
        break;                                                                                               \
    default: /* BINNING_BIT */                                                                               \
        for (int64_t i = 0; i < n; i++)                                                                      \
            out[i] = (BINNING_OUT)binning_bit(data, column->bit_first + BINNING_ROW);                        \
    }                                                                                                        \
    if (column->mask_kind == BINNING_MASK_BYTES) {                                                           \
        for (int64_t i = 0; i < n; i++)                                                                      \
            if (column->mask[column->mask_stride * BINNING_ROW])                                             \
                out[i] = (BINNING_OUT)NAN;                                                                   \
    } else if (column->mask_kind == BINNING_MASK_BITS) {                                                     \
        for (int64_t i = 0; i < n; i++)                                                                      \
            if (!binning_bit(column->mask, column->mask_bit_first + BINNING_ROW))                            \
                out[i] = (BINNING_OUT)NAN;                                                                   \
    }

#define BINNING_ROW (first + i)
#define BINNING_OUT float
static void binning_gather32(const binning_column *column, int64_t first, int64_t n, float *out) {
    BINNING_READ_ALL;
}
#undef BINNING_OUT
#define BINNING_OUT double
static void binning_gather64(const binning_column *column, int64_t first, int64_t n, double *out) {
    BINNING_READ_ALL;
}
#undef BINNING_ROW
#define BINNING_ROW (int64_t)(rows[i] - first)
static void binning_pick64(const binning_column *column, const uint32_t *rows, uint32_t first, int64_t n,
                           double *out) {
    BINNING_READ_ALL;
}
#undef BINNING_OUT
#define BINNING_OUT float
static void binning_pick32(const binning_column *column, const uint32_t *rows, uint32_t first, int64_t n,
                           float *out) {
    BINNING_READ_ALL;
}
#undef BINNING_OUT
#undef BINNING_ROW

/* Whether every value of the kind is a float32. */
static inline int binning_fits32(int32_t kind) {
    return kind == BINNING_F32 || kind == BINNING_F16 || kind == BINNING_I8 || kind == BINNING_I16 ||
           kind == BINNING_U8 || kind == BINNING_U16 || kind == BINNING_BIT;
}

/* n values of a column as float32 (is_f32) or float64: rows first, first+1, ..., or, when rows is given, the
   rows rows[i] - first. */
void FN(binning_read)(const binning_column *column, const uint32_t *rows, int64_t first, int64_t n,
                      int is_f32, void *out) {
    if (rows && is_f32)
        binning_pick32(column, rows, (uint32_t)first, n, out);
    else if (rows)
        binning_pick64(column, rows, (uint32_t)first, n, out);
    else if (is_f32)
        binning_gather32(column, first, n, out);
    else
        binning_gather64(column, first, n, out);
}

/* Address of n contiguous, aligned values, in the caller's memory if they lie there so,
   else in the buffer. */
static const void *binning_values(const binning_column *column, int64_t first, int64_t n, int is_f32,
                                  double *buffer) {
    const int64_t size = is_f32 ? 4 : 8;
    const unsigned char *address = column->data + column->stride * first;
    if (column->kind == (is_f32 ? BINNING_F32 : BINNING_F64) && column->stride == size &&
        !column->mask_kind && (uintptr_t)address % (uintptr_t)size == 0)
        return address;
    FN(binning_read)(column, (const uint32_t *)0, first, n, is_f32, buffer);
    return buffer;
}

/* ---- neighbouring columns ---- */

/* The columns of a row-major matrix are read together: a tile of rows is transposed in registers, so that
   every cache line is fetched once, even where rows lie a power of two apart and compete for the same place
   in the cache.

   Number of columns, from the first one listed, that lie side by side and can be read so: at most
   BINNING_TILE. */
static int32_t binning_neighbours(const binning_column *columns, const binning_table *tables,
                                  const int32_t *features, int32_t n_features) {
    const binning_column *first = columns + (features ? features[0] : 0);
    const int64_t size = first->kind == BINNING_F32 ? 4 : 8;
    int32_t n = 0;
    if ((first->kind != BINNING_F32 && first->kind != BINNING_F64) || first->stride == size)
        return 0;
    while (n < n_features && n < BINNING_TILE) {
        const int32_t f = features ? features[n] : n;
        const binning_column *column = columns + f;
        if (tables[f].is_categorical || column->mask_kind || column->kind != first->kind ||
            column->stride != first->stride || column->data != first->data + n * size)
            break;
        n++;
    }
    return n;
}

#if defined(FASTML_AVX2) || defined(FASTML_AVX512)

#include <immintrin.h>

/* out[j * BINNING_CHUNK + i] = float32 j of row i, for a tile of 8 x 8. */
static ALWAYS_INLINE void binning_tile32(const unsigned char *data, int64_t stride, float *out) {
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm256_loadu_ps((const float *)(const void *)(data + i * stride));
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        a[i] = _mm256_shuffle_ps(b[i], b[i + 2], 0x44);
        a[i + 1] = _mm256_shuffle_ps(b[i], b[i + 2], 0xEE);
        a[i + 2] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0x44);
        a[i + 3] = _mm256_shuffle_ps(b[i + 1], b[i + 3], 0xEE);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(out + i * BINNING_CHUNK, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(out + (i + 4) * BINNING_CHUNK, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

/* The same for float64, 4 x 4. */
static ALWAYS_INLINE void binning_tile64(const unsigned char *data, int64_t stride, double *out) {
    __m256d a[4], b[4];
    for (int i = 0; i < 4; i++)
        a[i] = _mm256_loadu_pd((const double *)(const void *)(data + i * stride));
    for (int i = 0; i < 4; i += 2) {
        b[i] = _mm256_unpacklo_pd(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_pd(a[i], a[i + 1]);
    }
    for (int i = 0; i < 2; i++) {
        _mm256_storeu_pd(out + i * BINNING_CHUNK, _mm256_permute2f128_pd(b[i], b[i + 2], 0x20));
        _mm256_storeu_pd(out + (i + 2) * BINNING_CHUNK, _mm256_permute2f128_pd(b[i], b[i + 2], 0x31));
    }
}

/* Tiles that cover n rows and `width` columns, the last ones going back over what is done: at least one tile.
 */
#define BINNING_TILES(side, size, tile)                                                                      \
    for (int64_t i = 0; i < n; i += side) {                                                                  \
        if (i + side > n)                                                                                    \
            i = n - side;                                                                                    \
        for (int64_t j = 0; j < width; j += side) {                                                          \
            if (j + side > width)                                                                            \
                j = width - side;                                                                            \
            tile(data + i * stride + j * size, stride, out + j * BINNING_CHUNK + i);                         \
        }                                                                                                    \
    }

static void binning_together32(const unsigned char *data, int64_t stride, int64_t n, int32_t width,
                               float *out) {
    BINNING_TILES(8, 4, binning_tile32)
}

static void binning_together64(const unsigned char *data, int64_t stride, int64_t n, int32_t width,
                               double *out) {
    BINNING_TILES(4, 8, binning_tile64)
}

enum { BINNING_SIDE = 8 };

#else

/* Without vectors, reading column by column is as good. */
enum { BINNING_SIDE = BINNING_TILE + 1 };
static void binning_together32(const unsigned char *data, int64_t stride, int64_t n, int32_t width,
                               float *out) {
    (void)data, (void)stride, (void)n, (void)width, (void)out;
}
static void binning_together64(const unsigned char *data, int64_t stride, int64_t n, int32_t width,
                               double *out) {
    (void)data, (void)stride, (void)n, (void)width, (void)out;
}

#endif

/* The next columns' n rows from row `first`, side by side in `values`, BINNING_CHUNK values each, if they are
   neighbours worth reading together: their number, else 0. */
static int32_t binning_read_together(const binning_column *columns, const binning_table *tables,
                                     const int32_t *features, int32_t n_features, int64_t first, int64_t n,
                                     double *values) {
    if (n < BINNING_SIDE)
        return 0;
    const int32_t width = binning_neighbours(columns, tables, features, n_features);
    if (width < BINNING_SIDE)
        return 0;
    const binning_column *column = columns + (features ? features[0] : 0);
    const unsigned char *data = column->data + column->stride * first;
    if (column->kind == BINNING_F32)
        binning_together32(data, column->stride, n, width, (float *)values);
    else
        binning_together64(data, column->stride, n, width, values);
    return width;
}

#endif
