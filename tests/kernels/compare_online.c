/* Online training: positions of nodes and rows are such that roundings do not change winners. */
#include "compare.h"

#include <math.h>

/* Rows and nodes on a coarse lattice, moved by a rate of 1/2: every value has few binary digits. */
#define TRAIN(real, suffix, tolerance)                                                                       \
    static void train_##suffix(const fastml_dense_kernels *k, bench *b) {                                    \
        const int64_t d = 1 + below(b, 9), n = 1 + below(b, 5), side = 1 + below(b, 9);                      \
        const int64_t n_nodes = side * side, n_panels = (n_nodes + ONLINE_NODES - 1) / ONLINE_NODES;         \
        const size_t padded = (size_t)(n_panels * ONLINE_NODES);                                             \
        online_map map = {n_panels,                                                                          \
                          d,                                                                                 \
                          below(b, 2) ? (double)side : 0.0,                                                  \
                          below(b, 2) ? (double)side : 0.0,                                                  \
                          (int32_t)below(b, 4),                                                              \
                          (int32_t)below(b, 6),                                                              \
                          (int32_t)below(b, 2),                                                              \
                          (int32_t)below(b, 2)};                                                             \
        real *x = room(b, padded * sizeof *x), *y = room(b, padded * sizeof *y);                             \
        real *panels = room(b, padded * (size_t)d * sizeof *panels);                                         \
        real *rows = room(b, (size_t)(n * d) * sizeof *rows);                                                \
        for (int64_t j = 0; j < (int64_t)padded; j++) {                                                      \
            const int64_t node = j < n_nodes ? j : 0;                                                        \
            x[j] = (real)(node % side);                                                                      \
            y[j] = (real)(node / side);                                                                      \
            for (int64_t c = 0; c < d; c++)                                                                  \
                panels[(j / ONLINE_NODES * d + c) * ONLINE_NODES + j % ONLINE_NODES] =                       \
                    j < n_nodes ? (real)(below(b, 64) + 1) / 64 : panels[c * ONLINE_NODES];                  \
        }                                                                                                    \
        for (int64_t i = 0; i < n * d; i++)                                                                  \
            rows[i] = map.has_missing && i % d && below(b, 5) == 0 ? (real)NAN : (real)(below(b, 64) + 1);   \
        int64_t row[1] = {below(b, n)};                                                                      \
        double rate[1] = {0.5}, radius[1] = {0.5 * (double)(1 + below(b, 8))};                               \
        const online_steps steps = {1, row, rate, radius};                                                   \
        const double error = k->online_train_##suffix(&map, x, y, panels, rows, &steps);                     \
        keep_close(b, &error, 1, (tolerance) * 4096 * (double)d);                                            \
        keep_close_##suffix(b, panels, padded * (size_t)d, (tolerance) * 64);                                \
    }

#define keep_close_f64 keep_close
TRAIN(float, f32, 1e-6)
TRAIN(double, f64, 1e-14)

const dense_case online_cases[] = {
    {"online_train_f32", train_f32},
    {"online_train_f64", train_f64},
    {NULL, NULL},
};
