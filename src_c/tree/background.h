/* Interventional SHAP values: features that are not known are those of rows of a background set.
 *
 * A row x is explained against every row z of the background: with the features in S from x and the others
 * from z it reaches a leaf if each feature of the leaf's path lets it pass. So a leaf of value v, reached
 * over splits on D different features, adds to the SHAP value of feature j, of which x passes all splits (o_j
 * = 1) or not, and z (q_j) too,
 *
 *     v (o_j - q_j) Integral_0^1 Prod_{k != j} (q_k + t (o_k - q_k)) dt,
 *
 * which is src_c/tree/shap.h with zeros and ones for the shares, and is averaged over z. It depends on z only
 * by the set F of features that z fails, and on x by the set E that x fails. So the background is counted by
 * F, and
 *
 *     G_t[E] = sum_F count[F] Prod_k m_t(k in E, k in F),   m_t = 1 (both pass), t (z fails), 1 - t (x
 * fails), 0 (both fail)
 *
 * is one pass of butterflies over the 2^D sets for each point t of a Gauss-Legendre rule that is exact. With
 * S[E] = sum_t w_t G_t[E] / t and Q[E] = sum_t w_t G_t[E] / (t (1 - t)) feature j gets S[E] - Q[E + j] by the
 * value of the leaf, whether x passes it or not. That is a table of two numbers for each set: a row costs the
 * same against a background of 100,000 rows as against one. After Lundberg et al. (Nature Machine
 * Intelligence 2, 2020, algorithm 3) for the definition.
 *
 * Where 2^D is more than the pairs of rows would cost, each pair walks the tree: both ways where the two
 * differ in a feature that has not been chosen above. At a leaf that took a features of x alone and b of z
 * alone the features of x get v (a - 1)! b! / (a + b)! and those of z lose v a! (b - 1)! / (a + b)!.
 *
 * The order of operations is fixed and nothing is fused: every instruction set gives the same bits. */
#ifndef FASTML_TREE_BACKGROUND_H
#define FASTML_TREE_BACKGROUND_H

#include <stdint.h>

#include "tree/shap.h"

enum { BACKGROUND_MOST = 20 }; /* features on the path of a leaf that has a table */

/* A leaf that has a table, or not. */
typedef struct background_leaf {
    int64_t counts; /* place of the 2^n_features counts of the background by failed set; -1: it has none */
    int32_t n_features; /* its table is at twice that place: S, then Q, of 2^n_features numbers each */
    int32_t column[BACKGROUND_MOST]; /* of each feature of the path, among the sums */
} background_leaf;

/* What there is besides the shap_node of an inner node. */
typedef struct background_node {
    int32_t bit;      /* of the node's feature in the sets of the leaves below */
    int32_t child[2]; /* inner nodes; -1: a leaf */
    uint8_t pairs[2]; /* that side is, or leads to, a leaf without a table */
    background_leaf leaf[2];
} background_node;

typedef struct background_tree {
    const shap_tree *tree;
    const background_node *nodes;
    const int64_t *steps; /* those of the tree that lead to leaves with tables */
    int64_t n_steps;
    double *counts;
    double *tables;
} background_tree;

/* A feature in which two rows differ: chosen from x first, then from z. */
typedef struct background_fork {
    int64_t node;
    double weight; /* a! b! / (a + b)! above it */
    int32_t column;
    uint8_t side; /* that z takes */
    uint8_t is_second;
} background_fork;

/* Work space of walks with pairs. */
typedef struct background_room {
    background_fork *forks; /* (n_features,) of the longest path */
    double *gains;          /* (n_features + 1, 2, n_outputs) */
    uint8_t *chosen;        /* (n_columns,): zeros before and after */
} background_room;

/* Doubles of the work space: of a walk, of making a table of so many features. */
#define BACKGROUND_WALK(n_levels) (((int64_t)(n_levels) + 1) * 3 * SHAP_ROWS)
#define BACKGROUND_TABLE(n_features) ((int64_t)1 << (n_features))

#endif
