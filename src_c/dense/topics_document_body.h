/* The expectation step of a document: included by topics_body.h. */
/* A document on its way: words in columns of `stride` reals, so that a topic's weights of them are a line. */
typedef struct RN(topics_work) {
    int64_t stride;
    real *tile, *count, *ratio; /* (width, stride), (stride), (stride) */
    real *theta, *gamma, *share, *power;
    int32_t *active; /* topics in the loop; theta and gamma are theirs, in this order */
    int64_t n_active;
} RN(topics_work);

static void RN(topics_open)(RN(topics_work) * d, const real *weights, int64_t width, const int32_t *words,
                            const real *counts, int64_t n, real *room) {
    d->stride = (n + LANES - 1) / LANES * LANES;
    d->theta = room;
    d->gamma = d->theta + width;
    d->share = d->gamma + width;
    d->power = d->share + width;
    d->active = (int32_t *)(d->power + width);
    d->count = d->power + 2 * width;
    d->ratio = d->count + d->stride;
    d->tile = d->ratio + d->stride;
    for (int64_t i = 0; i < d->stride; i++)
        d->count[i] = i < n ? counts[i] : 0;
    for (int64_t block = 0; block < d->stride; block += LANES) {
        const real *row[LANES];
        for (int j = 0; j < LANES; j++) {
            row[j] = weights + (int64_t)words[block + j < n ? block + j : n - 1] * width;
            if (block + LANES + j < n) {
                const real *next = weights + (int64_t)words[block + LANES + j] * width;
                for (int64_t k = 0; k < width; k += 64 / (int64_t)sizeof(real))
                    PREFETCH(next + k);
            }
        }
        for (int64_t k = 0; k < width; k += LANES) {
            lane square[LANES];
            for (int j = 0; j < LANES; j++)
                square[j] = R(load)(row[j] + k);
            R(turn)(square, LANES);
            for (int j = 0; j < LANES; j++)
                R(store)(d->tile + (k + j) * d->stride + block, square[j]);
        }
    }
}

/* ratio of `many` lanes of words from `at` */
static ALWAYS_INLINE void RN(topics_ratio_of)(RN(topics_work) * d, int64_t at, const int many) {
    lane even[4], odd[4];
    const real *tile = d->tile + at;
    int64_t i = 0;
    for (int q = 0; q < many; q++)
        even[q] = odd[q] = R(set)(0);
    for (; i + 2 <= d->n_active; i += 2) {
        const real *a = tile + d->active[i] * d->stride, *b = tile + d->active[i + 1] * d->stride;
        const lane x = R(set)(d->theta[i]), y = R(set)(d->theta[i + 1]);
        for (int q = 0; q < many; q++) {
            even[q] = R(fma)(x, R(load)(a + q * LANES), even[q]);
            odd[q] = R(fma)(y, R(load)(b + q * LANES), odd[q]);
        }
    }
    if (i < d->n_active) {
        const real *a = tile + d->active[i] * d->stride;
        const lane x = R(set)(d->theta[i]);
        for (int q = 0; q < many; q++)
            even[q] = R(fma)(x, R(load)(a + q * LANES), even[q]);
    }
    for (int q = 0; q < many; q++) {
        const lane norm = R(max)(even[q] + odd[q], R(set)(TOPICS_LEAST));
        R(store)(d->ratio + at + q * LANES, R(load)(d->count + at + q * LANES) / norm);
    }
}

static void RN(topics_ratios)(RN(topics_work) * d) {
    int64_t at = 0;
    for (; at + 4 * LANES <= d->stride; at += 4 * LANES)
        RN(topics_ratio_of)(d, at, 4);
    if (at + 2 * LANES <= d->stride) {
        RN(topics_ratio_of)(d, at, 2);
        at += 2 * LANES;
    }
    if (at < d->stride)
        RN(topics_ratio_of)(d, at, 1);
}

/* Sum over words of ratio times weight, of `many` topics. */
static ALWAYS_INLINE void RN(topics_dots)(const RN(topics_work) * d, const int32_t *topic, const int many,
                                          real *out) {
    lane sum[4];
    const real *line[4];
    for (int q = 0; q < many; q++) {
        sum[q] = R(set)(0);
        line[q] = d->tile + topic[q] * d->stride;
    }
    for (int64_t at = 0; at < d->stride; at += LANES) {
        const lane ratio = R(load)(d->ratio + at);
        for (int q = 0; q < many; q++)
            sum[q] = R(fma)(ratio, R(load)(line[q] + at), sum[q]);
    }
    for (int q = 0; q < many; q++)
        out[q] = R(sum)(sum[q]);
}

static void RN(topics_shares)(RN(topics_work) * d, const int32_t *topic, int64_t n, real *out) {
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        RN(topics_dots)(d, topic + i, 4, out + i);
    for (; i < n; i++)
        RN(topics_dots)(d, topic + i, 1, out + i);
}

/* theta of the active topics from gamma; returns the exponent that all are relative to. */
static real RN(topics_theta)(RN(topics_work) * d) {
    const int64_t n = d->n_active;
    lane least = R(set)((real)1e30);
    for (int64_t i = 0; i < n; i += LANES) {
        const int part = n - i < LANES ? (int)(n - i) : LANES;
        lane s;
        for (int j = part; j < LANES; j++)
            d->gamma[i + j] = 1;
        R(store)(d->theta + i, R(exp_digamma_parts)(R(load)(d->gamma + i), &s));
        R(store)(d->power + i, s);
        for (int j = part; j < LANES; j++)
            d->power[i + j] = (real)1e30;
        least = R(min)(least, R(load)(d->power + i));
    }
    const lane base = R(set)(-R(greatest)(R(set)(0) - least));
    for (int64_t i = 0; i < n; i += LANES) {
        const lane a = R(load)(d->theta + i) * R(exp)(base - R(load)(d->power + i));
        R(store)(d->theta + i, R(select)(R(lt)(a, R(set)(TOPICS_NOTHING)), R(set)(0), a));
    }
    return -R(greatest)(R(set)(0) - least);
}

/* The topics that are not in the loop: their theta, at most that of the prior, and what it gives them. Those
   whose share is not negligible come back into the loop; returns how many. */
static int64_t RN(topics_recall)(RN(topics_work) * d, const topics_rule *rule, const real *prior, real base,
                                 real limit, real *gamma, real *theta) {
    const int64_t loop = d->n_active;
    for (int64_t k = 0; k < rule->n_topics; k++)
        theta[k] = -1;
    for (int64_t i = 0; i < loop; i++)
        theta[d->active[i]] = 0;
    for (int32_t k = 0; k < rule->n_topics; k++) {
        if (theta[k] >= 0)
            continue;
        lane s;
        const lane a = R(exp_digamma_parts)(R(set)(prior[k]), &s);
        const real x = R(greatest)(a * R(exp)(R(set)(base) - s));
        real dot = 0;
        theta[k] = x < TOPICS_NOTHING ? 0 : x;
        if (theta[k] > 0)
            RN(topics_dots)(d, &k, 1, &dot);
        gamma[k] = prior[k] + theta[k] * dot;
        if (theta[k] * dot >= limit) {
            d->active[d->n_active] = k;
            d->gamma[d->n_active++] = gamma[k];
        }
    }
    return d->n_active - loop;
}

/* One step: gamma of the topics in the loop from their theta and the ratios, then the next theta. Topics
   whose share is negligible leave. Returns the sum of changes; base as for topics_theta. */
static double RN(topics_step)(RN(topics_work) * d, const real *prior, real limit, real *base) {
    double change = 0.0;
    int64_t staying = 0, to = 0;
    RN(topics_shares)(d, d->active, d->n_active, d->share);
    for (int64_t i = 0; i < d->n_active; i++) {
        const real share = d->theta[i] * d->share[i], now = share + prior[d->active[i]];
        change += (double)(now > d->gamma[i] ? now - d->gamma[i] : d->gamma[i] - now);
        d->gamma[i] = now;
        d->share[i] = share;
        staying += share >= limit;
    }
    if (staying && staying < d->n_active) {
        for (int64_t i = 0; i < d->n_active; i++) {
            d->active[to] = d->active[i];
            d->gamma[to] = d->gamma[i];
            to += d->share[i] >= limit;
        }
        d->n_active = staying;
    }
    *base = RN(topics_theta)(d);
    return change;
}

/* The expectation step of one document: gamma from 1 until it stands still. gamma: (width,). theta (width,)
   and ratio (n,) may be NULL. room: topics_room(n, width) reals. Returns the number of steps.

   A document soon has a few topics. The others keep what the prior gives them and leave the loop; at its end
   it is looked once whether they would have stayed away. */
static int64_t FN(RN(topics_document))(const real *weights, const topics_rule *rule, const real *prior,
                                       const int32_t *words, const real *counts, int64_t n, real *room,
                                       real *gamma, real *theta, real *ratio) {
    const int64_t n_topics = rule->n_topics, width = rule->width;
    real *const all = theta ? theta : room + topics_room(n, width) - width;
    for (int64_t k = 0; k < width; k++) {
        gamma[k] = k >= n_topics ? 0 : rule->max_iter ? prior[k] : 1;
        all[k] = 0;
    }
    if (n == 0)
        return 0;
    RN(topics_work) d;
    RN(topics_open)(&d, weights, width, words, counts, n, room);
    double tokens = 0.0;
    for (int64_t i = 0; i < n; i++)
        tokens += (double)counts[i];
    const real limit = (real)(tokens * rule->negligible);
    const double enough = rule->tolerance * (double)n_topics;
    d.n_active = n_topics;
    for (int64_t k = 0; k < n_topics; k++) {
        d.active[k] = (int32_t)k;
        d.gamma[k] = 1;
    }
    real base = RN(topics_theta)(&d);
    RN(topics_ratios)(&d);
    int64_t step = 0;
    int looked = 0;
    while (step < rule->max_iter) {
        const double change = RN(topics_step)(&d, prior, limit, &base);
        RN(topics_ratios)(&d);
        step++;
        if (change < enough) {
            looked = 1;
            if (d.n_active == n_topics || !RN(topics_recall)(&d, rule, prior, base, limit, gamma, all))
                break;
            looked = 0;
            base = RN(topics_theta)(&d);
            RN(topics_ratios)(&d);
        }
    }
    if (!looked && d.n_active < n_topics)
        RN(topics_recall)(&d, rule, prior, base, (real)HUGE_VAL, gamma, all);
    for (int64_t i = 0; i < d.n_active; i++) {
        gamma[d.active[i]] = d.gamma[i];
        all[d.active[i]] = d.theta[i];
    }
    if (ratio)
        memcpy(ratio, d.ratio, (size_t)n * sizeof *ratio);
    return step;
}
