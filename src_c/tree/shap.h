/* Exact path-dependent TreeSHAP of rows in lanes, by quadrature.
 *
 * A leaf of value v, reached over splits on D different features, adds to the SHAP value of feature j
 *
 *     v (o_j - r_j) Integral_0^1 Prod_{k != j} (r_k + t (o_k - r_k)) dt
 *
 * where o_k is 1 if the row passes all splits of the path on feature k and 0 otherwise, and r_k is the
 * product of the shares of rows that training sent the path's way at these splits. (The weights |S|! (D - |S|
 * - 1)! / D! of Shapley's formula are the integrals of t^|S| (1 - t)^(D - |S| - 1).) The integrand is a
 * polynomial of degree D - 1, so ceil(D / 2) points of a Gauss-Legendre rule integrate it without error, and
 * nothing is divided by a share: unlike Lundberg's recursion this holds at any depth. After Lundberg et al.
 * (Nature Machine Intelligence 2, 2020) for the formula, Linear TreeSHAP (Yu et al., NeurIPS 2022) for the
 * polynomial.
 *
 * At each point t the tree is passed once, down and up. Down, P is the product of the factors of the features
 * seen so far; a split with `above`, the share r of its feature so far (1 at its first split), passes on
 *
 *     P_left = P rho,   P_right = P - P_left,
 *     rho = (r_left + t (c - r_left)) / (above + t (1 - above))     if the row has passed all former splits
 * of the r_left / above                                         feature; otherwise; c = the row goes left
 *
 * up, B is the mean of the leaf values with the factors that follow: B = B_right + rho (B_left - B_right).
 * What the leaves below a split add by its feature telescopes over the feature's splits on a path, and one
 * split adds
 *
 *     P kappa (B_left - B_right),   kappa = (c above - r_left) / (above + t (1 - above))^2, or 0 otherwise.
 *
 * Pairs of features: the integral of v (o_i - r_i) (o_j - r_j) Prod_{k != i, j}, which adds for every split
 * on f and every other feature j of its path P kappa (B_left - B_right) times (o_j - r_j) / (r_j + t (o_j -
 * r_j)).
 *
 * Rows come in groups of SHAP_ROWS; a plane holds one feature's values of the rows of a group. The order of
 * operations is fixed and nothing is fused: every instruction set gives the same bits. */
#ifndef FASTML_TREE_SHAP_H
#define FASTML_TREE_SHAP_H

#include <stdint.h>

enum {
    SHAP_ROWS = 16, /* rows of a group */
    SHAP_RIGHT = 1, /* flags: the node is its parent's right child */
    SHAP_MISSING_LEFT = 2,
    SHAP_CATEGORIES = 4, /* the value is a code, NaN is 0: looked up in a set of 256 bits */
    SHAP_ENTER = 0,      /* steps: before the children */
    SHAP_TURN = 1,       /* between them, if both are inner nodes */
    SHAP_LEAVE = 2,      /* after them */
    SHAP_PAIR = 3        /* both children are leaves: all at once */
};

/* An inner node. */
typedef struct shap_node {
    double threshold;    /* x <= threshold goes left, NaN as flagged; categories: the number of the set */
    double above;        /* share of the feature's former splits on the path; 1 if there are none */
    double left, right;  /* above times the child's share of the node's rows */
    double share;        /* the left child's share of the node's rows */
    int64_t inverse;     /* place of the node's numbers in `inverses`; -1 if above_level is */
    int32_t plane;       /* where the row's value is looked up */
    int32_t column;      /* of the feature, among the sums: several planes may show one feature */
    int32_t level;       /* 0 for the root */
    int32_t above_level; /* of the feature's former split on the path; -1 if there is none */
    int32_t flags;
    int32_t leaf[2]; /* left and right child's place in `values`; -1: an inner node */
} shap_node;

typedef struct shap_tree {
    const shap_node *nodes;
    const int64_t *steps;   /* 4 * node + what: the way through the tree */
    int64_t n_steps;        /* 0: the tree is a leaf */
    const double *values;   /* of the leaves */
    int64_t value_step;     /* from leaf to leaf */
    const uint8_t *sets;    /* 32 bytes each; bit c: code c goes left */
    const double *inverses; /* per node with a former split: n_points pairs of 1 / (above + t (1 - above)) and
                               its square */
    const double *edges;  /* pairs only: per node, left then right side, n_points of (1 - r) / (r + t (1 - r))
                             of the side's share r */
    const double *points; /* of the rule for [0, 1] */
    const double *weights;
    int32_t n_points;
    int32_t n_levels;
} shap_tree;

/* Doubles of the work space of a tree and so many outputs: 64-byte aligned, anything in it. */
#define SHAP_SPACE(n_points, n_levels, n_outputs)                                                            \
    ((((int64_t)(n_levels) + 1) * ((n_points) * (3 + 2 * (int64_t)(n_outputs)) + 4) + (n_points)) * SHAP_ROWS)

#endif
