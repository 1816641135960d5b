/* A tile of rows with missing values (NaN) under full or tied covariances: exact EM over what is observed.
 *
 * U U' is the precision, U its upper triangular factor, y = U'(x - mean) with 0 for what the row lacks, and V
 * the rows of U that belong to the q missing features. V' = Q'R by modified Gram-Schmidt, columns of d, gives
 *
 *   c = Q y, and |y - Q'c|^2, the quadratic form of the known features: least over the missing entries
 *   -R^-1 c, the expectation of the missing entries
 *   R^-1 R^-T = (V V')^-1, their covariance
 *   log det C_known = log det C + 2 sum log R_mm
 *
 * (A. Bjorck, Solving linear least squares problems by Gram-Schmidt orthogonalization, BIT 7, 1967: y passes
 * through the same steps as the columns of V', which makes the solution backward stable.) So y comes from the
 * kernels of complete rows, and what is added costs q^2 d for each pattern and component and 2 q d for each
 * row and component. Gram-Schmidt has features in lanes, all that concerns rows has rows in lanes: groups of
 * up to LANES_F64 rows of one pattern. In float64 throughout.
 */

/* Rows of a tile with the same missing features. */
typedef struct gaussian_pattern {
    int32_t first, n;
    int32_t q;              /* missing features; 1 <= q < d */
    int32_t start;          /* rows of U begin here: the first of them, rounded down to GAUSSIAN_WIDE */
    const int32_t *feature; /* (q,), ascending */
    int64_t entry, pair;    /* where its missing entries, and its pairs of them, are kept */
} gaussian_pattern;

/* Pairs of missing features that a tile keeps for each factor; or one pattern's, if there are more. */
enum { GAUSSIAN_PAIRS = 1 << 14 };

typedef struct gaussian_gaps {
    gaussian_room_f64 room;
    int32_t wide; /* d rounded up */
    int32_t n_patterns;
    int64_t n_entries, n_pairs; /* room for missing entries of a component, and pairs of a factor */
    gaussian_pattern *pattern;  /* (tile,) */
    int32_t *feature;           /* (tile, d) */
    double *x;                  /* (tile, wide) rows, 0 for what is missing */
    double *expected;           /* (k, n_entries): for each group, feature by feature, row by row */
    double *spread;             /* (factors, n_pairs) R^-1 R^-T, lower triangles */
    double *basis, *triangle;   /* (d, wide) Q, (d, wide) R */
    double *inverse;            /* (d, wide) R^-T by rows */
    double *diagonal;           /* (wide,) */
    double *residual, *along; /* (wide, lanes) y less what is along the basis; (d, lanes) that, or entries */
    double *share, *product;  /* (d, lanes), (d (d + 1) / 2, lanes) sums of a pattern's rows */
    double *zero;             /* (wide,) */
} gaussian_gaps;

static int32_t gaussian_wide(int32_t d) { return (d + GAUSSIAN_WIDE - 1) / GAUSSIAN_WIDE * GAUSSIAN_WIDE; }

/* Lays the parts out in `work`, or with NULL counts its doubles. */
static int64_t gaussian_lay(const gaussian_shape *shape, double *work, gaussian_gaps *g) {
    const int64_t d = shape->n_features, k = shape->n_components, tile = shape->tile;
    const int64_t n_factors = shape->kind == GAUSSIAN_FULL ? k : 1;
    int64_t at = FN(gaussian_room_f64)(shape);
    g->wide = gaussian_wide(shape->n_features);
    g->n_entries = tile * (d - 1) + LANES_F64; /* the last group may write beyond its rows */
    g->n_pairs = d * (d + 1) / 2 > GAUSSIAN_PAIRS ? d * (d + 1) / 2 : GAUSSIAN_PAIRS;
    if (work)
        g->room = gaussian_parts_f64(shape, work);
#define PART(name, n) g->name = work ? (void *)(work + at) : 0, at += ((n) + 7) / 8 * 8
    PART(x, tile * g->wide);
    PART(basis, (int64_t)g->wide * g->wide);
    PART(triangle, d * g->wide);
    PART(inverse, (int64_t)g->wide * g->wide);
    PART(diagonal, g->wide);
    PART(zero, g->wide);
    PART(residual, g->wide * LANES_F64);
    PART(along, d * LANES_F64);
    PART(share, d * LANES_F64);
    PART(product, (d * (d + 1) / 2 + LANES_F64) * LANES_F64);
    PART(expected, k * g->n_entries);
    PART(spread, n_factors * g->n_pairs + LANES_F64);
    PART(pattern, tile * (int64_t)(sizeof(gaussian_pattern) / sizeof(double)));
    PART(feature, tile * d / 2 + 1);
#undef PART
    return at;
}

/* Doubles that gaussian_missing works in. */
int64_t FN(gaussian_missing_room)(const gaussian_shape *shape) {
    gaussian_gaps g;
    return gaussian_lay(shape, 0, &g);
}

static gaussian_gaps gaussian_gaps_of(const gaussian_shape *shape, double *work) {
    gaussian_gaps g;
    gaussian_lay(shape, work, &g);
    for (int32_t c = 0; c < g.wide; c++)
        g.zero[c] = 0;
    return g;
}

/* Takes row i of the tile, whose missing features are listed behind those of the patterns before, into a
   pattern. Returns 0 if the tile has no room for its pairs. */
static int gaussian_take(gaussian_gaps *g, int32_t i, const int32_t *feature, int32_t q) {
    gaussian_pattern *last = g->pattern + g->n_patterns - 1;
    if (g->n_patterns && last->q == q && !memcmp(last->feature, feature, (size_t)q * sizeof *feature)) {
        last->n++;
        return 1;
    }
    const int64_t n_pairs = (int64_t)q * (q + 1) / 2;
    gaussian_pattern p = {i, 1, q, feature[0] / GAUSSIAN_WIDE * GAUSSIAN_WIDE, feature, 0, 0};
    if (g->n_patterns) {
        p.entry = last->entry + (int64_t)last->q * last->n;
        p.pair = last->pair + (int64_t)last->q * (last->q + 1) / 2;
        if (p.pair + n_pairs > g->n_pairs)
            return 0;
    }
    g->pattern[g->n_patterns++] = p;
    return 1;
}

/* Products of a row with LANES_F64 others: sums over columns from .. to. */
static ALWAYS_INLINE lane_f64 gaussian_products(const double *row, const double *others, int32_t wide,
                                                int32_t from, int32_t to) {
    lane_f64 sum[LANES_F64];
    for (int u = 0; u < LANES_F64; u++)
        sum[u] = f64_set(0);
    for (int32_t c = from; c < to; c += LANES_F64)
        for (int u = 0; u < LANES_F64; u++)
            sum[u] = f64_fma(f64_load(row + c), f64_load(others + u * wide + c), sum[u]);
    return f64_lane_sums(sum);
}

/* Q, R and its inverted diagonal of a pattern under a factor; returns the sum of log R_mm. */
static double gaussian_orthogonalise(const gaussian_shape *shape, gaussian_gaps *g, const gaussian_pattern *p,
                                     const double *factor) {
    const int32_t d = shape->n_features, wide = g->wide, q = p->q;
    lane_f64 sum = f64_set(0);
    for (int32_t m = 0; m < q; m++)
        for (int32_t c = p->start; c < wide; c += LANES_F64) {
            const int32_t left = d - c < LANES_F64 ? d - c : LANES_F64;
            f64_store(g->basis + m * wide + c,
                      left > 0 ? f64_load_part(factor + (int64_t)p->feature[m] * d + c, left) : f64_set(0));
        }
    for (int32_t m = 0; m < q; m++) {
        double *row = g->basis + m * wide, *triangle = g->triangle + m * wide;
        for (int32_t l = m / LANES_F64 * LANES_F64; l < q; l += LANES_F64)
            f64_store(triangle + l, gaussian_products(row, g->basis + l * wide, wide, p->start, wide));
        const double inverse = 1 / __builtin_sqrt(triangle[m]);
        g->diagonal[m] = inverse;
        for (int32_t c = p->start; c < wide; c += LANES_F64)
            f64_store(row + c, f64_load(row + c) * f64_set(inverse));
        for (int32_t l = m + 1; l < q; l++) {
            double *other = g->basis + l * wide;
            triangle[l] *= inverse;
            const lane_f64 by = f64_set(triangle[l]);
            for (int32_t c = p->start; c < wide; c += LANES_F64)
                f64_store(other + c, f64_fnma(by, f64_load(row + c), f64_load(other + c)));
        }
    }
    for (int32_t m = q; m % LANES_F64; m++)
        g->diagonal[m] = 1;
    for (int32_t m = 0; m < q; m += LANES_F64)
        sum -= f64_log(f64_load(g->diagonal + m));
    return f64_sum(sum);
}

/* R^-1 R^-T, lower triangle by rows; may write LANES_F64 - 1 numbers more. */
static void gaussian_invert(gaussian_gaps *g, const gaussian_pattern *p, double *spread) {
    static const double unit[2 * GAUSSIAN_WIDE] = {[GAUSSIAN_WIDE] = 1};
    const int32_t q = p->q, wide = g->wide;
    for (int32_t m = q; m-- > 0;) { /* rows of R^-1, from where the diagonal's vector begins */
        double *row = g->inverse + m * wide;
        const int32_t begin = m / LANES_F64 * LANES_F64;
        for (int32_t i = begin; i < q; i += LANES_F64) {
            const int32_t end = i + LANES_F64 < q ? i + LANES_F64 : q;
            lane_f64 sum = i == begin ? f64_load(unit + GAUSSIAN_WIDE - (m - i)) : f64_set(0);
            for (int32_t l = m + 1; l < end; l++)
                sum = f64_fnma(f64_set(g->triangle[m * wide + l]), f64_load(g->inverse + l * wide + i), sum);
            f64_store(row + i, sum * f64_set(g->diagonal[m]));
        }
    }
    for (int32_t a = 0; a < q; spread += ++a)
        for (int32_t b = 0; b <= a; b += LANES_F64)
            f64_store(spread + b, gaussian_products(g->inverse + a * wide, g->inverse + b * wide, wide,
                                                    a / LANES_F64 * LANES_F64, q));
}

/* A group of rows, whose lines y begin at `line`, less `offset`: the quadratic forms; `along` becomes the
   expectations of the missing entries. */
static lane_f64 gaussian_project(const gaussian_shape *shape, gaussian_gaps *g, const gaussian_pattern *p,
                                 const double *line, const double *offset) {
    enum { STEP = GAUSSIAN_PANEL };
    const int32_t d = shape->n_features, end = (d + STEP - 1) / STEP * STEP, tile = shape->tile;
    const int32_t wide = g->wide, q = p->q;
    const double *basis = g->basis;
    double *residual = g->residual;
    lane_f64 square[STEP], sum[STEP];
    for (int u = 0; u < STEP; u++)
        square[u] = sum[u] = f64_set(0);
    for (int32_t c = 0; c < p->start; c += STEP)
        for (int u = 0; u < STEP; u++) {
            const lane_f64 y = f64_load(line + (int64_t)(c + u) * tile) - f64_set(offset[c + u]);
            square[u] = f64_fma(y, y, square[u]);
        }
    for (int32_t c = p->start; c < end; c += STEP)
        for (int u = 0; u < STEP; u++) {
            const lane_f64 y = f64_load(line + (int64_t)(c + u) * tile) - f64_set(offset[c + u]);
            f64_store(residual + (c + u) * LANES_F64, y);
            sum[u] = f64_fma(f64_set(basis[c + u]), y, sum[u]);
        }
    for (int32_t m = 0;; m++, basis += wide) {
        const lane_f64 by = (sum[0] + sum[1]) + (sum[2] + sum[3]);
        const double *next = basis + wide;
        f64_store(g->along + m * LANES_F64, by);
        if (m + 1 == q) {
            for (int32_t c = p->start; c < end; c += STEP)
                for (int u = 0; u < STEP; u++) {
                    const lane_f64 y =
                        f64_fnma(by, f64_set(basis[c + u]), f64_load(residual + (c + u) * LANES_F64));
                    square[u] = f64_fma(y, y, square[u]);
                }
            break;
        }
        for (int u = 0; u < STEP; u++)
            sum[u] = f64_set(0);
        for (int32_t c = p->start; c < end; c += STEP)
            for (int u = 0; u < STEP; u++) {
                const lane_f64 y =
                    f64_fnma(by, f64_set(basis[c + u]), f64_load(residual + (c + u) * LANES_F64));
                f64_store(residual + (c + u) * LANES_F64, y);
                sum[u] = f64_fma(f64_set(next[c + u]), y, sum[u]);
            }
    }
    for (int32_t m = q; m-- > 0;) { /* R e = -c */
        lane_f64 value = f64_load(g->along + m * LANES_F64);
        for (int32_t l = m + 1; l < q; l++)
            value = f64_fma(f64_set(g->triangle[m * wide + l]), f64_load(g->along + l * LANES_F64), value);
        f64_store(g->along + m * LANES_F64, value * f64_set(-g->diagonal[m]));
    }
    return (square[0] + square[1]) + (square[2] + square[3]);
}

/* Log densities of the tile's m rows, filled up to n, under all components. */
static void gaussian_gap_densities(const gaussian_shape *shape, gaussian_gaps *g, int32_t m, int32_t n,
                                   const double *packed, const double *factors, const double *offsets,
                                   const double *constants, int is_summed) {
    const int64_t d = shape->n_features, tile = shape->tile;
    const int is_full = shape->kind == GAUSSIAN_FULL;
    const int32_t n_factors = is_full ? shape->n_components : 1;
    for (int32_t j = 0; j < shape->n_components; j++) /* no pattern has the rows that fill up the tile */
        for (int32_t i = m; i < n; i++)
            g->room.density[j * tile + i] = 0;
    for (int32_t f = 0; f < n_factors; f++) {
        const int32_t first = is_full ? f : 0, end = is_full ? f + 1 : shape->n_components;
        packed = gaussian_whiten_f64(shape, packed, g->room, n);
        for (const gaussian_pattern *p = g->pattern; p < g->pattern + g->n_patterns; p++) {
            const double log_size = gaussian_orthogonalise(shape, g, p, factors + f * d * d);
            if (is_summed)
                gaussian_invert(g, p, g->spread + f * g->n_pairs + p->pair);
            for (int32_t j = first; j < end; j++) {
                const double *offset = is_full ? g->zero : offsets + (int64_t)j * g->wide;
                const double constant = constants[j] - log_size + 0.91893853320467274178 * p->q;
                double *density = g->room.density + j * tile + p->first;
                double *expected = g->expected + j * g->n_entries + p->entry;
                for (int32_t i = 0; i < p->n; i += LANES_F64) {
                    const int32_t w = p->n - i < LANES_F64 ? p->n - i : LANES_F64;
                    const lane_f64 square = gaussian_project(shape, g, p, g->room.y + p->first + i, offset);
                    f64_store_part(density + i, f64_fnma(f64_set(0.5), square, f64_set(constant)), w);
                    /* what a vector writes beyond its rows the next one overwrites */
                    for (int32_t m = 0; is_summed && m < p->q; m++, expected += w)
                        f64_store(expected, f64_load(g->along + m * LANES_F64));
                }
            }
        }
    }
}

/* Share times expected entries of a group of rows, in g->share, times the rows: into the rows of `second`
   that belong to the missing features. */
static void gaussian_cross(const gaussian_gaps *g, const gaussian_pattern *p, int32_t i, int32_t w,
                           double *second) {
    const double *x = g->x + (int64_t)(p->first + i) * g->wide;
    for (int32_t m = 0; m < p->q; m++) {
        double *out = second + (int64_t)p->feature[m] * g->wide;
        const double *share = g->share + m * LANES_F64;
        for (int32_t c = 0; c < g->wide; c += LANES_F64) {
            lane_f64 sum = f64_load(out + c);
            for (int32_t r = 0; r < w; r++)
                sum = f64_fma(f64_set(share[r]), f64_load(x + r * g->wide + c), sum);
            f64_store(out + c, sum);
        }
    }
}

/* What the missing entries of a pattern add to the moments of components from <= j < to, which share a
   factor: to `first` (k, d), and to `second` (d, wide), of which pairs of features (a, b) and (b, a) count
   together. */
static void gaussian_add_gaps(const gaussian_shape *shape, gaussian_gaps *g, const gaussian_pattern *p,
                              int32_t from, int32_t to, const double *spread, double *first, double *second) {
    const int64_t d = shape->n_features, tile = shape->tile;
    const int32_t q = p->q, n_pairs = q * (q + 1) / 2;
    lane_f64 total = f64_set(0);
    for (int32_t m = 0; m < n_pairs; m++)
        f64_store(g->product + m * LANES_F64, f64_set(0));
    for (int32_t i = 0; i < p->n; i += LANES_F64) {
        const int32_t w = p->n - i < LANES_F64 ? p->n - i : LANES_F64;
        for (int32_t m = 0; m < q; m++)
            f64_store(g->share + m * LANES_F64, f64_set(0));
        for (int32_t j = from; j < to; j++) {
            const double *expected = g->expected + j * g->n_entries + p->entry + (int64_t)q * i;
            const lane_f64 r = f64_load_part(g->room.density + j * tile + p->first + i, w);
            double *product = g->product;
            total += r;
            for (int32_t a = 0; a < q; a++) {
                const lane_f64 share = r * f64_load_part(expected + a * w, w);
                double *sum = g->share + a * LANES_F64;
                f64_store(sum, f64_load(sum) + share);
                first[j * d + p->feature[a]] += f64_sum(share);
                for (int32_t b = 0; b <= a; b++, product += LANES_F64)
                    f64_store(product, f64_fma(share, f64_load_part(expected + b * w, w), f64_load(product)));
            }
        }
        gaussian_cross(g, p, i, w, second);
    }
    const double *product = g->product, weight = f64_sum(total);
    for (int32_t a = 0; a < q; spread += ++a, product += a * LANES_F64)
        for (int32_t b = 0; b <= a; b += LANES_F64) {
            double *out = second + (int64_t)p->feature[a] * g->wide;
            double sums[LANES_F64];
            lane_f64 lanes[LANES_F64];
            for (int u = 0; u < LANES_F64; u++)
                lanes[u] = f64_load(product + (b + u) * LANES_F64);
            f64_store(sums, f64_lane_sums(lanes));
            for (int32_t u = 0; u < LANES_F64 && b + u <= a; u++)
                out[p->feature[b + u]] += sums[u] + weight * spread[b + u];
        }
}

static void gaussian_add_tile(const gaussian_shape *shape, gaussian_gaps *g, double *first, double *second) {
    const int64_t k = shape->n_components, square = (int64_t)shape->n_features * g->wide;
    for (int32_t f = 0; f < (shape->kind == GAUSSIAN_FULL ? k : 1); f++)
        for (const gaussian_pattern *p = g->pattern; p < g->pattern + g->n_patterns; p++) {
            const double *spread = g->spread + f * g->n_pairs + p->pair;
            if (shape->kind == GAUSSIAN_FULL)
                gaussian_add_gaps(shape, g, p, f, f + 1, spread, first, second + f * square);
            else
                gaussian_add_gaps(shape, g, p, 0, (int32_t)k, spread, first, second);
        }
}
