/* Estimates of the distances of a tile from products of integers.
 *
 * Rows and centroids, less the offset, are rounded to int16 in units of their sizes: a row's unit is |x| /
 * 32700, the centroids' that of the longest, W / 32700. Then no product of a row and a centroid is beyond
 * int32, and an instruction multiplies two features at once. The sums become reals again before they are
 * compared, so everything that follows is as with products of reals, but for the bound of the error.
 *
 * What is rounded off a row has at most the size sqrt(d) / 2 units (Cauchy and Schwarz), so x w is off by at
 * most sqrt(d) / 2 |x| (|w| + W) / 32700, and by a few
 * roundings of reals: see nearest_pack_unit.
 * Chunks of features have units of their own: not more than that of the whole row.
 */

#if LANES_ARE_F32

/* The n columns of the tile in pairs, and the units of the products; `unit` is that of the centroids. */
static void RN(nearest_pair_tile)(int64_t n, real unit, RN(nearest_scratch) * s) {
    for (int v = 0; v < TILE_ROWS; v += LANES) {
        const lane size = R(sqrt)(R(load)(s->norm + v) + R(set)(NEAREST_TINY(real)));
        const lane times = R(set)(NEAREST_UNITS) / size;
        R(store)(s->unit + v, size * R(set)(unit / NEAREST_UNITS));
        for (int64_t f = 0; f < n; f += 2) {
            const real *from = s->tile + f * TILE_ROWS + v;
            const lane low = R(load)(from) * times;
            const lane high = f + 1 < n ? (lane)(R(load)(from + TILE_ROWS) * times) : R(set)(0);
            W(store)((whole *)s->tile + f / 2 * TILE_ROWS + v, W(pair)(low, high));
        }
    }
}

/* The products of n features, without their units. */
static ALWAYS_INLINE void RN(nearest_multiply_pairs)(const real *restrict tile, const real *restrict panel,
                                                     int64_t n, const int width,
                                                     lane_whole a[NEAREST_VECTORS][NEAREST_WIDTH]) {
    UNROLL for (int j = 0; j < width; j++) {
        UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) a[v][j] = W(set)(0);
    }
    for (int64_t f = 0; f < n; f += 2, tile += TILE_ROWS, panel += width) {
        lane_whole row[NEAREST_VECTORS];
        UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) row[v] = W(load)((const whole *)tile + v * LANES);
        UNROLL for (int j = 0; j < width; j++) {
            whole both;
            memcpy(&both, panel + j, sizeof both);
            const lane_whole pair = W(set)(both);
            UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) a[v][j] = W(dot)(row[v], pair, a[v][j]);
        }
    }
}

/* Less the products of n features: the sums a. */
static ALWAYS_INLINE void RN(nearest_subtract_pairs)(const real *tile, const real *panel, int64_t n,
                                                     const int width, const RN(nearest_scratch) * s,
                                                     lane a[NEAREST_VECTORS][NEAREST_WIDTH]) {
    lane_whole products[NEAREST_VECTORS][NEAREST_WIDTH];
    RN(nearest_multiply_pairs)(tile, panel, n, width, products);
    UNROLL for (int v = 0; v < NEAREST_VECTORS; v++) {
        const lane unit = R(load)(s->unit + v * LANES);
        UNROLL for (int j = 0; j < width; j++) a[v][j] = R(fnma)(R(from_i32)(products[v][j]), unit, a[v][j]);
    }
}

#else

/* There are pairs for float32 only. */
static void RN(nearest_pair_tile)(int64_t n, real unit, RN(nearest_scratch) * s) {
    (void)n, (void)unit, (void)s;
}

static ALWAYS_INLINE void RN(nearest_subtract_pairs)(const real *tile, const real *panel, int64_t n,
                                                     const int width, const RN(nearest_scratch) * s,
                                                     lane a[NEAREST_VECTORS][NEAREST_WIDTH]) {
    (void)tile, (void)panel, (void)n, (void)width, (void)s, (void)a;
}

#endif
