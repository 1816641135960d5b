#include <math.h>
#include <string.h>

#include "compare.h"

/* Keys that are often equal. */
static int32_t some_key(bench *b) { return (int32_t)below(b, 9) - 4; }

/* A tree of n nodes, breadth first. */
static void plant(bench *b, key_walk_node *nodes, int64_t n, int32_t slot_bits, int64_t width,
                  int64_t n_sets) {
    int64_t next = 1;
    for (int64_t p = 0; p < n; p++) {
        const int last = p == next - 1; /* somebody must have children while there are nodes left */
        const int left = next < n && (last || below(b, 2));
        const int64_t child = next;
        next += left;
        const int right = next < n && below(b, 2);
        next += right;
        uint32_t link = (uint32_t)(left || right ? child - !left : 0) << (KEY_WALK_FLAGS + slot_bits);
        const uint32_t slot = (uint32_t)below(b, width);
        link |= slot << KEY_WALK_FLAGS;
        link |= (left ? 0 : KEY_WALK_LEFT_LEAF) | (right ? 0 : KEY_WALK_RIGHT_LEAF);
        link |= below(b, 2) ? KEY_WALK_MISSING_LEFT : 0;
        nodes[p].key = some_key(b);
        if (n_sets && slot % 2) {
            link |= KEY_WALK_SET;
            nodes[p].key = (int32_t)below(b, n_sets);
        }
        nodes[p].link = link;
    }
}

static void walk(const fastml_tree_kernels *k, bench *b, int by_tree) {
    const int64_t width = 1 + below(b, 20), n_trees = 1 + below(b, 30);
    const int64_t n = by_tree ? 1 : some_rows(b, 300);
    const int64_t n_sets = below(b, 2) ? 1 + below(b, 9) : 0;
    const int32_t slot_bits = 5;
    int64_t *first = room(b, (size_t)(n_trees + 1) * sizeof *first);
    first[0] = 0;
    for (int64_t t = 0; t < n_trees; t++)
        first[t + 1] = first[t] + 1 + below(b, 200);
    key_walk_node *nodes = room(b, (size_t)first[n_trees] * sizeof *nodes);
    for (int64_t t = 0; t < n_trees; t++)
        plant(b, nodes + first[t], first[t + 1] - first[t], slot_bits, width, n_sets);
    uint8_t *sets = room(b, (size_t)n_sets * 32);
    for (int64_t i = 0; i < 32 * n_sets; i++)
        sets[i] = (uint8_t)bits64(b);
    const key_walk_pack pack = {nodes, first, n_sets ? sets : NULL, slot_bits};
    const int told = (int)below(b, 4);
    int32_t *keys = room(b, (size_t)(n * width) * sizeof *keys);
    for (int64_t i = 0; i < n; i++)
        for (int64_t f = 0; f < width; f++) {
            const float code = (float)below(b, 256);
            int32_t *key = keys + i * width + f;
            *key = some_key(b);
            if (n_sets && f % 2)
                memcpy(key, &code, sizeof code);
            else if (told & KEY_WALK_HAS_MISSING && !below(b, 8))
                *key = KEY_WALK_NAN;
        }
    const int64_t n_walks = by_tree ? n_trees : n;
    uint32_t *leaf = room(b, (size_t)n_walks * sizeof *leaf),
             *doubted = room(b, (size_t)n_walks * sizeof *leaf);
    int64_t n_doubted;
    if (by_tree)
        n_doubted = k->key_walk_trees(&pack, 0, n_trees, keys, told, leaf, doubted);
    else
        n_doubted = k->key_walk_rows(&pack, below(b, n_trees), keys, width, n, told, leaf, doubted);
    keep(b, leaf, (size_t)n_walks * sizeof *leaf);
    keep(b, doubted, (size_t)n_doubted * sizeof *doubted);
}

static void rows(const fastml_tree_kernels *k, bench *b) { walk(k, b, 0); }

static void trees(const fastml_tree_kernels *k, bench *b) { walk(k, b, 1); }

/* A number such as may be a float32, between two of them, beyond them all, zero of either sign, or none. */
static double some_number(bench *b) {
    static const double odd[] = {0.0, -0.0, 1e-300, -1e-300, 1e300, -1e300, INFINITY, -INFINITY, NAN};
    const double x = bell(b);
    const int64_t kind = below(b, 4);
    return kind == 0 ? odd[below(b, 9)] : kind == 1 ? (double)(float)x : x;
}

static void keys(const fastml_tree_kernels *k, bench *b) {
    const int64_t stride = 1 + below(b, 40), width = 1 + below(b, stride), n = some_rows(b, 100);
    const int tame = (int)below(b, 2);
    double *x = room(b, (size_t)(n * stride) * sizeof *x);
    for (int64_t i = 0; i < n * stride; i++)
        x[i] = tame ? (double)below(b, 9) : some_number(b);
    int32_t *features = room(b, (size_t)width * sizeof *features);
    for (int64_t j = 0; j < width; j++)
        features[j] = (int32_t)below(b, stride);
    int32_t *out = room(b, (size_t)(n * width) * sizeof *out);
    const int told =
        k->key_walk_keys(x, stride, below(b, 2) ? features : NULL, (int32_t)width, n, out, width);
    keep(b, out, (size_t)(n * width) * sizeof *out);
    keep(b, &told, sizeof told);
}

static void threshold(const fastml_tree_kernels *k, bench *b) {
    for (int i = 0; i < 20; i++) {
        const int32_t key = k->key_walk_threshold(some_number(b));
        keep(b, &key, sizeof key);
    }
}

const kernel_case key_walk_cases[] = {
    {"key_walk_keys", keys},
    {"key_walk_threshold", threshold},
    {"key_walk_rows", rows},
    {"key_walk_trees", trees},
    {NULL, NULL},
};
