"""Held-out perplexity by document completion: theta from one part of a document, judged by the other."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_random_state

__all__ = ["completion_perplexity", "split_documents"]


def split_documents(X, *, fraction=0.5, random_state=None):
    """Cut every document in two at random, token by token.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_documents, n_words)
        Whole numbers of tokens, not negative.
    fraction : float, default=0.5
        Chance of a token to be in the first part, between 0 and 1.
    random_state : int, RandomState instance or None, default=None

    Returns
    -------
    seen, hidden : CSR matrices of X's shape and dtype
        They add up to X.

    Raises
    ------
    ValueError
        If a count is negative or not whole, or `fraction` is not between 0 and 1.
    """
    if not 0 < fraction < 1:
        raise ValueError(f"fraction must be between 0 and 1, got {fraction!r}")
    X = sparse.csr_matrix(check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32]))
    if X.nnz and (X.data.min() < 0 or (X.data != np.rint(X.data)).any()):
        raise ValueError("X must hold whole numbers of tokens, not negative: others cannot be cut in two")
    taken = check_random_state(random_state).binomial(X.data.astype(np.int64), fraction).astype(X.dtype)
    parts = []
    for counts in (taken, X.data - taken):
        part = sparse.csr_matrix((counts, X.indices.copy(), X.indptr.copy()), shape=X.shape)
        part.eliminate_zeros()
        parts.append(part)
    return tuple(parts)


def completion_perplexity(doc_topics, topics, hidden):
    """Perplexity of hidden words under given topics of documents and words of topics.

    It compares topic models of any kind, however they were fitted: infer `doc_topics` from the seen part of
    `split_documents`.

    Parameters
    ----------
    doc_topics : array-like of shape (n_documents, n_topics)
        Shares of the topics; normalised to a sum of 1.
    topics : array-like of shape (n_topics, n_words)
        Probabilities of the words, or numbers in their proportion such as ``components_``; normalised.
    hidden : array-like or sparse matrix of shape (n_documents, n_words)

    Returns
    -------
    float
        exp(-(mean over hidden tokens of log sum_k theta_dk beta_kw)).

    Raises
    ------
    ValueError
        If shapes do not match, or nothing is hidden.

    References
    ----------
    H. Wallach, I. Murray, R. Salakhutdinov, D. Mimno. "Evaluation Methods for Topic Models." International
    Conference on Machine Learning, 2009, section 5 (document completion).
    """
    theta = np.asarray(doc_topics, dtype=np.float64)
    beta = np.asarray(topics, dtype=np.float64)
    hidden = sparse.csr_matrix(check_array(hidden, accept_sparse="csr", dtype=[np.float64, np.float32]))
    if theta.ndim != 2 or beta.ndim != 2 or theta.shape[1] != beta.shape[0]:
        raise ValueError(
            f"doc_topics has shape {theta.shape} and topics {beta.shape}: expected (n_documents, n_topics) "
            "and (n_topics, n_words)"
        )
    if hidden.shape != (theta.shape[0], beta.shape[1]):
        raise ValueError(
            f"hidden has shape {hidden.shape}, expected {(theta.shape[0], beta.shape[1])} as doc_topics and "
            "topics say"
        )
    theta = theta / theta.sum(axis=1, keepdims=True)
    word_topics = np.ascontiguousarray((beta / beta.sum(axis=1, keepdims=True)).T)
    total = tokens = 0.0
    for d in range(hidden.shape[0]):
        part = slice(hidden.indptr[d], hidden.indptr[d + 1])
        counts = hidden.data[part].astype(np.float64)
        total += counts @ np.log(word_topics[hidden.indices[part]] @ theta[d])
        tokens += counts.sum()
    if not tokens:
        raise ValueError("hidden has no token: there is no perplexity per token")
    return float(np.exp(-total / tokens))
