/* See histogram.h for the format and the reason why the order of rows is free.
 *
 * The hot loop of training. It is bound by one load, one add and one store per row and feature; everything
 * else is kept out of its way: codes of a row lie side by side (one or two cache lines a row), gradients come
 * packed and already in the node's order, two rows are in flight so that a feature's base address is loaded
 * once for both, and the codes of rows to come are prefetched, as a node's rows are scattered over the
 * matrix.
 */
#include "histogram.h"

#include "../simd.h"

#define HISTOGRAM_AHEAD 16 /* rows; long enough to cover a miss to memory at 10 ns a row */

static ALWAYS_INLINE void add_two_rows(const uint8_t *a, const uint8_t *b, int64_t x, int64_t y,
                                       const int32_t *position, const int32_t *offset, int32_t n_features,
                                       int64_t *cells) {
    int32_t j = 0;
    for (; j + 4 <= n_features; j += 4) {
        int64_t *c0 = cells + offset[j], *c1 = cells + offset[j + 1];
        int64_t *c2 = cells + offset[j + 2], *c3 = cells + offset[j + 3];
        const int32_t p0 = position ? position[j] : j, p1 = position ? position[j + 1] : j + 1;
        const int32_t p2 = position ? position[j + 2] : j + 2, p3 = position ? position[j + 3] : j + 3;
        c0[a[p0]] += x;
        c1[a[p1]] += x;
        c2[a[p2]] += x;
        c3[a[p3]] += x;
        c0[b[p0]] += y;
        c1[b[p1]] += y;
        c2[b[p2]] += y;
        c3[b[p3]] += y;
    }
    for (; j < n_features; j++) {
        int64_t *c0 = cells + offset[j];
        const int32_t p0 = position ? position[j] : j;
        c0[a[p0]] += x;
        c0[b[p0]] += y;
    }
}

static ALWAYS_INLINE void add_row(const uint8_t *a, int64_t x, const int32_t *position, const int32_t *offset,
                                  int32_t n_features, int64_t *cells) {
    for (int32_t j = 0; j < n_features; j++)
        cells[offset[j] + a[position ? position[j] : j]] += x;
}

static ALWAYS_INLINE void add_rows(const histogram_block *block, const int32_t *position,
                                   const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                                   int64_t *cells) {
    const uint8_t *codes = block->codes;
    const int64_t stride = block->stride;
    const int32_t *offset = block->offset;
    const int32_t d = block->n_features;
    int64_t i = 0;
    if (!rows) { /* consecutive rows: the hardware prefetcher does it */
        const uint8_t *a = codes + first * stride;
        for (; i + 2 <= n; i += 2, a += 2 * stride)
            add_two_rows(a, a + stride, cell_of(gh[i]), cell_of(gh[i + 1]), position, offset, d, cells);
        if (i < n)
            add_row(a, cell_of(gh[i]), position, offset, d, cells);
        return;
    }
    const int64_t last = n - 1;
    for (; i + 2 <= n; i += 2) {
        const int64_t p = i + HISTOGRAM_AHEAD, q = p + 1;
        PREFETCH(codes + (int64_t)rows[p < last ? p : last] * stride);
        PREFETCH(codes + (int64_t)rows[q < last ? q : last] * stride);
        add_two_rows(codes + (int64_t)rows[i] * stride, codes + (int64_t)rows[i + 1] * stride, cell_of(gh[i]),
                     cell_of(gh[i + 1]), position, offset, d, cells);
    }
    if (i < n)
        add_row(codes + (int64_t)rows[i] * stride, cell_of(gh[i]), position, offset, d, cells);
}

/* Adds n rows to the cells of one block's features.
 *
 * rows: the rows' numbers, or NULL for first, first + 1, ...   gh: packed gradients in the same order.
 */
void FN(histogram_rows)(const histogram_block *block, const uint32_t *rows, int64_t first, const uint32_t *gh,
                        int64_t n, int64_t *cells) {
    if (block->position)
        add_rows(block, block->position, rows, first, gh, n, cells);
    else
        add_rows(block, (const int32_t *)0, rows, first, gh, n, cells);
}

/* cells += other */
void FN(histogram_add)(int64_t *cells, const int64_t *other, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        cells[i] += other[i];
}

/* cells -= other: what is left of a parent when one child is taken away is the other child */
void FN(histogram_subtract)(int64_t *cells, const int64_t *other, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        cells[i] -= other[i];
}
