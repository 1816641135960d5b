/* Topic models: within the rounding of fused operations of the serial body. Documents take a fixed number of
   steps, so that a rounding cannot decide when one ends. */
#include "compare.h"

#include <math.h>

/* A table of words with some exponents that matter, and one document. */
typedef struct input_f32 {
    int64_t n_topics, width, n_words, n;
    float *topics, *scale, *weights, *prior, *room, *gamma, *theta, *ratio, *counts;
    double *peak;
    int32_t *words;
    topics_rule rule;
} input_f32;

static input_f32 some_input_f32(const fastml_dense_kernels *k, bench *b, int kind) {
    const int64_t lanes = 64 / (int64_t)sizeof(float);
    input_f32 in = {.n_topics = 1 + below(b, 70), .n_words = 1 + below(b, 120)};
    in.n = below(b, in.n_words + 1);
    in.width = (in.n_topics + lanes - 1) / lanes * lanes;
    const size_t line = (size_t)in.width * sizeof(float), table = (size_t)in.n_words * line;
    in.topics = room(b, table);
    in.weights = room(b, table);
    in.scale = room(b, line);
    in.prior = room(b, line);
    in.gamma = room(b, line);
    in.theta = room(b, line);
    in.ratio = room(b, (size_t)in.n * sizeof(float));
    in.counts = room(b, (size_t)in.n * sizeof(float));
    in.room = room(b, (size_t)topics_room(in.n_words, in.width) * sizeof(float));
    in.peak = room(b, (size_t)in.n_words * sizeof(double));
    in.words = room(b, (size_t)in.n * sizeof(int32_t));
    for (int64_t i = 0; i < in.n_words * in.width; i++)
        in.topics[i] = (float)(i % in.width >= in.n_topics ? 0.0
                               : below(b, 3)               ? 0.05 + uniform(b)
                                                           : 40.0 * uniform(b));
    for (int64_t t = 0; t < in.width; t++) {
        in.scale[t] = (float)(t < in.n_topics ? 1.0 / (50.0 + 100.0 * uniform(b)) : 0.0);
        in.prior[t] = (float)(0.05 + uniform(b));
    }
    uint32_t *words = some_row_numbers(b, in.n, in.n_words);
    for (int64_t i = 0; i < in.n; i++) {
        in.words[i] = (int32_t)words[i];
        in.counts[i] = (float)(1 + below(b, 9));
    }
    in.rule = (topics_rule){in.width, in.n_topics, 1 + below(b, 6), 0.0, below(b, 2) ? 1e-9 : 0.0};
    k->topics_weights_f32(in.topics, in.scale, kind, NULL, in.n_words, in.width, in.room, in.weights,
                          in.peak);
    return in;
}

static void weights_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    keep_close_f32(b, in.weights, (size_t)(in.n_words * in.width), 1e-7 * 60);
    keep_close(b, in.peak, (size_t)in.n_words, 1e-7 * 100);
}

static void document_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, TOPICS_EXPECTED_LOG);
    k->topics_document_f32(in.weights, &in.rule, in.prior, in.words, in.counts, in.n, in.room, in.gamma,
                           in.theta, in.ratio);
    keep_close_f32(b, in.gamma, (size_t)in.width, 1e-7 * 2e5);
    keep_close_f32(b, in.theta, (size_t)in.width, 1e-7 * 2e5);
    for (int64_t i = 0; i < in.n; i++)
        in.ratio[i] *= in.theta[0];
    keep_close_f32(b, in.ratio, (size_t)in.n, 1e-7 * 1e6);
}

static void accumulate_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, TOPICS_EXPECTED_LOG);
    double *stat = zeros(b, (size_t)(in.n_words * in.width) * sizeof *stat);
    for (int64_t t = 0; t < in.width; t++)
        in.theta[t] = (float)uniform(b);
    for (int round = 0; round < 2; round++)
        k->topics_accumulate_f32(in.words, in.counts, in.n, in.theta, in.width, 0.5 + round, stat);
    keep_close(b, stat, (size_t)(in.n_words * in.width), 1e-13);
}

static void update_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, TOPICS_MEAN);
    const size_t size = (size_t)(in.n_words * in.width);
    double *stat = room(b, size * sizeof *stat), *added = zeros(b, (size_t)in.width * sizeof *added);
    for (size_t i = 0; i < size; i++)
        stat[i] = uniform(b);
    k->topics_update_f32(in.topics, in.weights, stat, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, 0.3,
                         2.0, added);
    keep_close_f32(b, in.topics, size, 1e-7 * 60);
    keep_close(b, stat, size, 0.0);
    keep_close(b, added, (size_t)in.width, 1e-7 * 6000);
}

static void fade_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, TOPICS_MEAN);
    double *keep = room(b, (size_t)in.n_words * sizeof *keep);
    for (int64_t i = 0; i < in.n_words; i++)
        keep[i] = below(b, 3) ? uniform(b) : 1.0;
    k->topics_fade_f32(in.topics, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, keep);
    keep_close_f32(b, in.topics, (size_t)(in.n_words * in.width), 1e-7 * 60);
}

static void score_f32(const fastml_dense_kernels *k, bench *b) {
    const input_f32 in = some_input_f32(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    double *own = room(b, (size_t)(5 * in.width + in.n + 64) * sizeof *own);
    for (int64_t t = 0; t < in.width; t++)
        in.gamma[t] = below(b, 3) ? (float)(0.1 + 5.0 * uniform(b)) : in.prior[t];
    const double score = k->topics_score_f32(in.weights, in.peak, &in.rule, in.prior, in.words, in.counts,
                                             in.n, own, in.gamma);
    keep_close(b, &score, 1, 1e-7 * 1e6);
}

/* A table of words with some exponents that matter, and one document. */
typedef struct input_f64 {
    int64_t n_topics, width, n_words, n;
    double *topics, *scale, *weights, *prior, *room, *gamma, *theta, *ratio, *counts;
    double *peak;
    int32_t *words;
    topics_rule rule;
} input_f64;

static input_f64 some_input_f64(const fastml_dense_kernels *k, bench *b, int kind) {
    const int64_t lanes = 64 / (int64_t)sizeof(double);
    input_f64 in = {.n_topics = 1 + below(b, 70), .n_words = 1 + below(b, 120)};
    in.n = below(b, in.n_words + 1);
    in.width = (in.n_topics + lanes - 1) / lanes * lanes;
    const size_t line = (size_t)in.width * sizeof(double), table = (size_t)in.n_words * line;
    in.topics = room(b, table);
    in.weights = room(b, table);
    in.scale = room(b, line);
    in.prior = room(b, line);
    in.gamma = room(b, line);
    in.theta = room(b, line);
    in.ratio = room(b, (size_t)in.n * sizeof(double));
    in.counts = room(b, (size_t)in.n * sizeof(double));
    in.room = room(b, (size_t)topics_room(in.n_words, in.width) * sizeof(double));
    in.peak = room(b, (size_t)in.n_words * sizeof(double));
    in.words = room(b, (size_t)in.n * sizeof(int32_t));
    for (int64_t i = 0; i < in.n_words * in.width; i++)
        in.topics[i] = (double)(i % in.width >= in.n_topics ? 0.0
                                : below(b, 3)               ? 0.05 + uniform(b)
                                                            : 40.0 * uniform(b));
    for (int64_t t = 0; t < in.width; t++) {
        in.scale[t] = (double)(t < in.n_topics ? 1.0 / (50.0 + 100.0 * uniform(b)) : 0.0);
        in.prior[t] = (double)(0.05 + uniform(b));
    }
    uint32_t *words = some_row_numbers(b, in.n, in.n_words);
    for (int64_t i = 0; i < in.n; i++) {
        in.words[i] = (int32_t)words[i];
        in.counts[i] = (double)(1 + below(b, 9));
    }
    in.rule = (topics_rule){in.width, in.n_topics, 1 + below(b, 6), 0.0, below(b, 2) ? 1e-9 : 0.0};
    k->topics_weights_f64(in.topics, in.scale, kind, NULL, in.n_words, in.width, in.room, in.weights,
                          in.peak);
    return in;
}

static void weights_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    keep_close(b, in.weights, (size_t)(in.n_words * in.width), 2e-16 * 60);
    keep_close(b, in.peak, (size_t)in.n_words, 2e-16 * 100);
}

static void document_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, TOPICS_EXPECTED_LOG);
    k->topics_document_f64(in.weights, &in.rule, in.prior, in.words, in.counts, in.n, in.room, in.gamma,
                           in.theta, in.ratio);
    keep_close(b, in.gamma, (size_t)in.width, 2e-16 * 2e5);
    keep_close(b, in.theta, (size_t)in.width, 2e-16 * 2e5);
    for (int64_t i = 0; i < in.n; i++)
        in.ratio[i] *= in.theta[0];
    keep_close(b, in.ratio, (size_t)in.n, 2e-16 * 1e6);
}

static void accumulate_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, TOPICS_EXPECTED_LOG);
    double *stat = zeros(b, (size_t)(in.n_words * in.width) * sizeof *stat);
    for (int64_t t = 0; t < in.width; t++)
        in.theta[t] = (double)uniform(b);
    for (int round = 0; round < 2; round++)
        k->topics_accumulate_f64(in.words, in.counts, in.n, in.theta, in.width, 0.5 + round, stat);
    keep_close(b, stat, (size_t)(in.n_words * in.width), 1e-13);
}

static void update_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, TOPICS_MEAN);
    const size_t size = (size_t)(in.n_words * in.width);
    double *stat = room(b, size * sizeof *stat), *added = zeros(b, (size_t)in.width * sizeof *added);
    for (size_t i = 0; i < size; i++)
        stat[i] = uniform(b);
    k->topics_update_f64(in.topics, in.weights, stat, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, 0.3,
                         2.0, added);
    keep_close(b, in.topics, size, 2e-16 * 60);
    keep_close(b, stat, size, 0.0);
    keep_close(b, added, (size_t)in.width, 2e-16 * 6000);
}

static void fade_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, TOPICS_MEAN);
    double *keep = room(b, (size_t)in.n_words * sizeof *keep);
    for (int64_t i = 0; i < in.n_words; i++)
        keep[i] = below(b, 3) ? uniform(b) : 1.0;
    k->topics_fade_f64(in.topics, below(b, 2) ? in.words : NULL, in.n, in.width, 0.1, keep);
    keep_close(b, in.topics, (size_t)(in.n_words * in.width), 2e-16 * 60);
}

static void score_f64(const fastml_dense_kernels *k, bench *b) {
    const input_f64 in = some_input_f64(k, b, below(b, 2) ? TOPICS_MEAN : TOPICS_EXPECTED_LOG);
    double *own = room(b, (size_t)(5 * in.width + in.n + 64) * sizeof *own);
    for (int64_t t = 0; t < in.width; t++)
        in.gamma[t] = below(b, 3) ? (double)(0.1 + 5.0 * uniform(b)) : in.prior[t];
    const double score = k->topics_score_f64(in.weights, in.peak, &in.rule, in.prior, in.words, in.counts,
                                             in.n, own, in.gamma);
    keep_close(b, &score, 1, 2e-16 * 1e6);
}

const dense_case topics_cases[] = {
    {"topics_accumulate_f32", accumulate_f32},
    {"topics_accumulate_f64", accumulate_f64},
    {"topics_document_f32", document_f32},
    {"topics_document_f64", document_f64},
    {"topics_fade_f32", fade_f32},
    {"topics_fade_f64", fade_f64},
    {"topics_score_f32", score_f32},
    {"topics_score_f64", score_f64},
    {"topics_update_f32", update_f32},
    {"topics_update_f64", update_f64},
    {"topics_weights_f32", weights_f32},
    {"topics_weights_f64", weights_f64},
    {NULL, NULL},
};
