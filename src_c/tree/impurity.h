/* The best split of one node by an impurity, over at most IMPURITY_MOST_SLOTS features at a time.
 *
 * A node's rows are records (records.h) or, in a wide table, records and gathered codes. What is maximised is
 * the decrease of weight times impurity from the node to its two children. All sums are of whole numbers
 * (weights; weight times target in fixed point), so the order in which rows are read cannot change them, and
 * every search below finds the same split:
 *
 *   ranked     few rows, Gini or squared error: sorted, added and scored with slots in lanes
 *   one by one few rows, what the former does not know: sorted alike, then added one by one
 *   counted    sums per code in a histogram (two classes; one number; several classes with few codes;
 *              categories), or rows sorted by counting (the rest)
 *
 * Which of them is taken depends on the number of rows and may differ between instruction sets.
 *
 * Gini, two classes, with w_l, a_l the left child's weight and weight of class 1:
 *     (a_l W - w_l A)^2 / (w_l w_r), half the decrease times W;
 * more classes: (S_l w_r + S_r w_l) / (w_l w_r), S the sum of the squared weights of classes;
 * squared error, s the sum of weight times target: (s_l W - w_l S)^2 / (w_l w_r), the decrease times W.
 * The others are written out in impurity_sorted.h. (Breiman, Friedman, Olshen & Stone 1984, 4.3 and 8.4;
 * Poisson: half the deviance.)
 *
 * Ties: the smaller slot, then the smaller code, then missing to the right. Limits: at least min_rows rows
 * and min_weight on each side; monotonic order and bounds of the children's values.
 *
 * Code 0 is a missing value. Both ways are tried where there is one in the node; that the missing alone go
 * left is said by its mirror image, all others left.
 */
#ifndef FASTML_TREE_IMPURITY_H
#define FASTML_TREE_IMPURITY_H

#include <stdint.h>

#include "records.h"

/* Slots that lie in lanes together, and most slots of one search. */
#define IMPURITY_SLOTS 8
#define IMPURITY_MOST_SLOTS 16
/* Most rows that are sorted by comparisons. */
#define IMPURITY_FEW 96
#define IMPURITY_FILLED (256 + 16)
/* x log2(x) of whole x below this is looked up. */
#define IMPURITY_LOGS 4096

typedef enum impurity_criterion {
    IMPURITY_GINI = 0,
    IMPURITY_ENTROPY = 1, /* in bits */
    IMPURITY_SQUARED_ERROR = 2,
    IMPURITY_POISSON = 3,
    IMPURITY_ABSOLUTE_ERROR = 4,
} impurity_criterion;

/* What does not change inside a tree. */
typedef struct impurity_params {
    int32_t criterion;
    int32_t n_outputs;
    int32_t n_channels;     /* classes of all outputs, or outputs */
    const int32_t *first;   /* (n_outputs + 1,) first channel of each output */
    const int64_t *targets; /* row i's at targets[i * n_outputs]; read with more than one output */
    const int32_t *rank;    /* rank of a target among all, laid out as targets: absolute error */
    const int64_t *ranked;  /* target of a rank; output o's at ranked[o * n_ranked] */
    int64_t n_ranked;
    const double *log_table; /* (IMPURITY_LOGS,) x log2(x) */
    double least_sum;        /* of a child's weighted targets (Poisson) */
    int64_t min_rows, min_weight;
    int32_t unit_weights;        /* all weights are 1 */
    int32_t random;              /* splitter="random" */
    int32_t bounded;             /* there are monotonic constraints */
    const double *lower, *upper; /* (n_features, 256) least and greatest training value of a code */
    /* (n_features, IMPURITY_FILLED) upper, empty codes filled with the value before them; then every
     * sixteenth of these, from code 15 on */
    const double *filled;
    const records_layout *layout;
} impurity_params;

typedef struct impurity_node {
    const uint8_t *records;
    const uint8_t *codes; /* row i's in slot s: codes[i * step + at[s]] */
    int64_t step;
    int64_t at[IMPURITY_MOST_SLOTS];
    int64_t n;
    int32_t n_slots;
    int32_t feature[IMPURITY_MOST_SLOTS];
    int32_t n_codes[IMPURITY_MOST_SLOTS];
    uint8_t categorical[IMPURITY_MOST_SLOTS];
    uint8_t missing[IMPURITY_MOST_SLOTS]; /* the feature has missing values somewhere */
    int8_t monotone[IMPURITY_MOST_SLOTS];
    uint64_t key[IMPURITY_MOST_SLOTS]; /* random bits for splitter="random" */
    int64_t weight;
    const int64_t *totals; /* (n_channels,) weight of each class, or sum of weight times target */
    int64_t squares;       /* sum of totals^2, one output of more than two classes */
    double low, high;      /* bounds of a child's value */
} impurity_node;

/* Memory of one thread. */
typedef struct impurity_space {
    int64_t *cells;   /* (2 * 256 * IMPURITY_SLOTS + 256,) */
    uint8_t *places;  /* (IMPURITY_FEW * IMPURITY_SLOTS,) */
    uint32_t *order;  /* (2 * rows,) */
    int64_t *left;    /* (2 * n_channels,) */
    int64_t *groups;  /* (256 * (n_channels + 2),): categories */
    double *scores;   /* (256 + 3 * n_channels,): categories */
    int64_t *fenwick; /* (8 * rows + 16,): absolute error */
} impurity_space;

typedef struct impurity_split {
    double score;     /* comparable within a node; negative infinity: no lawful split */
    double gain;      /* decrease of weight times impurity, in units of weight (and of squared targets) */
    double threshold; /* NaN unless drawn */
    double value_left, value_right; /* of the children, where monotonic constraints ask */
    int64_t weight_left, sum_left;  /* weight; sum of the first channel that is kept: see impurity.c */
    int32_t slot;
    uint8_t code; /* last code in the node that goes left */
    uint8_t next; /* first code in the node that goes right; 0: none but missing */
    uint8_t missing_left, categorical, any_missing;
    uint8_t set[32];
} impurity_split;

#endif
