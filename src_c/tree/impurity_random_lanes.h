/* Included by impurity_random.h: sums in bytes. A row's codes in eight slots are eight bytes, several rows
 * lie in a vector. Two classes have their weights beside the codes; rows of more classes are sorted into a
 * stretch for each class first, so that no sum needs to look at the class.
 */

/* From LANE_LEAST rows on, sorting by class pays. */
enum { LANE_LEAST = 16, LANE_ROWS = 512, LANE_CLASSES = 64, LANE_ROOM = LANE_ROWS + 8 * LANE_CLASSES };

/* Rows of a node, at most LANE_ROWS of them at a time, in slots of eight bytes. */
typedef struct lane_rows {
    int64_t n; /* padded to whole vectors: a copy of the first row, of weight 0 */
    uint8_t codes[8 * LANE_ROWS], weight[8 * LANE_ROOM], weight_one[8 * LANE_ROWS];
    int n_parts; /* stretches of one class, each padded like that */
    uint8_t part_class[LANE_CLASSES], sorted[8 * LANE_ROOM];
    int64_t part_end[LANE_CLASSES];
} lane_rows;

static void load_codes(const impurity_params *p, const impurity_node *node, int64_t lo, int64_t hi,
                       lane_rows *rows) {
    const int64_t stride = p->layout->stride;
    uint64_t word = 0;
    int64_t n = hi - lo;
    uint8_t *to = rows->codes;
    if (stride == 32 && node->step == 32) {
        uint8_t at[8] = {0};
        for (int s = 0; s < node->n_slots; s++)
            at[s] = (uint8_t)node->at[s];
        const lane_places places = places_of(at);
        const uint8_t *record = node->codes + 32 * lo;
        for (int64_t i = 0; i < n; i++, record += 32, to += 8) {
            word = u64_pick(record, places);
            memcpy(to, &word, 8);
        }
    } else
        for (int64_t i = lo; i < hi; i++, to += 8) {
            uint8_t x[8] = {0};
            for (int s = 0; s < node->n_slots; s++)
                x[s] = code_of(node, s, i);
            memcpy(to, x, 8);
        }
    for (; n % (LANES8 / 8); n++, to += 8)
        memcpy(to, rows->codes, 8);
    rows->n = n;
}

static void load_weights(const impurity_params *p, const impurity_node *node, int64_t lo, int64_t hi,
                         lane_rows *rows) {
    const uint64_t every = 0x0101010101010101ull;
    const uint8_t *payload = payload_of(p, node, lo);
    for (int64_t i = 0; i < rows->n; i++, payload += p->layout->stride) {
        uint64_t w = 0, one = 0;
        if (i < hi - lo) {
            w = (uint64_t)records_weight(1, payload) * every;
            one = w & -(uint64_t)records_target(1, payload);
        }
        memcpy(rows->weight + 8 * i, &w, 8);
        memcpy(rows->weight_one + 8 * i, &one, 8);
    }
}

static void add_slots(lane_u8 x, int64_t slots[8]) {
    const uint64_t sums = u8_fold_add(x);
    for (int s = 0; s < 8; s++)
        slots[s] += sums >> 8 * s & 255;
}

/* Takes in the rows' least and greatest codes. */
static void lane_ranges(const lane_rows *rows, uint64_t *low, uint64_t *high) {
    lane_u8 least = u8_eight(*low), most = u8_eight(*high);
    for (int64_t i = 0; i < 8 * rows->n; i += LANES8) {
        const lane_u8 x = u8_load(rows->codes + i);
        least = u8_min(least, x);
        most = u8_max(most, x);
    }
    *low = u8_fold_min(least);
    *high = u8_fold_max(most);
}

/* Adds what goes left of each slot's threshold, and takes in the neighbours of the threshold among the codes.
 * Sums are made in bytes: of at most 248 rows of weight 1, or of all rows where their weights together are
 * below 256. */
static void lane_sums(const lane_rows *rows, random_slots *r, uint64_t *code, uint64_t *next) {
    uint64_t eight;
    memcpy(&eight, r->last, 8);
    const lane_u8 last = u8_eight(eight), none = u8_set(255);
    lane_u8 below = u8_eight(*code), above = u8_eight(*next);
    for (int64_t first = 0; first < 8 * rows->n; first += 8 * 248) {
        const int64_t end = first + 8 * 248 < 8 * rows->n ? first + 8 * 248 : 8 * rows->n;
        lane_u8 weight = u8_zero(), one = weight;
        for (int64_t i = first; i < end; i += LANES8) {
            const lane_u8 x = u8_load(rows->codes + i);
            weight = u8_add_where_ge(weight, u8_load(rows->weight + i), last, x);
            one = u8_add_where_ge(one, u8_load(rows->weight_one + i), last, x);
            below = u8_max(below, u8_select_ge(last, x, x, u8_zero()));
            above = u8_min(above, u8_select_ge(last, x, none, x));
        }
        add_slots(weight, r->weight);
        add_slots(one, r->sum);
    }
    *code = u8_fold_max(below);
    *next = u8_fold_min(above);
}

/* Sorts the rows of the chunk by class. */
static void load_parts(const impurity_params *p, const impurity_node *node, int64_t lo, int64_t hi,
                       lane_rows *rows) {
    const uint64_t every = 0x0101010101010101ull;
    const int64_t whole = LANES8 / 8;
    const uint8_t *payload = payload_of(p, node, lo);
    int64_t count[LANE_CLASSES] = {0}, place[LANE_CLASSES], at = 0;
    for (int64_t i = lo; i < hi; i++)
        count[records_target(1, payload + (i - lo) * p->layout->stride)]++;
    rows->n_parts = 0;
    for (int32_t c = 0; c < p->n_channels; c++) {
        place[c] = at;
        if (!count[c])
            continue;
        at += (count[c] + whole - 1) / whole * whole;
        rows->part_class[rows->n_parts] = (uint8_t)c;
        rows->part_end[rows->n_parts++] = at;
    }
    for (int64_t i = 0; i < hi - lo; i++, payload += p->layout->stride) {
        const int64_t to = 8 * place[records_target(1, payload)]++;
        const uint64_t w = (uint64_t)records_weight(1, payload) * every;
        memcpy(rows->sorted + to, rows->codes + 8 * i, 8);
        memcpy(rows->weight + to, &w, 8);
    }
    for (int k = 0; k < rows->n_parts; k++)
        for (int64_t i = place[rows->part_class[k]]; i < rows->part_end[k]; i++) {
            memcpy(rows->sorted + 8 * i, rows->sorted + 8 * (rows->part_end[k] - whole), 8);
            memset(rows->weight + 8 * i, 0, 8);
        }
}

/* As lane_sums, into left[slot * n_channels + class]. */
static void part_sums(const lane_rows *rows, int n_slots, int64_t n_channels, random_slots *r, int64_t *left,
                      uint64_t *code, uint64_t *next) {
    uint64_t eight;
    memcpy(&eight, r->last, 8);
    const lane_u8 last = u8_eight(eight), none = u8_set(255);
    lane_u8 below = u8_eight(*code), above = u8_eight(*next);
    int64_t first = 0;
    for (int k = 0; k < rows->n_parts; k++) {
        int64_t slots[8] = {0};
        for (const int64_t part_end = 8 * rows->part_end[k]; first < part_end;) {
            const int64_t end = first + 8 * 248 < part_end ? first + 8 * 248 : part_end;
            lane_u8 weight = u8_zero();
            for (; first < end; first += LANES8) {
                const lane_u8 x = u8_load(rows->sorted + first);
                weight = u8_add_where_ge(weight, u8_load(rows->weight + first), last, x);
                below = u8_max(below, u8_select_ge(last, x, x, u8_zero()));
                above = u8_min(above, u8_select_ge(last, x, none, x));
            }
            add_slots(weight, slots);
        }
        for (int s = 0; s < n_slots; s++) {
            left[s * n_channels + rows->part_class[k]] += slots[s];
            r->weight[s] += slots[s];
        }
    }
    *code = u8_fold_max(below);
    *next = u8_fold_min(above);
}

/* Whether the rows fit what is added in bytes, and are enough to pay for sorting them by class. */
static int fits_lanes(const impurity_params *p, const impurity_node *node) {
    const impurity_kind kind = kind_of(p);
    if (!p->layout->small || !(p->unit_weights || node->weight < 256))
        return 0;
    return kind == TWO_CLASSES ||
           (kind == MORE_CLASSES && p->n_channels <= LANE_CLASSES && node->n >= LANE_LEAST);
}

static int64_t end_of(const impurity_node *node, int64_t lo) {
    return lo + LANE_ROWS < node->n ? lo + LANE_ROWS : node->n;
}

/* Least and greatest codes; leaves the last chunk of codes in rows. */
static void find_ranges(const impurity_params *p, const impurity_node *node, lane_rows *rows,
                        random_slots *r) {
    uint64_t low = UINT64_MAX, high = 0;
    for (int64_t lo = 0; lo < node->n; lo += LANE_ROWS) {
        load_codes(p, node, lo, end_of(node, lo), rows);
        lane_ranges(rows, &low, &high);
    }
    memcpy(r->low, &low, 8);
    memcpy(r->high, &high, 8);
}

/* rows: what find_ranges left there. */
static void sum_by_lanes(const impurity_params *p, const impurity_node *node, lane_rows *rows,
                         random_slots *r, int64_t *left, uint8_t code[8], uint8_t next[8]) {
    uint64_t below = 0, above = UINT64_MAX;
    memset(r->weight, 0, sizeof r->weight);
    memset(r->sum, 0, sizeof r->sum);
    for (int64_t lo = 0; lo < node->n; lo += LANE_ROWS) {
        if (node->n > LANE_ROWS)
            load_codes(p, node, lo, end_of(node, lo), rows);
        if (kind_of(p) == TWO_CLASSES) {
            load_weights(p, node, lo, end_of(node, lo), rows);
            lane_sums(rows, r, &below, &above);
        } else {
            load_parts(p, node, lo, end_of(node, lo), rows);
            part_sums(rows, node->n_slots, p->n_channels, r, left, &below, &above);
        }
    }
    if (kind_of(p) == MORE_CLASSES)
        for (int s = 0; s < node->n_slots; s++) {
            const int64_t *own = left + s * (int64_t)p->n_channels;
            r->squares[s] = r->mixed[s] = 0;
            for (int32_t c = 0; c < p->n_channels; c++) {
                r->squares[s] += own[c] * own[c];
                r->mixed[s] += own[c] * node->totals[c];
            }
        }
    memcpy(code, &below, 8);
    memcpy(next, &above, 8);
}
