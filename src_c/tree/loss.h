/* Weighted sums of the losses themselves: what early stopping and evaluation sets look at after every round.
 *
 * Formulas are scikit-learn's with constant terms left out, in double precision (relative error of exp and
 * log about 1e-13). Row i of a block goes to lane i mod LOSS_LANES; lanes are folded in halves and blocks
 * merged by the caller in index order, so neither threads nor the instruction set change a bit.
 */
#ifndef FASTML_TREE_LOSS_H
#define FASTML_TREE_LOSS_H

#include <stdint.h>

#include "tree/gradient.h"

#define LOSS_LANES 64

/* Sums of weight * loss and of weight; rows without weight count for nothing, whatever their loss. */
typedef struct LossSum {
    double loss, weight;
} LossSum;

#endif
