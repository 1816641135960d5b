#include <math.h>

#include "compare.h"

/* A node of rows with few distinct codes, so that ties are many, with everything that a search reads. */
typedef struct setting {
    impurity_params params;
    impurity_node node;
    impurity_space space;
    records_layout layout;
    int64_t totals[64];
    int32_t first[4];
} setting;

static void give_space(bench *b, setting *s) {
    const int64_t n = s->node.n, channels = s->params.n_channels;
    s->space.cells = room(b, (2 * 256 * IMPURITY_SLOTS + 256) * sizeof(int64_t));
    s->space.places = room(b, IMPURITY_FEW * IMPURITY_SLOTS);
    s->space.order = room(b, (size_t)(2 * n) * sizeof(uint32_t));
    s->space.left = room(b, (size_t)(2 * channels) * sizeof(int64_t));
    s->space.groups = room(b, (size_t)(256 * (channels + 2)) * sizeof(int64_t));
    s->space.scores = room(b, (size_t)((256 + 3) * channels) * sizeof(double));
    s->space.fenwick = room(b, (size_t)(8 * n + 16) * sizeof(int64_t));
}

static void give_targets(bench *b, setting *s, int64_t n) {
    impurity_params *p = &s->params;
    const int classes = p->criterion <= IMPURITY_ENTROPY;
    int64_t *targets = room(b, (size_t)(n * p->n_outputs) * sizeof *targets);
    int32_t *rank = room(b, (size_t)(n * p->n_outputs) * sizeof *rank);
    int64_t *ranked = room(b, (size_t)(p->n_outputs * 50) * sizeof *ranked);
    for (int32_t o = 0; o < p->n_outputs; o++) {
        const int64_t most = classes ? p->first[o + 1] - p->first[o] : 50;
        for (int64_t i = 0; i < n; i++)
            targets[i * p->n_outputs + o] = rank[i * p->n_outputs + o] = (int32_t)below(b, most);
        for (int64_t i = 0; i < 50; i++)
            ranked[o * 50 + i] = i;
    }
    p->targets = targets;
    p->rank = rank;
    p->ranked = ranked;
    p->n_ranked = 50;
}

static void give_rows(bench *b, setting *s, int64_t n) {
    impurity_params *p = &s->params;
    const int32_t stride = s->layout.stride;
    uint8_t *records = zeros(b, (size_t)(n * stride) + RECORDS_SLACK);
    const int64_t unit = below(b, 2);
    p->unit_weights = 0;
    int32_t levels[IMPURITY_MOST_SLOTS];
    const int few_codes = below(b, 3) == 0; /* and none missing: several classes are counted side by side */
    for (int j = 0; j < IMPURITY_MOST_SLOTS; j++) {
        levels[j] = 1 + (int32_t)below(b, below(b, 2) ? 6 : few_codes ? 60 : 256);
        s->node.missing[j] = (uint8_t)(!few_codes && below(b, 3) == 0);
        s->node.n_codes[j] = few_codes ? levels[j] + 1 : 256;
    }
    for (int64_t i = 0; i < n; i++) {
        uint8_t *record = records + i * stride, *payload = record + s->layout.payload;
        for (int j = 0; j < s->node.n_slots; j++)
            record[j] = (uint8_t)(s->node.missing[j] && below(b, 5) == 0 ? 0 : 1 + below(b, levels[j]) % 255);
        const uint32_t w = (uint32_t)(unit ? 1 : 1 + below(b, 4)), row = (uint32_t)i;
        const int64_t y = p->targets[i * p->n_outputs];
        if (s->layout.small) {
            const uint32_t word = (uint32_t)y << 24 | w;
            memcpy(payload, &word, 4);
            continue;
        }
        memcpy(payload, &y, 8);
        memcpy(payload + 8, &w, 4);
        memcpy(payload + 12, &row, 4);
    }
    s->node.records = s->node.codes = records;
    s->node.step = stride;
}

static setting *some_setting(bench *b) {
    setting *s = zeros(b, sizeof *s);
    impurity_params *p = &s->params;
    const int64_t n = 2 + some_rows(b, 600);
    p->criterion = (int32_t)below(b, 5);
    p->n_outputs = below(b, 3) ? 1 : 2;
    const int32_t size = p->criterion > IMPURITY_ENTROPY ? 1 : below(b, 2) ? 2 : 2 + (int32_t)below(b, 6);
    for (int32_t o = 0; o < p->n_outputs; o++)
        s->first[o + 1] = s->first[o] + size;
    p->n_channels = s->first[p->n_outputs];
    p->first = s->first;
    p->min_rows = 1 + below(b, 2) * below(b, 9);
    p->min_weight = 1 + below(b, 2) * below(b, 9);
    p->random = below(b, 4) == 0;
    double *logs = room(b, IMPURITY_LOGS * sizeof *logs),
           *bounds = room(b, IMPURITY_MOST_SLOTS * 256 * sizeof *bounds);
    double *filled = room(b, IMPURITY_MOST_SLOTS * IMPURITY_FILLED * sizeof *filled);
    for (int i = 0; i < IMPURITY_LOGS; i++)
        logs[i] = i ? i * log2(i) : 0;
    for (int i = 0; i < IMPURITY_MOST_SLOTS * 256; i++)
        bounds[i] = i % 256;
    for (int i = 0; i < IMPURITY_MOST_SLOTS * IMPURITY_FILLED; i++) {
        const int code = i % IMPURITY_FILLED;
        filled[i] = code < 256 ? code : 16 * (code - 256) + 15;
    }
    p->log_table = logs;
    p->lower = p->upper = bounds;
    p->filled = filled;
    p->layout = &s->layout;
    s->layout.small = p->criterion <= IMPURITY_ENTROPY && p->n_outputs == 1 && below(b, 2);
    s->layout.n_codes = IMPURITY_MOST_SLOTS;
    s->layout.stride = s->layout.small && below(b, 2) ? 48 : 32;
    s->layout.payload = s->layout.stride - (s->layout.small ? 4 : 16);
    s->layout.row = s->layout.small ? -1 : s->layout.stride - 4;
    s->node.n = n;
    s->node.n_slots = 1 + (int32_t)below(b, IMPURITY_MOST_SLOTS);
    give_targets(b, s, n);
    give_rows(b, s, n);
    for (int j = 0; j < s->node.n_slots; j++) {
        s->node.at[j] = s->node.feature[j] = j;
        s->node.categorical[j] = (uint8_t)(below(b, 12) == 0);
        s->node.key[j] = bits64(b);
    }
    s->node.weight = fastml_tree_kernels_serial.impurity_totals(p, s->node.records, n, s->totals);
    s->node.totals = s->totals;
    for (int32_t c = 0; c < p->n_channels; c++)
        s->node.squares += s->totals[c] * s->totals[c];
    s->node.low = -INFINITY;
    s->node.high = INFINITY;
    give_space(b, s);
    return s;
}

static void totals(const fastml_tree_kernels *k, bench *b) {
    setting *s = some_setting(b);
    const int64_t weight = k->impurity_totals(&s->params, s->node.records, s->node.n, s->totals);
    keep(b, &weight, sizeof weight);
    keep(b, s->totals, (size_t)s->params.n_channels * sizeof *s->totals);
}

static void search(const fastml_tree_kernels *k, bench *b) {
    setting *s = some_setting(b);
    impurity_split best;
    memset(&best, 0, sizeof best);
    best.score = -INFINITY;
    best.slot = -1;
    const int varies = k->impurity_search(&s->params, &s->node, &s->space, &best);
    keep(b, &varies, sizeof varies);
    keep(b, &best.slot, sizeof best.slot);
    if (best.slot < 0)
        return;
    keep(b, &best.score, sizeof best.score);
    keep(b, &best.gain, sizeof best.gain);
    keep(b, &best.weight_left, sizeof best.weight_left);
    keep(b, &best.missing_left, 1);
    keep(b, &best.categorical, 1);
    if (best.categorical)
        keep(b, best.set, sizeof best.set);
    else {
        keep(b, &best.code, 1);
        keep(b, &best.next, 1);
    }
}

static void value(const fastml_tree_kernels *k, bench *b) {
    setting *s = some_setting(b);
    double sums[64], squares[4];
    for (int c = 0; c < 64; c++)
        sums[c] = (double)below(b, 100);
    for (int o = 0; o < 4; o++)
        squares[o] = 1e4 * uniform(b);
    const double all = k->impurity_value(&s->params, sums, squares, 1 + (double)below(b, 1000));
    keep(b, &all, sizeof all);
}

static void medians(const fastml_tree_kernels *k, bench *b) {
    setting *s = some_setting(b);
    double found[4];
    keep(b, &s->params.criterion, sizeof s->params.criterion);
    if (s->params.criterion != IMPURITY_ABSOLUTE_ERROR)
        return;
    const double error = k->impurity_medians(&s->params, &s->node, &s->space, found);
    keep(b, &error, sizeof error);
    keep(b, found, (size_t)s->params.n_outputs * sizeof *found);
}

const kernel_case impurity_cases[] = {
    {"impurity_totals", totals},
    {"impurity_search", search},
    {"impurity_value", value},
    {"impurity_medians", medians},
    {NULL, NULL},
};
