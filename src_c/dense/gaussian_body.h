/* The places of a tile's parts in the workspace; d + 1 lines of rows, the last one of ones, then, "diag" with
   missing values, d of what is known (1, else 0). And where the next tile lies in memory: `ahead` bytes for
   each vector of rows of this one, 0 behind the last tile. */
typedef struct RN(gaussian_room) {
    real *x, *y, *density, *weight, *log_likelihood;
    const char *next;
    int64_t ahead;
} RN(gaussian_room);

static int32_t RN(gaussian_padded)(int32_t n_components) {
    int32_t pairs, components;
    FN(gaussian_blocks)(n_components, &pairs, &components);
    return (n_components + components - 1) / components * components + 1; /* and one for a pair's second */
}

static int RN(gaussian_is_masked)(const gaussian_shape *shape) {
    return shape->missing && shape->kind == GAUSSIAN_DIAG;
}

/* Lines of rows. */
static int64_t RN(gaussian_depth_of_x)(const gaussian_shape *shape) {
    return shape->n_features * (RN(gaussian_is_masked)(shape) ? 2 : 1) + 1;
}

int64_t FN(RN(gaussian_room))(const gaussian_shape *shape) {
    const int has_y = shape->kind == GAUSSIAN_TIED || (shape->kind == GAUSSIAN_FULL && shape->missing);
    const int64_t lines = RN(gaussian_depth_of_x)(shape) + (has_y ? shape->n_features + 4 : 0) +
                          RN(gaussian_padded)(shape->n_components) + 2;
    return lines * shape->tile;
}

static RN(gaussian_room) RN(gaussian_parts)(const gaussian_shape *shape, real *work) {
    RN(gaussian_room) room;
    const int64_t tile = shape->tile;
    room.x = work;
    room.density = room.x + RN(gaussian_depth_of_x)(shape) * tile;
    room.weight = room.density + RN(gaussian_padded)(shape->n_components) * tile;
    room.log_likelihood = room.weight + tile;
    room.y = room.log_likelihood + tile;
    room.ahead = 0;
    return room;
}

/* LANES rows less the shift, from column on at most LANES features, into lanes; NaN becomes the shift. Or
   what of them is known. */
static ALWAYS_INLINE void RN(gaussian_turn)(const real *const from[LANES], int32_t column, int n_left,
                                            const real *shift, real *x, int32_t tile, const int is_known) {
    const int n = n_left < LANES ? n_left : LANES;
    const lane off = R(load_part)(shift + column, n), zero = R(set)(0);
    lane a[LANES];
    _Pragma("GCC unroll 16") for (int r = 0; r < LANES; r++) {
        const lane value = (n == LANES ? R(load)(from[r] + column) : R(load_part)(from[r] + column, n)) - off;
        a[r] = R(select)(R(le)(value, value), is_known ? R(set)(1) : value, zero);
    }
    R(turn)(a, LANES);
    _Pragma("GCC unroll 16") for (int c = 0; c < LANES; c++) if (c < n)
        R(store)(x + (int64_t)(column + c) * tile, a[c]);
}

/* Rows first .. first + m - 1, m <= tile, less the shift, into lanes; what is missing becomes the shift. Ends
   with zero rows of weight 0 up to the returned number, a multiple of the rows that registers hold. */
static int32_t RN(gaussian_load)(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                                 int64_t first, int32_t m, const real *shift, RN(gaussian_room) room) {
    const int32_t d = shape->n_features, tile = shape->tile, step = GAUSSIAN_VECTORS * LANES;
    const int32_t end = (m + step - 1) / step * step;
    for (int32_t i = 0; i < end; i += LANES) {
        const real *from[LANES];
        for (int r = 0; r < LANES; r++) {
            const int64_t place = rows->first + first + (i + r < m ? i + r : 0);
            const int64_t row = rows->index ? rows->index[place] : place;
            from[r] = i + r < m ? x + row * rows->stride : shift;
            room.weight[i + r] = i + r >= m ? 0 : rows->weight ? (real)rows->weight[row] : 1;
        }
        for (int32_t c = 0; c < d; c += LANES)
            RN(gaussian_turn)(from, c, d - c, shift, room.x + i, tile, 0);
        for (int32_t c = 0; c < d && RN(gaussian_is_masked)(shape); c += LANES)
            RN(gaussian_turn)(from, c, d - c, shift, room.x + i + (int64_t)(d + 1) * tile, tile, 1);
        R(store)(room.x + (int64_t)d * tile + i, R(set)(1));
    }
    return end;
}

/* Four columns of x U (less m'U) of GAUSSIAN_VECTORS vectors of rows; returns what follows the panel. */
static ALWAYS_INLINE const real *RN(gaussian_panel)(const real *x, int32_t tile, const real *panel,
                                                    int32_t depth, lane y[GAUSSIAN_VECTORS][GAUSSIAN_PANEL]) {
    for (int q = 0; q < GAUSSIAN_PANEL; q++)
        for (int v = 0; v < GAUSSIAN_VECTORS; v++)
            y[v][q] = R(set)(panel[q]);
    panel += GAUSSIAN_PANEL;
    for (int32_t c = 0; c < depth; c++, x += tile, panel += GAUSSIAN_PANEL) {
        lane line[GAUSSIAN_VECTORS];
        for (int v = 0; v < GAUSSIAN_VECTORS; v++)
            line[v] = R(load)(x + v * LANES);
        for (int q = 0; q < GAUSSIAN_PANEL; q++) {
            const lane u = R(set)(panel[q]);
            for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                y[v][q] = R(fma)(line[v], u, y[v][q]);
        }
    }
    return panel;
}

static int32_t RN(gaussian_depth)(int32_t d, int32_t column) {
    return column + GAUSSIAN_PANEL < d ? column + GAUSSIAN_PANEL : d;
}

static void RN(gaussian_full)(const gaussian_shape *shape, const real *factors, const real *constants,
                              RN(gaussian_room) room, int32_t n) {
    const int32_t d = shape->n_features, tile = shape->tile;
    for (int32_t i = 0; i < n; i += GAUSSIAN_VECTORS * LANES) {
        const real *panel = factors;
        for (int32_t j = 0; j < shape->n_components; j++) {
            lane sum[GAUSSIAN_VECTORS], y[GAUSSIAN_VECTORS][GAUSSIAN_PANEL];
            for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                sum[v] = R(set)(0);
            for (int32_t column = 0; column < d; column += GAUSSIAN_PANEL) {
                panel = RN(gaussian_panel)(room.x + i, tile, panel, RN(gaussian_depth)(d, column), y);
                for (int v = 0; v < GAUSSIAN_VECTORS; v++) {
                    const lane left = R(fma)(y[v][2], y[v][2], y[v][0] * y[v][0]);
                    sum[v] += left + R(fma)(y[v][3], y[v][3], y[v][1] * y[v][1]);
                }
            }
            for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                R(store)(room.density + (int64_t)j * tile + i + v * LANES,
                         R(fnma)(R(set)((real)0.5), sum[v], R(set)(constants[j])));
        }
    }
}

/* Lines y = x U of a tied factor; returns what follows it. */
static const real *RN(gaussian_whiten)(const gaussian_shape *shape, const real *factors,
                                       RN(gaussian_room) room, int32_t n) {
    const int32_t d = shape->n_features, tile = shape->tile;
    const real *panel = factors;
    for (int32_t i = 0; i < n; i += GAUSSIAN_VECTORS * LANES) {
        panel = factors;
        for (int32_t column = 0; column < d; column += GAUSSIAN_PANEL) {
            lane y[GAUSSIAN_VECTORS][GAUSSIAN_PANEL];
            panel = RN(gaussian_panel)(room.x + i, tile, panel, RN(gaussian_depth)(d, column), y);
            for (int q = 0; q < GAUSSIAN_PANEL; q++)
                for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                    R(store)(room.y + (int64_t)(column + q) * tile + i + v * LANES, y[v][q]);
        }
    }
    return panel;
}

static void RN(gaussian_diagonal)(const gaussian_shape *shape, const real *line, const real *factors,
                                  const real *constants, RN(gaussian_room) room, int32_t n) {
    const int32_t d = shape->n_features, tile = shape->tile, k = shape->n_components;
    for (int32_t i = 0; i < n; i += GAUSSIAN_VECTORS * LANES) {
        const real *p = factors;
        for (int32_t j = 0; j < k; j += 2) {
            const real *x = line + i;
            lane sum[2][GAUSSIAN_VECTORS];
            for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                sum[0][v] = sum[1][v] = R(set)(0);
            for (int32_t c = 0; c < d; c++, x += tile, p += 4)
                for (int v = 0; v < GAUSSIAN_VECTORS; v++) {
                    const lane value = R(load)(x + v * LANES);
                    const lane a = R(fma)(value, R(set)(p[0]), R(set)(p[1]));
                    const lane b = R(fma)(value, R(set)(p[2]), R(set)(p[3]));
                    sum[0][v] = R(fma)(a, a, sum[0][v]);
                    sum[1][v] = R(fma)(b, b, sum[1][v]);
                }
            for (int q = 0; q < 2; q++) {
                const lane constant = R(set)(constants[j + q < k ? j + q : j]);
                real *out = room.density + (int64_t)(j + q) * tile + i;
                for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                    R(store)(out + v * LANES, R(fnma)(R(set)((real)0.5), sum[q][v], constant));
            }
        }
    }
}

/* The same where entries are missing: 0 in their lines of x and of what is known. */
static void RN(gaussian_masked)(const gaussian_shape *shape, const real *factors, const real *constants,
                                RN(gaussian_room) room, int32_t n) {
    const int32_t d = shape->n_features, tile = shape->tile, k = shape->n_components;
    for (int32_t i = 0; i < n; i += GAUSSIAN_VECTORS * LANES) {
        const real *p = factors;
        for (int32_t j = 0; j < k; j += 2) {
            const real *x = room.x + i, *known = x + (int64_t)(d + 1) * tile;
            lane sum[2][GAUSSIAN_VECTORS];
            for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                sum[0][v] = sum[1][v] = R(set)(0);
            for (int32_t c = 0; c < d; c++, x += tile, known += tile, p += 6)
                for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                    for (int q = 0; q < 2; q++) {
                        const lane is_known = R(load)(known + v * LANES);
                        const lane y =
                            R(fma)(is_known, R(set)(p[3 * q + 1]), R(load)(x + v * LANES) * R(set)(p[3 * q]));
                        sum[q][v] = R(fma)(is_known, R(set)(p[3 * q + 2]), R(fma)(y, y, sum[q][v]));
                    }
            for (int q = 0; q < 2; q++) {
                const lane constant = R(set)(constants[j + q < k ? j + q : j]);
                real *out = room.density + (int64_t)(j + q) * tile + i;
                for (int v = 0; v < GAUSSIAN_VECTORS; v++)
                    R(store)(out + v * LANES, R(fnma)(R(set)((real)0.5), sum[q][v], constant));
            }
        }
    }
}

static void RN(gaussian_densities)(const gaussian_shape *shape, const real *factors, const real *constants,
                                   RN(gaussian_room) room, int32_t n) {
    const real *line = room.x;
    if (RN(gaussian_is_masked)(shape)) {
        RN(gaussian_masked)(shape, factors, constants, room, n);
        return;
    }
    if (shape->kind == GAUSSIAN_FULL) {
        RN(gaussian_full)(shape, factors, constants, room, n);
        return;
    }
    if (shape->kind == GAUSSIAN_TIED) {
        factors = RN(gaussian_whiten)(shape, factors, room, n);
        line = room.y;
    }
    RN(gaussian_diagonal)(shape, line, factors, constants, room, n);
}

static inline lane_f64 RN(gaussian_widened)(lane a) {
#if REAL_IS_32
    return f64_from_low(a) + f64_from_upper(a);
#else
    return a;
#endif
}

/* Densities become responsibilities times weight; fills room.log_likelihood. */
static void RN(gaussian_share)(const gaussian_shape *shape, RN(gaussian_room) room, int32_t n,
                               gaussian_totals *totals) {
    const int32_t tile = shape->tile, k = shape->n_components;
    const lane least = R(set)(REAL_IS_32 ? (real)-69 : (real)-600), zero = R(set)(0);
    lane_f64 likelihood = f64_set(0), entropy = f64_set(0);
    for (int32_t i = 0; i < n; i += LANES) {
        real *density = room.density + i;
        for (int64_t byte = 0; byte < room.ahead; byte += 64)
            PREFETCH(room.next + i / LANES * room.ahead + byte);
        lane most = R(load)(density), sum = zero, slope = zero;
        for (int32_t j = 1; j < k; j++)
            most = R(max)(R(load)(density + (int64_t)j * tile), most);
        for (int32_t j = 0; j < k; j++) {
            const lane below = R(max)(R(load)(density + (int64_t)j * tile) - most, least);
            const lane share = R(select)(R(lt)(least, below), R(exp)(below), zero);
            R(store)(density + (int64_t)j * tile, share);
            sum += share;
            slope = R(fma)(share, below, slope);
        }
        const lane weight = R(load)(room.weight + i), log_sum = R(log)(sum), row = most + log_sum;
        R(store)(room.log_likelihood + i, row);
        likelihood += RN(gaussian_widened)(weight * row);
        entropy += RN(gaussian_widened)(weight * (log_sum - slope / sum));
        const lane scale = weight / sum;
        for (int32_t j = 0; j < k; j++)
            R(store)(density + (int64_t)j * tile, R(load)(density + (int64_t)j * tile) * scale);
    }
    totals->log_likelihood += f64_sum(likelihood);
    totals->entropy += f64_sum(entropy);
}

/* One block of n_pairs products and n_components components; a pair beyond the last repeats it. */
static ALWAYS_INLINE void RN(gaussian_block)(const gaussian_shape *shape, const real *x, const real *share,
                                             int32_t n, const int32_t *pairs, int32_t n_left, double *sums,
                                             const int n_pairs, const int n_components) {
    enum { MOST = GAUSSIAN_BLOCK };
    const int64_t tile = shape->tile;
    const real *first[8], *second[8];
    lane sum[MOST];
    for (int f = 0; f < n_pairs; f++) {
        const int32_t *pair = pairs + 2 * (f < n_left ? f : n_left - 1);
        first[f] = x + pair[0] * tile;
        second[f] = x + pair[1] * tile;
    }
    for (int a = 0; a < MOST; a++)
        sum[a] = R(set)(0);
    for (int32_t i = 0; i < n; i += LANES) {
        lane product[8];
        for (int f = 0; f < n_pairs; f++)
            product[f] = R(load)(first[f] + i) * R(load)(second[f] + i);
        for (int j = 0; j < n_components; j++) {
            const lane r = R(load)(share + j * tile + i);
            for (int f = 0; f < n_pairs; f++)
                sum[f * n_components + j] = R(fma)(product[f], r, sum[f * n_components + j]);
        }
    }
    for (int a = 0; a < n_pairs * n_components; a += LANES) {
        const lane total = R(lane_sums)(sum + a);
#if REAL_IS_32
        f64_store(sums + a, f64_load(sums + a) + f64_from_low(total));
        f64_store(sums + a + LANES_F64, f64_load(sums + a + LANES_F64) + f64_from_upper(total));
#else
        f64_store(sums + a, f64_load(sums + a) + total);
#endif
    }
}

static void RN(gaussian_add)(const gaussian_shape *shape, RN(gaussian_room) room, int32_t n, double *sums) {
    int32_t n_pairs, n_components;
    FN(gaussian_blocks)(shape->n_components, &n_pairs, &n_components);
    for (int32_t j = shape->n_components; j < RN(gaussian_padded)(shape->n_components) - 1; j++)
        for (int32_t i = 0; i < n; i++)
            room.density[(int64_t)j * shape->tile + i] = 0;
    for (int32_t f = 0; f < shape->n_pairs; f += n_pairs) {
        const int32_t *pairs = shape->pairs + 2 * f, n_left = shape->n_pairs - f;
        for (int32_t j = 0; j < shape->n_components; j += n_components, sums += GAUSSIAN_BLOCK) {
            const real *share = room.density + (int64_t)j * shape->tile;
#define SIZE(pairs_, components_)                                                                            \
    case components_:                                                                                        \
        RN(gaussian_block)(shape, room.x, share, n, pairs, n_left, sums, pairs_, components_);               \
        break;
            switch (n_components) {
#if REAL_REGISTERS == 32
                SIZE(8, 1)
                SIZE(8, 2)
                SIZE(8, 3)
                SIZE(6, 4)
                SIZE(5, 5)
                SIZE(4, 6)
                SIZE(3, 7)
                SIZE(3, 8)
#else
                SIZE(6, 1)
                SIZE(6, 2)
                SIZE(4, 3)
                SIZE(3, 4)
#endif
            }
#undef SIZE
        }
    }
}

/* E-step and M-step sums of the rows, added to `sums` (gaussian_blocks says how they lie) and `totals`. */
void FN(RN(gaussian_accumulate))(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                                 const real *shift, const real *factors, const real *constants, real *work,
                                 double *sums, gaussian_totals *totals) {
    RN(gaussian_room) room = RN(gaussian_parts)(shape, work);
    for (int64_t first = 0; first < rows->n; first += shape->tile) {
        const int64_t left = rows->n - first;
        const int32_t m = left < shape->tile ? (int32_t)left : shape->tile;
        const int32_t n = RN(gaussian_load)(shape, x, rows, first, m, shift, room);
        const int ahead = !rows->index && rows->stride == shape->n_features && left >= 2 * shape->tile;
        room.ahead = ahead ? rows->stride * LANES * (int64_t)sizeof(real) : 0;
        room.next = (const char *)(x + (rows->first + first + shape->tile) * rows->stride);
        RN(gaussian_densities)(shape, factors, constants, room, n);
        RN(gaussian_share)(shape, room, n, totals);
        RN(gaussian_add)(shape, room, n, sums);
    }
}

/* M-step sums of given responsibilities: those of row i (of number row) are resp[row * k ..], or 1 for
   component label[row] (negative: none), or 1 for all. */
void FN(RN(gaussian_moments))(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                              const real *shift, const int32_t *label, const real *resp, real *work,
                              double *sums) {
    const RN(gaussian_room) room = RN(gaussian_parts)(shape, work);
    const int32_t k = shape->n_components;
    for (int64_t first = 0; first < rows->n; first += shape->tile) {
        const int64_t left = rows->n - first;
        const int32_t m = left < shape->tile ? (int32_t)left : shape->tile;
        const int32_t n = RN(gaussian_load)(shape, x, rows, first, m, shift, room);
        for (int32_t j = 0; j < k; j++) {
            real *share = room.density + (int64_t)j * shape->tile;
            for (int32_t i = 0; i < m; i++) {
                const int64_t place = rows->first + first + i, row = rows->index ? rows->index[place] : place;
                const real r = label ? (real)(label[row] == j) : resp ? resp[row * k + j] : 1;
                share[i] = r * room.weight[i];
            }
            for (int32_t i = m; i < n; i++)
                share[i] = 0;
        }
        RN(gaussian_add)(shape, room, n, sums);
    }
}

/* The E-step alone, weights aside. What is wanted is not NULL: log densities of the mixture and the most
   likely component (the first among equals, -1 where no density is finite) by row number, responsibilities or
   log densities of the components (row number, k). */
void FN(RN(gaussian_score))(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                            const real *shift, const real *factors, const real *constants, real *work,
                            real *log_likelihood, int64_t *label, real *resp, real *densities) {
    const RN(gaussian_room) room = RN(gaussian_parts)(shape, work);
    const int32_t k = shape->n_components;
    for (int64_t first = 0; first < rows->n; first += shape->tile) {
        const int64_t left = rows->n - first;
        const int32_t m = left < shape->tile ? (int32_t)left : shape->tile;
        gaussian_totals totals = {0, 0};
        const int32_t n = RN(gaussian_load)(shape, x, rows, first, m, shift, room);
        RN(gaussian_densities)(shape, factors, constants, room, n);
        for (int32_t i = 0; i < m; i++) {
            const int64_t place = rows->first + first + i, row = rows->index ? rows->index[place] : place;
            const real *density = room.density + i;
            int32_t best = 0;
            for (int32_t j = 0; j < k; j++) {
                const real value = density[(int64_t)j * shape->tile];
                if (value > density[(int64_t)best * shape->tile])
                    best = j;
                if (densities)
                    densities[row * k + j] = value;
            }
            if (label)
                label[row] = density[(int64_t)best * shape->tile] > -(real)INFINITY ? best : -1;
        }
        if (!log_likelihood && !resp)
            continue;
        RN(gaussian_share)(shape, room, n, &totals);
        for (int32_t i = 0; i < m; i++) {
            const int64_t place = rows->first + first + i, row = rows->index ? rows->index[place] : place;
            if (log_likelihood)
                log_likelihood[row] = room.log_likelihood[i];
            for (int32_t j = 0; resp && j < k; j++)
                resp[row * k + j] = room.density[(int64_t)j * shape->tile + i];
        }
    }
}
