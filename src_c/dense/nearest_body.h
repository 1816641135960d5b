/* Estimates of the distances of a tile of rows to all centroids, and the nearest by them.
 *
 * The tile holds NEAREST_VECTORS vectors of rows, one row per lane, one feature after the other. It is
 * multiplied with a panel of centroids: vectors x centroids of the panel sums in registers, one broadcast of
 * a centroid's value feeds all rows. When the last feature is in, the sums are compared with the best so far,
 * lane by lane.
 *
 * Estimated is the distance but for what is the same for all centroids of a row. Squared Euclidean: |w|^2 / 2
 * - x w where nothing is missing; else the sum of that over the known features, which is a product too, of
 * (x, known) with
 * (-w, w^2 / 2). Cosine: - x w / |w|. Manhattan and Chebyshev: the distance.
 *
 * A centroid's part of the error bound is taken off beforehand, so the estimate is a lower bound but for the
 * row's part. In this file NEAREST_SQEUCLIDEAN as a constant `metric` stands for both products; `missing` is
 * whether this tile has missing values.
 */

/* Adds the terms of n features to the sums of a panel. */
static ALWAYS_INLINE void RN(nearest_multiply)(const real *restrict x, const real *restrict w, int64_t n,
                                               const int metric, const int width,
                                               lane a[NEAREST_VECTORS][NEAREST_WIDTH]) {
    for (int64_t f = 0; f < n; f++, x += TILE_ROWS, w += width) {
        lane row[NEAREST_VECTORS];
        UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) row[v] = R(load)(x + v * LANES);
        UNROLL for (int j = 0; j < width; j++) {
            const lane value = R(set)(w[j]);
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
                if (metric == NEAREST_SQEUCLIDEAN) {
                    a[v][j] = R(fma)(row[v], value, a[v][j]);
                } else {
                    const lane size = RN(nearest_abs)(row[v] - value);
                    if (metric == NEAREST_CHEBYSHEV)
                        a[v][j] = R(max)(size, a[v][j]); /* NaN is passed over */
                    else
                        a[v][j] = a[v][j] + R(max)(size, R(set)(0));
                }
            }
        }
    }
}

/* Panels of `width` centroids from `begin` to `end`, features first .. first + n - 1 of them; `last`: there
   are no more. Estimates are written to s->sums; if `grouped` the least of NEAREST_NARROW of them alone, in
   the place of the first. */
static ALWAYS_INLINE void RN(nearest_sweep)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                            const real *tile, int64_t begin, int64_t end, int64_t first,
                                            int64_t n, int last, const int missing, const int metric,
                                            const int runner_up, const int grouped, const int coarse,
                                            const int width, RN(nearest_scratch) * s) {
    const real *start = missing ? at->start_missing : at->start;
    lane best[NEAREST_VECTORS], second[NEAREST_VECTORS], third[NEAREST_VECTORS];
    lane_whole label[NEAREST_VECTORS], second_label[NEAREST_VECTORS];
    UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
        best[v] = R(load)(s->best + v * LANES);
        second[v] = R(load)(s->second + v * LANES);
        label[v] = W(load)(s->label + v * LANES);
        third[v] = R(load)(s->third + v * LANES);
        second_label[v] = W(load)(s->second_label + v * LANES);
    }
    for (int64_t p = begin; p < end; p += width) {
        lane a[NEAREST_VECTORS][NEAREST_WIDTH];
        real *kept = s->sums + p * TILE_ROWS;
        UNROLL for (int j = 0; j < width; j++) {
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) a[v][j] =
                first ? R(load)(kept + (j * NEAREST_VECTORS + v) * LANES) : R(set)(start[p + j]);
        }
        const real *panel = at->panels + p * at->features;
        if (coarse)
            RN(nearest_subtract_pairs)(tile, panel + first / 2 * width, n, width, s, a);
        else
            RN(nearest_multiply)(tile, panel + first * width, n, metric, width, a);
        if (metric == NEAREST_SQEUCLIDEAN && missing)
            RN(nearest_multiply)(s->known, panel + (c->d + first) * width, n, metric, width, a);
        if (!grouped || !last) {
            UNROLL for (int j = 0; j < width; j++) {
                UNROLL for (int v = 0; v < NEAREST_VECTORS; v++)
                    R(store)(kept + (j * NEAREST_VECTORS + v) * LANES, a[v][j]);
            }
        }
        if (!last)
            continue;
        if (grouped) {
            UNROLL for (int j = 0; j < width; j += NEAREST_NARROW) {
                UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
                    lane least = a[v][j];
                    UNROLL for (int i = 1; i < NEAREST_NARROW; i++) least = R(min)(least, a[v][j + i]);
                    R(store)(kept + (j * NEAREST_VECTORS + v) * LANES, least);
                }
            }
        }
        UNROLL for (int j = 0; j < width; j++) {
            const lane_whole number = W(set)((whole)(p + j));
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
                const lane y = a[v][j];
                const mask wins = R(lt)(y, best[v]);
                const lane loser = R(max)(y, best[v]);
                if (runner_up) {
                    const mask next = R(lt)(loser, second[v]);
                    third[v] = R(min)(R(max)(loser, second[v]), third[v]);
                    second_label[v] = W(select)(next, W(select)(wins, label[v], number), second_label[v]);
                }
                second[v] = R(min)(loser, second[v]);
                label[v] = W(select)(wins, number, label[v]);
                best[v] = R(min)(y, best[v]);
            }
        }
    }
    UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
        R(store)(s->best + v * LANES, best[v]);
        R(store)(s->second + v * LANES, second[v]);
        W(store)(s->label + v * LANES, label[v]);
        R(store)(s->third + v * LANES, third[v]);
        W(store)(s->second_label + v * LANES, second_label[v]);
    }
}

/* All panels. */
static ALWAYS_INLINE void RN(nearest_sweep_all)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                                const real *tile, int64_t first, int64_t n, int last,
                                                int missing, const int metric, const int runner_up,
                                                const int grouped, const int coarse,
                                                RN(nearest_scratch) * s) {
    const int64_t whole_panels = at->padded / NEAREST_WIDTH * NEAREST_WIDTH;
    RN(nearest_sweep)(c, at, tile, 0, whole_panels, first, n, last, missing, metric, runner_up, grouped,
                      coarse, NEAREST_WIDTH, s);
    if (whole_panels < at->padded)
        RN(nearest_sweep)(c, at, tile, whole_panels, at->padded, first, n, last, missing, metric, runner_up,
                          grouped, coarse, NEAREST_NARROW, s);
}

static void RN(nearest_begin)(RN(nearest_scratch) * s) {
    for (int i = 0; i < TILE_ROWS; i++) {
        s->best[i] = s->second[i] = s->third[i] = (real)INFINITY;
        s->label[i] = s->second_label[i] = 0;
    }
}

/* Labels (and norms) of a tile by the estimates. */
static ALWAYS_INLINE void RN(nearest_tile)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                           const real *x, int64_t stride, int rows, int last, int missing,
                                           const int metric, const int runner_up, const int grouped,
                                           const int coarse, RN(nearest_scratch) * s) {
    const int64_t step = RN(nearest_chunk)(c->d);
    RN(nearest_begin)(s);
    for (int64_t first = 0; first < c->d; first += step) {
        const int64_t n = c->d - first < step ? c->d - first : step;
        if (metric == NEAREST_SQEUCLIDEAN && !missing && !c->feature_weight)
            RN(nearest_fill_plain)(at, x, stride, rows, last, first, n, s);
        else
            RN(nearest_fill)(at, x, stride, rows, last, first, n, metric, s);
        if (coarse)
            RN(nearest_pair_tile)(n, at->unit[0], s);
        RN(nearest_sweep_all)(c, at, s->tile, first, n, first + n == c->d, missing, metric, runner_up,
                              grouped, coarse, s);
    }
}

static int RN(nearest_any_missing)(const real *x, int64_t stride, int rows, int64_t d) {
    for (int i = 0; i < rows; i++) {
        uint32_t known = ~0u;
        int64_t f = 0;
        for (; f + LANES <= d; f += LANES) {
            const lane y = R(load)(x + i * stride + f);
            known &= R(bits)(R(le)(y, y));
        }
        const lane y = R(load_part)(x + i * stride + f, (int)(d - f));
        known &= R(bits)(R(le)(y, y));
        if (known != R(bits)(R(le)(R(set)(0), R(set)(0))))
            return 1;
    }
    return 0;
}
