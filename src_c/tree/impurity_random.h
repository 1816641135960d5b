/* Included by impurity.c: random thresholds of numerical slots without missing values in the node. Least and
 * greatest code, then what goes left: two passes over the rows for all slots together, none of them sorted.
 * Two classes are summed in bytes, several rows at once.
 */

typedef struct random_slots {
    uint8_t low[IMPURITY_SLOTS], high[IMPURITY_SLOTS], last[IMPURITY_SLOTS];
    double threshold[IMPURITY_SLOTS];
    int64_t weight[IMPURITY_SLOTS], sum[IMPURITY_SLOTS];
} random_slots;

/* Last code whose greatest value is not above t, from low to high - 1; `filled`: empty codes have the
 * greatest value of the last code before them that is not. */
static int last_code(const double *filled, int low, int high, double t) {
    int at = low;
    for (int step = 128; step > 0; step >>= 1)
        at += at + step < high && filled[at + step] <= t ? step : 0;
    return at;
}

static ALWAYS_INLINE void sum_left(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                   int small, int n_slots, random_slots *r, int64_t *left) {
    const uint8_t *payload = payload_of(p, node, 0);
    const int64_t n_channels = p->n_channels;
    uint8_t last[IMPURITY_SLOTS];
    int64_t packed[IMPURITY_SLOTS] = {0}, sum[IMPURITY_SLOTS] = {0};
    memcpy(last, r->last, sizeof last);
    for (int64_t i = 0; i < node->n; i++, payload += p->layout->stride) {
        const int64_t w = records_weight(small, payload), y = records_target(small, payload);
        for (int s = 0; s < n_slots; s++) {
            const int64_t goes = -(int64_t)(code_of(node, s, i) <= last[s]);
            if (kind == TWO_CLASSES)
                packed[s] += (w | (w & -y) << 32) & goes;
            else {
                packed[s] += w & goes;
                if (kind == ONE_NUMBER)
                    sum[s] += (w * y) & goes;
                else
                    left[s * n_channels + y] += w & goes;
            }
        }
    }
    for (int s = 0; s < n_slots; s++) {
        r->weight[s] = kind == TWO_CLASSES ? packed[s] & 0xFFFFFFFF : packed[s];
        r->sum[s] = kind == TWO_CLASSES ? packed[s] >> 32 : sum[s];
    }
}

static void sum_slots_left(const impurity_params *p, const impurity_node *node, random_slots *r,
                           int64_t *left) {
    const int small = p->layout->small;
    switch (kind_of(p)) {
    case TWO_CLASSES:
        sum_left(p, node, TWO_CLASSES, small, node->n_slots, r, left);
        return;
    case ONE_NUMBER:
        sum_left(p, node, ONE_NUMBER, 0, node->n_slots, r, left);
        return;
    default:
        if (small)
            sum_left(p, node, MORE_CLASSES, 1, node->n_slots, r, left);
        else
            sum_left(p, node, MORE_CLASSES, 0, node->n_slots, r, left);
    }
}

/* The score of slot s, or -1. */
static double random_score(const impurity_params *p, const impurity_node *node, const random_slots *r, int s,
                           const int64_t *left) {
    const int64_t w = r->weight[s], v = node->weight - w;
    if (r->low[s] == r->high[s] || w < p->min_weight || v < p->min_weight)
        return -1;
    if (kind_of(p) != MORE_CLASSES)
        return two_scores((double)node->weight, (double)node->totals[p->n_channels == 2], (double)w,
                          (double)r->sum[s]);
    side_sums side = {0, w, 0, 0, 0};
    for (int32_t c = 0; c < p->n_channels; c++) {
        side.squares += left[c] * left[c];
        side.mixed += left[c] * node->totals[c];
    }
    return score_of(p, node, MORE_CLASSES, &side, 0, 0);
}

/* ---- eight bytes a row, several rows to a vector */

enum { LANE_ROWS = 512 };

/* Rows of a node, at most LANE_ROWS of them at a time, in slots of eight bytes. */
typedef struct lane_rows {
    int64_t n; /* padded to whole vectors: a copy of the first row, of weight 0 */
    uint8_t codes[8 * LANE_ROWS], weight[8 * LANE_ROWS], weight_one[8 * LANE_ROWS];
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

/* Whether the rows fit what lane_sums adds in bytes. */
static int fits_lanes(const impurity_params *p, const impurity_node *node) {
    return kind_of(p) == TWO_CLASSES && p->layout->small && (p->unit_weights || node->weight < 256);
}

/* Draws each slot's threshold. Returns 0 when a slot has missing values in the node. */
static int draw_thresholds(const impurity_params *p, const impurity_node *node, random_slots *r) {
    for (int s = 0; s < node->n_slots; s++) {
        const double *lower = p->lower + 256 * (int64_t)node->feature[s];
        const double *upper = p->upper + 256 * (int64_t)node->feature[s];
        if (r->low[s] == 0 && node->missing[s])
            return 0;
        r->last[s] = r->low[s];
        if (r->low[s] == r->high[s])
            continue;
        const double from = lower[r->low[s]] / 2, to = upper[r->high[s]] / 2;
        const double share = (double)(node->key[s] >> 11) * 0x1p-53;
        r->threshold[s] = 2 * (from + share * (to - from));
        r->last[s] = (uint8_t)last_code(p->filled + 256 * (int64_t)node->feature[s], r->low[s], r->high[s],
                                        r->threshold[s]);
    }
    return 1;
}

/* Neighbours of the slot's threshold among the codes. */
static void find_neighbours(const impurity_node *node, const random_slots *r, int slot, uint8_t *code,
                            uint8_t *next) {
    const int last = r->last[slot];
    int below = 0, above = 255;
    for (int64_t i = 0; i < node->n; i++) {
        const int x = code_of(node, slot, i);
        below = x <= last && x > below ? x : below;
        above = x > last && x < above ? x : above;
    }
    *code = (uint8_t)below;
    *next = (uint8_t)above;
}

/* Least and greatest codes; thresholds; what goes left. Returns 0 when a slot has missing values in the node.
 */
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
                         random_slots *r, uint8_t code[8], uint8_t next[8]) {
    uint64_t below = 0, above = UINT64_MAX;
    memset(r->weight, 0, sizeof r->weight);
    memset(r->sum, 0, sizeof r->sum);
    for (int64_t lo = 0; lo < node->n; lo += LANE_ROWS) {
        if (node->n > LANE_ROWS)
            load_codes(p, node, lo, end_of(node, lo), rows);
        load_weights(p, node, lo, end_of(node, lo), rows);
        lane_sums(rows, r, &below, &above);
    }
    memcpy(code, &below, 8);
    memcpy(next, &above, 8);
}

/* Returns 0 when a slot has missing values in the node: then nothing is done. */
static int search_thresholds(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                             impurity_split *best) {
    random_slots r;
    int64_t *left = space->groups;
    uint8_t code[8], next[8];
    lane_rows rows;
    const int lanes = fits_lanes(p, node);
    find_ranges(p, node, &rows, &r);
    memset(r.last, 0, sizeof r.last);
    if (!draw_thresholds(p, node, &r))
        return 0;
    if (lanes)
        sum_by_lanes(p, node, &rows, &r, code, next);
    else {
        if (kind_of(p) == MORE_CLASSES)
            memset(left, 0, (size_t)(node->n_slots * p->n_channels) * sizeof *left);
        sum_slots_left(p, node, &r, left);
    }
    int slot = -1;
    for (int s = 0; s < node->n_slots; s++) {
        const double score = random_score(p, node, &r, s, left + s * (int64_t)p->n_channels);
        if (score >= 0 && score > best->score) {
            memset(best, 0, sizeof *best);
            best->score = score;
            best->slot = slot = s;
        }
    }
    if (slot < 0)
        return 1;
    if (!lanes)
        find_neighbours(node, &r, slot, code + slot, next + slot);
    best->code = code[slot];
    best->next = next[slot];
    best->threshold = r.threshold[slot];
    best->weight_left = r.weight[slot];
    best->sum_left = r.sum[slot];
    return 1;
}
