#include <math.h>
#include <string.h>

#include "compare.h"

/* A sample with ties, zeros of both signs, infinities and missing values; weights, some of them zero. */
static void some_sample(bench *b, int64_t n, double **x, double **weights) {
    *x = room(b, (size_t)n * sizeof **x);
    *weights = room(b, (size_t)n * sizeof **weights);
    const int64_t distinct = 1 + below(b, 2000), whole = below(b, 2);
    for (int64_t i = 0; i < n; i++) {
        const int64_t draw = below(b, 60);
        (*x)[i] = draw == 0             ? NAN
                  : draw == 1 && !whole ? (below(b, 2) ? INFINITY : -INFINITY)
                  : draw == 2           ? (below(b, 2) ? 0.0 : -0.0)
                                        : (double)below(b, distinct) * (whole ? 1.0 : 0.37) - 50.0;
        (*weights)[i] = below(b, 10) ? uniform(b) : 0.0;
    }
}

static void distinct(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 6000);
    const int is_f32 = (int)below(b, 2), weighted = (int)below(b, 2);
    double *x, *weights, *work = room(b, (size_t)n * (weighted ? 32 : 16));
    some_sample(b, n, &x, &weights);
    for (int64_t i = 0; i < n; i++)
        weights[i] = floor(weights[i] * 0x1p30);
    if (is_f32)
        for (int64_t i = 0; i < n; i++)
            ((float *)(void *)x)[i] = (float)x[i];
    const int64_t m = k->quantile_distinct(x, is_f32, weighted ? weights : NULL, n, work);
    keep(b, &m, sizeof m);
    keep(b, work, (size_t)m * 8);
    keep(b, work + n, (size_t)m * 8);
}

static void edges(const fastml_tree_kernels *k, bench *b) {
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

static void collect(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 3000), half = n / 2;
    const int32_t capacity = 1 + (int32_t)below(b, 255);
    double *x, *weights;
    quantile_set *set = zeros(b, sizeof *set);
    some_sample(b, n, &x, &weights);
    const binning_column column = {.data = (const unsigned char *)x, .stride = 8, .kind = BINNING_F64};
    const double *w = below(b, 2) ? weights : NULL;
    k->quantile_collect(&column, w, 0, half, capacity, set);
    k->quantile_collect(&column, w, half, n - half, capacity, set);
    keep(b, &set->count, sizeof set->count);
    if (set->count <= capacity)
        keep(b, set->values, (size_t)set->count * 8);
}

static void tally(const fastml_tree_kernels *k, bench *b) {
    const int64_t n = some_rows(b, 3000);
    double *x = room(b, (size_t)n * 8), *weights = room(b, (size_t)n * 8);
    double *sums = zeros(b, QUANTILE_SMALL * sizeof *sums);
    const int odd = below(b, 3) == 0;
    for (int64_t i = 0; i < n; i++) {
        x[i] = below(b, 9) ? (double)below(b, QUANTILE_SMALL) : NAN;
        if (odd && below(b, 1000) == 0)
            x[i] = below(b, 2) ? -1.0 : 65536.0;
        weights[i] = uniform(b);
    }
    const binning_column column = {.data = (const unsigned char *)x, .stride = 8, .kind = BINNING_F64};
    const int small = k->quantile_tally(&column, below(b, 2) ? weights : NULL, 0, n, sums);
    keep(b, &small, sizeof small);
    if (small)
        keep(b, sums, QUANTILE_SMALL * sizeof *sums);
}

const kernel_case quantile_cases[] = {
    {"quantile_distinct", distinct},
    {"quantile_edges", edges},
    {"quantile_collect", collect},
    {"quantile_tally", tally},
    {NULL, NULL},
};
