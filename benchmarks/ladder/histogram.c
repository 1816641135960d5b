/* The histogram loop step by step; see docs/fast/histogram.md. Prints ns per row and feature of each step. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FEATURES 28
#define STRIDE 32
#define ROWS 1000000
#define AHEAD 16

typedef void step_fn(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                     void *cells);

static uint32_t *gh;             /* packed gradients in the order of the node's rows */
static float *gradient;          /* g and h of row i at 2 i: what the first step reads */
static const uint8_t *by_column; /* the codes of feature f at f * ROWS */

static int64_t cell_of(uint32_t x) {
    return (int64_t)(((uint64_t)(int64_t)((int32_t)x >> 16) << 32) + (x & 0xFFFFu));
}

/* Feature after feature, two doubles a cell: the textbook. */
static void columns_in_double(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                              void *cells) {
    (void)codes;
    for (int f = 0; f < FEATURES; f++) {
        const uint8_t *column = by_column + (int64_t)f * ROWS;
        double *own = (double *)cells + 2 * offset[f];
        for (int64_t i = 0; i < n; i++) {
            own[2 * column[rows[i]]] += gradient[2 * rows[i]];
            own[2 * column[rows[i]] + 1] += gradient[2 * rows[i] + 1];
        }
    }
}

/* Packed integers: one addition for both sums, gradients in sequence. */
static void columns_packed(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                           void *cells) {
    (void)codes;
    for (int f = 0; f < FEATURES; f++) {
        const uint8_t *column = by_column + (int64_t)f * ROWS;
        int64_t *own = (int64_t *)cells + offset[f];
        for (int64_t i = 0; i < n; i++)
            own[column[rows[i]]] += cell_of(gh[i]);
    }
}

/* A row's codes side by side: one cache line a row instead of one a row and feature. */
static void rows_packed(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                        void *cells) {
    int64_t *c = cells;
    for (int64_t i = 0; i < n; i++) {
        const uint8_t *a = codes + (int64_t)rows[i] * STRIDE;
        const int64_t x = cell_of(gh[i]);
        for (int f = 0; f < FEATURES; f++)
            c[offset[f] + a[f]] += x;
    }
}

/* The rows to come are asked for early. */
static void rows_prefetched(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                            void *cells) {
    int64_t *c = cells;
    for (int64_t i = 0; i < n; i++) {
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD < n ? i + AHEAD : n - 1] * STRIDE);
        const uint8_t *a = codes + (int64_t)rows[i] * STRIDE;
        const int64_t x = cell_of(gh[i]);
        for (int f = 0; f < FEATURES; f++)
            c[offset[f] + a[f]] += x;
    }
}

/* Two rows in flight: a feature's base is loaded once for both. */
static void two_rows(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                     void *cells) {
    int64_t *c = cells;
    for (int64_t i = 0; i + 2 <= n; i += 2) {
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD < n ? i + AHEAD : n - 1] * STRIDE);
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD + 1 < n ? i + AHEAD + 1 : n - 1] * STRIDE);
        const uint8_t *a = codes + (int64_t)rows[i] * STRIDE, *b = codes + (int64_t)rows[i + 1] * STRIDE;
        const int64_t x = cell_of(gh[i]), y = cell_of(gh[i + 1]);
        for (int f = 0; f < FEATURES; f++) {
            int64_t *own = c + offset[f];
            own[a[f]] += x;
            own[b[f]] += y;
        }
    }
}

/* Four features unrolled. */
static void four_features(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                          void *cells) {
    int64_t *c = cells;
    for (int64_t i = 0; i + 2 <= n; i += 2) {
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD < n ? i + AHEAD : n - 1] * STRIDE);
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD + 1 < n ? i + AHEAD + 1 : n - 1] * STRIDE);
        const uint8_t *a = codes + (int64_t)rows[i] * STRIDE, *b = codes + (int64_t)rows[i + 1] * STRIDE;
        const int64_t x = cell_of(gh[i]), y = cell_of(gh[i + 1]);
        for (int f = 0; f < FEATURES; f += 4) {
            int64_t *c0 = c + offset[f], *c1 = c + offset[f + 1], *c2 = c + offset[f + 2],
                    *c3 = c + offset[f + 3];
            c0[a[f]] += x;
            c1[a[f + 1]] += x;
            c2[a[f + 2]] += x;
            c3[a[f + 3]] += x;
            c0[b[f]] += y;
            c1[b[f + 1]] += y;
            c2[b[f + 2]] += y;
            c3[b[f + 3]] += y;
        }
    }
}

/* 264 cells a feature: offsets are constants in the instructions. What src_c/tree/histogram.c does. */
static void constant_offsets(const uint8_t *codes, const uint32_t *rows, const int32_t *offset, int64_t n,
                             void *cells) {
    enum { W = 264 };
    (void)offset;
    for (int64_t i = 0; i + 2 <= n; i += 2) {
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD < n ? i + AHEAD : n - 1] * STRIDE);
        __builtin_prefetch(codes + (int64_t)rows[i + AHEAD + 1 < n ? i + AHEAD + 1 : n - 1] * STRIDE);
        const uint8_t *a = codes + (int64_t)rows[i] * STRIDE, *b = codes + (int64_t)rows[i + 1] * STRIDE;
        const int64_t x = cell_of(gh[i]), y = cell_of(gh[i + 1]);
        int64_t *c = cells;
        for (int f = 0; f < FEATURES; f += 4, c += 4 * W) {
            c[a[f]] += x;
            c[W + a[f + 1]] += x;
            c[2 * W + a[f + 2]] += x;
            c[3 * W + a[f + 3]] += x;
            c[b[f]] += y;
            c[W + b[f + 1]] += y;
            c[2 * W + b[f + 2]] += y;
            c[3 * W + b[f + 3]] += y;
        }
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void) {
    static const struct {
        const char *name;
        step_fn *run;
    } steps[] = {
        {"columns, two doubles a cell", columns_in_double},
        {"columns, packed integers", columns_packed},
        {"rows, packed integers", rows_packed},
        {"rows, prefetched", rows_prefetched},
        {"two rows in flight", two_rows},
        {"four features unrolled", four_features},
        {"constant offsets, 264 cells", constant_offsets},
    };
    uint8_t *codes = malloc((size_t)ROWS * STRIDE), *columns = malloc((size_t)ROWS * FEATURES);
    uint32_t *rows = malloc(ROWS * sizeof *rows);
    int32_t offset[FEATURES];
    int64_t *cells = calloc(2 * FEATURES * 264, sizeof *cells);
    gh = malloc(ROWS * sizeof *gh);
    gradient = malloc(2 * ROWS * sizeof *gradient);
    if (!codes || !columns || !rows || !cells || !gh || !gradient)
        return 1;
    uint64_t s = 88172645463325252ull;
    for (int f = 0; f < FEATURES; f++)
        offset[f] = f * 256;
    for (int64_t i = 0; i < ROWS; i++)
        for (int f = 0; f < STRIDE; f++) {
            s ^= s << 13, s ^= s >> 7, s ^= s << 17;
            codes[i * STRIDE + f] = (uint8_t)((s >> 40) % 255);
            if (f < FEATURES)
                columns[(int64_t)f * ROWS + i] = codes[i * STRIDE + f];
        }
    by_column = columns;
    for (int64_t i = 0; i < ROWS; i++) {
        gh[i] = ((uint32_t)(i % 200) << 16) | (uint32_t)(i % 61);
        gradient[2 * i] = (float)(i % 200), gradient[2 * i + 1] = (float)(i % 61);
    }
    printf("| step | all rows | 1 in 16 | 1 in 256 |\n| --- | --- | --- | --- |\n");
    for (size_t k = 0; k < sizeof steps / sizeof *steps; k++) {
        printf("| %s |", steps[k].name);
        for (int64_t every = 1; every <= 256; every *= 16) {
            const int64_t n = ROWS / every;
            for (int64_t i = 0; i < n; i++) {
                s ^= s << 13, s ^= s >> 7, s ^= s << 17;
                rows[i] = (uint32_t)(i * every + (int64_t)(s % (uint64_t)every));
            }
            double best = 1e9;
            for (int64_t r = 0; r < 7 + every / 8; r++) {
                const double t = now();
                steps[k].run(codes, rows, offset, n, cells);
                const double took = now() - t;
                best = took < best ? took : best;
            }
            printf(" %.2f |", best * 1e9 / (double)(n * FEATURES));
        }
        printf("\n");
    }
    return 0;
}
