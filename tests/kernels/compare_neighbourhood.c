/* Smoothing over a map: within the rounding of fused operations, zeros of the weights skipped. */
#include "compare.h"

static void smooth(const fastml_dense_kernels *k, bench *b) {
    const int64_t m = 1 + below(b, 20), p = 1 + below(b, 30), w = 1 + below(b, 90);
    const int64_t more = below(b, 3);
    double *h = room(b, (size_t)(m * (p + more)) * sizeof *h);
    double *s = room(b, (size_t)(p * (w + more)) * sizeof *s);
    double *out = room(b, (size_t)(m * w) * sizeof *out);
    const int64_t reach = 1 + below(b, 30);
    for (int64_t a = 0; a < m; a++)
        for (int64_t i = 0; i < p + more; i++)
            h[a * (p + more) + i] = i - a < reach && a - i < reach ? uniform(b) : 0.0;
    for (int64_t i = 0; i < p * (w + more); i++)
        s[i] = bell(b);
    k->neighbourhood_smooth(h, p + more, m, p, s, w + more, w, out, w);
    keep_close(b, out, (size_t)(m * w), 1e-13);
}

const dense_case neighbourhood_cases[] = {
    {"neighbourhood_smooth", smooth},
    {NULL, NULL},
};
