/* The way of rows to the leaves of deep trees, by 32-bit keys: as walk.h, in a third of the bytes.

   key(x) is the float32 at or below x, its bits put into the order of integers. x <= y implies
   key(x) <= key(y); so at a threshold t

     key(x) < key(t)   x goes left
     key(x) > key(t)   x goes right
     equal             x goes left if it is a float32 itself; else float32 does not tell

   In the last case the walk goes left and notes the row: its leaf is found by walk.h, which knows t. NaN has
   the least key of all, and a code of a category is the key of its number.

   A node takes 8 bytes and leaves take none. `link` holds, from the lowest bit: left child is a leaf, right
   child is a leaf, NaN goes left, key is the number of a set; pack.slot_bits of the place of the feature in a
   line of keys; the place of the children. Children that are no leaves are neighbours, left before right;
   where the left one is a leaf the place counts from 1, so that place + side is right in any case. A leaf is
   known by 2 * parent + side. A tree that is nothing but a leaf has one node, of which both sides are the
   leaf, and its key is the greatest.

   Nodes are laid out in groups of siblings and their children, most often inside one line of the cache. */
#ifndef FASTML_TREE_KEY_WALK_H
#define FASTML_TREE_KEY_WALK_H

#include <stdint.h>

enum {
    KEY_WALK_LANES = 8,     /* on their way at once */
    KEY_WALK_LEFT_LEAF = 1, /* bits of a link */
    KEY_WALK_RIGHT_LEAF = 2,
    KEY_WALK_MISSING_LEFT = 4,
    KEY_WALK_SET = 8,
    KEY_WALK_FLAGS = 4,       /* how many they are */
    KEY_WALK_HAS_MISSING = 1, /* what key_walk_keys tells of some rows */
    KEY_WALK_HAS_DOUBTS = 2
};

#define KEY_WALK_NAN INT32_MIN

typedef struct key_walk_node {
    int32_t key;
    uint32_t link;
} key_walk_node;

typedef struct key_walk_pack {
    const key_walk_node *nodes;
    const int64_t *first; /* (n_trees,) root of each tree, from which its places count */
    const uint8_t *sets;  /* 32 bytes each; NULL when no node is categorical */
    int32_t slot_bits;
} key_walk_pack;

#endif
