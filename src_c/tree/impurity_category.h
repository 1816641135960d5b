/* Included by impurity.c: categorical features and random splits. Both end as an order of codes. */

/* Most categories of which each is tried against all others, with more than one number to a category. */
#define FEW_CATEGORIES 4

typedef struct category {
    double score;
    int32_t code;
} category;

/* What the rows of each code sum up to, by code. */
typedef struct code_sums {
    int64_t *sums; /* (256, n_channels) */
    int64_t *weight, *rows;
} code_sums;

static inline code_sums sums_in(const impurity_params *p, const impurity_space *space) {
    int64_t *weight = space->groups + 256 * (int64_t)p->n_channels;
    return (code_sums){space->groups, weight, weight + 256};
}

static ALWAYS_INLINE void add_codes(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                    int small, int s, code_sums by) {
    for (int64_t i = 0; i < node->n; i++) {
        const uint8_t code = code_of(node, s, i);
        side_sums side = {by.sums + (int64_t)code * p->n_channels, by.weight[code], 0, 0, 0};
        include_row(p, node, kind, small, i, &side);
        by.weight[code] = side.weight;
        by.rows[code]++;
    }
}

/* One output of several classes, whose weights add up to the code's. */
static ALWAYS_INLINE void add_classes(const impurity_params *p, const impurity_node *node, int small, int s,
                                      code_sums by) {
    const int32_t n_channels = p->n_channels;
    for (int64_t i = 0; i < node->n; i++) {
        const uint8_t *payload = payload_of(p, node, i);
        const uint8_t code = code_of(node, s, i);
        by.sums[(int64_t)code * n_channels + records_target(small, payload)] +=
            records_weight(small, payload);
        by.rows[code]++;
    }
    for (int32_t code = 0; code < node->n_codes[s]; code++)
        for (int32_t c = 0; c < n_channels; c++)
            by.weight[code] += by.sums[(int64_t)code * n_channels + c];
}

static code_sums sum_codes(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                           int s) {
    const code_sums by = sums_in(p, space);
    const size_t n_codes = (size_t)node->n_codes[s];
    const int small = p->layout->small, one_output = p->n_outputs == 1;
    memset(by.sums, 0, n_codes * (size_t)p->n_channels * sizeof *by.sums);
    memset(by.weight, 0, n_codes * sizeof *by.weight);
    memset(by.rows, 0, n_codes * sizeof *by.rows);
    if (one_output && is_classification(p))
        small ? add_classes(p, node, 1, s, by) : add_classes(p, node, 0, s, by);
    else if (one_output)
        small ? add_codes(p, node, ONE_NUMBER, 1, s, by) : add_codes(p, node, ONE_NUMBER, 0, s, by);
    else
        add_codes(p, node, OTHER, small, s, by);
    return by;
}

/* Share or mean of each channel of each present category: means[k * n_channels + c], parts[k] its weight. */
static int32_t category_means(const impurity_params *p, const impurity_node *node, int s, code_sums by,
                              category *found, double *means, double *parts) {
    const int32_t n_channels = p->n_channels;
    int32_t n = 0;
    for (int32_t code = 1; code < node->n_codes[s]; code++) {
        if (by.rows[code] == 0)
            continue;
        for (int32_t c = 0; c < n_channels; c++)
            means[n * n_channels + c] = (double)by.sums[code * n_channels + c] / (double)by.weight[code];
        parts[n] = (double)by.weight[code];
        found[n++] = (category){0, code};
    }
    return n;
}

/* Scores along the first principal direction of the means, weighted by the parts (Coppersmith, Hong & Hosking
 * 1999): power iteration from the mean that is farthest from the centre. */
static void principal_scores(int32_t n, int32_t n_channels, double *means, const double *parts,
                             category *found, double *direction, double *next) {
    double total = 0, farthest = -1;
    memset(next, 0, (size_t)n_channels * sizeof *next);
    for (int32_t k = 0; k < n; k++) {
        total += parts[k];
        for (int32_t c = 0; c < n_channels; c++)
            next[c] += parts[k] * means[k * n_channels + c];
    }
    for (int32_t k = 0; k < n; k++) {
        double distance = 0;
        for (int32_t c = 0; c < n_channels; c++) {
            means[k * n_channels + c] -= next[c] / total;
            distance += means[k * n_channels + c] * means[k * n_channels + c];
        }
        if (distance * parts[k] > farthest) {
            farthest = distance * parts[k];
            memcpy(direction, means + k * n_channels, (size_t)n_channels * sizeof *direction);
        }
    }
    for (int round = 0; round < 32 && farthest > 0; round++) {
        double length = 0;
        memset(next, 0, (size_t)n_channels * sizeof *next);
        for (int32_t k = 0; k < n; k++) {
            double along = 0;
            for (int32_t c = 0; c < n_channels; c++)
                along += means[k * n_channels + c] * direction[c];
            for (int32_t c = 0; c < n_channels; c++)
                next[c] += parts[k] * along * means[k * n_channels + c];
        }
        for (int32_t c = 0; c < n_channels; c++)
            length += next[c] * next[c];
        if (!(length > 0))
            break;
        for (int32_t c = 0; c < n_channels; c++)
            direction[c] = next[c] / sqrt(length);
    }
    int32_t largest = 0;
    for (int32_t c = 1; c < n_channels; c++)
        largest = fabs(direction[c]) > fabs(direction[largest]) ? c : largest;
    const double sign = direction[largest] < 0 ? -1.0 : 1.0;
    for (int32_t k = 0; k < n; k++) {
        found[k].score = 0;
        for (int32_t c = 0; c < n_channels; c++)
            found[k].score += sign * means[k * n_channels + c] * direction[c];
    }
}

static void sort_categories(category *found, int32_t n) {
    for (int32_t k = 1; k < n; k++) {
        const category own = found[k];
        int32_t at = k;
        for (; at > 0 && found[at - 1].score > own.score; at--)
            found[at] = found[at - 1];
        found[at] = own;
    }
}

/* The split that a scan of remapped codes has found, as a set. */
static void name_categories(const uint8_t *remap, impurity_split *best) {
    const int last = best->code;
    memset(best->set, 0, sizeof best->set);
    for (int code = 1; code < 256; code++)
        if (remap[code] && remap[code] <= last)
            best->set[code >> 3] |= (uint8_t)(1u << (code & 7));
    best->set[0] |= best->missing_left;
    best->categorical = 1;
}

/* Codes that have rows, in the order of what they are remapped to. */
static int order_codes(const uint8_t *remap, const int64_t *rows, int n_codes, uint8_t *order) {
    uint8_t start[257] = {0};
    int n = 0, most = 0;
    for (int code = 0; code < n_codes; code++) {
        start[remap[code] + 1] += rows[code] > 0;
        most = remap[code] > most ? remap[code] : most;
    }
    for (int k = 1; k <= most; k++)
        start[k] += start[k - 1];
    for (int code = 0; code < n_codes; code++)
        if (rows[code] > 0) {
            order[start[remap[code]]++] = (uint8_t)code;
            n++;
        }
    return n;
}

static inline void include_code(const row_scan *scan, code_sums by, int code, side_sums *side) {
    const int32_t n_channels = scan->p->n_channels;
    const int64_t *sums = by.sums + (int64_t)code * n_channels;
    for (int32_t c = 0; c < n_channels; c++)
        side->left[c] += sums[c];
    side->weight += by.weight[code];
    side->rows += by.rows[code];
}

/* As scan_kind(), but whole codes are added to the left side. */
static void scan_codes(const row_scan *scan, code_sums by, impurity_split *best) {
    const impurity_params *p = scan->p;
    const impurity_node *node = scan->node;
    const impurity_kind kind = kind_of(p);
    uint8_t order[256];
    const int n = order_codes(scan->remap, by.rows, node->n_codes[scan->s], order);
    const int any_missing = n > 0 && scan->remap[order[0]] == 0;
    for (int missing_left = 0; missing_left <= any_missing; missing_left++) {
        side_sums side;
        clear_side(scan, &side);
        if (missing_left)
            include_code(scan, by, order[0], &side);
        for (int k = any_missing; k < n; k++) {
            const int last = k + 1 == n, own = scan->remap[order[k]];
            const int next = last ? 0 : scan->remap[order[k + 1]];
            double values[2];
            include_code(scan, by, order[k], &side);
            if (last && (missing_left || !any_missing))
                break;
            if (own == next || !is_lawful(p, node, &side) || !values_allow(p, node, scan->s, &side, values))
                continue;
            if (kind == MORE_CLASSES) {
                side.squares = side.mixed = 0;
                for (int32_t c = 0; c < p->n_channels; c++) {
                    side.squares += side.left[c] * side.left[c];
                    side.mixed += side.left[c] * node->totals[c];
                }
            }
            const double score =
                score_of(p, node, kind, &side, scan->before, scan->space->left + p->n_channels);
            if (score > -INFINITY)
                propose(scan, kind, &side, score, values, own, next, missing_left, any_missing, best);
        }
    }
}

/* The best split between remapped codes; best->slot stays -1 if there is none better. */
static void scan_remapped(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                          int s, const uint8_t *remap, code_sums by, impurity_split *best) {
    const row_scan one = {p, node, space, remap, space->order, s, node_impurity(p, node)};
    best->slot = -1;
    if (p->criterion == IMPURITY_ABSOLUTE_ERROR) { /* medians want the rows themselves */
        sort_by_counting(node, s, remap, space->order);
        scan_absolute(&one, best);
    } else
        scan_codes(&one, by, best);
}

static void scan_categories(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                            int s, const uint8_t *remap, code_sums by, impurity_split *best) {
    impurity_split own = *best;
    scan_remapped(p, node, space, s, remap, by, &own);
    if (own.slot < 0)
        return;
    *best = own;
    name_categories(remap, best);
}

static void search_categories(const impurity_params *p, const impurity_node *node,
                              const impurity_space *space, int s, impurity_split *best) {
    category found[256];
    double parts[256], *means = space->scores;
    uint8_t remap[256] = {0};
    const code_sums by = sum_codes(p, node, space, s);
    const int32_t n = category_means(p, node, s, by, found, means, parts);
    double *direction = means + 256 * (int64_t)p->n_channels;
    const int one_number = p->n_channels == 1 || (p->n_outputs == 1 && p->n_channels == 2);
    if (!one_number && n <= FEW_CATEGORIES) {
        for (int32_t k = 0; k < n; k++) {
            for (int32_t other = 0; other < n; other++)
                remap[found[other].code] = (uint8_t)(other == k ? 1 : 2);
            scan_categories(p, node, space, s, remap, by, best);
        }
        return;
    }
    if (one_number)
        for (int32_t k = 0; k < n; k++)
            found[k].score = means[k * p->n_channels + p->n_channels - 1];
    else
        principal_scores(n, p->n_channels, means, parts, found, direction, direction + p->n_channels);
    sort_categories(found, n);
    for (int32_t k = 0; k < n; k++)
        remap[found[k].code] = (uint8_t)(k + 1);
    scan_categories(p, node, space, s, remap, by, best);
}

/* ---- splitter="random" */

static uint64_t scramble(uint64_t x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}

/* Each category present goes left with probability 1/2, not all the same way. */
static void draw_categories(const uint8_t *present, int n_codes, uint64_t key, uint8_t *remap) {
    int n = 0, n_left = 0, at = 0;
    for (int code = 1; code < n_codes; code++)
        n += present[code];
    for (int code = 1; code < n_codes; code++)
        if (present[code]) {
            key = scramble(key);
            remap[code] = (uint8_t)(key >> 63 ? 1 : 2);
            n_left += remap[code] == 1;
        }
    if (n == 1) { /* against the missing ones */
        for (int code = 1; code < n_codes; code++)
            remap[code] = present[code];
    } else if (n_left == 0 || n_left == n) {
        const int turned = (int)((scramble(key) >> 32) * (uint64_t)n >> 32);
        for (int code = 1; code < n_codes; code++)
            if (present[code] && at++ == turned)
                remap[code] ^= 3;
    }
}

/* A threshold drawn evenly between the least and the greatest value in the node; returns the last code in the
 * node that goes left. */
static int draw_threshold(const impurity_params *p, const impurity_node *node, int s, const uint8_t *present,
                          double *threshold) {
    const double *lower = p->lower + 256 * (int64_t)node->feature[s];
    const double *upper = p->upper + 256 * (int64_t)node->feature[s];
    int low = 1, high = node->n_codes[s] - 1;
    while (low < high && !present[low])
        low++;
    while (high > low && !present[high])
        high--;
    *threshold = NAN;
    if (low == high)
        return low;
    const double t = *threshold = value_between(share_of(node->key[s]), lower[low], upper[high]);
    int code = low;
    for (int c = low; c < high; c++)
        if (present[c] && upper[c] <= t)
            code = c;
    return code;
}

static void search_random(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                          int s, impurity_split *best) {
    uint8_t present[256] = {0}, remap[256] = {0};
    double threshold = NAN;
    const code_sums by = sum_codes(p, node, space, s);
    const int n_codes = node->n_codes[s];
    int n = 0, last = 0;
    for (int code = 0; code < n_codes; code++)
        present[code] = by.rows[code] > 0;
    for (int code = 1; code < n_codes; code++)
        n += present[code];
    if (n + present[0] < 2)
        return;
    if (node->categorical[s])
        draw_categories(present, n_codes, node->key[s], remap);
    else {
        last = draw_threshold(p, node, s, present, &threshold);
        for (int code = 1; code < n_codes; code++)
            if (present[code])
                remap[code] = (uint8_t)(code <= last ? 1 : 2);
    }
    /* the missing values go one way as well: with one value only they are what is left */
    const int missing_left = n > 1 && present[0] && (scramble(node->key[s]) & 1);
    if (missing_left)
        remap[0] = 1;
    else
        remap[0] = 2;
    impurity_split own = *best;
    scan_remapped(p, node, space, s, remap, by, &own);
    if (own.slot < 0)
        return;
    own.missing_left = (uint8_t)missing_left;
    own.any_missing = present[0];
    if (node->categorical[s]) {
        name_categories(remap, &own);
        own.categorical = 1;
    } else {
        int next = last + 1;
        while (next < n_codes && !present[next])
            next++;
        own.code = (uint8_t)last;
        own.next = (uint8_t)(next < n_codes ? next : 0);
        own.threshold = threshold;
    }
    *best = own;
}
