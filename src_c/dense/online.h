/* Online training of a self-organising map: one row after the other, in one pass over the codebook each.
 *
 * The codebook lies in panels of ONLINE_NODES nodes, feature after feature, nodes in lanes:
 * panels[(panel * d + feature) * ONLINE_NODES + lane]. Step t moves the nodes around the winner of row t,
 *
 *   w_j += rate_t * h(distance on the map between j and the winner, radius_t) * (x_t - w_j),
 *
 * and while a panel is at hand, measures it against row t + 1, so the codebook is read once a step. Panels
 * in which every weight of the neighbourhood is negligible (ONLINE_NEGLIGIBLE) are measured only.
 * A row's missing values (NaN) neither count in its distances nor move anything. Ties: the lowest node.
 * Distances are differences in the kernel's type, never the expanded formula, so that offsets lose nothing.
 *
 * Node j lies at (x[j], y[j]) on the map; along an axis whose period is not 0 the map is closed. Codebook and
 * positions are padded to whole panels with copies of node 0, which then never differ from it and never win.
 */
#ifndef FASTML_DENSE_ONLINE_H
#define FASTML_DENSE_ONLINE_H

#include <stdint.h>

#define ONLINE_NODES 32
#define ONLINE_NEGLIGIBLE 1e-8 /* of the weight of the winner */

#define ONLINE_EDGE 1.00001 /* u^2 that is still inside: nodes at the edge are, however rounded */

enum online_metric { ONLINE_SQEUCLIDEAN, ONLINE_COSINE, ONLINE_MANHATTAN, ONLINE_CHEBYSHEV };
/* functions of the distance u on the map in units of the radius */
enum online_neighbourhood {
    ONLINE_GAUSSIAN,     /* exp(-u^2 / 2) */
    ONLINE_CUT_GAUSSIAN, /* the same up to u = 1, beyond it 0 */
    ONLINE_BUBBLE,       /* 1 up to u = 1 */
    ONLINE_MEXICAN_HAT,  /* (1 - u^2) exp(-u^2 / 2) */
    ONLINE_TRIANGLE,     /* 1 - u up to u = 1 */
    ONLINE_EPANECHNIKOV  /* 1 - u^2 up to u = 1 */
};

/* What holds for all steps of a call. */
typedef struct online_map {
    int64_t n_panels, n_features;
    double period_x, period_y; /* 0: the map has edges */
    int32_t metric, neighbourhood;
    int32_t is_chebyshev; /* distance on the map: the larger of dx and dy, else Euclidean */
    int32_t has_missing;
} online_map;

/* The steps of a call. */
typedef struct online_steps {
    int64_t n;
    const int64_t *row;          /* (n) numbers of rows of the table */
    const double *rate, *radius; /* (n), radius > 0 */
} online_steps;

#endif
