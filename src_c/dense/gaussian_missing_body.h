/* Rows with missing values (NaN), whose known entries alone are looked at: exact EM over what is observed.
 *
 * With o the known and m the missing features of a row, L L' = C_oo and y = L^-1 (x_o - mean_o), the density
 * is that of y, the expectation of x_m is mean_m + W' y with W = L^-1 C_om, and its covariance C_mm - W' W.
 * Rows of one pattern follow each other, so that L and W are found once for all of them. In float64
 * throughout. */

/* What is known of a pattern; parts of the workspace, of k x d x d and k x d doubles. */
typedef struct RN(gaussian_pattern) {
    int32_t n_known, *order; /* known features, then the missing ones */
    double *lower, *cross;   /* (k, d, d): L by rows; W' by rows, a row for each missing feature */
    double *log_det;         /* (k,): what is added to -|y|^2 / 2 */
    double *total;           /* (k,): responsibilities of the pattern's rows */
    double *y;               /* (k, d) of one row */
    double *density;         /* (k,) */
    double *full;            /* (d,) completed row */
} RN(gaussian_pattern);

static RN(gaussian_pattern) RN(gaussian_pattern_parts)(const gaussian_shape *shape, double *work) {
    const int64_t d = shape->n_features, k = shape->n_components, square = k * d * d;
    RN(gaussian_pattern) p;
    p.n_known = 0;
    p.lower = work;
    p.cross = p.lower + square;
    p.y = p.cross + square;
    p.log_det = p.y + k * d;
    p.total = p.log_det + k;
    p.density = p.total + k;
    p.full = p.density + k;
    p.order = (int32_t *)(p.full + d);
    return p;
}

/* Whether x has the pattern that `order` was made for. */
static int RN(gaussian_same_pattern)(const gaussian_shape *shape, const real *x,
                                     const RN(gaussian_pattern) * p) {
    for (int32_t c = 0; c < shape->n_features; c++) {
        const int32_t feature = p->order[c];
        if ((x[feature] == x[feature]) != (c < p->n_known))
            return 0;
    }
    return 1;
}

/* Known features in order, then the missing ones in order. */
static void RN(gaussian_order)(const gaussian_shape *shape, const real *x, RN(gaussian_pattern) * p) {
    const int32_t d = shape->n_features;
    int32_t at = 0;
    for (int32_t c = 0; c < d; c++)
        if (x[c] == x[c])
            p->order[at++] = c;
    p->n_known = at;
    for (int32_t c = 0; c < d; c++)
        if (x[c] != x[c])
            p->order[at++] = c;
}

/* L, W and the constant of component j for the pattern. */
static void RN(gaussian_decompose)(const gaussian_shape *shape, const double *covariance, double constant,
                                   int32_t j, RN(gaussian_pattern) * p) {
    const int32_t d = shape->n_features, n = p->n_known, *order = p->order;
    double *lower = p->lower + (int64_t)j * d * d, *cross = p->cross + (int64_t)j * d * d, log_det = 0;
    if (shape->kind == GAUSSIAN_DIAG) {
        for (int32_t a = 0; a < n; a++) {
            lower[a] = 1 / __builtin_sqrt(covariance[order[a]]);
            log_det += __builtin_log(lower[a]);
        }
        p->log_det[j] = constant + log_det - 0.91893853320467274178 * n;
        return;
    }
    /* the rows of the missing features continue those of the known ones: L^-1 C_om by the same recursion */
    for (int32_t a = 0; a < d; a++) {
        double *row = a < n ? lower + (int64_t)a * d : cross + (int64_t)(a - n) * d;
        const double *from = covariance + (int64_t)order[a] * d;
        for (int32_t b = 0; b < n && b <= a; b++) {
            const double *other = lower + (int64_t)b * d;
            double sum = from[order[b]];
            for (int32_t c = 0; c < b; c++)
                sum -= row[c] * other[c];
            if (a == b) {
                row[b] = 1 / __builtin_sqrt(sum); /* the diagonal is kept inverted */
                log_det += __builtin_log(row[b]);
            } else
                row[b] = sum * other[b];
        }
    }
    p->log_det[j] = constant + log_det - 0.91893853320467274178 * n; /* log(2 pi) / 2 */
}

static void RN(gaussian_density_of_row)(const gaussian_shape *shape, const real *x, const real *shift,
                                        const double *means, RN(gaussian_pattern) * p) {
    const int32_t d = shape->n_features, n = p->n_known, *order = p->order;
    for (int32_t j = 0; j < shape->n_components; j++) {
        const double *mean = means + (int64_t)j * d, *lower = p->lower + (int64_t)j * d * d;
        double *y = p->y + (int64_t)j * d, sum = 0;
        for (int32_t a = 0; a < n; a++) {
            const int32_t feature = order[a];
            double away = (double)(x[feature] - shift[feature]) - mean[feature];
            if (shape->kind == GAUSSIAN_DIAG)
                away *= lower[a];
            else {
                const double *row = lower + (int64_t)a * d;
                for (int32_t b = 0; b < a; b++)
                    away -= row[b] * y[b];
                away *= row[a];
            }
            y[a] = away;
            sum += away * away;
        }
        p->density[j] = p->log_det[j] - 0.5 * sum;
    }
}

/* Densities become responsibilities; returns the log density of the mixture, and the row's entropy. */
static double RN(gaussian_share_of_row)(int32_t k, double *density, double *entropy) {
    double most = density[0], sum = 0, slope = 0;
    for (int32_t j = 1; j < k; j++)
        most = density[j] > most ? density[j] : most;
    for (int32_t j = 0; j < k; j++) {
        const double below = density[j] - most;
        density[j] = below > -600 ? __builtin_exp(below) : 0;
        sum += density[j];
        slope += below > -600 ? density[j] * below : 0;
    }
    for (int32_t j = 0; j < k; j++)
        density[j] /= sum;
    const double log_sum = __builtin_log(sum);
    *entropy = log_sum - slope / sum;
    return most + log_sum;
}

/* The completed row times r into weight, first and second moments of component j. */
static void RN(gaussian_add_row)(const gaussian_shape *shape, const real *x, const real *shift,
                                 const double *mean, int32_t j, double r, RN(gaussian_pattern) * p,
                                 double *weight, double *first, double *second) {
    const int32_t d = shape->n_features, n = p->n_known, *order = p->order;
    const double *y = p->y + (int64_t)j * d;
    for (int32_t a = 0; a < n; a++)
        p->full[order[a]] = (double)(x[order[a]] - shift[order[a]]);
    for (int32_t a = n; a < d; a++) {
        const double *row = p->cross + (int64_t)j * d * d + (int64_t)(a - n) * d;
        double value = mean[order[a]];
        for (int32_t b = 0; shape->kind != GAUSSIAN_DIAG && b < n; b++)
            value += row[b] * y[b];
        p->full[order[a]] = value;
    }
    *weight += r;
    p->total[j] += r;
    for (int32_t a = 0; a < d; a++)
        first[a] += r * p->full[a];
    if (shape->kind == GAUSSIAN_DIAG) {
        for (int32_t a = 0; a < d; a++)
            second[a] += r * p->full[a] * p->full[a];
        return;
    }
    for (int32_t a = 0; a < d; second += ++a) {
        const double scaled = r * p->full[a];
        for (int32_t b = 0; b <= a; b++)
            second[b] += scaled * p->full[b];
    }
}

/* What the missing entries of all rows of a pattern vary, given the known ones. */
static void RN(gaussian_add_spread)(const gaussian_shape *shape, const double *covariance, int32_t j,
                                    RN(gaussian_pattern) * p, double *second) {
    const int32_t d = shape->n_features, n = p->n_known, *order = p->order;
    const double *cross = p->cross + (int64_t)j * d * d, r = p->total[j];
    for (int32_t a = n; a < d; a++) {
        if (shape->kind == GAUSSIAN_DIAG) {
            second[order[a]] += r * covariance[order[a]];
            continue;
        }
        for (int32_t b = n; b <= a; b++) { /* missing features ascend: order[b] <= order[a] */
            double value = covariance[(int64_t)order[a] * d + order[b]];
            for (int32_t c = 0; c < n; c++)
                value -= cross[(int64_t)(a - n) * d + c] * cross[(int64_t)(b - n) * d + c];
            second[(int64_t)order[a] * (order[a] + 1) / 2 + order[b]] += r * value;
        }
    }
}

static int64_t RN(gaussian_seconds)(const gaussian_shape *shape) {
    const int64_t d = shape->n_features;
    return shape->kind == GAUSSIAN_DIAG ? d : d * (d + 1) / 2;
}

static void RN(gaussian_end_pattern)(const gaussian_shape *shape, const double *covariances, int64_t step,
                                     RN(gaussian_pattern) * p, double *second) {
    const int64_t n_second = RN(gaussian_seconds)(shape);
    for (int32_t j = 0; j < shape->n_components; j++) {
        if (second && p->total[j] > 0)
            RN(gaussian_add_spread)(shape, covariances + j * step, j, p,
                                    second + (shape->kind == GAUSSIAN_TIED ? 0 : j * n_second));
        p->total[j] = 0;
    }
}

/* E-step and M-step sums of rows with missing values, each with a known one, patterns together.
 *
 * means       (k, d), less the shift
 * covariances (k, d, d), "tied" (d, d), "diag" (k, d)
 * constants   (k,), log weights
 * sums        added to: weights (k,), first moments (k, d), second moments (k, d (d + 1) / 2) in lower
 *             triangles, "tied" one for all, "diag" (k, d). NULL: nothing is summed, weights aside.
 * What is wanted of log_likelihood, label, resp, densities is not NULL: see gaussian_score.
 * work        gaussian_missing_room(shape) doubles */
void FN(RN(gaussian_missing))(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                              const real *shift, const double *means, const double *covariances,
                              const double *constants, double *work, double *sums, gaussian_totals *totals,
                              real *log_likelihood, int64_t *label, real *resp, real *densities) {
    const int64_t d = shape->n_features, k = shape->n_components, n_second = RN(gaussian_seconds)(shape);
    const int64_t step = shape->kind == GAUSSIAN_FULL ? d * d : shape->kind == GAUSSIAN_TIED ? 0 : d;
    RN(gaussian_pattern) p = RN(gaussian_pattern_parts)(shape, work);
    double *first = sums ? sums + k : 0, *second = sums ? first + k * d : 0;
    for (int32_t c = 0; c < d; c++)
        p.order[c] = c;
    for (int64_t j = 0; j < k; j++)
        p.total[j] = 0;
    for (int64_t i = 0; i < rows->n; i++) {
        const int64_t place = rows->first + i, row = rows->index ? rows->index[place] : place;
        const real *from = x + row * rows->stride;
        const double weight = rows->weight && sums ? rows->weight[row] : 1;
        int32_t best = 0;
        double entropy;
        if (i == 0 || !RN(gaussian_same_pattern)(shape, from, &p)) {
            RN(gaussian_end_pattern)(shape, covariances, step, &p, second);
            RN(gaussian_order)(shape, from, &p);
            for (int32_t j = 0; j < k; j++)
                RN(gaussian_decompose)(shape, covariances + j * step, constants[j], j, &p);
        }
        RN(gaussian_density_of_row)(shape, from, shift, means, &p);
        for (int32_t j = 0; j < k; j++) {
            best = p.density[j] > p.density[best] ? j : best;
            if (densities)
                densities[row * k + j] = (real)p.density[j];
        }
        if (label)
            label[row] = p.density[best] > -INFINITY ? best : -1;
        const double log_prob = RN(gaussian_share_of_row)((int32_t)k, p.density, &entropy);
        if (log_likelihood)
            log_likelihood[row] = (real)log_prob;
        for (int64_t j = 0; resp && j < k; j++)
            resp[row * k + j] = (real)p.density[j];
        if (!sums)
            continue;
        totals->log_likelihood += weight * log_prob;
        totals->entropy += weight * entropy;
        for (int32_t j = 0; j < k; j++)
            if (p.density[j] > 0)
                RN(gaussian_add_row)(shape, from, shift, means + j * d, j, weight * p.density[j], &p,
                                     sums + j, first + j * d,
                                     second + (shape->kind == GAUSSIAN_TIED ? 0 : j * n_second));
    }
    RN(gaussian_end_pattern)(shape, covariances, step, &p, second);
}
