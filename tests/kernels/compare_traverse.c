#include "compare.h"

enum { PLANES = 20, OUTPUTS = 3, SLOTS = 40, MOST_TREES = 30, NODES = 201, TILES = 3 };

/* of each kind in a round; steps of a round */
enum {
    MOST_RUNS = 6,
    MOST_STEPS = TRAVERSE_HEADS * (TRAVERSE_MAX_KEEP + 1) * (2 + TRAVERSE_MAX_KEEP) * MOST_RUNS
};

/* A packed forest of random trees. Those of the first part have, beside their nodes, a random program of
   steps: the two are not the same tree, as what is compared here is one form under several instruction sets.
 */
typedef struct forest {
    traverse_pack pack;
    traverse_space space;
    traverse_codes codes;
} forest;

static void some_nodes(bench *b, uint64_t *nodes) {
    uint32_t next = 1;
    for (uint32_t i = 0; i < NODES; i++) {
        const int inner = next + 2 <= NODES && (i + 1 == next || below(b, 5));
        const uint64_t child = inner ? next : i, plane = inner ? (uint64_t)below(b, PLANES) : 0;
        const uint64_t low = inner ? (uint64_t)below(b, 256) : 0,
                       width = inner ? (uint64_t)below(b, 256) : 255;
        nodes[i] = width | low << 8 | plane << 16 | child << (16 + TRAVERSE_PLANE_BITS);
        next += inner ? 2 : 0;
    }
}

/* A random round, its steps and how many they are. */
static int32_t some_steps(bench *b, traverse_round *round, traverse_step *steps, int32_t n_leaves) {
    int32_t n = 0;
    memset(round, 0, sizeof *round);
    for (int head = 0; head < TRAVERSE_HEADS; head++)
        for (int n_keep = head == TRAVERSE_HOLD; n_keep <= TRAVERSE_MAX_KEEP; n_keep++) {
            round->n[head][n_keep] = (int32_t)below(b, MOST_RUNS + 1);
            n += round->n[head][n_keep] * (traverse_head_steps(head) + n_keep);
        }
    for (int32_t i = 0; i < n; i++) {
        const uint16_t target = (uint16_t)below(b, SLOTS);
        steps[i] = (traverse_step){
            .plane = (uint32_t)below(b, PLANES),
            .target = target,
            .other = (uint16_t)((target + 1 + below(b, SLOTS - 1)) % SLOTS),
            .minus_low = (uint8_t)below(b, 256),
            .width = (uint8_t)below(b, 256),
            .inside = (uint8_t)below(b, n_leaves),
            .outside = (uint8_t)below(b, n_leaves),
        };
    }
    return n;
}

static forest some_forest(bench *b) {
    const int32_t n_trees = 1 + (int32_t)below(b, MOST_TREES), in_steps = (int32_t)below(b, n_trees + 1);
    const int32_t n_leaves = 2 + (int32_t)below(b, below(b, 2) ? 31 : TRAVERSE_MAX_LEAVES - 1);
    const size_t n_nodes = (size_t)n_trees * NODES, n_values = (size_t)(n_trees * n_leaves);
    traverse_tree *trees = room(b, (size_t)n_trees * sizeof *trees);
    traverse_step *steps = room(b, 3 * MOST_STEPS * sizeof *steps);
    traverse_round *rounds = room(b, 3 * sizeof *rounds);
    traverse_part *parts = zeros(b, 2 * sizeof *parts);
    uint64_t *nodes = room(b, n_nodes * sizeof *nodes);
    double *node_value = room(b, n_nodes * sizeof *node_value);
    double *leaf_value = zeros(b, (n_values + 32) * sizeof *leaf_value);
    int32_t *node_id = room(b, n_nodes * sizeof *node_id), *leaf_id = room(b, n_values * sizeof *leaf_id);
    for (size_t i = 0; i < n_nodes; i++) {
        node_value[i] = bell(b);
        node_id[i] = (int32_t)below(b, 1000);
    }
    for (size_t i = 0; i < n_values; i++) {
        leaf_value[i] = bell(b);
        leaf_id[i] = (int32_t)below(b, 1000);
    }
    const int one_output = below(b, 2) == 0;
    for (int32_t t = 0; t < n_trees; t++) {
        some_nodes(b, nodes + t * NODES);
        trees[t] = (traverse_tree){t * NODES, t * n_leaves, one_output ? 0 : (int32_t)below(b, OUTPUTS),
                                   n_leaves, (int32_t)below(b, SLOTS)};
    }
    int64_t n_parts = 0;
    if (in_steps) {
        parts[n_parts].n_rounds = 1 + (int32_t)below(b, 3);
        parts[n_parts].n_trees = in_steps;
        traverse_step *next = steps;
        for (int32_t r = 0; r < parts[n_parts].n_rounds; r++) {
            next += some_steps(b, &rounds[r], next, n_leaves);
        }
        n_parts++;
    }
    if (in_steps < n_trees) {
        parts[n_parts].first_tree = in_steps;
        parts[n_parts].n_trees = n_trees - in_steps;
        n_parts++;
    }
    const int64_t n_tiles = 1 + below(b, TILES), n_rows = n_tiles * TRAVERSE_ROWS - below(b, TRAVERSE_ROWS);
    uint8_t *tiles = room(b, (size_t)(n_tiles * PLANES * TRAVERSE_ROWS));
    for (int64_t i = 0; i < n_tiles * PLANES * TRAVERSE_ROWS; i++)
        tiles[i] = (uint8_t)bits64(b);
    return (forest){
        .pack = {steps, rounds, parts, trees, nodes, node_value, node_id, leaf_value, leaf_id, n_parts,
                 n_trees, OUTPUTS},
        .space = {zeros(b, SLOTS * TRAVERSE_ROWS), room(b, TRAVERSE_ROWS * sizeof(uint32_t))},
        .codes = {tiles, TRAVERSE_ROWS, PLANES * TRAVERSE_ROWS, n_rows},
    };
}

static void block(const fastml_tree_kernels *k, bench *b) {
    forest f = some_forest(b);
    const int64_t hi = 1 + below(b, f.pack.n_trees), lo = below(b, hi);
    const int64_t n_tiles = (f.codes.n_rows + TRAVERSE_ROWS - 1) / TRAVERSE_ROWS;
    double *sums = zeros(b, (size_t)(n_tiles * OUTPUTS * TRAVERSE_ROWS) * sizeof *sums);
    k->traverse_block(&f.pack, lo, hi, &f.codes, &f.space, sums);
    for (int64_t t = 0; t < n_tiles; t++)
        for (int o = 0; o < OUTPUTS; o++) {
            const int64_t left = f.codes.n_rows - t * TRAVERSE_ROWS;
            keep(b, sums + (t * OUTPUTS + o) * TRAVERSE_ROWS,
                 (size_t)(left < TRAVERSE_ROWS ? left : TRAVERSE_ROWS) * sizeof *sums);
        }
}

static void one(const fastml_tree_kernels *k, bench *b) {
    forest f = some_forest(b);
    double sums[OUTPUTS] = {0};
    k->traverse_one(&f.pack, 1 + below(b, f.pack.n_trees), f.codes.tiles, &f.space, sums);
    keep(b, sums, sizeof sums);
}

static void apply(const fastml_tree_kernels *k, bench *b) {
    forest f = some_forest(b);
    const int64_t n_trees = 1 + below(b, f.pack.n_trees);
    const size_t bytes = (size_t)(f.codes.n_rows * n_trees) * sizeof(int32_t);
    int32_t *ids = zeros(b, bytes);
    k->traverse_apply(&f.pack, n_trees, &f.codes, &f.space, ids);
    keep(b, ids, bytes);
}

static void gather(const fastml_tree_kernels *k, bench *b) {
    const int64_t n_all = 1 + some_rows(b, 2000), n_planes = 1 + below(b, PLANES);
    const int64_t most = n_all < TRAVERSE_ROWS ? n_all : TRAVERSE_ROWS, n = below(b, most + 1);
    uint8_t *columns = room(b, (size_t)(PLANES * n_all)), *tile = zeros(b, PLANES * TRAVERSE_ROWS);
    for (int64_t i = 0; i < PLANES * n_all; i++)
        columns[i] = (uint8_t)bits64(b);
    int32_t features[PLANES];
    for (int p = 0; p < PLANES; p++)
        features[p] = (int32_t)below(b, PLANES);
    const uint32_t *rows = below(b, 2) ? some_row_numbers(b, n, n_all) : NULL;
    const int64_t first = rows ? 0 : below(b, n_all - n + 1);
    k->traverse_gather(columns, n_all, features, n_planes, rows, first, (int32_t)n, tile);
    keep(b, tile, PLANES * TRAVERSE_ROWS);
}

const kernel_case traverse_cases[] = {
    {"traverse_block", block},   {"traverse_one", one}, {"traverse_apply", apply},
    {"traverse_gather", gather}, {NULL, NULL},
};
