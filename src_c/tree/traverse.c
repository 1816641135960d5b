/* Traversal of packed trees: see traverse.h. */
#include "traverse.h"

#include <string.h>

#include "../lanes.h"

/* ---- steps ---- */

/* Without vectors of its own the kernel names single bytes: of those loops a compiler makes better vectors
 * than of eight bytes in a word. */
#if LANES8 > 8
typedef lane_u8 traverse_ids;
enum { TRAVERSE_LANES = LANES8 };
#define traverse_load u8_load
#define traverse_store u8_store
#define traverse_set u8_set
#define traverse_add u8_add
#define traverse_select_ge u8_select_ge
#else
typedef uint8_t traverse_ids;
enum { TRAVERSE_LANES = 1 };
static ALWAYS_INLINE uint8_t traverse_load(const uint8_t *p) { return *p; }
static ALWAYS_INLINE void traverse_store(uint8_t *p, uint8_t a) { *p = a; }
static ALWAYS_INLINE uint8_t traverse_set(uint8_t x) { return x; }
static ALWAYS_INLINE uint8_t traverse_add(uint8_t a, uint8_t b) { return (uint8_t)(a + b); }
static ALWAYS_INLINE uint8_t traverse_select_ge(uint8_t a, uint8_t b, uint8_t yes, uint8_t no) {
    const uint8_t ge = (uint8_t)-(a >= b);
    return (uint8_t)((yes & ge) | (no & (uint8_t)~ge));
}
#endif

/* What a step needs, in registers. */
typedef struct traverse_split {
    const uint8_t *code;
    traverse_ids minus_low, width, inside;
} traverse_split;

static ALWAYS_INLINE traverse_split traverse_split_of(const traverse_step *step, const uint8_t *codes,
                                                      int64_t stride) {
    return (traverse_split){codes + step->plane * stride, traverse_set(step->minus_low),
                            traverse_set(step->width), traverse_set(step->inside)};
}

/* `yes` where the code is in the range. */
static ALWAYS_INLINE traverse_ids traverse_pick(const traverse_split *split, int j, traverse_ids yes,
                                                traverse_ids no) {
    const traverse_ids code = traverse_load(split->code + j);
    return traverse_select_ge(split->width, traverse_add(code, split->minus_low), yes, no);
}

/* n runs of one kind: what they are made of is known to the compiler, and leaf ids stay in a register from
 * the first split of a run to the last. */
static ALWAYS_INLINE const traverse_step *traverse_runs(const traverse_step *step, int32_t n,
                                                        const uint8_t *codes, int64_t stride, uint8_t *slots,
                                                        const int head, const int n_keep, const int rows) {
    const int first_keep = traverse_head_steps(head);
    for (; n > 0; n--, step += first_keep + n_keep) {
        const traverse_split a = traverse_split_of(step, codes, stride);
        const traverse_split b = traverse_split_of(step + (head == TRAVERSE_GRAFT), codes, stride);
        const traverse_ids outside = traverse_set(step->outside);
        traverse_split keep[TRAVERSE_MAX_KEEP];
        for (int k = 0; k < n_keep; k++)
            keep[k] = traverse_split_of(step + first_keep + k, codes, stride);
        const uint8_t *other = slots + (int64_t)step->other * TRAVERSE_ROWS;
        uint8_t *target = slots + (int64_t)step->target * TRAVERSE_ROWS;
        INDEPENDENT
        for (int j = 0; j < rows; j += TRAVERSE_LANES) {
            traverse_ids leaf;
            if (head == TRAVERSE_LEAVES)
                leaf = traverse_pick(&a, j, a.inside, outside);
            else
                leaf = traverse_load(target + j);
            if (head == TRAVERSE_JOIN)
                leaf = traverse_pick(&a, j, traverse_load(other + j), leaf);
            if (head == TRAVERSE_GRAFT)
                leaf = traverse_pick(&b, j, traverse_pick(&a, j, a.inside, outside), leaf);
            for (int k = 0; k < n_keep; k++)
                leaf = traverse_pick(&keep[k], j, keep[k].inside, leaf);
            traverse_store(target + j, leaf);
        }
    }
    return step;
}

static ALWAYS_INLINE void traverse_rounds(const traverse_step *step, const traverse_round *round,
                                          int32_t n_rounds, const uint8_t *codes, int64_t stride,
                                          uint8_t *slots, const int rows) {
#define TRAVERSE_RUNS(head, n_keep)                                                                          \
    step = traverse_runs(step, round->n[head][n_keep], codes, stride, slots, head, n_keep, rows);
    for (int32_t r = 0; r < n_rounds; r++, round++) {
        TRAVERSE_RUNS(TRAVERSE_LEAVES, 0)
        TRAVERSE_RUNS(TRAVERSE_LEAVES, 1)
        TRAVERSE_RUNS(TRAVERSE_LEAVES, 2)
        TRAVERSE_RUNS(TRAVERSE_LEAVES, 3)
        TRAVERSE_RUNS(TRAVERSE_JOIN, 0)
        TRAVERSE_RUNS(TRAVERSE_JOIN, 1)
        TRAVERSE_RUNS(TRAVERSE_JOIN, 2)
        TRAVERSE_RUNS(TRAVERSE_JOIN, 3)
        TRAVERSE_RUNS(TRAVERSE_GRAFT, 0)
        TRAVERSE_RUNS(TRAVERSE_GRAFT, 1)
        TRAVERSE_RUNS(TRAVERSE_GRAFT, 2)
        TRAVERSE_RUNS(TRAVERSE_GRAFT, 3)
        TRAVERSE_RUNS(TRAVERSE_HOLD, 3)
        TRAVERSE_RUNS(TRAVERSE_HOLD, 2)
        TRAVERSE_RUNS(TRAVERSE_HOLD, 1)
    }
#undef TRAVERSE_RUNS
}

/* The loops have a fixed length, of which there are three: what is left of a batch costs little more than its
 * share. */
static void FN(traverse_steps)(const traverse_pack *pack, const traverse_part *part, const uint8_t *codes,
                               int64_t stride, int32_t n_rows, uint8_t *slots) {
    const traverse_step *steps = pack->steps + part->first_step;
    const traverse_round *rounds = pack->rounds + part->first_round;
    for (int32_t lo = 0; lo < n_rows;) {
        const int32_t left = n_rows - lo;
        if (left > 7 * TRAVERSE_GROUP) {
            traverse_rounds(steps, rounds, part->n_rounds, codes + lo, stride, slots + lo,
                            8 * TRAVERSE_GROUP);
            lo += 8 * TRAVERSE_GROUP;
        } else if (left > TRAVERSE_GROUP) {
            traverse_rounds(steps, rounds, part->n_rounds, codes + lo, stride, slots + lo,
                            2 * TRAVERSE_GROUP);
            lo += 2 * TRAVERSE_GROUP;
        } else {
            traverse_rounds(steps, rounds, part->n_rounds, codes + lo, stride, slots + lo, TRAVERSE_GROUP);
            lo += TRAVERSE_GROUP;
        }
    }
}

/* ---- nodes ---- */

static ALWAYS_INLINE uint32_t traverse_next(uint64_t node, uint8_t code) {
    return (uint32_t)(node >> 36) + ((uint8_t)(code - (uint8_t)(node >> 8)) > (uint8_t)node);
}

/* Offset of the node's plane in a tile: plane * TRAVERSE_ROWS. */
static ALWAYS_INLINE uint32_t traverse_offset(uint64_t node) {
    return (uint32_t)(node >> (16 - TRAVERSE_ROW_BITS)) & (((1u << TRAVERSE_PLANE_BITS) - 1) * TRAVERSE_ROWS);
}

/* `lanes` walks wait for their loads together: of as many rows down one tree, or of one row down as many
   trees (root and row move by 0 or 1 from lane to lane). */
static ALWAYS_INLINE void traverse_lanes(const uint64_t *const *root, const uint8_t *code, int row_step,
                                         const int lanes, uint32_t *leaf) {
    uint32_t at[16] = {0};
    uint32_t moved;
    do {
        moved = 0;
        for (int j = 0; j < lanes; j++) {
            const uint64_t node = root[j][at[j]];
            at[j] = traverse_next(node, code[traverse_offset(node) + j * row_step]);
        }
        for (int j = 0; j < lanes; j++) {
            const uint64_t node = root[j][at[j]];
            const uint32_t next = traverse_next(node, code[traverse_offset(node) + j * row_step]);
            moved |= next ^ at[j];
            at[j] = next;
        }
    } while (moved);
    for (int j = 0; j < lanes; j++)
        leaf[j] = at[j];
}

/* Leaf (index of a node) of each of n_rows rows in one tree. */
static void FN(traverse_walk)(const uint64_t *nodes, const uint8_t *codes, int32_t n_rows, uint32_t *leaf) {
    const uint64_t *root[12];
    int32_t i = 0;
    for (int j = 0; j < 12; j++)
        root[j] = nodes;
    for (; i + 12 <= n_rows; i += 12)
        traverse_lanes(root, codes + i, 1, 12, leaf + i);
    for (; i + 4 <= n_rows; i += 4)
        traverse_lanes(root, codes + i, 1, 4, leaf + i);
    for (; i < n_rows; i++)
        traverse_lanes(root, codes + i, 1, 1, leaf + i);
}

/* Leaf of one row in each of n_trees trees. */
static void FN(traverse_trees)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes,
                               uint32_t *leaf) {
    int64_t t = 0;
    while (t < n_trees) {
        const uint64_t *root[8];
        const int lanes = n_trees - t < 8 ? (int)(n_trees - t) : 8;
        for (int j = 0; j < lanes; j++)
            root[j] = pack->nodes + pack->trees[t + j].first_node;
        if (lanes == 8)
            traverse_lanes(root, codes, 0, 8, leaf + t);
        else
            for (int j = 0; j < lanes; j++)
                traverse_lanes(root + j, codes, 0, 1, leaf + t + j);
        t += lanes;
    }
}

/* ---- leaf values ---- */

#if defined(FASTML_AVX512)
enum { TRAVERSE_FEW_LEAVES = 32 };

/* Values of the leaves of 8 rows, which are looked up in one, two or four registers. */
static ALWAYS_INLINE __m512d traverse_values(const __m512d *value, const int registers, const uint8_t *id) {
    const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)id));
    if (registers == 1)
        return _mm512_permutexvar_pd(at, value[0]);
    const __m512d low = _mm512_permutex2var_pd(value[0], at, value[1]);
    if (registers == 2)
        return low;
    const __m512d high = _mm512_permutex2var_pd(value[2], at, value[3]);
    return _mm512_mask_blend_pd(_mm512_test_epi64_mask(at, _mm512_set1_epi64(16)), low, high);
}

/* Some trees of one output to one load and store of the sum, added in their order. */
static ALWAYS_INLINE void traverse_add_together(const traverse_pack *pack, const traverse_tree *tree,
                                                const uint8_t *slots, int32_t n_rows, double *sum,
                                                const int n_trees, const int registers) {
    const uint8_t *id[4];
    __m512d value[4][4];
    for (int t = 0; t < n_trees; t++) {
        id[t] = slots + (int64_t)tree[t].slot * TRAVERSE_ROWS;
        for (int v = 0; v < registers; v++)
            value[t][v] = _mm512_loadu_pd(pack->leaf_value + tree[t].first_leaf + 8 * v);
    }
    for (int32_t j = 0; j < n_rows; j += 8) {
        __m512d total = _mm512_loadu_pd(sum + j);
        for (int t = 0; t < n_trees; t++)
            total = _mm512_add_pd(total, traverse_values(value[t], registers, id[t] + j));
        _mm512_storeu_pd(sum + j, total);
    }
}

static void traverse_add_few(const traverse_pack *pack, const traverse_tree *tree, const uint8_t *slots,
                             int32_t n_rows, double *sum, int four, int32_t n_leaves) {
#define TRAVERSE_ADD(n, registers) traverse_add_together(pack, tree, slots, n_rows, sum, n, registers)
    if (n_leaves <= 8)
        four ? TRAVERSE_ADD(4, 1) : TRAVERSE_ADD(1, 1);
    else if (n_leaves <= 16)
        four ? TRAVERSE_ADD(4, 2) : TRAVERSE_ADD(1, 2);
    else
        four ? TRAVERSE_ADD(4, 4) : TRAVERSE_ADD(1, 4);
#undef TRAVERSE_ADD
}
#elif defined(FASTML_AVX2)
enum { TRAVERSE_FEW_LEAVES = 8 };

/* As for AVX-512, but a permutation has lanes of 32 bits: halves of the values are looked up one after the
 * other. More than eight leaves would take as long as one load a row. */
static ALWAYS_INLINE void traverse_add_together(const traverse_pack *pack, const traverse_tree *tree,
                                                const uint8_t *slots, int32_t n_rows, double *sum,
                                                const int n_trees) {
    /* halves put together again in each 128 bits: rows 0, 1, 4, 5 and 2, 3, 6, 7 */
    const __m256i order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
    const uint8_t *id[4];
    __m256i low[4], high[4];
    for (int t = 0; t < n_trees; t++) {
        const float *value = (const float *)(pack->leaf_value + tree[t].first_leaf);
        const __m256 a = _mm256_loadu_ps(value), b = _mm256_loadu_ps(value + 8);
        low[t] = _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0x88)), 0xD8);
        high[t] = _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(a, b, 0xDD)), 0xD8);
        id[t] = slots + (int64_t)tree[t].slot * TRAVERSE_ROWS;
    }
    for (int32_t j = 0; j < n_rows; j += 8) {
        __m256d first = _mm256_loadu_pd(sum + j), second = _mm256_loadu_pd(sum + j + 4);
        for (int t = 0; t < n_trees; t++) {
            const __m256i bytes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(id[t] + j)));
            const __m256i at = _mm256_permutevar8x32_epi32(bytes, order);
            const __m256i x = _mm256_permutevar8x32_epi32(low[t], at);
            const __m256i y = _mm256_permutevar8x32_epi32(high[t], at);
            first = _mm256_add_pd(first, _mm256_castsi256_pd(_mm256_unpacklo_epi32(x, y)));
            second = _mm256_add_pd(second, _mm256_castsi256_pd(_mm256_unpackhi_epi32(x, y)));
        }
        _mm256_storeu_pd(sum + j, first);
        _mm256_storeu_pd(sum + j + 4, second);
    }
}

static void traverse_add_few(const traverse_pack *pack, const traverse_tree *tree, const uint8_t *slots,
                             int32_t n_rows, double *sum, int four, int32_t n_leaves) {
    (void)n_leaves;
    four ? traverse_add_together(pack, tree, slots, n_rows, sum, 4)
         : traverse_add_together(pack, tree, slots, n_rows, sum, 1);
}
#endif

/* sum[output][row] += value of the leaf, trees in order. Rows beyond n_rows, up to a whole group, may be
 * written. */
static void FN(traverse_add_steps)(const traverse_pack *pack, const traverse_tree *trees, int32_t n_trees,
                                   const uint8_t *slots, int32_t n_rows, double *sums) {
    const int32_t rows = (n_rows + 7) & ~7;
    for (int32_t t = 0, n; t < n_trees; t += n) {
        const traverse_tree *tree = trees + t;
        double *restrict sum = sums + (int64_t)tree->output * TRAVERSE_ROWS;
        int four = t + 3 < n_trees;
        int32_t most = tree->n_leaves;
        for (int k = 1; four && k < 4; k++) {
            four = tree[k].output == tree->output;
            most = most > tree[k].n_leaves ? most : tree[k].n_leaves;
        }
        n = four ? 4 : 1;
        most = four ? most : tree->n_leaves;
#if defined(FASTML_AVX512) || defined(FASTML_AVX2)
        if (most <= TRAVERSE_FEW_LEAVES) {
            traverse_add_few(pack, tree, slots, rows, sum, four, most);
            continue;
        }
#endif
        const uint8_t *id0 = slots + (int64_t)tree->slot * TRAVERSE_ROWS;
        const double *v0 = pack->leaf_value + tree->first_leaf;
        if (four) {
            const uint8_t *id1 = slots + (int64_t)tree[1].slot * TRAVERSE_ROWS;
            const uint8_t *id2 = slots + (int64_t)tree[2].slot * TRAVERSE_ROWS;
            const uint8_t *id3 = slots + (int64_t)tree[3].slot * TRAVERSE_ROWS;
            const double *v1 = pack->leaf_value + tree[1].first_leaf;
            const double *v2 = pack->leaf_value + tree[2].first_leaf;
            const double *v3 = pack->leaf_value + tree[3].first_leaf;
            for (int32_t j = 0; j < rows; j++)
                sum[j] = (((sum[j] + v0[id0[j]]) + v1[id1[j]]) + v2[id2[j]]) + v3[id3[j]];
        } else {
            for (int32_t j = 0; j < rows; j++)
                sum[j] += v0[id0[j]];
        }
    }
}

static ALWAYS_INLINE int32_t traverse_tile_rows(const traverse_codes *codes, int64_t tile) {
    const int64_t left = codes->n_rows - tile * TRAVERSE_ROWS;
    return left < TRAVERSE_ROWS ? (int32_t)left : TRAVERSE_ROWS;
}

/* ---- a block of rows through trees [lo_tree, hi_tree) ----

   sums is (n_tiles, n_outputs, TRAVERSE_ROWS) and holds what the trees are added to; of the last tile, rows
   up to the next multiple of 8 may be written. */
void FN(traverse_block)(const traverse_pack *pack, int64_t lo_tree, int64_t hi_tree,
                        const traverse_codes *codes, const traverse_space *space, double *sums) {
    const int64_t n_tiles = (codes->n_rows + TRAVERSE_ROWS - 1) / TRAVERSE_ROWS;
    const int64_t sums_step = (int64_t)pack->n_outputs * TRAVERSE_ROWS;
    for (int64_t p = 0; p < pack->n_parts; p++) {
        const traverse_part *part = pack->parts + p;
        const int64_t lo = part->first_tree > lo_tree ? part->first_tree : lo_tree;
        const int64_t end = part->first_tree + part->n_trees;
        const int64_t hi = end < hi_tree ? end : hi_tree;
        if (hi <= lo)
            continue;
        if (part->n_rounds) {
            for (int64_t k = 0; k < n_tiles; k++) {
                const int32_t rows = traverse_tile_rows(codes, k);
                FN(traverse_steps)(pack, part, codes->tiles + k * codes->tile_step, codes->stride, rows,
                                   space->slots);
                FN(traverse_add_steps)(pack, pack->trees + lo, (int32_t)(hi - lo), space->slots, rows,
                                       sums + k * sums_step);
            }
            continue;
        }
        for (int64_t t = lo; t < hi; t++) {
            const traverse_tree *tree = pack->trees + t;
            const double *value = pack->node_value + tree->first_node;
            for (int64_t k = 0; k < n_tiles; k++) {
                const int32_t rows = traverse_tile_rows(codes, k);
                double *restrict sum = sums + k * sums_step + (int64_t)tree->output * TRAVERSE_ROWS;
                FN(traverse_walk)(pack->nodes + tree->first_node, codes->tiles + k * codes->tile_step, rows,
                                  space->leaf);
                for (int32_t j = 0; j < rows; j++)
                    sum[j] += value[space->leaf[j]];
            }
        }
    }
}

/* One row of a tile (codes TRAVERSE_ROWS apart) through trees [0, n_trees); sums is (n_outputs,). */
void FN(traverse_one)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes,
                      const traverse_space *space, double *sums) {
    FN(traverse_trees)(pack, n_trees, codes, space->leaf);
    for (int64_t t = 0; t < n_trees; t++) {
        const traverse_tree *tree = pack->trees + t;
        sums[tree->output] += pack->node_value[tree->first_node + space->leaf[t]];
    }
}

/* ids[row * n_trees + tree]: number of the leaf inside its tree, for trees [0, n_trees). */
void FN(traverse_apply)(const traverse_pack *pack, int64_t n_trees, const traverse_codes *codes,
                        const traverse_space *space, int32_t *ids) {
    const int64_t n_tiles = (codes->n_rows + TRAVERSE_ROWS - 1) / TRAVERSE_ROWS;
    for (int64_t p = 0; p < pack->n_parts; p++) {
        const traverse_part *part = pack->parts + p;
        const int64_t end = part->first_tree + part->n_trees;
        for (int64_t k = 0; k < n_tiles && part->n_rounds; k++) {
            const int32_t rows = traverse_tile_rows(codes, k);
            FN(traverse_steps)(pack, part, codes->tiles + k * codes->tile_step, codes->stride, rows,
                               space->slots);
            for (int64_t t = part->first_tree; t < end && t < n_trees; t++) {
                const uint8_t *leaf = space->slots + (int64_t)pack->trees[t].slot * TRAVERSE_ROWS;
                const int32_t *id = pack->leaf_id + pack->trees[t].first_leaf;
                for (int32_t j = 0; j < rows; j++)
                    ids[(k * TRAVERSE_ROWS + j) * n_trees + t] = id[leaf[j]];
            }
        }
        for (int64_t t = part->first_tree; t < end && t < n_trees && !part->n_rounds; t++) {
            const int32_t *id = pack->node_id + pack->trees[t].first_node;
            for (int64_t k = 0; k < n_tiles; k++) {
                const int32_t rows = traverse_tile_rows(codes, k);
                FN(traverse_walk)(pack->nodes + pack->trees[t].first_node,
                                  codes->tiles + k * codes->tile_step, rows, space->leaf);
                for (int32_t j = 0; j < rows; j++)
                    ids[(k * TRAVERSE_ROWS + j) * n_trees + t] = id[space->leaf[j]];
            }
        }
    }
}

/* Codes of n_rows (at most TRAVERSE_ROWS) rows of a column-major matrix to a tile: rows[0], rows[1], ... or,
   when rows is NULL, first, first + 1, ... */
void FN(traverse_gather)(const uint8_t *columns, int64_t column_stride, const int32_t *features,
                         int64_t n_planes, const uint32_t *rows, int64_t first, int32_t n_rows,
                         uint8_t *tile) {
    for (int64_t p = 0; p < n_planes; p++) {
        const uint8_t *column = columns + features[p] * column_stride;
        uint8_t *plane = tile + p * TRAVERSE_ROWS;
        if (rows)
            for (int32_t i = 0; i < n_rows; i++)
                plane[i] = column[rows[i]];
        else
            memcpy(plane, column + first, (size_t)n_rows);
    }
}

/* ---- what the forms cost on this instruction set, for the choice between them ----

   Nanoseconds on one core at 3.7 GHz (Zen 5), measured; only speed depends on them. */
double FN(traverse_step_ns)(void) {
#if defined(FASTML_AVX512)
    return 0.006;
#elif defined(FASTML_AVX2)
    return 0.011;
#else
    return 0.030;
#endif
}

/* A level of one row's walk in a block, in a tree of n_nodes: more once the nodes do not fit the caches. */
double FN(traverse_level_ns)(int64_t n_nodes) {
    return n_nodes < 16384 ? 0.85 : n_nodes < 65536 ? 1.2 : n_nodes < 524288 ? 2.5 : 8.0;
}
