"""Topic coherence: whether the top words of a topic turn up together."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

__all__ = ["topic_coherence"]

_EPSILON = 1e-12  # added to joint probabilities, as Röder, Both and Hinneburg do


def topic_coherence(topics, X, *, measure="c_v", n_words=10):
    """Coherence of topics on reference documents.

    Parameters
    ----------
    topics : array-like of shape (n_topics, n_features), or list of lists of int
        Numbers that are greater for more important words, such as ``components_``; or the words of
        each topic.
    X : array-like or sparse matrix of shape (n_documents, n_features)
        Reference documents; only which words a document has counts. To count within windows of a longer
        text, make each window a row.
    measure : {"c_v", "npmi"}, default="c_v"
        "npmi": mean over pairs of words of the normalised pointwise mutual information, from -1 (never
        together) over 0 (independent) to 1 (always together). "c_v" [1]_: mean cosine between each word's
        vector of NPMI with all words of the topic and the sum of these vectors; it agrees best with people.
    n_words : int, default=10
        Top words of a topic, where `topics` has numbers.

    Returns
    -------
    float64 ndarray of shape (n_topics,)
        Greater is better. NaN for a topic of one word ("npmi").

    Raises
    ------
    ValueError
        If the words do not match the reference, or `measure` is another word.

    References
    ----------
    .. [1] M. Röder, A. Both, A. Hinneburg. "Exploring the Space of Topic Coherence Measures." ACM
       International Conference on Web Search and Data Mining, 2015.
    """
    if measure not in ("c_v", "npmi"):
        raise ValueError(f"measure must be 'c_v' or 'npmi', got {measure!r}")
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32])
    present = sparse.csc_matrix(X)
    present.eliminate_zeros()
    present.data = np.ones(present.nnz, dtype=np.float64)
    words = _top(topics, present.shape[1], n_words)
    return np.array([_coherence(present[:, chosen], measure) for chosen in words])


def _top(topics, n_features, n_words):
    """Words of each topic: list of integer arrays."""
    if isinstance(topics, (list, tuple)) and all(np.ndim(t) == 1 and _whole(t) for t in topics):
        words = [np.asarray(topic, dtype=np.int64) for topic in topics]
        for topic in words:
            if topic.size == 0 or topic.min() < 0 or topic.max() >= n_features:
                raise ValueError(f"words of topics must be numbers from 0 to {n_features - 1}, got {topic}")
            if np.unique(topic).size != topic.size:
                raise ValueError(f"the words of a topic must be distinct, got {topic}")
        return words
    if n_words < 1:
        raise ValueError(f"n_words must be at least 1, got {n_words}")
    topics = check_array(topics)
    if topics.shape[1] != n_features:
        raise ValueError(f"topics have {topics.shape[1]} words, the reference documents have {n_features}")
    return list(np.argsort(-topics, axis=1, kind="stable")[:, :n_words])


def _whole(topic):
    return len(topic) > 0 and all(isinstance(word, (int, np.integer)) for word in topic)


def _coherence(present, measure):
    joint = np.asarray((present.T @ present).todense()) / present.shape[0]
    alone = np.diag(joint)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.log((joint + _EPSILON) / (alone[:, None] * alone[None, :]))
        npmi = information / -np.log(joint + _EPSILON)
    # a word that no document has says nothing
    npmi[~np.isfinite(npmi)] = 0.0
    if measure == "npmi":
        pairs = npmi[np.triu_indices(len(npmi), 1)]
        return float(pairs.mean()) if pairs.size else float("nan")
    total = npmi.sum(axis=0)
    lengths = np.linalg.norm(npmi, axis=1) * np.linalg.norm(total)
    cosines = np.divide(npmi @ total, lengths, out=np.zeros(len(npmi)), where=lengths > 0)
    return float(cosines.mean())
