/* Search for the best split of a node on one feature's histogram.
 *
 * Sums are the fixed-point integers of the histogram cells; real G = g / scale_g, H = h / scale_h with scales
 * that are powers of two, so that moving between the two is exact. The score of a child is G^2 / (H + l2);
 * the gain of a split is the sum of the children's scores minus the parent's (Chen & Guestrin 2016, XGBoost,
 * section 2.2, without the 1/2).
 *
 * Ties: the lowest feature, then the lowest code, then missing-right wins, on every CPU.
 */
#ifndef FASTML_TREE_SPLIT_H
#define FASTML_TREE_SPLIT_H

#include <stdint.h>

#include "histogram.h"

/* What does not change from node to node of a tree. */
typedef struct split_params {
    double scale_g, scale_h;
    double l1, l2, max_delta_step; /* in real units; max_delta_step 0: none */
    double path_smooth;            /* 0: none */
    double cat_smooth, cat_l2;     /* rows and real units of H; real units of H */
    int64_t min_rows;              /* least number of rows of a child */
    double min_weight;             /* least sum of sample weights of a child; 0: none */
    int32_t max_cat_onehot;        /* up to so many present categories: one against the rest */
    int32_t plain;                 /* 1: no l1, max_delta_step, path_smooth, monotone constraint anywhere */
} split_params;

/* The node being split. */
typedef struct split_node {
    int64_t g, h;        /* fixed-point sums */
    int64_t n_rows;      /* exact */
    int64_t min_h;       /* least sum of h of a child, in fixed point, >= 1 */
    int32_t counted;     /* its cells are counted ones: limits on rows hold in the search itself */
    double value;        /* its output as a leaf (path smoothing pulls children to it) */
    double lower, upper; /* bounds of the output from monotone constraints */
} split_node;

/* Exact rows and sample weight per code of one feature in the node. */
typedef struct split_exact {
    uint32_t rows[256];
    double weight[256];
    double total_weight;
} split_exact;

typedef struct split_candidate {
    double gain;  /* real units; negative: no split */
    double score; /* of a plain split: the children's scores in fixed point */
    int64_t g_left, h_left;
    int32_t feature;
    uint8_t code;         /* numerical: codes 1..code go left */
    uint8_t missing_left; /* numerical: code 0 goes left */
    uint8_t categorical;  /* then `set` decides */
    uint8_t sorted;       /* `set` is a group of sorted categories: cat_l2 holds for its children */
    uint8_t any_missing;  /* code 0 had a part in this node */
    uint8_t set[32];
} split_candidate;

#endif
