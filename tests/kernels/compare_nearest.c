/* Nearest centroids: labels are the same everywhere, what is measured is within the rounding of sums. */
#include "compare.h"

#include <math.h>

/* A problem with centroids among the rows; NaN in a fifth of the values if some are missing. */
typedef struct problem {
    nearest_centroids c;
    int64_t n;
    float *x32;
    double *x64, *weight;
    int32_t *label;
} problem;

static problem some_problem(bench *b) {
    problem p = {{0}, 0, NULL, NULL, NULL, NULL};
    p.n = some_rows(b, 150);
    p.c.k = 2 + below(b, 40);
    p.c.d = below(b, 8) ? 1 + below(b, 70) : 513 + below(b, 40);
    p.c.metric = (int32_t)below(b, 4);
    /* a cosine over one known feature is the same for many centroids */
    p.c.missing = p.c.metric != NEAREST_COSINE && p.c.d > 2 && below(b, 2);
    const size_t d = (size_t)p.c.d, k = (size_t)p.c.k, n = (size_t)p.n;
    double *values = room(b, k * d * sizeof *values), *offset = room(b, d * sizeof *offset);
    double *feature_weight = room(b, d * sizeof *feature_weight);
    const double far = below(b, 3) ? 0.0 : 1000.0;
    for (size_t i = 0; i < k * d; i++)
        values[i] = (float)(bell(b) + far);
    for (size_t f = 0; f < d; f++) {
        offset[f] = p.c.metric == NEAREST_COSINE ? 0.0 : (float)(far + 0.1 * bell(b));
        feature_weight[f] = 0.1 + uniform(b);
    }
    p.c.values = values;
    p.c.offset = offset;
    p.c.feature_weight = below(b, 2) ? feature_weight : NULL;
    p.x32 = room(b, n * d * sizeof *p.x32);
    p.x64 = room(b, n * d * sizeof *p.x64);
    p.weight = room(b, n * sizeof *p.weight);
    p.label = room(b, n * sizeof *p.label);
    for (size_t i = 0; i < n; i++) {
        p.weight[i] = uniform(b);
        p.label[i] = (int32_t)below(b, p.c.k);
        for (size_t f = 0; f < d; f++) {
            double y = bell(b) + far;
            if (p.c.missing && f && below(b, 5) == 0)
                y = NAN;
            p.x32[i * d + f] = (float)y;
            p.x64[i * d + f] = (float)y;
        }
    }
    return p;
}

/* A plane along every third feature, for some of the problems that may have one. */
static void add_screen(bench *b, problem *p) {
    const int64_t d = p->c.d, k = p->c.k, rank = 8;
    if (p->c.metric != NEAREST_SQEUCLIDEAN || p->c.missing || p->c.feature_weight || d < 3 * rank)
        return;
    double *basis = zeros(b, (size_t)(d * rank) * sizeof *basis);
    double *coordinates = zeros(b, (size_t)(k * rank) * sizeof *coordinates);
    double *rest = zeros(b, (size_t)k * sizeof *rest);
    for (int64_t q = 0; q < rank; q++)
        basis[3 * q * rank + q] = 1;
    for (int64_t j = 0; j < k; j++) {
        for (int64_t f = 0; f < d; f++) {
            const double w = p->c.values[j * d + f] - p->c.offset[f];
            if (f % 3 == 0 && f < 3 * rank)
                coordinates[j * rank + f / 3] = w;
            else
                rest[j] += w * w;
        }
        rest[j] = sqrt(rest[j]) * (1 + 1e-9);
    }
    p->c.rank = rank;
    p->c.basis = basis;
    p->c.coordinates = coordinates;
    p->c.rest = rest;
}

static void packed_size_f32(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->nearest_packed_size_f32(&p.c) >= p.c.k * p.c.d * (int64_t)sizeof *p.x32;
    keep(b, &enough, 1);
}

static void scratch_size_f32(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->nearest_scratch_size_f32(&p.c) > 0;
    keep(b, &enough, 1);
}

static void find_f32(const fastml_dense_kernels *k, bench *b) {
    problem p = some_problem(b);
    int32_t *second = room(b, (size_t)p.n * sizeof *second);
    add_screen(b, &p);
    p.c.packed = room(b, (size_t)k->nearest_packed_size_f32(&p.c));
    void *scratch = room(b, (size_t)k->nearest_scratch_size_f32(&p.c));
    k->nearest_pack_f32(&p.c);
    k->nearest_find_f32(&p.c, p.x32, p.c.d, p.n, p.label, NULL, scratch);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    k->nearest_find_f32(&p.c, p.x32, p.c.d, p.n, p.label, second, scratch);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    keep(b, second, (size_t)p.n * sizeof *second);
    keep(b, "", 1);
}

static void measure_f32(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    float *distance = room(b, (size_t)p.n * sizeof *distance);
    double *errors = zeros(b, (size_t)p.c.k * sizeof *errors);
    k->nearest_measure_f32(&p.c, p.x32, p.c.d, p.n, p.label, p.weight, distance, errors);
    keep_close_f32(b, distance, (size_t)p.n, 2e-2);
    keep_close(b, errors, (size_t)p.c.k, 1e-9);
}

static void add_f32(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const size_t size = (size_t)(p.c.k * p.c.d), n_weights = p.c.missing ? size : (size_t)p.c.k;
    double *sums = zeros(b, size * sizeof *sums), *weights = zeros(b, n_weights * sizeof *weights);
    int32_t *moved = room(b, (size_t)p.n * sizeof *moved);
    const int64_t half = p.c.d / 32 * 16;
    const double *weight = below(b, 2) ? p.weight : NULL;
    k->nearest_add_f32(&p.c, p.x32, p.c.d, p.n, p.label, NULL, weight, 0, half, sums,
                       p.c.missing ? weights : NULL);
    k->nearest_add_f32(&p.c, p.x32, p.c.d, p.n, p.label, NULL, weight, half, p.c.d, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
    for (int64_t i = 0; i < p.n; i++)
        moved[i] = below(b, 3) ? p.label[i] : (int32_t)below(b, p.c.k);
    k->nearest_add_f32(&p.c, p.x32, p.c.d, p.n, moved, p.label, weight, 0, p.c.d, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
}

static void packed_size_f64(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->nearest_packed_size_f64(&p.c) >= p.c.k * p.c.d * (int64_t)sizeof *p.x64;
    keep(b, &enough, 1);
}

static void scratch_size_f64(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const char enough = k->nearest_scratch_size_f64(&p.c) > 0;
    keep(b, &enough, 1);
}

static void find_f64(const fastml_dense_kernels *k, bench *b) {
    problem p = some_problem(b);
    int32_t *second = room(b, (size_t)p.n * sizeof *second);
    add_screen(b, &p);
    p.c.packed = room(b, (size_t)k->nearest_packed_size_f64(&p.c));
    void *scratch = room(b, (size_t)k->nearest_scratch_size_f64(&p.c));
    k->nearest_pack_f64(&p.c);
    k->nearest_find_f64(&p.c, p.x64, p.c.d, p.n, p.label, NULL, scratch);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    k->nearest_find_f64(&p.c, p.x64, p.c.d, p.n, p.label, second, scratch);
    keep(b, p.label, (size_t)p.n * sizeof *p.label);
    keep(b, second, (size_t)p.n * sizeof *second);
    keep(b, "", 1);
}

static void measure_f64(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    double *distance = room(b, (size_t)p.n * sizeof *distance);
    double *errors = zeros(b, (size_t)p.c.k * sizeof *errors);
    k->nearest_measure_f64(&p.c, p.x64, p.c.d, p.n, p.label, p.weight, distance, errors);
    keep_close(b, distance, (size_t)p.n, 1e-8);
    keep_close(b, errors, (size_t)p.c.k, 1e-9);
}

static void add_f64(const fastml_dense_kernels *k, bench *b) {
    const problem p = some_problem(b);
    const size_t size = (size_t)(p.c.k * p.c.d), n_weights = p.c.missing ? size : (size_t)p.c.k;
    double *sums = zeros(b, size * sizeof *sums), *weights = zeros(b, n_weights * sizeof *weights);
    int32_t *moved = room(b, (size_t)p.n * sizeof *moved);
    const int64_t half = p.c.d / 32 * 16;
    const double *weight = below(b, 2) ? p.weight : NULL;
    k->nearest_add_f64(&p.c, p.x64, p.c.d, p.n, p.label, NULL, weight, 0, half, sums,
                       p.c.missing ? weights : NULL);
    k->nearest_add_f64(&p.c, p.x64, p.c.d, p.n, p.label, NULL, weight, half, p.c.d, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
    for (int64_t i = 0; i < p.n; i++)
        moved[i] = below(b, 3) ? p.label[i] : (int32_t)below(b, p.c.k);
    k->nearest_add_f64(&p.c, p.x64, p.c.d, p.n, moved, p.label, weight, 0, p.c.d, sums, weights);
    keep_close(b, sums, size, 1e-9);
    keep_close(b, weights, n_weights, 1e-12);
}

const dense_case nearest_cases[] = {
    {"nearest_packed_size_f32", packed_size_f32},
    {"nearest_scratch_size_f32", scratch_size_f32},
    {"nearest_pack_f32", find_f32},
    {"nearest_find_f32", find_f32},
    {"nearest_measure_f32", measure_f32},
    {"nearest_add_f32", add_f32},
    {"nearest_packed_size_f64", packed_size_f64},
    {"nearest_scratch_size_f64", scratch_size_f64},
    {"nearest_pack_f64", find_f64},
    {"nearest_find_f64", find_f64},
    {"nearest_measure_f64", measure_f64},
    {"nearest_add_f64", add_f64},
    {NULL, NULL},
};
