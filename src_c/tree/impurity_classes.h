/* Included by impurity.c: several classes of one output under Gini, many rows and few codes, numerical slots
 * without missing values. All slots are counted in one pass over the rows, by class, code and slot, and lie
 * in lanes when the sums up to each code are made and scored. */

/* Most cells of all slots: more would not stay in the first-level cache, and one slot at a time is quicker.
 */
#define CLASS_CELLS (512 * SLOTS)

/* Sums of the rows up to each code: weight | rows << 32; of class weights squared; of total times class
 * weight. */
typedef struct class_sums {
    int64_t both[256 * SLOTS], squares[256 * SLOTS], mixed[256 * SLOTS];
} class_sums;

/* cells[class][code][slot] += weight | 1 << 32 */
static ALWAYS_INLINE void count_class_rows(const impurity_params *p, const impurity_node *node, int n_slots,
                                           int small, int n_codes, int64_t *cells) {
    const int64_t stride = p->layout->stride, step = node->step, n_own = (int64_t)n_codes * SLOTS;
    const uint8_t *payload = payload_of(p, node, 0), *code[SLOTS];
    for (int s = 0; s < n_slots; s++)
        code[s] = node->codes + node->at[s];
    for (int64_t i = 0; i < node->n; i++, payload += stride) {
        const int64_t one = records_weight(small, payload) | (int64_t)1 << 32;
        int64_t *own = cells + records_target(small, payload) * n_own;
        for (int s = 0; s < n_slots; s++)
            own[(int64_t)code[s][i * step] * SLOTS + s] += one;
    }
}

static void count_class_slots(const impurity_params *p, const impurity_node *node, int n_codes,
                              int64_t *cells) {
#define COUNT_CASE(n)                                                                                        \
    case n:                                                                                                  \
        p->layout->small ? count_class_rows(p, node, n, 1, n_codes, cells)                                   \
                         : count_class_rows(p, node, n, 0, n_codes, cells);                                  \
        return;
    switch (node->n_slots) { EACH_SLOTS(COUNT_CASE) }
#undef COUNT_CASE
}

static void sum_class_cells(const impurity_params *p, const impurity_node *node, int n_codes,
                            const int64_t *cells, class_sums *sums) {
    const size_t bytes = (size_t)n_codes * SLOTS * sizeof(int64_t);
    memset(sums->both, 0, bytes);
    memset(sums->squares, 0, bytes);
    memset(sums->mixed, 0, bytes);
    for (int32_t c = 0; c < p->n_channels; c++, cells += (int64_t)n_codes * SLOTS) {
        const lane_i64 total = i64_set(node->totals[c]);
        if (node->totals[c] == 0)
            continue;
        for (int s = 0; s < node->n_slots; s += LANES64) {
            lane_i64 left = i64_zero();
            for (int at = s; at < n_codes * SLOTS; at += SLOTS) {
                left = i64_add(left, i64_load(cells + at));
                i64_store(sums->both + at, i64_add(i64_load(sums->both + at), left));
                i64_store(sums->squares + at, i64_add(i64_load(sums->squares + at), i64_mul_low(left, left)));
                i64_store(sums->mixed + at, i64_add(i64_load(sums->mixed + at), i64_mul_low(left, total)));
            }
        }
    }
}

static void scan_class_sums(const impurity_params *p, const impurity_node *node, int n_codes,
                            const class_sums *sums, lane_best *best) {
    const lane_f64 total = f64_set((double)node->weight), n_rows = f64_set((double)node->n);
    const lane_f64 least = f64_set((double)p->min_weight), least_rows = f64_set((double)p->min_rows);
    const lane_i64 all_squares = i64_set(node->squares);
    for (int s = 0; s < node->n_slots; s += LANES64) {
        lane_f64 score = f64_set(-1), code = f64_set(0), weight = score;
        for (int c = 1; c < n_codes; c++) {
            const int at = c * SLOTS + s;
            const lane_i64 both = i64_load(sums->both + at), squares = i64_load(sums->squares + at);
            const lane_i64 mixed = i64_load(sums->mixed + at);
            const lane_i64 rest = i64_add(i64_sub(all_squares, i64_add(mixed, mixed)), squares);
            const lane_f64 w = f64_from_low(both), v = f64_sub(total, w), rows = f64_from_high(both);
            lane_f64 own = f64_add(f64_mul(f64_from_i64(squares), v), f64_mul(f64_from_i64(rest), w));
            own = f64_div(own, f64_mul(w, v));
            const lane_mask lawful = mask_and(f64_ge(f64_min(w, v), least),
                                              f64_ge(f64_min(rows, f64_sub(n_rows, rows)), least_rows));
            const lane_mask wins = mask_and(lawful, f64_gt(own, score));
            score = f64_select(wins, own, score);
            code = f64_select(wins, f64_set(c), code);
            weight = f64_select(wins, w, weight);
        }
        f64_store(best->score + s, score);
        f64_store(best->code + s, code);
        f64_store(best->weight + s, weight);
    }
}

/* Fewer rows are not worth a look at all cells. */
enum { LEAST_CLASS_ROWS = 64 };

static int fits_class_cells(const impurity_params *p, const impurity_node *node) {
    return node->n >= LEAST_CLASS_ROWS && (int64_t)p->n_channels * most_codes(node) * SLOTS <= CLASS_CELLS;
}

static NEVER_INLINE void search_class_slots(const impurity_params *p, const impurity_node *node,
                                            const impurity_space *space, impurity_split *best) {
    const int n_codes = most_codes(node);
    class_sums sums;
    lane_best lanes;
    memset(&lanes, 0, sizeof lanes);
    memset(space->cells, 0, (size_t)p->n_channels * n_codes * SLOTS * sizeof *space->cells);
    count_class_slots(p, node, n_codes, space->cells);
    sum_class_cells(p, node, n_codes, space->cells, &sums);
    scan_class_sums(p, node, n_codes, &sums, &lanes);
    const double before = best->score;
    take_lanes(node, &lanes, best);
    if (!(best->score > before))
        return;
    int next = best->code + 1;
    while (sums.both[next * SLOTS + best->slot] == sums.both[best->code * SLOTS + best->slot])
        next++;
    best->next = (uint8_t)next;
}
