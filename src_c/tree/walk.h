/* The way of rows from the root of a deep tree to a leaf, by values.
 *
 * Trees that are grown to purity have tens of thousands of leaves: no bit masks as in traverse.h, one node
 * after the other is followed. A node takes 16 bytes and its left child is the next node, so that half of the
 * steps stay in the cache line; several rows are on their way at once, because a step waits for memory.
 *
 * A row is a line of doubles. A numerical node sends x <= threshold left, NaN to the side that its flag says.
 * A categorical node looks up the value, a code from 0 (missing) to 255, in a set of 256 bits.
 */
#ifndef FASTML_TREE_WALK_H
#define FASTML_TREE_WALK_H

#include <stdint.h>

enum {
    WALK_ROWS = 8, /* on their way at once */
    WALK_FEATURE = (1 << 28) - 1,
    WALK_MISSING_LEFT = 1 << 28,
    WALK_CATEGORIES = 1 << 29
};

typedef struct walk_node {
    double threshold; /* categorical: number of the set; leaf: whatever the caller keeps there */
    uint32_t right;   /* number of the right child, greater than the node's own; leaf: the caller's */
    int32_t feature;  /* with WALK_MISSING_LEFT and WALK_CATEGORIES; negative in a leaf */
} walk_node;

typedef struct walk_tree {
    const walk_node *nodes; /* node 0 is the root, the left child of node i is i + 1 */
    const uint8_t *sets;    /* 32 bytes each; NULL when no node is categorical */
    const int32_t *slot;    /* place of a feature in a row; NULL: its own number */
} walk_tree;

#endif
