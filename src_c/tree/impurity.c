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
    const int sorted = few && !p->random && !(simple && !mixed && most_codes(node) <= node->n);
    uint8_t plain[IMPURITY_SLOTS], by_rows[IMPURITY_SLOTS];
    int any_by_rows = 0;
    few_rows rows;
    for (int s = 0; s < node->n_slots; s++) {
        plain[s] = simple && !node->categorical[s] && !node->missing[s];
        by_rows[s] = plain[s] && (few || adds_rows(p, node, s));
        any_by_rows |= by_rows[s];
    }
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

/* The slots of a node from `first` on. */
static impurity_node later_slots(const impurity_node *node, int first) {
    impurity_node rest = *node;
    rest.n_slots = node->n_slots - first;
    for (int s = 0; s < rest.n_slots; s++) {
        rest.at[s] = node->at[first + s];
        rest.feature[s] = node->feature[first + s];
        rest.n_codes[s] = node->n_codes[first + s];
        rest.categorical[s] = node->categorical[first + s];
        rest.missing[s] = node->missing[first + s];
        rest.monotone[s] = node->monotone[first + s];
        rest.key[s] = node->key[first + s];
    }
    return rest;
}

/* Replaces *best by a better split of the node on one of its slots, if there is one. Returns whether some
 * slot is not constant in the node. */
int FN(impurity_search)(const impurity_params *p, const impurity_node *node, const impurity_space *space,
                        impurity_split *best) {
    const double before = best->score;
    const impurity_kind kind = kind_of(p);
    int missing = 0, categorical = 0, varies;
    for (int s = 0; s < node->n_slots; s++) {
        missing |= node->missing[s];
        categorical |= node->categorical[s];
    }
    const int numerical = !missing && !categorical && !p->bounded;
    const int plain = kind != OTHER && p->min_rows <= 1 && !p->bounded && !categorical;
    if (node->n == 2 && plain && !missing)
        varies = search_pair(p, node, kind, best);
    else if (numerical && !p->random && node->n <= IMPURITY_FEW && fits_ranked(p, node, kind) &&
             !(kind == MORE_CLASSES && fits_class_cells(p, node)))
        varies = search_ranked(p, node, kind, best);
    else if (node->n_slots <= IMPURITY_SLOTS)
        varies = search_eight(p, node, space, plain, missing | categorical, best);
    else {
        impurity_node part = *node;
        part.n_slots = IMPURITY_SLOTS;
        varies = search_eight(p, &part, space, plain, missing | categorical, best);
        const int32_t slot = best->slot;
        part = later_slots(node, IMPURITY_SLOTS);
        best->slot = -1;
        varies |= search_eight(p, &part, space, plain, missing | categorical, best);
        best->slot = best->slot < 0 ? slot : best->slot + IMPURITY_SLOTS;
    }
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
