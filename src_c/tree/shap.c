#include "shap_decide.h"

/* The work space by level, and what a group of rows is added to. */
typedef struct shap_state {
    const double *planes;
    double *sums;
    double *pairs;               /* NULL: none are wanted */
    int64_t sum_step, pair_step; /* from output to output */
    int64_t n_outputs;
    int64_t block; /* n_points * SHAP_ROWS */
    double *down;  /* P of the node at [level][is right child] */
    double *up;    /* its B, [level][is right child][output] */
    double *rho;   /* [level] */
    double *g;     /* pairs only: what a split adds at the points, but for the numerator of kappa */
    double *kappa; /* [level]: numerator of kappa, a vector for the rows */
    lane_mask
        *holds; /* [level]: the row has passed the feature's splits up to the side that is being visited */
    const double **edge; /* [level]: factors of that side, for pairs */
    int32_t *column;     /* [level]: of the split; -1 if a later split of the path is on the same feature */
} shap_state;

/* What is the same at all points of a split: how rho and kappa come about. */
typedef struct shap_split {
    lane_f64 base, slope[SHAP_VECTORS], share;
    lane_mask
        open[SHAP_VECTORS]; /* the row has passed the feature's former splits; unused if there are none */
    const double *inverse;  /* NULL if there are none */
} shap_split;

static ALWAYS_INLINE void shap_open(const shap_tree *tree, const shap_node *node, const shap_state *s,
                                    shap_split *split) {
    lane_mask left[SHAP_VECTORS];
    lane_mask *holds = s->holds + node->level * SHAP_VECTORS;
    double *kappa = s->kappa + node->level * SHAP_ROWS;
    const lane_f64 r_left = f64_set(node->left), r_right = f64_set(node->right);
    const lane_f64 minus = f64_sub(f64_set(0.0), r_left), rest = f64_sub(f64_set(1.0), r_left);
    const int first =
        node->leaf[0] >= 0; /* the side that is visited first: the right one if left is a leaf */
    shap_decide(tree, node, s->planes + (int64_t)node->plane * SHAP_ROWS, left);
    split->base = r_left;
    split->share = f64_set(node->share);
    split->inverse = node->above_level < 0 ? 0 : tree->inverses + node->inverse;
    SHAP_EACH_VECTOR {
        lane_f64 k = f64_select(left[v], r_right, minus);
        lane_mask open = f64_eq(r_left, r_left);
        split->slope[v] = f64_select(left[v], rest, minus);
        if (split->inverse) {
            open = s->holds[node->above_level * SHAP_VECTORS + v];
            k = f64_select(open, k, f64_set(0.0));
        }
        split->open[v] = open;
        f64_store(kappa + v * LANES64, k);
        holds[v] = first ? mask_without(open, left[v]) : mask_and(open, left[v]);
    }
}

static ALWAYS_INLINE lane_f64 shap_rho(const shap_split *split, lane_f64 t, int e, int v) {
    const lane_f64 rho = f64_add(split->base, f64_mul(t, split->slope[v]));
    return split->inverse
               ? f64_select(split->open[v], f64_mul(rho, f64_set(split->inverse[2 * e])), split->share)
               : rho;
}

static ALWAYS_INLINE void shap_enter(const shap_tree *tree, const shap_node *node, const shap_state *s) {
    shap_split split;
    const int is_right = node->flags & SHAP_RIGHT;
    const double *p = s->down + (2 * node->level + is_right) * s->block;
    double *p_left = s->down + 2 * (node->level + 1) * s->block, *p_right = p_left + s->block;
    double *rho = s->rho + node->level * s->block;
    shap_open(tree, node, s, &split);
    for (int e = 0; e < tree->n_points; e++) {
        const lane_f64 t = f64_set(tree->points[e]);
        SHAP_EACH_VECTOR {
            const int64_t at = e * SHAP_ROWS + v * LANES64;
            const lane_f64 own = f64_load(p + at), part = shap_rho(&split, t, e, v),
                           left = f64_mul(own, part);
            f64_store(rho + at, part);
            f64_store(p_left + at, left);
            f64_store(p_right + at, f64_sub(own, left));
        }
    }
}

/* B of a child at a point: computed below, or the value of a leaf. */
static ALWAYS_INLINE lane_f64 shap_child(const double *up, double value, int is_leaf, int64_t at) {
    return is_leaf ? f64_set(value) : f64_load(up + at);
}

/* The split and every other feature of its path, of one output. */
static ALWAYS_INLINE void shap_add_pairs(const shap_tree *tree, const shap_node *node, const shap_state *s,
                                         int64_t output) {
    const double *g = s->g, *kappa = s->kappa + node->level * SHAP_ROWS;
    double *pairs = s->pairs + output * s->pair_step;
    lane_f64 failed[SHAP_VECTORS];
    SHAP_EACH_VECTOR failed[v] = f64_set(0.0);
    for (int e = 0; e < tree->n_points; e++) {
        const lane_f64 factor = f64_set(-1.0 / (1.0 - tree->points[e]));
        SHAP_EACH_VECTOR failed[v] =
            f64_add(failed[v], f64_mul(factor, f64_load(g + e * SHAP_ROWS + v * LANES64)));
    }
    for (int level = 0; level < node->level; level++) {
        const int64_t other = s->column[level], own = node->column;
        lane_f64 passed[SHAP_VECTORS];
        double *out;
        if (other < 0 || other == own)
            continue;
        out = pairs + (own > other ? own * (own - 1) / 2 + other : other * (other - 1) / 2 + own) * SHAP_ROWS;
        SHAP_EACH_VECTOR passed[v] = f64_set(0.0);
        for (int e = 0; e < tree->n_points; e++) {
            const lane_f64 factor = f64_set(s->edge[level][e]);
            SHAP_EACH_VECTOR passed[v] =
                f64_add(passed[v], f64_mul(factor, f64_load(g + e * SHAP_ROWS + v * LANES64)));
        }
        SHAP_EACH_VECTOR {
            const lane_f64 sum = f64_select(s->holds[level * SHAP_VECTORS + v], passed[v], failed[v]);
            const lane_f64 k = f64_load(kappa + v * LANES64);
            f64_store(out + v * LANES64, f64_add(f64_load(out + v * LANES64), f64_mul(sum, k)));
        }
    }
}

static ALWAYS_INLINE void shap_add_sum(const shap_node *node, const shap_state *s, const lane_f64 *total,
                                       int64_t output) {
    const double *kappa = s->kappa + node->level * SHAP_ROWS;
    double *sum = s->sums + output * s->sum_step + (int64_t)node->column * SHAP_ROWS;
    SHAP_EACH_VECTOR {
        const lane_f64 term = f64_mul(total[v], f64_load(kappa + v * LANES64));
        f64_store(sum + v * LANES64, f64_add(f64_load(sum + v * LANES64), term));
    }
}

static ALWAYS_INLINE void shap_leave(const shap_tree *tree, const shap_node *node, const shap_state *s,
                                     int left_is_leaf, int right_is_leaf, int with_pairs, int single) {
    const int64_t is_right = node->flags & SHAP_RIGHT, n_outputs = single ? 1 : s->n_outputs;
    const double *p = s->down + (2 * node->level + is_right) * s->block;
    double *up = s->up + (2 * node->level + is_right) * n_outputs * s->block;
    const double *up_left = s->up + 2 * (node->level + 1) * n_outputs * s->block;
    const double *up_right = up_left + n_outputs * s->block, *rho = s->rho + node->level * s->block;
    const double *inverse = node->above_level < 0 ? 0 : tree->inverses + node->inverse;
    for (int64_t k = 0; k < n_outputs; k++) {
        const double left = left_is_leaf ? tree->values[node->leaf[0] * tree->value_step + k] : 0.0;
        const double right = right_is_leaf ? tree->values[node->leaf[1] * tree->value_step + k] : 0.0;
        const int64_t skip = k * s->block;
        lane_f64 total[SHAP_VECTORS];
        SHAP_EACH_VECTOR total[v] = f64_set(0.0);
        for (int e = 0; e < tree->n_points; e++)
            SHAP_EACH_VECTOR {
                const int64_t at = e * SHAP_ROWS + v * LANES64;
                const lane_f64 b = shap_child(up_right + skip, right, right_is_leaf, at);
                const lane_f64 d = f64_sub(shap_child(up_left + skip, left, left_is_leaf, at), b);
                lane_f64 term = f64_mul(f64_load(p + at), d);
                f64_store(up + skip + at, f64_add(b, f64_mul(f64_load(rho + at), d)));
                if (inverse)
                    term = f64_mul(term, f64_set(inverse[2 * e + 1]));
                if (with_pairs)
                    f64_store(s->g + at, term);
                total[v] = f64_add(total[v], term);
            }
        shap_add_sum(node, s, total, k);
        if (with_pairs)
            shap_add_pairs(tree, node, s, k);
    }
}

/* A split between two leaves: what the leaves differ by leaves the sum over the points. */
static ALWAYS_INLINE void shap_pair(const shap_tree *tree, const shap_node *node, const shap_state *s,
                                    int with_pairs, int single) {
    shap_split split;
    const int64_t is_right = node->flags & SHAP_RIGHT, n_outputs = single ? 1 : s->n_outputs;
    const double *p = s->down + (2 * node->level + is_right) * s->block;
    double *up = s->up + (2 * node->level + is_right) * n_outputs * s->block;
    const double *lefts = tree->values + node->leaf[0] * tree->value_step;
    const double *rights = tree->values + node->leaf[1] * tree->value_step;
    lane_f64 total[SHAP_VECTORS];
    shap_open(tree, node, s, &split);
    SHAP_EACH_VECTOR total[v] = f64_set(0.0);
    for (int e = 0; e < tree->n_points; e++) {
        const lane_f64 t = f64_set(tree->points[e]);
        SHAP_EACH_VECTOR {
            const int64_t at = e * SHAP_ROWS + v * LANES64;
            const lane_f64 rho = shap_rho(&split, t, e, v);
            lane_f64 term = f64_load(p + at);
            for (int64_t k = 0; k < n_outputs; k++) {
                const lane_f64 d = f64_set(lefts[k] - rights[k]);
                f64_store(up + k * s->block + at, f64_add(f64_set(rights[k]), f64_mul(rho, d)));
            }
            if (split.inverse)
                term = f64_mul(term, f64_set(split.inverse[2 * e + 1]));
            total[v] = f64_add(total[v], term);
        }
    }
    for (int64_t k = 0; k < n_outputs; k++) {
        const lane_f64 d = f64_set(lefts[k] - rights[k]);
        lane_f64 own[SHAP_VECTORS];
        SHAP_EACH_VECTOR own[v] = f64_mul(total[v], d);
        shap_add_sum(node, s, own, k);
        if (!with_pairs)
            continue;
        for (int e = 0; e < tree->n_points; e++)
            SHAP_EACH_VECTOR {
                const int64_t at = e * SHAP_ROWS + v * LANES64;
                const lane_f64 term = f64_mul(f64_load(p + at), d);
                f64_store(s->g + at, split.inverse ? f64_mul(term, f64_set(split.inverse[2 * e + 1])) : term);
            }
        shap_add_pairs(tree, node, s, k);
    }
}

/* The other side of a node is visited: rows that have passed the feature's splits are now those that go
 * right. */
static ALWAYS_INLINE void shap_turn(const shap_node *node, const shap_state *s) {
    lane_mask *holds = s->holds + node->level * SHAP_VECTORS;
    SHAP_EACH_VECTOR {
        lane_mask open = f64_eq(f64_set(0.0), f64_set(0.0));
        if (node->above_level >= 0)
            open = s->holds[node->above_level * SHAP_VECTORS + v];
        holds[v] = mask_without(open, holds[v]);
    }
}

static ALWAYS_INLINE void shap_mark(const shap_tree *tree, const shap_node *node, const shap_state *s,
                                    int side) {
    s->edge[node->level] = tree->edges + (2 * (node - tree->nodes) + side) * tree->n_points;
    s->column[node->level] = node->column;
    if (node->above_level >= 0)
        s->column[node->above_level] = -1;
}

static ALWAYS_INLINE void shap_group(const shap_tree *tree, const shap_state *s, int with_pairs, int single) {
    for (int64_t i = 0; i < tree->n_steps; i++) {
        const shap_node *node = tree->nodes + (tree->steps[i] >> 2);
        switch (tree->steps[i] & 3) {
        case SHAP_ENTER:
            shap_enter(tree, node, s);
            if (with_pairs)
                shap_mark(tree, node, s, node->leaf[0] >= 0);
            break;
        case SHAP_TURN:
            shap_turn(node, s);
            if (with_pairs)
                shap_mark(tree, node, s, 1);
            break;
        case SHAP_PAIR:
            shap_pair(tree, node, s, with_pairs, single);
            break;
        default:
            if (node->leaf[0] >= 0)
                shap_leave(tree, node, s, 1, 0, with_pairs, single);
            else if (node->leaf[1] >= 0)
                shap_leave(tree, node, s, 0, 1, with_pairs, single);
            else
                shap_leave(tree, node, s, 0, 0, with_pairs, single);
            if (with_pairs && node->above_level >= 0)
                s->column[node->above_level] = node->column;
        }
    }
}

/* Adds the tree's SHAP values of n_groups groups of rows to sums, and, if pairs is not NULL, the interactions
   of features (twice what is given to either of the two) to pairs.

   planes  (n_groups, n_planes, SHAP_ROWS)
   sums    (n_outputs, sum_step), of which (n_groups, n_columns, SHAP_ROWS) are used
   pairs   (n_outputs, pair_step), of which (n_groups, n_columns * (n_columns - 1) / 2, SHAP_ROWS) are used:
           columns i > j at i (i - 1) / 2 + j
   space   SHAP_SPACE(n_points, n_levels, n_outputs) doubles */
void FN(shap_rows)(const shap_tree *tree, const double *planes, int64_t n_planes, int64_t n_columns,
                   int64_t n_outputs, int64_t n_groups, double *space, double *sums, int64_t sum_step,
                   double *pairs, int64_t pair_step) {
    const int64_t levels = tree->n_levels + 1, block = tree->n_points * (int64_t)SHAP_ROWS;
    shap_state s;
    s.block = block;
    s.n_outputs = n_outputs;
    s.sum_step = sum_step;
    s.pair_step = pair_step;
    s.down = space;
    s.up = s.down + 2 * levels * block;
    s.rho = s.up + 2 * levels * n_outputs * block;
    s.g = s.rho + levels * block;
    s.kappa = s.g + block;
    s.holds = (lane_mask *)(s.kappa + levels * SHAP_ROWS);
    s.edge = (const double **)(s.kappa + 2 * levels * SHAP_ROWS);
    s.column = (int32_t *)(s.kappa + 3 * levels * SHAP_ROWS);
    for (int e = 0; e < tree->n_points; e++)
        for (int r = 0; r < SHAP_ROWS; r++)
            s.down[e * SHAP_ROWS + r] = tree->weights[e];
    for (int64_t g = 0; g < n_groups; g++) {
        s.planes = planes + g * n_planes * SHAP_ROWS;
        s.sums = sums + g * n_columns * SHAP_ROWS;
        s.pairs = pairs ? pairs + g * (n_columns * (n_columns - 1) / 2) * SHAP_ROWS : 0;
        if (pairs)
            shap_group(tree, &s, 1, 0);
        else if (n_outputs == 1)
            shap_group(tree, &s, 0, 1);
        else
            shap_group(tree, &s, 0, 0);
    }
}

/* Adds the mean value over the training rows, of n_groups groups of rows of which the features with a nonzero
   byte in `known` are known and no other: what partial dependence is.

   known  (n_columns,)
   space  2 * (n_levels + 1) * SHAP_ROWS doubles
   sums   (n_groups, SHAP_ROWS) */
void FN(shap_known)(const shap_tree *tree, const double *planes, const uint8_t *known, int64_t n_planes,
                    int64_t n_groups, double *space, double *sums) {
    for (int r = 0; r < SHAP_ROWS; r++)
        space[r] = 1.0;
    for (int64_t g = 0; g < n_groups; g++)
        for (int64_t i = 0; i < tree->n_steps; i++) {
            const shap_node *node = tree->nodes + (tree->steps[i] >> 2);
            const int what = tree->steps[i] & 3;
            const double *p = space + (2 * node->level + (node->flags & SHAP_RIGHT)) * SHAP_ROWS;
            double *below = space + 2 * (node->level + 1) * SHAP_ROWS, *sum = sums + g * SHAP_ROWS;
            const lane_f64 zero = f64_set(0.0);
            lane_mask goes[SHAP_VECTORS];
            if (what == SHAP_TURN || what == SHAP_LEAVE)
                continue;
            SHAP_EACH_VECTOR goes[v] = f64_gt(zero, zero);
            if (known[node->column])
                shap_decide(tree, node, planes + (g * n_planes + node->plane) * SHAP_ROWS, goes);
            SHAP_EACH_VECTOR {
                const lane_f64 own = f64_load(p + v * LANES64);
                const lane_f64 left =
                    known[node->column] ? f64_select(goes[v], own, zero) : f64_mul(own, f64_set(node->share));
                f64_store(below + v * LANES64, left);
                f64_store(below + SHAP_ROWS + v * LANES64, f64_sub(own, left));
            }
            for (int side = 0; side < 2; side++)
                if (node->leaf[side] >= 0) {
                    const lane_f64 value = f64_set(tree->values[node->leaf[side] * tree->value_step]);
                    SHAP_EACH_VECTOR {
                        const lane_f64 part =
                            f64_mul(value, f64_load(below + side * SHAP_ROWS + v * LANES64));
                        f64_store(sum + v * LANES64, f64_add(f64_load(sum + v * LANES64), part));
                    }
                }
        }
}
