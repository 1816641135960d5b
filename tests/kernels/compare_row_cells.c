#include "compare.h"

static void lists(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 3000);
    const int64_t n = below(b, n_all + 1);
    const int32_t d = 1 + (int32_t)below(b, ROW_CELLS_MOST);
    const int64_t stride = (d + 15) / 16 * 16;
    const int32_t filled = below(b, 2) == 0;
    uint8_t *codes = zeros(b, (size_t)(n_all * stride));
    row_cells_group *groups = zeros(b, (size_t)d * sizeof *groups);
    int32_t n_cells = 0, n_groups = 0;
    int32_t n_codes[ROW_CELLS_MOST], first[ROW_CELLS_MOST];
    for (int32_t f = 0; f < d; f++) {
        n_codes[f] = 1 + (int32_t)below(b, below(b, 2) ? 256 : 9);
        first[f] = n_cells;
        n_cells += (n_codes[f] + HISTOGRAM_PAD - 1) / HISTOGRAM_PAD * HISTOGRAM_PAD;
        for (int64_t i = 0; i < n_all; i++)
            codes[i * stride + f] = (uint8_t)below(b, n_codes[f]);
    }
    const int32_t n_features_cells = n_cells;
    for (int32_t f = 0; f < d; f++) {
        row_cells_group *group = groups + n_groups++;
        *group = (row_cells_group){f, -1, first[f], n_codes[f], 1, 0, 0, first[f], 0, ROW_CELLS_NONE};
        if (f + 1 < d && n_codes[f] * n_codes[f + 1] <= 600 && below(b, 2)) {
            group->b = f + 1;
            group->n_b = n_codes[f + 1];
            group->cells_b = first[f + 1];
            group->first = n_cells;
            n_cells += group->n_a * group->n_b;
            f++;
        }
        if (filled && below(b, 4))
            group->omitted = group->first + (int32_t)below(b, group->n_a * group->n_b);
    }
    const int32_t total = n_cells;
    n_cells += ROW_CELLS_SPARE;
    const int64_t entries =
        k->row_cells_fill(codes, stride, n_all, groups, n_groups, total, filled, 0, NULL, NULL);
    uint16_t *cells_of_rows = room(b, (size_t)entries * sizeof *cells_of_rows);
    uint32_t *start = room(b, (size_t)(n_all + 1) * sizeof *start);
    k->row_cells_fill(codes, stride, n_all, groups, n_groups, total, filled, 0, start, cells_of_rows);
    start[n_all] = (uint32_t)(entries / 4);
    uint32_t *gh = room(b, (size_t)n * sizeof *gh);
    for (int64_t i = 0; i < n; i++)
        gh[i] = (uint32_t)bits64(b);
    const int listed = below(b, 2) == 0;
    const uint32_t *numbers = listed ? some_row_numbers(b, n, n_all) : NULL;
    const int64_t at = listed ? 0 : below(b, n_all - n + 1);
    const int32_t counted = (int32_t)below(b, 2);
    int64_t *cells = zeros(b, (size_t)n_cells * sizeof *cells);
    const row_cells lists = {cells_of_rows, filled ? start : NULL, n_groups, total};
    k->row_cells_add(&lists, counted, numbers, at, gh, n, cells);
    k->row_cells_complete(groups, n_groups, total, cells);
    const int32_t n_outputs = 1 + (int32_t)below(b, HISTOGRAM_OUTPUTS);
    const uint32_t *outputs[HISTOGRAM_OUTPUTS];
    for (int32_t o = 0; o < n_outputs; o++)
        outputs[o] = gh;
    const int64_t n_lines = (int64_t)n_cells * histogram_line(n_outputs);
    int64_t *lines = zeros(b, (size_t)n_lines * sizeof *lines);
    k->row_cells_outputs(&lists, at, outputs, n_outputs, 0, listed ? 0 : n, lines);
    keep(b, lines, (size_t)n_lines * sizeof *lines);
    keep(b, cells_of_rows, (size_t)entries * sizeof *cells_of_rows);
    keep(b, cells, (size_t)n_features_cells * sizeof *cells);
}

const kernel_case row_cells_cases[] = {
    {"row_cells_add", lists},
    {"row_cells_outputs", lists},
    {"row_cells_complete", lists},
    {"row_cells_fill", lists},
    {NULL, NULL},
};
