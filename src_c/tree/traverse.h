/* Traversal: uint8 codes of a block of rows through packed trees, to leaf values.

   Two forms of the same tree, which give the same leaf:

   Steps (small trees). Every inner node is decided for every row of the block at once, children before
   parents, without a branch or a dependent load. A slot is a vector of TRAVERSE_ROWS leaf ids, one byte a
   row. A step reads one plane of codes and picks one of two leaf ids for each row: in ? yes : no, where
   in = (uint8_t)(code - low) <= width. A numerical split is one such range whichever way missing values go;
   a set of categories is one step per run of codes.

   A run of steps does to one slot what can be done to it in one go, so that ids are loaded and stored once.
   It begins with one of four heads,

     leaves  slot[target] = in ? inside : outside            both children are leaves
     join    slot[target] = in ? slot[other] : slot[target]  neither is
     graft   a join, of which `other` is a step of leaves: two steps, the leaves first
     hold    nothing; the run before was too long

   and goes on with up to TRAVERSE_MAX_KEEP keeps: slot[target] = in ? inside : slot[target], where one child
   is a leaf. Runs are grouped in rounds (all leaves, all joins and so on, each by the number of keeps; joins
   and grafts are in a later round than both that they join), and several trees share the rounds, so that the
   loops are long and their ends are foreseen. The idea of deciding all nodes with byte vectors is
   RapidScorer's (Ye et al., KDD 2018); selecting leaf ids from the bottom up replaces its bit masks and needs
   each node once.

   Nodes (deep trees, few rows). 8 bytes a node: bits 0-7 width, 8-15 low, 16-35 plane, 36-63 first child (the
   children are neighbours); next = child + !in. A leaf is its own first child and takes every code, so rows
   in lockstep need no end test of their own; the walk stops when no row of the group moves any more.

   Codes come in tiles of TRAVERSE_ROWS rows: code of row i of a tile for plane p is tile[p * stride + i]. A
   block is one or more tiles; trees in nodes pass over the whole block one after the other, so that a large
   tree is read from memory once for many rows.

   Sums are made in double in the order of the trees by both forms, so that the result does not depend on
   which is chosen, on the block or on the instruction set. Nothing here checks an index: packing does. */
#ifndef FASTML_TREE_TRAVERSE_H
#define FASTML_TREE_TRAVERSE_H

#include <stdint.h>

enum {
    TRAVERSE_ROW_BITS = 9,
    /* rows of a tile, distance between slots and (of a tile) planes in bytes */
    TRAVERSE_ROWS = 1 << TRAVERSE_ROW_BITS,
    TRAVERSE_GROUP = 64,       /* rows are processed in multiples of this */
    TRAVERSE_MAX_LEAVES = 256, /* of a tree in steps: ids are bytes */
    TRAVERSE_MAX_KEEP = 3,     /* of a run */
    TRAVERSE_PLANE_BITS = 20,
    TRAVERSE_CHILD_BITS = 28
};

typedef struct traverse_step {
    uint32_t plane;
    uint16_t target;
    uint16_t other;
    uint8_t minus_low; /* modulo 256 */
    uint8_t width;
    uint8_t inside;
    uint8_t outside;
} traverse_step;

/* The head of a run: the order in which a round has them. */
enum { TRAVERSE_LEAVES, TRAVERSE_JOIN, TRAVERSE_GRAFT, TRAVERSE_HOLD, TRAVERSE_HEADS };

static inline int traverse_head_steps(int head) {
    return head == TRAVERSE_HOLD ? 0 : head == TRAVERSE_GRAFT ? 2 : 1;
}

/* Numbers of runs by head and keeps: fewer keeps first, of holds more. */
typedef struct traverse_round {
    int32_t n[TRAVERSE_HEADS][TRAVERSE_MAX_KEEP + 1];
} traverse_round;

typedef struct traverse_tree {
    int64_t first_node; /* root in nodes, node_value, node_id; children count from here */
    int64_t first_leaf; /* in leaf_value, leaf_id */
    int32_t output;
    int32_t n_leaves;
    int32_t slot; /* where the steps leave the ids */
} traverse_tree;

/* Neighbouring trees that are traversed together: in steps if there are rounds, else one by one in nodes. */
typedef struct traverse_part {
    int64_t first_step;
    int64_t first_round;
    int64_t first_tree;
    int32_t n_rounds;
    int32_t n_trees;
} traverse_part;

/* A packed forest. leaf_value is readable for 32 entries beyond its end. */
typedef struct traverse_pack {
    const traverse_step *steps;
    const traverse_round *rounds;
    const traverse_part *parts;
    const traverse_tree *trees;
    const uint64_t *nodes;
    const double *node_value;
    const int32_t *node_id;
    const double *leaf_value;
    const int32_t *leaf_id;
    int64_t n_parts;
    int64_t n_trees;
    int32_t n_outputs;
} traverse_pack;

/* Codes of n_rows rows. stride is TRAVERSE_ROWS unless all trees are in steps; planes are readable up to the
   next multiple of TRAVERSE_GROUP rows. */
typedef struct traverse_codes {
    const uint8_t *tiles;
    int64_t stride;    /* from plane to plane */
    int64_t tile_step; /* from tile to tile */
    int64_t n_rows;
} traverse_codes;

/* Room for one thread. */
typedef struct traverse_space {
    uint8_t *slots; /* (largest number of slots of a part, TRAVERSE_ROWS), 64-byte aligned */
    uint32_t *leaf; /* (max(TRAVERSE_ROWS, n_trees),) */
} traverse_space;

#endif
