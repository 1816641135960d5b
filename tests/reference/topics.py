"""Latent Dirichlet allocation by variational Bayes, one document and one step after the other.

The formulas of Hoffman, Blei and Bach (2010) as they stand there, in float64 with SciPy's digamma: what
src_c/dense/topics.h does in another order. Documents are rows of a dense array.
"""

import numpy as np
from scipy.special import gammaln, psi


def expected_log(parameters):
    """E[log p] of Dirichlet distributions, one a row."""
    return psi(parameters) - psi(parameters.sum(axis=-1, keepdims=True))


def infer(counts, log_beta, alpha, max_iter=100, tolerance=1e-3):
    """gamma of one document, and its expected tokens of each topic and word: arrays (K,), (K, V)."""
    gamma = np.ones(len(log_beta))

    def shares():
        log_phi = expected_log(gamma)[:, None] + log_beta
        phi = np.exp(log_phi - log_phi.max(axis=0))
        return counts * phi / phi.sum(axis=0)

    for _ in range(max_iter):
        before, gamma = gamma, alpha + shares().sum(axis=1)
        if np.abs(gamma - before).mean() < tolerance:
            break
    return gamma, shares()


def accumulate(X, topics, alpha, **rule):
    """Expected tokens of each topic and word in all documents, and the documents' gamma."""
    log_beta = expected_log(topics)
    found = [infer(counts, log_beta, alpha, **rule) for counts in X]
    return sum((tokens for _, tokens in found), np.zeros_like(topics)), np.array(
        [gamma for gamma, _ in found]
    )


def fit_batch(X, topics, alpha, eta, passes, **rule):
    """The topics after some passes."""
    for _ in range(passes):
        topics = eta + accumulate(X, topics, alpha, **rule)[0]
    return topics


def fit_online(X, topics, alpha, eta, passes, batch_size, decay, offset, **rule):
    """The topics after some passes, updated after every few documents."""
    update = 1
    for _ in range(passes):
        for first in range(0, len(X), batch_size):
            part = X[first : first + batch_size]
            rho = (offset + update) ** -decay
            tokens, _ = accumulate(part, topics, alpha, **rule)
            topics = (1 - rho) * topics + rho * (eta + len(X) / len(part) * tokens)
            update += 1
    return topics


def document_bound(counts, gamma, log_beta, alpha):
    """E[log p(words, theta) - log q(theta)] of one document."""
    log_theta = expected_log(gamma)
    bound = 0.0
    for word, count in enumerate(counts):
        if count:
            terms = log_theta + log_beta[:, word]
            bound += count * (terms.max() + np.log(np.exp(terms - terms.max()).sum()))
    bound += ((alpha - gamma) * log_theta).sum() + (gammaln(gamma) - gammaln(alpha)).sum()
    return bound + gammaln(alpha.sum()) - gammaln(gamma.sum())


def divergence(topics, eta):
    """Kullback-Leibler divergence of the topics from their symmetric prior."""
    n_words = topics.shape[1]
    out = ((topics - eta) * expected_log(topics)).sum() - (gammaln(topics) - gammaln(eta)).sum()
    return out + (gammaln(topics.sum(axis=1)) - gammaln(n_words * eta)).sum()
