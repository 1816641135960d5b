/* Included by impurity.c: many rows of two classes under Gini and one number under squared error, without
 * limits that need more than weights. Slots lie in lanes. */

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

/* One case for each number of slots, which is a constant in it. */
#define EACH_SLOTS(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)

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
    switch (node->n_slots) { EACH_SLOTS(COUNT_CASE) }
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
