"""The statistic and the parameters of topics: accumulate, merge, update.

`accumulate` is the expectation step of some documents, `update` the maximisation step, `merge` adds what was
accumulated elsewhere. Batch learning updates once a pass, online learning after every few documents.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from fastml._engine.dense import topics as engine
from fastml._engine.dense.digamma import digamma

__all__ = ["VariationalTopics"]

_FEW = 0.7  # share of the words above which all are updated
_FORGOTTEN = 1e-200


class VariationalTopics:
    """Dirichlet distributions over words, one a topic, and the statistic that they are updated from.

    Parameters
    ----------
    components : array of shape (n_topics, n_words), float32 or float64
        Their parameters, copied.
    prior : float
        Parameter of their symmetric prior.
    n_threads : int

    Notes
    -----
    An online step concerns the words of its documents; all others only come closer to the prior by a factor,
    which is remembered (`_keep` over `_kept`) and applied when a word turns up, or by `settle`.
    """

    def __init__(self, components, prior, n_threads=1):
        n_topics, n_words = components.shape
        self.prior = float(prior)
        self.n_threads = n_threads
        self._topics = np.zeros((n_words, engine.width_of(n_topics, components.dtype)), components.dtype)
        self._topics[:, :n_topics] = components.T
        self.components = self._topics[:, :n_topics].T
        self._add_up()
        self._stat = None
        self._cached = {}
        self._weights = None
        self._keep = 1.0
        self._kept = np.ones(n_words)

    @property
    def n_topics(self):
        return self.components.shape[0]

    def rule(self, max_iter, tolerance, negligible):
        """How the expectation step of a document ends, as the engine takes it."""
        return {
            "n_topics": self.n_topics,
            "max_iter": min(int(max_iter), 2**62),
            "tolerance": float(tolerance),
            "negligible": float(negligible),
        }

    # -- learning

    def accumulate(self, documents, first, last, doc_prior, rule, sample_weight=None, gamma=None, rows=None):
        """Add the statistic of documents first to last - 1.

        Parameters
        ----------
        documents : Documents
        first, last : int
        doc_prior : array of shape (n_topics,)
        rule : dict
        sample_weight : float64 array of shape (n_documents,), optional
        gamma : array of shape (last - first, width), optional
            Filled with the documents' parameters.
        rows : int32 array, optional
            The distinct words of the documents; all by default.
        """
        if self._stat is None:
            self._stat = np.zeros(self._topics.shape)
        if self._weights is None:
            self._weights = np.zeros_like(self._topics)
        if rows is None:
            self.settle()
        else:
            self._catch_up(rows)
        engine.weigh(self._topics, self._sums, self._weights, rows=rows, n_threads=self.n_threads)
        engine.accumulate(
            documents,
            first,
            last,
            self._weights,
            doc_prior,
            rule,
            self._stat,
            sample_weight=sample_weight,
            gamma=gamma,
            n_threads=self.n_threads,
        )

    def merge(self, other):
        """Add what another instance with the same topics has accumulated."""
        if self._stat is None:
            self._stat = np.zeros(self._topics.shape)
        if other._stat is not None:
            self._stat += other._stat

    def update(self, keep=0.0, gain=1.0, rows=None):
        """Topics become ``prior + keep (topics - prior) + gain (expected tokens)``; the statistic is spent.

        Parameters
        ----------
        keep, gain : float
            0 and 1 for batch learning.
        rows : int32 array, optional
            The words that were accumulated; all by default.
        """
        if rows is not None and self._keep * keep < _FORGOTTEN:
            self.settle()
            rows = None
        engine.update(
            self._topics,
            self._weights,
            self._stat,
            self._sums,
            prior=self.prior,
            keep=keep,
            gain=gain,
            rows=rows,
            n_threads=self.n_threads,
        )
        if rows is not None:
            self._keep *= keep
            self._kept[rows] = self._keep
        self._cached = {}
        self._changed = True

    def step(self, documents, first, last, doc_prior, rule, rate, ratio, sample_weight=None, gamma=None):
        """One online update from documents first to last - 1 (Hoffman, Blei, Bach 2010, algorithm 2).

        Parameters
        ----------
        rate : float
            rho, the weight of what the documents say.
        ratio : float
            Documents of the corpus for each of these.
        """
        rows = documents.words_of(first, last)
        if rows.size > _FEW * documents.n_words:
            rows = None
        self.accumulate(documents, first, last, doc_prior, rule, sample_weight, gamma, rows)
        self.update(1.0 - rate, rate * ratio, rows)

    def _catch_up(self, rows):
        engine.fade(self._topics, self.prior, self._keep / self._kept, rows=rows)
        self._kept[rows] = self._keep

    def settle(self):
        """Bring every word up to date: `components` are right afterwards, and all that there is to know."""
        if self._keep != 1.0:
            engine.fade(self._topics, self.prior, self._keep / self._kept)
            self._kept[:] = self._keep = 1.0
        if self._changed:
            self._add_up()

    def _add_up(self):
        """Sums of the topics: carried along by `update`, but a model from a file must not differ in a bit."""
        self._sums = self._topics[:, : self.n_topics].sum(axis=0, dtype=np.float64)
        self._changed = False

    def release(self):
        """Give back what only learning needs."""
        self._stat = self._weights = None

    # -- documents, given the topics

    def weights(self, kind):
        """Weights of the words and the logarithms of their scales.

        Parameters
        ----------
        kind : {"expected log", "mean"}
            exp(E[log beta]), of which documents are inferred; E[beta], the probabilities of words.
        """
        if kind not in self._cached:
            weights, peak = np.empty_like(self._topics), np.empty(len(self._topics))
            engine.weigh(
                self._topics,
                self._sums,
                weights,
                mean=kind == "mean",
                peak=peak,
                n_threads=self.n_threads,
            )
            self._cached[kind] = weights, peak
        return self._cached[kind]

    def infer(self, documents, doc_prior, rule, kind="expected log"):
        """Parameters of the documents' distributions over topics: array of shape (n_documents, width)."""
        weights, _ = self.weights(kind)
        gamma = np.empty((documents.n_documents, weights.shape[1]), weights.dtype)
        engine.infer(documents, weights, doc_prior, rule, gamma, self.n_threads)
        return gamma

    def scores(self, documents, doc_prior, rule, kind="mean"):
        """Lower bounds of the documents' log-probabilities: float64 array of shape (n_documents,)."""
        gamma = self.infer(documents, doc_prior, rule, kind)
        weights, peak = self.weights(kind)
        return engine.score(documents, weights, peak, doc_prior, rule, gamma, self.n_threads)

    def divergence(self):
        """Kullback-Leibler divergence of the topics' distributions from their prior: float, at least 0."""
        n_words, total, block = len(self._topics), 0.0, 4096
        prior = max(self.prior, 1e-280)
        psi_sums = digamma(self._sums)
        for first in range(0, n_words, block):
            part = self.components[:, first : first + block].astype(np.float64)
            part = np.maximum(part, 1e-280)
            total += ((part - prior) * (digamma(part) - psi_sums[:, None])).sum()
            total += (gammaln(prior) - gammaln(part)).sum()
        total += (gammaln(self._sums) - gammaln(n_words * prior)).sum()
        return float(total)
