#include "compare.h"

static void keep_cells(bench *b, const int64_t *cells, int64_t n) {
    keep(b, cells, (size_t)n * sizeof *cells);
}

static int64_t *some_cells(bench *b, int64_t n) {
    int64_t *cells = room(b, (size_t)n * sizeof *cells);
    for (int64_t i = 0; i < n; i++)
        cells[i] = (int64_t)(bits64(b) >> 2);
    return cells;
}

static void rows(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 3000);
    const int64_t n = below(b, n_all + 1);
    const int32_t d = 1 + (int32_t)below(b, 64);
    const int64_t stride = (d + 15) / 16 * 16;
    uint8_t *codes = zeros(b, (size_t)(n_all * stride + 64));
    int32_t *offset = room(b, (size_t)d * sizeof *offset), *position = room(b, (size_t)d * sizeof *position);
    int32_t n_features = 0, n_cells = 0;
    const int full = below(b, 3) == 0, every = full || below(b, 2) == 0;
    for (int32_t f = 0; f < d; f++) {
        const int32_t n_codes = 1 + (int32_t)below(b, 256);
        for (int64_t i = 0; i < n_all; i++)
            codes[i * stride + f] = (uint8_t)below(b, n_codes);
        if (!every && below(b, 3) == 0)
            continue;
        position[n_features] = f;
        offset[n_features++] = n_cells;
        n_cells += full ? HISTOGRAM_FULL : (n_codes + HISTOGRAM_PAD - 1) / HISTOGRAM_PAD * HISTOGRAM_PAD;
    }
    uint32_t *gh = room(b, (size_t)n * sizeof *gh);
    for (int64_t i = 0; i < n; i++)
        gh[i] = (uint32_t)bits64(b);
    const int listed = below(b, 2) == 0;
    const uint32_t *numbers = listed ? some_row_numbers(b, n, n_all) : NULL;
    const int64_t first = listed ? 0 : below(b, n_all - n + 1);
    int64_t *cells = zeros(b, (size_t)n_cells * sizeof *cells);
    const int32_t at_once = 4 * (1 + (int32_t)below(b, 16));
    const histogram_block block = {codes, stride, every ? NULL : position, offset, n_features, full, at_once};
    k->histogram_rows(&block, below(b, 2), numbers, first, gh, n, cells);
    keep(b, &n_features, sizeof n_features);
    keep_cells(b, cells, n_cells);
}

static void outputs(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 1000);
    const int64_t n = below(b, n_all + 1);
    const int64_t first = below(b, n_all - n + 1);
    const int64_t lo = below(b, n + 1);
    const int32_t d = 1 + (int32_t)below(b, 20), n_outputs = 1 + (int32_t)below(b, HISTOGRAM_OUTPUTS);
    const int64_t stride = (d + 15) / 16 * 16;
    const int every = below(b, 2) == 0;
    uint8_t *codes = zeros(b, (size_t)(n_all * stride));
    int32_t *offset = room(b, (size_t)d * sizeof *offset), *position = room(b, (size_t)d * sizeof *position);
    for (int32_t f = 0; f < d; f++) {
        offset[f] = 1000 + f * HISTOGRAM_FULL;
        position[f] = every ? f : d - 1 - f;
        for (int64_t i = 0; i < n_all; i++)
            codes[i * stride + f] = (uint8_t)below(b, 256);
    }
    const uint32_t *gh[HISTOGRAM_OUTPUTS];
    for (int32_t o = 0; o < n_outputs; o++) {
        uint32_t *own = room(b, (size_t)n * sizeof *own);
        for (int64_t i = 0; i < n; i++)
            own[i] = (uint32_t)bits64(b);
        gh[o] = own;
    }
    const int64_t n_cells = (int64_t)d * HISTOGRAM_FULL, part_cells = n_cells * histogram_line(n_outputs);
    int64_t *lines = zeros(b, (size_t)(2 * part_cells) * sizeof *lines);
    const histogram_block block = {codes, stride, every ? NULL : position, offset, d, every, d};
    k->histogram_outputs(&block, first, gh, n_outputs, lo, n, lines);
    k->histogram_outputs(&block, first, gh, n_outputs, 0, lo, lines + part_cells);
    int64_t *cells[HISTOGRAM_OUTPUTS];
    for (int32_t o = 0; o < n_outputs; o++)
        cells[o] = zeros(b, (size_t)n_cells * sizeof **cells);
    k->histogram_spread(lines, 2, part_cells, n_outputs, 0, n_cells, cells);
    for (int32_t o = 0; o < n_outputs; o++)
        keep_cells(b, cells[o], n_cells);
}

static void add(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = HISTOGRAM_PAD * below(b, 200);
    int64_t *cells = some_cells(b, n);
    k->histogram_add(cells, some_cells(b, n), n);
    keep_cells(b, cells, n);
}

static void subtract(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = HISTOGRAM_PAD * below(b, 200);
    int64_t *cells = some_cells(b, n);
    k->histogram_subtract(cells, some_cells(b, n), n);
    keep_cells(b, cells, n);
}

const kernel_case histogram_cases[] = {
    {"histogram_rows", rows}, {"histogram_outputs", outputs},   {"histogram_spread", outputs},
    {"histogram_add", add},   {"histogram_subtract", subtract}, {NULL, NULL},
};
