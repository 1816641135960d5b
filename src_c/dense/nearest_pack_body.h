/* Centroids as the tiles of nearest_body.h want them, and their part of the bound of the estimates' error. */

#define TILE_ROWS (NEAREST_VECTORS * LANES)

/* Where things lie in nearest_centroids.packed. */
typedef struct RN(nearest_layout) {
    real *offset, *scale;        /* d each: a row's value enters the tile as (x - offset) * scale */
    real *unit, *reach;          /* of pairs: the centroids' unit; the row's part of the bound / its size */
    real *start, *start_missing; /* of the sums, by centroid; infinite behind the last */
    real *slack, *most_slack;    /* twice the centroid's part of the error bound; the largest of them */
    real *panels;        /* centroids j .. j + width - 1 from panels + j * features on: [feature][width] */
    real *rest, *length; /* by centroid, of the screen: sizes outside the plane and in all */
    real *basis;         /* of the screen, as panels of vectors */
    int64_t features;    /* of a panel: d, or 2 d with missing values, or rank + 2 */
    int64_t padded;      /* k as a whole number of narrow panels */
    real row_factor;     /* the row's part of the bound is this times its norm */
    int linear, coarse;
} RN(nearest_layout);

static int64_t RN(nearest_lay_out)(const nearest_centroids *c, RN(nearest_layout) * at) {
    const int64_t d = (c->d + 15) / 16 * 16, k = (c->k + 15) / 16 * 16;
    real *base = c->packed;
    at->linear = c->metric == NEAREST_SQEUCLIDEAN || c->metric == NEAREST_COSINE;
    at->coarse = c->coarse && !c->rank && sizeof(real) == 4;
    at->features = c->missing && c->metric == NEAREST_SQEUCLIDEAN ? 2 * c->d : c->rank ? c->rank + 2 : c->d;
    if (at->coarse)
        at->features = (c->d + 1) / 2;
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
        at->most_slack = at->slack + k;
        at->unit = at->most_slack + 1;
        at->reach = at->unit + 1;
        at->rest = at->most_slack + 16;
        at->length = at->rest + k;
        at->basis = at->length + k;
        at->panels = at->basis + c->d * c->rank;
    }
    return (2 * d + 5 * k + 16 + c->d * c->rank + at->padded * at->features) * (int64_t)sizeof(real);
}

static int64_t FN(RN(nearest_packed_size))(const nearest_centroids *c) {
    RN(nearest_layout) at;
    nearest_centroids sized = *c;
    sized.packed = NULL;
    return RN(nearest_lay_out)(&sized, &at);
}

/* The row's part of the error bound is this times its norm, or, of pairs, the root of that. */
static ALWAYS_INLINE real RN(nearest_row_factor)(const RN(nearest_layout) * at) {
    return at->coarse ? at->reach[0] : at->row_factor;
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

/* Basis and centroid j as the screen wants them: what is taken off its start covers the rounding of |w|^2 /
   2, the feature behind the coordinates is its size outside the plane, the last one all of its size. */
static void RN(nearest_pack_basis)(const nearest_centroids *c, const RN(nearest_layout) * at) {
    for (int64_t q = 0; q < c->rank; q++) {
        real *panel = at->basis + q / NEAREST_WIDTH * NEAREST_WIDTH * c->d + q % NEAREST_WIDTH;
        for (int64_t f = 0; f < c->d; f++)
            panel[f * NEAREST_WIDTH] = (real)c->basis[f * c->rank + q];
    }
}

static void RN(nearest_pack_screened)(const nearest_centroids *c, const RN(nearest_layout) * at, int64_t j,
                                      double norm, real *panel, int64_t width) {
    const double slack = norm * (double)at->row_factor + NEAREST_TINY(real);
    at->start[j] = (real)(norm / 2 - slack);
    at->slack[j] = (real)(2 * slack);
    at->rest[j] = (real)(c->rest[j] * 1.001);
    at->length[j] = (real)(sqrt(norm) * 1.001);
    for (int64_t q = 0; q < c->rank; q++)
        panel[q * width] = (real)-c->coordinates[j * c->rank + q];
    panel[c->rank * width] = -at->rest[j];
    panel[(c->rank + 1) * width] = -at->length[j];
}

/* The unit of the centroids in pairs, and the bound that goes with it; 0 where it is not in the middle of the
   reals: then nothing is known of any product. */
static double RN(nearest_pack_unit)(const nearest_centroids *c, const RN(nearest_layout) * at) {
    const double u = 0x1p-24;
    double longest = 0;
    for (int64_t j = 0; j < c->k; j++)
        longest = fmax(longest, sqrt(RN(nearest_norm)(c, at, j)));
    const int usable = longest > 0x1p-60 && longest < 0x1p60;
    at->unit[0] = usable ? (real)(longest / NEAREST_UNITS) : (real)INFINITY;
    at->reach[0] =
        (real)(longest * (1.03 * sqrt((double)c->d) / NEAREST_UNITS + (double)(c->d / 64 + 40) * u));
    return usable ? (double)at->unit[0] : 0;
}

/* Centroid j in pairs of int16. */
static void RN(nearest_pack_pairs)(const nearest_centroids *c, const RN(nearest_layout) * at, int64_t j,
                                   double norm, real *panel, int64_t width) {
    const double slack = norm * 0x1p-20 + 0x1p-90, unit = (double)at->unit[0];
    const double *w = c->values + j * c->d;
    at->start[j] = (real)(norm / 2 - slack);
    at->slack[j] = (real)(2 * slack);
    for (int64_t f = 0; f < c->d; f += 2, panel += width) {
        double pair[2] = {(w[f] - c->offset[f]) / unit, 0};
        if (f + 1 < c->d)
            pair[1] = (w[f + 1] - c->offset[f + 1]) / unit;
        const int16_t rounded[2] = {(int16_t)rint(pair[0]), (int16_t)rint(pair[1])};
        memcpy(panel, rounded, sizeof rounded);
    }
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
    RN(nearest_pack_basis)(c, &at);
    const double unit = at.coarse ? RN(nearest_pack_unit)(c, &at) : 0;
    if (at.coarse && !(unit > 0))
        most_slack = INFINITY;
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
        if (!(norm < (sizeof(real) == 4 ? 0x1p126 : 0x1p1022)))
            most_slack = INFINITY;
        if (c->rank) {
            RN(nearest_pack_screened)(c, &at, j, norm, panel, width);
            continue;
        }
        if (at.coarse) {
            RN(nearest_pack_pairs)(c, &at, j, norm, panel, width);
            most_slack = fmax(most_slack, (double)at.slack[j] / 2);
            continue;
        }
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
    at.most_slack[0] = (real)(2 * most_slack);
    if (c->metric == NEAREST_CHEBYSHEV) /* a maximum cannot start below zero: the bound is for all */
        for (int64_t j = 0; j < k; j++)
            at.slack[j] = (real)(2 * most_slack);
}
