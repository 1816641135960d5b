#include "compare.h"

static uint64_t *some_mask(const fastml_tree_kernels *k, bench *b, const uint32_t *rows, int64_t first,
                           int64_t n, int64_t n_all, int64_t *n_left) {
    uint8_t *column = room(b, (size_t)n_all), *set = room(b, 32);
    const int32_t n_codes = 1 + (int32_t)below(b, 256);
    for (int64_t i = 0; i < n_all; i++)
        column[i] = (uint8_t)below(b, n_codes);
    for (int i = 0; i < 32; i++)
        set[i] = (uint8_t)bits64(b);
    const partition_rule rule = {below(b, 3) == 0 ? set : NULL, (uint8_t)(1 + below(b, 255)),
                                 (uint8_t)below(b, 2)};
    uint64_t *mask = zeros(b, (size_t)((n + 63) / 64) * sizeof *mask);
    *n_left = k->partition_mask(column, rows, first, n, &rule, mask);
    return mask;
}

static void mask(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 5000), n = below(b, n_all + 1);
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, n, n_all) : NULL;
    const int64_t first = rows ? 0 : below(b, n_all - n + 1);
    int64_t n_left;
    const uint64_t *bits = some_mask(k, b, rows, first, n, n_all, &n_left);
    keep(b, &n_left, sizeof n_left);
    keep(b, bits, (size_t)((n + 63) / 64) * sizeof *bits);
}

static void apply(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 5000), n = below(b, n_all + 1);
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, n, n_all) : NULL;
    const int64_t first = rows ? 0 : below(b, n_all - n + 1);
    int64_t n_left;
    /* the mask comes from the serial body: a wrong mask is the other case's to find */
    const uint64_t *bits = some_mask(&fastml_tree_kernels_serial, b, rows, first, n, n_all, &n_left);
    const size_t left = (size_t)n_left * sizeof(uint32_t), right = (size_t)(n - n_left) * sizeof(uint32_t);
    uint32_t *gh = room(b, (size_t)n * sizeof *gh);
    for (int64_t i = 0; i < n; i++)
        gh[i] = (uint32_t)bits64(b);
    uint32_t *rows_left = room(b, left), *gh_left = room(b, left);
    uint32_t *rows_right = room(b, right), *gh_right = room(b, right);
    k->partition_apply(rows, first, gh, n, bits, n_left, rows_left, gh_left, rows_right, gh_right);
    keep(b, rows_left, left);
    keep(b, gh_left, left);
    keep(b, rows_right, right);
    keep(b, gh_right, right);
}

const kernel_case partition_cases[] = {
    {"partition_mask", mask},
    {"partition_apply", apply},
    {NULL, NULL},
};
