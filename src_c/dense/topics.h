/* The loops of latent Dirichlet allocation by variational Bayes (Blei, Ng, Jordan 2003, section 5; Hoffman,
 * Blei, Bach 2010, algorithm 1).
 *
 * Topics lie word by word: a table of `width` reals for each word, width = number of topics rounded up to a
 * multiple of 64 bytes, the padding zero. A document is a line of a sparse matrix: n words with counts > 0.
 *
 *   topics    parameters of the topics' Dirichlet distributions (lambda in the papers)
 *   weights   exp(E[log beta]) up to a factor of each word: the greatest of a word's weights is 1
 *   gamma     parameters of a document's Dirichlet distribution over topics
 *   theta     exp(E[log theta]) up to a factor of each document
 *   ratio     of each word of a document: count / sum over k of theta_k weight_wk, so that theta_k ratio_w
 *             weight_wk tokens of the word are expected to come from topic k
 *
 * Factors of words and documents change no expectation, and with them no number is too small for its type
 * where its share in the others matters. Weights and thetas below TOPICS_NOTHING of the greatest are zero: so
 * products of two stay normal numbers. Counts are below 2^40.
 */
#ifndef FASTML_DENSE_TOPICS_H
#define FASTML_DENSE_TOPICS_H

#include <stdint.h>

typedef struct topics_rule {
    int64_t width;     /* reals a word */
    int64_t n_topics;  /* <= width */
    int64_t max_iter;  /* of one document */
    double tolerance;  /* stop when gamma changes by less, on average over topics */
    double negligible; /* share of a document's tokens below which a topic leaves the loop */
} topics_rule;

enum { TOPICS_MEAN = 0, TOPICS_EXPECTED_LOG = 1 };

/* Reals of the room that a document of n words needs. */
static inline int64_t topics_room(int64_t n, int64_t width) {
    return (n + 64) * (width + 2) + 8 * width + 64;
}

#endif
