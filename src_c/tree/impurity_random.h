/* Included by impurity.c: random thresholds of numerical slots without missing values in the node. Least and
 * greatest code, then what goes left: two passes over the rows for all slots together, none of them sorted.
 */

typedef struct random_slots {
    uint8_t low[IMPURITY_SLOTS], high[IMPURITY_SLOTS], last[IMPURITY_SLOTS];
    double threshold[IMPURITY_SLOTS];
    int64_t weight[IMPURITY_SLOTS], sum[IMPURITY_SLOTS];
} random_slots;

static ALWAYS_INLINE void find_ranges(const impurity_node *node, int n_slots, random_slots *r) {
    uint8_t low[IMPURITY_SLOTS], high[IMPURITY_SLOTS];
    for (int s = 0; s < n_slots; s++)
        low[s] = high[s] = code_of(node, s, 0);
    for (int64_t i = 1; i < node->n; i++)
        for (int s = 0; s < n_slots; s++) {
            const uint8_t x = code_of(node, s, i);
            low[s] = x < low[s] ? x : low[s];
            high[s] = x > high[s] ? x : high[s];
        }
    memcpy(r->low, low, sizeof low);
    memcpy(r->high, high, sizeof high);
}

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

#define RANDOM_CASE(n)                                                                                       \
    case n:                                                                                                  \
        find_ranges(node, n, r);                                                                             \
        return;
static void find_slots_ranges(const impurity_node *node, random_slots *r) {
    switch (node->n_slots) {
        RANDOM_CASE(1)
        RANDOM_CASE(2)
        RANDOM_CASE(3)
        RANDOM_CASE(4)
        RANDOM_CASE(5)
        RANDOM_CASE(6)
        RANDOM_CASE(7)
        RANDOM_CASE(8)
    }
}
#undef RANDOM_CASE

static void sum_slots_left(const impurity_params *p, const impurity_node *node, random_slots *r,
                           int64_t *left) {
    const int small = p->layout->small, five = node->n_slots == 5;
    switch (kind_of(p)) {
    case TWO_CLASSES:
        if (small && five)
            sum_left(p, node, TWO_CLASSES, 1, 5, r, left);
        else
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

/* Returns 0 when a slot has missing values in the node: then nothing is done. */
static int search_thresholds(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                             impurity_split *best) {
    random_slots r;
    int64_t *left = space->groups;
    find_slots_ranges(node, &r);
    for (int s = 0; s < node->n_slots; s++) {
        const double *lower = p->lower + 256 * (int64_t)node->feature[s];
        const double *upper = p->upper + 256 * (int64_t)node->feature[s];
        if (r.low[s] == 0 && node->missing[s])
            return 0;
        r.last[s] = r.low[s];
        if (r.low[s] == r.high[s])
            continue;
        const double from = lower[r.low[s]] / 2, to = upper[r.high[s]] / 2;
        const double share = (double)(node->key[s] >> 11) * 0x1p-53;
        r.threshold[s] = 2 * (from + share * (to - from));
        r.last[s] = (uint8_t)last_code(p->filled + 256 * (int64_t)node->feature[s], r.low[s], r.high[s],
                                       r.threshold[s]);
    }
    if (kind_of(p) == MORE_CLASSES)
        memset(left, 0, (size_t)(node->n_slots * p->n_channels) * sizeof *left);
    sum_slots_left(p, node, &r, left);
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
    int code = 0, next = 255;
    for (int64_t i = 0; i < node->n; i++) {
        const int x = code_of(node, slot, i);
        code = x <= r.last[slot] && x > code ? x : code;
        next = x > r.last[slot] && x < next ? x : next;
    }
    best->code = (uint8_t)code;
    best->next = (uint8_t)next;
    best->threshold = r.threshold[slot];
    best->weight_left = r.weight[slot];
    best->sum_left = r.sum[slot];
    return 1;
}
