/* Which centroid is nearest to each row, how far it is, and the sums of the rows of each centroid.
 *
 * metric                   distance of row x and centroid w; f is the weight of a feature, 1 without weights
 * NEAREST_SQEUCLIDEAN      sum of f (x - w)^2
 * NEAREST_COSINE           1 - sum of f x w / sqrt(sum of f x^2 times sum of f w^2); 1 if either is zero
 * NEAREST_MANHATTAN        sum of f |x - w|
 * NEAREST_CHEBYSHEV        largest f |x - w|
 *
 * Missing values (NaN in a row) are left out; the two sums of differences are then multiplied by the sum of
 * all f over the sum of the known ones. Every row has a known value, everything else is finite.
 *
 * The winner is the one of float64: distances are estimated in the rows' type, as products of a tile of rows
 * with panels of centroids, both less an offset; where the best two are closer than the bound of the
 * estimate's error, all centroids within the bound are compared by distances that are added up in float64
 * from the values as given. Equal distances, as far as rounding in float64 can tell (nearest_closer), go to
 * the lowest number, so the winner is the same under every instruction set. The bound (Higham, Accuracy and
 * Stability of Numerical Algorithms, 2002, section 3.1): a sum of D products in any order is off by at most
 * (D + 2) u times the sum of their magnitudes, and |x w| <= (x^2 + w^2) / 2 splits that into a part of the
 * row and a part of the centroid.
 *
 * Screen: where centroids lie close to a plane of few dimensions (maps do), rows are compared with them in
 * that plane first. With orthonormal q_1 .. q_rank, x w is the product of the coordinates plus that of the
 * rests, which is at most |rest of x| |rest of w|: one more feature of the product. See
 * nearest_screen_body.h.
 *
 * Coarse: estimates may also be products of integers, rows and centroids rounded to int16, twice as many of
 * which are multiplied in the same time where nearest_pairs_speed() says so. See nearest_pairs_body.h.
 *
 * Nothing of size rows x centroids is stored but for the rows of one tile. Every kernel comes for float32 and
 * float64 rows.
 */
#ifndef FASTML_DENSE_NEAREST_H
#define FASTML_DENSE_NEAREST_H

#include <stdint.h>

enum { NEAREST_SQEUCLIDEAN, NEAREST_COSINE, NEAREST_MANHATTAN, NEAREST_CHEBYSHEV };

typedef struct nearest_centroids {
    int64_t k, d;
    int32_t metric, missing; /* missing: rows may hold NaN */
    int32_t coarse;          /* estimates from int16; float32, d at most 2^14, without what rank excludes */
    const double *values;    /* k x d */
    const double *offset;    /* d, each a number of the rows' type: near the middle; 0 for cosine */
    const double *feature_weight; /* d, or NULL */
    int64_t rank;                 /* of the screen, a multiple of 8; 0 without, as with another metric than
                                     squared Euclidean, weights of features or missing values */
    const double *basis;          /* d x rank, numbers of the rows' type: orthonormal columns */
    const double *coordinates;    /* k x rank: (values - offset) times basis */
    const double *rest;           /* k: not less than |values - offset - coordinates basis^T| */
    void *packed;                 /* nearest_packed_size bytes on a multiple of 64: see nearest_pack */
} nearest_centroids;

#endif
