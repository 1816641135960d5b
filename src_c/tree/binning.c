/* See binning.h for what a code is.

   Columns of at most BINNING_CHUNK rows are worked on at a time: values that are not contiguous float32 or
   float64 are gathered into a buffer on the stack, and the search reads that or the caller's memory itself. A
   search has no branch and no dependence between values, so that several are in flight. */
#include "binning.h"

#include <math.h>
#include <string.h>

#include "../simd.h"
#include "binning_read.h"
#include "binning_search.h"

/* ---- values to codes ---- */

/* Least float32 not below x, and the float32 next to x. */
static float binning_round_up(double x) {
    float f = (float)x;
    return (double)f < x ? nextafterf(f, INFINITY) : f;
}

/* Order of float32 as integers: how many float32 lie between two bounds. */
static int64_t binning_rank32(float x) {
    int32_t bits;
    memcpy(&bits, &x, 4);
    return bits < 0 ? -(int64_t)(bits & 0x7FFFFFFF) : bits;
}

/* Lays out the search trees of a numerical feature.

   lower: (n_lower,) ascending bounds, not NaN; depth: 2^depth > n_lower; the three arrays: (2^depth,). */
void FN(binning_plant)(const double *lower, int32_t n_lower, int32_t depth, double offset, float *tree32,
                       float *coarse, double *padded) {
    const int32_t size = 1 << depth;
    for (int32_t i = 0; i < size; i++)
        padded[i] = i < n_lower ? lower[i] : (double)NAN;
    tree32[0] = coarse[0] = NAN;
    for (int32_t level = 0; level < depth; level++) {
        const int32_t step = 1 << (depth - 1 - level);
        for (int32_t j = 0; j < 1 << level; j++) {
            const double bound = padded[2 * step * j + step - 1];
            tree32[(1 << level) + j] = binning_round_up(bound);
            coarse[(1 << level) + j] = (float)(bound - offset);
        }
    }
}

/* The cells of a feature with these bounds, as binning_table has them; cells: (BINNING_CELLS + 1,). Returns
   most_in_cell. */
int32_t FN(binning_cells)(const double *lower, int32_t n_lower, double *low, double *scale, uint8_t *cells) {
    const int32_t most = binning_lay_cells(lower, n_lower, low, scale, cells);
    return most <= BINNING_MOST_IN_CELL ? most : 0;
}

/* Whether bounds minus the offset, rounded to float32, stay so far apart that few values meet an equal one:
   with as many values in each bin, and `gap` float32 in it, one in 32. */
int FN(binning_coarse_pays)(const double *lower, int32_t n_lower, double offset) {
    double meets = 0;
    for (int32_t i = 1; i < n_lower; i++) {
        const int64_t gap =
            binning_rank32((float)(lower[i] - offset)) - binning_rank32((float)(lower[i - 1] - offset));
        meets += gap > 1 ? 1.0 / (double)gap : 1.0;
    }
    return meets * 32 <= n_lower;
}

static uint8_t binning_category(const binning_table *table, double x) {
    if (x >= 0 && x < (double)table->n_small) {
        const int64_t k = (int64_t)x;
        if ((double)k == x)
            return table->small_code[k];
    }
    int64_t low = 0, size = table->n_known;
    while (size > 0) {
        const int64_t half = size / 2;
        if (table->known[low + half] < x) {
            low += half + 1;
            size -= half + 1;
        } else
            size = half;
    }
    return low < table->n_known && table->known[low] == x ? table->known_code[low] : 0;
}

/* The code of one value, by the slow road. */
uint8_t FN(binning_code)(const binning_table *table, double x) {
    return table->is_categorical ? binning_category(table, x)
                                 : binning_search64(table->lower, table->depth, x);
}

/* Codes of n rows from row `first` of the listed features, column-major: out[j * out_stride + i] is the code
   of row first + i and feature features[j] (feature j when features is NULL). */
void FN(binning_codes)(const binning_column *columns, const binning_table *tables, const int32_t *features,
                       int32_t n_features, int64_t first, int64_t n, uint8_t *out, int64_t out_stride) {
    double values[BINNING_TILE * BINNING_CHUNK];
    for (int64_t done = 0; done < n; done += BINNING_CHUNK) {
        const int64_t rows = n - done < BINNING_CHUNK ? n - done : BINNING_CHUNK;
        int32_t read = 0, next = 0; /* features read together and not yet used */
        for (int32_t j = 0; j < n_features; j++) {
            const int32_t f = features ? features[j] : j;
            const binning_table *table = tables + f;
            const int is_f32 = !table->is_categorical && binning_fits32(columns[f].kind);
            const void *x;
            if (next == read) {
                next = 0;
                read = features ? binning_read_together(columns, tables, features + j, n_features - j,
                                                        first + done, rows, values)
                                : binning_read_together(columns + j, tables + j, features, n_features - j,
                                                        first + done, rows, values);
            }
            if (next < read) {
                x = (const char *)values + next * BINNING_CHUNK * (is_f32 ? 4 : 8);
                next++;
            } else
                x = binning_values(columns + f, first + done, rows, is_f32, values);
            uint8_t *codes = out + j * out_stride + done;
            if (table->is_categorical)
                for (int64_t i = 0; i < rows; i++)
                    codes[i] = binning_category(table, ((const double *)x)[i]);
            else if (is_f32)
                binning_codes32(table, x, rows, codes);
            else
                binning_codes64(table, x, rows, codes);
        }
    }
}

/* Codes of the stored entries of n rows: out[i * row_stride + slot[f] * slot_stride] for row first + i,
   feature f. Features with slot[f] < 0 are passed over; slot NULL: f itself. The caller has written the codes
   of 0.0. */
void FN(binning_codes_csr)(const binning_csr *csr, const binning_table *tables, const int32_t *slot,
                           int64_t first, int64_t n, uint8_t *out, int64_t row_stride, int64_t slot_stride) {
    double buffer[BINNING_CHUNK];
    const int64_t end = csr->start[first + n];
    int64_t row = 0, row_end = csr->start[first + 1];
    for (int64_t done = csr->start[first]; done < end; done += BINNING_CHUNK) {
        const int64_t entries = end - done < BINNING_CHUNK ? end - done : BINNING_CHUNK;
        const double *x = binning_values(&csr->values, done, entries, 0, buffer);
        for (int64_t i = 0; i < entries; i++) {
            const int64_t f = csr->feature32 ? csr->feature32[done + i] : csr->feature64[done + i];
            const int64_t s = slot ? slot[f] : f;
            while (done + i >= row_end)
                row_end = csr->start[first + ++row + 1];
            if (s >= 0)
                out[row * row_stride + s * slot_stride] = FN(binning_code)(tables + f, x[i]);
        }
    }
}

/* ---- between the column-major and the row-major copy ---- */

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
typedef __m128i binning_bytes;
#define BYTES_LOAD(p) _mm_loadu_si128((const __m128i *)(p))
#define BYTES_STORE(p, v) _mm_storeu_si128((__m128i *)(p), v)
#define BYTES_ZERO _mm_setzero_si128()
#define BYTES_ZIP_LOW(a, b) _mm_unpacklo_epi8(a, b)
#define BYTES_ZIP_HIGH(a, b) _mm_unpackhi_epi8(a, b)
#elif defined(FASTML_NEON)
#include <arm_neon.h>
typedef uint8x16_t binning_bytes;
#define BYTES_LOAD(p) vld1q_u8(p)
#define BYTES_STORE(p, v) vst1q_u8(p, v)
#define BYTES_ZERO vdupq_n_u8(0)
#define BYTES_ZIP_LOW(a, b) vzip1q_u8(a, b)
#define BYTES_ZIP_HIGH(a, b) vzip2q_u8(a, b)
#endif

/* 16 rows of 16 bytes to columns: rows in_rows .. 15 count as zero, the first out_rows columns are written.
 */
static ALWAYS_INLINE void binning_tile(const uint8_t *from, int64_t from_stride, int64_t in_rows, uint8_t *to,
                                       int64_t to_stride, int64_t out_rows) {
#ifdef BYTES_ZERO
    /* zipping row j with row j + 8, four times over, is a perfect shuffle of all 256 bytes: bit j of a byte's
       address moves up by one each time, and after four times rows have become columns */
    binning_bytes a[16], b[16];
    for (int j = 0; j < 16; j++)
        a[j] = j < in_rows ? BYTES_LOAD(from + j * from_stride) : BYTES_ZERO;
    for (int pass = 0; pass < 4; pass++) {
        for (int j = 0; j < 8; j++) {
            b[2 * j] = BYTES_ZIP_LOW(a[j], a[j + 8]);
            b[2 * j + 1] = BYTES_ZIP_HIGH(a[j], a[j + 8]);
        }
        for (int j = 0; j < 16; j++)
            a[j] = b[j];
    }
    for (int j = 0; j < 16; j++)
        if (j < out_rows)
            BYTES_STORE(to + j * to_stride, a[j]);
#else
    for (int i = 0; i < out_rows; i++)
        for (int j = 0; j < 16; j++)
            to[i * to_stride + j] = j < in_rows ? from[j * from_stride + i] : 0;
#endif
}

/* to[i * to_stride + j] = from[j * from_stride + i] for i < n and j < width; 0 for width <= j < padded_width.
 * Where n < 16, 16 bytes of each row are readable if from_stride leaves room for them.
 */
void FN(binning_transpose)(const uint8_t *from, int64_t from_stride, int64_t width, int64_t padded_width,
                           int64_t n, uint8_t *to, int64_t to_stride) {
    int64_t j = 0;
    const int wide = n >= 16;
    for (; (wide || from_stride >= 16) && j < width; j += 16) {
        if (j + 16 > padded_width) { /* go back instead of a narrow tile: bytes are written twice, the same */
            if (padded_width < 16)
                break;
            j = padded_width - 16;
        }
        const int64_t in_rows = width - j < 16 ? width - j : 16;
        if (!wide) {
            binning_tile(from + j * from_stride, from_stride, in_rows, to + j, to_stride, n);
            continue;
        }
        for (int64_t i = 0; i < n; i += 16) {
            if (i + 16 > n)
                i = n - 16;
            if (in_rows == 16)
                binning_tile(from + j * from_stride + i, from_stride, 16, to + i * to_stride + j, to_stride,
                             16);
            else
                binning_tile(from + j * from_stride + i, from_stride, in_rows, to + i * to_stride + j,
                             to_stride, 16);
        }
    }
    for (; j < padded_width; j++)
        for (int64_t i = 0; i < n; i++)
            to[i * to_stride + j] = j < width ? from[j * from_stride + i] : 0;
}

/* to[i] = from[rows[i]], rows of `stride` bytes. */
void FN(binning_take)(const uint8_t *from, int64_t stride, const uint32_t *rows, int64_t n, uint8_t *to) {
    for (int64_t i = 0; i < n; i++) {
        PREFETCH(from + (int64_t)rows[i + 16 < n ? i + 16 : i] * stride);
        memcpy(to + i * stride, from + (int64_t)rows[i] * stride, (size_t)stride);
    }
}
