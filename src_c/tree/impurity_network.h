/* Included by impurity.c: few rows in the order of their codes, in up to sixteen slots at once. A network of
 * comparisons, the same whatever is compared, sorts the rows of all slots together: slots lie in lanes, and
 * there is no branch to be guessed wrong. */

enum { NETWORK_SLOTS = IMPURITY_MOST_SLOTS };
/* Keys of IMPURITY_FEW rows, and room for what makes them a multiple of 16. */
typedef uint32_t network_keys[IMPURITY_FEW + 16][NETWORK_SLOTS];

/* How the slots' rows of one group of lanes follow one another in memory. */
#define KEY(i) (key + (i) * (int64_t)NETWORK_SLOTS)

static ALWAYS_INLINE void exchange(lane_u32 *a, lane_u32 *b) {
    const lane_u32 least = u32_min(*a, *b);
    *b = u32_max(*a, *b);
    *a = least;
}

#define EXCHANGE(i, j) exchange(&x[i], &x[j])

static ALWAYS_INLINE void sort_four(lane_u32 *x) {
    EXCHANGE(0, 2), EXCHANGE(1, 3);
    EXCHANGE(0, 1), EXCHANGE(2, 3);
    EXCHANGE(1, 2);
}

static ALWAYS_INLINE void sort_eight(lane_u32 *x) {
    EXCHANGE(0, 2), EXCHANGE(1, 3), EXCHANGE(4, 6), EXCHANGE(5, 7);
    EXCHANGE(0, 4), EXCHANGE(1, 5), EXCHANGE(2, 6), EXCHANGE(3, 7);
    EXCHANGE(0, 1), EXCHANGE(2, 3), EXCHANGE(4, 5), EXCHANGE(6, 7);
    EXCHANGE(2, 4), EXCHANGE(3, 5);
    EXCHANGE(1, 4), EXCHANGE(3, 6);
    EXCHANGE(1, 2), EXCHANGE(3, 4), EXCHANGE(5, 6);
}

/* Two sorted eights into one sixteen (Batcher 1968). */
static ALWAYS_INLINE void merge_eights(lane_u32 *x) {
    EXCHANGE(0, 8), EXCHANGE(1, 9), EXCHANGE(2, 10), EXCHANGE(3, 11);
    EXCHANGE(4, 12), EXCHANGE(5, 13), EXCHANGE(6, 14), EXCHANGE(7, 15);
    EXCHANGE(4, 8), EXCHANGE(5, 9), EXCHANGE(6, 10), EXCHANGE(7, 11);
    EXCHANGE(2, 4), EXCHANGE(3, 5), EXCHANGE(6, 8), EXCHANGE(7, 9), EXCHANGE(10, 12), EXCHANGE(11, 13);
    EXCHANGE(1, 2), EXCHANGE(3, 4), EXCHANGE(5, 6), EXCHANGE(7, 8);
    EXCHANGE(9, 10), EXCHANGE(11, 12), EXCHANGE(13, 14);
}

#undef EXCHANGE

static ALWAYS_INLINE void sort_block(uint32_t *key, int size) {
    lane_u32 x[16];
    for (int i = 0; i < size; i++)
        x[i] = u32_load(KEY(i));
    if (size == 4)
        sort_four(x);
    else
        sort_eight(x);
    if (size == 16) {
        sort_eight(x + 8);
        merge_eights(x);
    }
    for (int i = 0; i < size; i++)
        u32_store(KEY(i), x[i]);
}

static ALWAYS_INLINE void exchange_rows(uint32_t *key, int64_t i, int64_t j) {
    lane_u32 a = u32_load(KEY(i)), b = u32_load(KEY(j));
    exchange(&a, &b);
    u32_store(KEY(i), a);
    u32_store(KEY(j), b);
}

/* Sorted stretches of p rows, of n in all, into stretches of 2 p (Batcher 1968). */
static void merge_stretches(uint32_t *key, int64_t n, int64_t p) {
    for (int64_t first = 0; first + p < n; first += 2 * p) {
        const int64_t last = n < first + 2 * p ? n : first + 2 * p;
        for (int64_t i = first; i + p < last; i++)
            exchange_rows(key, i, i + p);
        for (int64_t k = p / 2; k >= 1; k /= 2)
            for (int64_t j = first + k; j + k < last; j += 2 * k)
                for (int64_t i = j; i < j + k && i + k < last; i++)
                    exchange_rows(key, i, i + k);
    }
}

/* Sorts n rows of keys; rows behind them, up to a multiple of 16, are overwritten. */
static void sort_network(uint32_t (*keys)[NETWORK_SLOTS], int64_t n, int n_slots) {
    const int64_t padded = n <= 4 ? 4 : n <= 8 ? 8 : (n + 15) / 16 * 16;
    memset(keys[n], 0xFF, (size_t)(padded - n) * sizeof keys[0]);
    for (int s = 0; s < n_slots; s += LANES32) {
        uint32_t *key = keys[0] + s;
        if (n <= 4)
            sort_block(key, 4);
        else if (n <= 8)
            sort_block(key, 8);
        else
            for (int64_t i = 0; i < n; i += 16)
                sort_block(KEY(i), 16);
        for (int64_t p = 16; p < n; p *= 2)
            merge_stretches(key, n, p);
    }
}
#undef KEY

/* places[s][k] = the row with the k-th smallest code in slot s, for at most eight slots. */
static void sort_few(const impurity_node *node, uint8_t *places) {
    network_keys keys;
    const code_reader reader = reader_of(node);
    for (int64_t i = 0; i < node->n; i++)
        u32_store_codes(keys[i], eight_codes(&reader, i), 0, (uint32_t)i);
    sort_network(keys, node->n, node->n_slots);
    for (int s = 0; s < node->n_slots; s++)
        for (int64_t k = 0; k < node->n; k++)
            places[s * IMPURITY_FEW + k] = (uint8_t)keys[k][s];
}
