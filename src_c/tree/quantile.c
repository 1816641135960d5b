/* See quantile.h. */
#include "quantile.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "../simd.h"

static inline uint64_t quantile_key(double x) {
    uint64_t bits;
    x += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &x, 8);
    return bits ^ ((uint64_t)((int64_t)bits >> 63) | 0x8000000000000000ull);
}

static inline double quantile_value(uint64_t key) {
    const uint64_t bits = key & 0x8000000000000000ull ? key ^ 0x8000000000000000ull : ~key;
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* Sorts n keys, and their payload with them when there is one, stably. The result is in keys and payload. */
static void quantile_sort(uint64_t *keys, double *payload, uint64_t *spare, double *spare_payload, int64_t n) {
    uint64_t *from = keys, *to = spare;
    double *from_payload = payload, *to_payload = spare_payload;
    uint64_t differ = 0;
    for (int64_t i = 1; i < n; i++)
        differ |= keys[i] ^ keys[0];
    for (int shift = 0; shift < 64; shift += QUANTILE_BITS) {
        if (!(differ >> shift & (QUANTILE_SLOTS - 1)))
            continue;
        int64_t start[QUANTILE_SLOTS] = {0};
        for (int64_t i = 0; i < n; i++)
            start[from[i] >> shift & (QUANTILE_SLOTS - 1)]++;
        int64_t sum = 0;
        for (int k = 0; k < QUANTILE_SLOTS; k++) {
            const int64_t count = start[k];
            start[k] = sum;
            sum += count;
        }
        for (int64_t i = 0; i < n; i++) {
            const int64_t place = start[from[i] >> shift & (QUANTILE_SLOTS - 1)]++;
            to[place] = from[i];
            if (payload)
                to_payload[place] = from_payload[i];
        }
        uint64_t *keys_ = from;
        from = to;
        to = keys_;
        double *payload_ = from_payload;
        from_payload = to_payload;
        to_payload = payload_;
    }
    if (from != keys) {
        memcpy(keys, from, (size_t)n * 8);
        if (payload)
            memcpy(payload, from_payload, (size_t)n * 8);
    }
}

/* Distinct values, ascending, and the sum of the weights of each (added in the order of the sample; counts when
   weights is NULL). NaN and rows without weight are left out.

   x, weights: (n,); work: (4n,) 64-bit words; values, sums: (n,). Returns the number of distinct values. */
int64_t FN(quantile_distinct)(const double *x, const double *weights, int64_t n, uint64_t *work, double *values,
                              double *sums) {
    uint64_t *keys = work;
    double *payload = weights ? (double *)(work + 2 * n) : (double *)0;
    int64_t m = 0, k = -1;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] != x[i] || (weights && !(weights[i] > 0)))
            continue;
        if (weights)
            payload[m] = weights[i];
        keys[m++] = quantile_key(x[i]);
    }
    quantile_sort(keys, payload, work + n, weights ? payload + n : (double *)0, m);
    for (int64_t i = 0; i < m; i++) {
        if (i == 0 || keys[i] != keys[i - 1]) {
            values[++k] = quantile_value(keys[i]);
            sums[k] = 0;
        }
        sums[k] += weights ? payload[i] : 1.0;
    }
    return k + 1;
}

/* A finite double e with a <= e < b, their midpoint where possible; b when there is none. */
static double quantile_midpoint(double a, double b) {
    double middle = (a + b) * 0.5;
    if (a == -INFINITY)
        middle = b == INFINITY ? 0.0 : -DBL_MAX;
    else if (b == INFINITY)
        middle = DBL_MAX;
    else if (isinf(middle))
        middle = a * 0.5 + b * 0.5;
    return middle < b ? (middle < a ? a : middle) : a == -INFINITY ? b : a;
}

static int quantile_append(double *edges, int n_edges, double a, double b) {
    const double edge = quantile_midpoint(a, b);
    if (edge < b)
        edges[n_edges++] = edge;
    return n_edges;
}

/* Edges between at most max_bins bins of ascending distinct values with positive weights.

   With at most max_bins values each has its bin. Otherwise a value as heavy as a whole bin has a bin of its own
   ("heavy": what is left is divided among the other bins, which makes more values heavy, until nothing changes), and
   the light values between two heavy ones share the light bins: a bin ends where its weight is nearest to (light
   weight left) / (light bins left). Every run of light values gets at least one bin while there are any; after that,
   it joins the heavy value before it.

   edges: (max_bins - 1,) or more. Returns their number. */
int FN(quantile_edges)(const double *values, const double *weights, int64_t n, int max_bins, double *edges) {
    int n_edges = 0;
    if (n <= max_bins) {
        for (int64_t i = 1; i < n; i++)
            n_edges = quantile_append(edges, n_edges, values[i - 1], values[i]);
        return n_edges;
    }
    double light_weight = 0, heavy_from = INFINITY;
    int64_t light_bins = max_bins, light_values = n, runs = 1;
    for (int64_t i = 0; i < n; i++)
        light_weight += weights[i];
    for (;;) {
        const double mean = light_weight / (double)light_bins;
        double weight = 0;
        int64_t heavy = 0, light_runs = 0;
        for (int64_t i = 0; i < n; i++) {
            if (weights[i] >= mean)
                heavy++;
            else {
                weight += weights[i];
                light_runs += i == 0 || weights[i - 1] >= mean;
            }
        }
        if (heavy <= n - light_values || heavy >= max_bins)
            break;
        heavy_from = mean;
        light_weight = weight;
        light_values = n - heavy;
        light_bins = max_bins - heavy;
        runs = light_runs;
    }
    double filled = 0; /* weight in the open light bin */
    for (int64_t i = 0; i < n; i++) {
        const int heavy = weights[i] >= heavy_from;
        const int after_heavy = i > 0 && weights[i - 1] >= heavy_from;
        int cut;
        if (heavy)
            cut = i > 0;
        else if (i == 0 || after_heavy) { /* a run begins */
            cut = i > 0 && light_bins > 0;
            light_bins -= light_bins > 0;
            runs--;
            light_weight -= filled;
            filled = 0;
        } else {
            const double target = light_weight / (double)(light_bins + 1);
            cut = light_bins > runs && (light_values <= light_bins || filled + 0.5 * weights[i] > target);
            if (cut) {
                light_bins--;
                light_weight -= filled;
                filled = 0;
            }
        }
        if (!heavy) {
            filled += weights[i];
            light_values--;
        }
        if (cut)
            n_edges = quantile_append(edges, n_edges, values[i - 1], values[i]);
    }
    return n_edges;
}

/* Adds the values that are not yet in an ascending set of `count` values, of rows with weight; NaN is no value.

   set: room for capacity + 1. Returns the new count, capacity + 1 as soon as there are more than capacity. */
int64_t FN(quantile_collect)(const double *x, const double *weights, int64_t n, double *set, int64_t count,
                             int64_t capacity) {
    double last = NAN;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] == last || x[i] != x[i] || (weights && !(weights[i] > 0)))
            continue;
        last = x[i];
        int64_t low = 0, size = count;
        while (size > 0) {
            const int64_t half = size / 2;
            if (set[low + half] < last) {
                low += half + 1;
                size -= half + 1;
            } else
                size = half;
        }
        if (low < count && set[low] == last)
            continue;
        if (count == capacity)
            return capacity + 1;
        for (int64_t k = count; k > low; k--)
            set[k] = set[k - 1];
        set[low] = last + 0.0;
        count++;
    }
    return count;
}
