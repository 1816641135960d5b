/* Rows under k Gaussian components: log densities, responsibilities, and the sums that EM updates from.
 *
 * For a row x, a component j and the responsibility r of j for x the statistic of a mixture is
 *
 *     sum over rows of r z z',   z = (x - shift, 1)
 *
 * of which only the entries in a list of pairs (a, b) are summed: all b <= a for full covariances, the
 * diagonal and the last row (a, d) for diagonal ones, the last row alone for a tied one (whose second moment
 * does not depend on r). The shift, near the rows' mean, keeps the digits of float32.
 *
 * Rows pass in tiles. A tile is transposed once, so that rows lie in lanes; then
 *
 *   1. log densities: panels of four columns of the triangular factor of a precision, broadcast; a tied one
 *      whitens the tile once, after which the components differ by their means only;
 *   2. responsibilities: exp of the difference from the largest, zero below exp(-600) (float32: exp(-69)),
 *      because products of subnormal numbers take a hundred cycles;
 *   3. sums: each vector of pair products times each component's responsibilities into a register block,
 *      lanes added up at the end of the tile, in float64.
 *
 * Nothing of size n x k is kept. Bits depend on the instruction set and on the cut into chunks, which is the
 * caller's and must not depend on the number of threads.
 */
#ifndef FASTML_DENSE_GAUSSIAN_H
#define FASTML_DENSE_GAUSSIAN_H

#include <stdint.h>

enum { GAUSSIAN_FULL, GAUSSIAN_TIED, GAUSSIAN_DIAG };
enum {
    GAUSSIAN_PANEL = 4,  /* columns of a factor that are read together */
    GAUSSIAN_TILE = 96,  /* rows of a tile are a multiple of this */
    GAUSSIAN_BLOCK = 32, /* sums of a block of pairs and components, some of them unused */
    GAUSSIAN_WIDE = 8,   /* features are padded to a multiple of this where they lie in lanes */
};

typedef struct gaussian_shape {
    int32_t n_features;   /* d >= 1 */
    int32_t n_components; /* k >= 1 */
    int32_t kind;         /* of the factors: GAUSSIAN_FULL, ... */
    int32_t missing;      /* 1: rows may have missing values (NaN) */
    int32_t tile;         /* rows */
    int32_t n_pairs;      /* at least 1 */
    const int32_t *pairs; /* (n_pairs, 2): numbers from 0 to d; d stands for the 1 of z, d + 1 + c for the
                             indicator of whether feature c is known ("diag" with missing values) */
} gaussian_shape;

/* Which rows, and with which weight. */
typedef struct gaussian_rows {
    const int32_t *index; /* (n,) numbers of the rows, or NULL: row i is the i-th */
    const double *weight; /* by the number of the row, not negative, or NULL: 1 */
    int64_t stride;       /* from row to row, in reals */
    int64_t first, n;     /* places first .. first + n - 1 of index */
} gaussian_rows;

typedef struct gaussian_totals {
    double log_likelihood; /* sum of weight times log density of the mixture */
    double entropy;        /* sum of -weight r log r */
} gaussian_totals;

/* Parameters of a kernel, `factors`:
 *   full  for each component, for each panel of four columns of U (precision = U U', U upper triangular;
 *         columns beyond d are zero): -m'U of the four, then the rows of U down to the last that is not zero;
 *         m is the mean less the shift
 *   tied  the panels of the one U without a mean; then for each pair of components, for each feature
 *         (1, -v) of both, v = U'm
 *   diag  for each pair of components, for each feature (s, -m s) of both, s the root of the precision;
 *         an odd last one is paired with zeros; with missing values (s, -m s, log(2 pi) - 2 log s), s and m
 *         those of known entries only
 * `constants`: what is added to -|y|^2 / 2: log weight, log determinant of the factor, -d/2 log(2 pi); of
 * diag with missing values the log weight alone.
 *
 * Workspace: gaussian_room(shape) reals, aligned to 64 bytes; kernels of both types need the same.
 *
 * Sums lie in blocks of GAUSSIAN_BLOCK: for each group of pairs, for each group of components (sizes from
 * gaussian_blocks), component after component of the first pair, of the second, and so on; the rest of a
 * block, and what lies beyond the last pair or component, is unspecified.
 */

#endif
