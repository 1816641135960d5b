/* Distances of single rows, added up in float64 from the values as given, and the sums of rows.
 *
 * Both types take their features in the same order into the same lanes, so float64 rows that hold float32
 * numbers have the distances of the float32 rows.
 */

/* Two vectors of doubles from LANES_F32 reals; of the first n alone if n is less, the others are zero. */
static ALWAYS_INLINE void RN(nearest_widen)(const real *x, int64_t n, lane_f64 y[2]) {
    const int low = n < LANES_F64 ? (int)n : LANES_F64;
#if LANES_ARE_F32
    const lane_f32 both = n < LANES_F32 ? f32_load_part(x, (int)n) : f32_load(x);
    y[0] = f64_from_low(both);
    y[1] = f64_from_upper(both);
    (void)low;
#else
    if (n >= LANES_F32) {
        y[0] = f64_load(x);
        y[1] = f64_load(x + LANES_F64);
    } else {
        y[0] = f64_load_part(x, low);
        y[1] = f64_load_part(x + low, (int)n - low);
    }
#endif
}

static ALWAYS_INLINE void RN(nearest_load_pair)(const double *x, int64_t n, lane_f64 y[2]) {
    const int low = n < LANES_F64 ? (int)n : LANES_F64;
    if (n >= LANES_F32) {
        y[0] = f64_load(x);
        y[1] = f64_load(x + LANES_F64);
    } else {
        y[0] = f64_load_part(x, low);
        y[1] = f64_load_part(x + low, (int)n - low);
    }
}

static ALWAYS_INLINE lane_f64 RN(nearest_abs_f64)(lane_f64 x) {
    return (lane_f64)((lane_i64)x & i64_set(0x7FFFFFFFFFFFFFFF));
}

/* The distance but for the factor of missing values. */
static ALWAYS_INLINE double RN(nearest_distance_of)(const nearest_centroids *c, const real *x, int64_t j,
                                                    const int metric, const int plain) {
    const double *w = c->values + j * c->d;
    lane_f64 sum[2], row[2], centroid[2];
    for (int h = 0; h < 2; h++)
        sum[h] = row[h] = centroid[h] = f64_set(0);
    for (int64_t f = 0; f < c->d; f += LANES_F32) {
        lane_f64 y[2], v[2], weight[2];
        RN(nearest_widen)(x + f, c->d - f, y);
        RN(nearest_load_pair)(w + f, c->d - f, v);
        if (!plain && c->feature_weight)
            RN(nearest_load_pair)(c->feature_weight + f, c->d - f, weight);
        else
            weight[0] = weight[1] = f64_set(1);
        UNROLL for (int h = 0; h < 2; h++) {
            if (!plain) { /* missing: as far apart as zero from zero */
                const mask_f64 there = f64_le(y[h], y[h]);
                y[h] = f64_select(there, y[h], f64_set(0));
                v[h] = f64_select(there, v[h], f64_set(0));
            }
            const lane_f64 t = y[h] - v[h];
            if (metric == NEAREST_SQEUCLIDEAN) {
                sum[h] = f64_fma(plain ? t : (lane_f64)(t * weight[h]), t, sum[h]);
            } else if (metric == NEAREST_COSINE) {
                const lane_f64 z = y[h] * weight[h];
                sum[h] = f64_fma(z, v[h], sum[h]);
                row[h] = f64_fma(z, y[h], row[h]);
                centroid[h] = f64_fma(v[h] * weight[h], v[h], centroid[h]);
            } else {
                const lane_f64 size = RN(nearest_abs_f64)(t) * weight[h];
                sum[h] = metric == NEAREST_MANHATTAN ? (lane_f64)(sum[h] + size) : f64_max(size, sum[h]);
            }
        }
    }
    if (metric == NEAREST_CHEBYSHEV) {
        double part[LANES_F64], largest = 0;
        f64_store(part, f64_max(sum[0], sum[1]));
        for (int i = 0; i < LANES_F64; i++)
            largest = part[i] > largest ? part[i] : largest;
        return largest;
    }
    const double total = f64_sum(sum[0] + sum[1]);
    if (metric != NEAREST_COSINE)
        return total;
    /* one square root at a time: the product of the squares may overflow */
    const double lengths = sqrt(f64_sum(row[0] + row[1])) * sqrt(f64_sum(centroid[0] + centroid[1]));
    const double distance = lengths > 0 ? 1.0 - total / lengths : 1.0;
    return distance < 0 ? 0.0 : distance;
}

static double RN(nearest_distance)(const nearest_centroids *c, const real *x, int64_t j) {
    const int plain = !c->missing && !c->feature_weight;
    switch (c->metric) {
    case NEAREST_SQEUCLIDEAN:
        return plain ? RN(nearest_distance_of)(c, x, j, NEAREST_SQEUCLIDEAN, 1)
                     : RN(nearest_distance_of)(c, x, j, NEAREST_SQEUCLIDEAN, 0);
    case NEAREST_COSINE:
        return RN(nearest_distance_of)(c, x, j, NEAREST_COSINE, 0);
    case NEAREST_MANHATTAN:
        return RN(nearest_distance_of)(c, x, j, NEAREST_MANHATTAN, 0);
    default:
        return RN(nearest_distance_of)(c, x, j, NEAREST_CHEBYSHEV, 0);
    }
}

/* By how much the known features must be multiplied to stand for all. */
static double RN(nearest_missing_factor)(const nearest_centroids *c, const real *x) {
    double all = 0, known = 0;
    if (!c->missing || (c->metric != NEAREST_SQEUCLIDEAN && c->metric != NEAREST_MANHATTAN))
        return 1.0;
    for (int64_t f = 0; f < c->d; f++) {
        const double weight = c->feature_weight ? c->feature_weight[f] : 1.0;
        all += weight;
        known += x[f] == x[f] ? weight : 0.0;
    }
    return known > 0 ? all / known : 1.0;
}

/* Whether distance a is less than b by more than rounding can make of equal ones: sums of d terms, which
   instruction sets add up in different orders. A cosine's error does not shrink with the distance. */
static ALWAYS_INLINE int RN(nearest_closer)(const nearest_centroids *c, double a, double b) {
    const double rounding = (double)(2 * c->d + 16) * 0x1p-53;
    return a < (c->metric == NEAREST_COSINE ? b - rounding : b * (1.0 - rounding));
}

/* The nearest and the second nearest centroid of one row by their exact distances. */
static void RN(nearest_decide)(const nearest_centroids *c, const real *x, int32_t winners[2]) {
    double best = INFINITY, second = INFINITY;
    int64_t label = -1, second_label = -1;
    for (int64_t j = 0; j < c->k; j++) {
        const double distance = RN(nearest_distance)(c, x, j);
        if (RN(nearest_closer)(c, distance, best) || label < 0) {
            second = best;
            second_label = label;
            best = distance;
            label = j;
        } else if (RN(nearest_closer)(c, distance, second) || second_label < 0) {
            second = distance;
            second_label = j;
        }
    }
    winners[0] = (int32_t)label;
    winners[1] = (int32_t)second_label;
}

/* Exact distances of n rows to the centroids of their labels: into distance unless it is NULL, times the
   rows' weights added to errors by label unless that is NULL. */
static void FN(RN(nearest_measure))(const nearest_centroids *c, const void *rows, int64_t stride, int64_t n,
                                    const int32_t *label, const double *weight, void *distance,
                                    double *errors) {
    const real *x = rows;
    real *out = distance;
    for (int64_t i = 0; i < n; i++, x += stride) {
        const double y = RN(nearest_distance)(c, x, label[i]) * RN(nearest_missing_factor)(c, x);
        if (out)
            out[i] = (real)y;
        if (errors)
            errors[label[i]] += weight ? weight[i] * y : y;
    }
}

/* One row to the sums of a centroid. */
static ALWAYS_INLINE void RN(nearest_add_row)(const nearest_centroids *c, const real *x, double share,
                                              const int weighted, double *sum, double *weights) {
    const int64_t d = c->d;
    if (c->missing) {
        for (int64_t f = 0; f < d; f++) {
            const double y = (double)x[f] - (sizeof(real) == 4 ? 0.0 : c->offset[f]);
            sum[f] += y == y ? share * y : 0.0;
            weights[f] += y == y ? share : 0.0;
        }
        return;
    }
    *weights += share;
    int64_t f = 0;
    for (; f + LANES_F32 <= d; f += LANES_F32) {
        lane_f64 y[2];
        RN(nearest_widen)(x + f, LANES_F32, y);
        UNROLL for (int h = 0; h < 2; h++) {
            double *to = sum + f + h * LANES_F64;
            if (sizeof(real) == 8)
                y[h] = y[h] - f64_load(c->offset + f + h * LANES_F64);
            const lane_f64 old = f64_load(to);
            f64_store(to, weighted ? f64_fma(f64_set(share), y[h], old) : (lane_f64)(old + y[h]));
        }
    }
    for (; f < d; f++)
        sum[f] += share * ((double)x[f] - (sizeof(real) == 4 ? 0.0 : c->offset[f]));
}

/* sums[label][f] += weight * (x[f] - offset[f]) for n rows, of k x d sums. float32 rows are not offset:
   float64 has digits enough. `weights` gets the rows' weights by label: k numbers, or k x d with missing
   values, which are left out of both. `before` is NULL, or the labels that the sums and weights are already
   of: rows whose label is the same are passed over, the others are taken from where they were. */
static void FN(RN(nearest_add))(const nearest_centroids *c, const void *rows, int64_t stride, int64_t n,
                                const int32_t *label, const int32_t *before, const double *weight,
                                double *sums, double *weights) {
    const int64_t d = c->d, each = c->missing ? d : 1;
    const real *x = rows;
    for (int64_t i = 0; i < n; i++, x += stride) {
        double *sum = sums + label[i] * d, *held = weights + label[i] * each;
        if (before) {
            if (before[i] == label[i])
                continue;
            const double share = weight ? weight[i] : 1.0;
            RN(nearest_add_row)(c, x, share, 1, sum, held);
            RN(nearest_add_row)(c, x, -share, 1, sums + before[i] * d, weights + before[i] * each);
        } else if (weight) {
            RN(nearest_add_row)(c, x, weight[i], 1, sum, held);
        } else {
            RN(nearest_add_row)(c, x, 1.0, 0, sum, held);
        }
    }
}

/* The same for the rows order[0] .. order[n - 1], all of centroid j: its d sums and its weight (d of them
   with missing values). -1 - i instead of i takes row i away. If `error` is not NULL, the weighted distances
   of the rows are added to it: then none is taken away. */
static void FN(RN(nearest_gather))(const nearest_centroids *c, const void *rows, int64_t stride, int64_t n,
                                   const int64_t *order, int64_t j, const double *weight, double *sum,
                                   double *weights, double *error) {
    const real *x = rows;
    for (int64_t i = 0; i < n; i++) {
        const int64_t r = order[i] < 0 ? -1 - order[i] : order[i];
        const real *row = x + r * stride;
        if (i + 2 < n) {
            const int64_t next = order[i + 2] < 0 ? -1 - order[i + 2] : order[i + 2];
            for (int64_t f = 0; f < c->d; f += 64 / (int64_t)sizeof *x)
                PREFETCH(x + next * stride + f);
        }
        const double share = weight ? weight[r] : 1.0;
        if (weight || order[i] < 0)
            RN(nearest_add_row)(c, row, order[i] < 0 ? -share : share, 1, sum, weights);
        else
            RN(nearest_add_row)(c, row, 1.0, 0, sum, weights);
        if (error)
            *error += share * (RN(nearest_distance)(c, row, j) * RN(nearest_missing_factor)(c, row));
    }
}
