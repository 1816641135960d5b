/* for posix_memalign under -std=c11 */
#define _POSIX_C_SOURCE 200809L

/* compare --list | compare [ROUNDS]: see compare.h. Exit 1 if any instruction set's bytes differ. */
#include "compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const kernel_case *const all_cases[] = {
    binning_cases,   gradient_cases,    histogram_cases, impurity_cases,
    key_walk_cases,  partition_cases,   quantile_cases,  records_cases,
    row_cells_cases, row_weights_cases, shap_cases,      single_row_cases,
    split_cases,     traverse_cases,    walk_cases,      NULL,
};

static const dense_case *const all_dense_cases[] = {
    digamma_cases, forward_backward_cases, gaussian_cases, nearest_cases, neighbourhood_cases,
    online_cases,  topics_cases,           vmath_cases,    NULL,
};

void *room(bench *b, size_t bytes) {
    if (b->n_rooms == (int)(sizeof b->rooms / sizeof *b->rooms)) {
        fprintf(stderr, "a case asks for too many rooms\n");
        exit(2);
    }
    void **p = &b->rooms[b->n_rooms++];
    if (posix_memalign(p, 64, bytes ? bytes : 1)) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    return memset(*p, 0xA5, bytes);
}

void *zeros(bench *b, size_t bytes) { return memset(room(b, bytes), 0, bytes); }

void keep(bench *b, const void *bytes, size_t n) {
    while (b->n_kept + n > b->capacity) {
        b->capacity = b->capacity ? 2 * b->capacity : 1 << 16;
        b->kept = realloc(b->kept, b->capacity);
        if (!b->kept)
            exit(2);
    }
    if (n) /* nothing may have been allocated */
        memcpy(b->kept + b->n_kept, bytes, n);
    b->n_kept += n;
}

static void keep_one(bench *b, double x, double tolerance) {
    if (b->n_near + 2 > b->near_capacity) {
        b->near_capacity = b->near_capacity ? 2 * b->near_capacity : 1 << 12;
        b->near = realloc(b->near, b->near_capacity * sizeof *b->near);
        if (!b->near)
            exit(2);
    }
    b->near[b->n_near++] = x;
    b->near[b->n_near++] = tolerance;
}

void keep_close(bench *b, const double *x, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        keep_one(b, x[i], tolerance);
}

void keep_close_f32(bench *b, const float *x, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        keep_one(b, x[i], tolerance);
}

/* splitmix64 (Steele, Lea, Flood 2014) */
uint64_t bits64(bench *b) {
    uint64_t z = b->random += 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

int64_t below(bench *b, int64_t n) { return (int64_t)(bits64(b) % (uint64_t)n); }
double uniform(bench *b) { return (double)(bits64(b) >> 11) * 0x1p-53; }

double bell(bench *b) {
    double sum = -6.0;
    for (int i = 0; i < 12; i++)
        sum += uniform(b);
    return sum;
}

int64_t some_rows(bench *b, int64_t most) {
    switch (below(b, 4)) {
    case 0:
        return below(b, most < 40 ? most : 40);
    case 1:
        return 64 * below(b, most / 64 + 1);
    default:
        return below(b, most + 1);
    }
}

uint32_t *some_row_numbers(bench *b, int64_t n, int64_t of) {
    uint32_t *rows = room(b, (size_t)n * sizeof *rows);
    /* selection sampling (Knuth 3.4.2, algorithm S) */
    for (int64_t row = 0, taken = 0; taken < n; row++)
        if (below(b, of - row) < n - taken)
            rows[taken++] = (uint32_t)row;
    return rows;
}

void release(bench *b) {
    for (int i = 0; i < b->n_rooms; i++)
        free(b->rooms[i]);
    b->n_rooms = 0;
}

/* A case of either engine. */
typedef struct any_case {
    const char *name;
    const kernel_case *tree;
    const dense_case *dense;
} any_case;

static void run(const any_case *one, const fastml_kernels *tables, uint64_t seed, bench *b) {
    b->random = seed * 0x9E3779B97F4A7C15ull;
    b->n_kept = b->n_near = 0;
    if (one->tree)
        one->tree->run(tables->tree, b);
    else
        one->dense->run(tables->dense, b);
    release(b);
}

/* FNV-1a over the output of all rounds: equal on two machines means equal bytes. */
static uint64_t checksum(uint64_t sum, const bench *b) {
    for (size_t i = 0; i < b->n_kept; i++)
        sum = (sum ^ b->kept[i]) * 0x100000001B3ull;
    return sum;
}

static int same(const bench *a, const bench *b) {
    return a->n_kept == b->n_kept && (a->n_kept == 0 || memcmp(a->kept, b->kept, a->n_kept) == 0);
}

static int close_enough(const bench *a, const bench *b) {
    if (a->n_near != b->n_near)
        return 0;
    for (size_t i = 0; i < a->n_near; i += 2) {
        const double x = a->near[i], y = b->near[i];
        if (x != y && !(isnan(x) && isnan(y)) && !(fabs(x - y) <= a->near[i + 1])) {
            printf("value %zu: %.17g, serial %.17g, tolerance %g\n", i / 2, y, x, a->near[i + 1]);
            return 0;
        }
    }
    return 1;
}

/* Whether the tables give the serial body's output in every round; says where the first difference is. The
   serial tables are compared with themselves, which finds output that was never written. */
static int agrees(const any_case *one, const fastml_kernels *tables, int rounds, uint64_t *sum) {
    bench expected = {0}, got = {0};
    fastml_status status;
    const fastml_kernels *serial = fastml_find_kernels("serial", &status);
    int agree = 1;
    *sum = 0xCBF29CE484222325ull;
    for (int seed = 1; agree && seed <= rounds; seed++) {
        run(one, serial, (uint64_t)seed, &expected);
        run(one, tables, (uint64_t)seed, &got);
        *sum = checksum(*sum, &expected);
        agree = same(&expected, &got) && close_enough(&expected, &got);
        if (!agree) {
            size_t i = 0;
            while (i < expected.n_kept && i < got.n_kept && expected.kept[i] == got.kept[i])
                i++;
            printf("%s %s DIFFERS: round %d, byte %zu of %zu\n", one->name, tables->name, seed, i,
                   got.n_kept);
        }
    }
    if (got.capacity + got.near_capacity == 0) {
        printf("%s %s: no output at all\n", one->name, tables->name);
        agree = 0;
    }
    free(expected.kept);
    free(expected.near);
    free(got.kept);
    free(got.near);
    return agree;
}

/* One line: the kernel, the checksum of its bytes, and the instruction sets that agree on them. */
static int compare(const any_case *one, int rounds) {
    char names[80] = "";
    uint64_t sum = 0;
    int bad = 0;
    for (const char *const *name = fastml_isa_names; *name; name++) {
        fastml_status status;
        const fastml_kernels *tables = fastml_find_kernels(*name, &status);
        if (tables && agrees(one, tables, rounds, &sum))
            strcat(strcat(names, " "), *name);
        else
            bad += tables != NULL;
    }
    printf("%-28s %016llx%s\n", one->name, (unsigned long long)sum, names);
    return bad;
}

int main(int argc, char **argv) {
    const int list = argc > 1 && strcmp(argv[1], "--list") == 0;
    const int rounds = argc > 1 && !list ? atoi(argv[1]) : 200;
    int bad = 0;
    any_case cases[256];
    size_t n = 0;
    for (const kernel_case *const *stem = all_cases; *stem; stem++)
        for (const kernel_case *one = *stem; one->name; one++)
            cases[n++] = (any_case){one->name, one, NULL};
    for (const dense_case *const *stem = all_dense_cases; *stem; stem++)
        for (const dense_case *one = *stem; one->name; one++)
            cases[n++] = (any_case){one->name, NULL, one};
    for (size_t i = 0; i < n; i++)
        if (list)
            printf("%s\n", cases[i].name);
        else
            bad += compare(&cases[i], rounds);
    return bad != 0;
}
