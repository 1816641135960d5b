/* Included by impurity.c: few rows under Gini or squared error, in numerical slots without missing values.
 * Slots lie in lanes from end to end: a network sorts them, then one row of each is added and scored at a
 * time. What is sorted is a code with all that the scan needs to know of its row behind it, so nothing has to
 * be fetched by place. */

/* key[k][s]: the row with the k-th smallest code in slot s,
 *     two classes    code << 24 | weight << 8 | class
 *     more classes   code << 24 | class << 16 | weight << 8 | weight of the class in the node
 *     a number       code << 24 | weight << 8 | row */
typedef struct ranked_rows {
    network_keys key;
    int64_t product[IMPURITY_FEW]; /* by row, weight times target */
    /* more classes, eight slots after the other eight, and room for a vector: class and weight of key[k][s],
     * and the weight of its class in the rows before it */
    uint8_t class[2][IMPURITY_FEW + 8][SLOTS], weight[2][IMPURITY_FEW + 8][SLOTS];
    uint8_t before[2][IMPURITY_FEW + 8][SLOTS];
} ranked_rows;

/* Where the codes of eight slots are in a record of 32 bytes; what is beyond the slots is read but means
 * nothing. */
static inline lane_places places_from(const impurity_node *node, int first) {
    uint64_t places = 0;
    uint8_t bytes[8];
    for (int s = 0; s < SLOTS; s++)
        places |= (uint64_t)(node->at[first + s] & 31) << 8 * s;
    memcpy(bytes, &places, 8);
    return places_of(bytes);
}

/* One row's codes in eight slots. */
static inline uint64_t gather_codes(const impurity_node *node, int first, int64_t i) {
    uint64_t codes = 0;
    for (int s = first; s < node->n_slots && s < first + SLOTS; s++)
        codes |= (uint64_t)code_of(node, s, i) << 8 * (s - first);
    return codes;
}

static ALWAYS_INLINE void load_keys(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                    int small, int narrow, int both, ranked_rows *rows) {
    const int64_t n = node->n, stride = p->layout->stride;
    const uint8_t *payload = payload_of(p, node, 0), *codes = node->codes;
    const lane_places low = places_from(node, 0), high = places_from(node, SLOTS);
    for (int64_t i = 0; i < n; i++, payload += stride, codes += 32) {
        const int64_t w = records_weight(small, payload), y = records_target(small, payload);
        uint32_t own = (uint32_t)w << 8;
        if (kind == MORE_CLASSES)
            own |= (uint32_t)y << 16 | (uint32_t)node->totals[y];
        else if (kind == TWO_CLASSES)
            own |= (uint32_t)y;
        else {
            own |= (uint32_t)i;
            rows->product[i] = w * y;
        }
        const uint64_t first = narrow ? u64_pick(codes, low) : gather_codes(node, 0, i);
        const uint64_t second = !both ? 0 : narrow ? u64_pick(codes, high) : gather_codes(node, SLOTS, i);
        u32_store_codes(rows->key[i], first, second, own);
    }
}

static ALWAYS_INLINE void load_kind(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                    int small, ranked_rows *rows) {
    const int both = node->n_slots > SLOTS;
    if (node->step != 32)
        load_keys(p, node, kind, small, 0, both, rows);
    else if (both)
        load_keys(p, node, kind, small, 1, 1, rows);
    else
        load_keys(p, node, kind, small, 1, 0, rows);
}

/* Weight of the same class in the rows before: each row's class is compared with those of all after it. */
static void sum_before(ranked_rows *rows, int half, int64_t n) {
    static const uint8_t later[128] = {[64 ... 127] = 255};
    const uint8_t *class = rows->class[half][0], *weight = rows->weight[half][0];
    uint8_t *before = rows->before[half][0];
    for (int64_t v = 0; v < SLOTS * n; v += LANES8) {
        const lane_u8 own = u8_load(class + v);
        lane_u8 sum = u8_zero();
        for (int64_t j = 0; j < v; j += SLOTS) {
            uint64_t c, w;
            memcpy(&c, class + j, 8);
            memcpy(&w, weight + j, 8);
            sum = u8_add_where_eq(sum, u8_eight(w), own, u8_eight(c));
        }
        for (int64_t j = v; j < v + LANES8 - SLOTS; j += SLOTS) {
            uint64_t c, w;
            memcpy(&c, class + j, 8);
            memcpy(&w, weight + j, 8);
            const lane_u8 term = u8_and(u8_eight(w), u8_load(later + 64 - SLOTS - (j - v)));
            sum = u8_add_where_eq(sum, term, own, u8_eight(c));
        }
        u8_store(before + v, sum);
    }
}

static void sum_classes(ranked_rows *rows, int64_t n, int n_slots) {
    for (int half = 0; half * SLOTS < n_slots; half++) {
        for (int64_t k = 0; k < n; k++)
            for (int s = 0; s < SLOTS; s++) {
                rows->class[half][k][s] = (uint8_t)(rows->key[k][half * SLOTS + s] >> 16);
                rows->weight[half][k][s] = (uint8_t)(rows->key[k][half * SLOTS + s] >> 8);
            }
        sum_before(rows, half, n);
    }
}

/* Sums after the k-th row and the best of a slot: its score and that k. */
typedef struct ranked_best {
    double weight[IMPURITY_FEW][NETWORK_SLOTS];
    union { /* of targets; of the weights of class 1 */
        int64_t sum[IMPURITY_FEW][NETWORK_SLOTS];
        double ones[IMPURITY_FEW][NETWORK_SLOTS];
    };
    double score[NETWORK_SLOTS], place[NETWORK_SLOTS];
} ranked_best;

static ALWAYS_INLINE void scan_ranked(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                      int sixteen, const ranked_rows *rows, ranked_best *best) {
    const lane_f64 total = f64_set((double)node->weight), least = f64_set((double)p->min_weight);
    const lane_f64 whole = f64_set((double)node->totals[kind == TWO_CLASSES ? 1 : 0]),
                   all_squares = f64_set((double)node->squares);
    const lane_sixteen table = sixteen_of(rows->product);
    const int64_t first = p->min_rows - 1, last = node->n - p->min_rows;
    for (int s = 0; s < node->n_slots; s += LANES64) {
        lane_f64 score = f64_set(-1), place = score, weight = f64_set(0), squares = weight, mixed = weight,
                 ones = weight;
        lane_i64 sum = i64_zero();
        for (int64_t k = 0; k < last; k++) {
            const uint32_t *key = rows->key[k] + s;
            lane_f64 w, own;
            if (kind == MORE_CLASSES) {
                const lane_f64 t = f64_from_bits(key, 0, 255),
                               l = f64_from_u8(rows->before[s / SLOTS][k] + s % SLOTS);
                w = f64_from_bits(key, 8, 255);
                squares = f64_add(squares, f64_mul(w, f64_add(f64_add(l, l), w)));
                mixed = f64_add(mixed, f64_mul(w, t));
                weight = f64_add(weight, w);
            } else if (kind == TWO_CLASSES) {
                w = f64_from_bits(key, 8, 65535);
                weight = f64_add(weight, w);
                ones = f64_add(ones, f64_mul(w, f64_from_bits(key, 0, 1)));
                f64_store(best->ones[k] + s, ones);
            } else {
                w = f64_from_bits(key, 8, 65535);
                weight = f64_add(weight, w);
                sum = i64_add(sum, sixteen ? i64_look_up16(table, key) : i64_look_up(rows->product, key));
                i64_store(best->sum[k] + s, sum);
            }
            f64_store(best->weight[k] + s, weight);
            const lane_f64 rest = f64_sub(total, weight);
            if (kind == MORE_CLASSES) {
                const lane_f64 other = f64_add(f64_sub(all_squares, f64_add(mixed, mixed)), squares);
                own = f64_add(f64_mul(squares, rest), f64_mul(other, weight));
            } else {
                const lane_f64 d = f64_sub(f64_mul(kind == TWO_CLASSES ? ones : f64_from_i64(sum), total),
                                           f64_mul(weight, whole));
                own = f64_mul(d, d);
            }
            own = f64_div(own, f64_mul(weight, rest));
            const lane_f64 code = f64_from_bits(key, 24, 255),
                           next = f64_from_bits(key + NETWORK_SLOTS, 24, 255);
            lane_mask wins = mask_and(f64_gt(next, code), f64_gt(own, score));
            wins = mask_and(wins, f64_ge(f64_min(weight, rest), least));
            if (k < first)
                continue;
            score = f64_select(wins, own, score);
            place = f64_select(wins, f64_set((double)k), place);
        }
        f64_store(best->score + s, score);
        f64_store(best->place + s, place);
    }
}

static void take_ranked(const impurity_node *node, impurity_kind kind, const ranked_rows *rows,
                        const ranked_best *found, impurity_split *best) {
    double score = best->score;
    int slot = -1;
    for (int s = 0; s < node->n_slots; s++) {
        const int wins = found->score[s] > score && found->score[s] >= 0;
        score = wins ? found->score[s] : score;
        slot = wins ? s : slot;
    }
    if (slot < 0)
        return;
    const int64_t k = (int64_t)found->place[slot];
    memset(best, 0, sizeof *best);
    best->score = score;
    best->slot = slot;
    best->code = (uint8_t)(rows->key[k][slot] >> 24);
    best->next = (uint8_t)(rows->key[k + 1][slot] >> 24);
    best->threshold = NAN;
    best->weight_left = (int64_t)found->weight[k][slot];
    best->sum_left = kind == ONE_NUMBER    ? found->sum[k][slot]
                     : kind == TWO_CLASSES ? (int64_t)found->ones[k][slot]
                                           : 0;
}

/* Weights must fit into what a key has room for. From some number of rows on a histogram is faster: earlier
 * where one scan of it does for all slots. Classes are compared row by row, as many at a time as there are
 * lanes. */
static int fits_ranked(const impurity_params *p, const impurity_node *node, impurity_kind kind) {
    if (kind == MORE_CLASSES)
        return p->layout->small && node->weight < 256 && 2 * node->n <= 3 * LANES8;
    return kind != OTHER && node->weight < 65536 &&
           node->n <= (node->n_slots > SLOTS ? IMPURITY_FEW : IMPURITY_FEW * 2 / 3);
}

/* Whether some slot is not constant: the first key is the least, the last the greatest. */
static int any_varies(const ranked_rows *rows, const impurity_node *node) {
    uint32_t differ = 0;
    for (int s = 0; s < node->n_slots; s++)
        differ |= rows->key[0][s] ^ rows->key[node->n - 1][s];
    return differ >> 24 != 0;
}

static NEVER_INLINE int search_ranked(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                      impurity_split *best) {
    ranked_rows rows;
    ranked_best found;
    if (kind == MORE_CLASSES)
        load_kind(p, node, MORE_CLASSES, 1, &rows);
    else if (kind == ONE_NUMBER)
        load_kind(p, node, ONE_NUMBER, 0, &rows);
    else
        load_kind(p, node, TWO_CLASSES, p->layout->small, &rows);
    sort_network(rows.key, node->n, node->n_slots);
    if (!any_varies(&rows, node))
        return 0;
    if (kind == MORE_CLASSES) {
        sum_classes(&rows, node->n, node->n_slots);
        scan_ranked(p, node, MORE_CLASSES, 0, &rows, &found);
    } else if (kind == TWO_CLASSES)
        scan_ranked(p, node, TWO_CLASSES, 0, &rows, &found);
    else if (node->n <= 16)
        scan_ranked(p, node, ONE_NUMBER, 1, &rows, &found);
    else
        scan_ranked(p, node, ONE_NUMBER, 0, &rows, &found);
    take_ranked(node, kind, &rows, &found, best);
    return 1;
}
