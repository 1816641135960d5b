/* Gradients, hessians, their statistics and their fixed-point form: see gradient.h for the contract. */
#include <math.h>
#include <string.h>

#include "simd.h"
#include "tree/exp_log.h"
#include "tree/gradient.h"

/* Outputs saturate here, well inside float32, so that a weighted sum of |g| stays finite in double. */
#define GRADIENT_HUGE 1e37f
/* A larger -log p counts as this: p is then below the smallest float, and p log p must come out as zero. */
#define LOSS_CAP 1e4f

static inline float saturate(double x) { return limit((float)x, GRADIENT_HUGE); }

typedef struct row_gh {
    double g, h;
} row_gh;

/* One row of each loss. Conventions at ties (raw == y) are scikit-learn's. */
static inline row_gh squared_error_row(double y, double raw) { return (row_gh){raw - y, 1.0}; }
static inline row_gh absolute_error_row(double y, double raw) { return (row_gh){raw > y ? 1.0 : -1.0, 1.0}; }
static inline row_gh huber_row(double y, double raw, double delta) {
    const double error = raw - y, above = error > delta ? delta : error;
    return (row_gh){above < -delta ? -delta : above, 1.0};
}
static inline row_gh quantile_row(double y, double raw, double q) {
    return (row_gh){y >= raw ? -q : 1.0 - q, 1.0};
}
static inline row_gh poisson_row(double y, double raw) {
    const double mean = exp_double(raw);
    return (row_gh){mean - y, mean};
}
static inline row_gh gamma_deviance_row(double y, double raw) {
    const double ratio = y * exp_double(-raw);
    return (row_gh){1.0 - ratio, ratio};
}
static inline row_gh tweedie_row(double y, double raw, double power) {
    const double a = exp_double((2.0 - power) * raw), b = y * exp_double((1.0 - power) * raw);
    return (row_gh){a - b, (2.0 - power) * a + (power - 1.0) * b};
}

/* q = probability of the wrong class, which keeps its relative accuracy when it is tiny. */
static inline row_gh log_binary_row(uint8_t y, double raw) {
    const float sign = 1.0f - 2.0f * (float)(int32_t)y, s = sign * (float)raw;
    const float e = exp_float(-fabs(raw)), d = 1.0f / (1.0f + e), ed = e * d;
    const float q = s >= 0.0f ? d : ed;
    return (row_gh){sign * q, ed * d};
}
static inline row_gh log_multinomial_row(int32_t y, double raw, double lse, int32_t k) {
    const float p = limit(exp_float(raw - lse), 1.0f);
    return (row_gh){p - (y == k ? 1.0f : 0.0f), p * (1.0f - p)};
}

/* Focal loss q^gamma * -log(1 - q) (Lin et al., 2017, eq. 4), q the probability of the wrong class, s =
 * logit(q). Its second derivative is negative for rows that are far on the wrong side; there the hessian is
 * the gradient's magnitude times p / (1 + gamma), which is log loss's own p q when gamma = 0. */
static inline row_gh focal_binary_row(uint8_t y, double raw, double gamma) {
    const float sign = 1.0f - 2.0f * (float)(int32_t)y, c = (float)gamma;
    const double s = (double)sign * raw;
    const float e = exp_float(-fabs(s)), l1p = log1p_float(e), d = 1.0f / (1.0f + e), ed = e * d;
    const float q = s >= 0.0 ? d : ed, p = s >= 0.0 ? ed : d;
    const double log_q = (s < 0.0 ? s : 0.0) - (double)l1p;
    const float loss = limit((float)((s > 0.0 ? s : 0.0) + (double)l1p), LOSS_CAP); /* -log p */
    const float power = exp_float(gamma * log_q);
    const float first = power * (c * p * loss + q);
    const float second = power * p * ((2.0f * c + 1.0f) * q + c * loss * (c * p - q));
    const float least = first * p / (1.0f + c);
    return (row_gh){sign * first, second > least ? second : least};
}
/* a = g's factor, b and r as gradient_focal left them. */
static inline row_gh focal_multinomial_row(int32_t y, double raw, double lse, int32_t k, float a, float b,
                                           float r, double gamma) {
    const float p = limit(exp_float(raw - lse), 1.0f);
    const float u = p - (y == k ? 1.0f : 0.0f), v = u * r;
    const float base = a * p * (1.0f - p), second = base - b * u * limit(v, 1.0f),
                least = base / (1.0f + (float)gamma);
    return (row_gh){a * u, second > least ? second : least};
}

/* The loop over rows [lo, hi) around one loss: with and without weights, with and without h. */
#define ROWS(formula)                                                                                        \
    if (weight && h) {                                                                                       \
        for (int64_t i = lo; i < hi; i++) {                                                                  \
            const row_gh d = formula;                                                                        \
            g[i] = saturate(d.g * weight[i]);                                                                \
            h[i] = saturate(d.h * weight[i]);                                                                \
        }                                                                                                    \
    } else if (h) {                                                                                          \
        for (int64_t i = lo; i < hi; i++) {                                                                  \
            const row_gh d = formula;                                                                        \
            g[i] = saturate(d.g);                                                                            \
            h[i] = saturate(d.h);                                                                            \
        }                                                                                                    \
    } else {                                                                                                 \
        for (int64_t i = lo; i < hi; i++)                                                                    \
            g[i] = saturate((formula).g);                                                                    \
    }                                                                                                        \
    break

static void FN(gradient_rows)(const gradient_task *task, int64_t lo, int64_t hi) {
    const double *restrict raw = task->raw, *restrict weight = task->weight, *restrict lse = task->lse;
    const double *restrict y = task->y;
    const uint8_t *restrict y01 = task->y;
    const int32_t *restrict y_class = task->y;
    const float *restrict fa = task->focal, *restrict fb = fa ? fa + task->focal_stride : fa;
    const float *restrict fr = fb ? fb + task->focal_stride : fb;
    float *restrict g = task->g, *restrict h = task->h;
    const double param = task->param;
    const int32_t k = task->output;
    switch (task->loss) {
    case LOSS_SQUARED_ERROR:
        ROWS(squared_error_row(y[i], raw[i]));
    case LOSS_ABSOLUTE_ERROR:
        ROWS(absolute_error_row(y[i], raw[i]));
    case LOSS_HUBER:
        ROWS(huber_row(y[i], raw[i], param));
    case LOSS_QUANTILE:
        ROWS(quantile_row(y[i], raw[i], param));
    case LOSS_POISSON:
        ROWS(poisson_row(y[i], raw[i]));
    case LOSS_GAMMA:
        ROWS(gamma_deviance_row(y[i], raw[i]));
    case LOSS_TWEEDIE:
        ROWS(tweedie_row(y[i], raw[i], param));
    case LOSS_LOG_BINARY:
        ROWS(log_binary_row(y01[i], raw[i]));
    case LOSS_LOG_MULTINOMIAL:
        ROWS(log_multinomial_row(y_class[i], raw[i], lse[i], k));
    case LOSS_FOCAL_BINARY:
        ROWS(focal_binary_row(y01[i], raw[i], param));
    case LOSS_FOCAL_MULTINOMIAL:
        ROWS(focal_multinomial_row(y_class[i], raw[i], lse[i], k, fa[i], fb[i], fr[i], param));
    case LOSS_GIVEN:
        ROWS(((row_gh){raw[i], y[i]}));
    default:
        break;
    }
}

/* lse[i] = log(sum over k of exp(raw[k * stride + i])), rows [lo, hi), as maximum + log of the scaled sum. */
static void FN(gradient_lse)(const double *restrict raw, int64_t stride, int32_t n_outputs, int64_t lo,
                             int64_t hi, double *restrict lse) {
    double top[256], sum[256];
    for (int64_t first = lo; first < hi; first += 256) {
        const int64_t m = hi - first < 256 ? hi - first : 256;
        const double *column = raw + first;
        for (int64_t i = 0; i < m; i++) {
            top[i] = column[i];
            sum[i] = 0.0;
        }
        for (int32_t k = 1; k < n_outputs; k++) {
            column += stride;
            for (int64_t i = 0; i < m; i++)
                top[i] = column[i] > top[i] ? column[i] : top[i];
        }
        column = raw + first;
        for (int32_t k = 0; k < n_outputs; k++, column += stride)
            for (int64_t i = 0; i < m; i++)
                sum[i] += (double)exp_float(column[i] - top[i]);
        for (int64_t i = 0; i < m; i++)
            lse[first + i] = top[i] + log_double(sum[i]);
    }
}

/* Multinomial focal loss, what depends on the true class alone. With p its probability, q = 1 - p, L = -log
 * p: a = q^c (c p L / q + 1),  b = c p q^c (L - (c - 1) p L / q - 2),  r = 1 / q g_k = a (p_k - [k = y]), h_k
 * = a p_k (1 - p_k) - b (p_k - [k = y])^2 / q */
static void FN(gradient_focal)(const double *raw, int64_t stride, const int32_t *y, const double *lse,
                               double gamma, int64_t lo, int64_t hi, float *focal, int64_t focal_stride) {
    float *restrict fa = focal, *restrict fb = focal + focal_stride, *restrict fr = fb + focal_stride;
    const float c = (float)gamma;
    for (int64_t i = lo; i < hi; i++) {
        const double gap = lse[i] - raw[(int64_t)y[i] * stride + i], loss = gap > 0.0 ? gap : 0.0;
        float r;
        const int32_t k = split_exponent(-loss, 125.0f, &r);
        const float tail = expm1_small(r), p = (1.0f + tail) * power_of_two(k);
        float q = k == 0 ? -tail : 1.0f - p;
        q = q > 1e-37f ? q : 1e-37f;
        const float l = limit((float)loss, LOSS_CAP), ratio = l > 0.0f ? l / q : 1.0f;
        const float power = exp_float(gamma * log_double((double)q));
        fa[i] = power * (c * p * ratio + 1.0f);
        fb[i] = c * p * power * (l - (c - 1.0f) * p * ratio - 2.0f);
        fr[i] = 1.0f / q;
    }
}

/* Fold GRADIENT_LANES sums in halves: the same order whatever the vector length. */
static inline double fold_lanes(double *lane) {
    for (int half = GRADIENT_LANES / 2; half; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

/* One block: n <= GRADIENT_BLOCK rows. h may be NULL: h = 1. Largest and smallest are found on the bits,
 * whose order as integers is that of positive floats (and puts NaN above infinity), because integer
 * reductions vectorise. */
static void FN(gradient_stats)(const float *restrict g, const float *restrict h, int64_t n,
                               GradientStats *restrict stats) {
    double sum_g[GRADIENT_LANES] = {0.0}, sum_h[GRADIENT_LANES] = {0.0};
    uint32_t top_g = 0, top_h = 0, low_h = UINT32_MAX;
    int64_t i = 0;
    for (; i + GRADIENT_LANES <= n; i += GRADIENT_LANES)
        for (int j = 0; j < GRADIENT_LANES; j++)
            sum_g[j] += (double)fabsf(g[i + j]);
    for (int j = 0; i + j < n; j++)
        sum_g[j] += (double)fabsf(g[i + j]);
    for (i = 0; i < n; i++) {
        const uint32_t a = bits_of_float(g[i]) & 0x7fffffffu;
        top_g = a > top_g ? a : top_g;
    }
    stats->max_abs_g = (double)float_from_bits(top_g);
    stats->sum_abs_g = fold_lanes(sum_g);
    if (!h) {
        stats->max_h = stats->min_h = n > 0;
        stats->sum_h = (double)n;
        return;
    }
    for (i = 0; i + GRADIENT_LANES <= n; i += GRADIENT_LANES)
        for (int j = 0; j < GRADIENT_LANES; j++)
            sum_h[j] += (double)h[i + j];
    for (int j = 0; i + j < n; j++)
        sum_h[j] += (double)h[i + j];
    for (i = 0; i < n; i++) {
        const uint32_t a = bits_of_float(h[i] + 0.0f); /* -0.0 becomes 0.0 */
        top_h = a > top_h ? a : top_h;
        low_h = a - 1u < low_h ? a - 1u : low_h; /* zero wraps to the top */
    }
    /* a sign bit makes the integer larger than any positive float */
    const int negative = top_h > 0x80000000u;
    stats->max_h = negative ? 0.0 : (double)float_from_bits(top_h);
    stats->min_h = negative ? -1.0 : low_h == UINT32_MAX ? 0.0 : (double)float_from_bits(low_h + 1u);
    stats->sum_h = fold_lanes(sum_h);
}

/* A hash of the row and the tree's key, every bit of which is fair: multiply and xorshift, as Wellons'
 * lowbias32, the second half of the key between the rounds so that two trees do not see shifted copies of one
 * sequence. */
static inline uint32_t row_hash(uint32_t row, uint32_t key0, uint32_t key1) {
    uint32_t x = row + key0;
    x = (x ^ x >> 16) * 0x21f0aaadu;
    x = ((x ^ x >> 15) + key1) * 0xd35a2d97u;
    return x ^ x >> 15;
}

/* x * 2^bits as an integer, |x * 2^bits| < 2^31, to nearest. Multiples of 2^bits are exact. */
static inline int32_t to_fixed(float x) {
    const float half = float_from_bits((bits_of_float(x) & 0x80000000u) | 0x3f000000u);
    return (int32_t)(x + half);
}

#define PACK_CHUNK 512
#define TWO_100 0x1p100

/* Rows lo <= i < hi of a list (rows[i]) or of the data (rows NULL: row i itself) to gh[i]; hi - lo <=
 * GRADIENT_BLOCK. g is kept with 16 bits of fraction, h with 15; random bits below the point are added and
 * the fraction cut off: floor(x + u), unbiased, and exact when x is an integer. h NULL: the h field is 1. */
static void FN(gradient_pack)(const float *restrict g, const float *restrict h, const uint32_t *restrict rows,
                              int64_t lo, int64_t hi, uint64_t key, uint32_t *restrict gh,
                              Packed *restrict block) {
    /* a scale for subnormals does not fit one float */
    const double big_g = block->scale_g * 65536.0, big_h = block->scale_h * 32768.0;
    const float first_g = big_g > TWO_100 ? (float)TWO_100 : 1.0f, rest_g = (float)(big_g / (double)first_g);
    const float first_h = big_h > TWO_100 ? (float)TWO_100 : 1.0f, rest_h = (float)(big_h / (double)first_h);
    const uint32_t key0 = (uint32_t)key, key1 = (uint32_t)(key >> 32);
    int32_t sum_g = 0, sum_h = 0, low = INT32_MAX, high = 0; /* a block's sums stay below 2^29 */
    float g_chunk[PACK_CHUNK], h_chunk[PACK_CHUNK];
    uint32_t row[PACK_CHUNK];
    for (int64_t first = lo; first < hi; first += PACK_CHUNK) {
        const int m = (int)(hi - first < PACK_CHUNK ? hi - first : PACK_CHUNK);
        const float *from_g = g + first, *from_h = h ? h + first : h;
        uint32_t *restrict to = gh + first;
        if (rows) {
            for (int i = 0; i < m; i++)
                g_chunk[i] = g[rows[first + i]];
            for (int i = 0; h && i < m; i++)
                h_chunk[i] = h[rows[first + i]];
            memcpy(row, rows + first, (size_t)m * sizeof *row);
            from_g = g_chunk;
            from_h = h ? h_chunk : h;
        } else {
            for (int i = 0; i < m; i++)
                row[i] = (uint32_t)first + (uint32_t)i;
        }
        if (h) {
            for (int i = 0; i < m; i++) {
                const uint32_t random = row_hash(row[i], key0, key1);
                const int32_t gq = (to_fixed(from_g[i] * first_g * rest_g) + (int32_t)(random >> 16)) >> 16;
                const int32_t hq =
                    (to_fixed(from_h[i] * first_h * rest_h) + (int32_t)(random & 0x7fffu)) >> 15;
                to[i] = (uint32_t)gq << 16 | (uint32_t)hq;
                sum_g += gq;
                sum_h += hq;
                low = hq < low ? hq : low;
                high = hq > high ? hq : high;
            }
        } else {
            for (int i = 0; i < m; i++) {
                const uint32_t random = row_hash(row[i], key0, key1);
                const int32_t gq = (to_fixed(from_g[i] * first_g * rest_g) + (int32_t)(random >> 16)) >> 16;
                to[i] = (uint32_t)gq << 16 | 1u;
                sum_g += gq;
            }
        }
    }
    block->sum_g = sum_g;
    block->sum_h = h ? sum_h : hi - lo;
    block->min_hq = h ? (uint32_t)low : 1u;
    block->max_hq = h ? (uint32_t)high : 1u;
}
