/* Rows under Gaussian components: sums and scores within the rounding of fused operations of the serial body.
 */
#include "compare.h"

#include <math.h>

/* What a case hands to the kernels, in doubles, to be narrowed where needed. */
typedef struct problem {
    gaussian_shape shape;
    gaussian_rows rows;
    int64_t n_all;
    double *x, *shift, *factors, *constants, *means;
    size_t n_factors;
} problem;

static size_t factors_of(const gaussian_shape *s) {
    const size_t d = (size_t)s->n_features, k = (size_t)s->n_components, couples = 4 * d * ((k + 1) / 2);
    size_t panels = 0;
    for (size_t c = 0; c < d; c += GAUSSIAN_PANEL)
        panels += GAUSSIAN_PANEL * (1 + (c + GAUSSIAN_PANEL < d ? c + GAUSSIAN_PANEL : d));
    return s->kind == GAUSSIAN_FULL ? k * panels : s->kind == GAUSSIAN_TIED ? panels + couples : couples;
}

static problem draw(bench *b) {
    problem p;
    const int32_t d = 1 + (int32_t)below(b, 9), k = 1 + (int32_t)below(b, 11);
    int32_t *pairs = room(b, (size_t)(d + 1) * (d + 2) * sizeof *pairs), n_pairs = 0;
    for (int32_t i = 0; i <= d; i++)
        for (int32_t j = 0; j <= i; j++, n_pairs++) {
            pairs[2 * n_pairs] = i;
            pairs[2 * n_pairs + 1] = j;
        }
    p.shape = (gaussian_shape){d, k, (int32_t)below(b, 3), GAUSSIAN_TILE, n_pairs, pairs};
    p.n_all = 1 + some_rows(b, 300);
    p.rows = (gaussian_rows){NULL, NULL, d + below(b, 3), 0, p.n_all};
    const size_t n = (size_t)(p.n_all * p.rows.stride);
    p.x = room(b, n * sizeof *p.x);
    for (size_t i = 0; i < n; i++)
        p.x[i] = (float)(3 + bell(b));
    if (below(b, 2)) {
        double *weight = room(b, (size_t)p.n_all * sizeof *weight);
        for (int64_t i = 0; i < p.n_all; i++)
            weight[i] = (double)below(b, 4) / 2;
        p.rows.weight = weight;
    }
    if (below(b, 2)) {
        int32_t *index = room(b, (size_t)p.n_all * sizeof *index);
        for (int64_t i = 0; i < p.n_all; i++)
            index[i] = (int32_t)below(b, p.n_all);
        p.rows.index = index;
        p.rows.first = below(b, p.n_all);
        p.rows.n = p.n_all - p.rows.first;
    }
    p.shift = room(b, (size_t)d * sizeof *p.shift);
    for (int32_t c = 0; c < d; c++)
        p.shift[c] = 3;
    p.n_factors = factors_of(&p.shape);
    p.factors = room(b, p.n_factors * sizeof *p.factors);
    for (size_t i = 0; i < p.n_factors; i++)
        p.factors[i] = (float)(0.5 * bell(b));
    p.constants = room(b, (size_t)k * sizeof *p.constants);
    for (int32_t j = 0; j < k; j++)
        p.constants[j] = (float)bell(b);
    return p;
}

static float *narrow(bench *b, const double *x, size_t n) {
    float *y = room(b, n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = (float)x[i];
    return y;
}

static size_t n_sums(const fastml_dense_kernels *k, const gaussian_shape *s, int32_t *pairs, int32_t *wide) {
    k->gaussian_blocks(s->n_components, pairs, wide);
    return (size_t)((s->n_pairs + *pairs - 1) / *pairs) * (size_t)((s->n_components + *wide - 1) / *wide) *
           GAUSSIAN_BLOCK;
}

static void keep_sums(const fastml_dense_kernels *k, bench *b, const problem *p, const double *sums,
                      double tolerance) {
    int32_t pairs, wide;
    n_sums(k, &p->shape, &pairs, &wide);
    const int32_t n_groups = (p->shape.n_components + wide - 1) / wide;
    for (int32_t f = 0; f < p->shape.n_pairs; f++)
        for (int32_t j = 0; j < p->shape.n_components; j++) {
            const int32_t block = f / pairs * n_groups + j / wide;
            keep_close(b, sums + block * GAUSSIAN_BLOCK + f % pairs * wide + j % wide, 1, tolerance);
        }
}

static void blocks(const fastml_dense_kernels *k, bench *b) {
    int32_t pairs, wide;
    k->gaussian_blocks(1 + (int32_t)below(b, 100), &pairs, &wide);
    const char fits = pairs > 0 && wide > 0 && pairs * wide <= GAUSSIAN_BLOCK;
    keep(b, &fits, 1);
}

static void room_f32(const fastml_dense_kernels *k, bench *b) {
    const problem p = draw(b);
    const char enough = k->gaussian_room_f32(&p.shape) == k->gaussian_room_f64(&p.shape);
    keep(b, &enough, 1);
}

static void room_f64(const fastml_dense_kernels *k, bench *b) {
    const problem p = draw(b);
    const char enough = k->gaussian_room_f64(&p.shape) >= (p.shape.n_features + 1) * (int64_t)GAUSSIAN_TILE;
    keep(b, &enough, 1);
}

/* Rows with NaN under random covariances A A' + 1. */
static problem draw_missing(bench *b) {
    problem p = draw(b);
    const size_t d = (size_t)p.shape.n_features, k = (size_t)p.shape.n_components;
    const size_t n_matrices = p.shape.kind == GAUSSIAN_TIED ? 1 : k;
    for (int64_t i = 0; i < p.n_all; i++)
        for (size_t c = 0; c < d; c++)
            if (c != (size_t)(i % (int64_t)d) && below(b, 3) == 0)
                p.x[(size_t)(i * p.rows.stride) + c] = NAN;
    p.factors = zeros(b, k * d * d * sizeof *p.factors);
    for (size_t j = 0; j < n_matrices; j++)
        for (size_t a = 0; a < d; a++) {
            if (p.shape.kind == GAUSSIAN_DIAG) {
                p.factors[j * d + a] = 0.5 + uniform(b);
                continue;
            }
            for (size_t c = 0; c < a; c++) /* diagonally dominant */
                p.factors[(j * d + a) * d + c] = p.factors[(j * d + c) * d + a] = 0.1 * (uniform(b) - 0.5);
            p.factors[(j * d + a) * d + a] = 1 + uniform(b);
        }
    p.means = room(b, k * d * sizeof *p.means);
    for (size_t i = 0; i < k * d; i++)
        p.means[i] = bell(b);
    return p;
}

static void missing_room(const fastml_dense_kernels *k, bench *b) {
    const problem p = draw(b);
    const char enough = k->gaussian_missing_room(&p.shape) > 0;
    keep(b, &enough, 1);
}

#define CASES(type, real, given, tolerance)                                                                  \
    static void accumulate_##type(const fastml_dense_kernels *k, bench *b) {                                 \
        const problem p = draw(b);                                                                           \
        int32_t pairs, wide;                                                                                 \
        const size_t d = (size_t)p.shape.n_features, n = n_sums(k, &p.shape, &pairs, &wide);                 \
        double *sums = zeros(b, n * sizeof *sums);                                                           \
        gaussian_totals totals = {0, 0};                                                                     \
        k->gaussian_accumulate_##type(                                                                       \
            &p.shape, given(b, p.x, (size_t)(p.n_all * p.rows.stride)), &p.rows, given(b, p.shift, d),       \
            given(b, p.factors, p.n_factors), given(b, p.constants, (size_t)p.shape.n_components),           \
            room(b, (size_t)k->gaussian_room_##type(&p.shape) * sizeof(real)), sums, &totals);               \
        keep_sums(k, b, &p, sums, 1e3 * tolerance);                                                          \
        keep_close(b, &totals.log_likelihood, 1, 1e4 * tolerance);                                           \
        keep_close(b, &totals.entropy, 1, 1e4 * tolerance);                                                  \
    }                                                                                                        \
    static void missing_##type(const fastml_dense_kernels *k, bench *b) {                                    \
        const problem p = draw_missing(b);                                                                   \
        const size_t d = (size_t)p.shape.n_features, m = (size_t)p.shape.n_components;                       \
        const size_t n = (size_t)p.n_all, n_second = p.shape.kind == GAUSSIAN_DIAG ? d : d * (d + 1) / 2;    \
        const size_t n_sums = m + m * d + n_second * (p.shape.kind == GAUSSIAN_TIED ? 1 : m);                \
        real *row = zeros(b, n * sizeof *row), *resp = zeros(b, n * m * sizeof *resp);                       \
        real *density = zeros(b, n * m * sizeof *density);                                                   \
        int64_t *label = zeros(b, n * sizeof *label);                                                        \
        double *sums = zeros(b, n_sums * sizeof *sums);                                                      \
        gaussian_totals totals = {0, 0};                                                                     \
        k->gaussian_missing_##type(&p.shape, given(b, p.x, (size_t)(p.n_all * p.rows.stride)), &p.rows,      \
                                   given(b, p.shift, d), p.means, p.factors, p.constants,                    \
                                   room(b, (size_t)k->gaussian_missing_room(&p.shape) * sizeof(double)),     \
                                   sums, &totals, row, label, resp, density);                                \
        keep_close(b, sums, n_sums, 1e3 * tolerance);                                                        \
        keep_close(b, &totals.log_likelihood, 1, 1e4 * tolerance);                                           \
        keep_close(b, &totals.entropy, 1, 1e4 * tolerance);                                                  \
        keep_##type(b, row, n, 1e2 * tolerance);                                                             \
        keep_##type(b, density, n * m, 1e2 * tolerance);                                                     \
        keep_##type(b, resp, n * m, 1e2 * tolerance);                                                        \
    }                                                                                                        \
    static void moments_##type(const fastml_dense_kernels *k, bench *b) {                                    \
        const problem p = draw(b);                                                                           \
        int32_t pairs, wide;                                                                                 \
        const size_t d = (size_t)p.shape.n_features, n = n_sums(k, &p.shape, &pairs, &wide);                 \
        const size_t n_resp = (size_t)(p.n_all * p.shape.n_components);                                      \
        double *sums = zeros(b, n * sizeof *sums), *resp = room(b, n_resp * sizeof *resp);                   \
        int32_t *label = room(b, (size_t)p.n_all * sizeof *label);                                           \
        for (size_t i = 0; i < n_resp; i++)                                                                  \
            resp[i] = (float)uniform(b);                                                                     \
        for (int64_t i = 0; i < p.n_all; i++)                                                                \
            label[i] = (int32_t)below(b, p.shape.n_components + 1) - 1;                                      \
        k->gaussian_moments_##type(&p.shape, given(b, p.x, (size_t)(p.n_all * p.rows.stride)), &p.rows,      \
                                   given(b, p.shift, d), below(b, 2) ? label : NULL, given(b, resp, n_resp), \
                                   room(b, (size_t)k->gaussian_room_##type(&p.shape) * sizeof(real)), sums); \
        keep_sums(k, b, &p, sums, 1e3 * tolerance);                                                          \
    }                                                                                                        \
    static void score_##type(const fastml_dense_kernels *k, bench *b) {                                      \
        const problem p = draw(b);                                                                           \
        const size_t d = (size_t)p.shape.n_features, n = (size_t)p.n_all;                                    \
        const size_t n_wide = n * (size_t)p.shape.n_components;                                              \
        real *row = zeros(b, n * sizeof *row), *resp = zeros(b, n_wide * sizeof *resp);                      \
        real *density = zeros(b, n_wide * sizeof *density);                                                  \
        int64_t *label = zeros(b, n * sizeof *label);                                                        \
        k->gaussian_score_##type(                                                                            \
            &p.shape, given(b, p.x, (size_t)(p.n_all * p.rows.stride)), &p.rows, given(b, p.shift, d),       \
            given(b, p.factors, p.n_factors), given(b, p.constants, (size_t)p.shape.n_components),           \
            room(b, (size_t)k->gaussian_room_##type(&p.shape) * sizeof(real)), row, label, resp, density);   \
        keep_##type(b, row, n, 1e2 * tolerance);                                                             \
        keep_##type(b, density, n_wide, 1e2 * tolerance);                                                    \
        keep_##type(b, resp, n_wide, 1e2 * tolerance);                                                       \
    }

static const double *as_it_is(bench *b, const double *x, size_t n) {
    double *y = room(b, n * sizeof *y); /* exactly as large as promised */
    for (size_t i = 0; i < n; i++)
        y[i] = x[i];
    return y;
}
static void keep_f32(bench *b, const float *x, size_t n, double tolerance) {
    keep_close_f32(b, x, n, tolerance);
}
static void keep_f64(bench *b, const double *x, size_t n, double tolerance) {
    keep_close(b, x, n, tolerance);
}

CASES(f32, float, narrow, 2e-6)
CASES(f64, double, as_it_is, 1e-13)

const dense_case gaussian_cases[] = {
    {"gaussian_blocks", blocks},
    {"gaussian_room_f32", room_f32},
    {"gaussian_room_f64", room_f64},
    {"gaussian_accumulate_f32", accumulate_f32},
    {"gaussian_accumulate_f64", accumulate_f64},
    {"gaussian_missing_room", missing_room},
    {"gaussian_missing_f32", missing_f32},
    {"gaussian_missing_f64", missing_f64},
    {"gaussian_moments_f32", moments_f32},
    {"gaussian_moments_f64", moments_f64},
    {"gaussian_score_f32", score_f32},
    {"gaussian_score_f64", score_f64},
    {NULL, NULL},
};
