#include "compare.h"

/* A layout over random codes, narrow or wide; blocks and columns hold different codes, each exactly as large
 * as its contract says. */
static records_layout *some_layout(bench *b, int64_t n_all) {
    records_layout *layout = zeros(b, sizeof *layout);
    const int32_t n_features = 1 + (int32_t)below(b, 64);
    const int wide = below(b, 3) == 0;
    layout->small = (int32_t)below(b, 2);
    const int32_t size = layout->small ? wide || below(b, 2) ? 8 : 4 : 16;
    layout->n_codes = wide ? 0 : n_features;
    layout->stride = wide ? size : (n_features + size + 15) / 16 * 16;
    layout->payload = layout->stride - size;
    layout->row = size > 4 ? layout->stride - 4 : -1;
    layout->n_blocks = 1;
    int32_t *block_stride = room(b, sizeof *block_stride);
    block_stride[0] = (n_features + 15) / 16 * 16;
    const int64_t n_block = n_all * block_stride[0] + 64;
    uint8_t *block = room(b, (size_t)n_block), *columns = room(b, (size_t)(n_all * n_features));
    for (int64_t i = 0; i < n_block; i++)
        block[i] = (uint8_t)bits64(b);
    for (int64_t i = 0; i < n_all * n_features; i++)
        columns[i] = (uint8_t)bits64(b);
    const uint8_t **blocks = room(b, sizeof *blocks);
    blocks[0] = block;
    layout->blocks = blocks;
    layout->block_stride = block_stride;
    layout->columns = columns;
    layout->column_stride = n_all;
    return layout;
}

static uint8_t *some_records(const fastml_tree_kernels *k, bench *b, const records_layout *layout,
                             int64_t n_all, int64_t *n) {
    uint32_t *weights = room(b, (size_t)n_all * sizeof *weights);
    int64_t *targets = room(b, (size_t)n_all * sizeof *targets);
    for (int64_t i = 0; i < n_all; i++) {
        weights[i] = (uint32_t)below(b, 4);
        targets[i] = below(b, 5);
    }
    uint8_t *records = zeros(b, (size_t)((n_all + 1) * layout->stride + 64));
    *n = k->records_fill(layout, weights, below(b, 4) ? targets : NULL, 0, n_all, records);
    return records;
}

static void fill(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 2000);
    int64_t n;
    const records_layout *layout = some_layout(b, n_all);
    const uint8_t *records = some_records(k, b, layout, n_all, &n);
    keep(b, &n, sizeof n);
    keep(b, records, (size_t)(n * layout->stride));
}

static void gather(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 2000);
    int64_t n;
    const records_layout *layout = some_layout(b, n_all);
    const uint8_t *records = some_records(&fastml_tree_kernels_serial, b, layout, n_all, &n);
    keep(b, &n, sizeof n);
    if (layout->row < 0)
        return;
    int32_t features[8];
    const int32_t n_features = 1 + (int32_t)below(b, 8), n_known = layout->n_codes ? layout->n_codes : 1;
    for (int s = 0; s < 8; s++)
        features[s] = (int32_t)below(b, n_known);
    uint8_t *codes = room(b, (size_t)(n * n_features));
    k->records_gather(layout, records, n, features, n_features, codes);
    keep(b, codes, (size_t)(n * n_features));
}

static void split(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 2000);
    int64_t n;
    const records_layout *layout = some_layout(b, n_all);
    uint8_t *records = some_records(&fastml_tree_kernels_serial, b, layout, n_all, &n);
    uint8_t *right = zeros(b, (size_t)(n * layout->stride)), *set = room(b, 32);
    for (int i = 0; i < 32; i++)
        set[i] = (uint8_t)bits64(b);
    const partition_rule rule = {below(b, 3) ? NULL : set, (uint8_t)(1 + below(b, 255)),
                                 (uint8_t)below(b, 2)};
    const int32_t n_known = layout->n_codes ? layout->n_codes : 1, feature = (int32_t)below(b, n_known);
    /* the contract: neither child is empty */
    int64_t n_left = 0;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *record = records + i * layout->stride;
        n_left += goes_left(&rule, layout->n_codes
                                       ? record[feature]
                                       : layout->columns[feature * n_all + records_row(layout, record)]);
    }
    keep(b, &n_left, sizeof n_left);
    if (n_left == 0 || n_left == n)
        return;
    n_left = k->records_split(layout, records, n, feature, &rule, right);
    keep(b, &n_left, sizeof n_left);
    keep(b, records, (size_t)(n_left * layout->stride));
    keep(b, right, (size_t)((n - n_left) * layout->stride));
}

static void recode(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 500);
    int64_t n;
    const records_layout *layout = some_layout(b, n_all);
    uint8_t *records = some_records(&fastml_tree_kernels_serial, b, layout, n_all, &n);
    keep(b, &n, sizeof n);
    if (!layout->n_codes || layout->row < 0 || n == 0)
        return;
    const int32_t n_features = 1 + (int32_t)below(b, layout->n_codes), most = 1 + (int32_t)below(b, 65535);
    uint16_t *ranks = room(b, (size_t)(n_all * n_features) * sizeof *ranks);
    for (int64_t i = 0; i < n_all * n_features; i++)
        ranks[i] = (uint16_t)below(b, 1 + most);
    int32_t *features = room(b, (size_t)n_features * sizeof *features);
    for (int32_t j = 0; j < n_features; j++)
        features[j] = j;
    const recode_ranks wide = {ranks, features, n_features, most};
    int32_t *n_codes = zeros(b, (size_t)layout->n_codes * sizeof *n_codes);
    uint16_t *rank_of = zeros(b, (size_t)n_features * 256 * sizeof *rank_of);
    const uint64_t done = k->records_recode(layout, records, n, &wide, bits64(b), rank_of, n_codes);
    keep(b, &done, sizeof done);
    keep(b, records, (size_t)(n * layout->stride));
    keep(b, n_codes, (size_t)layout->n_codes * sizeof *n_codes);
    keep(b, rank_of, (size_t)n_features * 256 * sizeof *rank_of);
}

const kernel_case records_cases[] = {
    {"records_fill", fill}, {"records_gather", gather}, {"records_split", split}, {"records_recode", recode},
    {NULL, NULL},
};
