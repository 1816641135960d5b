/* Included by impurity.c: random thresholds of numerical slots without missing values in the node. Least and
 * greatest code, then what goes left: two passes over the rows for all slots together, none of them sorted.
 */

#include "impurity_random_lanes.h"

/* Draws each slot's threshold, and finds the last code below it: the last whose greatest value is not above
 * the threshold, from low to high - 1 (low, where that is high). As empty codes are filled those below are a
 * count: of sixteens of codes, then of codes in the sixteen where it ends. Returns 0 when a slot has missing
 * values. */
static int draw_thresholds(const impurity_params *p, const impurity_node *node, random_slots *r) {
    uint64_t all = 0; /* not byte by byte in memory: it is read as a whole, and that would wait for them */
    for (int s = 0; s < node->n_slots; s++) {
        const int64_t f = node->feature[s];
        const double *filled = p->filled + IMPURITY_FILLED * f;
        const int low = r->low[s], high = r->high[s];
        if (low == 0)
            return 0;
        const double t = value_between(share_of(node->key[s]), p->lower[256 * f + low], filled[high]);
        const int sixteen = f64_count_le(filled + 256, t), first = 16 * (sixteen < 15 ? sixteen : 15);
        int last = first + f64_count_le(filled + first, t) - 1;
        last = last < high - 1 ? last : high - 1;
        last = last > low ? last : low;
        all |= (uint64_t)last << 8 * s;
        r->threshold[s] = t;
    }
    r->last = all;
    return 1;
}

/* Whether sums of a chunk's weights fit in bytes. */
static int fits_bytes(const impurity_params *p, const impurity_node *node) {
    return p->layout->small && (p->unit_weights || node->weight < 256);
}

static void sum_slots(const impurity_params *p, const impurity_node *node, int64_t *left, lane_rows *rows,
                      random_slots *r) {
    const int small = p->layout->small, in_bytes = fits_bytes(p, node), more = kind_of(p) == MORE_CLASSES;
    class_weights sums;
    memset(r->below, 0, sizeof r->below);
    memset(r->above, 255, sizeof r->above);
    memset(r->weight, 0, sizeof r->weight);
    memset(r->sum, 0, sizeof r->sum);
    if (more)
        clear_classes(p, in_bytes, left, &sums);
    for (int64_t lo = 0; lo < node->n; lo += CHUNK) {
        if (node->n > CHUNK)
            load_codes(node, lo, rows);
        send_rows(rows, r);
        if (more && in_bytes)
            sum_classes_in_bytes(p, node, rows, &sums);
        else if (more)
            small ? sum_classes_wide(p, node, 1, rows, &sums) : sum_classes_wide(p, node, 0, rows, &sums);
        else if (in_bytes && p->layout->stride == 32)
            sum_two_classes(p, node, rows, r);
        else
            small ? sum_wide(p, node, 1, rows, r) : sum_wide(p, node, 0, rows, r);
    }
    if (more)
        finish_classes(node, in_bytes, &sums, r);
}

/* The best slot, the first among equals, and its score; -1: no slot has a lawful split. One that is constant
 * has all weight on one side. */
static int best_slot(const impurity_params *p, const impurity_node *node, const random_slots *r,
                     double *best) {
    static const double slot[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const impurity_kind kind = kind_of(p);
    const lane_f64 total = f64_set((double)node->weight), least = f64_set((double)p->min_weight);
    const lane_f64 whole = f64_set((double)node->totals[kind == TWO_CLASSES]), none = f64_set(-1);
    const lane_f64 n_slots = f64_set(node->n_slots);
    double score[8], most[4];
    uint32_t bits = 0;
    for (int s = 0; s < 8; s += LANES64) {
        const lane_i64 sum = i64_load(r->sum + s);
        const lane_f64 w = f64_from_i64(i64_load(r->weight + s)), v = f64_sub(total, w);
        lane_f64 own;
        if (kind == MORE_CLASSES) {
            const lane_i64 mixed = i64_load(r->mixed + s);
            const lane_i64 rest = i64_sub(i64_add(i64_set(node->squares), sum), i64_add(mixed, mixed));
            own = f64_add(f64_mul(f64_from_i64(sum), v), f64_mul(f64_from_i64(rest), w));
        } else {
            const lane_f64 d = f64_sub(f64_mul(f64_from_i64(sum), total), f64_mul(w, whole));
            own = f64_mul(d, d);
        }
        own = f64_div(own, f64_mul(w, v));
        const lane_mask lawful = mask_and(f64_ge(f64_min(w, v), least), f64_gt(n_slots, f64_load(slot + s)));
        f64_store(score + s, f64_select(lawful, own, none));
    }
    for (int s = 0; s < 4; s++)
        most[s] = score[s] > score[s + 4] ? score[s] : score[s + 4];
    for (int s = 0; s < 2; s++)
        most[s] = most[s] > most[s + 2] ? most[s] : most[s + 2];
    *best = most[0] > most[1] ? most[0] : most[1];
    for (int s = 0; s < 8; s += LANES64)
        bits |= mask_bits(f64_eq(f64_load(score + s), f64_set(*best))) << s;
    return *best >= 0 ? LOWEST_BIT(bits) : -1;
}

/* Returns whether some slot is not constant; -1: a slot has missing values in the node, and nothing is done.
 */
static int search_thresholds(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                             impurity_split *best) {
    random_slots r;
    lane_rows rows;
    double score;
    find_ranges(node, &rows, &r);
    if (!draw_thresholds(p, node, &r))
        return -1;
    sum_slots(p, node, space->groups, &rows, &r);
    const int s = best_slot(p, node, &r, &score);
    if (s >= 0 && score > best->score) {
        memset(best, 0, sizeof *best);
        best->score = score;
        best->slot = s;
        best->code = r.below[s];
        best->next = r.above[s];
        best->threshold = r.threshold[s];
        best->weight_left = r.weight[s];
        best->sum_left = r.sum[s];
        return 1;
    }
    uint64_t low, high;
    memcpy(&low, r.low, 8);
    memcpy(&high, r.high, 8);
    return ((low ^ high) & (UINT64_MAX >> (64 - 8 * node->n_slots))) != 0;
}
