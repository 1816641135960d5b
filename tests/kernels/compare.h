/* The driver that feeds every kernel of the table the same pseudo-random input under each instruction set,
   and compares what comes out byte by byte with the serial body's. A case makes its input from `random`,
   calls one kernel of `k`, and keeps every byte that the contract promises. Memory from `room` is exactly as
   large as asked for, so that a build with AddressSanitizer finds a byte too many. What a kernel of the dense
   engine computes in floating point may differ by the rounding of fused operations: keep_close. */
#ifndef FASTML_TESTS_COMPARE_H
#define FASTML_TESTS_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "dispatch.h"

typedef struct bench {
    uint64_t random; /* state of the generator */
    void *rooms[64]; /* freed when the case returns */
    int n_rooms;
    unsigned char *kept; /* output so far */
    size_t n_kept, capacity;
    double *near; /* output that may differ by a tolerance: pairs (value, tolerance) */
    size_t n_near, near_capacity;
} bench;

typedef struct kernel_case {
    const char *name; /* of the table's entry */
    void (*run)(const fastml_tree_kernels *k, bench *b);
} kernel_case;

typedef struct dense_case {
    const char *name;
    void (*run)(const fastml_dense_kernels *k, bench *b);
} dense_case;

/* 64-byte aligned, filled with 0xA5, or with zeros */
void *room(bench *b, size_t bytes);
void *zeros(bench *b, size_t bytes);
void keep(bench *b, const void *bytes, size_t n);
/* Values that may differ from the serial body's by `tolerance`, absolutely; NaN equals NaN. */
void keep_close(bench *b, const double *x, size_t n, double tolerance);
void keep_close_f32(bench *b, const float *x, size_t n, double tolerance);
/* Frees the rooms: done for a case when it returns. */
void release(bench *b);

/* Draw one thing per statement: in which order the arguments of a call are drawn is up to the compiler. */
uint64_t bits64(bench *b);
int64_t below(bench *b, int64_t n); /* 0 .. n-1 */
double uniform(bench *b);           /* [0, 1) */
double bell(bench *b);              /* mean 0, variance 1, |x| <= 6 */
/* A number of rows: small ones and multiples of vector lengths as often as large ones. */
int64_t some_rows(bench *b, int64_t most);
/* n ascending row numbers below `of`, n <= of. */
uint32_t *some_row_numbers(bench *b, int64_t n, int64_t of);

/* Each ended by {NULL, NULL}. */
extern const kernel_case binning_cases[];
extern const kernel_case gradient_cases[];
extern const kernel_case histogram_cases[];
extern const kernel_case impurity_cases[];
extern const kernel_case key_walk_cases[];
extern const kernel_case partition_cases[];
extern const kernel_case quantile_cases[];
extern const kernel_case records_cases[];
extern const kernel_case row_cells_cases[];
extern const kernel_case row_weights_cases[];
extern const kernel_case shap_cases[];
extern const kernel_case single_row_cases[];
extern const kernel_case split_cases[];
extern const kernel_case traverse_cases[];
extern const kernel_case walk_cases[];

extern const dense_case digamma_cases[];
extern const dense_case forward_backward_cases[];
extern const dense_case gaussian_cases[];
extern const dense_case nearest_cases[];
extern const dense_case neighbourhood_cases[];
extern const dense_case online_cases[];
extern const dense_case topics_cases[];
extern const dense_case vmath_cases[];

#endif
