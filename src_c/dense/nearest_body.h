/* Estimates of the distances of a tile of rows to all centroids, and the nearest by them.
 *
 * The tile holds TILE_VECTORS vectors of rows, one row per lane, one feature after the other. It is
 * multiplied with a panel of WIDTH centroids: TILE_VECTORS x WIDTH sums in registers, one broadcast of a
 * centroid's value feeds all rows. When the last feature is in, the sums are compared with the best so far,
 * lane by lane.
 *
 * What is estimated, up to what is the same for all centroids of a row:
 *   squared Euclidean   |w|^2 / 2 - x w   where nothing is missing; else the sum over known features of the
 * same, which is a product too: of (x, known) with (-w, w^2 / 2) cosine              - x w / |w| Manhattan,
 * Chebyshev the distance A centroid's part of the error bound is taken off beforehand, so the estimate is a
 * lower bound but for the row's part. In this file NEAREST_SQEUCLIDEAN as a constant `metric` stands for both
 * products; `missing` is whether this tile has missing values.
 */

#define TILE_ROWS (NEAREST_VECTORS * LANES)

/* Where things lie in nearest_centroids.packed. */
typedef struct RN(nearest_layout) {
    real *offset, *scale;        /* d each: a row's value enters the tile as (x - offset) * scale */
    real *start, *start_missing; /* of the sums, by centroid; infinite behind the last */
    real *slack;                 /* twice the centroid's part of the error bound */
    real *panels;     /* centroids j .. j + width - 1 from panels + j * features on: [feature][width] */
    int64_t features; /* of a panel: d, or 2 d with missing values */
    int64_t padded;   /* k as a whole number of narrow panels */
    real row_factor;  /* the row's part of the bound is this times its norm */
    int linear;
} RN(nearest_layout);

static int64_t RN(nearest_lay_out)(const nearest_centroids *c, RN(nearest_layout) * at) {
    const int64_t d = (c->d + 15) / 16 * 16, k = (c->k + 15) / 16 * 16;
    real *base = c->packed;
    at->linear = c->metric == NEAREST_SQEUCLIDEAN || c->metric == NEAREST_COSINE;
    at->features = c->missing && c->metric == NEAREST_SQEUCLIDEAN ? 2 * c->d : c->d;
    at->padded = (c->k + NEAREST_NARROW - 1) / NEAREST_NARROW * NEAREST_NARROW;
    /* half a unit in the last place of 1, the terms of a sum, and some more for the steps before and after */
    const real u = sizeof(real) == 4 ? (real)0x1p-24 : (real)0x1p-53;
    at->row_factor = c->metric == NEAREST_CHEBYSHEV ? 8 * u : (real)(at->features + 12) * u;
    if (base) {
        at->offset = base;
        at->scale = at->offset + d;
        at->start = at->scale + d;
        at->start_missing = at->start + k;
        at->slack = at->start_missing + k;
        at->panels = at->slack + k;
    }
    return (2 * d + 3 * k + at->padded * at->features) * (int64_t)sizeof(real);
}

static int64_t FN(RN(nearest_packed_size))(const nearest_centroids *c) {
    RN(nearest_layout) at;
    nearest_centroids sized = *c;
    sized.packed = NULL;
    return RN(nearest_lay_out)(&sized, &at);
}

/* Centroid j's values in the tile's terms; returns the norm that its part of the error bound grows with. */
static double RN(nearest_norm)(const nearest_centroids *c, const RN(nearest_layout) * at, int64_t j) {
    const double *w = c->values + j * c->d;
    double squares = 0, sum = 0, largest = 0;
    for (int64_t f = 0; f < c->d; f++) {
        const double v = (w[f] - c->offset[f]) * (double)at->scale[f];
        squares += v * v;
        sum += fabs(v);
        largest = fmax(largest, fabs(v));
    }
    return at->linear ? squares : c->metric == NEAREST_MANHATTAN ? sum : largest;
}

static void FN(RN(nearest_pack))(const nearest_centroids *c) {
    RN(nearest_layout) at;
    RN(nearest_lay_out)(c, &at);
    const int64_t d = c->d, k = c->k, whole_panels = at.padded / NEAREST_WIDTH * NEAREST_WIDTH;
    double most_slack = 0;
    for (int64_t f = 0; f < d; f++) {
        const double weight = c->feature_weight ? c->feature_weight[f] : 1.0;
        at.offset[f] = (real)c->offset[f];
        at.scale[f] = (real)(at.linear ? sqrt(weight) : weight);
    }
    for (int64_t j = 0; j < at.padded; j++) {
        const int64_t width = j < whole_panels ? NEAREST_WIDTH : NEAREST_NARROW;
        const int64_t first = j / width * width;
        real *panel = at.panels + first * at.features + (j - first);
        if (j >= k) {
            at.start[j] = at.start_missing[j] = (real)INFINITY;
            at.slack[j] = 0;
            for (int64_t f = 0; f < at.features; f++)
                panel[f * width] = 0;
            continue;
        }
        const double *w = c->values + j * d;
        const double norm = RN(nearest_norm)(c, &at, j);
        double factor = 1.0, slack = (double)at.row_factor * norm + (double)NEAREST_TINY(real);
        at.start[j] = at.start_missing[j] = 0;
        if (c->metric == NEAREST_COSINE) {
            factor = norm > 0 ? -1.0 / sqrt(norm) : 0.0;
            slack = 0;
        } else if (c->metric == NEAREST_SQEUCLIDEAN) {
            factor = -1.0;
            at.start[j] = (real)(norm / 2 - slack);
            at.start_missing[j] = (real)-slack;
        } else if (c->metric == NEAREST_MANHATTAN) {
            at.start[j] = at.start_missing[j] = (real)-slack;
        }
        at.slack[j] = (real)(2 * slack);
        most_slack = fmax(most_slack, slack);
        for (int64_t f = 0; f < d; f++) {
            const double v = (w[f] - c->offset[f]) * (double)at.scale[f];
            panel[f * width] = (real)(factor * v);
            if (at.features > d)
                panel[(d + f) * width] = (real)(v * v / 2);
        }
    }
    if (c->metric == NEAREST_CHEBYSHEV) /* a maximum cannot start below zero: the bound is for all */
        for (int64_t j = 0; j < k; j++)
            at.slack[j] = (real)(2 * most_slack);
}

/* What one thread works with, in its scratch memory. */
typedef struct RN(nearest_scratch) {
    real *tile, *known;          /* [feature of the chunk][TILE_ROWS] */
    real *best, *second, *third; /* [TILE_ROWS]: the three lowest estimates */
    whole *label, *second_label; /* [TILE_ROWS] */
    real *norm;                  /* [TILE_ROWS] */
    real *sums;                  /* of chunks before the last: [panel][vector][centroid][lane] */
} RN(nearest_scratch);

/* Features of a chunk: a tile of them stays in the first two levels of cache. */
static int64_t RN(nearest_chunk)(int64_t d) { return d <= 512 ? d : 256; }

static int64_t RN(nearest_divide)(const nearest_centroids *c, void *scratch, RN(nearest_scratch) * s) {
    const int64_t chunk = (RN(nearest_chunk)(c->d) + 15) / 16 * 16;
    const int64_t tile = chunk * TILE_ROWS, sums = (c->k + 15) / 16 * 16 * TILE_ROWS;
    real *at = scratch;
    if (at) {
        s->tile = at;
        s->known = at += tile;
        s->best = at += tile;
        s->second = at += TILE_ROWS;
        s->third = at += TILE_ROWS;
        s->norm = at += TILE_ROWS;
        s->label = (whole *)(at += TILE_ROWS);
        s->second_label = (whole *)(at += TILE_ROWS);
        s->sums = at + TILE_ROWS;
    }
    return (2 * tile + 6 * TILE_ROWS + (c->d > chunk ? sums : 0)) * (int64_t)sizeof(real);
}

static int64_t FN(RN(nearest_scratch_size))(const nearest_centroids *c) {
    return RN(nearest_divide)(c, NULL, NULL);
}

static ALWAYS_INLINE lane RN(nearest_abs)(lane x) {
    const whole all = sizeof(real) == 4 ? (whole)0x7FFFFFFF : (whole)0x7FFFFFFFFFFFFFFF;
    return (lane)((lane_whole)x & W(set)(all));
}

/* Columns first .. first + n - 1 of `rows` rows into the tile. Lanes without a row repeat the last one. */
static ALWAYS_INLINE void RN(nearest_fill)(const RN(nearest_layout) * at, const real *x, int64_t stride,
                                           int rows, int64_t first, int64_t n, const int metric,
                                           const int plain, RN(nearest_scratch) * s) {
    for (int v = 0; v < NEAREST_VECTORS; v++) {
        lane norm = first ? R(load)(s->norm + v * LANES) : R(set)(0);
        const real *line[LANES];
        for (int i = 0; i < LANES; i++) {
            const int row = v * LANES + i;
            line[i] = x + (row < rows ? row : rows - 1) * stride + first;
        }
        for (int64_t f = 0; f < n; f += LANES) {
            const int columns = n - f < LANES ? (int)(n - f) : LANES;
            lane a[LANES];
            if (columns == LANES) {
                _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) a[i] = R(load)(line[i] + f);
            } else {
                _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) a[i] =
                    R(load_part)(line[i] + f, columns);
            }
            R(transpose)(a);
            real *to = s->tile + f * TILE_ROWS + v * LANES;
            real *known = s->known + f * TILE_ROWS + v * LANES;
            _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) {
                if (i >= columns)
                    break;
                lane y = a[i] - R(set)(at->offset[first + f + i]);
                if (!plain)
                    y = y * R(set)(at->scale[first + f + i]);
                if (!plain && metric == NEAREST_SQEUCLIDEAN) {
                    const mask there = R(le)(y, y);
                    y = R(select)(there, y, R(set)(0));
                    R(store)(known + i * TILE_ROWS, R(select)(there, R(set)(1), R(set)(0)));
                }
                R(store)(to + i * TILE_ROWS, y);
                const lane size = RN(nearest_abs)(y);
                if (metric == NEAREST_SQEUCLIDEAN)
                    norm = R(fma)(y, y, norm);
                else if (metric == NEAREST_MANHATTAN)
                    norm = norm + R(max)(size, R(set)(0)); /* NaN counts nothing */
                else
                    norm = R(max)(size, norm);
            }
        }
        R(store)(s->norm + v * LANES, norm);
    }
}

/* Adds the terms of n features to the sums of a panel. */
static ALWAYS_INLINE void RN(nearest_multiply)(const real *restrict x, const real *restrict w, int64_t n,
                                               const int metric, const int width,
                                               lane a[NEAREST_VECTORS][NEAREST_WIDTH]) {
    for (int64_t f = 0; f < n; f++, x += TILE_ROWS, w += width) {
        lane row[NEAREST_VECTORS];
        _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) row[v] = R(load)(x + v * LANES);
        _Pragma("GCC unroll 8") for (int j = 0; j < width; j++) {
            const lane value = R(set)(w[j]);
            _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) {
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

/* Panels of `width` centroids from `begin` to `end`, features first .. first + n - 1 of them. */
static ALWAYS_INLINE void RN(nearest_sweep)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                            int64_t begin, int64_t end, int64_t first, int64_t n,
                                            const int missing, const int metric, const int runner_up,
                                            const int width, RN(nearest_scratch) * s) {
    const int last = first + n == c->d;
    const real *start = missing ? at->start_missing : at->start;
    lane best[NEAREST_VECTORS], second[NEAREST_VECTORS], third[NEAREST_VECTORS];
    lane_whole label[NEAREST_VECTORS], second_label[NEAREST_VECTORS];
    _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) {
        best[v] = R(load)(s->best + v * LANES);
        second[v] = R(load)(s->second + v * LANES);
        label[v] = W(load)(s->label + v * LANES);
        third[v] = R(load)(s->third + v * LANES);
        second_label[v] = W(load)(s->second_label + v * LANES);
    }
    for (int64_t p = begin; p < end; p += width) {
        lane a[NEAREST_VECTORS][NEAREST_WIDTH];
        real *kept = s->sums + p * TILE_ROWS;
        _Pragma("GCC unroll 8") for (int j = 0; j < width; j++) {
            _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) a[v][j] =
                first ? R(load)(kept + (j * NEAREST_VECTORS + v) * LANES) : R(set)(start[p + j]);
        }
        const real *panel = at->panels + p * at->features;
        RN(nearest_multiply)(s->tile, panel + first * width, n, metric, width, a);
        if (metric == NEAREST_SQEUCLIDEAN && missing)
            RN(nearest_multiply)(s->known, panel + (c->d + first) * width, n, metric, width, a);
        if (!last) {
            _Pragma("GCC unroll 8") for (int j = 0; j < width; j++) {
                _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++)
                    R(store)(kept + (j * NEAREST_VECTORS + v) * LANES, a[v][j]);
            }
            continue;
        }
        _Pragma("GCC unroll 8") for (int j = 0; j < width; j++) {
            const lane_whole number = W(set)((whole)(p + j));
            _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) {
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
    _Pragma("GCC unroll 8") for (int v = 0; v < NEAREST_VECTORS; v++) {
        R(store)(s->best + v * LANES, best[v]);
        R(store)(s->second + v * LANES, second[v]);
        W(store)(s->label + v * LANES, label[v]);
        R(store)(s->third + v * LANES, third[v]);
        W(store)(s->second_label + v * LANES, second_label[v]);
    }
}

/* Labels (and norms) of a tile by the estimates. */
static ALWAYS_INLINE void RN(nearest_tile)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                           const real *x, int64_t stride, int rows, int missing,
                                           const int metric, const int runner_up, RN(nearest_scratch) * s) {
    const int64_t step = RN(nearest_chunk)(c->d), whole_panels = at->padded / NEAREST_WIDTH * NEAREST_WIDTH;
    for (int i = 0; i < TILE_ROWS; i++) {
        s->best[i] = s->second[i] = s->third[i] = (real)INFINITY;
        s->label[i] = s->second_label[i] = 0;
    }
    for (int64_t first = 0; first < c->d; first += step) {
        const int64_t n = c->d - first < step ? c->d - first : step;
        if (missing || c->feature_weight)
            RN(nearest_fill)(at, x, stride, rows, first, n, metric, 0, s);
        else
            RN(nearest_fill)(at, x, stride, rows, first, n, metric, 1, s);
        RN(nearest_sweep)(c, at, 0, whole_panels, first, n, missing, metric, runner_up, NEAREST_WIDTH, s);
        if (whole_panels < at->padded)
            RN(nearest_sweep)(c, at, whole_panels, at->padded, first, n, missing, metric, runner_up,
                              NEAREST_NARROW, s);
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

static void RN(nearest_estimate)(const nearest_centroids *c, const RN(nearest_layout) * at, const real *x,
                                 int64_t stride, int rows, int missing, int runner_up,
                                 RN(nearest_scratch) * s) {
    if (at->linear && runner_up)
        RN(nearest_tile)(c, at, x, stride, rows, missing, NEAREST_SQEUCLIDEAN, 1, s);
    else if (at->linear)
        RN(nearest_tile)(c, at, x, stride, rows, missing, NEAREST_SQEUCLIDEAN, 0, s);
    else if (c->metric == NEAREST_MANHATTAN)
        RN(nearest_tile)(c, at, x, stride, rows, missing, NEAREST_MANHATTAN, 1, s);
    else
        RN(nearest_tile)(c, at, x, stride, rows, missing, NEAREST_CHEBYSHEV, 1, s);
}

/* Nearest centroid of n rows, and the second nearest if second_label is not NULL (then k >= 2). */
static void FN(RN(nearest_find))(const nearest_centroids *c, const void *rows, int64_t stride, int64_t n,
                                 int32_t *label, int32_t *second_label, void *scratch) {
    RN(nearest_layout) at;
    RN(nearest_scratch) s = {0};
    const real *x = rows;
    RN(nearest_lay_out)(c, &at);
    RN(nearest_divide)(c, scratch, &s);
    for (int64_t i = 0; i < n; i += TILE_ROWS, x += TILE_ROWS * stride) {
        const int m = n - i < TILE_ROWS ? (int)(n - i) : TILE_ROWS;
        const int missing = c->missing && RN(nearest_any_missing)(x, stride, m, c->d);
        /* the cosine over known features is no product */
        const int unknown = missing && c->metric == NEAREST_COSINE;
        if (!unknown)
            RN(nearest_estimate)(c, &at, x, stride, m, missing, second_label != NULL, &s);
        for (int r = 0; r < m; r++) {
            const real norm = c->metric == NEAREST_COSINE ? RN(nearest_sqrt)(s.norm[r] + NEAREST_TINY(real))
                                                          : s.norm[r] + NEAREST_TINY(real);
            const real rest = 2 * (at.row_factor * norm);
            int32_t winners[2] = {(int32_t)s.label[r], (int32_t)s.second_label[r]};
            int sure = !unknown && s.second[r] - s.best[r] > at.slack[s.label[r]] + rest;
            if (second_label)
                sure = sure && s.third[r] - s.second[r] > at.slack[s.second_label[r]] + rest;
            if (!sure)
                RN(nearest_decide)(c, x + r * stride, winners);
            label[i + r] = winners[0];
            if (second_label)
                second_label[i + r] = winners[1];
        }
    }
}
