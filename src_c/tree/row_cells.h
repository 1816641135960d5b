/* Histograms from lists of cells: for each row the numbers of the cells that its codes belong to.
 *
 * The loop over codes adds once per row and feature, whatever the codes. A list may be much shorter: cells of
 * the commonest code of a feature are named by no list, as the total less the other cells is what they hold;
 * and two features of few codes may share a table of pairs of codes, whose margins are their cells. Both are
 * exact, as cells are integers (Fisher's marginal sums; Ke et al. 2017, LightGBM, section 4, bundle
 * features for the same reason, but only such that are seldom both present).
 *
 * The cells of a block are those of its features, then the tables of pairs, then ROW_CELLS_SPARE: the total
 * of all rows, and cells that fill lists up to a multiple of four. Numbers of cells count from the block's
 * first and have 16 bits.
 */
#ifndef FASTML_TREE_ROW_CELLS_H
#define FASTML_TREE_ROW_CELLS_H

#include <stdint.h>

#define ROW_CELLS_SPARE 16
#define ROW_CELLS_MOST 64   /* features of a block */
#define ROW_CELLS_NONE (-1) /* no cell */

/* One feature, or two that share a table.
 * Cell of codes (a, b): first + (a - low_a) * n_b + b - low_b. */
typedef struct row_cells_group {
    int32_t a, b;             /* bytes of the features in a row of codes; b: -1 when there is one feature */
    int32_t first;            /* first cell: of the table, or of the one feature */
    int32_t n_a, n_b;         /* rows and columns of the table; n_b: 1 when there is one feature */
    int32_t low_a, low_b;     /* code of the first row and column */
    int32_t cells_a, cells_b; /* first cells of the features */
    int32_t omitted;          /* cell that no list names, or ROW_CELLS_NONE */
} row_cells_group;

/* The lists of a block. */
typedef struct row_cells {
    const uint16_t *cells; /* one list after the other */
    const uint32_t *start; /* four times start[i] is where row i's begins; NULL: it has `length` entries */
    int32_t length;
    int32_t total; /* the cell that takes the sum of all rows; those after it fill up lists */
} row_cells;

#endif
