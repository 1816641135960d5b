/* Included by impurity.c: classes of one output, or one number under squared error, in numerical slots
 * without missing values in the node. Rows in the order of their codes are added one by one, and what the
 * sums are after the last row of a code is written down without a branch, as a code's end is as hard to guess
 * as a coin; then as many candidates as there are lanes are scored at once. Where rows are many more than
 * cells, several classes are counted by code and class instead. */

/* Most rows that are added one by one. */
enum { FEW_ROWS = 512 };

typedef struct few_rows {
    uint32_t weight[FEW_ROWS];
    int64_t target[FEW_ROWS];
    int64_t product[FEW_ROWS]; /* of weight and target, or weight and that of its class in the node */
    uint16_t order[IMPURITY_SLOTS][FEW_ROWS]; /* rows by code */
} few_rows;

static void load_rows(const impurity_params *p, const impurity_node *node, few_rows *few) {
    const int small = p->layout->small, classes = is_classification(p);
    const int64_t n = node->n, stride = p->layout->stride;
    const uint8_t *payload = payload_of(p, node, 0);
    for (int64_t i = 0; i < n; i++, payload += stride) {
        const int64_t w = records_weight(small, payload), y = records_target(small, payload);
        few->weight[i] = (uint32_t)w;
        few->target[i] = y;
        few->product[i] = w * (classes ? node->totals[y] : y);
    }
}

static int most_codes(const impurity_node *node) {
    int most = 1;
    for (int s = 0; s < node->n_slots; s++)
        most = node->n_codes[s] > most ? node->n_codes[s] : most;
    return most;
}

/* Rows in the order of their codes, slots side by side: by counting, or as sort_few has left them. */
static void order_slots(const impurity_node *node, const impurity_space *space, int sorted, few_rows *rows) {
    const int64_t n = node->n;
    const int n_slots = node->n_slots, n_codes = most_codes(node);
    if (sorted) {
        for (int s = 0; s < n_slots; s++) {
            const uint8_t *places = space->places + s * IMPURITY_FEW;
            for (int64_t k = 0; k < n; k++)
                rows->order[s][k] = places[k];
        }
        return;
    }
    uint16_t start[257 * IMPURITY_SLOTS];
    const code_reader reader = reader_of(node);
    memset(start, 0, (size_t)(n_codes + 1) * IMPURITY_SLOTS * sizeof *start);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t eight = eight_codes(&reader, i);
        for (int s = 0; s < n_slots; s++)
            start[((eight >> 8 * s & 255) + 1) * IMPURITY_SLOTS + s]++;
    }
    for (int c = IMPURITY_SLOTS; c < n_codes * IMPURITY_SLOTS; c++)
        start[c + IMPURITY_SLOTS] = (uint16_t)(start[c + IMPURITY_SLOTS] + start[c]);
    for (int64_t i = 0; i < n; i++) {
        const uint64_t eight = eight_codes(&reader, i);
        for (int s = 0; s < n_slots; s++)
            rows->order[s][start[(eight >> 8 * s & 255) * IMPURITY_SLOTS + s]++] = (uint16_t)i;
    }
}

/* Sums of the rows up to the end of each code but the last: weight; of class weights squared and of total
 * times class weight, or of weight times target; rows. */
typedef struct code_ends {
    int64_t weight[256 + LANES64], sum[256 + LANES64], mixed[256 + LANES64], rows[256 + LANES64];
    uint8_t code[256];
} code_ends;

/* Returns how many candidates there are. */
static ALWAYS_INLINE int64_t find_ends(const impurity_node *node, impurity_kind kind, int by_rows,
                                       const few_rows *restrict few, int s, int64_t *restrict left,
                                       code_ends *restrict ends) {
    const int64_t last = node->n - 1, step = node->step;
    const uint8_t *restrict codes = node->codes + node->at[s];
    const uint16_t *restrict order = few->order[s];
    int64_t weight = 0, sum = 0, mixed = 0, at = 0;
    uint8_t code = codes[order[0] * step];
    for (int64_t k = 0; k < last; k++) {
        const int64_t i = order[k], w = few->weight[i];
        const uint8_t next = codes[order[k + 1] * step];
        weight += w;
        if (kind == MORE_CLASSES) {
            int64_t *own = left + few->target[i];
            sum += w * (2 * *own + w);
            mixed += few->product[i];
            *own += w;
            ends->mixed[at] = mixed;
        } else
            sum += few->product[i];
        ends->weight[at] = weight;
        ends->sum[at] = sum;
        if (by_rows)
            ends->rows[at] = k + 1;
        ends->code[at] = code;
        at += code != next;
        code = next;
    }
    ends->code[at] = code;
    return at;
}

/* The best of n candidates, the first among equals; -1: none is lawful. */
static ALWAYS_INLINE int64_t best_end(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                      int by_rows, int64_t n, code_ends *ends, double *best_score) {
    static const double lanes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const lane_f64 total = f64_set((double)node->weight), least = f64_set((double)p->min_weight);
    const lane_f64 n_rows = f64_set((double)node->n), least_rows = f64_set((double)p->min_rows);
    const lane_f64 whole = f64_set((double)node->totals[0]);
    const lane_i64 all_squares = i64_set(node->squares);
    lane_f64 score = f64_set(-1), place = f64_set(-1);
    i64_store(ends->weight + n, i64_set(node->weight)); /* no weight is left for the right side */
    for (int64_t j = 0; j < n; j += LANES64) {
        const lane_f64 w = f64_from_i64(i64_load(ends->weight + j)), v = f64_sub(total, w);
        const lane_i64 sum = i64_load(ends->sum + j);
        lane_f64 own;
        if (kind == MORE_CLASSES) { /* the right side's squares: of total - left */
            const lane_i64 mixed = i64_load(ends->mixed + j);
            const lane_i64 rest = i64_add(i64_sub(all_squares, i64_add(mixed, mixed)), sum);
            own = f64_add(f64_mul(f64_from_i64(sum), v), f64_mul(f64_from_i64(rest), w));
        } else {
            const lane_f64 d = f64_sub(f64_mul(f64_from_i64(sum), total), f64_mul(w, whole));
            own = f64_mul(d, d);
        }
        own = f64_div(own, f64_mul(w, v));
        lane_mask wins = mask_and(f64_ge(f64_min(w, v), least), f64_gt(own, score));
        if (by_rows) {
            const lane_f64 rows = f64_from_i64(i64_load(ends->rows + j));
            wins = mask_and(wins, f64_ge(f64_min(rows, f64_sub(n_rows, rows)), least_rows));
        }
        score = f64_select(wins, own, score);
        place = f64_select(wins, f64_add(f64_set((double)j), f64_load(lanes)), place);
    }
    double scores[LANES64], places[LANES64];
    f64_store(scores, score);
    f64_store(places, place);
    int first = 0;
    for (int j = 1; j < LANES64 && j < n; j++)
        if (scores[j] > scores[first] || (scores[j] == scores[first] && places[j] < places[first]))
            first = j;
    *best_score = scores[first];
    return (int64_t)places[first];
}

static ALWAYS_INLINE void scan_few(const impurity_params *p, const impurity_node *node,
                                   const impurity_space *space, impurity_kind kind, int by_rows,
                                   const few_rows *few, int s, impurity_split *best) {
    code_ends ends;
    double score;
    if (kind == MORE_CLASSES)
        memset(space->left, 0, (size_t)p->n_channels * sizeof *space->left);
    const int64_t n = find_ends(node, kind, by_rows, few, s, space->left, &ends);
    const int64_t at = n ? best_end(p, node, kind, by_rows, n, &ends, &score) : -1;
    if (at < 0 || !(score > best->score))
        return;
    memset(best, 0, sizeof *best);
    best->score = score;
    best->slot = s;
    best->code = ends.code[at];
    best->next = ends.code[at + 1];
    best->threshold = NAN;
    best->weight_left = ends.weight[at];
    best->sum_left = kind == ONE_NUMBER ? ends.sum[at] : 0;
}

/* Classes under another impurity: a candidate costs as much as there are classes, so each is scored alone. */
static void scan_others(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                        const few_rows *few, int s, impurity_split *best) {
    const row_scan one = {p, node, space, 0, 0, s, node_impurity(p, node)};
    int64_t *rest = space->left + p->n_channels;
    const uint16_t *order = few->order[s];
    const double values[2] = {0, 0};
    const int64_t last = node->n - 1;
    side_sums side;
    clear_side(&one, &side);
    for (int64_t k = 0; k < last; k++) {
        const int64_t i = order[k];
        const uint8_t code = code_of(node, s, i), next = code_of(node, s, order[k + 1]);
        side.weight += few->weight[i];
        side.rows++;
        side.left[few->target[i]] += few->weight[i];
        if (code == next || !is_lawful(p, node, &side))
            continue;
        const double score = score_of(p, node, OTHER, &side, one.before, rest);
        if (score > best->score)
            propose(&one, OTHER, &side, score, values, code, next, 0, 0, best);
    }
}

/* One slot of many rows and several classes: cells[code][class] += weight | 1 << 32. */
static ALWAYS_INLINE void count_classes(const impurity_params *p, const impurity_node *node, int s, int small,
                                        int64_t *cells) {
    const int64_t n = node->n, n_channels = p->n_channels, step = node->step, stride = p->layout->stride;
    const uint8_t *payload = payload_of(p, node, 0), *code = node->codes + node->at[s];
    for (int64_t i = 0; i < n; i++, payload += stride, code += step)
        cells[*code * n_channels + records_target(small, payload)] +=
            records_weight(small, payload) | (int64_t)1 << 32;
}

static ALWAYS_INLINE void scan_classes(const impurity_params *p, const impurity_node *node,
                                       const impurity_space *space, impurity_kind kind, int s,
                                       impurity_split *best) {
    const int32_t n_channels = p->n_channels, n_codes = node->n_codes[s];
    const row_scan one = {p, node, space, 0, 0, s, node_impurity(p, node)};
    int64_t *rest = space->left + p->n_channels, *const left = space->left;
    const int64_t *const totals = node->totals;
    const double values[2] = {0, 0};
    int64_t *cells = space->groups, rows[256];
    memset(cells, 0, (size_t)n_codes * n_channels * sizeof *cells);
    if (p->layout->small)
        count_classes(p, node, s, 1, cells);
    else
        count_classes(p, node, s, 0, cells);
    int last = 0;
    for (int code = 0; code < n_codes; code++) {
        int64_t *own = cells + (int64_t)code * n_channels;
        rows[code] = 0;
        for (int32_t c = 0; c < n_channels; c++) {
            rows[code] += own[c] >> 32;
            own[c] &= 0xFFFFFFFF;
        }
        last = rows[code] ? code : last;
    }
    side_sums side;
    clear_side(&one, &side);
    for (int code = 1; code < last; code++) {
        if (rows[code] == 0)
            continue;
        const int64_t *own = cells + (int64_t)code * n_channels;
        int64_t weight = 0, squares = 0, mixed = 0;
        for (int32_t c = 0; c < n_channels; c++) {
            weight += own[c];
            squares += own[c] * (2 * left[c] + own[c]);
            mixed += own[c] * totals[c];
            left[c] += own[c];
        }
        side.rows += rows[code];
        side.weight += weight;
        side.squares += squares;
        side.mixed += mixed;
        if (!is_lawful(p, node, &side))
            continue;
        const double score = score_of(p, node, kind, &side, one.before, rest);
        if (score > best->score) {
            int next = code + 1;
            while (rows[next] == 0)
                next++;
            propose(&one, kind, &side, score, values, code, next, 0, 0, best);
        }
    }
}

static void search_classes(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                           int s, impurity_split *best) {
    if (kind_of(p) == MORE_CLASSES)
        scan_classes(p, node, space, MORE_CLASSES, s, best);
    else
        scan_classes(p, node, space, OTHER, s, best);
}

static void search_few(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                       const few_rows *few, int s, impurity_split *best) {
    const impurity_kind kind = kind_of(p);
    if (kind == OTHER)
        scan_others(p, node, space, few, s, best);
    else if (p->min_rows > 1)
        kind == ONE_NUMBER ? scan_few(p, node, space, ONE_NUMBER, 1, few, s, best)
                           : scan_few(p, node, space, MORE_CLASSES, 1, few, s, best);
    else
        kind == ONE_NUMBER ? scan_few(p, node, space, ONE_NUMBER, 0, few, s, best)
                           : scan_few(p, node, space, MORE_CLASSES, 0, few, s, best);
}

/* ---- two rows */

/* Score of the split that sends row i left. */
static double score_of_row(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                           const int64_t weight[2], const int64_t target[2], int i) {
    const int64_t w = weight[i];
    int64_t left[2] = {0, w * target[i]}; /* of two classes: the weight of class 1 */
    side_sums side = {left, w, 1, w * w, 0};
    if (kind == ONE_NUMBER)
        left[0] = left[1];
    if (kind == MORE_CLASSES)
        side.mixed = w * node->totals[target[i]];
    return score_of(p, node, kind, &side, 0, 0);
}

/* Two rows have two splits, whatever the slot: the first slot with the better of those that it has wins. A
 * third of the nodes of deep trees are such. Returns whether some slot is not constant. */
static int search_pair(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                       impurity_split *best) {
    const int small = p->layout->small, narrow = node->step == 32;
    const lane_places places[2] = {places_from(node, 0), places_from(node, SLOTS)};
    uint8_t code[2][IMPURITY_MOST_SLOTS];
    int64_t weight[2], target[2];
    double score[2];
    for (int i = 0; i < 2; i++) {
        weight[i] = records_weight(small, payload_of(p, node, i));
        target[i] = records_target(small, payload_of(p, node, i));
        for (int half = 0; half * SLOTS < node->n_slots; half++) {
            const uint64_t eight =
                narrow ? u64_pick(node->codes + 32 * i, places[half]) : gather_codes(node, half * SLOTS, i);
            memcpy(code[i] + half * SLOTS, &eight, sizeof eight);
        }
    }
    for (int i = 0; i < 2; i++)
        score[i] = score_of_row(p, node, kind, weight, target, i);
    const int lawful = weight[0] >= p->min_weight && weight[1] >= p->min_weight;
    int slot = -1, side = 0, varies = 0;
    for (int s = 0; s < node->n_slots; s++) {
        const int lower = code[1][s] < code[0][s];
        if (code[0][s] == code[1][s])
            continue;
        varies = 1;
        if (lawful && score[lower] > best->score) {
            best->score = score[lower];
            slot = s;
            side = lower;
        }
    }
    if (slot < 0)
        return varies;
    const double found = best->score;
    memset(best, 0, sizeof *best);
    best->score = found;
    best->slot = slot;
    best->code = code[side][slot];
    best->next = code[1 - side][slot];
    best->threshold = NAN;
    best->weight_left = weight[side];
    best->sum_left = weight[side] * target[side];
    if (p->random) {
        const int64_t first = 256 * (int64_t)node->feature[slot];
        best->threshold = value_between(share_of(node->key[slot]), p->lower[first + best->code],
                                        p->upper[first + best->next]);
    }
    return 1;
}
