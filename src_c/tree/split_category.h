/* The part of split.c on categories, and on exact counts where sums of h do not tell rows. Included by it and
 * by nothing else.
 */
/* ---- categorical features
 * ---------------------------------------------------------------------------------------- */

static void set_codes(uint8_t *set, const uint8_t *codes, int32_t n) {
    memset(set, 0, 32);
    for (int32_t j = 0; j < n; j++)
        set[codes[j] >> 3] |= (uint8_t)(1u << (codes[j] & 7));
}

/* Best split of a categorical feature (Fisher 1958: for one output the best two groups are contiguous once
 * categories are sorted by mean gradient). Missing is one more category. With at most max_cat_onehot
 * categories present each one is tried against the rest; otherwise categories are sorted by G / (H +
 * cat_smooth), ties by code, those with a share of the hessian worth less than cat_smooth rows being left on
 * the right, and cat_l2 is added to l2, here and in the children's outputs: the groups were chosen by the
 * gradients that they are to fit.
 */
void FN(split_categorical)(const int64_t *cells, const split_exact *exact, int32_t n_codes,
                           const split_params *p, const split_node *node, split_candidate *best) {
    uint8_t present[256];
    double key[256];
    int32_t n = 0;
    best->gain = -1.0;
    best->categorical = 1;
    best->sorted = 0;
    best->code = 0;
    best->missing_left = 0;
    best->any_missing = exact ? exact->rows[0] > 0 : cells[0] != 0;
    for (int32_t c = 0; c < n_codes; c++)
        if (exact ? exact->rows[c] > 0 : cells[c] != 0)
            present[n++] = (uint8_t)c;
    if (n < 2)
        return;
    const int32_t n_present = n;
    const int onehot = n <= p->max_cat_onehot;
    best->sorted = !onehot;
    if (!onehot) {
        int32_t kept = 0;
        for (int32_t j = 0; j < n; j++) {
            const uint8_t c = present[j];
            const double g = (double)cell_g(cells[c]) / p->scale_g, h = (double)cell_h(cells[c]) / p->scale_h;
            /* support in rows, as far as the hessian tells them apart */
            if ((double)cell_h(cells[c]) * (double)node->n_rows < p->cat_smooth * (double)node->h)
                continue;
            const double k = g / (h + p->cat_smooth);
            int32_t i = kept++;
            for (; i > 0 && key[i - 1] > k; i--) {
                key[i] = key[i - 1];
                present[i] = present[i - 1];
            }
            key[i] = k;
            present[i] = c;
        }
        n = kept;
    }
    const double l2 = onehot ? p->l2 : p->l2 + p->cat_l2;
    double top = -1.0; /* the best gain so far or, of plain splits, the best score */
    /* sorted groups are taken from both ends, so that the categories left out always go right; where none is
     * left out, the other end has the same splits */
    for (int end = 0; end < (onehot || n == n_present ? 1 : 2); end++) {
        int64_t sum = 0, rows = 0;
        double weight = 0;
        for (int32_t j = 0; j < n; j++) {
            const uint8_t c = present[end ? n - 1 - j : j];
            sum = onehot ? cells[c] : sum + cells[c];
            if (exact) {
                rows = onehot ? exact->rows[c] : rows + exact->rows[c];
                weight = onehot ? exact->weight[c] : weight + exact->weight[c];
            }
            const int64_t gl = cell_g(sum), hl = cell_h(sum);
            if (hl < node->min_h || node->h - hl < node->min_h)
                continue;
            if (exact && !enough(p, node, exact, rows, weight))
                continue;
            double gain;
            if (p->plain) {
                const fraction f = pair_score((double)gl, (double)hl, (double)(node->g - gl),
                                              (double)(node->h - hl), l2 * p->scale_h);
                gain = f.num / f.den;
            } else
                gain = general_gain(p, node, 0, gl, hl, (double)rows, (double)(node->n_rows - rows), l2);
            if (gain > top) {
                top = gain;
                best->g_left = gl;
                best->h_left = hl;
                if (onehot)
                    set_codes(best->set, present + j, 1);
                else
                    set_codes(best->set, end ? present + n - 1 - j : present, j + 1);
            }
        }
    }
    best->gain = p->plain && top >= 0 ? plain_gain(p, node, top) : top;
}

/* Takes counted cells apart: pairs of sums, and rows per code. No weights. */
void FN(split_expand)(const int64_t *cells, int32_t n_codes, int64_t *pairs, split_exact *exact) {
    exact->total_weight = 0;
    for (int32_t c = 0; c < n_codes; c++) {
        exact->weight[c] = 0;
        exact->rows[c] = (uint32_t)counted_rows(cells[c]);
        pairs[c] = (int64_t)((uint64_t)counted_g(cells[c]) << 32) + counted_h(cells[c]);
    }
}

/* Exact rows and weight per code of one feature in a node: what the sums of h cannot tell when the hessian
 * varies. weights: by row of the matrix, or NULL for 1 each. The sums are taken in the order of the rows.
 */
void FN(split_count)(const uint8_t *column, const uint32_t *rows, int64_t n, const double *weights,
                     split_exact *exact) {
    memset(exact, 0, sizeof *exact);
    if (weights) {
        for (int64_t i = 0; i < n; i++) {
            const int64_t row = rows ? (int64_t)rows[i] : i;
            exact->rows[column[row]]++;
            exact->weight[column[row]] += weights[row];
        }
        for (int c = 0; c < 256; c++)
            exact->total_weight += exact->weight[c];
        return;
    }
    /* four tables: an addition to the code of the row before would wait for that row's */
    uint32_t others[3][256];
    memset(others, 0, sizeof others);
    int64_t i = 0;
    for (; i + 4 <= n; i += 4) {
        exact->rows[column[rows ? (int64_t)rows[i] : i]]++;
        others[0][column[rows ? (int64_t)rows[i + 1] : i + 1]]++;
        others[1][column[rows ? (int64_t)rows[i + 2] : i + 2]]++;
        others[2][column[rows ? (int64_t)rows[i + 3] : i + 3]]++;
    }
    for (; i < n; i++)
        exact->rows[column[rows ? (int64_t)rows[i] : i]]++;
    for (int c = 0; c < 256; c++)
        exact->rows[c] += others[0][c] + others[1][c] + others[2][c];
}
