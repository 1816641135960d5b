/* Single rows: all trees at once, where traverse.h has all rows of a block.

   Codes. A code is the number of a plane's bounds that are not above the value (binning.h). Bounds are
   counted sixteen at a time, without a branch: those of a plane with more are cut into blocks of sixteen, and
   how many of the blocks' last bounds are not above the value says which block is left to be counted.

   Trees. Those of up to 64 leaves are laid side by side, a group of SINGLE_ROW_LANES at a time. Leaves are
   numbered from left to right, and a tree is a word with a bit for each. A split that sends the row to the
   right rules the leaves below its left child out, whether the row comes that way or not; the first leaf that
   no split rules out is the row's (QuickScorer, Lucchese et al., SIGIR 2015, section 3.2). So the splits of a
   tree may be asked in any order, and a line asks one split of each of 64 trees:

     code   = table[page of the line][slot]     a lookup in registers: a page has 64 codes
     gone  |= code > limit ? left : 0

   A split is code <= limit whichever way missing values go: those for which they go right look at a copy of
   the codes that is one less, so that missing is 255. A set of categories has a copy of its own, 0 for those
   that go left and 255 for the others. Lanes that have no split left for a line have limit 255.

   Leaf values are added in double in the order of the trees, as everywhere. Nothing here checks an index:
   packing does. */
#ifndef FASTML_TREE_SINGLE_ROW_H
#define FASTML_TREE_SINGLE_ROW_H

#include <stdint.h>

#include "binning.h"

enum {
    SINGLE_ROW_LANES = 64,
    SINGLE_ROW_PAGE = 64,  /* codes of a page */
    SINGLE_ROW_BLOCK = 16, /* bounds that are counted together: f64_count_le of lanes.h */
    SINGLE_ROW_MAX_LEAVES = 64
};

/* A feature seen through bounds. One of bounds and table is NULL. */
typedef struct single_row_plane {
    const double *bounds;       /* ascending, then NaN, of which there is one at least if the plane is long;
                                          then they stand behind the last of each block, (16,) */
    const binning_table *table; /* of categories */
    int64_t feature;
    int32_t code_at; /* where its code goes, and that less one, modulo 256 */
    int32_t less_at;
} single_row_plane;

/* Codes that go left, a bit each. */
typedef struct single_row_set {
    const uint8_t *bits; /* (32,) */
    int32_t code_at;     /* of the plane */
    int32_t at;          /* where 0 goes if its bit is set, else 255 */
} single_row_set;

typedef struct single_row_coder {
    const single_row_plane *planes; /* short ones, of up to 16 bounds; long ones; those of categories */
    const single_row_set *sets;
    int64_t n_short;
    int64_t n_numbers; /* short and long ones */
    int64_t n_planes;
    int64_t n_sets;
} single_row_coder;

/* Trees SINGLE_ROW_LANES * g and following: group g has so many, the last one what is left. */
typedef struct single_row_group {
    int64_t first_line; /* in page_of, slots and limits */
    int64_t first_word; /* in left, in bytes */
    int64_t first_leaf; /* in leaf_value; each tree has as many as its word has bits */
    int32_t n_lines;
    int32_t word_bytes; /* 1, 2, 4 or 8 */
} single_row_group;

typedef struct single_row_pack {
    const single_row_group *groups;
    const int32_t *page_of; /* (n_lines,) */
    const uint8_t *slots;   /* (n_lines, SINGLE_ROW_LANES), 64-byte aligned, as limits and left */
    const uint8_t *limits;
    const uint8_t *left; /* words of each group's lines: (n_lines, SINGLE_ROW_LANES) of word_bytes */
    const double *leaf_value;
    const int32_t *output; /* (n_trees,) */
    int64_t n_trees;
    int32_t n_outputs;
} single_row_pack;

#endif
