/* Included by impurity_random.h: codes of a row in eight slots are eight bytes, several rows lie in a vector.
 * Rows are taken in chunks of so many that sums of weight 1 fit in bytes.
 */

enum { CHUNK = 248 };

/* Rows of a node from lo on, padded to whole vectors by copies of the first. */
typedef struct lane_rows {
    int64_t lo, n;
    uint8_t codes[8 * CHUNK], goes[8 * CHUNK]; /* goes: 1 where the row goes left */
} lane_rows;

/* What is drawn and summed for each slot. */
typedef struct random_slots {
    uint8_t low[8], high[8];    /* least and greatest codes */
    uint64_t last;              /* eight bytes: last code that goes left, if it is there */
    uint8_t below[8], above[8]; /* the neighbours of the threshold among the codes of the node */
    double threshold[8];
    int64_t weight[8], sum[8], mixed[8]; /* of the left side; see side_sums */
} random_slots;

/* The rows' bytes at eight places of a record, where records are 32 bytes: of vector i. */
static inline lane_u8 pick_rows(const impurity_node *node, const lane_rows *rows, int64_t i,
                                lane_places places) {
    return u8_pick(node->records + 32 * (rows->lo + i * (LANES8 / 8)), places);
}

/* x in the rows that the chunk has, other where its last vector goes on behind them. */
static inline lane_u8 within(const lane_rows *rows, int64_t i, lane_u8 x, lane_u8 other) {
    static const uint8_t row[64] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2,
                                    2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5,
                                    5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 7};
    return u8_select_ge(u8_set((uint8_t)(rows->n - 1 - i * (LANES8 / 8))), u8_load(row), x, other);
}

static inline int64_t n_vectors(const lane_rows *rows) { return (8 * rows->n + LANES8 - 1) / LANES8; }

static void load_codes(const impurity_node *node, int64_t lo, lane_rows *rows) {
    uint64_t places = 0; /* not in memory: see draw_thresholds */
    rows->lo = lo;
    rows->n = node->n - lo < CHUNK ? node->n - lo : CHUNK;
    const int64_t end = n_vectors(rows) - 1;
    if (node->step == 32) {
        for (int s = 0; s < node->n_slots; s++)
            places |= (uint64_t)node->at[s] << 8 * s;
        const lane_places at = places_of((const uint8_t *)&places);
        for (int64_t i = 0; i <= end; i++)
            u8_store(rows->codes + i * LANES8, pick_rows(node, rows, i, at));
    } else
        for (int64_t i = 0; i < rows->n; i++) {
            uint8_t x[8] = {0};
            for (int s = 0; s < node->n_slots; s++)
                x[s] = code_of(node, s, lo + i);
            memcpy(rows->codes + 8 * i, x, 8);
        }
    uint64_t first;
    memcpy(&first, rows->codes, 8);
    uint8_t *last = rows->codes + end * LANES8;
    u8_store(last, within(rows, end, u8_load(last), u8_eight(first)));
}

/* Least and greatest codes; leaves the last chunk in rows. */
static void find_ranges(const impurity_node *node, lane_rows *rows, random_slots *r) {
    lane_u8 least = u8_set(255), most = u8_zero();
    for (int64_t lo = 0; lo < node->n; lo += CHUNK) {
        load_codes(node, lo, rows);
        for (int64_t i = 0; i < 8 * rows->n; i += LANES8) {
            const lane_u8 x = u8_load(rows->codes + i);
            least = u8_min(least, x);
            most = u8_max(most, x);
        }
    }
    const uint64_t low = u8_fold_min(least), high = u8_fold_max(most);
    memcpy(r->low, &low, 8);
    memcpy(r->high, &high, 8);
}

/* Which rows of the chunk go left, and the threshold's neighbours among all rows so far. */
static void send_rows(lane_rows *rows, random_slots *r) {
    uint64_t before, after;
    memcpy(&before, r->below, 8);
    memcpy(&after, r->above, 8);
    const lane_u8 limit = u8_eight(r->last), one = u8_set(1), none = u8_set(255);
    lane_u8 below = u8_eight(before), above = u8_eight(after);
    for (int64_t i = 0; i < 8 * rows->n; i += LANES8) {
        const lane_u8 x = u8_load(rows->codes + i);
        u8_store(rows->goes + i, u8_select_ge(limit, x, one, u8_zero()));
        below = u8_max(below, u8_select_ge(limit, x, x, u8_zero()));
        above = u8_min(above, u8_select_ge(limit, x, none, x));
    }
    before = u8_fold_max(below);
    after = u8_fold_min(above);
    memcpy(r->below, &before, 8);
    memcpy(r->above, &after, 8);
}

static inline void add_eight(uint64_t eight, int64_t *sums) {
    uint8_t bytes[8]; /* in memory: there is an instruction that widens them all */
    memcpy(bytes, &eight, 8);
    for (int s = 0; s < 8; s++)
        sums[s] += bytes[s];
}

/* Two classes, in records of 32 bytes. */
static void sum_two_classes(const impurity_params *p, const impurity_node *node, const lane_rows *rows,
                            random_slots *r) {
    const uint64_t every = 0x0101010101010101ull, payload = (uint64_t)p->layout->payload * every;
    uint8_t places[8];
    memcpy(places, &payload, 8);
    const lane_places weight_at = places_of(places);
    for (int s = 0; s < 8; s++)
        places[s] += 3;
    const lane_places class_at = places_of(places);
    const lane_u8 one = u8_set(1), zero = u8_zero();
    lane_u8 weight = zero, sum = zero;
    for (int64_t i = 0, end = n_vectors(rows); i < end; i++) {
        const lane_u8 goes = u8_load(rows->goes + i * LANES8);
        const lane_u8 w = within(rows, i, pick_rows(node, rows, i, weight_at), zero);
        const lane_u8 own = u8_select_ge(pick_rows(node, rows, i, class_at), one, w, zero);
        weight = u8_add_where_ge(weight, w, goes, one);
        sum = u8_add_where_ge(sum, own, goes, one);
    }
    add_eight(u8_fold_add(weight), r->weight);
    add_eight(u8_fold_add(sum), r->sum);
}

/* One number, or two classes: any weights. */
static ALWAYS_INLINE void sum_wide(const impurity_params *p, const impurity_node *node, int small,
                                   const lane_rows *rows, random_slots *r) {
    const uint8_t *payload = payload_of(p, node, rows->lo), *goes = rows->goes;
    int64_t weight[8] = {0}, sum[8] = {0};
    for (int64_t i = 0; i < rows->n; i++, payload += p->layout->stride, goes += 8) {
        const int64_t w = records_weight(small, payload), product = w * records_target(small, payload);
        for (int s = 0; s < 8; s++) {
            const int64_t mask = -(int64_t)goes[s];
            weight[s] += w & mask;
            sum[s] += product & mask;
        }
    }
    for (int s = 0; s < 8; s++) {
        r->weight[s] += weight[s];
        r->sum[s] += sum[s];
    }
}

/* The weights of classes left of eight thresholds: of those that the node has where they are added in bytes,
 * else of all. */
typedef struct class_weights {
    int n, n_cleared;
    uint8_t class[RECORDS_SMALL_CLASSES + 1]; /* in bytes; a row's is written before it is known to be new */
    uint8_t seen[RECORDS_SMALL_CLASSES];
    uint64_t bytes[RECORDS_SMALL_CLASSES];
    int64_t *left; /* eight of each class */
} class_weights;

static void clear_classes(const impurity_params *p, int in_bytes, int64_t *left, class_weights *sums) {
    const size_t n = (size_t)p->n_channels;
    sums->left = left;
    sums->n = sums->n_cleared = 0;
    if (in_bytes) {
        memset(sums->seen, 0, n);
        memset(sums->bytes, 0, 8 * n);
    } else {
        memset(left, 0, 64 * n);
        sums->n = p->n_channels;
    }
}

static void sum_classes_in_bytes(const impurity_params *p, const impurity_node *node, const lane_rows *rows,
                                 class_weights *sums) {
    const uint8_t *payload = payload_of(p, node, rows->lo);
    for (int64_t i = 0; i < rows->n; i++, payload += p->layout->stride) {
        const int64_t c = records_target(1, payload);
        uint64_t goes;
        memcpy(&goes, rows->goes + 8 * i, 8);
        sums->bytes[c] += goes * records_weight(1, payload);
        sums->class[sums->n] = (uint8_t)c;
        sums->n += !sums->seen[c];
        sums->seen[c] = 1;
    }
    for (int k = 0; k < sums->n; k++) {
        const int c = sums->class[k];
        int64_t *own = sums->left + 8 * c;
        if (k >= sums->n_cleared)
            memset(own, 0, 64);
        add_eight(sums->bytes[c], own);
        sums->bytes[c] = 0;
    }
    sums->n_cleared = sums->n;
}

static ALWAYS_INLINE void sum_classes_wide(const impurity_params *p, const impurity_node *node, int small,
                                           const lane_rows *rows, class_weights *sums) {
    const uint8_t *payload = payload_of(p, node, rows->lo), *goes = rows->goes;
    for (int64_t i = 0; i < rows->n; i++, payload += p->layout->stride, goes += 8) {
        const int64_t w = records_weight(small, payload);
        int64_t *own = sums->left + 8 * records_target(small, payload);
        for (int s = 0; s < 8; s++)
            own[s] += w & -(int64_t)goes[s];
    }
}

/* Weights, sums of squared class weights and of total times class weight. */
static void finish_classes(const impurity_node *node, int in_bytes, const class_weights *sums,
                           random_slots *r) {
    int64_t weight[8] = {0}, squares[8] = {0}, mixed[8] = {0};
    for (int k = 0; k < sums->n; k++) {
        const int c = in_bytes ? sums->class[k] : k;
        const int64_t *own = sums->left + 8 * c, total = node->totals[c];
        for (int s = 0; s < 8; s++) {
            weight[s] += own[s];
            squares[s] += own[s] * own[s];
            mixed[s] += own[s] * total;
        }
    }
    memcpy(r->weight, weight, sizeof weight);
    memcpy(r->sum, squares, sizeof squares);
    memcpy(r->mixed, mixed, sizeof mixed);
}
