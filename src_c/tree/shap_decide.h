/* What the splits of a tree decide, for rows in lanes: shared by the kernels that explain. */
#ifndef FASTML_TREE_SHAP_DECIDE_H
#define FASTML_TREE_SHAP_DECIDE_H

#include "../lanes.h"
#include "shap.h"

enum { SHAP_VECTORS = SHAP_ROWS / LANES64 };
#define SHAP_EACH_VECTOR for (int v = 0; v < SHAP_VECTORS; v++)

/* Which rows go left. */
static ALWAYS_INLINE void shap_decide(const shap_tree *tree, const shap_node *node, const double *x,
                                      lane_mask *left) {
    if (node->flags & SHAP_CATEGORIES) {
        const uint8_t *set = tree->sets + 32 * (int64_t)node->threshold;
        double is_in[SHAP_ROWS];
        for (int r = 0; r < SHAP_ROWS; r++) {
            const int code = x[r] == x[r] ? (int)x[r] : 0;
            is_in[r] = set[code >> 3] >> (code & 7) & 1;
        }
        SHAP_EACH_VECTOR left[v] = f64_gt(f64_load(is_in + v * LANES64), f64_set(0.0));
        return;
    }
    const lane_f64 threshold = f64_set(node->threshold);
    SHAP_EACH_VECTOR {
        const lane_f64 value = f64_load(x + v * LANES64);
        left[v] = f64_ge(threshold, value);
        if (node->flags & SHAP_MISSING_LEFT)
            left[v] = mask_or(left[v], mask_without(f64_eq(threshold, threshold), f64_eq(value, value)));
    }
}

#endif
