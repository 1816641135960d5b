/* out[i] = exp(psi(x[i])), 0 <= i < n; digamma.h says for which x and to which error. */
static void FN(RN(digamma_exp))(const real *x, int64_t n, real *out) {
    for (int64_t i = 0; i < n; i += LANES) {
        const int part = n - i < LANES ? (int)(n - i) : LANES;
        R(store_part)(out + i, R(exp_digamma)(R(load_part)(x + i, part)), part);
    }
}
