/* Included by impurity.c: random thresholds of numerical slots without missing values in the node. Least and
 * greatest code, then what goes left: two passes over the rows for all slots together, none of them sorted.
 * Classes are summed in bytes, several rows at once (impurity_random_lanes.h).
 */

typedef struct random_slots {
    uint8_t low[IMPURITY_SLOTS], high[IMPURITY_SLOTS], last[IMPURITY_SLOTS];
    double threshold[IMPURITY_SLOTS];
    int64_t weight[IMPURITY_SLOTS], sum[IMPURITY_SLOTS];
    int64_t squares[IMPURITY_SLOTS], mixed[IMPURITY_SLOTS]; /* more classes: see side_sums */
} random_slots;

/* Of each slot the last code whose greatest value is not above its threshold, from low to high - 1 (low,
 * where that is high). `filled`: empty codes have the greatest value of the last code before them that is
 * not. A search waits for itself at each of its steps, so the slots take them together. */
static void last_codes(const impurity_params *p, const impurity_node *node, random_slots *r) {
    const double *filled[IMPURITY_SLOTS];
    int end[IMPURITY_SLOTS], at[IMPURITY_SLOTS], most = 1;
    for (int s = 0; s < node->n_slots; s++) {
        filled[s] = p->filled + 256 * (int64_t)node->feature[s];
        at[s] = r->low[s];
        end[s] = r->high[s] > r->low[s] ? r->high[s] - 1 : r->low[s];
        most = end[s] - at[s] > most ? end[s] - at[s] : most;
    }
    int step = 128;
    while (step > most)
        step >>= 1;
    for (; step > 0; step >>= 1)
        for (int s = 0; s < node->n_slots; s++) {
            const int ahead = at[s] + step < end[s] ? at[s] + step : end[s];
            /* a branch here would be a coin's toss */
            at[s] += (ahead - at[s]) & -(filled[s][ahead] <= r->threshold[s]);
        }
    for (int s = 0; s < node->n_slots; s++)
        r->last[s] = (uint8_t)at[s];
}

static ALWAYS_INLINE void sum_left(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                   int small, int n_slots, random_slots *r, int64_t *left) {
    const uint8_t *payload = payload_of(p, node, 0);
    const int64_t n_channels = p->n_channels;
    uint8_t last[IMPURITY_SLOTS];
    int64_t weight[IMPURITY_SLOTS] = {0}, sum[IMPURITY_SLOTS] = {0}, mixed[IMPURITY_SLOTS] = {0};
    memcpy(last, r->last, sizeof last);
    for (int64_t i = 0; i < node->n; i++, payload += p->layout->stride) {
        const int64_t w = records_weight(small, payload), y = records_target(small, payload);
        for (int s = 0; s < n_slots; s++) {
            const int64_t goes = -(int64_t)(code_of(node, s, i) <= last[s]);
            if (kind == TWO_CLASSES)
                weight[s] += (w | (w & -y) << 32) & goes;
            else {
                weight[s] += w & goes;
                if (kind == ONE_NUMBER)
                    sum[s] += (w * y) & goes;
                else {
                    int64_t *own = left + s * n_channels + y;
                    sum[s] += (w * (2 * *own + w)) & goes;
                    mixed[s] += (w * node->totals[y]) & goes;
                    *own += w & goes;
                }
            }
        }
    }
    for (int s = 0; s < n_slots; s++) {
        r->weight[s] = kind == TWO_CLASSES ? weight[s] & 0xFFFFFFFF : weight[s];
        r->sum[s] = kind == TWO_CLASSES ? weight[s] >> 32 : sum[s];
        if (kind == MORE_CLASSES) {
            r->squares[s] = sum[s];
            r->mixed[s] = mixed[s];
        }
    }
}

/* left: (n_slots, n_channels) zeros where there are more than two classes. */
static void sum_slots_left(const impurity_params *p, const impurity_node *node, random_slots *r,
                           int64_t *left) {
    const int small = p->layout->small;
    switch (kind_of(p)) {
    case TWO_CLASSES:
        sum_left(p, node, TWO_CLASSES, small, node->n_slots, r, left);
        return;
    case ONE_NUMBER:
        sum_left(p, node, ONE_NUMBER, 0, node->n_slots, r, left);
        return;
    default:
        if (small)
            sum_left(p, node, MORE_CLASSES, 1, node->n_slots, r, left);
        else
            sum_left(p, node, MORE_CLASSES, 0, node->n_slots, r, left);
    }
}

/* The score of slot s, or -1. */
static double random_score(const impurity_params *p, const impurity_node *node, const random_slots *r,
                           int s) {
    const int64_t w = r->weight[s], v = node->weight - w;
    if (r->low[s] == r->high[s] || w < p->min_weight || v < p->min_weight)
        return -1;
    if (kind_of(p) != MORE_CLASSES)
        return two_scores((double)node->weight, (double)node->totals[p->n_channels == 2], (double)w,
                          (double)r->sum[s]);
    const side_sums side = {0, w, 0, r->squares[s], r->mixed[s]};
    return score_of(p, node, MORE_CLASSES, &side, 0, 0);
}

#include "impurity_random_lanes.h"

/* The same among the codes of the node's rows, which tells them apart as well: so few rows ask for fewer
 * values than a search, and do not wait for one to know the next. */
enum { ASKED_ROWS = 8 };

static void last_codes_of_rows(const impurity_params *p, const impurity_node *node, const lane_rows *rows,
                               random_slots *r) {
    for (int s = 0; s < node->n_slots; s++) {
        const double *filled = p->filled + 256 * (int64_t)node->feature[s];
        int last = r->low[s];
        for (int64_t i = 0; i < node->n; i++) {
            const int x = rows->codes[8 * i + s];
            const int goes = (filled[x] <= r->threshold[s]) & (x < r->high[s]) & (x > last);
            last += (x - last) & -goes;
        }
        r->last[s] = (uint8_t)last;
    }
}

/* Draws each slot's threshold. Returns 0 when a slot has missing values in the node. */
static int draw_thresholds(const impurity_params *p, const impurity_node *node, const lane_rows *rows,
                           random_slots *r) {
    for (int s = 0; s < node->n_slots; s++) {
        const double *lower = p->lower + 256 * (int64_t)node->feature[s];
        const double *upper = p->upper + 256 * (int64_t)node->feature[s];
        if (r->low[s] == 0 && node->missing[s])
            return 0;
        r->threshold[s] =
            r->low[s] == r->high[s] ? -INFINITY : value_between(node, s, lower[r->low[s]], upper[r->high[s]]);
    }
    if (node->n <= ASKED_ROWS)
        last_codes_of_rows(p, node, rows, r);
    else
        last_codes(p, node, r);
    return 1;
}

/* Neighbours of a threshold among n codes, one every `step` bytes. */
static void find_neighbours(const uint8_t *codes, int64_t n, int64_t step, int last, uint8_t *code,
                            uint8_t *next) {
    int below = 0, above = 255;
    for (int64_t i = 0; i < n; i++, codes += step) {
        const int x = *codes;
        below = x <= last && x > below ? x : below;
        above = x > last && x < above ? x : above;
    }
    *code = (uint8_t)below;
    *next = (uint8_t)above;
}

/* As sum_left for one number and a node of one chunk of codes: always eight slots, so that their sums stay in
 * lanes. */
static ALWAYS_INLINE void sum_numbers(const impurity_params *p, const impurity_node *node,
                                      const lane_rows *rows, random_slots *r) {
    const uint8_t *payload = payload_of(p, node, 0), *codes = rows->codes;
    int64_t last[8], weight[8] = {0}, sum[8] = {0};
    for (int s = 0; s < 8; s++)
        last[s] = r->last[s];
    for (int64_t i = 0; i < node->n; i++, payload += p->layout->stride, codes += 8) {
        const int64_t w = records_weight(0, payload), product = w * records_target(0, payload);
        for (int s = 0; s < 8; s++) {
            const int64_t goes = -(int64_t)(codes[s] <= last[s]);
            weight[s] += w & goes;
            sum[s] += product & goes;
        }
    }
    memcpy(r->weight, weight, sizeof weight);
    memcpy(r->sum, sum, sizeof sum);
}

/* Returns 0 when a slot has missing values in the node: then nothing is done. */
static int search_thresholds(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                             impurity_split *best) {
    random_slots r;
    int64_t *left = space->groups;
    uint8_t code[8], next[8];
    lane_rows rows;
    const int lanes = fits_lanes(p, node);
    find_ranges(p, node, &rows, &r);
    memset(r.last, 0, sizeof r.last);
    if (!draw_thresholds(p, node, &rows, &r))
        return 0;
    if (kind_of(p) == MORE_CLASSES)
        memset(left, 0, (size_t)(node->n_slots * p->n_channels) * sizeof *left);
    if (lanes)
        sum_by_lanes(p, node, &rows, &r, left, code, next);
    else if (kind_of(p) == ONE_NUMBER && node->n <= LANE_ROWS)
        sum_numbers(p, node, &rows, &r);
    else
        sum_slots_left(p, node, &r, left);
    int slot = -1;
    for (int s = 0; s < node->n_slots; s++) {
        const double score = random_score(p, node, &r, s);
        if (score >= 0 && score > best->score) {
            memset(best, 0, sizeof *best);
            best->score = score;
            best->slot = slot = s;
        }
    }
    if (slot < 0)
        return 1;
    if (!lanes && node->n <= LANE_ROWS)
        find_neighbours(rows.codes + slot, node->n, 8, r.last[slot], code + slot, next + slot);
    else if (!lanes)
        find_neighbours(node->codes + node->at[slot], node->n, node->step, r.last[slot], code + slot,
                        next + slot);
    best->code = code[slot];
    best->next = next[slot];
    best->threshold = r.threshold[slot];
    best->weight_left = r.weight[slot];
    best->sum_left = r.sum[slot];
    return 1;
}
