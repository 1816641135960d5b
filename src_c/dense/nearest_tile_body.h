/* Rows turned into a tile: one row per lane, one feature after the other, less the offset. */

/* What one thread works with, in its scratch memory. */
typedef struct RN(nearest_scratch) {
    real *tile, *known;          /* [feature of the chunk][TILE_ROWS] */
    real *best, *second, *third; /* [TILE_ROWS]: the three lowest estimates */
    whole *label, *second_label; /* [TILE_ROWS] */
    real *norm;                  /* [TILE_ROWS] */
    real *unit;                  /* [TILE_ROWS]: of products of pairs */
    real *rows;                  /* [TILE_ROWS][LANES]: narrow rows, packed */
    real *plane;                 /* [rank + 2][TILE_ROWS]: coordinates of the screen and the two sizes */
    real *sums;                  /* [centroid][TILE_ROWS]: of chunks before the last, and estimates */
} RN(nearest_scratch);

/* Features of a chunk: a tile of them stays in the first two levels of cache. All chunks are about as long.
 */
static int64_t RN(nearest_chunk)(int64_t d) {
    const int64_t chunks = d <= 512 ? 1 : (d + 255) / 256;
    return d <= 512 ? d : ((d + chunks - 1) / chunks + 15) / 16 * 16;
}

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
        s->unit = at += TILE_ROWS;
        s->label = (whole *)(at += TILE_ROWS);
        s->second_label = (whole *)(at += TILE_ROWS);
        s->rows = at += TILE_ROWS;
        s->plane = at += TILE_ROWS * LANES;
        s->sums = at + (c->rank + 2) * TILE_ROWS;
    }
    return (2 * tile + (9 + LANES + c->rank) * TILE_ROWS + sums) * (int64_t)sizeof(real);
}

static int64_t FN(RN(nearest_scratch_size))(const nearest_centroids *c) {
    return RN(nearest_divide)(c, NULL, NULL);
}

static ALWAYS_INLINE lane RN(nearest_abs)(lane x) {
    const whole all = sizeof(real) == 4 ? (whole)0x7FFFFFFF : (whole)0x7FFFFFFFFFFFFFFF;
    return (lane)((lane_whole)x & W(set)(all));
}

/* One column of a vector of rows into the tile: as it is, or less the offset; returns the norm grown by it.
 */
static ALWAYS_INLINE lane RN(nearest_enter)(const RN(nearest_layout) * at, lane y, int64_t column, real *tile,
                                            const int plain, lane norm) {
    if (plain)
        y = y - R(set)(at->offset[column]);
    R(store)(tile, y);
    return plain ? R(fma)(y, y, norm) : norm;
}

/* Columns first .. first + n - 1, at least LANES, of `rows` rows into the tile. Lanes without a row repeat
   the last one. The last columns are loaded with some before them that are there already. */
static ALWAYS_INLINE void RN(nearest_fill_wide)(const RN(nearest_layout) * at, const real *x, int64_t stride,
                                                int rows, int64_t first, int64_t n, const int plain,
                                                RN(nearest_scratch) * s) {
    for (int v = 0; v < NEAREST_VECTORS; v++) {
        lane norm = first ? R(load)(s->norm + v * LANES) : R(set)(0);
        const int begin = v * LANES < rows ? v * LANES : rows - 1;
        const real *corner = x + begin * stride + first;
        for (int64_t f = 0; f < n; f += LANES) {
            const int64_t from = f + LANES <= n ? f : n - LANES;
            const int seen = (int)(f - from);
            const real *row = corner + from;
            real *tile = s->tile + from * TILE_ROWS + v * LANES;
            lane a[LANES];
            UNROLL for (int i = 0; i < LANES; i++) {
                a[i] = R(load)(row);
                PREFETCH_LATER(row, TILE_ROWS * stride);
                row += v * LANES + i + 1 < rows ? stride : 0;
            }
            R(turn)(a, LANES);
            UNROLL for (int i = 0; i < LANES; i++) {
                const lane grown =
                    RN(nearest_enter)(at, a[i], first + from + i, tile + i * TILE_ROWS, plain, norm);
                if (i >= seen)
                    norm = grown;
            }
        }
        R(store)(s->norm + v * LANES, norm);
    }
}

/* Rows of fewer columns than lanes: `width`, a power of two, is the least that holds them. They are packed
   first unless they lie so already. */
static ALWAYS_INLINE void RN(nearest_fill_narrow)(const RN(nearest_layout) * at, const real *x,
                                                  int64_t stride, int rows, int64_t n, int last,
                                                  const int width, const int plain, RN(nearest_scratch) * s) {
    const real *from = x;
    if (rows < TILE_ROWS || last || n < width || stride != n) {
        for (int i = 0; i < TILE_ROWS; i++) {
            const real *row = x + (i < rows ? i : rows - 1) * stride;
            if (i + 1 < rows) {
                memcpy(s->rows + i * width, row, (size_t)width * sizeof *row);
            } else {
                for (int64_t f = 0; f < n; f++)
                    s->rows[i * width + f] = row[f];
            }
        }
        from = s->rows;
    }
    for (int64_t i = 0; i < TILE_ROWS * n; i += 64 / (int)sizeof(real))
        PREFETCH_LATER(x + i, TILE_ROWS * stride);
    for (int v = 0; v < NEAREST_VECTORS; v++) {
        lane a[LANES], norm = R(set)(0);
        UNROLL for (int i = 0; i < width; i++) a[i] = R(load)(from + (v * width + i) * LANES);
        R(turn)(a, width);
        UNROLL for (int i = 0; i < width; i++) {
            if (i < n)
                norm = RN(nearest_enter)(at, a[i], i, s->tile + i * TILE_ROWS + v * LANES, plain, norm);
        }
        R(store)(s->norm + v * LANES, norm);
    }
}

static ALWAYS_INLINE void RN(nearest_fill_any)(const RN(nearest_layout) * at, const real *x, int64_t stride,
                                               int rows, int last, int64_t first, int64_t n, const int plain,
                                               RN(nearest_scratch) * s) {
    if (n >= LANES)
        RN(nearest_fill_wide)(at, x, stride, rows, first, n, plain, s);
    else if (n <= 1)
        RN(nearest_fill_narrow)(at, x, stride, rows, n, last, 1, plain, s);
    else if (n <= 2 && LANES > 2)
        RN(nearest_fill_narrow)(at, x, stride, rows, n, last, 2, plain, s);
    else if (n <= 4 && LANES > 4)
        RN(nearest_fill_narrow)(at, x, stride, rows, n, last, LANES < 4 ? LANES : 4, plain, s);
    else if (n <= 8 && LANES > 8)
        RN(nearest_fill_narrow)(at, x, stride, rows, n, last, LANES < 8 ? LANES : 8, plain, s);
    else
        RN(nearest_fill_narrow)(at, x, stride, rows, n, last, LANES, plain, s);
}

/* Columns first .. first + n - 1 into the tile, and what they add to the rows' norms. `last`: behind the last
   row there may be no memory. */
static void RN(nearest_fill_plain)(const RN(nearest_layout) * at, const real *x, int64_t stride, int rows,
                                   int last, int64_t first, int64_t n, RN(nearest_scratch) * s) {
    RN(nearest_fill_any)(at, x, stride, rows, last, first, n, 1, s);
}

/* The same for any metric, weights of features, and missing values. */
static void RN(nearest_fill)(const RN(nearest_layout) * at, const real *x, int64_t stride, int rows, int last,
                             int64_t first, int64_t n, int metric, RN(nearest_scratch) * s) {
    RN(nearest_fill_any)(at, x, stride, rows, last, first, n, 0, s);
    for (int v = 0; v < TILE_ROWS; v += LANES) {
        lane norm = first ? R(load)(s->norm + v) : R(set)(0);
        for (int64_t f = 0; f < n; f++) {
            real *place = s->tile + f * TILE_ROWS + v;
            lane y = (R(load)(place) - R(set)(at->offset[first + f])) * R(set)(at->scale[first + f]);
            const lane size = RN(nearest_abs)(y);
            if (at->linear) {
                const mask there = R(le)(y, y);
                y = R(select)(there, y, R(set)(0));
                R(store)(s->known + f * TILE_ROWS + v, R(select)(there, R(set)(1), R(set)(0)));
                norm = R(fma)(y, y, norm);
            } else if (metric == NEAREST_MANHATTAN) {
                norm = norm + R(max)(size, R(set)(0)); /* NaN counts nothing */
            } else {
                norm = R(max)(size, norm);
            }
            R(store)(place, y);
        }
        R(store)(s->norm + v, norm);
    }
}
