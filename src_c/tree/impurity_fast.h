/* Included by impurity.c: two classes under Gini and one number under squared error, without limits that need
 * more than weights. Slots lie in lanes. */

#define SLOTS IMPURITY_SLOTS
#define CELLS (256 * SLOTS)

/* Best candidate of each slot so far. */
typedef struct lane_best {
    double score[SLOTS], code[SLOTS], missing_left[SLOTS], weight[SLOTS], sum[SLOTS];
} lane_best;

/* Takes the best of the slots' best; the first one among equals. */
static void take_lanes(const impurity_node *node, const lane_best *lanes, impurity_split *best) {
    for (int s = 0; s < node->n_slots; s++) {
        if (!(lanes->score[s] > best->score) || lanes->score[s] < 0)
            continue;
        memset(best, 0, sizeof *best);
        best->score = lanes->score[s];
        best->threshold = NAN;
        best->slot = s;
        best->code = (uint8_t)lanes->code[s];
        best->missing_left = (uint8_t)lanes->missing_left[s];
        best->weight_left = (int64_t)lanes->weight[s];
        best->sum_left = (int64_t)lanes->sum[s];
    }
}

/* ---- few rows: every row's code against every other's */

/* Codes and weights, eight bytes a row, the rows of class 0 before those of class 1. Returns how many rows of
 * class 0 there are. */
static int64_t load_pairs(const impurity_params *p, const impurity_node *node, uint8_t *codes,
                          uint8_t *weights) {
    const int64_t n = node->n, stride = p->layout->stride;
    int64_t front = 0, back = n - 1;
    const uint8_t *payload = node->records + p->layout->payload;
    const code_reader reader = reader_of(node);
    memset(codes + 8 * n, 0, 64);
    for (int64_t i = 0; i < n; i++, payload += stride) {
        const int64_t class = records_target(1, payload);
        const int64_t to = front + (-class & (back - front));
        const uint64_t eight = eight_codes(&reader, i);
        memcpy(codes + 8 * to, &eight, 8);
        weights[to] = (uint8_t)records_weight(1, payload);
        front += 1 - class;
        back -= class;
    }
    return front;
}

/* left[i][s] = weight of the rows from lo to hi whose code in slot s is not above row i's; of n_vectors
 * vectors of rows. */
static ALWAYS_INLINE void sum_vectors(const uint8_t *codes, const uint8_t *weights, int64_t lo, int64_t hi,
                                      int n_vectors, const uint8_t *at, uint8_t *left) {
    lane_u8 x[4], sum[4];
    for (int u = 0; u < n_vectors; u++) {
        x[u] = u8_load(at + u * LANES8);
        sum[u] = u8_zero();
    }
    for (int64_t j = lo; j < hi; j++) {
        uint64_t q;
        memcpy(&q, codes + 8 * j, 8);
        const lane_u8 other = u8_eight(q), w = u8_set(weights[j]);
        for (int u = 0; u < n_vectors; u++)
            sum[u] = u8_add_where_ge(sum[u], w, x[u], other);
    }
    for (int u = 0; u < n_vectors; u++)
        u8_store(left + u * LANES8, sum[u]);
}

static ALWAYS_INLINE void sum_pairs(const uint8_t *codes, const uint8_t *weights, int64_t lo, int64_t hi,
                                    int64_t n, uint8_t *left) {
    int64_t i = 0;
    for (; i + 2 * LANES8 < 8 * n; i += 4 * LANES8)
        sum_vectors(codes, weights, lo, hi, 4, codes + i, left + i);
    if (i + LANES8 < 8 * n)
        sum_vectors(codes, weights, lo, hi, 2, codes + i, left + i);
    else if (i < 8 * n)
        sum_vectors(codes, weights, lo, hi, 1, codes + i, left + i);
}

static void search_direct(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                          impurity_split *best) {
    const int64_t n = node->n;
    uint8_t *codes = space->pairs, *zero = codes + 8 * (IMPURITY_DIRECT + 64),
            *one = zero + 8 * (IMPURITY_DIRECT + 64);
    uint8_t *weights = one + 8 * (IMPURITY_DIRECT + 64);
    const int64_t n_zero = load_pairs(p, node, codes, weights);
    sum_pairs(codes, weights, 0, n_zero, n, zero);
    sum_pairs(codes, weights, n_zero, n, n, one);
    const lane_f64 total = f64_set((double)node->weight), sum = f64_set((double)node->totals[1]);
    const lane_f64 least = f64_set((double)p->min_weight);
    lane_best lanes;
    for (int s = 0; s < SLOTS; s += LANES64) {
        lane_f64 score = f64_set(-1), code = f64_set(0), weight = score, part = score;
        for (int64_t i = 0; i < n; i++) {
            const lane_f64 a = f64_from_u8(one + 8 * i + s), w = f64_add(a, f64_from_u8(zero + 8 * i + s));
            const lane_f64 x = f64_from_u8(codes + 8 * i + s), rest = f64_sub(total, w);
            const lane_f64 d = f64_sub(f64_mul(a, total), f64_mul(w, sum));
            const lane_f64 own = f64_div(f64_mul(d, d), f64_mul(w, rest));
            const lane_mask tie = mask_and(f64_eq(own, score), f64_gt(code, x));
            const lane_mask lawful = f64_ge(f64_min(w, rest), least);
            const lane_mask wins = mask_and(lawful, mask_or(f64_gt(own, score), tie));
            score = f64_select(wins, own, score);
            code = f64_select(wins, x, code);
            weight = f64_select(wins, w, weight);
            part = f64_select(wins, a, part);
        }
        f64_store(lanes.score + s, score);
        f64_store(lanes.code + s, code);
        f64_store(lanes.weight + s, weight);
        f64_store(lanes.sum + s, part);
    }
    memset(lanes.missing_left, 0, sizeof lanes.missing_left);
    const double before = best->score;
    take_lanes(node, &lanes, best);
    if (!(best->score > before))
        return;
    int next = 256;
    for (int64_t i = 0; i < n; i++) {
        const int x = codes[8 * i + best->slot];
        if (x > best->code && x < next)
            next = x;
    }
    best->next = (uint8_t)next;
}

/* ---- many rows: histograms */

/* two: cells[code][slot] += weight | weight of class 1 << 32; else sums[code][slot] += weight * target
 * beside. */
static ALWAYS_INLINE void count_rows(const impurity_params *p, const impurity_node *node, int n_slots,
                                     int two, int small, int64_t *cells, int64_t *sums) {
    const int64_t stride = p->layout->stride, step = node->step;
    const uint8_t *payload = node->records + p->layout->payload;
    const uint8_t *code[SLOTS];
    for (int s = 0; s < n_slots; s++)
        code[s] = node->codes + node->at[s];
    for (int64_t i = 0; i < node->n; i++, payload += stride) {
        const int64_t w = records_weight(small, payload), y = records_target(small, payload);
        const int64_t packed = two ? w | (w & -y) << 32 : w, product = w * y;
        for (int s = 0; s < n_slots; s++) {
            const int64_t cell = (int64_t)code[s][i * step] * SLOTS + s;
            cells[cell] += packed;
            if (!two)
                sums[cell] += product;
        }
    }
}

static void count_slots(const impurity_params *p, const impurity_node *node, int two, int64_t *cells,
                        int64_t *sums) {
#define COUNT_CASE(n)                                                                                        \
    case n:                                                                                                  \
        if (!two)                                                                                            \
            count_rows(p, node, n, 0, 0, cells, sums);                                                       \
        else if (p->layout->small)                                                                           \
            count_rows(p, node, n, 1, 1, cells, sums);                                                       \
        else                                                                                                 \
            count_rows(p, node, n, 1, 0, cells, sums);                                                       \
        return;
    switch (node->n_slots) {
        COUNT_CASE(1)
        COUNT_CASE(2)
        COUNT_CASE(3)
        COUNT_CASE(4)
        COUNT_CASE(5)
        COUNT_CASE(6)
        COUNT_CASE(7)
        COUNT_CASE(8)
    }
#undef COUNT_CASE
}

static ALWAYS_INLINE void scan_cells(const impurity_params *p, const impurity_node *node, int two,
                                     const int64_t *cells, const int64_t *sums, int max_codes,
                                     lane_best *lanes) {
    const lane_f64 total = f64_set((double)node->weight);
    const lane_f64 whole = f64_set((double)node->totals[two ? 1 : 0]), least = f64_set((double)p->min_weight);
    for (int s = 0; s < node->n_slots; s += LANES64) {
        lane_f64 score = f64_set(-1), code = f64_set(0), weight = score, part = score, side = code;
        int missing = 0;
        for (int j = s; j < s + LANES64; j++)
            missing |= cells[j] != 0;
        for (int missing_left = 0; missing_left <= missing; missing_left++) {
            lane_i64 acc = missing_left ? i64_load(cells + s) : i64_zero();
            const lane_f64 alone = f64_from_low(acc); /* the missing alone are no left side */
            lane_i64 acc_sum = !two && missing_left ? i64_load(sums + s) : i64_zero();
            for (int c = 1; c < max_codes; c++) {
                acc = i64_add(acc, i64_load(cells + SLOTS * c + s));
                if (!two)
                    acc_sum = i64_add(acc_sum, i64_load(sums + SLOTS * c + s));
                const lane_f64 w = f64_from_low(acc), x = f64_set(c);
                const lane_f64 a = two ? f64_from_high(acc) : f64_from_i64(acc_sum), rest = f64_sub(total, w);
                const lane_f64 d = f64_sub(f64_mul(a, total), f64_mul(w, whole));
                const lane_f64 own = f64_div(f64_mul(d, d), f64_mul(w, rest));
                const lane_mask lawful = mask_and(f64_ge(f64_min(w, rest), least), f64_gt(w, alone));
                lane_mask wins = f64_gt(own, score);
                if (missing_left)
                    wins = mask_or(wins, mask_and(f64_eq(own, score), f64_gt(code, x)));
                wins = mask_and(lawful, wins);
                score = f64_select(wins, own, score);
                code = f64_select(wins, x, code);
                weight = f64_select(wins, w, weight);
                part = f64_select(wins, a, part);
                if (missing_left)
                    side = f64_select(wins, f64_set(1), side);
            }
        }
        f64_store(lanes->score + s, score);
        f64_store(lanes->code + s, code);
        f64_store(lanes->weight + s, weight);
        f64_store(lanes->sum + s, part);
        f64_store(lanes->missing_left + s, side);
    }
}

static void search_counted(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                           int two, impurity_split *best) {
    int64_t *cells = space->cells, *sums = cells + CELLS;
    int max_codes = 1;
    for (int s = 0; s < node->n_slots; s++)
        max_codes = node->n_codes[s] > max_codes ? node->n_codes[s] : max_codes;
    memset(cells, 0, (size_t)max_codes * SLOTS * sizeof *cells);
    if (!two)
        memset(sums, 0, (size_t)max_codes * SLOTS * sizeof *sums);
    count_slots(p, node, two, cells, sums);
    lane_best lanes;
    if (two)
        scan_cells(p, node, 1, cells, sums, max_codes, &lanes);
    else
        scan_cells(p, node, 0, cells, sums, max_codes, &lanes);
    const double before = best->score;
    take_lanes(node, &lanes, best);
    if (!(best->score > before))
        return;
    int next = best->code + 1;
    while (next < max_codes && cells[SLOTS * next + best->slot] == 0)
        next++;
    best->next = (uint8_t)(next < max_codes ? next : 0);
    best->any_missing = cells[best->slot] != 0;
    /* the sum may be beyond what a double holds exactly */
    if (!two) {
        best->sum_left = 0;
        for (int c = best->missing_left ? 0 : 1; c <= best->code; c++)
            best->sum_left += sums[SLOTS * c + best->slot];
    }
}
