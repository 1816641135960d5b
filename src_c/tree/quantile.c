/* See quantile.h. */
#include "quantile.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "../simd.h"
#include "binning_read.h"
#include "binning_search.h"

/* ---- sorting ---- */

enum { QUANTILE_BITS = 11, QUANTILE_SLOTS = 1 << QUANTILE_BITS, QUANTILE_PASSES = 3, QUANTILE_FEW = 24 };

/* Keys are unsigned integers in the order of the values; -0.0 has the key of 0.0. */
static inline uint64_t quantile_key64(double x) {
    uint64_t bits;
    x += 0.0; /* -0.0 becomes 0.0 */
    memcpy(&bits, &x, 8);
    return bits ^ (-(bits >> 63) | 0x8000000000000000ull);
}

static inline double quantile_value64(uint64_t key) {
    const uint64_t bits = key ^ (((key >> 63) - 1) | 0x8000000000000000ull);
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

static inline uint32_t quantile_key32(float x) {
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, 4);
    return bits ^ (-(bits >> 31) | 0x80000000u);
}

static inline double quantile_value32(uint32_t key) {
    const uint32_t bits = key ^ (((key >> 31) - 1) | 0x80000000u);
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

static inline int quantile_length(uint64_t x) { /* number of bits up to the highest one */
    int n = 0;
    for (; x; x >>= 1)
        n++;
    return n;
}

static void quantile_insert(uint64_t *keys, double *payload, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const uint64_t key = keys[i];
        const double load = payload ? payload[i] : 0;
        int64_t k = i;
        for (; k > 0 && keys[k - 1] > key; k--) {
            keys[k] = keys[k - 1];
            if (payload)
                payload[k] = payload[k - 1];
        }
        keys[k] = key;
        if (payload)
            payload[k] = load;
    }
}

/* Stable pass on the digit of `bits` bits at `shift`. */
static void quantile_pass(const uint64_t *from, const double *from_payload, uint64_t *to, double *to_payload,
                          int64_t n, int shift, int bits) {
    const uint64_t mask = ((uint64_t)1 << bits) - 1;
    uint32_t start[QUANTILE_SLOTS] = {0}, sum = 0;
    for (int64_t i = 0; i < n; i++)
        start[from[i] >> shift & mask]++;
    for (int k = 0; k < QUANTILE_SLOTS; k++) {
        const uint32_t count = start[k];
        start[k] = sum;
        sum += count;
    }
    if (from_payload)
        for (int64_t i = 0; i < n; i++) {
            const uint32_t place = start[from[i] >> shift & mask]++;
            to[place] = from[i];
            to_payload[place] = from_payload[i];
        }
    else
        for (int64_t i = 0; i < n; i++)
            to[start[from[i] >> shift & mask]++] = from[i];
}

/* Sorts n < 2^32 keys and their payload, if there is one.

   Least significant digit first, but of the 33 highest bits in which keys differ only: of a sample of float64
   few agree in all these, and what does is sorted afterwards. */
static void quantile_sort(uint64_t *keys, double *payload, uint64_t *spare, double *spare_payload,
                          int64_t n) {
    if (n <= QUANTILE_FEW) {
        quantile_insert(keys, payload, n);
        return;
    }
    uint64_t differ = 0;
    for (int64_t i = 1; i < n; i++)
        differ |= keys[i] ^ keys[0];
    const int high = quantile_length(differ);
    if (high == 0)
        return;
    int low = quantile_length(differ & (0 - differ)) - 1;
    if (high - low > QUANTILE_PASSES * QUANTILE_BITS)
        low = high - QUANTILE_PASSES * QUANTILE_BITS;
    const int passes = (high - low + QUANTILE_BITS - 1) / QUANTILE_BITS;
    const int bits = (high - low + passes - 1) / passes;
    uint64_t *from = keys, *to = spare, *swap;
    double *from_payload = payload, *to_payload = spare_payload, *swap_payload;
    for (int pass = 0; pass < passes; pass++) {
        quantile_pass(from, from_payload, to, to_payload, n, low + pass * bits, bits);
        swap = from, from = to, to = swap;
        swap_payload = from_payload, from_payload = to_payload, to_payload = swap_payload;
    }
    if (from != keys) {
        memcpy(keys, from, (size_t)n * sizeof *keys);
        if (payload)
            memcpy(payload, from_payload, (size_t)n * sizeof *payload);
    }
    if (!(differ & (((uint64_t)1 << low) - 1)))
        return;
    for (int64_t i = 0, end; i < n; i = end) {
        uint64_t unlike = 0;
        for (end = i + 1; end < n && keys[end] >> low == keys[i] >> low; end++)
            unlike |= keys[end] ^ keys[i];
        if (unlike)
            quantile_sort(keys + i, payload ? payload + i : payload, spare, spare_payload, end - i);
    }
}

/* ---- distinct values ---- */

#define QUANTILE_X(i) (is_f32 ? (double)((const float *)x)[i] : ((const double *)x)[i])

/* Few enough whole numbers are counted, not sorted. Returns -1, with nothing kept, if they are not. */
static ALWAYS_INLINE int64_t quantile_count(const void *x, int is_f32, const double *weights, int64_t n,
                                            double *values, double *sums) {
    double least = INFINITY, most = -INFINITY;
    int64_t k = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = QUANTILE_X(i);
        if (v != v)
            continue;
        if (!(v > -QUANTILE_SMALL && v < QUANTILE_SMALL) || (double)(int32_t)v != v)
            return -1;
        least = v < least ? v : least;
        most = v > most ? v : most;
    }
    if (!(most - least < (double)(n < QUANTILE_SMALL ? n : QUANTILE_SMALL)) || most < least)
        return -1;
    const int32_t first = (int32_t)least, range = (int32_t)most - first + 1;
    memset(sums, 0, (size_t)range * sizeof *sums);
    for (int64_t i = 0; i < n; i++) {
        const double v = QUANTILE_X(i);
        if (v == v)
            sums[(int32_t)v - first] += !weights ? 1.0 : weights[i] > 0 ? weights[i] : 0.0;
    }
    for (int32_t j = 0; j < range; j++)
        if (sums[j] > 0) {
            values[k] = first + j;
            sums[k++] = sums[j];
        }
    return k;
}

static ALWAYS_INLINE int64_t quantile_group(const void *x, int is_f32, const double *weights, int64_t n,
                                            double *work) {
    uint64_t *keys = (uint64_t *)work;
    double *payload = weights ? work + 2 * n : (double *)0, *values = work, *sums = work + n;
    int64_t m = quantile_count(x, is_f32, weights, n, values, sums), k = -1;
    if (m >= 0)
        return m;
    m = 0;
    for (int64_t i = 0; i < n; i++) {
        const double v = QUANTILE_X(i);
        keys[m] = is_f32 ? quantile_key32((float)v) : quantile_key64(v);
        if (weights) {
            payload[m] = weights[i];
            m += v == v && weights[i] > 0;
        } else
            m += v == v;
    }
    quantile_sort(keys, payload, keys + n, weights ? payload + n : (double *)0, m);
    uint64_t last = 0;
    double sum = 0;
    for (int64_t i = 0; i < m; i++) { /* values overwrite keys that have been read */
        const uint64_t key = keys[i];
        if (key != last || i == 0) {
            if (i)
                sums[k] = sum;
            values[++k] = is_f32 ? quantile_value32((uint32_t)key) : quantile_value64(key);
            sum = 0;
            last = key;
        }
        sum += weights ? payload[i] : 1.0;
    }
    if (m)
        sums[k] = sum;
    return k + 1;
}

/* Distinct values, ascending, and the sum of the weights of each (counts when weights is NULL). NaN and rows
   without weight are left out. The sums are exact, and so do not depend on the order, if weights are whole
   numbers.

   x: (n,) float32 (is_f32) or float64, n < 2^32; weights: (n,); work: (4n,) or, without weights, (2n,). On
   return the values are in work[0 ..], the sums in work[n ..], both as doubles. Returns their number. */
int64_t FN(quantile_distinct)(const void *x, int is_f32, const double *weights, int64_t n, double *work) {
    return is_f32 ? quantile_group(x, 1, weights, n, work) : quantile_group(x, 0, weights, n, work);
}

/* ---- edges ---- */

/* A finite double e with a <= e < b, the midpoint where it is one; b when there is none. */
static double quantile_midpoint(double a, double b) {
    double middle = (a + b) * 0.5;
    if (a == -INFINITY)
        middle = b == INFINITY ? 0.0 : -DBL_MAX;
    else if (b == INFINITY)
        middle = DBL_MAX;
    else if (isinf(middle))
        middle = a * 0.5 + b * 0.5;
    if (middle >= b) /* rounded up between neighbours */
        middle = a == -INFINITY ? b : a;
    return middle;
}

static int quantile_append(double *edges, int n_edges, double a, double b) {
    const double edge = quantile_midpoint(a, b);
    if (edge < b)
        edges[n_edges++] = edge;
    return n_edges;
}

/* Edges between at most max_bins bins of ascending distinct values with positive weights.

   With at most max_bins values each has its bin. Otherwise a value as heavy as a whole bin has a bin of its
   own
   ("heavy": what is left is divided among the other bins, which makes more values heavy, until nothing
   changes), and the light values between two heavy ones share the light bins: a bin ends where its weight is
   nearest to (light weight left) / (light bins left). Every run of light values gets at least one bin while
   there are any; after that, it joins the heavy value before it.

   edges: (max_bins - 1,) or more. Returns their number. */
int FN(quantile_edges)(const double *values, const double *weights, int64_t n, int max_bins, double *edges) {
    int n_edges = 0;
    if (n <= max_bins) {
        for (int64_t i = 1; i < n; i++)
            n_edges = quantile_append(edges, n_edges, values[i - 1], values[i]);
        return n_edges;
    }
    double light_weight = 0, heaviest = 0, heavy_from = INFINITY;
    int64_t light_bins = max_bins, light_values = n, runs = 1;
    double sum[4] = {0}; /* exact for whole numbers, in any order */
    for (int64_t i = 0; i < n; i++) {
        sum[i & 3] += weights[i];
        heaviest = weights[i] > heaviest ? weights[i] : heaviest;
    }
    light_weight = sum[0] + sum[1] + sum[2] + sum[3];
    while (heaviest >= light_weight / (double)light_bins) {
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
    double filled = 0, target = 0; /* weight in the open light bin, and that which it should have */
    int after_heavy = 1;
    for (int64_t i = 0; i < n; i++) {
        const int heavy = weights[i] >= heavy_from;
        int cut;
        if (heavy)
            cut = i > 0;
        else if (after_heavy) { /* a run begins */
            cut = i > 0 && light_bins > 0;
            runs--;
        } else
            cut = light_bins > runs && (light_values <= light_bins || filled + 0.5 * weights[i] > target);
        if (!heavy) {
            if (cut || after_heavy) {
                light_bins -= light_bins > 0;
                light_weight -= filled;
                filled = 0;
                target = light_weight / (double)(light_bins + 1);
            }
            filled += weights[i];
            light_values--;
        }
        after_heavy = heavy;
        if (cut)
            n_edges = quantile_append(edges, n_edges, values[i - 1], values[i]);
    }
    return n_edges;
}

/* ---- all rows ---- */

/* Adds a value that is not among the set's; its trees are stale then. */
static void quantile_add(quantile_set *set, double x, int32_t capacity) {
    int32_t low = 0, size = set->count;
    if (set->count > capacity)
        return;
    while (size > 0) {
        const int32_t half = size / 2;
        if (set->values[low + half] < x) {
            low += half + 1;
            size -= half + 1;
        } else
            size = half;
    }
    if (low < set->count && set->values[low] == x)
        return;
    if (set->count++ == capacity)
        return;
    memmove(set->values + low + 1, set->values + low, (size_t)(set->count - 1 - low) * sizeof x);
    set->values[low] = x + 0.0;
}

/* The search finds for each value the member that it would be. Bounds between members, not the members
   themselves, because a value that is equal to a bound may take the slow road (see binning_search.h). */
static void quantile_plant(quantile_set *set) {
    double lower[QUANTILE_MOST];
    for (int32_t i = 0; i < set->count; i++)
        lower[i] = i ? nextafter(quantile_midpoint(set->values[i - 1], set->values[i]), INFINITY) : -INFINITY;
    set->planted = set->count;
    set->depth = BINNING_MIN_DEPTH;
    while (1 << set->depth <= set->count)
        set->depth++;
    set->coarse_pays = FN(binning_coarse_pays)(lower, set->count, 0.0);
    FN(binning_plant)(lower, set->count, set->depth, 0.0, set->tree32, set->coarse, set->lower);
}

/* Makes the values of n rows from row `first` members of the set, NaN and rows without weight (when weights,
   of row 0 on, is not NULL) excepted. Stops when there are more than capacity <= QUANTILE_MOST. */
void FN(quantile_collect)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                          int32_t capacity, quantile_set *set) {
    double buffer[BINNING_CHUNK];
    uint8_t codes[BINNING_CHUNK];
    const int is_f32 = binning_fits32(column->kind);
    for (int64_t done = 0; done < n && set->count <= capacity; done += BINNING_CHUNK) {
        const int64_t rows = n - done < BINNING_CHUNK ? n - done : BINNING_CHUNK;
        if (set->planted != set->count || !set->depth)
            quantile_plant(set);
        binning_table table = {0};
        table.tree32 = set->tree32;
        table.coarse = set->coarse;
        table.lower = set->lower;
        table.depth = set->depth;
        table.coarse_pays = set->coarse_pays;
        const void *x = binning_values(column, first + done, rows, is_f32, buffer);
        if (is_f32)
            binning_codes32(&table, x, rows, codes);
        else
            binning_codes64(&table, x, rows, codes);
        for (int64_t i = 0; i < rows; i++) {
            const double v = is_f32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
            if ((codes[i] && set->values[codes[i] - 1] == v) || v != v)
                continue;
            if (!weights || weights[first + done + i] > 0)
                quantile_add(set, v, capacity);
        }
    }
}

/* sums[x] += weight (1 when weights, of row 0 on, is NULL) for n rows from row `first`. Returns 1 if all
   values are whole numbers from 0 to QUANTILE_SMALL - 1 or missing (NaN, negative, infinite); 0, with
   unfinished sums, as soon as one is not. */
int FN(quantile_tally)(const binning_column *column, const double *weights, int64_t first, int64_t n,
                       double *sums) {
    double buffer[BINNING_CHUNK];
    for (int64_t done = 0; done < n; done += BINNING_CHUNK) {
        const int64_t rows = n - done < BINNING_CHUNK ? n - done : BINNING_CHUNK;
        const double *x = binning_values(column, first + done, rows, 0, buffer);
        for (int64_t i = 0; i < rows; i++) {
            if (!(x[i] >= 0) || x[i] == INFINITY)
                continue;
            if (x[i] >= QUANTILE_SMALL || (double)(int32_t)x[i] != x[i])
                return 0;
            sums[(int32_t)x[i]] += weights ? weights[first + done + i] : 1.0;
        }
    }
    return 1;
}
