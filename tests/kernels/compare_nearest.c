/* Nearest centroids: labels are the same everywhere, what is measured is within the rounding of sums. */
#include "compare.h"

#include <math.h>

/* A problem with centroids among the rows; NaN in a fifth of the values if some are missing. */
typedef struct problem {
    nearest_centroids c;
    int64_t n;
    float *x_f32;
    double *x_f64, *weight;
    int32_t *label;
} problem;

static problem some_problem(bench *b) {
    problem p = {{0}, 0, NULL, NULL, NULL, NULL};
    p.n = some_rows(b, 150);
    p.c.k = 2 + below(b, 40);
    p.c.d = below(b, 8) ? 1 + below(b, 70) : 513 + below(b, 40);
    p.c.metric = (int32_t)below(b, 4);
    /* a cosine over one known feature is the same for many centroids: the lowest must win everywhere */
    p.c.missing = p.c.d > 2 && below(b, 2);
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
    p.x_f32 = room(b, n * d * sizeof *p.x_f32);
    p.x_f64 = room(b, n * d * sizeof *p.x_f64);
    p.weight = room(b, n * sizeof *p.weight);
    p.label = room(b, n * sizeof *p.label);
    for (size_t i = 0; i < n; i++) {
        p.weight[i] = uniform(b);
        p.label[i] = (int32_t)below(b, p.c.k);
        for (size_t f = 0; f < d; f++) {
            double y = bell(b) + far;
            if (p.c.missing && f && below(b, 5) == 0)
                y = NAN;
            p.x_f32[i * d + f] = (float)y;
            p.x_f64[i * d + f] = (float)y;
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

#define REAL 32
#include "compare_real.h"
#include "compare_nearest_body.h"

#define REAL 64
#include "compare_real.h"
#include "compare_nearest_body.h"

const dense_case nearest_cases[] = {
    {"nearest_pairs_speed", find_f32},
    {"nearest_packed_size_f32", packed_size_f32},
    {"nearest_scratch_size_f32", scratch_size_f32},
    {"nearest_pack_f32", find_f32},
    {"nearest_find_f32", find_f32},
    {"nearest_measure_f32", measure_f32},
    {"nearest_add_f32", add_f32},
    {"nearest_gather_f32", gather_f32},
    {"nearest_packed_size_f64", packed_size_f64},
    {"nearest_scratch_size_f64", scratch_size_f64},
    {"nearest_pack_f64", find_f64},
    {"nearest_find_f64", find_f64},
    {"nearest_measure_f64", measure_f64},
    {"nearest_add_f64", add_f64},
    {"nearest_gather_f64", gather_f64},
    {NULL, NULL},
};
