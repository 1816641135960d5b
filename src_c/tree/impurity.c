/* See impurity.h. */
#include "impurity.h"

#include "../lanes.h"

#include "impurity_score.h"
#include "impurity_sorted.h"
#include "impurity_network.h"
#include "impurity_median.h"
#include "impurity_category.h"
#include "impurity_fast.h"
#include "impurity_ranked.h"
#include "impurity_random.h"
#include "impurity_few.h"
#include "impurity_classes.h"

/* totals[c] = weight of channel c's class, or its sum of weight times target, over n records. Returns the
 * weight. */
int64_t FN(impurity_totals)(const impurity_params *p, const uint8_t *records, int64_t n, int64_t *totals) {
    impurity_node node;
    memset(&node, 0, sizeof node);
    node.records = records;
    memset(totals, 0, (size_t)p->n_channels * sizeof *totals);
    side_sums all = {totals, 0, 0, 0, 0};
    const int small = p->layout->small, classes = is_classification(p);
    if (p->n_outputs == 1 && p->n_channels <= 2) { /* in registers: a sum in memory waits for itself */
        const uint8_t *payload = payload_of(p, &node, 0);
        int64_t weight = 0, sum = 0;
        for (int64_t i = 0; i < n; i++, payload += p->layout->stride) {
            const int64_t w = records_weight(small, payload);
            weight += w;
            sum += w * records_target(small, payload);
        }
        totals[p->n_channels - 1] = sum;
        if (classes)
            totals[0] = weight - (p->n_channels == 2 ? sum : 0);
        return weight;
    }
    if (p->n_outputs == 1 && classes && small)
        for (int64_t i = 0; i < n; i++) /* what MORE_CLASSES sums besides is not wanted */
            include_row(p, &node, TWO_CLASSES, 1, i, &all);
    else if (p->n_outputs == 1 && classes)
        for (int64_t i = 0; i < n; i++)
            include_row(p, &node, TWO_CLASSES, 0, i, &all);
    else
        for (int64_t i = 0; i < n; i++)
            include_row(p, &node, OTHER, small, i, &all);
    return all.weight;
}

/* Whether several classes are rather added row by row than counted by code and class. */
static int adds_rows(const impurity_params *p, const impurity_node *node, int s) {
    return kind_of(p) == MORE_CLASSES && node->n <= FEW_ROWS &&
           2 * node->n <= (int64_t)node->n_codes[s] * p->n_channels;
}

/* Byte s is 0 where all rows have the same code in slot s; if one slot that has not is enough, only as many
 * rows are looked at as it takes to find it. */
static uint64_t varying_slots(const impurity_node *node, int one_is_enough) {
    const code_reader reader = reader_of(node);
    const uint64_t first = eight_codes(&reader, 0);
    const uint64_t slots = node->n_slots < 8 ? ((uint64_t)1 << 8 * node->n_slots) - 1 : UINT64_MAX;
    uint64_t varying = 0;
    for (int64_t i = 1; i < node->n && !(one_is_enough && varying); i++)
        varying |= (eight_codes(&reader, i) ^ first) & slots;
    return varying;
}

/* Slots one after the other. */
static NEVER_INLINE void search_slots(const impurity_params *p, const impurity_node *node,
                                      const impurity_space *space, int mixed, impurity_split *best) {
    const impurity_kind kind = kind_of(p);
    const int classes = p->n_outputs == 1 && is_classification(p) && kind != TWO_CLASSES;
    const int simple = (classes || kind == ONE_NUMBER) && !p->bounded && !p->random;
    const int few = node->n <= IMPURITY_FEW;
    uint8_t plain[IMPURITY_SLOTS], by_rows[IMPURITY_SLOTS];
    int any_by_rows = 0, any_numerical = 0;
    few_rows rows;
    for (int s = 0; s < node->n_slots; s++) {
        plain[s] = simple && !node->categorical[s] && !node->missing[s];
        by_rows[s] = plain[s] && (few || adds_rows(p, node, s));
        any_by_rows |= by_rows[s];
        any_numerical |= !node->categorical[s];
    }
    const int sorted =
        few && any_numerical && !p->random && !(simple && !mixed && most_codes(node) <= node->n);
    if (sorted)
        sort_few(node, space->places);
    if (any_by_rows) {
        load_rows(p, node, &rows);
        order_slots(node, space, sorted, &rows);
    }
    for (int s = 0; s < node->n_slots; s++) {
        if (p->random)
            search_random(p, node, space, s, best);
        else if (by_rows[s])
            search_few(p, node, space, &rows, s, best);
        else if (plain[s] && classes)
            search_classes(p, node, space, s, best);
        else if (node->categorical[s])
            search_categories(p, node, space, s, best);
        else
            search_sorted(p, node, space, s, best);
    }
}

/* A node that is none of those that FN(impurity_search) knows, in at most IMPURITY_SLOTS slots. */
static int search_eight(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                        int plain, int mixed, impurity_split *best) {
    const double before = best->score;
    const impurity_kind kind = kind_of(p);
    const int few = node->n <= IMPURITY_FEW, least = kind == TWO_CLASSES ? 33 : 49;
    if (plain && p->random) {
        const int varies = search_thresholds(p, node, space, best);
        if (varies >= 0)
            return varies;
    }
    /* a single slot is there because all before it were constant, as this one may be */
    const int look = few && node->n_slots == 1;
    const uint64_t varying = look ? varying_slots(node, 0) : 0;
    if (look && !varying)
        return 0;
    if (plain && !p->random && kind != MORE_CLASSES && node->n >= least)
        search_counted(p, node, space, kind == TWO_CLASSES, best);
    else if (kind == MORE_CLASSES && !mixed && !p->bounded && !p->random && fits_class_cells(p, node))
        search_class_slots(p, node, space, best);
    else
        search_slots(p, node, space, mixed, best);
    return best->score > before || varying || varying_slots(node, 1);
}

/* A node with some of its slots only. */
static impurity_node with_slots(const impurity_node *node, const int32_t *slots, int n) {
    impurity_node part = *node;
    part.n_slots = n;
    for (int k = 0; k < n; k++) {
        const int32_t s = slots[k];
        part.at[k] = node->at[s];
        part.feature[k] = node->feature[s];
        part.n_codes[k] = node->n_codes[s];
        part.categorical[k] = node->categorical[s];
        part.missing[k] = node->missing[s];
        part.monotone[k] = node->monotone[s];
        part.key[k] = node->key[s];
    }
    return part;
}

static int search_all(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                      impurity_split *best);

/* Searches some slots, then the others; of equal splits the one with the smaller slot wins. */
static int search_parts(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                        const int32_t *slots, int n_first, impurity_split *best) {
    const int32_t before = best->slot;
    const int in_order = slots[n_first - 1] < slots[n_first];
    impurity_split found[2] = {*best, *best};
    int varies = 0;
    for (int k = 0; k < 2; k++) {
        if (k && in_order) /* the others must be better than the first */
            found[1] = found[0];
        const int32_t *own = slots + (k ? n_first : 0);
        const impurity_node part = with_slots(node, own, k ? node->n_slots - n_first : n_first);
        found[k].slot = -1;
        varies |= search_all(p, &part, space, &found[k]);
        if (found[k].slot >= 0)
            found[k].slot = own[found[k].slot];
    }
    const int second =
        found[1].slot >= 0 && (found[0].slot < 0 || found[1].score > found[0].score ||
                               (found[1].score >= found[0].score && found[1].slot < found[0].slot));
    *best = found[second];
    if (best->slot < 0)
        best->slot = before;
    return varies;
}

static int search_all(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                      impurity_split *best) {
    const impurity_kind kind = kind_of(p);
    int missing = 0, n_categorical = 0, n_numerical = 0;
    int32_t slots[IMPURITY_MOST_SLOTS]; /* numerical ones first */
    for (int s = 0; s < node->n_slots; s++) {
        missing |= node->missing[s];
        n_categorical += node->categorical[s] != 0;
    }
    if (n_categorical && n_categorical < node->n_slots && kind != OTHER) {
        int at = node->n_slots - n_categorical;
        for (int s = 0; s < node->n_slots; s++)
            slots[node->categorical[s] ? at++ : n_numerical++] = s;
        return search_parts(p, node, space, slots, n_numerical, best);
    }
    const int mixed = missing || n_categorical;
    const int plain = kind != OTHER && p->min_rows <= 1 && !p->bounded && !n_categorical;
    if (node->n == 2 && plain && !missing)
        return search_pair(p, node, kind, best);
    if (!mixed && !p->bounded && !p->random && node->n <= IMPURITY_FEW && fits_ranked(p, node, kind) &&
        !(kind == MORE_CLASSES && fits_class_cells(p, node)))
        return search_ranked(p, node, kind, best);
    if (node->n_slots <= IMPURITY_SLOTS)
        return search_eight(p, node, space, plain, mixed, best);
    for (int s = 0; s < node->n_slots; s++)
        slots[s] = s;
    return search_parts(p, node, space, slots, IMPURITY_SLOTS, best);
}

/* Replaces *best by a better split of the node on one of its slots, if there is one. Returns whether some
 * slot is not constant in the node. */
int FN(impurity_search)(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                        impurity_split *best) {
    const double before = best->score;
    const int varies = search_all(p, node, space, best);
    if (best->score > before)
        best->gain = gain_of(p, node, best->score);
    return varies;
}

/* Weight times impurity of each output of a node, from its sums: squares[o], the sum of weight times
 * (target - what the sums were centred on)^2, or for Poisson of weight times target times log(target), is
 * read for numbers only. Returns their sum. */
double FN(impurity_value)(const impurity_params *p, const double *totals, const double *squares,
                          double weight) {
    double sum = 0;
    for (int32_t o = 0; o < p->n_outputs; o++) {
        const double *own = totals + p->first[o];
        if (is_classification(p)) {
            double part = 0;
            for (int32_t c = 0; c < p->first[o + 1] - p->first[o]; c++) {
                const double share = own[c] / weight;
                if (p->criterion == IMPURITY_GINI)
                    part += share * share;
                else if (share > 0)
                    part += share * log_double(share) * LOG2E;
            }
            sum += weight * (p->criterion == IMPURITY_GINI ? 1 - part : -part);
        } else if (p->criterion == IMPURITY_POISSON)
            sum += own[0] > 0 ? squares[o] - own[0] * log_double(own[0] / weight) : 0;
        else
            sum += squares[o] - own[0] * own[0] / weight;
    }
    return sum;
}

/* The medians of a node's targets (the mean of two where half the weight lies on each side), fixed point;
 * returns the sum over outputs of weight times distance from them. */
double FN(impurity_medians)(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                            double *medians) {
    return absolute_impurity(p, node, space, medians);
}
