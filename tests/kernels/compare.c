/* for posix_memalign under -std=c11 */
#define _POSIX_C_SOURCE 200809L

/* compare --list | compare [ROUNDS]: see compare.h. Exit 1 if any instruction set's bytes differ. */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch.h"

static const kernel_case *const all_cases[] = {
    binning_cases,  gradient_cases, histogram_cases, impurity_cases, partition_cases,
    quantile_cases, records_cases,  split_cases,     traverse_cases, walk_cases,
    NULL,
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
    memcpy(b->kept + b->n_kept, bytes, n);
    b->n_kept += n;
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

static void run(const kernel_case *one, const fastml_kernels *table, uint64_t seed, bench *b) {
    b->random = seed * 0x9E3779B97F4A7C15ull;
    b->n_kept = 0;
    one->run(table, b);
    release(b);
}

/* FNV-1a over the output of all rounds: equal on two machines means equal bytes. */
static uint64_t checksum(uint64_t sum, const bench *b) {
    for (size_t i = 0; i < b->n_kept; i++)
        sum = (sum ^ b->kept[i]) * 0x100000001B3ull;
    return sum;
}

static int same(const bench *a, const bench *b) {
    return a->n_kept == b->n_kept && memcmp(a->kept, b->kept, a->n_kept) == 0;
}

/* Whether the table gives the serial body's bytes in every round; says where the first difference is. The
   serial table is compared with itself, which finds output that was never written. */
static int agrees(const kernel_case *one, const fastml_kernels *table, int rounds, uint64_t *sum) {
    bench expected = {0}, got = {0};
    int agree = 1;
    *sum = 0xCBF29CE484222325ull;
    for (int seed = 1; agree && seed <= rounds; seed++) {
        run(one, &fastml_kernels_serial, (uint64_t)seed, &expected);
        run(one, table, (uint64_t)seed, &got);
        *sum = checksum(*sum, &expected);
        agree = same(&expected, &got);
        if (!agree) {
            size_t i = 0;
            while (i < expected.n_kept && i < got.n_kept && expected.kept[i] == got.kept[i])
                i++;
            printf("%s %s DIFFERS: round %d, byte %zu of %zu\n", one->name, table->name, seed, i, got.n_kept);
        }
    }
    if (got.capacity == 0) {
        printf("%s %s: no output at all\n", one->name, table->name);
        agree = 0;
    }
    free(expected.kept);
    free(got.kept);
    return agree;
}

/* One line: the kernel, the checksum of its bytes, and the instruction sets that agree on them. */
static int compare(const kernel_case *one, int rounds) {
    char names[80] = "";
    uint64_t sum = 0;
    int bad = 0;
    for (const char *const *name = fastml_isa_names; *name; name++) {
        fastml_status status;
        const fastml_kernels *table = fastml_find_kernels(*name, &status);
        if (table && agrees(one, table, rounds, &sum))
            strcat(strcat(names, " "), *name);
        else
            bad += table != NULL;
    }
    printf("%-28s %016llx%s\n", one->name, (unsigned long long)sum, names);
    return bad;
}

int main(int argc, char **argv) {
    const int list = argc > 1 && strcmp(argv[1], "--list") == 0;
    const int rounds = argc > 1 && !list ? atoi(argv[1]) : 200;
    int bad = 0;
    for (const kernel_case *const *stem = all_cases; *stem; stem++)
        for (const kernel_case *one = *stem; one->name; one++)
            if (list)
                printf("%s\n", one->name);
            else
                bad += compare(one, rounds);
    return bad != 0;
}
