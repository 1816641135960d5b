/* The estimates of a tile in the plane of few dimensions that the centroids lie close to.
 *
 * x w = (coordinates of x) (coordinates of w) + (rest of x) (rest of w), and the last product is at most
 * |rest of x| |rest of w| in size. The rows' coordinates are a product of the tile with the basis, so the
 * kernel that multiplies tiles with panels does both steps. Two features more make the estimate a lower
 * bound: the sizes of the rests, and the sizes of row and centroid times a bound of all that is rounded.
 *
 * That bound, in units u of rounding, of D features and r dimensions (Higham, section 3.1): a coordinate is
 * off by (D + 4) u |x|, all of them by sqrt(r) times that; the product by (r + 4) u of each of its four
 * parts. |rest of x|^2 is |x|^2 less the squares of the coordinates, each with its error, and what the basis
 * is not orthonormal, at most 8 r u.
 */

static ALWAYS_INLINE void RN(nearest_rotate)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                             int64_t first, int64_t n, RN(nearest_scratch) * s) {
    for (int64_t q = 0; q < c->rank; q += NEAREST_WIDTH) {
        lane a[NEAREST_VECTORS][NEAREST_WIDTH];
        real *to = s->plane + q * TILE_ROWS;
        UNROLL for (int j = 0; j < NEAREST_WIDTH; j++) {
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) a[v][j] =
                first ? R(load)(to + (j * NEAREST_VECTORS + v) * LANES) : R(set)(0);
        }
        RN(nearest_multiply)(s->tile, at->basis + q * c->d + first * NEAREST_WIDTH, n, NEAREST_SQEUCLIDEAN,
                             NEAREST_WIDTH, a);
        UNROLL for (int j = 0; j < NEAREST_WIDTH; j++) {
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++)
                R(store)(to + (j * NEAREST_VECTORS + v) * LANES, a[v][j]);
        }
    }
}

/* The sizes of the rests and of the rows' errors, behind their coordinates. */
static void RN(nearest_rests)(const nearest_centroids *c, RN(nearest_scratch) * s) {
    const double u = sizeof(real) == 4 ? 0x1p-24 : 0x1p-53, root = sqrt((double)c->rank);
    const double terms = (double)(c->d + 12), rank = (double)(c->rank + 12);
    const lane product = R(set)((real)(1.25 * u * (root * terms + 12 * rank)));
    const lane square = R(set)((real)(1.25 * u * ((2 * root + 1) * terms + 8 * rank)));
    real *rest = s->plane + c->rank * TILE_ROWS, *size = rest + TILE_ROWS;
    for (int v = 0; v < TILE_ROWS; v += LANES) {
        const lane norm = R(load)(s->norm + v) + R(set)(NEAREST_TINY(real));
        lane left = norm;
        for (int64_t q = 0; q < c->rank; q++) {
            const lane y = R(load)(s->plane + q * TILE_ROWS + v);
            left = R(fnma)(y, y, left);
        }
        left = R(fma)(norm, square, R(max)(left, R(set)(0)));
        R(store)(rest + v, R(sqrt)(left));
        R(store)(size + v, R(sqrt)(norm) * product);
    }
}

static ALWAYS_INLINE void RN(nearest_screen)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                             const real *x, int64_t stride, int rows, int last,
                                             const int runner_up, RN(nearest_scratch) * s) {
    const int64_t step = RN(nearest_chunk)(c->d);
    for (int64_t first = 0; first < c->d; first += step) {
        const int64_t n = c->d - first < step ? c->d - first : step;
        RN(nearest_fill_plain)(at, x, stride, rows, last, first, n, s);
        RN(nearest_rotate)(c, at, first, n, s);
    }
    RN(nearest_rests)(c, s);
    RN(nearest_begin)(s);
    RN(nearest_sweep_all)(c, at, s->plane, 0, at->features, 1, 0, NEAREST_SQEUCLIDEAN, runner_up, 0, 0, s);
}

/* How far the estimate of a row's and a centroid's score may be below it. */
static real RN(nearest_screen_reach)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                     const RN(nearest_scratch) * s, int r, int64_t j) {
    const real *rest = s->plane + c->rank * TILE_ROWS, *size = rest + TILE_ROWS;
    return at->slack[j] + (real)2.01 * (rest[r] * at->rest[j] + size[r] * at->length[j]);
}

/* |w|^2 / 2 - x w in float64, rounded up by what distances in float64 are rounded. */
static real RN(nearest_score)(const nearest_centroids *c, const real *x, int64_t j) {
    const double *w = c->values + j * c->d;
    lane_f64 sum[2] = {f64_set(0), f64_set(0)}, norm[2] = {f64_set(0), f64_set(0)};
    for (int64_t f = 0; f < c->d; f += LANES_F32) {
        lane_f64 y[2], v[2], middle[2];
        RN(nearest_widen)(x + f, c->d - f, y);
        RN(nearest_load_pair)(w + f, c->d - f, v);
        RN(nearest_load_pair)(c->offset + f, c->d - f, middle);
        UNROLL for (int h = 0; h < 2; h++) {
            y[h] = y[h] - middle[h];
            v[h] = v[h] - middle[h];
            sum[h] = f64_fma(v[h], (lane_f64)(f64_set(0.5) * v[h] - y[h]), sum[h]);
            norm[h] = f64_fma(y[h], y[h], f64_fma(v[h], v[h], norm[h]));
        }
    }
    const double score = f64_sum(sum[0] + sum[1]), u = sizeof(real) == 4 ? 0x1p-23 : 0x1p-52;
    return (real)(score + 2 * u * fabs(score) + (double)(c->d + 16) * 0x1p-51 * f64_sum(norm[0] + norm[1]));
}
