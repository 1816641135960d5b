#include <math.h>

#include "compare.h"

/* Weights, some of them 0, whole numbers in a third of the cases; and which rows are wrong. */
static int64_t some_weights(bench *b, double **weights, uint8_t **wrong) {
    const int64_t n = 1 + some_rows(b, 3000), whole = below(b, 3) == 0;
    *weights = room(b, (size_t)n * sizeof **weights);
    *wrong = room(b, (size_t)n);
    for (int64_t i = 0; i < n; i++) {
        const double w = below(b, 8) ? uniform(b) * 100.0 : 0.0;
        (*weights)[i] = whole ? floor(w) : w;
        (*wrong)[i] = (uint8_t)below(b, 2);
    }
    return n;
}

static void measure(const fastml_tree_kernels *k, bench *b) {
    double *weights;
    uint8_t *wrong;
    const int64_t n = some_weights(b, &weights, &wrong);
    row_weights_range range;
    k->row_weights_measure(weights, n, &range);
    keep(b, &range.least, sizeof range.least);
    keep(b, &range.most, sizeof range.most);
    keep(b, &range.sum, sizeof range.sum);
    keep(b, &range.whole, sizeof range.whole);
}

static void judge(const fastml_tree_kernels *k, bench *b) {
    double *weights, shares[2];
    uint8_t *wrong;
    const int64_t n = some_weights(b, &weights, &wrong);
    k->row_weights_judge(weights, wrong, n, shares);
    keep(b, shares, sizeof shares);
}

static void raised(const fastml_tree_kernels *k, bench *b) {
    double *weights;
    uint8_t *wrong;
    const int64_t n = some_weights(b, &weights, &wrong);
    const double factor = below(b, 10) ? 5.0 * uniform(b) : INFINITY;
    const double sum = k->row_weights_raise(weights, wrong, n, factor);
    keep(b, weights, (size_t)n * sizeof *weights);
    keep(b, &sum, sizeof sum);
}

static void divide(const fastml_tree_kernels *k, bench *b) {
    double *weights;
    uint8_t *wrong;
    const int64_t n = some_weights(b, &weights, &wrong);
    const double total = 1.0 + 1e4 * uniform(b);
    k->row_weights_divide(weights, n, total, 0.001 * uniform(b));
    keep(b, weights, (size_t)n * sizeof *weights);
}

static void to_whole(const fastml_tree_kernels *k, bench *b) {
    double *weights;
    uint8_t *wrong;
    const int64_t n = some_weights(b, &weights, &wrong);
    uint32_t *out = room(b, (size_t)n * sizeof *out), most;
    const double scale = below(b, 2) ? 0.5 : 1e6 * uniform(b);
    const int64_t total = k->row_weights_round(weights, n, scale, out, &most);
    keep(b, out, (size_t)n * sizeof *out);
    keep(b, &most, sizeof most);
    keep(b, &total, sizeof total);
}

const kernel_case row_weights_cases[] = {
    {"row_weights_measure", measure}, {"row_weights_judge", judge},    {"row_weights_raise", raised},
    {"row_weights_divide", divide},   {"row_weights_round", to_whole}, {NULL, NULL},
};
