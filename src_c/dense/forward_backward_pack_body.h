/* Rows of the input into lanes: x[t - t0][row][lane] = input - centre for local frames t0 <= t < t1, zero
   where missing, in padding rows and outside of a lane's range. known[t - t0][lane] = 1, or 0 for a frame
   that is missing: with `entries` one without any known entry, else one with any NaN. Behind the features
   follow `entries` rows, 1 for a known entry, or, if `entries` is 0 and n_rows > n_features, `known` once
   more. */
static void FN(RN(forward_backward_pack))(const real *input, int64_t n_features, const double *centre,
                                          const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                          int32_t entries, int64_t n_rows, double *x, double *known) {
    enum { STEP = 16 }; /* frames of all lanes that stay in the first-level cache */
    for (int64_t b = t0; b < t1; b += STEP) {
        const int64_t e = b + STEP < t1 ? b + STEP : t1;
        for (int l = 0; l < LANES_F64; l++)
            for (int64_t t = b; t < e; t++) {
                double *to = x + (t - t0) * n_rows * LANES_F64 + l;
                int64_t j = 0, n_known = 0;
                if (t >= lanes->since[l] && t < lanes->to[l]) {
                    const real *row = input + (lanes->first[l] + t) * n_features;
                    int64_t n_nan = 0;
                    for (; j < n_features; j++) {
                        const double value = (double)row[j];
                        const int is_nan = value != value;
                        n_nan += is_nan;
                        to[j * LANES_F64] = is_nan ? 0.0 : value - centre[j];
                        if (entries)
                            to[(n_features + j) * LANES_F64] = is_nan ? 0.0 : 1.0;
                    }
                    n_known = n_features - n_nan;
                    if (n_nan && !entries) {
                        n_known = 0;
                        for (j = 0; j < n_features; j++)
                            to[j * LANES_F64] = 0.0;
                    }
                    if (entries)
                        j += n_features;
                }
                const double is_known = n_known > 0;
                known[(t - t0) * LANES_F64 + l] = is_known;
                if (!entries && n_rows > n_features && j) {
                    to[n_features * LANES_F64] = is_known;
                    j++;
                }
                for (; j < n_rows; j++)
                    to[j * LANES_F64] = 0.0;
            }
    }
}
