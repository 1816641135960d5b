#include <string.h>

#include "compare.h"

/* A node: the cells of one feature, its rows and weights per code, and the node's sums. */
typedef struct node_data {
    int64_t *cells;
    split_exact *exact;
    split_node node;
    split_params params;
    int32_t n_codes, n_cells;
} node_data;

static node_data some_node(bench *b) {
    node_data data = {0};
    data.n_codes = 1 + (int32_t)below(b, 256);
    data.n_cells = (data.n_codes + HISTOGRAM_PAD - 1) / HISTOGRAM_PAD * HISTOGRAM_PAD;
    data.cells = zeros(b, (size_t)data.n_cells * sizeof *data.cells);
    data.exact = zeros(b, sizeof *data.exact);
    const int64_t n = some_rows(b, 4000);
    const double slope = bell(b);
    /* a node far from its optimum: gains are a small part of scores */
    const int64_t common = below(b, 2) ? (int64_t)(20000.0 * bell(b)) : 0;
    const int missing = below(b, 2) == 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t c = below(b, data.n_codes);
        if (c == 0 && !missing)
            c = data.n_codes - 1;
        const int64_t g = common + (int64_t)(1000.0 * (bell(b) + slope * ((double)c / 256 - 0.5)));
        const int64_t h = below(b, 3000);
        const double weight = uniform(b);
        data.cells[c] += g * ((int64_t)1 << 32) + h;
        data.node.g += g;
        data.node.h += h;
        data.exact->rows[c]++;
        data.exact->weight[c] += weight;
        data.exact->total_weight += weight;
    }
    data.node.n_rows = n;
    data.node.value = 0.1 * bell(b);
    data.node.lower = below(b, 2) ? -1e300 : data.node.value - uniform(b);
    data.node.upper = below(b, 2) ? 1e300 : data.node.value + uniform(b);
    split_params *p = &data.params;
    p->scale_g = 0x1p10;
    p->scale_h = 0x1p11;
    static const double l2_units[] = {0.0, 0.0, 1.0, 1.0, 1.0, 1e6, 1e14, 1e30};
    p->l2 = l2_units[below(b, 8)] * uniform(b);
    p->cat_smooth = 10.0 * uniform(b);
    p->cat_l2 = 10.0 * uniform(b);
    data.node.min_h = 1 + below(b, 4000);
    p->min_rows = below(b, 30);
    p->min_weight = 10.0 * uniform(b);
    p->max_cat_onehot = (int32_t)below(b, 300);
    p->plain = below(b, 2) == 0;
    if (!p->plain) {
        p->l1 = uniform(b);
        p->max_delta_step = below(b, 2) ? uniform(b) : 0.0;
        p->path_smooth = below(b, 2) ? 10.0 * uniform(b) : 0.0;
    }
    return data;
}

static void keep_candidate(bench *b, const split_candidate *best) {
    keep(b, &best->gain, sizeof best->gain);
    if (best->gain < 0)
        return;
    keep(b, &best->g_left, sizeof best->g_left);
    keep(b, &best->h_left, sizeof best->h_left);
    keep(b, &best->code, 1);
    keep(b, &best->missing_left, 1);
    keep(b, &best->categorical, 1);
    keep(b, &best->sorted, 1);
    keep(b, &best->any_missing, 1);
    if (best->categorical)
        keep(b, best->set, sizeof best->set);
}

static void numerical(const fastml_tree_kernels *k, bench *b) {
    node_data data = some_node(b);
    int64_t *sibling = NULL;
    if (below(b, 2)) {
        /* the parent's cells come in and the difference, the node's, is searched */
        sibling = zeros(b, (size_t)data.n_cells * sizeof *sibling);
        for (int32_t c = 0; c < data.n_codes; c++) {
            sibling[c] = (below(b, 60000) - 30000) * ((int64_t)1 << 32) + below(b, 100000);
            data.cells[c] += sibling[c];
        }
    }
    split_candidate best;
    memset(&best, 0, sizeof best);
    /* the least score of interest: any, or near what a real split has */
    double least = -1.0;
    if (below(b, 2)) {
        const double g = (double)data.node.g, h = (double)data.node.h + 1.0;
        least = 2.0 * uniform(b) * g * g / h;
    }
    k->split_numerical(data.cells, sibling, data.n_codes, &data.params, &data.node, least, &best);
    keep_candidate(b, &best);
    if (best.gain >= 0)
        keep(b, &best.score, sizeof best.score);
    keep(b, data.cells, (size_t)data.n_cells * sizeof *data.cells);
}

/* The same search on counted cells, and these taken apart. */
static void counted(const fastml_tree_kernels *k, bench *b) {
    node_data data = some_node(b), other = some_node(b);
    keep(b, &data.n_codes, sizeof data.n_codes);
    if (data.node.n_rows > HISTOGRAM_COUNTED / 2 || other.node.n_rows > HISTOGRAM_COUNTED / 2)
        return;
    const int with_sibling = below(b, 2) == 0;
    int64_t *sibling = zeros(b, (size_t)data.n_cells * sizeof *sibling);
    for (int32_t c = 0; c < data.n_codes; c++) {
        const int64_t cell = data.cells[c];
        data.cells[c] = cell_g(cell) * ((int64_t)1 << 36) + (cell_h(cell) << 10) + data.exact->rows[c];
        if (c < other.n_codes && with_sibling) {
            const int64_t away = other.cells[c];
            sibling[c] = cell_g(away) * ((int64_t)1 << 36) + (cell_h(away) << 10) + other.exact->rows[c];
            data.cells[c] += sibling[c];
        }
    }
    data.node.counted = 1;
    split_candidate best;
    memset(&best, 0, sizeof best);
    k->split_numerical(data.cells, with_sibling ? sibling : NULL, data.n_codes, &data.params, &data.node,
                       -1.0, &best);
    keep_candidate(b, &best);
    int64_t pairs[256];
    split_exact *exact = room(b, sizeof *exact);
    k->split_expand(data.cells, data.n_codes, pairs, exact);
    keep(b, pairs, (size_t)data.n_codes * sizeof *pairs);
    keep(b, exact->rows, sizeof exact->rows);
}

static void general(const fastml_tree_kernels *k, bench *b) {
    node_data data = some_node(b);
    split_candidate best;
    memset(&best, 0, sizeof best);
    const int32_t monotone = (int32_t)below(b, 3) - 1;
    const int32_t only = below(b, 3) ? 0 : (int32_t)below(b, data.n_codes);
    const split_exact *exact = data.params.path_smooth > 0 || below(b, 2) ? data.exact : NULL;
    k->split_general(data.cells, exact, data.n_codes, monotone, only, &data.params, &data.node, &best);
    keep_candidate(b, &best);
}

static void categorical(const fastml_tree_kernels *k, bench *b) {
    node_data data = some_node(b);
    split_candidate best;
    memset(&best, 0, sizeof best);
    const split_exact *exact = data.params.path_smooth > 0 || below(b, 2) ? data.exact : NULL;
    k->split_categorical(data.cells, exact, data.n_codes, &data.params, &data.node, &best);
    keep_candidate(b, &best);
}

static void count(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 3000), n = below(b, n_all + 1);
    uint8_t *column = room(b, (size_t)n_all);
    double *weights = room(b, (size_t)n_all * sizeof *weights);
    for (int64_t i = 0; i < n_all; i++) {
        column[i] = (uint8_t)bits64(b);
        weights[i] = uniform(b);
    }
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, n, n_all) : NULL;
    split_exact *exact = room(b, sizeof *exact);
    k->split_count(column, rows, n, below(b, 2) ? weights : NULL, exact);
    keep(b, exact->rows, sizeof exact->rows);
    keep(b, exact->weight, sizeof exact->weight);
    keep(b, &exact->total_weight, sizeof exact->total_weight);
}

static void leaf_value(const fastml_tree_kernels *k, bench *b) {
    const node_data data = some_node(b);
    const double value = k->split_leaf_value(&data.params, &data.node, data.node.g / 3, data.node.h / 2,
                                             data.node.n_rows / 2, (int)below(b, 2));
    keep(b, &value, sizeof value);
}

const kernel_case split_cases[] = {
    {"split_numerical", numerical},
    {"split_expand", counted},
    {"split_general", general},
    {"split_categorical", categorical},
    {"split_count", count},
    {"split_leaf_value", leaf_value},
    {NULL, NULL},
};
