#include "../simd.h"
#include "walk.h"

/* The child of an inner node that the row goes to; without a branch, as that is not to be foretold. */
static ALWAYS_INLINE uint32_t walk_step(const walk_tree *tree, const double *row, uint32_t at, int has_sets,
                                        int has_slots) {
    const walk_node *node = tree->nodes + at;
    const int32_t what = node->feature, feature = what & WALK_FEATURE;
    const double x = row[has_slots ? tree->slot[feature] : feature];
    uint32_t left = (x <= node->threshold) | ((x != x) & ((what & WALK_MISSING_LEFT) != 0));
    if (has_sets && what & WALK_CATEGORIES) {
        const uint8_t *set = tree->sets + 32 * (int64_t)node->threshold;
        const int code = (int)x;
        left = set[code >> 3] >> (code & 7) & 1;
    }
    return node->right ^ ((node->right ^ (at + 1)) & (0u - left));
}

/* Several rows are on their way at once. One that has arrived makes room for the next, so that none waits for
   the longest way. */
static ALWAYS_INLINE void walk_all(const walk_tree *tree, const double *rows, int64_t stride, int64_t n,
                                   int has_sets, int has_slots, uint32_t *leaf) {
    const int n_lanes = n < WALK_ROWS ? (int)n : WALK_ROWS;
    const double *row[WALK_ROWS];
    int64_t number[WALK_ROWS], next = n_lanes;
    uint32_t at[WALK_ROWS];
    for (int r = 0; r < n_lanes; r++) {
        row[r] = rows + r * stride;
        number[r] = r;
        at[r] = 0;
    }
    while (next < n)
        for (int r = 0; r < WALK_ROWS; r++) {
            if (tree->nodes[at[r]].feature >= 0) {
                at[r] = walk_step(tree, row[r], at[r], has_sets, has_slots);
                continue;
            }
            if (next == n)
                break;
            leaf[number[r]] = at[r];
            number[r] = next;
            row[r] = rows + next++ * stride;
            at[r] = 0;
        }
    for (int r = 0; r < n_lanes; r++) {
        while (tree->nodes[at[r]].feature >= 0)
            at[r] = walk_step(tree, row[r], at[r], has_sets, has_slots);
        leaf[number[r]] = at[r];
    }
}

/* leaf[i] = number of the leaf that row i, at rows + i * stride, falls into. */
void FN(walk_rows)(const walk_tree *tree, const double *rows, int64_t stride, int64_t n, uint32_t *leaf) {
    if (tree->sets)
        walk_all(tree, rows, stride, n, 1, tree->slot != 0, leaf);
    else if (tree->slot)
        walk_all(tree, rows, stride, n, 0, 1, leaf);
    else
        walk_all(tree, rows, stride, n, 0, 0, leaf);
}
