/* Codes that tell all values of a node apart.
 *
 * A feature with more distinct values than codes shares codes among values. In a node that has few values of
 * the feature, as any node of few rows does, that is not needed: its records get codes by the values that the
 * node has, 1 and up in their order, and all searches below it are exact. 0 stays a missing value.
 */
#ifndef FASTML_TREE_RECODE_H
#define FASTML_TREE_RECODE_H

#include "records.h"

/* Most values of a feature in a node that has codes of its own. */
#define RECODE_MOST 255
/* Most features: a bit stands for each. */
#define RECODE_FEATURES 64

/* Features with more values than codes. The rank of a value among the feature's, from 1 on, stands for it. */
typedef struct recode_ranks {
    const uint16_t *ranks;    /* (n_rows, n_features), 0: missing */
    const int32_t *features;  /* (n_features,) their numbers in the table */
    int32_t n_features, most; /* most: the greatest rank of all */
} recode_ranks;

#endif
