#include <math.h>
#include <string.h>

#include "compare.h"

static const int32_t sizes[] = {8, 4, 2, 1, 2, 4, 8, 1, 2, 4, 8}; /* bytes of each binning_kind but BIT */

static double some_value(bench *b) {
    switch (below(b, 12)) {
    case 0:
        return NAN;
    case 1:
        return below(b, 2) ? INFINITY : -INFINITY;
    case 2:
        return 1e40 * bell(b);
    case 3:
        return 1e-310 * bell(b);
    case 4:
    case 5:
    case 6:
        return (double)(below(b, 300) - 20);
    default:
        return bell(b);
    }
}

static void put(unsigned char *to, int32_t kind, bench *b) {
    const double x = some_value(b);
    const float f = (float)x;
    const uint64_t bits = below(b, 2) ? (uint64_t)below(b, 200) : bits64(b);
    if (kind == BINNING_F64)
        memcpy(to, &x, 8);
    else if (kind == BINNING_F32)
        memcpy(to, &f, 4);
    else
        memcpy(to, &bits, (size_t)sizes[kind]); /* little-endian: the low bytes */
}

/* A column of n rows of any kind, stride and mask. The data end with the last value. */
static binning_column some_column(bench *b, int64_t n) {
    binning_column column = {0};
    column.kind = (int32_t)below(b, BINNING_BIT + 1);
    if (column.kind == BINNING_BIT) {
        column.bit_first = below(b, 20);
        const size_t bytes = (size_t)(column.bit_first + n + 7) / 8;
        unsigned char *data = room(b, bytes);
        for (size_t i = 0; i < bytes; i++)
            data[i] = (unsigned char)bits64(b);
        column.data = data;
    } else {
        const int64_t size = sizes[column.kind];
        const int64_t step = below(b, 2) ? size : size + below(b, 9);
        unsigned char *data = room(b, (size_t)(n ? step * (n - 1) + size : 0));
        for (int64_t i = 0; i < n; i++)
            put(data + step * i, column.kind, b);
        const int backward = n && below(b, 4) == 0;
        column.data = backward ? data + step * (n - 1) : data;
        column.stride = backward ? -step : step;
    }
    column.mask_kind = below(b, 2) ? BINNING_NO_MASK : 1 + (int32_t)below(b, 2);
    if (column.mask_kind == BINNING_NO_MASK)
        return column;
    column.mask_stride = 1;
    column.mask_bit_first = below(b, 9);
    unsigned char *mask = room(b, (size_t)(n + 16));
    for (int64_t i = 0; i < n + 16; i++)
        mask[i] = (unsigned char)(column.mask_kind == BINNING_MASK_BYTES ? below(b, 5) == 0 : bits64(b));
    column.mask = mask;
    return column;
}

/* Ascending bounds, -inf first, as binning makes them. */
static double *some_bounds(bench *b, int32_t n) {
    double *lower = room(b, (size_t)n * sizeof *lower);
    const double step = below(b, 3) ? 1.0 : 1e-9;
    double x = bell(b);
    for (int32_t i = 0; i < n; i++) {
        lower[i] = i ? x : -INFINITY;
        x += step * (1e-6 + uniform(b));
    }
    return lower;
}

static binning_table some_table(bench *b) {
    binning_table table = {0};
    table.is_categorical = below(b, 4) == 0;
    if (table.is_categorical) {
        table.n_known = below(b, 255);
        table.n_small = below(b, 100);
        double *known = room(b, (size_t)table.n_known * sizeof *known);
        uint8_t *code = room(b, (size_t)table.n_known), *small = room(b, (size_t)table.n_small);
        for (int64_t i = 0; i < table.n_known; i++) {
            known[i] = (double)(3 * i - 5);
            code[i] = (uint8_t)bits64(b);
        }
        for (int64_t i = 0; i < table.n_small; i++)
            small[i] = (uint8_t)bits64(b);
        table.known = known;
        table.known_code = code;
        table.small_code = small;
        return table;
    }
    table.n_lower = (int32_t)below(b, 256);
    table.depth = BINNING_MIN_DEPTH;
    while (1 << table.depth <= table.n_lower)
        table.depth++;
    const double *lower = some_bounds(b, table.n_lower);
    const size_t size = (size_t)1 << table.depth;
    float *tree32 = room(b, size * sizeof *tree32), *coarse = room(b, size * sizeof *coarse);
    double *padded = room(b, size * sizeof *padded);
    table.offset = below(b, 2) ? bell(b) : 0.0;
    fastml_tree_kernels_serial.binning_plant(lower, table.n_lower, table.depth, table.offset, tree32, coarse,
                                             padded);
    table.coarse_pays = fastml_tree_kernels_serial.binning_coarse_pays(lower, table.n_lower, table.offset);
    table.tree32 = tree32;
    table.coarse = coarse;
    table.lower = padded;
    uint8_t *cells = room(b, BINNING_CELLS + 1);
    table.cells = cells;
    if (below(b, 2))
        table.most_in_cell = fastml_tree_kernels_serial.binning_cells(lower, table.n_lower, &table.cell_low,
                                                                      &table.cell_scale, cells);
    return table;
}

static void read(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 900), taken = below(b, n + 1);
    const binning_column column = some_column(b, n);
    const int is_f32 = (int)below(b, 2);
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, taken, n) : NULL;
    const int64_t first = rows ? 0 : below(b, n - taken + 1);
    const size_t bytes = (size_t)taken * (is_f32 ? 4 : 8);
    void *out = room(b, bytes);
    k->binning_read(&column, rows, first, taken, is_f32, out);
    keep(b, &taken, sizeof taken);
    keep(b, out, bytes);
}

static void plant(const fastml_tree_kernels *k, bench *b) {
    const int32_t n = (int32_t)below(b, 256), depth = BINNING_MAX_DEPTH;
    float *tree32 = room(b, sizeof(float) << depth), *coarse = room(b, sizeof(float) << depth);
    double *padded = room(b, sizeof(double) << depth);
    const double *lower = some_bounds(b, n), offset = bell(b);
    k->binning_plant(lower, n, depth, offset, tree32, coarse, padded);
    keep(b, tree32, sizeof(float) << depth);
    keep(b, coarse, sizeof(float) << depth);
    keep(b, padded, sizeof(double) << depth);
}

static void cells(const fastml_tree_kernels *k, bench *b) {
    const int32_t n = (int32_t)below(b, 256);
    uint8_t *out = zeros(b, BINNING_CELLS + 1);
    double low, scale;
    const int32_t most = k->binning_cells(some_bounds(b, n), n, &low, &scale, out);
    keep(b, &most, sizeof most);
    keep(b, out, BINNING_CELLS + 1);
}

static void coarse_pays(const fastml_tree_kernels *k, bench *b) {
    const int32_t n = (int32_t)below(b, 256);
    const double *lower = some_bounds(b, n), offset = bell(b);
    const int pays = k->binning_coarse_pays(lower, n, offset);
    keep(b, &pays, sizeof pays);
}

static void code(const fastml_tree_kernels *k, bench *b) {
    const binning_table table = some_table(b);
    for (int i = 0; i < 200; i++) {
        const uint8_t one = k->binning_code(&table, some_value(b));
        keep(b, &one, 1);
    }
}

static void codes(const fastml_tree_kernels *k, bench *b) {
    enum { MOST = 6 };
    const int64_t n_all = 1 + some_rows(b, 900), n = below(b, n_all + 1), first = below(b, n_all - n + 1);
    binning_column columns[MOST];
    binning_table tables[MOST];
    int32_t features[MOST], n_features = 0;
    for (int32_t f = 0; f < MOST; f++) {
        columns[f] = some_column(b, n_all);
        tables[f] = some_table(b);
        if (below(b, 3))
            features[n_features++] = f;
    }
    const int all = below(b, 2) == 0;
    if (all)
        n_features = MOST;
    const int64_t stride = n + below(b, 70);
    uint8_t *out = zeros(b, (size_t)(MOST * stride));
    k->binning_codes(columns, tables, all ? NULL : features, n_features, first, n, out, stride);
    keep(b, out, (size_t)(MOST * stride));
}

static void codes_csr(const fastml_tree_kernels *k, bench *b) {
    enum { MOST = 8 };
    const int64_t n_all = 1 + some_rows(b, 300), n = 1 + below(b, n_all), row = below(b, n_all - n + 1);
    int64_t *start = room(b, (size_t)(n_all + 1) * sizeof *start);
    int32_t *feature32 = room(b, (size_t)(n_all * MOST) * sizeof *feature32);
    int64_t *feature64 = room(b, (size_t)(n_all * MOST) * sizeof *feature64), entries = 0;
    binning_table tables[MOST];
    int32_t slot[MOST];
    for (int32_t f = 0; f < MOST; f++) {
        tables[f] = some_table(b);
        slot[f] = (int32_t)below(b, MOST + 1) - 1;
    }
    for (int64_t i = 0; i < n_all; i++) {
        start[i] = entries;
        for (int32_t f = 0; f < MOST; f++)
            if (below(b, 3) == 0) {
                feature32[entries] = f;
                feature64[entries++] = f;
            }
    }
    start[n_all] = entries;
    const int narrow = below(b, 2) == 0;
    const binning_csr csr = {some_column(b, entries), start, narrow ? feature32 : NULL,
                             narrow ? NULL : feature64};
    uint8_t *out = zeros(b, (size_t)(n * MOST));
    k->binning_codes_csr(&csr, tables, below(b, 2) ? slot : NULL, row, n, out, MOST, 1);
    keep(b, &entries, sizeof entries);
    keep(b, out, (size_t)(n * MOST));
}

static void transpose(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = below(b, 3) == 0 ? 1 + below(b, 15) : some_rows(b, 700);
    const int64_t width = 1 + below(b, 64), padded = (width + 15) / 16 * 16;
    const int64_t from_stride = n + below(b, 70), to_stride = padded + 16 * below(b, 2);
    uint8_t *from = room(b, (size_t)(width * from_stride)), *to = zeros(b, (size_t)(n * to_stride));
    for (int64_t i = 0; i < width * from_stride; i++)
        from[i] = (uint8_t)bits64(b);
    k->binning_transpose(from, from_stride, width, padded, n, to, to_stride);
    keep(b, &n, sizeof n);
    keep(b, to, (size_t)(n * to_stride));
}

static void take(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 700), n = below(b, n_all + 1), stride = 16 * (1 + below(b, 4));
    uint8_t *from = room(b, (size_t)(n_all * stride)), *to = room(b, (size_t)(n * stride));
    for (int64_t i = 0; i < n_all * stride; i++)
        from[i] = (uint8_t)bits64(b);
    k->binning_take(from, stride, some_row_numbers(b, n, n_all), n, to);
    keep(b, &n, sizeof n);
    keep(b, to, (size_t)(n * stride));
}

const kernel_case binning_cases[] = {
    {"binning_read", read},
    {"binning_plant", plant},
    {"binning_coarse_pays", coarse_pays},
    {"binning_cells", cells},
    {"binning_code", code},
    {"binning_codes", codes},
    {"binning_codes_csr", codes_csr},
    {"binning_transpose", transpose},
    {"binning_take", take},
    {NULL, NULL},
};
