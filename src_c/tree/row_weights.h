/* Weights of training rows that change from tree to tree (AdaBoost): sums, new weights, fixed point.
 *
 * Sums of doubles are made in ROW_WEIGHTS_LANES lanes, row i in lane i mod ROW_WEIGHTS_LANES, which are
 * folded in halves: the same bits on every instruction set. One thread makes them: a pass over 40,000 weights
 * takes less time than to wake another one.
 */
#ifndef FASTML_TREE_ROW_WEIGHTS_H
#define FASTML_TREE_ROW_WEIGHTS_H

#include <stdint.h>

#define ROW_WEIGHTS_LANES 16

typedef struct row_weights_range {
    double least, most, sum;
    int32_t whole; /* all are whole numbers (from 2^52 on nothing is promised) */
} row_weights_range;

#endif
