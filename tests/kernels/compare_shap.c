#include <math.h>

#include "compare.h"

enum { MOST_NODES = 60, MOST_POINTS = 9 };

/* A random tree, planted node after node on the way through it. */
typedef struct plot {
    shap_node nodes[MOST_NODES];
    int64_t steps[3 * MOST_NODES];
    int64_t n_nodes, n_steps, n_repeated;
    int32_t n_planes, n_levels, n_leaves, n_sets;
    double edge[MOST_NODES]; /* share of the side that the path takes, by level */
} plot;

static void plant(bench *b, plot *p, int64_t most, int32_t level, int is_right, int32_t *last) {
    const int64_t number = p->n_nodes++;
    shap_node *node = p->nodes + number;
    int64_t part[2];
    part[0] = below(b, most);
    part[1] = most - 1 - part[0];
    node->plane = (int32_t)below(b, p->n_planes);
    node->level = level;
    node->flags = is_right ? SHAP_RIGHT : 0;
    node->threshold = (double)below(b, 9) - 4.0;
    if (p->n_sets && node->plane % 3 == 2) {
        node->flags |= SHAP_CATEGORIES;
        node->threshold = (double)below(b, p->n_sets);
    } else if (below(b, 2))
        node->flags |= SHAP_MISSING_LEFT;
    node->above_level = last[node->plane];
    node->above = node->above_level < 0 ? 1.0 : p->edge[node->above_level];
    node->inverse = node->above_level < 0 ? -1 : p->n_repeated++;
    node->share = below(b, 10) ? uniform(b) : (double)below(b, 2);
    node->left = node->above * node->share;
    node->right = node->above * (1.0 - node->share);
    p->n_levels = level + 1 > p->n_levels ? level + 1 : p->n_levels;
    for (int k = 0; k < 2; k++)
        node->leaf[k] = part[k] ? -1 : p->n_leaves++;
    p->steps[p->n_steps++] = 4 * number + (part[0] + part[1] ? SHAP_ENTER : SHAP_PAIR);
    last[node->plane] = level;
    for (int k = 0; k < 2; k++) {
        p->edge[level] = k ? node->right : node->left;
        if (k && part[0] && part[1])
            p->steps[p->n_steps++] = 4 * number + SHAP_TURN;
        if (part[k])
            plant(b, p, part[k], level + 1, k, last);
    }
    last[node->plane] = node->above_level;
    if (part[0] + part[1])
        p->steps[p->n_steps++] = 4 * number + SHAP_LEAVE;
}

static double *drawn(bench *b, int64_t n, double low) {
    double *x = room(b, (size_t)n * sizeof *x);
    for (int64_t i = 0; i < n; i++)
        x[i] = low + (1.0 - low) * uniform(b);
    return x;
}

/* A tree whose pointers are to rooms, and planes of rows. */
static double *setting(bench *b, plot *p, shap_tree *tree, int64_t n_groups) {
    const int64_t n_nodes = below(b, MOST_NODES), n_columns = 1 + below(b, 3);
    const int32_t n_points = 1 + (int32_t)below(b, MOST_POINTS);
    int32_t last[12];
    p->n_planes = 1 + (int32_t)below(b, 12);
    p->n_sets = (int32_t)below(b, 4);
    for (int i = 0; i < 12; i++)
        last[i] = -1;
    if (n_nodes)
        plant(b, p, n_nodes, 0, 0, last);
    for (int64_t i = 0; i < p->n_nodes; i++)
        if (p->nodes[i].inverse > 0)
            p->nodes[i].inverse *= 2 * n_points;
    uint8_t *sets = room(b, (size_t)p->n_sets * 32);
    for (int64_t i = 0; i < 32 * p->n_sets; i++)
        sets[i] = (uint8_t)bits64(b);
    tree->nodes = p->nodes;
    tree->steps = p->steps;
    tree->n_steps = p->n_steps;
    tree->values = drawn(b, (p->n_leaves + 1) * n_columns, -1.0);
    tree->value_step = n_columns;
    tree->sets = sets;
    tree->inverses = drawn(b, 2 * n_points * p->n_repeated, 0.0);
    tree->edges = drawn(b, 2 * n_points * p->n_nodes, 0.0);
    tree->points = drawn(b, n_points, 0.0);
    tree->weights = drawn(b, n_points, 0.0);
    tree->n_points = n_points;
    tree->n_levels = p->n_levels;
    const int64_t n_values = n_groups * p->n_planes * SHAP_ROWS;
    double *planes = room(b, (size_t)n_values * sizeof *planes);
    for (int64_t i = 0; i < n_values; i++) {
        if (p->n_sets && i / SHAP_ROWS % p->n_planes % 3 == 2)
            planes[i] = (double)below(b, 256);
        else if (below(b, 8))
            planes[i] = (double)below(b, 11) - 5.0;
        else
            planes[i] = NAN;
    }
    return planes;
}

static void rows(const fastml_tree_kernels *k, bench *b) {
    plot *p = zeros(b, sizeof *p);
    shap_tree tree = {0};
    const int64_t n_groups = below(b, 5);
    const double *planes = setting(b, p, &tree, n_groups);
    const int64_t n_sums = n_groups * p->n_planes * SHAP_ROWS;
    const int64_t n_pairs = n_groups * (p->n_planes * (p->n_planes - 1) / 2) * SHAP_ROWS;
    double *space = room(b, (size_t)SHAP_SPACE(tree.n_points, tree.n_levels) * sizeof *space);
    double *sums = drawn(b, n_sums, -1.0), *pairs = drawn(b, n_pairs, -1.0);
    const int with_pairs = (int)below(b, 2);
    k->shap_rows(&tree, planes, p->n_planes, n_groups, space, sums, with_pairs ? pairs : NULL);
    keep(b, sums, (size_t)n_sums * sizeof *sums);
    keep(b, pairs, (size_t)n_pairs * sizeof *pairs);
    keep(b, p->steps, sizeof p->steps);
}

static void known(const fastml_tree_kernels *k, bench *b) {
    plot *p = zeros(b, sizeof *p);
    shap_tree tree = {0};
    const int64_t n_groups = below(b, 5);
    const double *planes = setting(b, p, &tree, n_groups);
    uint8_t *is_known = room(b, (size_t)p->n_planes);
    for (int i = 0; i < p->n_planes; i++)
        is_known[i] = (uint8_t)below(b, 2);
    double *space = room(b, (size_t)(2 * (tree.n_levels + 1) * SHAP_ROWS) * sizeof *space);
    double *sums = drawn(b, n_groups * SHAP_ROWS, -1.0);
    k->shap_known(&tree, planes, is_known, p->n_planes, n_groups, space, sums);
    keep(b, sums, (size_t)(n_groups * SHAP_ROWS) * sizeof *sums);
    keep(b, p->steps, sizeof p->steps);
}

const kernel_case shap_cases[] = {
    {"shap_rows", rows},
    {"shap_known", known},
    {NULL, NULL},
};
