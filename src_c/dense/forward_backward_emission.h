/* Densities of the states at the frames of all lanes. Included by forward_backward.c. */

/* The sums of 4 components at 2 frames: eight chains of additions hide each other's latency. */
static ALWAYS_INLINE void emission_tile(const forward_backward_emission *e, int64_t c, const double *x0,
                                        const double *x1, int kind, lane_f64 out[2][4]) {
    const int64_t d = e->n_features;
    const double *scale = e->scale + c * d, *offset = e->offset + c * d, *logs = e->log_scale + c * d;
    lane_f64 sum[2][4], base[2][4];
    for (int i = 0; i < 4; i++) {
        sum[0][i] = sum[1][i] = f64_set(0.0);
        base[0][i] = base[1][i] = f64_set(e->constant[c + i]);
    }
    for (int64_t j = 0; j < d; j++) {
        const lane_f64 a = f64_load(x0 + j * LANES_F64), b = f64_load(x1 + j * LANES_F64);
        if (kind == FORWARD_BACKWARD_LINEAR) {
            for (int i = 0; i < 4; i++) {
                const lane_f64 s = f64_set(scale[i * d + j]);
                base[0][i] = f64_fma(a, s, base[0][i]);
                base[1][i] = f64_fma(b, s, base[1][i]);
            }
            continue;
        }
        for (int i = 0; i < 4; i++) {
            const lane_f64 s = f64_set(scale[i * d + j]), o = f64_set(offset[i * d + j]);
            lane_f64 y = f64_fma(a, s, o), z = f64_fma(b, s, o);
            if (kind == FORWARD_BACKWARD_ENTRIES) {
                const lane_f64 g = f64_set(logs[i * d + j]);
                const lane_f64 m = f64_load(x0 + (d + j) * LANES_F64), n = f64_load(x1 + (d + j) * LANES_F64);
                base[0][i] = f64_fma(m, g, base[0][i]);
                base[1][i] = f64_fma(n, g, base[1][i]);
                y = y * m;
                z = z * n;
            }
            sum[0][i] = f64_fma(y, y, sum[0][i]);
            sum[1][i] = f64_fma(z, z, sum[1][i]);
        }
    }
    for (int f = 0; f < 2; f++)
        for (int i = 0; i < 4; i++)
            out[f][i] =
                kind == FORWARD_BACKWARD_LINEAR ? base[f][i] : f64_fnma(f64_set(0.5), sum[f][i], base[f][i]);
}

/* The same for full matrices: 4 components one after the other, columns of the factor at 2 frames. */
static ALWAYS_INLINE void emission_full(const forward_backward_emission *e, int64_t c, const double *x0,
                                        const double *x1, lane_f64 out[2][4]) {
    const int64_t d = e->n_features, n_components = (int64_t)e->n_states * e->n_mix;
    for (int64_t i = 0; i < 4; i++) {
        const int64_t k = c + i < n_components ? c + i : n_components - 1;
        const double *factor = e->factor + k * (d * (d + 1) / 2), *offset = e->offset + k * d;
        lane_f64 sum0 = f64_set(0.0), sum1 = sum0;
        for (int64_t j = 0; j < d; j++) {
            lane_f64 y = f64_set(offset[j]), z = y;
            for (int64_t a = 0; a <= j; a++) {
                const lane_f64 p = f64_set(factor[a]);
                y = f64_fma(f64_load(x0 + a * LANES_F64), p, y);
                z = f64_fma(f64_load(x1 + a * LANES_F64), p, z);
            }
            factor += j + 1;
            sum0 = f64_fma(y, y, sum0);
            sum1 = f64_fma(z, z, sum1);
        }
        out[0][i] = f64_fnma(f64_set(0.5), sum0, f64_set(e->constant[k]));
        out[1][i] = f64_fnma(f64_set(0.5), sum1, f64_set(e->constant[k]));
    }
}

/* The input has the log densities; -infinity becomes a number that multiplication leaves alone. */
static ALWAYS_INLINE void emission_given(const forward_backward_emission *e, int64_t c, const double *x0,
                                         const double *x1, lane_f64 out[2][4]) {
    const lane_f64 least = f64_set(-1e300);
    for (int64_t i = 0; i < 4; i++) {
        const int64_t k = c + i < e->n_features ? c + i : 0;
        out[0][i] = f64_max(f64_load(x0 + k * LANES_F64), least);
        out[1][i] = f64_max(f64_load(x1 + k * LANES_F64), least);
    }
}

static ALWAYS_INLINE void densities_of_kind(const forward_backward_emission *e, const double *x,
                                            const double *known, int64_t n_frames, int64_t n_padded, int kind,
                                            double *out) {
    const int64_t step = (int64_t)e->n_rows * LANES_F64, line = n_padded * LANES_F64;
    /* a missing frame has density 1 in a state, and thus 1 / n_mix in each of its components */
    const lane_f64 one = f64_set(1.0), rest = f64_set(-__builtin_log((double)e->n_mix));
    for (int64_t t = 0; t < n_frames; t += 2) {
        const int64_t u = t + 1 < n_frames ? t + 1 : t;
        const lane_f64 at = f64_load(known + t * LANES_F64), au = f64_load(known + u * LANES_F64);
        const lane_f64 zt = (one - at) * rest, zu = (one - au) * rest;
        for (int64_t c = 0; c < n_padded; c += 4) {
            lane_f64 sums[2][4];
            if (kind == FORWARD_BACKWARD_GIVEN)
                emission_given(e, c, x + t * step, x + u * step, sums);
            else if (kind == FORWARD_BACKWARD_FULL)
                emission_full(e, c, x + t * step, x + u * step, sums);
            else
                emission_tile(e, c, x + t * step, x + u * step, kind, sums);
            for (int i = 0; i < 4; i++) {
                f64_store(out + t * line + (c + i) * LANES_F64, f64_fma(sums[0][i], at, zt));
                f64_store(out + u * line + (c + i) * LANES_F64, f64_fma(sums[1][i], au, zu));
            }
        }
    }
}

/* out[t][component][lane]: log densities, components padded (padding holds anything finite); 0 where a frame
   is missing. x and known as forward_backward_pack leaves them. */
static void FN(forward_backward_densities)(const forward_backward_emission *e, const double *x,
                                           const double *known, int64_t n_frames, double *out) {
    const int64_t n_padded = FORWARD_BACKWARD_PAD((int64_t)e->n_states * e->n_mix);
    switch (e->kind) {
    case FORWARD_BACKWARD_DIAGONAL:
        densities_of_kind(e, x, known, n_frames, n_padded, FORWARD_BACKWARD_DIAGONAL, out);
        break;
    case FORWARD_BACKWARD_ENTRIES:
        densities_of_kind(e, x, known, n_frames, n_padded, FORWARD_BACKWARD_ENTRIES, out);
        break;
    case FORWARD_BACKWARD_FULL:
        densities_of_kind(e, x, known, n_frames, n_padded, FORWARD_BACKWARD_FULL, out);
        break;
    case FORWARD_BACKWARD_GIVEN:
        densities_of_kind(e, x, known, n_frames, n_padded, FORWARD_BACKWARD_GIVEN, out);
        break;
    default:
        densities_of_kind(e, x, known, n_frames, n_padded, FORWARD_BACKWARD_LINEAR, out);
    }
}

/* Log densities become densities over the frame's largest, in place; shift[t][lane] is its log, at least
   -1e200. Components from n_components to their padding become zero. A frame of which all densities are
   below exp(-1e200) has zeros. */
static void FN(forward_backward_scale)(double *d, int64_t n_frames, int64_t n_components, double *shift) {
    const int64_t n_padded = FORWARD_BACKWARD_PAD(n_components);
    for (int64_t t = 0; t < n_frames; t++, d += n_padded * LANES_F64) {
        lane_f64 most = f64_set(-1e200);
        for (int64_t c = 0; c < n_components; c++)
            most = f64_max(most, f64_load(d + c * LANES_F64));
        f64_store(shift + t * LANES_F64, most);
        for (int64_t c = 0; c < n_components; c++)
            f64_store(d + c * LANES_F64, f64_exp(f64_load(d + c * LANES_F64) - most));
        for (int64_t c = n_components; c < n_padded; c++)
            f64_store(d + c * LANES_F64, f64_set(0.0));
    }
}

/* Densities of states from those of their n_mix components: [t][padded components] to [t][padded states]. */
static void FN(forward_backward_mix)(const double *components, int64_t n_frames, int64_t n_states,
                                     int64_t n_mix, double *states) {
    const int64_t line = FORWARD_BACKWARD_PAD(n_states * n_mix) * LANES_F64;
    const int64_t n_padded = FORWARD_BACKWARD_PAD(n_states);
    for (int64_t t = 0; t < n_frames; t++, components += line)
        for (int64_t k = 0; k < n_padded; k++, states += LANES_F64) {
            lane_f64 sum = f64_set(0.0);
            for (int64_t m = 0; k < n_states && m < n_mix; m++)
                sum = sum + f64_load(components + (k * n_mix + m) * LANES_F64);
            f64_store(states, sum);
        }
}

/* log of the same sums, from log densities: nothing is lost for a state far below the frame's largest. */
static void FN(forward_backward_mix_log)(const double *components, int64_t n_frames, int64_t n_states,
                                         int64_t n_mix, double *states) {
    const int64_t line = FORWARD_BACKWARD_PAD(n_states * n_mix) * LANES_F64;
    const int64_t n_padded = FORWARD_BACKWARD_PAD(n_states);
    for (int64_t t = 0; t < n_frames; t++, components += line)
        for (int64_t k = 0; k < n_padded; k++, states += LANES_F64) {
            if (k >= n_states) {
                f64_store(states, f64_set(-1e300));
                continue;
            }
            const double *own = components + k * n_mix * LANES_F64;
            lane_f64 most = f64_load(own), sum = f64_set(0.0);
            for (int64_t m = 1; m < n_mix; m++)
                most = f64_max(most, f64_load(own + m * LANES_F64));
            for (int64_t m = 0; m < n_mix; m++)
                sum = sum + f64_exp(f64_load(own + m * LANES_F64) - most);
            f64_store(states, most + f64_log(sum));
        }
}

/* Densities of symbols: out[t][state][lane] = table[symbol][state], shift = tops[symbol], for local frames
   0 <= t < n_frames. A negative symbol is missing: all of the n_states have density `missing`, 1 or, of
   logs, 0. */
static void FN(forward_backward_lookup)(const int32_t *symbols, const forward_backward_lanes *lanes,
                                        int64_t t0, int64_t t1, const double *table, const double *tops,
                                        int64_t n_states, double missing, double *out, double *shift) {
    const int64_t n_padded = FORWARD_BACKWARD_PAD(n_states);
    for (int64_t t = t0; t < t1; t++, out += n_padded * LANES_F64, shift += LANES_F64)
        for (int l = 0; l < LANES_F64; l++) {
            const int64_t symbol =
                t >= lanes->since[l] && t < lanes->to[l] ? symbols[lanes->first[l] + t] : -1;
            const double *row = table + symbol * n_padded;
            shift[l] = symbol < 0 ? 0.0 : tops[symbol];
            if (symbol < 0)
                for (int64_t k = 0; k < n_padded; k++)
                    out[k * LANES_F64 + l] = k < n_states ? missing : 0.0;
            else
                for (int64_t k = 0; k < n_padded; k++)
                    out[k * LANES_F64 + l] = row[k];
        }
}
