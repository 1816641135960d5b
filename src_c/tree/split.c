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
                            int64_t n_rows, int sorted) {
    const double l2 = sorted ? p->l2 + p->cat_l2 : p->l2;
    return leaf_output(p, parent, (double)g / p->scale_g, (double)h / p->scale_h, l2, (double)n_rows);
}

/* ---- numerical features: plain gain, all lanes ------------------------------------------------------------
 */

/* The two children's scores over one denominator:
 * (GL^2 (HR + l2) + GR^2 (HL + l2)) / ((HL + l2) (HR + l2)).
 */
typedef struct fraction {
    double num, den;
} fraction;

static inline fraction pair_score(double gl, double hl, double gr, double hr, double l2) {
    const double a = hl + l2, b = hr + l2;
    return (fraction){(gl * gl) * b + (gr * gr) * a, a * b};
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

/* Best score so far of the feature being searched. */
typedef struct leader {
    double score;
    int32_t key; /* 2 * code + missing_left; -1: nobody */
} leader;

#include "split_screen.h"

static inline int64_t sum_g(int64_t cell, int counted) { return counted ? counted_g(cell) : cell_g(cell); }
static inline int64_t sum_h(int64_t cell, int counted) { return counted ? counted_h(cell) : cell_h(cell); }

/* The exact scores of SCREEN candidates, in the order of ties. codes: NULL: first, first + 1, ... */
static void challenge(leader *top, const double *gl, const double *hl, const double *rl, int64_t missing,
                      const int64_t *codes, int32_t first, const split_params *p, const split_node *node) {
    const double g = (double)node->g, h = (double)node->h, l2 = p->l2 * p->scale_h;
    const double min_h = (double)node->min_h, min_rows = (double)p->min_rows, rows = (double)node->n_rows;
    const int counted = node->counted;
    const double g0 = (double)sum_g(missing, counted), h0 = (double)sum_h(missing, counted);
    const double r0 = counted ? (double)counted_rows(missing) : h0;
    for (int j = 0; j < SCREEN; j++) {
        const int32_t code = codes ? (int32_t)codes[j] : first + j;
        if (code < 1) /* code 0 itself is no threshold */
            continue;
        for (int side = 0; side <= (missing != 0); side++) { /* missing right, then missing left */
            const double a = side ? gl[j] : gl[j] - g0, b = side ? hl[j] : hl[j] - h0;
            const double r = side ? rl[j] : rl[j] - r0;
            if (side && gl[j] == g0 && hl[j] == h0 && rl[j] == r0)
                continue; /* the missing alone: the last code says it, from the right */
            if (b < min_h || h - b < min_h || (counted && (r < min_rows || rows - r < min_rows)))
                continue;
            const fraction f = pair_score(a, b, g - a, h - b, l2);
            const double score = f.num / f.den;
            if (score > top->score) {
                top->score = score;
                top->key = 2 * code + side;
            }
        }
    }
}

/* The search proper. One division per candidate would cost more than all the rest, so a vector of candidates
 * is first held against the leader by cross-multiplication; few pass, as the leader of the features before is
 * the one to beat. codes: NULL when list[i] is the cell of code i.
 */
static ALWAYS_INLINE leader scan(int64_t *list, const int64_t *sibling, const int64_t *codes, int32_t n,
                                 int64_t missing, const split_params *p, const split_node *node,
                                 double floor_score, int counted) {
    screen all = screen_of(p, node, floor_score);
    const lane_i64 none = i64_set(missing);
    leader top = {floor_score, -1};
    lane_i64 carry = i64_zero();
    for (int32_t c = 0; c < n; c += SCREEN) {
        lane_i64 left[SCREEN / LANES64], right[SCREEN / LANES64]; /* codes 0..c with and without missing */
        for (int v = 0; v < SCREEN / LANES64; v++) {
            const int32_t at = c + v * LANES64;
            lane_i64 x = i64_load(list + at);
            if (sibling) {
                x = i64_sub(x, i64_load(sibling + at));
                i64_store(list + at, x);
            }
            const lane_i64 inside = i64_prefix(x);
            left[v] = i64_add(inside, carry);
            right[v] = i64_sub(left[v], none);
            carry = i64_add(carry, i64_last(inside)); /* one addition from vector to vector, no shuffle */
        }
        if (may_lead(left, &all, counted) || (missing != 0 && may_lead(right, &all, counted))) {
            double a[SCREEN], b[SCREEN], r[SCREEN];
            for (int v = 0; v < SCREEN / LANES64; v++) {
                const prefix sums = prefix_of(left[v], counted);
                f64_store(a + v * LANES64, sums.g);
                f64_store(b + v * LANES64, sums.h);
                f64_store(r + v * LANES64, sums.rows);
            }
            challenge(&top, a, b, r, missing, codes ? codes + c : codes, c, p, node);
            screen_leader(&all, top.score);
        }
    }
    return top;
}

/* In a node of few rows most cells are empty, and an empty cell is the same split as the code before it: the
 * others are taken together, the difference to the sibling on the way. Returns how many there are.
 */
static ALWAYS_INLINE int32_t compact(int64_t *cells, const int64_t *sibling, int32_t n_codes, int64_t *list,
                                     int64_t *codes) {
    int64_t number[LANES64];
    for (int j = 0; j < LANES64; j++)
        number[j] = j;
    lane_i64 code = i64_load(number);
    const lane_i64 step = i64_set(LANES64);
    int32_t n = 0;
    for (int32_t c = 0; c < n_codes; c += LANES64) {
        lane_i64 x = i64_load(cells + c);
        if (sibling) {
            x = i64_sub(x, i64_load(sibling + c));
            i64_store(cells + c, x);
        }
        const uint32_t full = i64_nonzero(x);
        i64_store(list + n, i64_compress(x, full));
        i64_store(codes + n, i64_compress(code, full));
        n += POPCOUNT(full);
        code = i64_add(code, step);
    }
    const lane_i64 zero = i64_zero(); /* codes 0: no candidates */
    for (int v = 0; v < SCREEN; v += LANES64) {
        i64_store(list + n + v, zero);
        i64_store(codes + n + v, zero);
    }
    return n;
}

static ALWAYS_INLINE leader scan_feature(int64_t *cells, const int64_t *sibling, int32_t n_codes,
                                         int64_t missing, const split_params *p, const split_node *node,
                                         double floor_score, int counted) {
    const int64_t *none = (const int64_t *)0;
    if (2 * node->n_rows < n_codes) {
        int64_t list[256 + SCREEN], codes[256 + SCREEN];
        const int32_t n = sibling ? compact(cells, sibling, n_codes, list, codes)
                                  : compact(cells, none, n_codes, list, codes);
        return scan(list, none, codes, n, missing, p, node, floor_score, counted);
    }
    if (sibling)
        return scan(cells, sibling, none, n_codes, missing, p, node, floor_score, counted);
    return scan(cells, none, none, n_codes, missing, p, node, floor_score, counted);
}

/* Best plain split of a numerical feature. cells: its n_codes cells, zero-padded to a multiple of
 * HISTOGRAM_PAD. sibling: NULL, or the other child's cells: then `cells` holds the parent's, becomes the
 * difference and is searched. floor_score: only a score above it is of interest (the best of the features
 * before; -1: any).
 */
void FN(split_numerical)(int64_t *cells, const int64_t *sibling, int32_t n_codes, const split_params *p,
                         const split_node *node, double floor_score, split_candidate *best) {
    const int64_t missing = sibling ? cells[0] - sibling[0] : cells[0];
    const leader top = node->counted
                           ? scan_feature(cells, sibling, n_codes, missing, p, node, floor_score, 1)
                           : scan_feature(cells, sibling, n_codes, missing, p, node, floor_score, 0);
    best->gain = top.key < 0 ? -1.0 : plain_gain(p, node, top.score);
    if (best->gain < 0)
        return;
    best->score = top.score;
    best->code = (uint8_t)(top.key >> 1);
    best->missing_left = (uint8_t)(top.key & 1);
    best->any_missing = missing != 0;
    best->categorical = best->sorted = 0;
    int64_t left = best->missing_left ? cells[0] : 0;
    for (int32_t c = 1; c <= best->code; c++)
        left += cells[c];
    best->g_left = sum_g(left, node->counted);
    best->h_left = sum_h(left, node->counted);
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
    best->categorical = best->sorted = 0;
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
        if (only ? c != only : exact && exact->rows[c] == 0)
            continue; /* no row has this code: the same split as the code before */
        for (int side = 0; side < (best->any_missing && sum != 0 ? 2 : 1); side++) {
            const int64_t left = side ? sum + missing : sum;
            const int64_t gl = cell_g(left), hl = cell_h(left),
                          nl = rows + (side && exact ? exact->rows[0] : 0);
            if (hl < node->min_h || node->h - hl < node->min_h)
                continue;
            if (exact && !enough(p, node, exact, nl, weight + (side ? exact->weight[0] : 0)))
                continue;
            double gain;
            if (p->plain) {
                const fraction f = pair_score((double)gl, (double)hl, (double)(node->g - gl),
                                              (double)(node->h - hl), p->l2 * p->scale_h);
                gain = plain_gain(p, node, f.num / f.den);
            } else
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

#include "split_category.h"
