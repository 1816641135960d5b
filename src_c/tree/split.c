/* See split.h. */
#include "split.h"

#include <math.h>

#include "../lanes.h"

/* ---- the score of a child
 * ------------------------------------------------------------------------------------- */

static inline double soft_threshold(double g, double l1) {
    if (l1 <= 0)
        return g;
    const double a = fabs(g) - l1;
    return a > 0 ? copysign(a, g) : 0.0;
}

static inline double clip(double x, double lower, double upper) {
    return x < lower ? lower : x > upper ? upper : x;
}

/* Output of a leaf with real sums g, h: the Newton step under l1, l2, max_delta_step, path smoothing and
 * bounds. n_rows is used by path smoothing only: weight n / (n + path_smooth) on its own step, the rest on
 * the parent's output.
 */
static double leaf_output(const split_params *p, const split_node *node, double g, double h, double l2,
                          double n_rows) {
    const double den = h + l2;
    double w = den > 0 ? -soft_threshold(g, p->l1) / den : 0.0;
    if (p->max_delta_step > 0)
        w = clip(w, -p->max_delta_step, p->max_delta_step);
    if (p->path_smooth > 0) {
        const double own = n_rows / (n_rows + p->path_smooth);
        w = w * own + node->value * (1.0 - own);
    }
    return clip(w, node->lower, node->upper);
}

/* Twice the loss that output w takes away; G^2 / (H + l2) at the unconstrained optimum. */
static double output_score(const split_params *p, double g, double h, double l2, double w) {
    return -(2.0 * g * w + (h + l2) * w * w + 2.0 * p->l1 * fabs(w));
}

double FN(split_leaf_value)(const split_params *p, const split_node *parent, int64_t g, int64_t h,
                            int64_t n_rows) {
    return leaf_output(p, parent, (double)g / p->scale_g, (double)h / p->scale_h, p->l2, (double)n_rows);
}

/* ---- numerical features: plain gain, all lanes
 * ------------------------------------------------------------------ */

/* One division for both children: (GL^2 (HR + l2) + GR^2 (HL + l2)) / ((HL + l2) (HR + l2)). */
static ALWAYS_INLINE lane_f64 pair_score(lane_f64 gl, lane_f64 hl, lane_f64 gr, lane_f64 hr, lane_f64 l2) {
    const lane_f64 a = f64_add(hl, l2), b = f64_add(hr, l2);
    const lane_f64 num = f64_add(f64_mul(f64_mul(gl, gl), b), f64_mul(f64_mul(gr, gr), a));
    return f64_div(num, f64_mul(a, b));
}

static inline double pair_score_one(double gl, double hl, double gr, double hr, double l2) {
    const double a = hl + l2, b = hr + l2;
    const double num = (gl * gl) * b + (gr * gr) * a;
    return num / (a * b);
}

/* What the fixed-point score must be multiplied with to be real: a power of two. */
static inline double score_unit(const split_params *p) { return p->scale_h / (p->scale_g * p->scale_g); }

static inline double plain_gain(const split_params *p, const split_node *node, double score) {
    const double g = (double)node->g;
    const double parent = g * g / ((double)node->h + p->l2 * p->scale_h);
    const double gain = score - parent;
    /* what rounding alone can leave is no gain */
    return gain > 1e-12 * parent ? gain * score_unit(p) : -1.0;
}

static ALWAYS_INLINE void scan(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                               const split_node *node, split_candidate *best) {
    const lane_f64 g = f64_set((double)node->g), h = f64_set((double)node->h);
    const lane_f64 l2 = f64_set(p->l2 * p->scale_h), min_h = f64_set((double)p->min_h);
    lane_f64 top = f64_set(-1.0), top_key = f64_set(-1.0);
    double keys[LANES64];
    for (int j = 0; j < LANES64; j++)
        keys[j] = 2.0 * j;
    lane_f64 key = f64_load(keys);
    const lane_f64 step = f64_set(2.0 * LANES64), one = f64_set(1.0), skip = f64_set(2.0);
    const int64_t missing = sibling ? cells[0] - sibling[0] : cells[0];
    const lane_f64 g0 = f64_set((double)cell_g(missing)), h0 = f64_set((double)cell_h(missing));
    lane_i64 carry = i64_zero();
    for (int32_t c = 0; c < n_codes; c += LANES64) {
        lane_i64 x = i64_load(cells + c);
        if (sibling) {
            x = i64_sub(x, i64_load(sibling + c));
            i64_store(cells + c, x);
        }
        x = i64_add(i64_prefix(x), carry);
        carry = i64_last(x);
        /* sums of codes 0..c: with missing left */
        const lane_f64 gl = f64_from_high(x), hl = f64_from_low(x);
        const lane_mask real = f64_ge(key, skip); /* code 0 itself is no threshold */
        {
            const lane_f64 a = f64_sub(gl, g0), b = f64_sub(hl, h0);
            const lane_f64 gr = f64_sub(g, a), hr = f64_sub(h, b);
            lane_mask ok = mask_and(mask_and(f64_ge(b, min_h), f64_ge(hr, min_h)), real);
            const lane_f64 score = pair_score(a, b, gr, hr, l2);
            ok = mask_and(ok, f64_gt(score, top));
            top = f64_select(ok, score, top);
            top_key = f64_select(ok, key, top_key);
        }
        if (missing != 0) {
            const lane_f64 gr = f64_sub(g, gl), hr = f64_sub(h, hl);
            lane_mask ok = mask_and(mask_and(f64_ge(hl, min_h), f64_ge(hr, min_h)), real);
            const lane_f64 score = pair_score(gl, hl, gr, hr, l2);
            ok = mask_and(ok, f64_gt(score, top));
            top = f64_select(ok, score, top);
            top_key = f64_select(ok, f64_add(key, one), top_key);
        }
        key = f64_add(key, step);
    }
    double tops[LANES64];
    f64_store(tops, top);
    f64_store(keys, top_key);
    double score = -1.0, k = -1.0;
    for (int j = 0; j < LANES64; j++)
        if (keys[j] >= 0 && (tops[j] > score || (tops[j] == score && keys[j] < k))) {
            score = tops[j];
            k = keys[j];
        }
    best->gain = k < 0 ? -1.0 : plain_gain(p, node, score);
    if (best->gain < 0)
        return;
    best->code = (uint8_t)((int)k >> 1);
    best->missing_left = (uint8_t)((int)k & 1);
    best->any_missing = missing != 0;
    best->categorical = 0;
    int64_t left = best->missing_left ? cells[0] : 0;
    for (int32_t c = 1; c <= best->code; c++)
        left += cells[c];
    best->g_left = cell_g(left);
    best->h_left = cell_h(left);
}

/* Best plain split of a numerical feature. cells: its n_codes cells, zero-padded to a multiple of
 * HISTOGRAM_PAD. sibling: NULL, or the other child's cells: then `cells` holds the parent's, becomes the
 * difference and is searched.
 */
void FN(split_numerical)(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                         const split_node *node, split_candidate *best) {
    if (sibling)
        scan(cells, sibling, n_codes, p, node, best);
    else
        scan(cells, (const int64_t *)0, n_codes, p, node, best);
}

/* ---- numerical features: every option, exact counts
 * -------------------------------------------------------------- */

/* Gain of sending (gl, hl, nl) left; -1 when the monotone constraint or a bound forbids it. counts may be
 * unknown. */
static double general_gain(const split_params *p, const split_node *node, int monotone, int64_t gl,
                           int64_t hl, double nl, double nr, double l2) {
    const double a = (double)gl / p->scale_g, b = (double)hl / p->scale_h;
    const double c = (double)(node->g - gl) / p->scale_g, d = (double)(node->h - hl) / p->scale_h;
    const double wl = leaf_output(p, node, a, b, l2, nl), wr = leaf_output(p, node, c, d, l2, nr);
    if ((monotone > 0 && wl > wr) || (monotone < 0 && wl < wr))
        return -1.0;
    const double g = (double)node->g / p->scale_g, h = (double)node->h / p->scale_h;
    const double parent = output_score(p, g, h, p->l2, node->value);
    const double gain = output_score(p, a, b, l2, wl) + output_score(p, c, d, l2, wr) - parent;
    return gain > 1e-12 * fabs(parent) ? gain : -1.0;
}

static int enough(const split_params *p, const split_node *node, const split_exact *exact, int64_t rows,
                  double weight) {
    return rows >= p->min_rows && node->n_rows - rows >= p->min_rows && weight >= p->min_weight &&
           exact->total_weight - weight >= p->min_weight;
}

/* Best split under every option. exact: rows and weight per code, or NULL when they are not asked for (then
 * min_rows and min_weight are not checked and path smoothing must be off). only: 0, or the one code that may
 * be the threshold (extra-random splits).
 */
void FN(split_general)(const int64_t *cells, const split_exact *exact, int32_t n_codes, int32_t monotone,
                       int32_t only, const split_params *p, const split_node *node, split_candidate *best) {
    best->gain = -1.0;
    best->categorical = 0;
    const int64_t missing = cells[0];
    best->any_missing = exact ? exact->rows[0] > 0 : missing != 0;
    int64_t sum = 0, rows = 0;
    double weight = 0;
    for (int32_t c = 1; c < n_codes; c++) {
        sum += cells[c];
        if (exact) {
            rows += exact->rows[c];
            weight += exact->weight[c];
        }
        if (only && c != only)
            continue;
        for (int side = 0; side < (best->any_missing ? 2 : 1); side++) {
            const int64_t left = side ? sum + missing : sum;
            const int64_t gl = cell_g(left), hl = cell_h(left),
                          nl = rows + (side && exact ? exact->rows[0] : 0);
            if (hl < p->min_h || node->h - hl < p->min_h)
                continue;
            if (exact && !enough(p, node, exact, nl, weight + (side ? exact->weight[0] : 0)))
                continue;
            double gain;
            if (p->plain)
                gain = plain_gain(p, node,
                                  pair_score_one((double)gl, (double)hl, (double)(node->g - gl),
                                                 (double)(node->h - hl), p->l2 * p->scale_h));
            else
                gain =
                    general_gain(p, node, monotone, gl, hl, (double)nl, (double)(node->n_rows - nl), p->l2);
            if (gain > best->gain) {
                best->gain = gain;
                best->code = (uint8_t)c;
                best->missing_left = (uint8_t)side;
                best->g_left = gl;
                best->h_left = hl;
            }
        }
    }
}

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
 * the right, and cat_l2 is added to l2.
 */
void FN(split_categorical)(const int64_t *cells, const split_exact *exact, int32_t n_codes,
                           const split_params *p, const split_node *node, split_candidate *best) {
    uint8_t present[256];
    double key[256];
    int32_t n = 0;
    best->gain = -1.0;
    best->categorical = 1;
    best->code = 0;
    best->missing_left = 0;
    best->any_missing = exact ? exact->rows[0] > 0 : cells[0] != 0;
    for (int32_t c = 0; c < n_codes; c++)
        if (exact ? exact->rows[c] > 0 : cells[c] != 0)
            present[n++] = (uint8_t)c;
    if (n < 2)
        return;
    const int onehot = n <= p->max_cat_onehot;
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
    /* sorted groups are taken from both ends, so that the categories left out always go right */
    for (int end = 0; end < (onehot ? 1 : 2); end++) {
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
            if (hl < p->min_h || node->h - hl < p->min_h)
                continue;
            if (exact && !enough(p, node, exact, rows, weight))
                continue;
            const double gain =
                general_gain(p, node, 0, gl, hl, (double)rows, (double)(node->n_rows - rows), l2);
            if (gain > best->gain) {
                best->gain = gain;
                best->g_left = gl;
                best->h_left = hl;
                if (onehot)
                    set_codes(best->set, present + j, 1);
                else
                    set_codes(best->set, end ? present + n - 1 - j : present, j + 1);
            }
        }
    }
}

/* Exact rows and weight per code of one feature in a node: what the sums of h cannot tell when the hessian
 * varies. weights: by row of the matrix, or NULL for 1 each. The sums are taken in the order of the rows.
 */
void FN(split_count)(const uint8_t *column, const uint32_t *rows, int64_t n, const double *weights,
                     split_exact *exact) {
    memset(exact, 0, sizeof *exact);
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = rows ? (int64_t)rows[i] : i;
        exact->rows[column[row]]++;
        if (weights)
            exact->weight[column[row]] += weights[row];
    }
    for (int c = 0; c < 256; c++)
        exact->total_weight += weights ? exact->weight[c] : 0;
}
