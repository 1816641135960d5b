/* Rows under Gaussian components: sums and scores within the rounding of fused operations of the serial body.
 */
#include "compare.h"

#include <math.h>

/* What a case hands to the kernels, in doubles, to be narrowed where needed. */
typedef struct problem {
    gaussian_shape shape;
    gaussian_rows rows;
    int64_t n_all;
    double *x, *shift, *factors, *constants;
    size_t n_factors;
} problem;

static size_t factors_of(const gaussian_shape *s) {
    const size_t d = (size_t)s->n_features, k = (size_t)s->n_components;
    const size_t couples = (s->missing ? 6 : 4) * d * ((k + 1) / 2);
    size_t panels = 0;
    for (size_t c = 0; c < d; c += GAUSSIAN_PANEL)
        panels += GAUSSIAN_PANEL * (1 + (c + GAUSSIAN_PANEL < d ? c + GAUSSIAN_PANEL : d));
    return s->kind == GAUSSIAN_FULL ? k * panels : s->kind == GAUSSIAN_TIED ? panels + couples : couples;
}

static problem draw_of(bench *b, int32_t d, int32_t kind, int32_t missing) {
    problem p;
    const int32_t k = 1 + (int32_t)below(b, 11);
    int32_t *pairs = room(b, (size_t)(d + 1) * (d + 2) * sizeof *pairs), n_pairs = 0;
    for (int32_t i = 0; i <= d; i++)
        for (int32_t j = 0; j <= i; j++, n_pairs++) {
            pairs[2 * n_pairs] = i;
            pairs[2 * n_pairs + 1] = j;
        }
    for (int32_t c = 0; missing && kind == GAUSSIAN_DIAG && c < d; c++)
        pairs[2 * c] = d + 1 + c; /* of what is known */
    p.shape = (gaussian_shape){d, k, kind, missing, GAUSSIAN_TILE, n_pairs, pairs};
    p.n_all = 1 + some_rows(b, 300);
    p.rows = (gaussian_rows){NULL, NULL, d + below(b, 3), 0, p.n_all};
    const size_t n = (size_t)(p.n_all * p.rows.stride);
    p.x = room(b, n * sizeof *p.x);
    for (size_t i = 0; i < n; i++)
        p.x[i] = missing && below(b, 3) == 0 ? NAN : (float)(3 + bell(b));
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

static problem draw(bench *b) {
    const int32_t d = 1 + (int32_t)below(b, 9), kind = (int32_t)below(b, 3);
    return draw_of(b, d, kind, kind == GAUSSIAN_DIAG && below(b, 2));
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

/* Rows with a missing and a known value each, and upper triangular factors of small condition. */
static problem draw_missing(bench *b, double **upper) {
    const int32_t d = 2 + (int32_t)below(b, 12);
    problem p = draw_of(b, d, below(b, 2) ? GAUSSIAN_FULL : GAUSSIAN_TIED, 1);
    const size_t n_factors = p.shape.kind == GAUSSIAN_TIED ? 1 : (size_t)p.shape.n_components, n = (size_t)d;
    for (int64_t i = 0; i < p.n_all; i++) {
        double *row = p.x + i * p.rows.stride;
        const int64_t known = below(b, d), other = below(b, d - 1);
        row[known] = 3 + (float)uniform(b);
        row[other + (other >= known)] = NAN;
    }
    *upper = zeros(b, n_factors * n * n * sizeof **upper);
    for (size_t j = 0; j < n_factors; j++)
        for (size_t r = 0; r < n; r++)
            for (size_t c = r; c < n; c++)
                (*upper)[(j * n + r) * n + c] = c == r ? 1 + uniform(b) : 0.1 * (uniform(b) - 0.5);
    return p;
}

static void missing_room(const fastml_dense_kernels *k, bench *b) {
    double *upper;
    const problem p = draw_missing(b, &upper);
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
        double *upper;                                                                                       \
        const problem p = draw_missing(b, &upper);                                                           \
        const size_t d = (size_t)p.shape.n_features, m = (size_t)p.shape.n_components;                       \
        const size_t n = (size_t)p.n_all, n_factors = p.shape.kind == GAUSSIAN_TIED ? 1 : m;                 \
        const size_t wide = (d + GAUSSIAN_WIDE - 1) / GAUSSIAN_WIDE * GAUSSIAN_WIDE;                         \
        int32_t pairs, columns;                                                                              \
        const size_t n_blocked = n_sums(k, &p.shape, &pairs, &columns);                                      \
        real *row = zeros(b, n * sizeof *row), *resp = zeros(b, n * m * sizeof *resp);                       \
        real *density = zeros(b, n * m * sizeof *density);                                                   \
        int64_t *label = zeros(b, n * sizeof *label);                                                        \
        double *sums = zeros(b, n_blocked * sizeof *sums), *first = zeros(b, m * d * sizeof *first);         \
        double *second = zeros(b, n_factors * d * wide * sizeof *second);                                    \
        const size_t n_work = (size_t)k->gaussian_missing_room(&p.shape);                                    \
        double *work = room(b, n_work * sizeof *work);                                                       \
        double *offsets = zeros(b, m * wide * sizeof *offsets);                                              \
        gaussian_totals totals = {0, 0};                                                                     \
        for (size_t i = 0; i < n_work; i++) /* nothing is read before it is written */                       \
            work[i] = NAN;                                                                                   \
        for (size_t j = 0; j < m; j++)                                                                       \
            for (size_t c = 0; c < d; c++)                                                                   \
                offsets[j * wide + c] = 0.1 * bell(b);                                                       \
        k->gaussian_missing_##type(&p.shape, given(b, p.x, (size_t)(p.n_all * p.rows.stride)), &p.rows,      \
                                   given(b, p.shift, d), p.factors, upper, offsets, p.constants, work, sums, \
                                   first, second, &totals, row, label, resp, density);                       \
        if (!isfinite(totals.log_likelihood) || !isfinite(first[0]) || !isfinite(second[0]))                 \
            __builtin_trap();                                                                                \
        keep_sums(k, b, &p, sums, 1e3 * tolerance);                                                          \
        keep_close(b, first, m * d, 1e3 * tolerance);                                                        \
        for (size_t r = 0; r < n_factors * d; r++)                                                           \
            keep_close(b, second + r * wide, d, 1e4 * tolerance);                                            \
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
