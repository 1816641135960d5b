/* Weights below this share of the greatest, of a word or of a document, are zero; their products are not. */
#define TOPICS_NOTHING ((real)(sizeof(real) == 4 ? 0x1p-40 : 0x1p-480))
#define TOPICS_LEAST ((real)(sizeof(real) == 4 ? 0x1p-80 : 0x1p-960))

/* Weights of n words: words rows[0], rows[1], ..., or 0, 1, ... if rows is NULL. scale[k] is the inverse of
   exp(psi(sum of topic k)), or of the sum itself with TOPICS_MEAN; peak[w], if not NULL, is what the word's
   weights were divided by, of which the logarithm is to be taken. room: width reals. */
static void FN(RN(topics_weights))(const real *topics, const real *scale, int kind, const int32_t *rows,
                                   int64_t n, int64_t width, real *room, real *weights, double *peak) {
    const lane zero = R(set)(0);
    for (int64_t i = 0; i < n; i++) {
        const int64_t word = rows ? rows[i] : i;
        const real *from = topics + word * width;
        real *to = weights + word * width;
        lane most = zero, least = R(set)((real)1e30);
        if (kind == TOPICS_MEAN) {
            for (int64_t k = 0; k < width; k += LANES) {
                const lane a = R(load)(from + k) * R(load)(scale + k);
                R(store)(to + k, a);
                most = R(max)(most, a);
            }
        } else {
            for (int64_t k = 0; k < width; k += LANES) {
                lane s;
                const lane factor = R(load)(scale + k), a = R(exp_digamma_parts)(R(load)(from + k), &s);
                R(store)(to + k, a * factor);
                R(store)(room + k, s);
                least = R(min)(least, R(select)(R(lt)(zero, factor), s, least));
            }
            const real base = -R(greatest)(zero - least);
            for (int64_t k = 0; k < width; k += LANES) {
                const lane a = R(load)(to + k) * R(exp)(R(set)(base) - R(load)(room + k));
                R(store)(to + k, a);
                most = R(max)(most, a);
            }
            if (peak)
                peak[word] = -(double)base;
        }
        const real top = R(greatest)(most);
        const lane inverse = R(set)(top > 0 ? 1 / top : 0);
        for (int64_t k = 0; k < width; k += LANES) {
            const lane a = R(load)(to + k) * inverse;
            R(store)(to + k, R(select)(R(lt)(a, R(set)(TOPICS_NOTHING)), zero, a));
        }
        if (peak)
            peak[word] = (kind == TOPICS_MEAN ? 0.0 : peak[word]) + log((double)top);
    }
}

#include "dense/topics_document_body.h"

/* stat[w] += weight * ratio_w * theta, of the words of a part of a document. theta: (width,). */
static void FN(RN(topics_accumulate))(const int32_t *words, const real *ratio, int64_t n, const real *theta,
                                      int64_t width, double weight, double *stat) {
    for (int64_t i = 0; i < n; i++) {
        double *to = stat + (int64_t)words[i] * width;
        const double r = weight * (double)ratio[i];
        if (i + 4 < n)
            for (int64_t k = 0; k < width; k += 8)
                PREFETCH(stat + (int64_t)words[i + 4] * width + k);
        INDEPENDENT
        for (int64_t k = 0; k < width; k++)
            to[k] += r * (double)theta[k];
    }
}

/* The maximisation step of n words (rows as for topics_weights): topics become
   prior + keep (topics - prior) + gain * stat * weights. stat becomes zero; added[k] grows by what stat *
   weights of topic k were. */
static void FN(RN(topics_update))(real *topics, const real *weights, double *stat, const int32_t *rows,
                                  int64_t n, int64_t width, double prior, double keep, double gain,
                                  double *added) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = (rows ? rows[i] : i) * width;
        real *to = topics + at;
        const real *weight = weights + at;
        double *from = stat + at;
        INDEPENDENT
        for (int64_t k = 0; k < width; k++) {
            const double x = from[k] * (double)weight[k];
            to[k] = (real)(prior + (keep * ((double)to[k] - prior) + gain * x));
            added[k] += x;
            from[k] = 0.0;
        }
    }
}

/* topics become prior + keep[word] (topics - prior). */
static void FN(RN(topics_fade))(real *topics, const int32_t *rows, int64_t n, int64_t width, double prior,
                                const double *keep) {
    for (int64_t i = 0; i < n; i++) {
        const int64_t word = rows ? rows[i] : i;
        real *to = topics + word * width;
        if (keep[word] == 1.0)
            continue;
        INDEPENDENT
        for (int64_t k = 0; k < width; k++)
            to[k] = (real)(prior + keep[word] * ((double)to[k] - prior));
    }
}

/* Lower bound of the logarithm of a document's probability given the weights, in double precision:
   E[log p(words | theta)] + E[log p(theta) - log q(theta)]. room: 5 width + n + 64 doubles. */
static double FN(RN(topics_score))(const real *weights, const double *peak, const topics_rule *rule,
                                   const real *prior, const int32_t *words, const real *counts, int64_t n,
                                   double *room, const real *gamma) {
    const int64_t width = rule->width, n_topics = rule->n_topics;
    double *theta = room, *power = theta + width, *own = power + width, *other = own + width;
    double *norm = other + width, out = 0.0, total = 0.0, before = 0.0, base = 1e300, tokens = 0.0;
    int64_t n_own = 0;
    for (int64_t k = 0; k < width; k++) {
        theta[k] = k < n_topics ? (double)gamma[k] : 1.0;
        own[k] = other[k] = 1.0;
    }
    for (int64_t k = 0; k < n_topics; k++) {
        total += (double)gamma[k];
        before += (double)prior[k];
        if (gamma[k] != prior[k]) { /* of the others both terms are nothing */
            own[n_own] = (double)gamma[k];
            other[n_own++] = (double)prior[k];
        }
    }
    const lane_f64 tiny = f64_set(1e-280);
    for (int64_t k = 0; k < width; k += LANES_F64) {
        lane_f64 s;
        f64_store(theta + k, f64_exp_digamma_parts(f64_load(theta + k), &s));
        f64_store(power + k, s);
    }
    for (int64_t k = 0; k < n_topics; k++)
        base = power[k] < base ? power[k] : base;
    for (int64_t k = 0; k < width; k += LANES_F64)
        f64_store(theta + k, f64_load(theta + k) * f64_exp(f64_set(base) - f64_load(power + k)));
    for (int64_t i = 0; i < n; i++) {
        const real *row = weights + (int64_t)words[i] * width;
        double sum[8] = {0.0};
        for (int64_t k = 0; k < width; k += 8)
            for (int j = 0; j < 8; j++)
                sum[j] += theta[k + j] * (double)row[k + j];
        norm[i] = ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
    }
    for (int64_t i = 0; i < n; i += LANES_F64) {
        double logs[LANES_F64];
        const int part = n - i < LANES_F64 ? (int)(n - i) : LANES_F64;
        f64_store(logs, f64_log(f64_load_part(norm + i, part)));
        for (int j = 0; j < part; j++) {
            out += (double)counts[i + j] * (logs[j] + peak[words[i + j]]);
            tokens += (double)counts[i + j];
        }
    }
    double ends[LANES_F64], psi_total;
    f64_store(ends, f64_digamma(f64_max(f64_set(total), tiny)));
    psi_total = ends[0];
    out -= tokens * (base + psi_total);
    for (int64_t i = 0; i < n_own; i += LANES_F64) {
        const lane_f64 g = f64_max(f64_load(own + i), tiny), a = f64_max(f64_load(other + i), tiny);
        lane_f64 term = (a - g) * (f64_digamma(g) - f64_set(psi_total));
        term = term + (f64_log_gamma(g) - f64_log_gamma(a));
        f64_store(ends, term);
        for (int j = 0; j < LANES_F64 && i + j < n_own; j++)
            out += ends[j];
    }
    f64_store(ends,
              f64_log_gamma(f64_max(f64_set(before), tiny)) - f64_log_gamma(f64_max(f64_set(total), tiny)));
    return out + ends[0];
}

#undef TOPICS_NOTHING
#undef TOPICS_LEAST
