#include <string.h>

#include "background.h"
#include "shap_decide.h"

/* The walk of a group of rows: the sets of features that they fail, by level. */
typedef struct background_walk {
    double *failed;   /* [level][is right child]: sums of 2^bit, a vector for the rows */
    lane_mask *holds; /* [level]: the row has passed the feature's splits up to the side that is visited */
} background_walk;

/* `failed` of both children. */
static ALWAYS_INLINE void background_enter(const shap_tree *tree, const shap_node *node,
                                           const background_node *more, const double *planes,
                                           const background_walk *walk) {
    const double *own = walk->failed + (2 * node->level + (node->flags & SHAP_RIGHT)) * SHAP_ROWS;
    double *below = walk->failed + 2 * (node->level + 1) * SHAP_ROWS;
    const lane_f64 bit = f64_set((double)(1 << more->bit)), none = f64_set(0.0);
    lane_mask left[SHAP_VECTORS], *holds = walk->holds + node->level * SHAP_VECTORS;
    shap_decide(tree, node, planes + (int64_t)node->plane * SHAP_ROWS, left);
    SHAP_EACH_VECTOR {
        const lane_f64 failed = f64_load(own + v * LANES64);
        lane_mask open = f64_eq(none, none), passes;
        if (node->above_level >= 0)
            open = walk->holds[node->above_level * SHAP_VECTORS + v];
        passes = mask_and(open, left[v]);
        open = mask_without(open, left[v]);
        f64_store(below + v * LANES64, f64_add(failed, f64_select(open, bit, none)));
        f64_store(below + SHAP_ROWS + v * LANES64, f64_add(failed, f64_select(passes, bit, none)));
        holds[v] = node->leaf[0] >= 0 ? open : passes;
    }
}

static background_walk background_start(double *space, int64_t n_levels) {
    background_walk walk = {space, (lane_mask *)(space + 2 * (n_levels + 1) * SHAP_ROWS)};
    memset(space, 0, SHAP_ROWS * sizeof *space);
    return walk;
}

/* The next inner node on the way of a group, NULL if the step is a turn. */
static ALWAYS_INLINE const shap_node *background_step(const background_tree *b, int64_t i,
                                                      const double *planes, const background_walk *walk) {
    const int64_t number = b->steps[i] >> 2;
    const shap_node *node = b->tree->nodes + number;
    if ((b->steps[i] & 3) == SHAP_TURN) {
        lane_mask *holds = walk->holds + node->level * SHAP_VECTORS;
        SHAP_EACH_VECTOR {
            lane_mask open = f64_eq(f64_set(0.0), f64_set(0.0));
            if (node->above_level >= 0)
                open = walk->holds[node->above_level * SHAP_VECTORS + v];
            holds[v] = mask_without(open, holds[v]);
        }
        return 0;
    }
    background_enter(b->tree, node, b->nodes + number, planes, walk);
    return node;
}

/* Adds n_rows rows of the background to the counts of the leaves that have a table.

   planes  (ceil(n_rows / SHAP_ROWS), n_planes, SHAP_ROWS)
   space   BACKGROUND_WALK(n_levels) doubles */
void FN(background_count)(const background_tree *b, const double *planes, int64_t n_planes, int64_t n_rows,
                          double *space) {
    const background_walk walk = background_start(space, b->tree->n_levels);
    for (int64_t lo = 0; lo < n_rows; lo += SHAP_ROWS) {
        const int n = n_rows - lo < SHAP_ROWS ? (int)(n_rows - lo) : SHAP_ROWS;
        for (int64_t i = 0; i < b->n_steps; i++) {
            const shap_node *node = background_step(b, i, planes + lo * n_planes, &walk);
            const double *failed = walk.failed + (node ? 2 * (node->level + 1) * SHAP_ROWS : 0);
            for (int side = 0; node && side < 2; side++) {
                const background_leaf *leaf = b->nodes[b->steps[i] >> 2].leaf + side;
                if (node->leaf[side] < 0 || leaf->counts < 0)
                    continue;
                for (int r = 0; r < n; r++)
                    b->counts[leaf->counts + (int64_t)failed[side * SHAP_ROWS + r]] += 1.0;
            }
        }
    }
}

/* One pass of butterflies: count by failed set becomes G_t. The two lowest features in registers: their
   halves are shorter than a vector. */
static ALWAYS_INLINE void background_transform(double *g, int n_features, double t) {
    const int64_t n = (int64_t)1 << n_features;
    int64_t half = 1;
    if (n_features > 1) {
        INDEPENDENT
        for (int64_t i = 0; i < n / 4; i++) {
            const double a = g[4 * i], b = g[4 * i + 1], c = g[4 * i + 2], d = g[4 * i + 3];
            const double ab = a + t * b, cd = c + t * d, fail_a = a - t * a, fail_c = c - t * c;
            g[4 * i] = ab + t * cd;
            g[4 * i + 1] = fail_a + t * fail_c;
            g[4 * i + 2] = ab - t * ab;
            g[4 * i + 3] = fail_a - t * fail_a;
        }
        half = 4;
    }
    for (; half < n; half *= 2)
        for (int64_t lo = 0; lo < n; lo += 2 * half) {
            double *passes = g + lo, *fails = g + lo + half;
            INDEPENDENT
            for (int64_t i = 0; i < half; i++) {
                const double both = passes[i], other = fails[i];
                passes[i] = both + t * other;
                fails[i] = both - t * both;
            }
        }
}

/* The table of a leaf of value 1.

   counts  (2^n_features,), of a background of `total` rows
   points  of the rule of n_points for [0, 1], and weights
   space   BACKGROUND_TABLE(n_features) doubles
   table   (2, 2^n_features): S and Q by the set of features that a row fails */
void FN(background_table)(const background_leaf *leaf, const double *counts, double total,
                          const double *points, const double *weights, int32_t n_points, double *space,
                          double *table) {
    const int64_t n = (int64_t)1 << leaf->n_features;
    double *one = table, *two = table + n;
    memset(table, 0, 2 * n * sizeof *table);
    for (int e = 0; e < n_points; e++) {
        const double t = points[e], by_t = weights[e] / (total * t), by_both = by_t / (1.0 - t);
        memcpy(space, counts, n * sizeof *space);
        background_transform(space, leaf->n_features, t);
        INDEPENDENT
        for (int64_t i = 0; i < n; i++) {
            one[i] += by_t * space[i];
            two[i] += by_both * space[i];
        }
    }
}

/* What a leaf gives to the rows of a group, by the sets that they fail. */
static ALWAYS_INLINE void background_add(const background_leaf *leaf, const double *table,
                                         const double *failed, const double *values, int64_t n_columns,
                                         int64_t n_outputs, double *sums) {
    const double *both = table + ((int64_t)1 << leaf->n_features);
    int64_t set[SHAP_ROWS];
    double own[SHAP_ROWS], part[SHAP_ROWS];
    for (int r = 0; r < SHAP_ROWS; r++) {
        set[r] = (int64_t)failed[r];
        own[r] = table[set[r]];
    }
    for (int j = 0; j < leaf->n_features; j++) {
        double *sum = sums + (int64_t)leaf->column[j] * SHAP_ROWS;
        for (int r = 0; r < SHAP_ROWS; r++)
            part[r] = own[r] - both[set[r] | (int64_t)1 << j];
        for (int64_t k = 0; k < n_outputs; k++, sum += n_columns * SHAP_ROWS) {
            const lane_f64 value = f64_set(values[k]);
            SHAP_EACH_VECTOR f64_store(
                sum + v * LANES64,
                f64_add(f64_load(sum + v * LANES64), f64_mul(value, f64_load(part + v * LANES64))));
        }
    }
}

/* Adds what the leaves with tables give to a group of rows.

   planes  (n_planes, SHAP_ROWS)
   sums    (n_outputs, n_columns, SHAP_ROWS)
   space   BACKGROUND_WALK(n_levels) doubles */
void FN(background_rows)(const background_tree *b, const double *planes, int64_t n_columns, int64_t n_outputs,
                         double *space, double *sums) {
    const shap_tree *tree = b->tree;
    const background_walk walk = background_start(space, tree->n_levels);
    for (int64_t i = 0; i < b->n_steps; i++) {
        const shap_node *node = background_step(b, i, planes, &walk);
        const double *failed = walk.failed + (node ? 2 * (node->level + 1) * SHAP_ROWS : 0);
        for (int side = 0; node && side < 2; side++) {
            const background_leaf *leaf = b->nodes[b->steps[i] >> 2].leaf + side;
            if (node->leaf[side] >= 0 && leaf->counts >= 0)
                background_add(leaf, b->tables + 2 * leaf->counts, failed + side * SHAP_ROWS,
                               tree->values + node->leaf[side] * tree->value_step, n_columns, n_outputs,
                               sums);
        }
    }
}
