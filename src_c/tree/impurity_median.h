/* Included by impurity.c: absolute error. Weights and weighted targets of the left side lie in Fenwick trees
 * over the node's distinct targets (Fenwick 1994), so that its median is found in log2(n) steps after every
 * row; the right side is the node less the left side. */

typedef struct medians {
    int64_t n;                                              /* distinct targets */
    int64_t top;                                            /* largest power of two that is not above n */
    int64_t *all_weight, *all_sum, *left_weight, *left_sum; /* (n + 1,) */
    const int64_t *value;                                   /* (n,) ascending */
} medians;

static void sort_keys(int64_t *keys, int64_t *spare, int64_t n) {
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t lo = 0; lo < n; lo += 2 * width) {
            const int64_t mid = lo + width < n ? lo + width : n, hi = lo + 2 * width < n ? lo + 2 * width : n;
            int64_t a = lo, b = mid, to = lo;
            while (a < mid && b < hi)
                spare[to++] = keys[b] < keys[a] ? keys[b++] : keys[a++];
            while (a < mid)
                spare[to++] = keys[a++];
            while (b < hi)
                spare[to++] = keys[b++];
        }
        memcpy(keys, spare, (size_t)n * sizeof *keys);
    }
}

static inline void fenwick_add(const medians *m, int64_t *weight, int64_t *sum, int64_t at, int64_t w,
                               int64_t y) {
    for (int64_t k = at + 1; k <= m->n; k += k & -k) {
        weight[k] += w;
        sum[k] += w * y;
    }
}

/* Distinct targets before the first at which twice the weight reaches (strict: exceeds) `weight`; with the
 * weight and the weighted targets of those before it. sign: the left side, or the node less it. */
static int64_t descend(const medians *m, int right, int64_t weight, int strict, int64_t *below,
                       int64_t *sum) {
    int64_t at = 0;
    *below = *sum = 0;
    for (int64_t step = m->top; step > 0; step /= 2) {
        const int64_t k = at + step;
        if (k > m->n)
            continue;
        const int64_t w = right ? m->all_weight[k] - m->left_weight[k] : m->left_weight[k];
        const int64_t reached = 2 * (*below + w);
        if (strict ? reached <= weight : reached < weight) {
            at = k;
            *below += w;
            *sum += right ? m->all_sum[k] - m->left_sum[k] : m->left_sum[k];
        }
    }
    return at;
}

/* Sum of weighted distances from the median of one side, and that median. */
static double absolute_error(const medians *m, int right, int64_t weight, int64_t total, double *median) {
    int64_t below, sum, other_below, other_sum;
    const int64_t k = descend(m, right, weight, 0, &below, &sum);
    const int64_t next = descend(m, right, weight, 1, &other_below, &other_sum);
    const int64_t y = m->value[k < m->n ? k : m->n - 1];
    *median = 0.5 * (double)y + 0.5 * (double)m->value[next < m->n ? next : m->n - 1];
    return (double)(y * below - sum + (total - sum) - y * (weight - below));
}

/* local[i] = which of the node's distinct targets row i has. */
static void rank_targets(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                         int32_t o, medians *m, int32_t **local) {
    const int64_t n = node->n;
    int64_t *keys = space->fenwick, *spare = keys + n, *at = spare + n;
    for (int64_t i = 0; i < n; i++) {
        const uint32_t row = records_row(p->layout, node->records + i * p->layout->stride);
        keys[i] = (int64_t)p->rank[(int64_t)row * p->n_outputs + o] << 32 | i;
    }
    sort_keys(keys, spare, n);
    *local = (int32_t *)(at + 4 * (n + 1));
    m->n = 0;
    for (int64_t i = 0; i < n; i++) {
        if (i == 0 || keys[i] >> 32 != keys[i - 1] >> 32)
            spare[m->n++] = p->ranked[o * p->n_ranked + (keys[i] >> 32)];
        (*local)[keys[i] & 0xFFFFFFFF] = (int32_t)(m->n - 1);
    }
    m->value = spare;
    for (m->top = 1; m->top * 2 <= m->n; m->top *= 2)
        continue;
    memset(at, 0, 4 * (size_t)(n + 1) * sizeof *at);
    m->all_weight = at;
    m->all_sum = at + (n + 1);
    m->left_weight = at + 2 * (n + 1);
    m->left_sum = at + 3 * (n + 1);
    for (int64_t i = 0; i < n; i++)
        fenwick_add(m, m->all_weight, m->all_sum, (*local)[i], records_weight(0, payload_of(p, node, i)),
                    spare[(*local)[i]]);
}

typedef struct boundary {
    double error, values[2];
    int64_t weight, rows;
    uint8_t next, used;
} boundary;

/* The candidates of one output: their errors are added to those of the outputs before it. */
static void add_errors(const row_scan *scan, const medians *m, const int32_t *local, int missing_left,
                       int64_t n_missing, int64_t total, double *whole, boundary *boundaries) {
    const impurity_node *node = scan->node;
    const int64_t n = node->n;
    double median;
    int64_t weight = 0, sum = 0;
    memset(m->left_weight, 0, 2 * (size_t)(n + 1) * sizeof *m->left_weight);
    *whole = absolute_error(m, 1, node->weight, total, &median);
    for (int64_t i = missing_left ? 0 : n_missing; i < n; i++) {
        const int64_t row = scan->order[i], w = records_weight(0, payload_of(scan->p, node, row));
        const int64_t y = m->value[local[row]];
        fenwick_add(m, m->left_weight, m->left_sum, local[row], w, y);
        weight += w;
        sum += w * y;
        const uint8_t own = scan_code(scan, i), code = i + 1 < n ? scan_code(scan, i + 1) : 0;
        if (own == 0 || (i + 1 < n && code == own) || (i + 1 == n && (missing_left || n_missing == 0)))
            continue;
        boundary *b = boundaries + own;
        b->error += absolute_error(m, 0, weight, sum, &b->values[0]);
        b->error += absolute_error(m, 1, node->weight - weight, total - sum, &b->values[1]);
        b->weight = weight;
        b->rows = missing_left ? i + 1 : i + 1 - n_missing;
        b->next = code;
        b->used = 1;
    }
}

static void scan_absolute(const row_scan *scan, impurity_split *best) {
    const impurity_params *p = scan->p;
    const impurity_node *node = scan->node;
    boundary boundaries[256];
    int64_t n_missing = 0;
    while (n_missing < node->n && scan_code(scan, n_missing) == 0)
        n_missing++;
    for (int missing_left = 0; missing_left <= (n_missing > 0); missing_left++) {
        double before = 0;
        memset(boundaries, 0, sizeof boundaries);
        for (int32_t o = 0; o < p->n_outputs; o++) {
            medians m;
            int32_t *local;
            double whole;
            rank_targets(p, node, scan->space, o, &m, &local);
            add_errors(scan, &m, local, missing_left, n_missing, node->totals[o], &whole, boundaries);
            before += whole;
        }
        for (int c = 1; c < 256; c++) {
            const boundary *b = boundaries + c;
            if (!b->used)
                continue;
            side_sums side = {scan->space->left, b->weight, b->rows, 0, 0};
            if (!is_lawful(p, node, &side) || (p->bounded && node->monotone[scan->s] &&
                                               !is_ordered(node, scan->s, b->values[0], b->values[1])))
                continue;
            propose(scan, OTHER, &side, (before - b->error) / p->n_outputs, b->values, c, b->next,
                    missing_left, n_missing > 0, best);
        }
    }
}

/* Weight times impurity of a whole node, per output summed. */
static double absolute_impurity(const impurity_params *p, const impurity_node *node,
                                const impurity_space *space, double *values) {
    double sum = 0;
    for (int32_t o = 0; o < p->n_outputs; o++) {
        medians m;
        int32_t *local;
        rank_targets(p, node, space, o, &m, &local);
        sum += absolute_error(&m, 1, node->weight, node->totals[o], &values[o]);
    }
    return sum;
}
