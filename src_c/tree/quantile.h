/* Quantile: from the values of a feature to the edges between its bins.

   quantile_distinct   sorted distinct values of a sample, with the weight of each
   quantile_edges      edges between at most max_bins bins of such values
   quantile_collect    whether the values of more rows are among few known ones; learns those that are not
   quantile_tally      weights of small whole numbers: the categories of a feature */
#ifndef FASTML_TREE_QUANTILE_H
#define FASTML_TREE_QUANTILE_H

#include <stdint.h>

enum { QUANTILE_MOST = 255, QUANTILE_SMALL = 65536 };

/* The distinct values of a feature as long as they are few. Start with zeros. */
typedef struct quantile_set {
    double values[QUANTILE_MOST + 1]; /* (count,) ascending */
    int32_t count;                    /* capacity + 1: there are more, values is not kept any longer */
    int32_t planted;                  /* number of values in the trees, which find a value (see binning.h) */
    int32_t depth;
    int32_t coarse_pays;
    float tree32[QUANTILE_MOST + 1], coarse[QUANTILE_MOST + 1];
    double lower[QUANTILE_MOST + 1];
} quantile_set;

#endif
