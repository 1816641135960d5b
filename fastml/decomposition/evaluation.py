"""How well fitted topics describe documents, and what they are about."""

from __future__ import annotations

from numbers import Integral

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fastml._engine.dense.topics import Documents
from fastml._input.targets import check_weight
from fastml.decomposition.completion import completion_perplexity, split_documents

__all__ = ["EvaluatedTopics"]


class EvaluatedTopics:
    """Mixin of topic models: bounds, perplexities and top words of what `components_` and `_topics` say."""

    def score(self, X, y=None, sample_weight=None):
        """Lower bound of the log-probability of documents, given the topics.

        The topics are taken at their mean, ``components_`` over its sums, as they stand; the bound is
        E[log p(words, theta) - log q(theta)] of each document. scikit-learn's `score` adds the divergence of
        the topics from their prior, whatever X is: see `lower_bound`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            Sum over documents.
        """
        X, weight = self._check_scored(X, sample_weight, "score")
        return self._score(self._topics(), Documents(X), weight, "mean")

    def perplexity(self, X, sub_sampling=False, sample_weight=None):
        """Perplexity of documents: exp(-`score` / number of tokens).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        sub_sampling : bool, default=False
            For scikit-learn's sake: a perplexity per token of the documents does not depend on how many
            there are.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If there is no token, or none of positive weight: scikit-learn's is NaN then.
        """
        X, weight = self._check_scored(X, sample_weight, "perplexity")
        perplexity = self._perplexity(self._topics(), Documents(X), X, weight)
        if np.isnan(perplexity):
            raise ValueError("X has no token of positive weight: there is no perplexity per token")
        return perplexity

    def lower_bound(self, X, sample_weight=None):
        """The evidence lower bound: what batch learning climbs, and scikit-learn's `score`.

        E[log p(words, theta, beta) - log q(theta, beta)], the divergence of the topics from their prior
        included. It is a bound of the log-probability of the documents that the topics were learned from; for
        others, the divergence counts against them too, once, however many they are.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The training documents.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
        """
        X, weight = self._check_scored(X, sample_weight, "lower_bound")
        topics = self._topics()
        return self._score(topics, Documents(X), weight, "expected log") - topics.divergence()

    def completion_perplexity(self, X, *, fraction=0.5, random_state=0):
        """Perplexity of held-out documents by completion.

        Every document is cut in two at random; its topics are found from one part, and the other part is
        predicted. No bound is involved, so models of any kind can be compared.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Whole numbers of tokens.
        fraction : float, default=0.5
            Chance of a token to be in the part that is seen.
        random_state : int, RandomState instance or None, default=0

        Returns
        -------
        float
        """
        check_is_fitted(self)
        X = self._check_counts(X, "completion_perplexity")
        seen, hidden = split_documents(X, fraction=fraction, random_state=random_state)
        topics = self._topics()
        gamma = topics.infer(Documents(seen), self._alpha(), self._rule(topics))[:, : topics.n_topics]
        return completion_perplexity(gamma, self.components_, hidden)

    def top_words(self, n=10, feature_names=None):
        """The most probable words of each topic.

        Parameters
        ----------
        n : int, default=10
        feature_names : sequence of str, optional
            Names of the words; by default `feature_names_in_`, or their numbers if there are none.

        Returns
        -------
        list of lists of str or int
        """
        check_is_fitted(self)
        if isinstance(n, bool) or not isinstance(n, Integral) or n < 1:
            raise ValueError(f"n must be a positive integer, got {n!r}")
        n_words = self.components_.shape[1]
        names = getattr(self, "feature_names_in_", None) if feature_names is None else feature_names
        if names is not None and len(names) != n_words:
            raise ValueError(f"there are {n_words} words, but {len(names)} feature_names")
        order = np.argsort(-self.components_, axis=1, kind="stable")[:, :n]
        return [[int(w) if names is None else str(names[w]) for w in topic] for topic in order]

    def _score(self, topics, documents, weight, kind):
        scores = topics.scores(documents, self._alpha(), self._rule(topics), kind)
        return float(scores.sum() if weight is None else scores @ weight)

    def _perplexity(self, topics, documents, X, weight):
        """NaN if there is no token."""
        topics.settle()
        tokens = np.asarray(X.sum(axis=1, dtype=np.float64)).ravel()
        tokens = float(tokens.sum() if weight is None else tokens @ weight)
        if tokens == 0:
            return float("nan")
        return float(np.exp(-self._score(topics, documents, weight, "mean") / tokens))

    def _check_scored(self, X, sample_weight, method):
        check_is_fitted(self)
        X = self._check_counts(X, method)
        return X, check_weight(sample_weight, X)
