#include <math.h>
#include <string.h>

#include "compare.h"

/* A sample with ties, zeros of both signs, infinities and missing values; weights, some of them zero. */
static void some_sample(bench *b, int64_t n, double **x, double **weights) {
    *x = room(b, (size_t)n * sizeof **x);
    *weights = room(b, (size_t)n * sizeof **weights);
    const int64_t distinct = 1 + below(b, 2000);
    for (int64_t i = 0; i < n; i++) {
        const int64_t draw = below(b, 60);
        (*x)[i] = draw == 0   ? NAN
                  : draw == 1 ? (below(b, 2) ? INFINITY : -INFINITY)
                  : draw == 2 ? (below(b, 2) ? 0.0 : -0.0)
                              : (double)below(b, distinct) * 0.37 - 50.0;
        (*weights)[i] = below(b, 10) ? uniform(b) : 0.0;
    }
}

static void distinct(const fastml_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 6000);
    double *x, *weights, *values = room(b, (size_t)n * 8), *sums = room(b, (size_t)n * 8);
    some_sample(b, n, &x, &weights);
    const int64_t m =
        k->quantile_distinct(x, below(b, 2) ? weights : NULL, n, room(b, (size_t)n * 32), values, sums);
    keep(b, &m, sizeof m);
    keep(b, values, (size_t)m * 8);
    keep(b, sums, (size_t)m * 8);
}

static void edges(const fastml_kernels *k, bench *b) {
    const int64_t n = 1 + some_rows(b, 3000);
    double *values = room(b, (size_t)n * 8), *weights = room(b, (size_t)n * 8), cuts[254], x = -100.0;
    for (int64_t i = 0; i < n; i++) {
        values[i] = x += below(b, 4) ? uniform(b) : 1e-14;
        weights[i] = below(b, 50) ? 0.01 + uniform(b) : 1000.0 * uniform(b) + 1.0;
    }
    if (below(b, 8) == 0)
        values[0] = -INFINITY;
    if (below(b, 8) == 0)
        values[n - 1] = INFINITY;
    const int m = k->quantile_edges(values, weights, n, 2 + (int)below(b, 254), cuts);
    keep(b, &m, sizeof m);
    keep(b, cuts, (size_t)m * sizeof *cuts);
}

static void collect(const fastml_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 3000), capacity = 1 + below(b, 255);
    double *x, *weights, *set = room(b, (size_t)(capacity + 1) * 8);
    some_sample(b, n, &x, &weights);
    const int64_t half = n / 2;
    const double *w = below(b, 2) ? weights : NULL;
    int64_t count = k->quantile_collect(x, w, half, set, 0, capacity);
    if (count <= capacity)
        count = k->quantile_collect(x + half, w ? w + half : NULL, n - half, set, count, capacity);
    keep(b, &count, sizeof count);
    if (count <= capacity)
        keep(b, set, (size_t)count * 8);
}

const kernel_case quantile_cases[] = {
    {"quantile_distinct", distinct},
    {"quantile_edges", edges},
    {"quantile_collect", collect},
    {NULL, NULL},
};
