/* Included by impurity.c: classes of one output, or one number under squared error, in numerical slots
 * without missing values in the node. Few rows are sorted by comparing and added one by one from arrays that
 * fit in the first-level cache; more rows of several classes are counted by code and class. */

typedef struct few_rows {
    const uint8_t *codes; /* eight to a row */
    const uint8_t *places;
    uint32_t weight[IMPURITY_DIRECT];
    int64_t target[IMPURITY_DIRECT];
} few_rows;

static void load_rows(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                      few_rows *few) {
    const int small = p->layout->small;
    const uint8_t *payload = payload_of(p, node, 0);
    few->codes = space->pairs;
    few->places = space->pairs + 16 * (IMPURITY_DIRECT + 64);
    for (int64_t i = 0; i < node->n; i++, payload += p->layout->stride) {
        few->weight[i] = records_weight(small, payload);
        few->target[i] = records_target(small, payload);
    }
}

/* The next class weight of the left side. */
static ALWAYS_INLINE void add_class(const impurity_node *node, impurity_kind kind, int64_t y, int64_t w,
                                    side_sums *side) {
    if (kind == MORE_CLASSES) {
        side->squares += w * (2 * side->left[y] + w);
        side->mixed += w * node->totals[y];
    }
    side->left[y] += w;
}

static ALWAYS_INLINE void scan_few(const impurity_params *p, const impurity_node *node,
                                   const impurity_space *space, impurity_kind kind, const few_rows *few,
                                   int s, impurity_split *best) {
    const row_scan one = {p, node, space, 0, 0, s, node_impurity(p, node)};
    int64_t *rest = space->left + p->n_channels;
    const uint8_t *places = few->places + s * IMPURITY_DIRECT, *codes = few->codes + s;
    const double values[2] = {0, 0};
    const int64_t last = node->n - 1;
    side_sums side;
    clear_side(&one, &side);
    for (int64_t k = 0; k < last; k++) {
        const int64_t i = places[k], w = few->weight[i];
        const uint8_t code = codes[8 * i], next = codes[8 * places[k + 1]];
        side.weight += w;
        side.rows++;
        if (kind == ONE_NUMBER)
            side.left[0] += w * few->target[i];
        else
            add_class(node, kind, few->target[i], w, &side);
        if (code == next || !is_lawful(p, node, &side))
            continue;
        const double score = score_of(p, node, kind, &side, one.before, rest);
        if (score > best->score)
            propose(&one, kind, &side, score, values, code, next, 0, 0, best);
    }
}

/* One slot of many rows and several classes. */
static ALWAYS_INLINE void count_classes(const impurity_params *p, const impurity_node *node, int s, int small,
                                        int64_t *cells, int64_t *rows) {
    const int64_t n_channels = p->n_channels;
    const uint8_t *payload = payload_of(p, node, 0);
    for (int64_t i = 0; i < node->n; i++, payload += p->layout->stride) {
        const int64_t code = code_of(node, s, i);
        cells[code * n_channels + records_target(small, payload)] += records_weight(small, payload);
        rows[code]++;
    }
}

static ALWAYS_INLINE void scan_classes(const impurity_params *p, const impurity_node *node,
                                       const impurity_space *space, impurity_kind kind, int s,
                                       impurity_split *best) {
    const int32_t n_channels = p->n_channels, n_codes = node->n_codes[s];
    const row_scan one = {p, node, space, 0, 0, s, node_impurity(p, node)};
    int64_t *rest = space->left + p->n_channels;
    const double values[2] = {0, 0};
    int64_t *cells = space->groups, *rows = cells + 256 * (int64_t)n_channels;
    memset(cells, 0, (size_t)n_codes * n_channels * sizeof *cells);
    memset(rows, 0, (size_t)n_codes * sizeof *rows);
    if (p->layout->small)
        count_classes(p, node, s, 1, cells, rows);
    else
        count_classes(p, node, s, 0, cells, rows);
    int last = n_codes - 1;
    while (rows[last] == 0)
        last--;
    side_sums side;
    clear_side(&one, &side);
    for (int code = 1; code < last; code++) {
        if (rows[code] == 0)
            continue;
        const int64_t *own = cells + (int64_t)code * n_channels;
        side.rows += rows[code];
        for (int32_t c = 0; c < n_channels; c++) {
            side.weight += own[c];
            add_class(node, kind, c, own[c], &side);
        }
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
    switch (kind_of(p)) {
    case MORE_CLASSES:
        scan_few(p, node, space, MORE_CLASSES, few, s, best);
        return;
    case ONE_NUMBER:
        scan_few(p, node, space, ONE_NUMBER, few, s, best);
        return;
    default:
        scan_few(p, node, space, OTHER, few, s, best);
    }
}
