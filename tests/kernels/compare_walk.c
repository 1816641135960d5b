#include <math.h>

#include "compare.h"

/* Nodes [lo, hi) as a subtree: its root at lo, the left part after it, then the right part. */
static void plant(bench *b, walk_node *nodes, int64_t lo, int64_t hi, int64_t n_features, int64_t n_sets) {
    while (hi - lo >= 3) {
        const int64_t n_left = 1 + 2 * below(b, (hi - lo - 1) / 2);
        walk_node *node = nodes + lo;
        node->feature = (int32_t)below(b, n_features);
        node->threshold = bell(b);
        if (below(b, 2))
            node->feature |= WALK_MISSING_LEFT;
        if (n_sets && node->feature % 2) {
            node->feature |= WALK_CATEGORIES;
            node->threshold = (double)below(b, n_sets);
        }
        node->right = (uint32_t)(lo + 1 + n_left);
        plant(b, nodes, lo + 1, lo + 1 + n_left, n_features, n_sets);
        lo += 1 + n_left;
    }
    nodes[lo].feature = INT32_MIN;
    nodes[lo].threshold = bell(b);
    nodes[lo].right = (uint32_t)bits64(b);
}

static void rows(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_features = 1 + below(b, 20), n_nodes = 1 + 2 * below(b, 300), n = some_rows(b, 500);
    const int64_t n_sets = below(b, 2) ? 1 + below(b, 9) : 0;
    const int with_slots = (int)below(b, 2);
    walk_node *nodes = room(b, (size_t)n_nodes * sizeof *nodes);
    plant(b, nodes, 0, n_nodes, n_features, n_sets);
    uint8_t *sets = room(b, (size_t)n_sets * 32);
    for (int64_t i = 0; i < 32 * n_sets; i++)
        sets[i] = (uint8_t)bits64(b);
    int32_t *slot = room(b, (size_t)n_features * sizeof *slot);
    for (int64_t f = 0; f < n_features; f++)
        slot[f] = (int32_t)(n_features - 1 - f);
    double *x = room(b, (size_t)(n * n_features) * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        for (int64_t f = 0; f < n_features; f++) {
            double *at = x + i * n_features + (with_slots ? slot[f] : f);
            if (n_sets && f % 2)
                *at = (double)below(b, 256);
            else if (below(b, 8))
                *at = bell(b);
            else
                *at = NAN;
        }
    uint32_t *leaf = room(b, (size_t)n * sizeof *leaf);
    const walk_tree tree = {nodes, n_sets ? sets : NULL, with_slots ? slot : NULL};
    k->walk_rows(&tree, x, n_features, n, leaf);
    keep(b, leaf, (size_t)n * sizeof *leaf);
}

const kernel_case walk_cases[] = {
    {"walk_rows", rows},
    {NULL, NULL},
};
