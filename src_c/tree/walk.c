#include "../simd.h"
#include "walk.h"

static ALWAYS_INLINE uint32_t walk_step(const walk_tree *tree, const double *row, uint32_t at, int has_sets,
                                        int has_slots, uint32_t *open) {
    const walk_node *node = tree->nodes + at;
    const int32_t what = node->feature;
    const int32_t feature = what & WALK_FEATURE; /* 0 in a leaf, whose step leads nowhere */
    const double x = row[has_slots ? tree->slot[feature] : feature];
    const uint32_t inner = what >= 0;
    uint32_t left = (x <= node->threshold) | ((x != x) & ((what & WALK_MISSING_LEFT) != 0));
    if (has_sets && inner && what & WALK_CATEGORIES) {
        const uint8_t *set = tree->sets + 32 * (int64_t)node->threshold;
        const int code = (int)x;
        left = set[code >> 3] >> (code & 7) & 1;
    }
    /* without a branch: which way a row goes is not to be foretold */
    const uint32_t next = node->right ^ ((node->right ^ (at + 1)) & (0u - left));
    *open |= inner;
    return at ^ ((at ^ next) & (0u - inner));
}

static ALWAYS_INLINE void walk_all(const walk_tree *tree, const double *rows, int64_t stride, int64_t n,
                                   int has_sets, int has_slots, uint32_t *leaf) {
    int64_t i = 0;
    for (; i + WALK_ROWS <= n; i += WALK_ROWS) {
        uint32_t at[WALK_ROWS] = {0}, open;
        do {
            open = 0;
            for (int r = 0; r < WALK_ROWS; r++)
                at[r] = walk_step(tree, rows + (i + r) * stride, at[r], has_sets, has_slots, &open);
        } while (open);
        for (int r = 0; r < WALK_ROWS; r++)
            leaf[i + r] = at[r];
    }
    for (; i < n; i++) {
        uint32_t at = 0, open;
        do {
            open = 0;
            at = walk_step(tree, rows + i * stride, at, has_sets, has_slots, &open);
        } while (open);
        leaf[i] = at;
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
