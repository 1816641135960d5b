/* The most likely path (Viterbi 1967), of a sequence in each lane or of one sequence with states in lanes:
   the same numbers. Included by forward_backward.c. */

/* best[k][lane], the log probability of the best path that ends in state k at the frame before, becomes that
   at the last of n_frames; d[t] are log densities. back[t][k][lane] = the state before k, the lowest of equal
   ones; not written if back is NULL. What is in `start` replaces the prediction of frame at_start, where it
   is not NaN. log_transitions[j][i] = log A(i,j): transposed. */
static void FN(forward_backward_path)(const double *log_transposed, int64_t n_states, const double *d,
                                      int64_t n_frames, int64_t at_start, const double *start, double *best,
                                      double *next, int16_t *back) {
    const int64_t n = FORWARD_BACKWARD_PAD(n_states), line = n * LANES_F64;
    for (int64_t t = 0; t < n_frames; t++, d += line) {
        for (int64_t j = 0; j < n_states; j++) {
            const double *logs = log_transposed + j * n;
            lane_f64 most = f64_load(best) + f64_set(logs[0]);
            lane_i64 from = i64_set(0);
            for (int64_t i = 1; i < n_states; i++) {
                const lane_f64 x = f64_load(best + i * LANES_F64) + f64_set(logs[i]);
                const mask_f64 more = f64_lt(most, x);
                most = f64_select(more, x, most);
                from = i64_select(more, i64_set(i), from);
            }
            if (t == at_start) {
                const lane_f64 given = f64_load(start + j * LANES_F64);
                most = f64_select(f64_le(given, given), given, most);
            }
            f64_store(next + j * LANES_F64, most + f64_load(d + j * LANES_F64));
            if (back) {
                int64_t index[LANES_F64];
                i64_store(index, from);
                for (int l = 0; l < LANES_F64; l++)
                    back[t * line + j * LANES_F64 + l] = (int16_t)index[l];
            }
        }
        memcpy(best, next, (size_t)(n_states * LANES_F64) * sizeof *best);
    }
}

/* The same for one sequence: best[k], next[k], start[k], back[t][k] and log_moves[i][k] = log A(i,k) have
   `wide` entries, a multiple of LANES_F64; d[t][k] has n_states, and may be read by a vector more behind its
   end. What belongs to no state is unspecified. */
static void FN(forward_backward_path_alone)(const double *log_moves, int64_t n_states, int64_t wide,
                                            const double *d, int64_t n_frames, int64_t at_start,
                                            const double *start, double *best, double *next, int16_t *back) {
    for (int64_t t = 0; t < n_frames; t++, d += n_states) {
        for (int64_t j = 0; j < wide; j += LANES_F64) {
            const double *logs = log_moves + j;
            lane_f64 most = f64_set(best[0]) + f64_load(logs);
            lane_i64 from = i64_set(0);
            for (int64_t i = 1; i < n_states; i++) {
                const lane_f64 x = f64_set(best[i]) + f64_load(logs + i * wide);
                const mask_f64 more = f64_lt(most, x);
                most = f64_select(more, x, most);
                from = i64_select(more, i64_set(i), from);
            }
            if (t == at_start) {
                const lane_f64 given = f64_load(start + j);
                most = f64_select(f64_le(given, given), given, most);
            }
            f64_store(next + j, most + f64_load(d + j));
            if (back) {
                int64_t index[LANES_F64];
                i64_store(index, from);
                for (int l = 0; l < LANES_F64; l++)
                    back[t * wide + j + l] = (int16_t)index[l];
            }
        }
        memcpy(best, next, (size_t)wide * sizeof *best);
    }
}
