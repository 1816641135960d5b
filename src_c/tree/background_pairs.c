#include <string.h>

#include "background.h"
#include "../simd.h"

enum { FROM_X = 1, FROM_Z = 2 };

static ALWAYS_INLINE int background_goes_right(const shap_tree *tree, const shap_node *node,
                                               const double *planes) {
    const double x = planes[(int64_t)node->plane * SHAP_ROWS];
    if (node->flags & SHAP_CATEGORIES) {
        const int code = x == x ? (int)x : 0;
        return !(tree->sets[32 * (int64_t)node->threshold + (code >> 3)] >> (code & 7) & 1);
    }
    return !(x <= node->threshold || (node->flags & SHAP_MISSING_LEFT && x != x));
}

/* Walks of one row with one row of the background. */
typedef struct background_pair {
    const background_tree *b;
    const double *x, *z; /* planes of the rows: one value each SHAP_ROWS doubles */
    const double *inverse;
    const background_room *room;
} background_pair;

/* From a side of a node down to the first fork, leaf, or side without leaves of interest. At a leaf `gains`
   gets what the features of x gain, then what those of z lose. Returns the number of forks. */
static ALWAYS_INLINE int64_t background_down(const background_pair *p, int64_t number, int side,
                                             int64_t n_forks, int64_t *n_x, int64_t *n_z, double *weight,
                                             double *gains, int64_t n_outputs) {
    const shap_tree *tree = p->b->tree;
    uint8_t *chosen = p->room->chosen;
    for (;;) {
        const background_node *more = p->b->nodes + number;
        const shap_node *node = tree->nodes + number;
        int from_x, from_z;
        if (side >= 0) {
            if (!more->pairs[side])
                return n_forks;
            if (node->leaf[side] >= 0) {
                const double *values = tree->values + node->leaf[side] * tree->value_step;
                const double gain = *weight * p->inverse[*n_x], loss = *weight * p->inverse[*n_z];
                for (int64_t k = 0; k < n_outputs; k++) {
                    gains[k] = values[k] * gain;
                    gains[n_outputs + k] = values[k] * loss;
                }
                return n_forks;
            }
            number = more->child[side];
            node = tree->nodes + number;
        }
        if (chosen[node->column]) {
            side = background_goes_right(tree, node, chosen[node->column] == FROM_X ? p->x : p->z);
            continue;
        }
        from_x = background_goes_right(tree, node, p->x);
        from_z = background_goes_right(tree, node, p->z);
        if (from_x != from_z) {
            background_fork *fork = p->room->forks + n_forks++;
            fork->node = number;
            fork->column = node->column;
            fork->side = (uint8_t)from_z;
            fork->is_second = 0;
            fork->weight = *weight;
            chosen[node->column] = FROM_X;
            *n_x += 1;
            *weight *= (double)*n_x * p->inverse[*n_x + *n_z];
        }
        side = from_x;
    }
}

static ALWAYS_INLINE void background_walk_pair(const background_pair *p, double *sums, int64_t n_columns,
                                               int64_t n_outputs, double weight) {
    double *gains = p->room->gains; /* of the way just walked; then 2 n_outputs for each fork */
    int64_t n_x = 0, n_z = 0, n_forks;
    memset(gains, 0, 2 * n_outputs * sizeof *gains);
    n_forks = background_down(p, 0, -1, 0, &n_x, &n_z, &weight, gains, n_outputs);
    while (n_forks) {
        background_fork *fork = p->room->forks + n_forks - 1;
        double *first = gains + 2 * n_outputs * n_forks;
        if (!fork->is_second) {
            memcpy(first, gains, 2 * n_outputs * sizeof *gains);
            memset(gains, 0, 2 * n_outputs * sizeof *gains);
            fork->is_second = 1;
            p->room->chosen[fork->column] = FROM_Z;
            n_x--;
            n_z++;
            weight = fork->weight * ((double)n_z * p->inverse[n_x + n_z]);
            n_forks =
                background_down(p, fork->node, fork->side, n_forks, &n_x, &n_z, &weight, gains, n_outputs);
            continue;
        }
        for (int64_t k = 0; k < n_outputs; k++) {
            sums[(k * n_columns + fork->column) * SHAP_ROWS] += first[k] - gains[n_outputs + k];
            gains[k] += first[k];
            gains[n_outputs + k] += first[n_outputs + k];
        }
        p->room->chosen[fork->column] = 0;
        n_z--;
        n_forks--;
    }
}

/* Adds what the leaves without tables give to the first n_rows rows of a group.

   planes   (n_planes, SHAP_ROWS)
   others   of n_others rows: (ceil(n_others / SHAP_ROWS), n_planes, SHAP_ROWS)
   inverse  1 / i for i from 1 to the most features of a path; inverse[0] is 0
   sums     (n_outputs, n_columns, SHAP_ROWS) */
void FN(background_pairs)(const background_tree *b, const double *planes, int64_t n_rows,
                          const double *others, int64_t n_others, int64_t n_planes, int64_t n_columns,
                          int64_t n_outputs, const double *inverse, const background_room *room,
                          double *sums) {
    background_pair pair = {b, planes, others, inverse, room};
    for (int64_t r = 0; r < n_rows; r++)
        for (int64_t i = 0; i < n_others; i++) {
            pair.x = planes + r;
            pair.z = others + i / SHAP_ROWS * n_planes * SHAP_ROWS + i % SHAP_ROWS;
            if (n_outputs == 1)
                background_walk_pair(&pair, sums + r, n_columns, 1, 1.0 / (double)n_others);
            else
                background_walk_pair(&pair, sums + r, n_columns, n_outputs, 1.0 / (double)n_others);
        }
}

/* Adds the values that n_rows rows reach to `sums` (n_outputs,): of trees that are not a leaf. */
void FN(background_mean)(const background_tree *b, const double *planes, int64_t n_rows, int64_t n_planes,
                         int64_t n_outputs, double *sums) {
    const shap_tree *tree = b->tree;
    for (int64_t i = 0; i < n_rows; i++) {
        const double *row = planes + i / SHAP_ROWS * n_planes * SHAP_ROWS + i % SHAP_ROWS;
        int64_t number = 0;
        int side = background_goes_right(tree, tree->nodes, row);
        while (tree->nodes[number].leaf[side] < 0) {
            number = b->nodes[number].child[side];
            side = background_goes_right(tree, tree->nodes + number, row);
        }
        for (int64_t k = 0; k < n_outputs; k++)
            sums[k] += tree->values[tree->nodes[number].leaf[side] * tree->value_step + k];
    }
}
