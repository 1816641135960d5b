/* Rows with missing values under full or tied covariances: see gaussian_pattern.h. */

/* Rows from place `first` on, at most `most`, less the shift, in float64; returns how many there was room
   for. Weights, and zeros to the end of a vector block, are written as gaussian_load writes them. */
static int32_t RN(gaussian_read)(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                                 int64_t first, int32_t most, const real *shift, gaussian_gaps *g) {
    const int32_t d = shape->n_features;
    int32_t *feature = g->feature, m = 0;
    g->n_patterns = 0;
    for (; m < most; m++) {
        const int64_t place = rows->first + first + m, row = rows->index ? rows->index[place] : place;
        const real *from = x + row * rows->stride;
        double *to = g->x + (int64_t)m * g->wide;
        int32_t q = 0;
        for (int32_t c = 0; c < d; c++) {
            const int is_known = from[c] == from[c];
            to[c] = is_known ? (double)from[c] - (double)shift[c] : 0;
            feature[q] = c; /* stays if it is missing */
            q += !is_known;
        }
        for (int32_t c = d; c < g->wide; c++)
            to[c] = 0;
        const int32_t n_before = g->n_patterns;
        if (!gaussian_take(g, m, feature, q))
            break;
        if (g->n_patterns > n_before)
            feature += q;
    }
    return m;
}

/* E-step and M-step sums of rows with missing values, each with a known one too, those of a pattern together.
 *
 * shape       of kind full or tied, `missing` set; pairs as in gaussian_accumulate ("tied": the last line
 * only) packed      factors as in gaussian_accumulate ("tied": the panels alone), float64 factors     U by
 * rows, (k, d, d), "tied" (d, d) offsets     U' times the means less the shift, "tied" only: (k, d rounded up
 * to GAUSSIAN_WIDE) constants   (k,) as in gaussian_accumulate sums        as in gaussian_accumulate, of rows
 * with 0 for what is missing; NULL: nothing is summed first       (k, d) and second      (k, d, d rounded
 * up), "tied" (d, d rounded up): what the missing entries add, pairs of features (a, b) and (b, a) counting
 * together What is wanted of log_likelihood, label, resp, densities is not NULL: see gaussian_score. work
 * gaussian_missing_room(shape) doubles, aligned to 64 bytes */
void FN(RN(gaussian_missing))(const gaussian_shape *shape, const real *x, const gaussian_rows *rows,
                              const real *shift, const double *packed, const double *factors,
                              const double *offsets, const double *constants, double *work, double *sums,
                              double *first, double *second, gaussian_totals *totals, real *log_likelihood,
                              int64_t *label, real *resp, real *densities) {
    const int32_t k = shape->n_components;
    gaussian_gaps g = gaussian_gaps_of(shape, work);
    const gaussian_rows read = {0, 0, g.wide, 0, 0};
    for (int64_t at = 0, m; at < rows->n; at += m) {
        const int64_t left = rows->n - at;
        m = RN(gaussian_read)(shape, x, rows, at, left < shape->tile ? (int32_t)left : shape->tile, shift,
                              &g);
        const int32_t n = gaussian_load_f64(shape, g.x, &read, 0, (int32_t)m, g.zero, g.room);
        gaussian_gap_densities(shape, &g, (int32_t)m, n, packed, factors, offsets, constants, sums != 0);
        for (int64_t i = 0; i < m; i++) {
            const int64_t place = rows->first + at + i, row = rows->index ? rows->index[place] : place;
            const double *density = g.room.density + i;
            int32_t best = 0;
            for (int32_t j = 0; j < k && (label || densities); j++) {
                const double value = density[(int64_t)j * shape->tile];
                if (value > density[(int64_t)best * shape->tile])
                    best = j;
                if (densities)
                    densities[row * k + j] = (real)value;
            }
            if (label)
                label[row] = density[(int64_t)best * shape->tile] > -INFINITY ? best : -1;
            g.room.weight[i] = sums && rows->weight ? rows->weight[row] : 1;
        }
        gaussian_share_f64(shape, g.room, n, totals);
        for (int64_t i = 0; i < m && (log_likelihood || resp); i++) {
            const int64_t place = rows->first + at + i, row = rows->index ? rows->index[place] : place;
            if (log_likelihood)
                log_likelihood[row] = (real)g.room.log_likelihood[i];
            for (int32_t j = 0; resp && j < k; j++)
                resp[row * k + j] = (real)g.room.density[(int64_t)j * shape->tile + i];
        }
        if (sums) {
            gaussian_add_f64(shape, g.room, n, sums);
            gaussian_add_tile(shape, &g, first, second);
        }
    }
}
