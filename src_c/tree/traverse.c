/* Traversal of packed trees: see traverse.h. */
#include "traverse.h"

#include <string.h>

#include "../simd.h"

#if defined(FASTML_AVX512)
#include <immintrin.h>
#endif

/* ---- steps ---- */

/* All ones where the code is in the range. Written as a mask and two ands so that every compiler sees that no
   operand is loaded conditionally. */
#define TRAVERSE_IN(code, step) ((uint8_t)-((uint8_t)((code) - (step).low) <= (step).width))
#define TRAVERSE_PICK(in, yes, no) ((uint8_t)(((yes) & (in)) | ((no) & (uint8_t)~(in))))

static ALWAYS_INLINE void traverse_steps(const traverse_step *restrict steps, const traverse_round *restrict rounds,
                                         int32_t n_rounds, const uint8_t *codes, int64_t stride, uint8_t *slots,
                                         const int rows) {
    for (int32_t r = 0; r < n_rounds; r++) {
        const traverse_round round = rounds[r];
        for (int32_t k = 0; k < round.n_leaves; k++) {
            const traverse_step s = *steps++;
            const uint8_t *restrict code = codes + s.plane * stride;
            uint8_t *restrict target = slots + (int64_t)s.target * TRAVERSE_ROWS;
            for (int j = 0; j < rows; j++) {
                const uint8_t in = TRAVERSE_IN(code[j], s);
                target[j] = TRAVERSE_PICK(in, s.inside, s.outside);
            }
        }
        for (int32_t k = 0; k < round.n_keep; k++) {
            const traverse_step s = *steps++;
            const uint8_t *restrict code = codes + s.plane * stride;
            uint8_t *restrict target = slots + (int64_t)s.target * TRAVERSE_ROWS;
            for (int j = 0; j < rows; j++) {
                const uint8_t in = TRAVERSE_IN(code[j], s);
                target[j] = TRAVERSE_PICK(in, s.inside, target[j]);
            }
        }
        for (int32_t k = 0; k < round.n_join; k++) {
            const traverse_step s = *steps++;
            const uint8_t *restrict code = codes + s.plane * stride;
            const uint8_t *restrict other = slots + (int64_t)s.other * TRAVERSE_ROWS;
            uint8_t *restrict target = slots + (int64_t)s.target * TRAVERSE_ROWS;
            for (int j = 0; j < rows; j++) {
                const uint8_t in = TRAVERSE_IN(code[j], s);
                target[j] = TRAVERSE_PICK(in, other[j], target[j]);
            }
        }
    }
}

/* A full block has its own copy of the loops, with a fixed length; what is left of a batch goes in groups. */
static void FN(traverse_part_steps)(const traverse_pack *pack, const traverse_part *part, const uint8_t *codes,
                                    int64_t stride, int32_t n_rows, uint8_t *slots) {
    const traverse_step *steps = pack->steps + part->first_step;
    const traverse_round *rounds = pack->rounds + part->first_round;
    if (n_rows > TRAVERSE_ROWS - TRAVERSE_GROUP) {
        traverse_steps(steps, rounds, part->n_rounds, codes, stride, slots, TRAVERSE_ROWS);
        return;
    }
    for (int32_t lo = 0; lo < n_rows; lo += TRAVERSE_GROUP)
        traverse_steps(steps, rounds, part->n_rounds, codes + lo, stride, slots + lo, TRAVERSE_GROUP);
}

/* ---- nodes ---- */

static ALWAYS_INLINE uint32_t traverse_next(uint64_t node, uint8_t code) {
    const uint32_t child = (uint32_t)node & ((1u << TRAVERSE_CHILD_BITS) - 1);
    return child + ((uint8_t)(code - (uint8_t)(node >> 48)) > (uint8_t)(node >> 56));
}

static ALWAYS_INLINE uint32_t traverse_plane(uint64_t node) {
    return (uint32_t)(node >> TRAVERSE_CHILD_BITS) & ((1u << TRAVERSE_PLANE_BITS) - 1);
}

enum { TRAVERSE_LOCKSTEP = 8 };

/* Leaf (index of a node) of each of n_rows rows in one tree: 8 rows wait for their loads together. */
static void FN(traverse_walk)(const uint64_t *nodes, const uint8_t *codes, int64_t stride, int32_t n_rows,
                              uint32_t *leaf) {
    int32_t i = 0;
    for (; i + TRAVERSE_LOCKSTEP <= n_rows; i += TRAVERSE_LOCKSTEP) {
        const uint8_t *code = codes + i;
        uint32_t at[TRAVERSE_LOCKSTEP] = {0};
        uint32_t moved;
        do {
            moved = 0;
            for (int j = 0; j < TRAVERSE_LOCKSTEP; j++) {
                const uint64_t node = nodes[at[j]];
                at[j] = traverse_next(node, code[traverse_plane(node) * stride + j]);
            }
            for (int j = 0; j < TRAVERSE_LOCKSTEP; j++) {
                const uint64_t node = nodes[at[j]];
                const uint32_t next = traverse_next(node, code[traverse_plane(node) * stride + j]);
                moved |= next ^ at[j];
                at[j] = next;
            }
        } while (moved);
        memcpy(leaf + i, at, sizeof at);
    }
    for (; i < n_rows; i++) {
        uint32_t at = 0, last;
        do {
            const uint64_t node = nodes[at];
            last = at;
            at = traverse_next(node, codes[traverse_plane(node) * stride + i]);
        } while (at != last);
        leaf[i] = at;
    }
}

/* Leaf of one row in each of n_trees trees: 8 trees wait together. */
static void FN(traverse_row)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes, int64_t stride,
                             uint32_t *leaf) {
    int64_t t = 0;
    for (; t + TRAVERSE_LOCKSTEP <= n_trees; t += TRAVERSE_LOCKSTEP) {
        const uint64_t *root[TRAVERSE_LOCKSTEP];
        uint32_t at[TRAVERSE_LOCKSTEP] = {0};
        uint32_t moved;
        for (int j = 0; j < TRAVERSE_LOCKSTEP; j++)
            root[j] = pack->nodes + pack->trees[t + j].first_node;
        do {
            moved = 0;
            for (int j = 0; j < TRAVERSE_LOCKSTEP; j++) {
                const uint64_t node = root[j][at[j]];
                at[j] = traverse_next(node, codes[traverse_plane(node) * stride]);
            }
            for (int j = 0; j < TRAVERSE_LOCKSTEP; j++) {
                const uint64_t node = root[j][at[j]];
                const uint32_t next = traverse_next(node, codes[traverse_plane(node) * stride]);
                moved |= next ^ at[j];
                at[j] = next;
            }
        } while (moved);
        memcpy(leaf + t, at, sizeof at);
    }
    for (; t < n_trees; t++)
        FN(traverse_walk)(pack->nodes + pack->trees[t].first_node, codes, stride, 1, leaf + t);
}

/* ---- leaf values ---- */

#if defined(FASTML_AVX512)
/* Up to 32 leaves: the values stay in four registers and are looked up by permutation, 8 rows at a time. */
static void traverse_add_small(const uint8_t *id, const double *value, int32_t n_leaves, int32_t n_rows, double *sum) {
    const __m512d v0 = _mm512_loadu_pd(value), v1 = _mm512_loadu_pd(value + 8);
    if (n_leaves <= 16) {
        for (int32_t j = 0; j < n_rows; j += 8) {
            const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(id + j)));
            const __m512d v = _mm512_permutex2var_pd(v0, at, v1);
            _mm512_storeu_pd(sum + j, _mm512_add_pd(_mm512_loadu_pd(sum + j), v));
        }
        return;
    }
    const __m512d v2 = _mm512_loadu_pd(value + 16), v3 = _mm512_loadu_pd(value + 24);
    const __m512i bit = _mm512_set1_epi64(16);
    for (int32_t j = 0; j < n_rows; j += 8) {
        const __m512i at = _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(id + j)));
        const __m512d low = _mm512_permutex2var_pd(v0, at, v1);
        const __m512d high = _mm512_permutex2var_pd(v2, at, v3);
        const __m512d v = _mm512_mask_blend_pd(_mm512_test_epi64_mask(at, bit), low, high);
        _mm512_storeu_pd(sum + j, _mm512_add_pd(_mm512_loadu_pd(sum + j), v));
    }
}
#endif

/* sum[output][row] += value of the leaf, trees in order. Rows beyond n_rows, up to a whole group, may be written. */
static void FN(traverse_add_steps)(const traverse_pack *pack, const traverse_tree *trees, int32_t n_trees,
                                   const uint8_t *slots, int32_t n_rows, double *sums) {
    const int32_t rows = (n_rows + 7) & ~7;
    int32_t t = 0;
    while (t < n_trees) {
        const traverse_tree *tree = trees + t;
        const uint8_t *id0 = slots + (int64_t)tree->slot * TRAVERSE_ROWS;
        const double *v0 = pack->leaf_value + tree->first_leaf;
        double *restrict sum = sums + (int64_t)tree->output * TRAVERSE_ROWS;
#if defined(FASTML_AVX512)
        if (tree->n_leaves <= 32) {
            traverse_add_small(id0, v0, tree->n_leaves, rows, sum);
            t++;
            continue;
        }
#endif
        if (t + 3 < n_trees && tree[1].output == tree->output && tree[2].output == tree->output &&
            tree[3].output == tree->output) {
            /* Four trees to one load and store of the sum, still added in their order. */
            const uint8_t *id1 = slots + (int64_t)tree[1].slot * TRAVERSE_ROWS;
            const uint8_t *id2 = slots + (int64_t)tree[2].slot * TRAVERSE_ROWS;
            const uint8_t *id3 = slots + (int64_t)tree[3].slot * TRAVERSE_ROWS;
            const double *v1 = pack->leaf_value + tree[1].first_leaf;
            const double *v2 = pack->leaf_value + tree[2].first_leaf;
            const double *v3 = pack->leaf_value + tree[3].first_leaf;
            for (int32_t j = 0; j < rows; j++)
                sum[j] = (((sum[j] + v0[id0[j]]) + v1[id1[j]]) + v2[id2[j]]) + v3[id3[j]];
            t += 4;
            continue;
        }
        for (int32_t j = 0; j < rows; j++)
            sum[j] += v0[id0[j]];
        t++;
    }
}

/* ---- a block of rows through trees [0, n_trees) ----

   codes[plane * stride + row]; planes are readable up to the next multiple of TRAVERSE_GROUP rows. sums is
   (n_outputs, TRAVERSE_ROWS) and holds what the trees are added to. */
void FN(traverse_block)(const traverse_pack *pack, int64_t lo_tree, int64_t n_trees, const uint8_t *codes,
                        int64_t stride, int32_t n_rows, const traverse_space *space, double *sums) {
    for (int64_t p = 0; p < pack->n_parts; p++) {
        const traverse_part *part = pack->parts + p;
        const int64_t lo = part->first_tree > lo_tree ? part->first_tree : lo_tree;
        int64_t hi = part->first_tree + part->n_trees;
        if (hi > n_trees) hi = n_trees;
        if (hi <= lo) continue;
        if (part->n_rounds) {
            FN(traverse_part_steps)(pack, part, codes, stride, n_rows, space->slots);
            FN(traverse_add_steps)(pack, pack->trees + lo, (int32_t)(hi - lo), space->slots, n_rows, sums);
            continue;
        }
        for (int64_t t = lo; t < hi; t++) {
            const traverse_tree *tree = pack->trees + t;
            const double *value = pack->node_value + tree->first_node;
            double *restrict sum = sums + (int64_t)tree->output * TRAVERSE_ROWS;
            FN(traverse_walk)(pack->nodes + tree->first_node, codes, stride, n_rows, space->leaf);
            for (int32_t j = 0; j < n_rows; j++)
                sum[j] += value[space->leaf[j]];
        }
    }
}

/* One row, all its codes `stride` apart; sums is (n_outputs,). */
void FN(traverse_one)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes, int64_t stride,
                      const traverse_space *space, double *sums) {
    FN(traverse_row)(pack, n_trees, codes, stride, space->leaf);
    for (int64_t t = 0; t < n_trees; t++) {
        const traverse_tree *tree = pack->trees + t;
        sums[tree->output] += pack->node_value[tree->first_node + space->leaf[t]];
    }
}

/* ids[row * ids_stride + tree]: node of the leaf in the forest's own numbering, for trees [0, n_trees). */
void FN(traverse_apply)(const traverse_pack *pack, int64_t n_trees, const uint8_t *codes, int64_t stride,
                        int32_t n_rows, const traverse_space *space, int32_t *ids, int64_t ids_stride) {
    for (int64_t p = 0; p < pack->n_parts; p++) {
        const traverse_part *part = pack->parts + p;
        int64_t hi = part->first_tree + part->n_trees;
        if (hi > n_trees) hi = n_trees;
        if (hi <= part->first_tree) continue;
        if (part->n_rounds) FN(traverse_part_steps)(pack, part, codes, stride, n_rows, space->slots);
        for (int64_t t = part->first_tree; t < hi; t++) {
            const traverse_tree *tree = pack->trees + t;
            if (part->n_rounds) {
                const uint8_t *leaf = space->slots + (int64_t)tree->slot * TRAVERSE_ROWS;
                const int32_t *id = pack->leaf_id + tree->first_leaf;
                for (int32_t j = 0; j < n_rows; j++)
                    ids[j * ids_stride + t] = id[leaf[j]];
            } else {
                const int32_t *id = pack->node_id + tree->first_node;
                FN(traverse_walk)(pack->nodes + tree->first_node, codes, stride, n_rows, space->leaf);
                for (int32_t j = 0; j < n_rows; j++)
                    ids[j * ids_stride + t] = id[space->leaf[j]];
            }
        }
    }
}

/* Codes of chosen rows of a column-major matrix to planes. */
void FN(traverse_gather)(const uint8_t *columns, int64_t column_stride, const int32_t *features, int64_t n_planes,
                         const uint32_t *rows, int32_t n_rows, uint8_t *tile) {
    for (int64_t p = 0; p < n_planes; p++) {
        const uint8_t *column = columns + features[p] * column_stride;
        uint8_t *plane = tile + p * TRAVERSE_ROWS;
        for (int32_t i = 0; i < n_rows; i++)
            plane[i] = column[rows[i]];
    }
}

/* ---- what the forms cost on this instruction set, for the choice between them ----

   Nanoseconds per row, measured by benchmarks/bench_predict.py; only speed depends on them. */
double FN(traverse_step_ns)(void) {
#if defined(FASTML_AVX512)
    return 0.012;
#elif defined(FASTML_AVX2)
    return 0.022;
#else
    return 0.045;
#endif
}

double FN(traverse_level_ns)(int64_t n_nodes) {
    return n_nodes < 4096 ? 2.0 : n_nodes < 65536 ? 3.0 : 5.0;
}
