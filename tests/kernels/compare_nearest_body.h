/* Included by compare_nearest.c for float and for double. */

static void OF(packed_size)(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->OF(nearest_packed_size)(&p.c) >= p.c.k * p.c.d * (int64_t)sizeof *p.OF(x);
    keep(b, &enough, 1);
}

static void OF(scratch_size)(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->OF(nearest_scratch_size)(&p.c) > 0;
    keep(b, &enough, 1);
}

static void OF(find)(const fastml_dense_kernels *k, bench *b) {
    problem p = some_problem(b);
    int32_t *second = room(b, (size_t)p.n * sizeof *second);
    add_screen(b, &p);
    p.c.coarse = below(b, 2) && p.c.metric == NEAREST_SQEUCLIDEAN && !p.c.missing && !p.c.feature_weight &&
                 k->nearest_pairs_speed() > 0;
    p.c.packed = room(b, (size_t)k->OF(nearest_packed_size)(&p.c));
    void *scratch = room(b, (size_t)k->OF(nearest_scratch_size)(&p.c));
    k->OF(nearest_pack)(&p.c);
    const int bounded = p.c.metric == NEAREST_SQEUCLIDEAN && !p.c.missing;
    double *others = zeros(b, (size_t)p.n * sizeof *others);
    k->OF(nearest_find)(&p.c, p.OF(x), p.c.d, p.n, p.label, NULL, bounded ? others : NULL, scratch);
    for (int64_t i = 0; i < p.n; i++)
        keep(b, others[i] >= 0 ? "" : "!", 1);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    k->OF(nearest_find)(&p.c, p.OF(x), p.c.d, p.n, p.label, second, NULL, scratch);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    keep(b, second, (size_t)p.n * sizeof *second);
    keep(b, "", 1);
}

static void OF(measure)(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    real *distance = room(b, (size_t)p.n * sizeof *distance);
    double *errors = zeros(b, (size_t)p.c.k * sizeof *errors);
    k->OF(nearest_measure)(&p.c, p.OF(x), p.c.d, p.n, p.label, p.weight, distance, errors);
    OF(keep_close)(b, distance, (size_t)p.n, 2e5 * ROUNDING);
    keep_close(b, errors, (size_t)p.c.k, 1e-9);
}

static void OF(add)(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const size_t size = (size_t)(p.c.k * p.c.d), n_weights = p.c.missing ? size : (size_t)p.c.k;
    double *sums = zeros(b, size * sizeof *sums), *weights = zeros(b, n_weights * sizeof *weights);
    int32_t *moved = room(b, (size_t)p.n * sizeof *moved);
    const double *weight = below(b, 2) ? p.weight : NULL;
    k->OF(nearest_add)(&p.c, p.OF(x), p.c.d, p.n, p.label, NULL, weight, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
    for (int64_t i = 0; i < p.n; i++)
        moved[i] = below(b, 3) ? p.label[i] : (int32_t)below(b, p.c.k);
    k->OF(nearest_add)(&p.c, p.OF(x), p.c.d, p.n, moved, p.label, weight, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
}

static void OF(gather)(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const size_t n_weights = p.c.missing ? (size_t)p.c.d : 1;
    double *sum = zeros(b, (size_t)p.c.d * sizeof *sum), *weights = zeros(b, n_weights * sizeof *weights);
    int64_t *order = room(b, (size_t)p.n * sizeof *order);
    const int measured = below(b, 2) != 0;
    double error = 0;
    for (int64_t i = 0; i < p.n; i++) {
        const int64_t row = below(b, p.n);
        order[i] = measured || below(b, 3) ? row : -1 - row;
    }
    k->OF(nearest_gather)(&p.c, p.OF(x), p.c.d, p.n, order, 1, below(b, 2) ? p.weight : NULL, sum, weights,
                          measured ? &error : NULL);
    keep_close(b, &error, 1, 1e-9);
    keep_close(b, sum, (size_t)p.c.d, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
}
