/* Included by impurity.c: how a candidate is scored, what it must obey, which of two is better. */

#include <math.h>

#include "exp_log.h"

/* What decides the code path. The first three are scored by one fraction of whole numbers, which is exact
 * (and so are its ties) up to a weight of 2^17 or more; the others are sums of rounded terms, and what
 * differs by less than TIE of the gain counts as equal. */
typedef enum impurity_kind { TWO_CLASSES, MORE_CLASSES, ONE_NUMBER, OTHER } impurity_kind;

#define TIE 1e-10

static inline int is_classification(const impurity_params *p) { return p->criterion <= IMPURITY_ENTROPY; }

static inline impurity_kind kind_of(const impurity_params *p) {
    if (p->n_outputs == 1 && p->criterion == IMPURITY_GINI)
        return p->n_channels == 2 ? TWO_CLASSES : MORE_CLASSES;
    if (p->n_outputs == 1 && p->criterion == IMPURITY_SQUARED_ERROR)
        return ONE_NUMBER;
    return OTHER;
}

static inline uint8_t code_of(const impurity_node *node, int s, int64_t i) {
    return node->codes[i * node->step + node->at[s]];
}

static inline const uint8_t *payload_of(const impurity_params *p, const impurity_node *node, int64_t i) {
    return node->records + i * p->layout->stride + p->layout->payload;
}

/* x log2(x) */
static inline double x_log_x(const impurity_params *p, double x) {
    if (x < IMPURITY_LOGS)
        return p->log_table[(int32_t)x];
    return x * log_double(x) * LOG2E;
}

/* The sums of one side. rest: those of the node; squares, mixed: sums of left^2 and of total * left. */
typedef struct side_sums {
    int64_t *left;
    int64_t weight, rows;
    int64_t squares, mixed;
} side_sums;

static ALWAYS_INLINE void include_row(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                      int small, int64_t i, side_sums *side) {
    const uint8_t *payload = payload_of(p, node, i);
    const int64_t w = records_weight(small, payload);
    side->weight += w;
    side->rows++;
    if (kind == OTHER && p->n_outputs > 1) {
        const int64_t *y =
            p->targets + (int64_t)records_row(p->layout, payload - p->layout->payload) * p->n_outputs;
        for (int32_t o = 0; o < p->n_outputs; o++) {
            if (is_classification(p))
                side->left[p->first[o] + y[o]] += w;
            else
                side->left[o] += w * y[o];
        }
        return;
    }
    const int64_t y = records_target(small, payload);
    if (kind == ONE_NUMBER || (kind == OTHER && !is_classification(p))) {
        side->left[0] += w * y;
        return;
    }
    if (kind == MORE_CLASSES) {
        side->squares += w * (2 * side->left[y] + w);
        side->mixed += w * node->totals[y];
    }
    side->left[y] += w;
}

static double entropy_of(const impurity_params *p, const int64_t *sums, int32_t n, int64_t weight) {
    double sum = 0;
    for (int32_t c = 0; c < n; c++)
        sum += x_log_x(p, (double)sums[c]);
    return x_log_x(p, (double)weight) - sum;
}

/* Weight times impurity, of one output; number targets without what does not depend on the split. */
static double output_impurity(const impurity_params *p, int32_t o, const int64_t *sums, int64_t weight) {
    const int64_t *own = sums + p->first[o];
    const int32_t n = p->first[o + 1] - p->first[o];
    if (p->criterion == IMPURITY_ENTROPY)
        return entropy_of(p, own, n, weight);
    if (p->criterion == IMPURITY_GINI) {
        double squares = 0;
        for (int32_t c = 0; c < n; c++)
            squares += (double)own[c] * (double)own[c];
        return (double)weight - squares / (double)weight;
    }
    const double s = (double)own[0], w = (double)weight;
    if (p->criterion == IMPURITY_POISSON)
        return s > 0 ? -s * log_double(s / w) : 0.0;
    return -s * s / w;
}

static double two_scores(double weight, double total, double w, double a) {
    const double d = a * weight - w * total;
    return d * d / (w * (weight - w));
}

/* Weight times impurity of the node, of all outputs; 0 where scores do not need it. */
static double node_impurity(const impurity_params *p, const impurity_node *node) {
    double sum = 0;
    if (kind_of(p) == OTHER && p->criterion != IMPURITY_ABSOLUTE_ERROR)
        for (int32_t o = 0; o < p->n_outputs; o++)
            sum += output_impurity(p, o, node->totals, node->weight);
    return sum;
}

/* Score of the split into these sums and the rest of the node; -INFINITY: Poisson forbids it. */
static ALWAYS_INLINE double score_of(const impurity_params *p, const impurity_node *node, impurity_kind kind,
                                     const side_sums *side, double before, int64_t *rest) {
    const int64_t w = side->weight, v = node->weight - w;
    if (kind == TWO_CLASSES)
        return two_scores((double)node->weight, (double)node->totals[1], (double)w, (double)side->left[1]);
    if (kind == ONE_NUMBER)
        return two_scores((double)node->weight, (double)node->totals[0], (double)w, (double)side->left[0]);
    if (kind == MORE_CLASSES) {
        int64_t squares = 0; /* of the right side: sum of (t - l)^2 */
        squares = node->squares - 2 * side->mixed + side->squares;
        return ((double)side->squares * (double)v + (double)squares * (double)w) / ((double)w * (double)v);
    }
    double gain = before;
    for (int32_t c = 0; c < p->n_channels; c++)
        rest[c] = node->totals[c] - side->left[c];
    for (int32_t o = 0; o < p->n_outputs; o++) {
        if (p->criterion == IMPURITY_POISSON &&
            ((double)side->left[o] <= p->least_sum || (double)rest[o] <= p->least_sum))
            return -INFINITY;
        gain -= output_impurity(p, o, side->left, w) + output_impurity(p, o, rest, v);
    }
    return gain / p->n_outputs;
}

/* The decrease of weight times impurity that a score stands for. */
static double gain_of(const impurity_params *p, const impurity_node *node, double score) {
    switch (kind_of(p)) {
    case TWO_CLASSES:
        return 2 * score / (double)node->weight;
    case ONE_NUMBER:
        return score / (double)node->weight;
    case MORE_CLASSES:
        return score - (double)node->squares / (double)node->weight;
    default:
        return score;
    }
}

/* Value of a side for monotonic constraints: share of the last class, or mean. */
static inline double side_value(const impurity_params *p, double sum, double weight) {
    (void)p;
    return sum / weight;
}

static inline int is_ordered(const impurity_node *node, int s, double left, double right) {
    return left >= node->low && left <= node->high && right >= node->low && right <= node->high &&
           (right - left) * node->monotone[s] >= 0;
}

/* A number from 0 to 1 of random bits. */
static inline double share_of(uint64_t key) { return (double)(int64_t)(key >> 11) * 0x1p-53; }

/* A value between two, both halved lest their distance overflow. */
static inline double value_between(double share, double low, double high) {
    return 2 * (low / 2 + share * (high / 2 - low / 2));
}

/* Whether a candidate of slot s takes the lead. */
static ALWAYS_INLINE int is_better(impurity_kind kind, double score, int s, int code,
                                   const impurity_split *best) {
    double slack = 0;
    if (kind == OTHER && best->score > -INFINITY)
        slack = TIE * fabs(best->score);
    if (score > best->score + slack)
        return 1;
    return score >= best->score - slack && s == best->slot && code < best->code && score > -INFINITY;
}
