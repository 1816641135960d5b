/* The nearest centroids of rows: estimates of a tile, and exact distances where these leave more than one. */

/* Whether the least of a few estimates is kept instead of each: for narrow rows writing them would take
   longer than comparing all of these few exactly. */
static int RN(nearest_grouped)(const nearest_centroids *c, const RN(nearest_layout) * at, int runner_up) {
    return at->linear && !c->rank && !runner_up && at->features < NEAREST_KEEP;
}

static void RN(nearest_estimate)(const nearest_centroids *c, const RN(nearest_layout) * at, const real *x,
                                 int64_t stride, int rows, int last, int missing, int runner_up,
                                 RN(nearest_scratch) * s) {
    const int grouped = RN(nearest_grouped)(c, at, runner_up);
    if (c->rank && runner_up)
        RN(nearest_screen)(c, at, x, stride, rows, last, 1, s);
    else if (c->rank)
        RN(nearest_screen)(c, at, x, stride, rows, last, 0, s);
    else if (at->coarse && runner_up)
        RN(nearest_tile)(c, at, x, stride, rows, last, 0, NEAREST_SQEUCLIDEAN, 1, 0, 1, s);
    else if (at->coarse && grouped)
        RN(nearest_tile)(c, at, x, stride, rows, last, 0, NEAREST_SQEUCLIDEAN, 0, 1, 1, s);
    else if (at->coarse)
        RN(nearest_tile)(c, at, x, stride, rows, last, 0, NEAREST_SQEUCLIDEAN, 0, 0, 1, s);
    else if (at->linear && runner_up)
        RN(nearest_tile)(c, at, x, stride, rows, last, missing, NEAREST_SQEUCLIDEAN, 1, 0, 0, s);
    else if (at->linear && grouped)
        RN(nearest_tile)(c, at, x, stride, rows, last, missing, NEAREST_SQEUCLIDEAN, 0, 1, 0, s);
    else if (at->linear)
        RN(nearest_tile)(c, at, x, stride, rows, last, missing, NEAREST_SQEUCLIDEAN, 0, 0, 0, s);
    else if (c->metric == NEAREST_MANHATTAN)
        RN(nearest_tile)(c, at, x, stride, rows, last, missing, NEAREST_MANHATTAN, 1, 0, 0, s);
    else
        RN(nearest_tile)(c, at, x, stride, rows, last, missing, NEAREST_CHEBYSHEV, 1, 0, 0, s);
}

/* The row's part of the error bound, twice, instead of the norms; whether the winners of all lanes are sure.
 */
static int RN(nearest_bound)(const nearest_centroids *c, const RN(nearest_layout) * at, int runner_up,
                             RN(nearest_scratch) * s) {
    const lane factor = R(set)(2 * RN(nearest_row_factor)(at)), most = R(set)(at->most_slack[0]);
    uint32_t sure = ~0u;
    if (c->rank)
        return 0;
    for (int v = 0; v < TILE_ROWS; v += LANES) {
        lane norm = R(load)(s->norm + v) + R(set)(NEAREST_TINY(real));
        lane far = R(set)(0);
        if (at->coarse) /* distances that float64 cannot tell apart */
            far = norm * R(set)((real)((double)(4 * c->d + 32) * 0x1p-53));
        if (c->metric == NEAREST_COSINE || at->coarse)
            norm = R(sqrt)(norm);
        const lane bound = R(fma)(norm, factor, far), gap = R(load)(s->second + v) - R(load)(s->best + v);
        R(store)(s->norm + v, bound);
        sure &= R(bits)(R(lt)(bound + most, gap));
        if (runner_up)
            sure &= R(bits)(R(lt)(bound + most, R(load)(s->third + v) - R(load)(s->second + v)));
    }
    return sure == R(bits)(R(le)(most, most));
}

/* The greatest estimate with which a centroid may still be among the winners of row r of the tile; infinite
   below if the winners are sure. */
static real RN(nearest_limit)(const nearest_centroids *c, const RN(nearest_layout) * at, const real *x, int r,
                              int runner_up, const RN(nearest_scratch) * s) {
    const int64_t winner = runner_up ? s->second_label[r] : s->label[r];
    const real least = runner_up ? s->second[r] : s->best[r];
#define REACH(j) (c->rank ? RN(nearest_screen_reach)(c, at, s, r, j) : at->slack[j] + s->norm[r])
    const real reach = REACH(winner);
    const int sure = (runner_up ? s->third[r] : s->second[r]) - least > reach;
    if (sure && (!runner_up || s->second[r] - s->best[r] > REACH(s->label[r])))
        return (real)-INFINITY;
#undef REACH
    if (!c->rank || runner_up)
        return least + reach;
    const real score = RN(nearest_score)(c, x, winner);
    return score > least && score < least + reach ? score : least + reach;
}

/* What is known of the rows that the estimates of a tile leave open. */
typedef struct RN(nearest_open) {
    real limit[TILE_ROWS];
    double least[TILE_ROWS], next[TILE_ROWS];
    int32_t label[TILE_ROWS], runner_up[TILE_ROWS];
    uint32_t rows[NEAREST_VECTORS]; /* bits */
} RN(nearest_open);

/* Centroid j is compared exactly with all open rows that it may be nearest to. NaN is near, too: it has
   overflown. */
static void RN(nearest_compare)(const nearest_centroids *c, const real *x, int64_t stride, int64_t j,
                                int grouped, const RN(nearest_scratch) * s, RN(nearest_open) * o) {
    const int64_t place = grouped ? j / NEAREST_NARROW * NEAREST_NARROW : j;
    for (int v = 0; v < NEAREST_VECTORS; v++) {
        const lane estimate = R(load)(s->sums + (place * NEAREST_VECTORS + v) * LANES);
        uint32_t near = o->rows[v] & ~R(bits)(R(lt)(R(load)(o->limit + v * LANES), estimate));
        for (; near; near &= near - 1) {
            const int r = v * LANES + __builtin_ctz(near);
            const double distance = RN(nearest_distance)(c, x + r * stride, j);
            if (RN(nearest_closer)(c, distance, o->least[r]) || o->label[r] < 0) {
                o->next[r] = o->least[r];
                o->runner_up[r] = o->label[r];
                o->least[r] = distance;
                o->label[r] = (int32_t)j;
            } else if (RN(nearest_closer)(c, distance, o->next[r]) || o->runner_up[r] < 0) {
                o->next[r] = distance;
                o->runner_up[r] = (int32_t)j;
            }
        }
    }
}

/* Whether any of the NEAREST_NARROW centroids from j on may be nearest to an open row. */
static ALWAYS_INLINE int RN(nearest_any_near)(int64_t j, int grouped, const lane limit[NEAREST_VECTORS],
                                              const RN(nearest_scratch) * s, const RN(nearest_open) * o) {
    uint32_t near = 0;
    UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
        const real *estimate = s->sums + (j * NEAREST_VECTORS + v) * LANES;
        lane least = R(load)(estimate);
        for (int i = 1; i < NEAREST_NARROW && !grouped; i++)
            least = R(min)(least, R(load)(estimate + i * TILE_ROWS));
        near |= o->rows[v] & ~R(bits)(R(lt)(limit[v], least));
    }
    return near != 0;
}

/* Winners of the rows of a tile that the estimates in s->sums leave open. */
static void RN(nearest_settle)(const nearest_centroids *c, const RN(nearest_layout) * at, const real *x,
                               int64_t stride, int rows, int32_t *label, int32_t *second_label,
                               const RN(nearest_scratch) * s) {
    RN(nearest_open) o = {.rows = {0}};
    lane limit[NEAREST_VECTORS];
    uint32_t any = 0;
    const int grouped = RN(nearest_grouped)(c, at, second_label != NULL);
    for (int r = 0; r < rows; r++) {
        o.limit[r] = RN(nearest_limit)(c, at, x + r * stride, r, second_label != NULL, s);
        if (o.limit[r] == (real)-INFINITY)
            continue;
        o.least[r] = o.next[r] = INFINITY;
        o.label[r] = o.runner_up[r] = -1;
        o.rows[r / LANES] |= 1u << (r % LANES);
        any = 1;
    }
    UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) limit[v] = R(load)(o.limit + v * LANES);
    const int overflown = !(at->most_slack[0] < (real)INFINITY); /* NaN among estimates: look at all */
    for (int64_t j = 0; j < at->padded && any; j += NEAREST_NARROW)
        if (overflown || RN(nearest_any_near)(j, grouped, limit, s, &o))
            for (int64_t i = j; i < j + NEAREST_NARROW && i < c->k; i++)
                RN(nearest_compare)(c, x, stride, i, grouped, s, &o);
    for (int r = 0; r < rows; r++) {
        if (!(o.rows[r / LANES] >> (r % LANES) & 1))
            continue;
        label[r] = o.label[r];
        if (second_label)
            second_label[r] = o.runner_up[r];
    }
}

/* A lower bound of the distance (not squared) of row r of the tile to all centroids but its own; 0 where
   nothing is known. */
static double RN(nearest_others)(const nearest_centroids *c, const RN(nearest_layout) * at,
                                 const RN(nearest_scratch) * s, int r, int32_t label) {
    const double u = sizeof(real) == 4 ? 0x1p-24 : 0x1p-53, most = sizeof(real) == 4 ? 0x1p126 : 0x1p1022;
    const double score = label == s->label[r] ? s->second[r] : s->best[r];
    const double bound = c->rank ? 0.0 : s->norm[r] / 2.0; /* see nearest_bound */
    double norm = c->rank ? s->norm[r] : bound / at->row_factor;
    if (at->coarse) {
        if (s->unit[r] < (real)0x1p-100)
            return 0.0;
        norm = s->unit[r] / at->unit[0] * NEAREST_UNITS;
        norm *= norm;
    }
    const double squared = norm * (1 - 2 * (double)(c->d + 8) * u) + 2 * (score - bound);
    return squared > 0 && squared < most ? sqrt(squared) * (1 - 4 * u) : 0.0;
}

/* Nearest centroid of n rows, and the second nearest if second_label is not NULL (then k >= 2). If `others`
   is not NULL (squared Euclidean, nothing missing) it gets lower bounds of the distances to all other ones.
 */
static void FN(RN(nearest_find))(const nearest_centroids *c, const void *rows, int64_t stride, int64_t n,
                                 int32_t *label, int32_t *second_label, double *others, void *scratch) {
    RN(nearest_layout) at;
    RN(nearest_scratch) s = {0};
    const real *x = rows;
    RN(nearest_lay_out)(c, &at);
    RN(nearest_divide)(c, scratch, &s);
    const int runner_up = second_label != NULL;
    for (int64_t i = 0; i < n; i += TILE_ROWS, x += TILE_ROWS * stride) {
        const int m = n - i < TILE_ROWS ? (int)(n - i) : TILE_ROWS, last = i + m == n;
        const int missing = c->missing && RN(nearest_any_missing)(x, stride, m, c->d);
        if (missing && c->metric == NEAREST_COSINE) { /* the cosine over known features is no product */
            for (int r = 0; r < m; r++) {
                int32_t winners[2];
                RN(nearest_decide)(c, x + r * stride, winners);
                label[i + r] = winners[0];
                if (second_label)
                    second_label[i + r] = winners[1];
            }
            continue;
        }
        RN(nearest_estimate)(c, &at, x, stride, m, last, missing, runner_up, &s);
        const int sure = RN(nearest_bound)(c, &at, runner_up, &s);
        for (int r = 0; r < m; r++) {
            label[i + r] = (int32_t)s.label[r];
            if (second_label)
                second_label[i + r] = (int32_t)s.second_label[r];
        }
        if (!sure)
            RN(nearest_settle)(c, &at, x, stride, m, label + i, second_label ? second_label + i : NULL, &s);
        for (int r = 0; r < m && others; r++)
            others[i + r] = RN(nearest_others)(c, &at, &s, r, label[i + r]);
    }
}
