enum { RN(ONLINE_LANES) = ONLINE_NODES / LANES };
#define N_LANES RN(ONLINE_LANES)

/* The best node so far, for each lane of the panels. */
typedef struct RN(online_best) {
    lane value;
    lane_whole node;
} RN(online_best);

static ALWAYS_INLINE lane RN(online_abs)(lane a) { return R(max)(a, R(set)(0) - a); }

/* Distance along an axis, the shorter way round if it is closed. */
static ALWAYS_INLINE lane RN(online_gap)(lane a, lane b, real period) {
    const lane gap = RN(online_abs)(a - b);
    return period > 0 ? R(min)(gap, RN(online_abs)(R(set)(period) - gap)) : gap;
}

static ALWAYS_INLINE lane RN(online_weight)(lane u2, int32_t neighbourhood) {
    const lane one = R(set)(1), zero = R(set)(0);
    const lane bell = R(exp)(R(set)((real)-0.5) * u2);
    const mask inside = R(le)(u2, R(set)((real)ONLINE_EDGE));
    switch (neighbourhood) {
    case ONLINE_GAUSSIAN:
        return bell;
    case ONLINE_CUT_GAUSSIAN:
        return R(select)(inside, bell, zero);
    case ONLINE_BUBBLE:
        return R(select)(inside, one, zero);
    case ONLINE_MEXICAN_HAT:
        return (one - u2) * bell;
    case ONLINE_TRIANGLE:
        return R(max)(one - R(sqrt)(u2), zero);
    default:
        return R(max)(one - u2, zero);
    }
}

/* rate * h of a panel's nodes; returns whether any of them is worth moving. */
static ALWAYS_INLINE int RN(online_moves)(const online_map *map, const real *x, const real *y, int64_t winner,
                                          int64_t panel, real rate, real radius, lane *moves) {
    const lane scale = R(set)(1 / (radius * radius));
    uint32_t any = 0;
    for (int q = 0; q < N_LANES; q++) {
        const int64_t at = panel * ONLINE_NODES + q * LANES;
        const lane dx = RN(online_gap)(R(load)(x + at), R(set)(x[winner]), (real)map->period_x);
        const lane dy = RN(online_gap)(R(load)(y + at), R(set)(y[winner]), (real)map->period_y);
        const lane longer = R(max)(dx, dy);
        lane square = longer * longer;
        if (!map->is_chebyshev)
            square = R(fma)(dx, dx, dy * dy);
        /* beyond the reach of any function, and no overflow for small radii */
        const lane u2 = R(min)(square * scale, R(set)((real)1e6));
        const lane h = RN(online_weight)(u2, map->neighbourhood);
        any |= R(bits)(R(lt)(R(set)((real)ONLINE_NEGLIGIBLE), RN(online_abs)(h)));
        moves[q] = R(set)(rate) * h;
    }
    return any != 0;
}

/* One feature of a panel: move it towards `from` if that is wanted, then add what it says about `next`. */
static ALWAYS_INLINE void RN(online_feature)(real *w, real from, real next, int metric, int moving,
                                             int has_missing, const lane *moves, lane *sum, lane *square) {
    const int move = moving && !(has_missing && from != from);
    const int seen = !(has_missing && next != next);
    const lane to = R(set)(from), row = R(set)(next);
    for (int q = 0; q < N_LANES; q++) {
        lane node = R(load)(w + q * LANES);
        if (move) {
            node = R(fma)(moves[q], to - node, node);
            R(store)(w + q * LANES, node);
        }
        if (!seen)
            continue;
        if (metric == ONLINE_COSINE) {
            sum[q] = R(fma)(row, node, sum[q]);
            square[q] = R(fma)(node, node, square[q]);
            continue;
        }
        const lane gap = row - node;
        if (metric == ONLINE_SQEUCLIDEAN)
            sum[q] = R(fma)(gap, gap, sum[q]);
        else if (metric == ONLINE_MANHATTAN)
            sum[q] += RN(online_abs)(gap);
        else
            sum[q] = R(max)(sum[q], RN(online_abs)(gap));
    }
}

static ALWAYS_INLINE void RN(online_panel)(real *w, const real *from, const real *next, int64_t d, int metric,
                                           int moving, int has_missing, const lane *moves, lane_whole number,
                                           RN(online_best) * best) {
    lane sum[N_LANES], square[N_LANES], other[N_LANES]; /* two sums: additions wait for one another */
    for (int q = 0; q < N_LANES; q++)
        sum[q] = square[q] = other[q] = R(set)(0);
    int64_t c = 0;
    for (; c + 1 < d; c += 2) {
        RN(online_feature)(w + c * ONLINE_NODES, from[c], next[c], metric, moving, has_missing, moves, sum,
                           square);
        RN(online_feature)(w + (c + 1) * ONLINE_NODES, from[c + 1], next[c + 1], metric, moving, has_missing,
                           moves, other, square);
    }
    if (c < d)
        RN(online_feature)(w + c * ONLINE_NODES, from[c], next[c], metric, moving, has_missing, moves, sum,
                           square);
    for (int q = 0; q < N_LANES; q++) {
        lane value = sum[q] + other[q];
        if (metric == ONLINE_CHEBYSHEV)
            value = R(max)(sum[q], other[q]);
        if (metric == ONLINE_COSINE) /* the length of the row is the same for all */
            value = R(set)(0) - value / R(sqrt)(R(max)(square[q], R(set)((real)1e-37)));
        const mask better = R(lt)(value, best->value);
        best->value = R(select)(better, value, best->value);
        best->node = W(select)(better, number + q * LANES, best->node);
    }
}

/* A pass over the codebook: moves it for `from` (rate 0: does not), returns the winner of `next`. */
static ALWAYS_INLINE int64_t RN(online_pass)(const online_map *map, const real *x, const real *y,
                                             real *panels, const real *from, const real *next, int64_t winner,
                                             real rate, real radius, int metric, int has_missing,
                                             double *error) {
    const int64_t d = map->n_features;
    RN(online_best) best = {R(set)((real)INFINITY), W(set)(0)};
    lane_whole number = W(set)(0);
    for (int j = 0; j < LANES; j++)
        number[j] = j;
    for (int64_t panel = 0; panel < map->n_panels; panel++, number += ONLINE_NODES) {
        lane moves[N_LANES];
        real *w = panels + panel * d * ONLINE_NODES;
        if (rate != 0 && RN(online_moves)(map, x, y, winner, panel, rate, radius, moves))
            RN(online_panel)(w, from, next, d, metric, 1, has_missing, moves, number, &best);
        else
            RN(online_panel)(w, from, next, d, metric, 0, has_missing, moves, number, &best);
    }
    real value[LANES];
    whole node[LANES];
    R(store)(value, best.value);
    W(store)(node, best.node);
    int at = 0;
    for (int j = 1; j < LANES; j++)
        if (value[j] < value[at] || (value[j] == value[at] && node[j] < node[at]))
            at = j;
    *error = value[at];
    return node[at];
}

static ALWAYS_INLINE double RN(online_walk)(const online_map *map, const real *x, const real *y, real *panels,
                                            const real *rows, const online_steps *steps, int metric,
                                            int has_missing) {
    const int64_t d = map->n_features;
    double errors = 0.0, error = 0.0;
    const real *row = rows + steps->row[0] * d;
    int64_t winner = RN(online_pass)(map, x, y, panels, row, row, 0, 0, 1, metric, has_missing, &error);
    for (int64_t t = 0; t < steps->n; t++) {
        const real *next = rows + steps->row[t + 1 < steps->n ? t + 1 : t] * d;
        errors += error;
        winner = RN(online_pass)(map, x, y, panels, row, next, winner, (real)steps->rate[t],
                                 (real)steps->radius[t], metric, has_missing, &error);
        row = next;
    }
    return errors;
}

/* The steps, one after the other. x, y (n_panels * ONLINE_NODES) and panels are padded; rows of n_features in
   C order. Returns the sum of the winners' distances (under cosine: minus the dot product with the unit
   node). */
static double FN(RN(online_train))(const online_map *map, const real *x, const real *y, real *panels,
                                   const real *rows, const online_steps *steps) {
#define WALK(metric)                                                                                         \
    case metric:                                                                                             \
        return map->has_missing ? RN(online_walk)(map, x, y, panels, rows, steps, metric, 1)                 \
                                : RN(online_walk)(map, x, y, panels, rows, steps, metric, 0)
    if (steps->n == 0)
        return 0.0;
    switch (map->metric) {
        WALK(ONLINE_SQEUCLIDEAN);
        WALK(ONLINE_COSINE);
        WALK(ONLINE_MANHATTAN);
    default:
        WALK(ONLINE_CHEBYSHEV);
    }
#undef WALK
}
#undef N_LANES
