"""Latent Dirichlet allocation by batch and online variational Bayes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from fastml._engine.dense.digamma import digamma
from fastml._engine.dense.topics import Documents, width_of
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.decomposition import state
from fastml.decomposition.evaluation import EvaluatedTopics
from fastml.decomposition.passes import Passes
from fastml.decomposition.priors import fit_dirichlet
from fastml.decomposition.variational import VariationalTopics

__all__ = ["LatentDirichletAllocation"]

# Share of a document's tokens below which a topic leaves its loop; a thousandth of what the types can tell.
_NEGLIGIBLE = {np.dtype(np.float64): 1e-10, np.dtype(np.float32): 1e-8}
_MOST_TOKENS = 2.0**40


class LatentDirichletAllocation(
    EvaluatedTopics, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Topics of documents: latent Dirichlet allocation [1]_ by batch or online variational Bayes [2]_.

    Parameters, attributes and methods are scikit-learn's. The same model results on any number of threads, to
    the bit.

    Parameters
    ----------
    n_components : int, default=10
        Number of topics.
    doc_topic_prior : float, array-like of shape (n_components,), "auto" or None, default=None
        Prior of a document's topics (alpha). None: ``1 / n_components``. One number for each topic: an
        asymmetric prior. "auto": begins as None does and is learned, a number for each topic.
    topic_word_prior : float or None, default=None
        Prior of a topic's words (eta). None: ``1 / n_components``.
    learning_method : {"batch", "online"}, default="batch"
        Whether `fit` updates the topics once a pass over the documents, or after every `batch_size` of them.
    learning_decay : float, default=0.7
        Online: the weight of update t is ``(learning_offset + t) ** -learning_decay``; in (0.5, 1] it
        converges. 0 with ``batch_size=n_samples`` is batch learning.
    learning_offset : float, default=10.0
        Online: makes early updates weigh less; at least 1.
    max_iter : int, default=10
        Passes over the documents of `fit`.
    batch_size : int, default=128
        Documents of an online update.
    evaluate_every : int, default=-1
        Passes between two evaluations of the perplexity in `fit`; none if not positive.
    total_samples : float, default=1e6
        Number of documents of the corpus that `partial_fit` sees parts of.
    perp_tol : float, default=0.1
        With `evaluate_every`: `fit` ends when the perplexity changes by less.
    mean_change_tol : float, default=1e-3
        A document's topics are found when they change by less on average.
    max_doc_update_iter : int, default=100
        Most steps to find a document's topics.
    n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the model.
    verbose : int, default=0
        1: a line for each pass, with the time left.
    random_state : int, RandomState instance or None, default=None
        Seed of the topics that a fit begins with; the same seed gives those of scikit-learn.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        Parameters of the topics' Dirichlet distributions, of X's dtype: like numbers of tokens of each word
        in each topic. Rows divided by their sums are the topics' expected probabilities of words.
    exp_dirichlet_component_ : ndarray of shape (n_components, n_features)
        exp(E[log beta]) of them.
    n_batch_iter_ : int
        Updates of the topics, and one.
    n_iter_ : int
        Passes over the documents.
    bound_ : float
        Perplexity of the training documents.
    doc_topic_prior_ : float, or ndarray of shape (n_components,)
    topic_word_prior_ : float
    random_state_ : RandomState instance
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the words, if X had names that are all text.

    See Also
    --------
    sklearn.decomposition.LatentDirichletAllocation : The same interface in scikit-learn.
    fastml.decomposition.topic_coherence : How well the top words of topics go together.

    Notes
    -----
    X holds counts or other weights of words, not negative: dense, or sparse in any format; CSR of float32 or
    float64 with sorted indices is read in place, others are copied. Memory beside X: three tables of
    n_features x n_components numbers and 4 MB of a window of documents; a table of
    n_samples x n_components for evaluations (at the end of each fit) and with ``doc_topic_prior="auto"``.

    `score` and `perplexity` differ from scikit-learn's, whose value for held-out documents depends on how
    many there are: see `score` and `lower_bound`. Documents begin with equal topics in each pass,
    scikit-learn's with random ones.

    References
    ----------
    .. [1] D. Blei, A. Ng, M. Jordan. "Latent Dirichlet Allocation." Journal of Machine Learning Research 3,
       2003.
    .. [2] M. Hoffman, D. Blei, F. Bach. "Online Learning for Latent Dirichlet Allocation." Advances in Neural
       Information Processing Systems 23, 2010.

    Examples
    --------
    >>> from fastml.decomposition import LatentDirichletAllocation
    >>> from sklearn.datasets import make_multilabel_classification
    >>> X, _ = make_multilabel_classification(random_state=0)
    >>> model = LatentDirichletAllocation(n_components=5, random_state=0).fit(X)
    >>> model.transform(X[-2:]).shape
    (2, 5)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 0, None, closed="neither")],
        "doc_topic_prior": [None, StrOptions({"auto"}), Interval(Real, 0, None, closed="left"), "array-like"],
        "topic_word_prior": [None, Interval(Real, 0, None, closed="left")],
        "learning_method": [StrOptions({"batch", "online"})],
        "learning_decay": [Interval(Real, 0, 1, closed="both")],
        "learning_offset": [Interval(Real, 1.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 0, None, closed="neither")],
        "evaluate_every": [Interval(Integral, None, None, closed="neither")],
        "total_samples": [Interval(Real, 0, None, closed="neither")],
        "perp_tol": [Interval(Real, 0, None, closed="left")],
        "mean_change_tol": [Interval(Real, 0, None, closed="left")],
        "max_doc_update_iter": [Interval(Integral, 0, None, closed="left")],
        "n_jobs": [None, Integral],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components=10,
        *,
        doc_topic_prior=None,
        topic_word_prior=None,
        learning_method="batch",
        learning_decay=0.7,
        learning_offset=10.0,
        max_iter=10,
        batch_size=128,
        evaluate_every=-1,
        total_samples=1e6,
        perp_tol=1e-1,
        mean_change_tol=1e-3,
        max_doc_update_iter=100,
        n_jobs=None,
        verbose=0,
        random_state=None,
    ):
        self.n_components = n_components
        self.doc_topic_prior = doc_topic_prior
        self.topic_word_prior = topic_word_prior
        self.learning_method = learning_method
        self.learning_decay = learning_decay
        self.learning_offset = learning_offset
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.evaluate_every = evaluate_every
        self.total_samples = total_samples
        self.perp_tol = perp_tol
        self.mean_change_tol = mean_change_tol
        self.max_doc_update_iter = max_doc_update_iter
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    # -- learning

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn topics from documents.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Counts of words, not negative, below 2**40.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the documents, not negative: a weight of 2 is the document twice.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a count is negative, NaN, infinite or too large.
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self

    def _fit(self, X, sample_weight):
        X = self._check_counts(X, "fit", reset=True)
        weight = check_weight(sample_weight, X)
        self._start(X)
        documents, topics = Documents(X), self._topics()
        total = float(X.shape[0]) if weight is None else float(weight.sum())
        passes = Passes(self.verbose, self.max_iter)
        before = None
        for number in range(1, self.max_iter + 1):
            if self.learning_method == "batch":
                self._batch_step(topics, documents, weight, total)
            else:
                self._online_steps(topics, documents, weight, total)
            self.n_iter_ = number
            perplexity = None
            if self.evaluate_every > 0 and number % self.evaluate_every == 0:
                perplexity = self._perplexity(topics, documents, X, weight)
            passes.done(number, perplexity)
            if perplexity is not None:
                if before is not None and abs(before - perplexity) < self.perp_tol:
                    break
                before = perplexity
        topics.settle()
        topics.release()
        self.bound_ = self._perplexity(topics, documents, X, weight)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Update the topics with more documents, `batch_size` at a time, as online learning does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Counts of words, not negative, below 2**40. Words are those of the first call.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the documents, not negative.

        Returns
        -------
        self
        """
        first = not hasattr(self, "components_")
        X = self._check_counts(X, "partial_fit", reset=first)
        weight = check_weight(sample_weight, X)
        if first:
            self._start(X)
        topics = self._topics()
        try:
            self._online_steps(topics, Documents(X), weight, float(self.total_samples))
        finally:
            topics.settle()  # after Ctrl-C, too: the batches that are done stay learned
        return self

    def fit_transform(self, X, y=None, *, normalize=True, sample_weight=None):
        """Learn topics from documents and give those of each.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : None
            Ignored.
        normalize : bool, default=True
            As for `transform`.
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        ndarray of shape (n_samples, n_components)
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X, normalize=normalize)

    def _start(self, X):
        """Topics at random, as scikit-learn draws them."""
        n_topics = self.n_components
        self.random_state_ = check_random_state(self.random_state)
        self.n_batch_iter_ = 1
        self.n_iter_ = 0
        self.doc_topic_prior_ = self._first_doc_topic_prior()
        self.topic_word_prior_ = 1.0 / n_topics if self.topic_word_prior is None else self.topic_word_prior
        drawn = self.random_state_.gamma(100.0, 0.01, (n_topics, X.shape[1]))
        self._engine = VariationalTopics(drawn.astype(X.dtype, copy=False), self.topic_word_prior_)
        self.components_ = self._engine.components

    def _first_doc_topic_prior(self):
        prior, n_topics = self.doc_topic_prior, self.n_components
        if prior is None:
            return 1.0 / n_topics
        if isinstance(prior, str):  # "auto"
            return np.full(n_topics, 1.0 / n_topics)
        if isinstance(prior, Real):
            return prior
        prior = np.array(prior, dtype=np.float64)
        if prior.shape != (n_topics,) or not np.isfinite(prior).all() or (prior < 0).any():
            raise ValueError(
                f"doc_topic_prior must be {n_topics} finite numbers, not negative, one for each topic; got "
                f"{self.doc_topic_prior!r:.200}"
            )
        return prior

    def _batch_step(self, topics, documents, weight, total):
        n = documents.n_documents
        gamma = self._gamma(n)
        topics.accumulate(documents, 0, n, self._alpha(), self._rule(topics), weight, gamma)
        topics.update()
        self._learn_prior(gamma, weight, total, 1.0)
        self.n_batch_iter_ += 1

    def _online_steps(self, topics, documents, weight, total):
        n = documents.n_documents
        for first in range(0, n, self.batch_size):
            last = min(n, first + self.batch_size)
            part = None if weight is None else weight[first:last]
            seen = float(last - first) if part is None else float(part.sum())
            if seen == 0:
                continue
            rate = (self.learning_offset + self.n_batch_iter_) ** -self.learning_decay
            gamma = self._gamma(last - first)
            topics.step(
                documents, first, last, self._alpha(), self._rule(topics), rate, total / seen, weight, gamma
            )
            self._learn_prior(gamma, part, seen, rate)
            self.n_batch_iter_ += 1

    def _gamma(self, n):
        """Room for the documents' parameters, where the prior is learned from them."""
        if not isinstance(self.doc_topic_prior, str):
            return None
        return np.empty((n, width_of(self.n_components, self.components_.dtype)), self.components_.dtype)

    def _learn_prior(self, gamma, weight, total, rate):
        if gamma is None or total == 0:
            return
        gamma = gamma[:, : self.n_components].astype(np.float64)
        log_theta = digamma(gamma) - digamma(gamma.sum(axis=1))[:, None]
        if weight is not None:
            log_theta *= weight[:, None]
        alpha = fit_dirichlet(log_theta.sum(axis=0) / total, self.doc_topic_prior_, total)
        self.doc_topic_prior_ = (1.0 - rate) * self.doc_topic_prior_ + rate * alpha

    # -- what the fitted topics say

    def transform(self, X, *, normalize=True):
        """Topics of documents.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        normalize : bool, default=True
            Shares of the topics, of sum 1, instead of the parameters of their distribution (gamma).

        Returns
        -------
        ndarray of shape (n_samples, n_components), of the dtype of `components_`
            A document without words has the prior's.
        """
        check_is_fitted(self)
        X = self._check_counts(X, "transform")
        topics = self._topics()
        gamma = topics.infer(Documents(X), self._alpha(), self._rule(topics))[:, : topics.n_topics]
        if not normalize:
            return np.ascontiguousarray(gamma)
        sums = gamma.sum(axis=1, keepdims=True)
        empty = sums[:, 0] == 0  # no words and a prior of 0
        if empty.any():
            gamma[empty], sums[empty] = 1, topics.n_topics
        return gamma / sums

    @property
    def exp_dirichlet_component_(self):
        """exp(E[log beta]): ndarray of shape (n_components, n_features)."""
        components = np.asarray(self.components_)
        exact = components.astype(np.float64)
        sums = digamma(exact.sum(axis=1))
        return np.exp(digamma(exact) - sums[:, None]).astype(components.dtype)

    # -- checks

    def _check_counts(self, X, method, reset=False):
        whom = f"LatentDirichletAllocation.{method}"
        dtype = [np.float64, np.float32] if reset else self.components_.dtype
        X = validate_data(self, X, reset=reset, accept_sparse="csr", dtype=dtype)
        check_non_negative(X, whom)
        X = sparse.csr_matrix(X)
        if X.nnz and X.data.max() >= _MOST_TOKENS:
            raise ValueError(f"counts passed to {whom} must be below 2**40, found {X.data.max():.6g}")
        return X if X.has_sorted_indices else X.sorted_indices()

    def _alpha(self):
        n_topics, dtype = self.components_.shape[0], self.components_.dtype
        return np.full(n_topics, 1.0, dtype) * np.asarray(self.doc_topic_prior_, dtype)

    def _rule(self, topics):
        negligible = _NEGLIGIBLE[self.components_.dtype]
        return topics.rule(self.max_doc_update_iter, self.mean_change_tol, negligible)

    def _topics(self):
        """The engine's view of `components_`; made again after these were set from outside."""
        topics = vars(self).get("_engine")
        if topics is None or topics.components is not self.components_:
            topics = VariationalTopics(np.asarray(self.components_), self.topic_word_prior_)
            self._engine = topics
            self.components_ = topics.components
        topics.n_threads = resolve_n_jobs(self.n_jobs)
        return topics

    def __getstate__(self):
        kept = super().__getstate__().copy()
        kept.pop("_engine", None)
        return kept

    @property
    def _n_features_out(self):
        return self.components_.shape[0]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32", "float64"]
        return tags

    # -- files

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _get_model_state(self):
        return state.get_state(self)

    def _set_model_state(self, values, arrays):
        state.set_state(self, values, arrays)
