/* Included by compare_topics.c for float and for double. */

/* A table of words with some exponents that matter, and one document. */
typedef struct OF(input) {
    int64_t n_topics, width, n_words, n;
    real *topics, *scale, *weights, *prior, *room, *gamma, *theta, *ratio, *counts;
    double *peak;
    int32_t *words;
    topics_rule rule;
} OF(input);

static OF(input) OF(some_input)(const fastml_dense_kernels *k, bench *b, int kind) {
    const int64_t lanes = 64 / (int64_t)sizeof(real);
    OF(input) in = {.n_topics = 1 + below(b, 70), .n_words = 1 + below(b, 120)};
    in.n = below(b, in.n_words + 1);
    in.width = (in.n_topics + lanes - 1) / lanes * lanes;
    const size_t line = (size_t)in.width * sizeof(real), table = (size_t)in.n_words * line;
    in.topics = room(b, table);
    in.weights = room(b, table);
    in.scale = room(b, line);
    in.prior = room(b, line);
    in.gamma = room(b, line);
    in.theta = room(b, line);
    in.ratio = room(b, (size_t)in.n * sizeof(real));
    in.counts = room(b, (size_t)in.n * sizeof(real));
    in.room = room(b, (size_t)topics_room(in.n_words, in.width) * sizeof(real));
    in.peak = room(b, (size_t)in.n_words * sizeof(double));
    in.words = room(b, (size_t)in.n * sizeof(int32_t));
    for (int64_t i = 0; i < in.n_words * in.width; i++)
        in.topics[i] = (real)(i % in.width >= in.n_topics ? 0.0
                              : below(b, 3)               ? 0.05 + uniform(b)
                                                          : 40.0 * uniform(b));
    for (int64_t t = 0; t < in.width; t++) {
        in.scale[t] = (real)(t < in.n_topics ? 1.0 / (50.0 + 100.0 * uniform(b)) : 0.0);
        in.prior[t] = (real)(0.05 + uniform(b));
    }
    uint32_t *words = some_row_numbers(b, in.n, in.n_words);
    for (int64_t i = 0; i < in.n; i++) {
        in.words[i] = (int32_t)words[i];
        in.counts[i] = (real)(1 + below(b, 9));
    }
    in.rule = (topics_rule){in.width, in.n_topics, 1 + below(b, 6), 0.0, below(b, 2) ? 1e-9 : 0.0};
    k->OF(topics_weights)(in.topics, in.scale, kind, NULL, in.n_words, in.width, in.room, in.weights,
                          in.peak);
    return in;
}

static void OF(weights)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    OF(keep_close)(b, in.weights, (size_t)(in.n_words * in.width), ROUNDING * 60);
    keep_close(b, in.peak, (size_t)in.n_words, ROUNDING * 100);
}

static void OF(document)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, TOPICS_EXPECTED_LOG);
    k->OF(topics_document)(in.weights, &in.rule, in.prior, in.words, in.counts, in.n, in.room, in.gamma,
                           in.theta, in.ratio);
    OF(keep_close)(b, in.gamma, (size_t)in.width, ROUNDING * 2e5);
    OF(keep_close)(b, in.theta, (size_t)in.width, ROUNDING * 2e5);
    for (int64_t i = 0; i < in.n; i++)
        in.ratio[i] *= in.theta[0];
    OF(keep_close)(b, in.ratio, (size_t)in.n, ROUNDING * 1e6);
}

static void OF(accumulate)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, TOPICS_EXPECTED_LOG);
    double *stat = zeros(b, (size_t)(in.n_words * in.width) * sizeof *stat);
    for (int64_t t = 0; t < in.width; t++)
        in.theta[t] = (real)uniform(b);
    for (int round = 0; round < 2; round++)
        k->OF(topics_accumulate)(in.words, in.counts, in.n, in.theta, in.width, 0.5 + round, stat);
    keep_close(b, stat, (size_t)(in.n_words * in.width), 1e-13);
}

static void OF(update)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, TOPICS_MEAN);
    const size_t size = (size_t)(in.n_words * in.width);
    double *stat = room(b, size * sizeof *stat), *added = zeros(b, (size_t)in.width * sizeof *added);
    for (size_t i = 0; i < size; i++)
        stat[i] = uniform(b);
    k->OF(topics_update)(in.topics, in.weights, stat, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, 0.3,
                         2.0, added);
    OF(keep_close)(b, in.topics, size, ROUNDING * 60);
    keep_close(b, stat, size, 0.0);
    keep_close(b, added, (size_t)in.width, ROUNDING * 6000);
}

static void OF(fade)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, TOPICS_MEAN);
    double *keep = room(b, (size_t)in.n_words * sizeof *keep);
    for (int64_t i = 0; i < in.n_words; i++)
        keep[i] = below(b, 3) ? uniform(b) : 1.0;
    k->OF(topics_fade)(in.topics, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, keep);
    OF(keep_close)(b, in.topics, (size_t)(in.n_words * in.width), ROUNDING * 60);
}

static void OF(score)(const fastml_dense_kernels *k, bench *b) {
    const OF(input) in = OF(some_input)(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    double *own = room(b, (size_t)(5 * in.width + in.n + 64) * sizeof *own);
    for (int64_t t = 0; t < in.width; t++)
        in.gamma[t] = below(b, 3) ? (real)(0.1 + 5.0 * uniform(b)) : in.prior[t];
    const double score = k->OF(topics_score)(in.weights, in.peak, &in.rule, in.prior, in.words, in.counts,
                                             in.n, own, in.gamma);
    keep_close(b, &score, 1, ROUNDING * 1e6);
}
