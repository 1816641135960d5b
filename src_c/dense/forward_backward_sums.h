/* Sums over frames of products of two rows: expected counts and moments. Included by forward_backward.c. */

/* cells[lane] += sum_t a[t][4 rows] b[t][4 rows], or b[t][left] b[t][right] with `left`. */
static ALWAYS_INLINE void sums_tile(const double *a, int64_t a_line, const double *b, int64_t b_line,
                                    const int32_t *left, const int32_t *right, int64_t n_frames,
                                    double *cells) {
    lane_f64 s[4][4];
    int64_t l[4], r[4];
    for (int j = 0; j < 4; j++) {
        l[j] = left ? left[j] * LANES_F64 : j * LANES_F64;
        r[j] = left ? right[j] * LANES_F64 : 0;
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            s[i][j] = f64_load(cells + (4 * i + j) * LANES_F64);
    for (int64_t t = 0; t < n_frames; t++, a += a_line, b += b_line) {
        lane_f64 y[4];
        for (int j = 0; j < 4; j++) {
            y[j] = f64_load(b + l[j]);
            if (left)
                y[j] = y[j] * f64_load(b + r[j]);
        }
        for (int i = 0; i < 4; i++) {
            const lane_f64 x = f64_load(a + i * LANES_F64);
            for (int j = 0; j < 4; j++)
                s[i][j] = f64_fma(x, y[j], s[i][j]);
        }
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++)
            f64_store(cells + (4 * i + j) * LANES_F64, s[i][j]);
}

/* cells[i / 4][j / 4][i % 4][j % 4][lane] += sum over t of a[t][i] b[t][j], or, if left is given, of
   a[t][i] b[t][left[j]] b[t][right[j]]; n_a and n_b are multiples of 4. */
static void FN(forward_backward_sums)(const double *a, int64_t a_line, int64_t n_a, const double *b,
                                      int64_t b_line, int64_t n_b, const int32_t *left, const int32_t *right,
                                      int64_t n_frames, double *cells) {
    for (int64_t i = 0; i < n_a; i += 4)
        for (int64_t j = 0; j < n_b; j += 4, cells += 16 * LANES_F64)
            if (left)
                sums_tile(a + i * LANES_F64, a_line * LANES_F64, b, b_line * LANES_F64, left + j, right + j,
                          n_frames, cells);
            else
                sums_tile(a + i * LANES_F64, a_line * LANES_F64, b + j * LANES_F64, b_line * LANES_F64, 0, 0,
                          n_frames, cells);
}

/* cells[i][lane] += sum over t of a[t][i]. */
static void FN(forward_backward_totals)(const double *a, int64_t n_a, int64_t n_frames, double *cells) {
    for (int64_t i = 0; i < n_a; i += 4) {
        lane_f64 s[4];
        for (int q = 0; q < 4; q++)
            s[q] = f64_load(cells + (i + q) * LANES_F64);
        for (int64_t t = 0; t < n_frames; t++)
            for (int q = 0; q < 4; q++)
                s[q] = s[q] + f64_load(a + (t * n_a + i + q) * LANES_F64);
        for (int q = 0; q < 4; q++)
            f64_store(cells + (i + q) * LANES_F64, s[q]);
    }
}

/* gamma[t][k] = the posterior of state k shared among its components: out[t][component] = gamma[t][k] e / d,
   with e the component's density and d the state's. */
static void FN(forward_backward_share)(const double *gamma, const double *d, const double *components,
                                       int64_t n_frames, int64_t n_states, int64_t n_mix, double *out) {
    const int64_t line = FORWARD_BACKWARD_PAD(n_states), n_padded = FORWARD_BACKWARD_PAD(n_states * n_mix);
    const lane_f64 least = f64_set(0x1p-1022), zero = f64_set(0.0);
    for (int64_t t = 0; t < n_frames; t++) {
        int64_t c = 0;
        for (int64_t k = 0; k < n_states; k++) {
            const lane_f64 state = f64_load(d + (t * line + k) * LANES_F64);
            const lane_f64 share = f64_load(gamma + (t * line + k) * LANES_F64) / f64_max(state, least);
            for (int64_t m = 0; m < n_mix; m++, c++)
                f64_store(out + (t * n_padded + c) * LANES_F64,
                          share * f64_load(components + (t * n_padded + c) * LANES_F64));
        }
        for (; c < n_padded; c++)
            f64_store(out + (t * n_padded + c) * LANES_F64, zero);
    }
}

/* counts[symbol][state] += gamma[t - t0][state][lane] for the symbols of local frames t0 <= t < t1, lane by
   lane; frames that are missing or out of the lane's range count nothing. */
static void FN(forward_backward_count)(const double *gamma, int64_t n_padded, const int32_t *symbols,
                                       const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                       double *counts) {
    for (int64_t t = t0; t < t1; t++, gamma += n_padded * LANES_F64)
        for (int l = 0; l < LANES_F64; l++)
            if (t >= lanes->since[l] && t < lanes->to[l] && symbols[lanes->first[l] + t] >= 0) {
                double *to = counts + symbols[lanes->first[l] + t] * n_padded;
                for (int64_t k = 0; k < n_padded; k++)
                    to[k] += gamma[k * LANES_F64 + l];
            }
}

/* in[t][row][lane] of 0 <= row < n to lines of `width` doubles: out[lane_row[lane] + t][row], for lanes whose
   frame t is in [from, to). */
static void FN(forward_backward_unpack)(const double *in, int64_t n_padded, int64_t n,
                                        const forward_backward_lanes *lanes, int64_t t0, int64_t t1,
                                        double *out) {
    for (int64_t t = t0; t < t1; t++, in += n_padded * LANES_F64)
        for (int l = 0; l < LANES_F64; l++)
            if (t >= lanes->since[l] && t < lanes->to[l]) {
                double *row = out + (lanes->first[l] + t) * n;
                for (int64_t k = 0; k < n; k++)
                    row[k] = in[k * LANES_F64 + l];
            }
}

/* x[t - t0][row][lane] = 0 where t >= to[lane]. */
static void FN(forward_backward_cut)(double *x, int64_t n_rows, const int64_t *to, int64_t t0, int64_t t1) {
    for (int64_t t = t0; t < t1; t++)
        for (int l = 0; l < LANES_F64; l++)
            if (t >= to[l])
                for (int64_t k = 0; k < n_rows; k++)
                    x[((t - t0) * n_rows + k) * LANES_F64 + l] = 0.0;
}
