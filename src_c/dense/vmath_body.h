/* out[i] = exp(x[i]) or log(x[i]), 0 <= i < n; exp_log.h says for which x and to which error. */
static void FN(RN(vmath_exp))(const real *x, int64_t n, real *out) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        R(store)(out + i, R(exp)(R(load)(x + i)));
    if (i < n)
        R(store_part)(out + i, R(exp)(R(load_part)(x + i, (int)(n - i))), (int)(n - i));
}

static void FN(RN(vmath_log))(const real *x, int64_t n, real *out) {
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        R(store)(out + i, R(log)(R(load)(x + i)));
    if (i < n)
        R(store_part)(out + i, R(log)(R(load_part)(x + i, (int)(n - i))), (int)(n - i));
}
