/* Walks by keys: see key_walk.h. */
#include "key_walk.h"

#include <string.h>

#include "../simd.h"

#if defined(__clang__)
#define KEY_WALK_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define KEY_WALK_UNROLL _Pragma("GCC unroll 8")
#else
#define KEY_WALK_UNROLL
#endif

static ALWAYS_INLINE int32_t key_walk_key(double x) {
    const float f = (float)x + 0.0f; /* there is one zero */
    int32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits ^= (bits >> 31) & INT32_MAX;
    bits -= (double)f > x;
    return x != x ? KEY_WALK_NAN : bits;
}

/* keys[i * key_stride + j] of feature j, or features[j] if there are any, of n rows. Returns whether a value
   is NaN, and whether one is not a float32. */
int FN(key_walk_keys)(const double *rows, int64_t stride, const int32_t *features, int32_t width, int64_t n,
                      int32_t *keys, int64_t key_stride) {
    int missing = 0, doubts = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *row = rows + i * stride;
        int32_t *restrict out = keys + i * key_stride;
        if (features)
            for (int32_t j = 0; j < width; j++) {
                const double x = row[features[j]];
                out[j] = key_walk_key(x);
                missing |= x != x;
                doubts |= (double)(float)x != x;
            }
        else
            for (int32_t j = 0; j < width; j++) {
                const double x = row[j];
                out[j] = key_walk_key(x);
                missing |= x != x;
                doubts |= (double)(float)x != x;
            }
    }
    return (missing ? KEY_WALK_HAS_MISSING : 0) | (doubts ? KEY_WALK_HAS_DOUBTS : 0);
}

/* key(x) of a threshold: for packing. */
int32_t FN(key_walk_threshold)(double t) { return key_walk_key(t); }

/* Side that a key goes to at a node; *doubt is raised where the key does not tell. */
static ALWAYS_INLINE uint32_t key_walk_side(key_walk_node node, int32_t key, const uint8_t *sets, int plain,
                                            uint32_t *doubt) {
    if (!plain && node.link & KEY_WALK_SET) {
        float code;
        memcpy(&code, &key, sizeof code);
        const uint8_t *set = sets + 32 * (int64_t)node.key;
        return !(set[(int)code >> 3] >> ((int)code & 7) & 1);
    }
    *doubt |= (uint32_t)(key == node.key);
    uint32_t right = key > node.key;
    if (!plain)
        right |= (key == KEY_WALK_NAN) & !(node.link & KEY_WALK_MISSING_LEFT);
    return right;
}

/* n walks, KEY_WALK_LANES of them at once: of rows down one tree, or of one row down trees. One that has
   arrived makes room for the next, so that none waits for the longest way. A doubt is rare: whose it is is
   not told apart, all that are on their way are looked at again. Unrolled, the lanes stay in registers. */
static ALWAYS_INLINE int64_t key_walk_all(const key_walk_pack *pack, int64_t tree, const int32_t *keys,
                                          int64_t stride, int64_t n, int by_tree, int plain, uint32_t *leaf,
                                          uint32_t *doubted) {
    const int n_lanes = n < KEY_WALK_LANES ? (int)n : KEY_WALK_LANES;
    const int child = KEY_WALK_FLAGS + pack->slot_bits;
    const uint32_t slots = (1u << pack->slot_bits) - 1;
    const key_walk_node *const nodes = pack->nodes + pack->first[tree];
    const key_walk_node *root[KEY_WALK_LANES];
    const int32_t *line[KEY_WALK_LANES];
    uint32_t at[KEY_WALK_LANES], number[KEY_WALK_LANES], next = (uint32_t)n_lanes;
    uint8_t doubt[KEY_WALK_LANES] = {0};
    uint32_t any = 0;
    int64_t n_doubted = 0;
    for (int r = 0; r < n_lanes; r++) {
        root[r] = by_tree ? pack->nodes + pack->first[tree + r] : nodes;
        line[r] = by_tree ? keys : keys + r * stride;
        number[r] = (uint32_t)r;
        at[r] = 0;
    }
    while (next < n) {
        KEY_WALK_UNROLL
        for (int r = 0; r < KEY_WALK_LANES; r++) {
            const key_walk_node node = (by_tree ? root[r] : nodes)[at[r]];
            const int32_t key = (by_tree ? keys : line[r])[node.link >> KEY_WALK_FLAGS & slots];
            const uint32_t side = key_walk_side(node, key, pack->sets, plain, &any);
            if (!(node.link >> side & 1)) {
                at[r] = (node.link >> child) + side;
                continue;
            }
            leaf[number[r]] = 2 * at[r] + side;
            if (any) {
                memset(doubt, 1, sizeof doubt);
                any = 0;
            }
            doubted[n_doubted] = number[r];
            n_doubted += doubt[r];
            if (next == n) { /* the others are on their last ways */
                number[r] = UINT32_MAX;
                break;
            }
            if (by_tree)
                root[r] = pack->nodes + pack->first[tree + next];
            else
                line[r] = keys + next * stride;
            number[r] = next++;
            at[r] = 0;
            doubt[r] = 0;
        }
    }
    for (int r = 0; r < n_lanes; r++) {
        if (number[r] == UINT32_MAX)
            continue;
        for (;;) {
            const key_walk_node node = root[r][at[r]];
            const int32_t key = line[r][node.link >> KEY_WALK_FLAGS & slots];
            const uint32_t side = key_walk_side(node, key, pack->sets, plain, &any);
            if (node.link >> side & 1) {
                leaf[number[r]] = 2 * at[r] + side;
                break;
            }
            at[r] = (node.link >> child) + side;
        }
        doubted[n_doubted] = number[r];
        n_doubted += doubt[r] | any;
    }
    return n_doubted;
}

/* Leaves of n rows of keys in one tree. `told` is what key_walk_keys has told of them. Returns how many rows
   are to be looked at again; their numbers go to doubted, which has room for n. */
int64_t FN(key_walk_rows)(const key_walk_pack *pack, int64_t tree, const int32_t *keys, int64_t stride,
                          int64_t n, int told, uint32_t *leaf, uint32_t *doubted) {
    int64_t n_doubted;
    if (pack->sets || told & KEY_WALK_HAS_MISSING)
        n_doubted = key_walk_all(pack, tree, keys, stride, n, 0, 0, leaf, doubted);
    else
        n_doubted = key_walk_all(pack, tree, keys, stride, n, 0, 1, leaf, doubted);
    return told & KEY_WALK_HAS_DOUBTS ? n_doubted : 0;
}

/* The same of one row in trees [tree, tree + n). */
int64_t FN(key_walk_trees)(const key_walk_pack *pack, int64_t tree, int64_t n, const int32_t *keys, int told,
                           uint32_t *leaf, uint32_t *doubted) {
    int64_t n_doubted;
    if (n <= 0)
        return 0;
    if (pack->sets || told & KEY_WALK_HAS_MISSING)
        n_doubted = key_walk_all(pack, tree, keys, 0, n, 1, 0, leaf, doubted);
    else
        n_doubted = key_walk_all(pack, tree, keys, 0, n, 1, 1, leaf, doubted);
    return told & KEY_WALK_HAS_DOUBTS ? n_doubted : 0;
}
