#include <math.h>

#include "compare.h"

enum { MOST_NODES = 60, MOST_POINTS = 9 };

/* The kernels of src_c/tree/shap and src_c/tree/background, which look at the same trees.

   A random tree, planted node after node on the way through it. */
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
    node->plane = node->column = (int32_t)below(b, p->n_planes);
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
    const int64_t n_outputs = 1 + below(b, tree.value_step);
    double *space = room(b, (size_t)SHAP_SPACE(tree.n_points, tree.n_levels, n_outputs) * sizeof *space);
    double *sums = drawn(b, n_outputs * n_sums, -1.0), *pairs = drawn(b, n_outputs * n_pairs, -1.0);
    const int with_pairs = (int)below(b, 2);
    k->shap_rows(&tree, planes, p->n_planes, p->n_planes, n_outputs, n_groups, space, sums, n_sums,
                 with_pairs ? pairs : NULL, n_pairs);
    keep(b, sums, (size_t)(n_outputs * n_sums) * sizeof *sums);
    keep(b, pairs, (size_t)(n_outputs * n_pairs) * sizeof *pairs);
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

/* The tree with leaves that have tables, and others that have none: chosen at random where both could be. */
typedef struct garden {
    plot *p;
    shap_tree tree;
    background_tree b;
    background_node *nodes;
    int64_t *steps;
    int64_t n_counts, n_outputs, n_sums;
    int32_t n_features;
    double *counts, *tables;
} garden;

static void place(bench *b, garden *y, int64_t number, const int32_t *column_of, int32_t n_features) {
    for (int side = 0; side < 2; side++) {
        background_leaf *leaf = y->nodes[number].leaf + side;
        leaf->counts = -1;
        if (y->p->nodes[number].leaf[side] < 0)
            continue;
        y->nodes[number].pairs[side] = n_features > BACKGROUND_MOST || below(b, 3) == 0;
        if (y->nodes[number].pairs[side])
            continue;
        leaf->n_features = n_features;
        leaf->counts = y->n_counts;
        for (int i = 0; i < n_features; i++)
            leaf->column[i] = column_of[i];
        y->n_counts += (int64_t)1 << n_features;
    }
}

static void lay_out(bench *b, garden *y) {
    plot *p = y->p;
    int64_t at_level[MOST_NODES];
    int32_t bit_of[MOST_NODES], column_of[12], n_features[MOST_NODES];
    for (int64_t i = 0; i < p->n_nodes; i++) {
        const shap_node *node = p->nodes + i;
        const int32_t before = node->level ? n_features[node->level - 1] : 0;
        at_level[node->level] = i;
        if (node->level)
            y->nodes[at_level[node->level - 1]].child[node->flags & SHAP_RIGHT] = (int32_t)i;
        bit_of[node->level] = node->above_level < 0 ? before : bit_of[node->above_level];
        n_features[node->level] = before + (node->above_level < 0);
        if (node->above_level < 0)
            column_of[before] = node->column;
        y->nodes[i].bit = bit_of[node->level];
        y->n_features = n_features[node->level] > y->n_features ? n_features[node->level] : y->n_features;
        place(b, y, i, column_of, n_features[node->level]);
    }
    for (int64_t i = p->n_nodes - 1; i >= 0; i--)
        for (int side = 0; side < 2; side++)
            if (p->nodes[i].leaf[side] < 0) {
                const background_node *child = y->nodes + y->nodes[i].child[side];
                y->nodes[i].pairs[side] = child->pairs[0] || child->pairs[1];
            }
    for (int64_t i = 0; i < p->n_steps; i++)
        if ((p->steps[i] & 3) != SHAP_LEAVE)
            y->steps[y->b.n_steps++] = p->steps[i];
}

static double *plotted(bench *b, garden *y, int64_t n_groups) {
    y->p = zeros(b, sizeof *y->p);
    double *planes = setting(b, y->p, &y->tree, n_groups);
    y->nodes = zeros(b, (size_t)y->p->n_nodes * sizeof *y->nodes);
    y->steps = zeros(b, (size_t)y->p->n_steps * sizeof *y->steps);
    lay_out(b, y);
    y->counts = zeros(b, (size_t)y->n_counts * sizeof *y->counts);
    y->tables = drawn(b, 2 * y->n_counts, -1.0);
    y->n_outputs = 1 + below(b, y->tree.value_step);
    y->n_sums = y->n_outputs * y->p->n_planes * SHAP_ROWS;
    y->b = (background_tree){&y->tree, y->nodes, y->steps, y->b.n_steps, y->counts, y->tables};
    return planes;
}

static void count(const fastml_tree_kernels *k, bench *b) {
    garden y = {0};
    const int64_t n_rows = some_rows(b, 80);
    const double *planes = plotted(b, &y, (n_rows + SHAP_ROWS - 1) / SHAP_ROWS);
    double *space = room(b, (size_t)BACKGROUND_WALK(y.tree.n_levels) * sizeof *space);
    k->background_count(&y.b, planes, y.p->n_planes, n_rows, space);
    keep(b, y.counts, (size_t)y.n_counts * sizeof *y.counts);
}

static void table(const fastml_tree_kernels *k, bench *b) {
    background_leaf leaf = {0};
    leaf.n_features = 1 + (int32_t)below(b, 16);
    const int64_t n = (int64_t)1 << leaf.n_features;
    const int32_t n_points = (leaf.n_features + 1) / 2;
    const double *counts = drawn(b, n, 0.0), *points = drawn(b, n_points, 0.0);
    const double *weights = drawn(b, n_points, 0.0);
    double *space = room(b, BACKGROUND_TABLE(leaf.n_features) * sizeof *space);
    double *made = room(b, 2 * (size_t)n * sizeof *made);
    k->background_table(&leaf, counts, 7.0, points, weights, n_points, space, made);
    keep(b, made, 2 * (size_t)n * sizeof *made);
}

static void look_up(const fastml_tree_kernels *k, bench *b) {
    garden y = {0};
    const double *planes = plotted(b, &y, 1);
    double *space = room(b, (size_t)BACKGROUND_WALK(y.tree.n_levels) * sizeof *space);
    double *sums = drawn(b, y.n_sums, -1.0);
    k->background_rows(&y.b, planes, y.p->n_planes, y.n_outputs, space, sums);
    keep(b, sums, (size_t)y.n_sums * sizeof *sums);
}

static void pairs(const fastml_tree_kernels *k, bench *b) {
    garden y = {0};
    const int64_t n_others = 1 + below(b, 40), n_rows = 1 + below(b, SHAP_ROWS);
    const double *planes = plotted(b, &y, 1 + (n_others + SHAP_ROWS - 1) / SHAP_ROWS);
    const double *others = planes + y.p->n_planes * SHAP_ROWS;
    background_room room_of = {0};
    if (y.p->n_nodes == 0)
        return;
    room_of.forks = room(b, (size_t)y.n_features * sizeof *room_of.forks);
    room_of.gains = room(b, (size_t)(y.n_features + 1) * 2 * (size_t)y.n_outputs * sizeof(double));
    room_of.chosen = zeros(b, (size_t)y.p->n_planes);
    double *inverse = room(b, (size_t)(y.n_features + 1) * sizeof *inverse);
    inverse[0] = 0.0;
    for (int i = 1; i <= y.n_features; i++)
        inverse[i] = 1.0 / i;
    double *sums = drawn(b, y.n_sums, -1.0);
    k->background_pairs(&y.b, planes, n_rows, others, n_others, y.p->n_planes, y.p->n_planes, y.n_outputs,
                        inverse, &room_of, sums);
    keep(b, sums, (size_t)y.n_sums * sizeof *sums);
    keep(b, room_of.chosen, (size_t)y.p->n_planes);
}

static void mean(const fastml_tree_kernels *k, bench *b) {
    garden y = {0};
    const int64_t n_rows = some_rows(b, 80);
    const double *planes = plotted(b, &y, (n_rows + SHAP_ROWS - 1) / SHAP_ROWS);
    double *sums = drawn(b, y.n_outputs, -1.0);
    if (y.p->n_nodes == 0)
        return;
    k->background_mean(&y.b, planes, n_rows, y.p->n_planes, y.n_outputs, sums);
    keep(b, sums, (size_t)y.n_outputs * sizeof *sums);
}

const kernel_case shap_cases[] = {
    {"shap_rows", rows},          {"shap_known", known},
    {"background_count", count},  {"background_table", table},
    {"background_rows", look_up}, {"background_pairs", pairs},
    {"background_mean", mean},    {NULL, NULL},
};
