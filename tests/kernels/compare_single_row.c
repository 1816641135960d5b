#include <math.h>

#include "compare.h"

enum { PLANES = 40, PAGES = 3, TABLE = PAGES * SINGLE_ROW_PAGE + 1, OUTPUTS = 3 };

/* Ascending, some of them equal to values that are asked for, then NaN: as many as blocks of sixteen hold. */
static const double *some_plane_bounds(bench *b, int32_t n, int is_long) {
    const int32_t size = SINGLE_ROW_BLOCK * (is_long ? 2 + n / SINGLE_ROW_BLOCK : 1);
    double *bounds = room(b, (size_t)size * sizeof *bounds), *own = bounds + is_long * SINGLE_ROW_BLOCK;
    for (int32_t i = 0; i < size; i++)
        bounds[i] = NAN;
    for (int32_t i = 0; i < n; i++)
        own[i] = i ? own[i - 1] + (double)(1 + below(b, 4)) / 8 : below(b, 2) ? -INFINITY : -4.0;
    if (n > 1 && isinf(own[0]))
        for (int32_t i = 1; i < n; i++)
            own[i] = i == 1 ? -4.0 : own[i - 1] + (double)(1 + below(b, 4)) / 8;
    for (int32_t k = 0; is_long && k < n / SINGLE_ROW_BLOCK; k++)
        bounds[k] = own[(k + 1) * SINGLE_ROW_BLOCK - 1];
    return bounds;
}

static void codes(const fastml_tree_kernels *k, bench *b) {
    enum { SETS = 5, CATEGORIES = 9 };
    const double known[CATEGORIES] = {-3.5, 0, 1, 2, 3, 7, 8, 20, 1e9};
    const uint8_t known_code[CATEGORIES] = {9, 8, 7, 6, 5, 4, 3, 2, 1}, small_code[4] = {8, 7, 6, 5};
    const binning_table table = {.is_categorical = 1,
                                 .known = known,
                                 .known_code = known_code,
                                 .small_code = small_code,
                                 .n_known = CATEGORIES,
                                 .n_small = 4};
    single_row_plane planes[PLANES] = {0};
    single_row_set sets[SETS];
    uint8_t bits[SETS][32];
    const int32_t n_short = (int32_t)below(b, PLANES), n_long = (int32_t)below(b, PLANES - n_short);
    for (int32_t p = 0; p < PLANES; p++) {
        const int is_long = p >= n_short;
        if (p < n_short + n_long) {
            const int32_t n = is_long ? 17 + (int32_t)below(b, 239) : (int32_t)below(b, 17);
            planes[p].bounds = some_plane_bounds(b, n, is_long);
        } else
            planes[p].table = &table;
        planes[p].feature = p;
        planes[p].code_at = below(b, 4) ? 2 * p : TABLE - 1;
        planes[p].less_at = below(b, 4) ? 2 * p + 1 : TABLE - 1;
    }
    for (int s = 0; s < SETS; s++) {
        for (int i = 0; i < 32; i++)
            bits[s][i] = (uint8_t)bits64(b);
        sets[s] = (single_row_set){bits[s], 2 * (int32_t)below(b, PLANES), 2 * PLANES + s};
    }
    const single_row_coder coder = {planes, sets, n_short, n_short + n_long, PLANES, SETS};
    const int is_f32 = (int)below(b, 2);
    const int64_t step = 1 + below(b, 3), size = is_f32 ? sizeof(float) : sizeof(double);
    char *row = room(b, (size_t)(((PLANES - 1) * step + 1) * size));
    for (int p = 0; p < PLANES; p++) {
        const int64_t kind = below(b, 12);
        const double x = kind == 0   ? (double)NAN
                         : kind == 1 ? INFINITY
                         : kind == 2 ? -INFINITY
                         : kind < 8  ? (double)(below(b, 400) - 36) / 8
                                     : 10 * bell(b);
        if (is_f32)
            ((float *)row)[p * step] = (float)x;
        else
            ((double *)row)[p * step] = x;
    }
    uint8_t *out = zeros(b, TABLE);
    k->single_row_codes(&coder, row, step * size, is_f32, out);
    keep(b, out, TABLE - 1); /* the last one is nowhere, and may be anything */
}

static void sums(const fastml_tree_kernels *k, bench *b) {
    enum { GROUPS = 3, MOST_LINES = 40 };
    const int64_t n_trees = 1 + below(b, GROUPS * SINGLE_ROW_LANES);
    single_row_group groups[GROUPS];
    int32_t page_of[GROUPS * MOST_LINES];
    int64_t n_lines = 0, n_bytes = 0, n_leaves = 0;
    for (int g = 0; g < GROUPS; g++) {
        const int32_t bytes = 1 << below(b, 4);
        groups[g] = (single_row_group){n_lines, n_bytes, n_leaves, (int32_t)below(b, MOST_LINES), bytes};
        n_lines += groups[g].n_lines;
        n_bytes += (int64_t)groups[g].n_lines * SINGLE_ROW_LANES * bytes;
        n_leaves += 8 * bytes * SINGLE_ROW_LANES;
    }
    const size_t n_cells = (size_t)n_lines * SINGLE_ROW_LANES;
    uint8_t *slots = room(b, n_cells), *limits = room(b, n_cells), *left = zeros(b, (size_t)n_bytes);
    uint8_t *table = room(b, TABLE);
    double *leaf_value = room(b, (size_t)n_leaves * sizeof *leaf_value);
    int32_t *output = room(b, (size_t)n_trees * sizeof *output);
    for (int64_t i = 0; i < n_lines; i++)
        page_of[i] = (int32_t)below(b, PAGES);
    for (size_t i = 0; i < n_cells; i++) {
        slots[i] = (uint8_t)below(b, SINGLE_ROW_PAGE);
        limits[i] = below(b, 8) ? (uint8_t)bits64(b) : 255;
    }
    for (int g = 0; g < GROUPS; g++) { /* a few leaves at most, never the last one */
        const int32_t bytes = groups[g].word_bytes;
        for (int64_t i = 0; i < groups[g].n_lines * SINGLE_ROW_LANES; i++) {
            const int64_t leaf = below(b, 8 * bytes - 1);
            left[groups[g].first_word + i * bytes + leaf / 8] = (uint8_t)(1 << leaf % 8);
        }
    }
    for (int i = 0; i < TABLE; i++)
        table[i] = (uint8_t)bits64(b);
    for (int64_t i = 0; i < n_leaves; i++)
        leaf_value[i] = bell(b);
    const int32_t n_outputs = below(b, 2) ? 1 : OUTPUTS;
    for (int64_t t = 0; t < n_trees; t++)
        output[t] = (int32_t)below(b, n_outputs);
    const single_row_pack pack = {groups,     page_of, slots,   limits,   left,
                                  leaf_value, output,  n_trees, n_outputs};
    double found[OUTPUTS] = {0.5, 0.25, 0.125};
    k->single_row_sums(&pack, table, found);
    keep(b, found, sizeof found);
}

const kernel_case single_row_cases[] = {
    {"single_row_codes", codes},
    {"single_row_sums", sums},
    {NULL, NULL},
};
