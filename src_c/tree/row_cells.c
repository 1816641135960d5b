/* See row_cells.h. */
#include "row_cells.h"

#include <string.h>

#include "histogram.h"

#include "../simd.h"

#define ROW_CELLS_AHEAD 24 /* rows; a list is read faster than a row of codes */
#define START_AHEAD 64     /* rows, to where their lists begin */

static ALWAYS_INLINE void add_list(const uint16_t *list, const uint16_t *end, int64_t x, int64_t *cells) {
    for (; list + 4 <= end; list += 4) {
        cells[list[0]] += x;
        cells[list[1]] += x;
        cells[list[2]] += x;
        cells[list[3]] += x;
    }
    for (; list < end; list++)
        cells[*list] += x;
}

static ALWAYS_INLINE void add_lists(const row_cells *lists, int32_t counted, const uint32_t *rows,
                                    int64_t first, const uint32_t *gh, int64_t n, int64_t *cells) {
    const uint16_t *all = lists->cells;
    const uint32_t *start = lists->start;
    const int64_t length = lists->length;
    const int64_t last = n - 1;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = rows ? (int64_t)rows[i] : first + i;
        const int64_t x = counted ? counted_of(gh[i]) : cell_of(gh[i]);
        if (rows) {
            const int64_t next = i + ROW_CELLS_AHEAD < last ? i + ROW_CELLS_AHEAD : last;
            if (start) {
                /* where a list begins is far away, too, and the list may end in another line */
                const int64_t later = i + START_AHEAD < last ? i + START_AHEAD : last;
                PREFETCH(start + rows[later]);
                PREFETCH(all + 4 * (int64_t)start[rows[next]]);
                PREFETCH(all + 4 * (int64_t)start[rows[next] + 1]);
            } else
                PREFETCH(all + (int64_t)rows[next] * length);
        }
        if (start)
            add_list(all + 4 * (int64_t)start[row], all + 4 * (int64_t)start[row + 1], x, cells);
        else
            add_list(all + row * length, all + (row + 1) * length, x, cells);
        sum += x;
    }
    cells[lists->total] += sum;
}

/* Lists of one length that the compiler knows: two rows in flight, no loop over entries. */
static ALWAYS_INLINE void add_equal_lists(const row_cells *lists, int64_t length, const uint32_t *rows,
                                          int64_t first, const uint32_t *gh, int64_t n, int64_t *cells) {
    const uint16_t *all = lists->cells;
    const int64_t last = n - 1;
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i += 2) {
        const int64_t next = i + ROW_CELLS_AHEAD < last ? i + ROW_CELLS_AHEAD : last - 1;
        const int64_t j = i < last ? i + 1 : i;
        const uint16_t *a = all + (rows ? (int64_t)rows[i] : first + i) * length;
        const uint16_t *b = all + (rows ? (int64_t)rows[j] : first + j) * length;
        const int64_t x = cell_of(gh[i]), y = i < last ? cell_of(gh[j]) : 0;
        if (rows && last > 0) {
            PREFETCH(all + (int64_t)rows[next] * length);
            PREFETCH(all + (int64_t)rows[next + 1] * length);
        }
        for (int64_t k = 0; k < length; k++)
            cells[a[k]] += x;
        for (int64_t k = 0; k < length; k++)
            cells[b[k]] += y;
        sum += x + y;
    }
    cells[lists->total] += sum;
}

/* Adds n rows to the cells that their lists name, and to the total. Arguments as of histogram_rows. */
void FN(row_cells_add)(const row_cells *lists, int32_t counted, const uint32_t *rows, int64_t first,
                       const uint32_t *gh, int64_t n, int64_t *cells) {
    if (counted) {
        add_lists(lists, 1, rows, first, gh, n, cells);
        return;
    }
    switch (lists->start ? 0 : lists->length) {
#define EQUAL_LISTS(length)                                                                                  \
    case length:                                                                                             \
        add_equal_lists(lists, length, rows, first, gh, n, cells);                                           \
        break;
        EQUAL_LISTS(1)
        EQUAL_LISTS(2)
        EQUAL_LISTS(3)
        EQUAL_LISTS(4)
        EQUAL_LISTS(5)
        EQUAL_LISTS(6)
        EQUAL_LISTS(7)
        EQUAL_LISTS(8)
        EQUAL_LISTS(9)
        EQUAL_LISTS(10)
        EQUAL_LISTS(11)
        EQUAL_LISTS(12)
#undef EQUAL_LISTS
    default:
        add_lists(lists, 0, rows, first, gh, n, cells);
    }
}

static ALWAYS_INLINE void add_lists_of_outputs(const row_cells *lists, int64_t first,
                                               const uint32_t *const *gh, int32_t n_outputs, int32_t w,
                                               int64_t lo, int64_t hi, int64_t *lines) {
    const uint32_t *start = lists->start;
    const int64_t length = lists->length;
    int64_t sum[HISTOGRAM_OUTPUTS] = {0};
    for (int64_t i = lo; i < hi; i += ROWS_OF_CELLS) {
        const int64_t m = hi - i < ROWS_OF_CELLS ? hi - i : ROWS_OF_CELLS;
        int64_t x[ROWS_OF_CELLS * HISTOGRAM_OUTPUTS];
        cells_of_rows(gh, n_outputs, w, i, m, x);
        for (int64_t r = 0; r < m; r++) {
            const int64_t row = first + i + r;
            const uint16_t *list = lists->cells + (start ? 4 * (int64_t)start[row] : row * length);
            const uint16_t *end = lists->cells + (start ? 4 * (int64_t)start[row + 1] : (row + 1) * length);
            for (; list + 4 <= end; list += 4)
                for (int j = 0; j < 4; j++)
                    add_line(lines + w * (int64_t)list[j], x + r * w, w);
            for (; list < end; list++)
                add_line(lines + w * (int64_t)*list, x + r * w, w);
            add_line(sum, x + r * w, w);
        }
    }
    add_line(lines + w * (int64_t)lists->total, sum, w);
}

/* row_cells_add for several outputs. Arguments as of histogram_outputs. */
void FN(row_cells_outputs)(const row_cells *lists, int64_t first, const uint32_t *const *gh,
                           int32_t n_outputs, int64_t lo, int64_t hi, int64_t *lines) {
    if (histogram_line(n_outputs) == 4)
        add_lists_of_outputs(lists, first, gh, n_outputs, 4, lo, hi, lines);
    else
        add_lists_of_outputs(lists, first, gh, n_outputs, HISTOGRAM_OUTPUTS, lo, hi, lines);
}

/* What the lists left out: the omitted cells, then the cells of features that share a table (zero before). */
void FN(row_cells_complete)(const row_cells_group *groups, int32_t n_groups, int32_t total, int64_t *cells) {
    for (int32_t k = 0; k < n_groups; k++) {
        const row_cells_group *group = groups + k;
        int64_t *table = cells + group->first;
        if (group->omitted != ROW_CELLS_NONE) {
            int64_t sum = 0;
            for (int32_t c = 0; c < group->n_a * group->n_b; c++)
                sum += table[c];
            cells[group->omitted] = cells[total] - sum;
        }
        if (group->b < 0)
            continue;
        int64_t *to_a = cells + group->cells_a + group->low_a, *to_b = cells + group->cells_b + group->low_b;
        for (int32_t a = 0; a < group->n_a; a++, table += group->n_b) {
            int64_t sum = 0;
            INDEPENDENT
            for (int32_t b = 0; b < group->n_b; b++) {
                sum += table[b];
                to_b[b] += table[b];
            }
            to_a[a] = sum;
        }
    }
}

/* Lists of one length: group after group over a few rows, whose codes and lists stay in the cache. */
static void fill_equal_lists(const uint8_t *codes, int64_t stride, int64_t n, const row_cells_group *groups,
                             int32_t n_groups, uint16_t *out) {
    for (int64_t first = 0; first < n; first += 256) {
        const int64_t m = n - first < 256 ? n - first : 256;
        for (int32_t k = 0; k < n_groups; k++) {
            const row_cells_group group = groups[k];
            const uint8_t *row = codes + first * stride;
            uint16_t *cell = out + first * n_groups + k;
            if (group.b < 0)
                for (int64_t i = 0; i < m; i++, row += stride, cell += n_groups)
                    *cell = (uint16_t)(group.first + (row[group.a] - group.low_a) * group.n_b);
            else
                for (int64_t i = 0; i < m; i++, row += stride, cell += n_groups)
                    *cell = (uint16_t)(group.first + (row[group.a] - group.low_a) * group.n_b + row[group.b] -
                                       group.low_b);
        }
    }
}

/* Writes the lists of n rows of codes; returns the number of entries. filled: cells may be left out, lists
 * are filled up to a multiple of four, and start[i] becomes their beginning, `at` being that of the first.
 * out NULL: they are only counted (and start is not written). Nothing beyond the entries is written: others
 * may be writing there.
 */
int64_t FN(row_cells_fill)(const uint8_t *codes, int64_t stride, int64_t n, const row_cells_group *groups,
                           int32_t n_groups, int32_t total, int32_t filled, int64_t at, uint32_t *start,
                           uint16_t *out) {
    int64_t entries = 0;
    if (!filled) {
        if (out)
            fill_equal_lists(codes, stride, n, groups, n_groups, out);
        return n * n_groups;
    }
    for (int64_t i = 0; i < n; i++, codes += stride) {
        /* not in place: an entry that is left out is written, too, and may be another's */
        uint16_t list[ROW_CELLS_MOST + 4];
        int32_t m = 0;
        for (int32_t k = 0; k < n_groups; k++) {
            const row_cells_group *group = groups + k;
            int32_t cell = group->first + (codes[group->a] - group->low_a) * group->n_b;
            if (group->b >= 0)
                cell += codes[group->b] - group->low_b;
            list[m] = (uint16_t)cell;
            m += cell != group->omitted;
        }
        /* not the same cell in row after row: additions to one cell wait for each other */
        for (; m & 3; m++)
            list[m] = (uint16_t)(total + (i & 3) * 3 + (m & 3));
        if (out) {
            start[i] = (uint32_t)((at + entries) / 4);
            for (int32_t k = 0; k < m; k += 4) /* a length that the compiler knows */
                memcpy(out + entries + k, list + k, 4 * sizeof *list);
        }
        entries += m;
    }
    return entries;
}
