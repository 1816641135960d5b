/* See histogram.h for the format and the reason why the order of rows is free.
 *
 * The hot loop of training. It is bound by one load, one add and one store per row and feature; everything
 * else is kept out of its way: codes of a row lie side by side (one or two cache lines a row), gradients come
 * packed and already in the node's order, two rows are in flight so that a feature's base address is loaded
 * once for both, and the codes of rows to come are prefetched, as a node's rows are scattered over the
 * matrix. Where the cells of all features are far more than the first-level cache holds, some hundred rows
 * are counted for a part of the features, then for the next.
 */
#include "histogram.h"

#include <string.h>

#include "../simd.h"

#define HISTOGRAM_AHEAD 16 /* rows; long enough to cover a miss to memory at 10 ns a row */

enum {
    PART_ROWS = 512, /* rows that are counted for one part of the features, then for the next */
    PART_STEP = 64,  /* rows of these between two looks at what to prefetch */
    MAX_STRIDE = 64, /* bytes from row to row, at most */
};

/* What the loop knows when it is compiled: the cells of feature j, its byte in a row, the format of a cell.
 */
typedef struct cell_map {
    const int32_t *position, *offset;
    int32_t n_features, full, counted;
} cell_map;

static ALWAYS_INLINE int64_t as_cell(uint32_t gh, cell_map map) {
    return map.counted ? counted_of(gh) : cell_of(gh);
}

static ALWAYS_INLINE void add_two_rows(const uint8_t *a, const uint8_t *b, int64_t x, int64_t y, cell_map map,
                                       int64_t *cells) {
    int32_t j = 0;
    if (map.full) {
        /* no address but the group's is computed: the rest are constants in the instructions */
        enum { W = HISTOGRAM_FULL };
        for (; j + 4 <= map.n_features; j += 4, cells += 4 * W) {
            cells[a[j]] += x;
            cells[W + a[j + 1]] += x;
            cells[2 * W + a[j + 2]] += x;
            cells[3 * W + a[j + 3]] += x;
            cells[b[j]] += y;
            cells[W + b[j + 1]] += y;
            cells[2 * W + b[j + 2]] += y;
            cells[3 * W + b[j + 3]] += y;
        }
        for (; j < map.n_features; j++, cells += W) {
            cells[a[j]] += x;
            cells[b[j]] += y;
        }
        return;
    }
    for (; j + 4 <= map.n_features; j += 4) {
        const int32_t *o = map.offset + j, *p = map.position + j;
        int64_t *c0 = cells + o[0], *c1 = cells + o[1], *c2 = cells + o[2], *c3 = cells + o[3];
        const int32_t p0 = map.position ? p[0] : j, p1 = map.position ? p[1] : j + 1;
        const int32_t p2 = map.position ? p[2] : j + 2, p3 = map.position ? p[3] : j + 3;
        c0[a[p0]] += x;
        c1[a[p1]] += x;
        c2[a[p2]] += x;
        c3[a[p3]] += x;
        c0[b[p0]] += y;
        c1[b[p1]] += y;
        c2[b[p2]] += y;
        c3[b[p3]] += y;
    }
    for (; j < map.n_features; j++) {
        int64_t *c0 = cells + map.offset[j];
        const int32_t p0 = map.position ? map.position[j] : j;
        c0[a[p0]] += x;
        c0[b[p0]] += y;
    }
}

static ALWAYS_INLINE void add_row(const uint8_t *a, int64_t x, cell_map map, int64_t *cells) {
    for (int32_t j = 0; j < map.n_features; j++) {
        const int32_t first = map.full ? j * HISTOGRAM_FULL : map.offset[j];
        cells[first + a[map.position ? map.position[j] : j]] += x;
    }
}

static ALWAYS_INLINE void add_rows(const histogram_block *block, cell_map map, const uint32_t *rows,
                                   int64_t first, const uint32_t *gh, int64_t n, int64_t *cells) {
    const uint8_t *codes = block->codes;
    const int64_t stride = block->stride;
    int64_t i = 0;
    if (map.full)
        cells += block->offset[0];
    if (!rows) { /* consecutive rows: the hardware prefetcher does it */
        const uint8_t *a = codes + first * stride;
        for (; i + 2 <= n; i += 2, a += 2 * stride)
            add_two_rows(a, a + stride, as_cell(gh[i], map), as_cell(gh[i + 1], map), map, cells);
        if (i < n)
            add_row(a, as_cell(gh[i], map), map, cells);
        return;
    }
    const int64_t last = n - 1;
    for (; i + 2 <= n; i += 2) {
        const int64_t p = i + HISTOGRAM_AHEAD, q = p + 1;
        PREFETCH(codes + (int64_t)rows[p < last ? p : last] * stride);
        PREFETCH(codes + (int64_t)rows[q < last ? q : last] * stride);
        add_two_rows(codes + (int64_t)rows[i] * stride, codes + (int64_t)rows[i + 1] * stride,
                     as_cell(gh[i], map), as_cell(gh[i + 1], map), map, cells);
    }
    if (i < n)
        add_row(codes + (int64_t)rows[i] * stride, as_cell(gh[i], map), map, cells);
}

static ALWAYS_INLINE void add_any_rows(const histogram_block *block, int32_t counted, const uint32_t *rows,
                                       int64_t first, const uint32_t *gh, int64_t n, int64_t *cells) {
    const int32_t d = block->n_features, *offset = block->offset, *none = (const int32_t *)0;
    if (block->full)
        add_rows(block, (cell_map){none, offset, d, 1, counted}, rows, first, gh, n, cells);
    else if (block->position)
        add_rows(block, (cell_map){block->position, offset, d, 0, counted}, rows, first, gh, n, cells);
    else
        add_rows(block, (cell_map){none, offset, d, 0, counted}, rows, first, gh, n, cells);
}

static void add_all(const histogram_block *block, int32_t counted, const uint32_t *rows, int64_t first,
                    const uint32_t *gh, int64_t n, int64_t *cells) {
    if (counted)
        add_any_rows(block, 1, rows, first, gh, n, cells);
    else
        add_any_rows(block, 0, rows, first, gh, n, cells);
}

/* The codes of n rows side by side. A line may begin within a row and end in the next one. */
static void copy_codes(const histogram_block *block, const uint32_t *rows, int64_t n, int64_t line,
                       uint8_t *to) {
    if (line == 32)
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * 32, block->codes + (int64_t)rows[i] * block->stride, 32);
    else
        for (int64_t i = 0; i < n; i++)
            memcpy(to + i * MAX_STRIDE, block->codes + (int64_t)rows[i] * block->stride, MAX_STRIDE);
}

static void prefetch_codes(const histogram_block *block, const uint32_t *rows, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        PREFETCH(block->codes + (int64_t)rows[i] * block->stride);
}

/* Some rows at a time, and of them a part of the features at a time, so that a part's cells stay in the
 * first-level cache. The rows' codes are copied for it, while those of the rows to come are fetched.
 */
static void add_in_parts(const histogram_block *block, int32_t counted, const uint32_t *rows, int64_t first,
                         const uint32_t *gh, int64_t n, int64_t *cells) {
    uint8_t copied[PART_ROWS * MAX_STRIDE];
    const int64_t line = block->stride <= 32 ? 32 : MAX_STRIDE;
    if (rows)
        prefetch_codes(block, rows, n < PART_ROWS ? n : PART_ROWS);
    for (int64_t lo = 0; lo < n; lo += PART_ROWS) {
        const int64_t m = n - lo < PART_ROWS ? n - lo : PART_ROWS;
        histogram_block part = *block;
        int64_t from = first + lo;
        if (rows) {
            copy_codes(block, rows + lo, m, line, copied);
            part.codes = copied;
            part.stride = line;
            from = 0;
        }
        for (int32_t j = 0; j < block->n_features; j += block->at_once) {
            const int32_t rest = block->n_features - j;
            part.n_features = rest < block->at_once ? rest : block->at_once;
            for (int64_t i = 0; i < m; i += PART_STEP) {
                const int64_t k = m - i < PART_STEP ? m - i : PART_STEP, next = lo + i + PART_ROWS;
                if (rows && j == 0 && next < n)
                    prefetch_codes(block, rows + next, n - next < PART_STEP ? n - next : PART_STEP);
                add_all(&part, counted, NULL, from + i, gh + lo + i, k, cells);
            }
            if (part.position)
                part.position += block->at_once;
            else
                part.codes += block->at_once;
            part.offset += block->at_once;
        }
    }
}

/* Adds n rows to the cells of one block's features.
 *
 * rows: the rows' numbers, or NULL for first, first + 1, ...   gh: packed gradients in the same order.
 * counted: whether the cells are counted ones. Up to 64 bytes after a row's first code are read.
 */
void FN(histogram_rows)(const histogram_block *block, int32_t counted, const uint32_t *rows, int64_t first,
                        const uint32_t *gh, int64_t n, int64_t *cells) {
    if (block->n_features > block->at_once && n >= PART_STEP)
        add_in_parts(block, counted, rows, first, gh, n, cells);
    else
        add_all(block, counted, rows, first, gh, n, cells);
}

/* Several outputs at once. */

enum { ROWS_OF_CELLS = 64 };

/* The cells of m rows, row after row; lines of w, zeros for the outputs that there are not. */
static ALWAYS_INLINE void cells_of_rows(const uint32_t *const *gh, int32_t n_outputs, int32_t w,
                                        int64_t first, int64_t m, int64_t *x) {
    for (int32_t k = 0; k < w; k++)
        for (int64_t i = 0; i < m; i++)
            x[i * w + k] = k < n_outputs ? cell_of(gh[k][first + i]) : 0;
}

typedef int64_t line_of_4 __attribute__((vector_size(32)));
typedef int64_t line_of_8 __attribute__((vector_size(64)));

/* Whole lines, which a compiler cuts into the vectors that there are: loops over w are cut smaller. */
static ALWAYS_INLINE void add_line(int64_t *line, const int64_t *x, int32_t w) {
    if (w == 4) {
        line_of_4 sum, term;
        memcpy(&sum, line, sizeof sum);
        memcpy(&term, x, sizeof term);
        sum += term;
        memcpy(line, &sum, sizeof sum);
    } else {
        line_of_8 sum, term;
        memcpy(&sum, line, sizeof sum);
        memcpy(&term, x, sizeof term);
        sum += term;
        memcpy(line, &sum, sizeof sum);
    }
}

static ALWAYS_INLINE void add_outputs(const histogram_block *block, int64_t first, const uint32_t *const *gh,
                                      int32_t n_outputs, int32_t w, int64_t lo, int64_t hi, int64_t *lines) {
    const int32_t d = block->n_features, *offset = block->offset, *position = block->position;
    for (int64_t i = lo; i < hi; i += ROWS_OF_CELLS) {
        const int64_t m = hi - i < ROWS_OF_CELLS ? hi - i : ROWS_OF_CELLS;
        int64_t x[ROWS_OF_CELLS * HISTOGRAM_OUTPUTS];
        cells_of_rows(gh, n_outputs, w, i, m, x);
        const uint8_t *a = block->codes + (first + i) * block->stride;
        for (int64_t r = 0; r < m; r++, a += block->stride)
            for (int32_t j = 0; j < d; j++)
                add_line(lines + w * (int64_t)(offset[j] - offset[0] + a[position ? position[j] : j]),
                         x + r * w, w);
    }
}

/* Adds rows lo to hi - 1 (of the matrix: first + lo, ...) to the cells of up to HISTOGRAM_OUTPUTS outputs.
 *
 * gh: the packed gradients of each output.   lines: histogram_line(n_outputs) cells, one for each output, for
 * every cell of the block.
 */
void FN(histogram_outputs)(const histogram_block *block, int64_t first, const uint32_t *const *gh,
                           int32_t n_outputs, int64_t lo, int64_t hi, int64_t *lines) {
    if (histogram_line(n_outputs) == 4)
        add_outputs(block, first, gh, n_outputs, 4, lo, hi, lines);
    else
        add_outputs(block, first, gh, n_outputs, HISTOGRAM_OUTPUTS, lo, hi, lines);
}

/* Histograms of the outputs from lines: cells[k][c] = sum over parts of their cell c of output k, for lo <= c
 * < hi. part_cells: cells from part to part.
 */
void FN(histogram_spread)(const int64_t *lines, int64_t n_parts, int64_t part_cells, int32_t n_outputs,
                          int64_t lo, int64_t hi, int64_t *const *cells) {
    const int32_t w = histogram_line(n_outputs);
    for (int64_t c = lo; c < hi; c++) {
        int64_t sum[HISTOGRAM_OUTPUTS] = {0};
        for (int64_t p = 0; p < n_parts; p++)
            for (int32_t k = 0; k < w; k++)
                sum[k] += lines[p * part_cells + c * w + k];
        for (int32_t k = 0; k < n_outputs; k++)
            cells[k][c] = sum[k];
    }
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
