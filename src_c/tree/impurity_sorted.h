/* Included by impurity.c: rows in the order of their codes, added to the left side one by one. */

/* order[] = rows by code: counting, stable. remap: what a code counts as, or NULL. */
static void sort_by_counting(const impurity_node *node, int s, const uint8_t *remap, uint32_t *order) {
    uint32_t start[257] = {0};
    const uint8_t *code = node->codes + node->at[s];
    for (int64_t i = 0; i < node->n; i++) {
        const uint8_t x = code[i * node->step];
        start[1 + (remap ? remap[x] : x)]++;
    }
    for (int c = 1; c < 256; c++)
        start[c + 1] += start[c];
    for (int64_t i = 0; i < node->n; i++) {
        const uint8_t x = code[i * node->step];
        order[start[remap ? remap[x] : x]++] = (uint32_t)i;
    }
}

/* How the codes of a row in all slots are read at once, eight bytes; those beyond the slots mean nothing. */
typedef struct code_reader {
    const uint8_t *codes;
    int64_t step, at[IMPURITY_SLOTS];
    lane_places places;
    int32_t n_slots, picks;
} code_reader;

static inline code_reader reader_of(const impurity_node *node) {
    code_reader reader;
    uint8_t places[IMPURITY_SLOTS] = {0};
    reader.codes = node->codes;
    reader.step = node->step;
    reader.n_slots = node->n_slots;
    reader.picks = node->step == 32; /* codes and payload of a narrow record */
    for (int s = 0; s < node->n_slots; s++) {
        reader.at[s] = node->at[s];
        places[s] = (uint8_t)(reader.picks ? node->at[s] : 0);
    }
    reader.places = places_of(places);
    return reader;
}

static ALWAYS_INLINE uint64_t eight_codes(const code_reader *reader, int64_t i) {
    const uint8_t *row = reader->codes + i * reader->step;
    if (reader->picks)
        return u64_pick(row, reader->places);
    uint8_t x[8] = {0};
    for (int s = 0; s < reader->n_slots; s++)
        x[s] = row[reader->at[s]];
    uint64_t eight;
    memcpy(&eight, x, 8);
    return eight;
}

typedef struct row_scan {
    const impurity_params *p;
    const impurity_node *node;
    const impurity_space *space;
    const uint8_t *remap;
    const uint32_t *order;
    int s;
    double before; /* weight times impurity of the node, where the kind is OTHER */
} row_scan;

static inline uint8_t scan_code(const row_scan *scan, int64_t i) {
    const uint8_t x = code_of(scan->node, scan->s, scan->order[i]);
    return scan->remap ? scan->remap[x] : x;
}

static inline void clear_side(const row_scan *scan, side_sums *side) {
    memset(side, 0, sizeof *side);
    side->left = scan->space->left;
    memset(side->left, 0, (size_t)scan->p->n_channels * sizeof *side->left);
}

static inline int is_lawful(const impurity_params *p, const impurity_node *node, const side_sums *side) {
    const int64_t rest = node->weight - side->weight, rows = node->n - side->rows;
    return side->weight >= p->min_weight && rest >= p->min_weight && side->rows >= p->min_rows &&
           rows >= p->min_rows;
}

/* Puts a candidate forward: rows that `side` sums go left. */
static ALWAYS_INLINE void propose(const row_scan *scan, impurity_kind kind, const side_sums *side,
                                  double score, const double *values, int code, int next, int missing_left,
                                  int any_missing, impurity_split *best) {
    if (!is_better(kind, score, scan->s, code, best))
        return;
    const int32_t last = is_classification(scan->p) && scan->p->n_channels == 2 ? 1 : 0;
    best->score = score;
    best->slot = scan->s;
    best->code = (uint8_t)code;
    best->next = (uint8_t)next;
    best->missing_left = (uint8_t)missing_left;
    best->any_missing = (uint8_t)any_missing;
    best->categorical = 0;
    best->threshold = NAN;
    best->weight_left = side->weight;
    best->sum_left = side->left[last];
    best->value_left = values[0];
    best->value_right = values[1];
}

/* Values of the two sides where monotonic constraints need them; 0: they forbid the split. */
static ALWAYS_INLINE int values_allow(const impurity_params *p, const impurity_node *node, int s,
                                      const side_sums *side, double *values) {
    values[0] = values[1] = 0;
    if (!p->bounded || node->monotone[s] == 0)
        return 1;
    const int32_t last = p->n_channels - 1;
    values[0] = (double)side->left[last] / (double)side->weight;
    values[1] = (double)(node->totals[last] - side->left[last]) / (double)(node->weight - side->weight);
    return is_ordered(node, s, values[0], values[1]);
}

static ALWAYS_INLINE void scan_kind(const row_scan *scan, impurity_kind kind, int small,
                                    impurity_split *best) {
    const impurity_params *p = scan->p;
    const impurity_node *node = scan->node;
    const int64_t n = node->n;
    int64_t n_missing = 0;
    while (n_missing < n && scan_code(scan, n_missing) == 0)
        n_missing++;
    for (int missing_left = 0; missing_left <= (n_missing > 0); missing_left++) {
        side_sums side;
        clear_side(scan, &side);
        int64_t i = 0;
        for (; i < n_missing; i++)
            if (missing_left)
                include_row(p, node, kind, small, scan->order[i], &side);
        uint8_t code = i < n ? scan_code(scan, i) : 0;
        while (i < n) {
            include_row(p, node, kind, small, scan->order[i], &side);
            const uint8_t own = code;
            i++;
            code = i < n ? scan_code(scan, i) : 0;
            if (i < n && code == own)
                continue;
            if (i == n && (missing_left || n_missing == 0))
                break;
            double values[2];
            if (!is_lawful(p, node, &side) || !values_allow(p, node, scan->s, &side, values))
                continue;
            const double score =
                score_of(p, node, kind, &side, scan->before, scan->space->left + p->n_channels);
            if (score > -INFINITY)
                propose(scan, kind, &side, score, values, own, code, missing_left, n_missing > 0, best);
        }
    }
}

static void scan_absolute(const row_scan *scan, impurity_split *best);

static void scan_order(const row_scan *scan, impurity_split *best) {
    const int small = scan->p->layout->small;
    if (scan->p->criterion == IMPURITY_ABSOLUTE_ERROR) {
        scan_absolute(scan, best);
        return;
    }
    switch (kind_of(scan->p)) {
    case TWO_CLASSES:
        small ? scan_kind(scan, TWO_CLASSES, 1, best) : scan_kind(scan, TWO_CLASSES, 0, best);
        return;
    case MORE_CLASSES:
        small ? scan_kind(scan, MORE_CLASSES, 1, best) : scan_kind(scan, MORE_CLASSES, 0, best);
        return;
    case ONE_NUMBER:
        scan_kind(scan, ONE_NUMBER, 0, best);
        return;
    default:
        scan_kind(scan, OTHER, small, best);
    }
}

/* Rows in the order of their codes in slot s; few of them have been sorted before. */
static void order_rows(const impurity_node *node, int s, const impurity_space *space) {
    const uint8_t *places = space->places + s * IMPURITY_FEW;
    if (node->n > IMPURITY_FEW)
        sort_by_counting(node, s, 0, space->order);
    else
        for (int64_t i = 0; i < node->n; i++)
            space->order[i] = places[i];
}

/* One numerical slot. */
static void search_sorted(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                          int s, impurity_split *best) {
    const row_scan one = {p, node, space, 0, space->order, s, node_impurity(p, node)};
    order_rows(node, s, space);
    scan_order(&one, best);
}
