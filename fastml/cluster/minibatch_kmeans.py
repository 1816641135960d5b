"""k-means from small batches of rows."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from fastml._engine.dense.nearest import Rows
from fastml._engine.runtime.interrupt import check
from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.cluster.kmeans_base import BaseKMeans, filled
from fastml.cluster.rows import mean_variance, read_rows
from fastml.cluster.seeding import rows_at

__all__ = ["MiniBatchKMeans"]


class MiniBatchKMeans(BaseKMeans):
    """k-means from small batches of rows: each batch moves the centres towards the mean of its rows [1]_.

    Faster than `KMeans` on very many rows, and for rows that arrive in parts (`partial_fit`), at a somewhat
    higher inertia. The result is the same on any number of threads, to the bit.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of centres.
    init : {"k-means++", "k-means||", "random"}, callable or array-like of shape (n_clusters, n_features), \
default="k-means++"
        As for `KMeans`, from `init_size` rows.
    max_iter : int, default=100
        Most passes over the rows.
    batch_size : int, default=1024
        Rows of a batch.
    verbose : int, default=0
        1: print the inertia of each batch.
    compute_labels : bool, default=True
        Whether to label all rows at the end of a fit.
    random_state : int, RandomState instance or None, default=None
        Seed of the start, the batches, and of centres that are drawn again.
    tol : float, default=0.0
        Above 0: end when the sum of the squared movements of the centres is at most `tol` times the mean
        variance of the features.
    max_no_improvement : int or None, default=10
        End after so many batches that do not lower the smoothed inertia; None: never.
    init_size : int or None, default=None
        Rows that the start is chosen from; None: ``3 * batch_size``, or ``3 * n_clusters`` if that is more
        than three batches.
    n_init : "auto" or int, default="auto"
        Number of starts that are tried; the one of least inertia is used. "auto": 3 for "random" and
        callables, else 1.
    reassignment_ratio : float, default=0.01
        Centres whose weight is less than this times the largest are drawn again among the rows.
    n_jobs : int or None, default=None
        Threads; None means all cores. The number of threads never changes the model.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters, n_features)
        Of X's dtype.
    labels_ : int32 ndarray of shape (n_samples,)
        With `compute_labels`.
    inertia_ : float
        Weighted sum of squared distances of the rows to their centres; an estimate from the last batches
        without `compute_labels`.
    n_iter_ : int
        Passes over the rows, the last one perhaps not whole.
    n_steps_ : int
        Batches.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    sklearn.cluster.MiniBatchKMeans : The same interface in scikit-learn.
    KMeans : From all rows in each iteration.

    Notes
    -----
    Random numbers are used as scikit-learn uses them. What a centre has seen of a feature counts for the
    feature alone where values are missing.

    References
    ----------
    .. [1] D. Sculley. "Web-scale k-means clustering." WWW 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.cluster import MiniBatchKMeans
    >>> X = np.random.default_rng(0).normal(size=(5000, 3))
    >>> model = MiniBatchKMeans(n_clusters=4, random_state=0).fit(X)
    >>> model.cluster_centers_.shape
    (4, 3)
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseKMeans._parameter_constraints,
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "compute_labels": ["boolean"],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
        "init_size": [Interval(Integral, 1, None, closed="left"), None],
        "reassignment_ratio": [Interval(Real, 0, None, closed="left")],
    }

    _starts_at_random = 3

    def __init__(
        self,
        n_clusters=8,
        *,
        init="k-means++",
        max_iter=100,
        batch_size=1024,
        verbose=0,
        compute_labels=True,
        random_state=None,
        tol=0.0,
        max_no_improvement=10,
        init_size=None,
        n_init="auto",
        reassignment_ratio=0.01,
        n_jobs=None,
    ):
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Find the centres from batches drawn among the rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            NaN is a missing value; each row and each column has a known one.
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, not negative: rows are drawn in proportion to them.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `KMeans.fit` does.
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self

    def _fit(self, X, sample_weight):
        rows, weight, given = self._read_training(X, sample_weight)
        self._set_sizes(rows.n)
        tol = 0.0 if self.tol == 0 else self.tol * mean_variance(rows)
        random_state = check_random_state(self.random_state)
        centers = self._best_start(rows, weight, given, random_state)
        counts = self._no_counts(rows)
        self._n_since_last_reassign = 0
        watch = _Watch(self, rows.n, tol)
        n_steps = self.max_iter * rows.n // self._batch_size
        share = np.full(rows.n, 1.0 / rows.n) if weight is None else weight / weight.sum()
        draw = _draws(share, random_state)
        for i in range(n_steps):
            check()
            batch = Rows(rows.X[draw(self._batch_size)], rows.n_threads, rows.missing)
            new, inertia = self._step(batch, None, centers, counts, random_state)
            moved = float(((new - centers) ** 2).sum()) if tol > 0 else 0.0
            centers = new
            if watch.is_over(i, n_steps, inertia / self._batch_size, moved):
                break
        self.cluster_centers_ = centers
        self._counts = counts
        self.n_steps_ = i + 1
        self.n_iter_ = int(np.ceil((i + 1) * self._batch_size / rows.n))
        if self.compute_labels:
            self._label(rows, weight)
        else:
            total = rows.n if weight is None else weight.sum()
            self.inertia_ = watch.smoothed * float(total)
            vars(self).pop("labels_", None)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Move the centres by one batch.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            The batch; the first one is also what the start is chosen from.
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `KMeans.fit` does; a batch after the first may have any number of rows.
        """
        with rollback(self):
            self._partial_fit(X, sample_weight)
        return self

    def _partial_fit(self, X, sample_weight):
        if not hasattr(self, "_random_state"):
            self._random_state = check_random_state(self.random_state)
        if not hasattr(self, "cluster_centers_"):
            rows, weight, given = self._read_training(X, sample_weight)
            self._set_sizes(rows.n)
            centers = self._start_of_some(rows, weight, given, self._random_state)
            self._counts = self._no_counts(rows)
            self._n_since_last_reassign = 0
        else:
            rows = read_rows(self, X, reset=False)
            weight = check_weight(sample_weight, rows.X)
            centers = self.cluster_centers_
            if not hasattr(self, "_batch_size"):  # a file of an earlier version
                self._set_sizes(rows.n)
        if rows.missing and self._counts.ndim == 1:
            counts = np.repeat(self._counts[:, None], rows.d, axis=1)
        else:
            counts = self._counts.copy()
        self.cluster_centers_, _ = self._step(rows, weight, centers, counts, self._random_state)
        self._counts = counts
        if self.compute_labels:
            self._label(rows, weight)
        self.n_steps_ = getattr(self, "n_steps_", 0) + 1

    # -- the start

    def _set_sizes(self, n_samples):
        self._batch_size = min(self.batch_size, n_samples)
        self._init_size = self.init_size
        if self._init_size is None:
            self._init_size = 3 * self._batch_size
            if self._init_size < self.n_clusters:
                self._init_size = 3 * self.n_clusters
        elif self._init_size < self.n_clusters:
            warnings.warn(
                f"init_size={self._init_size} should be larger than n_clusters={self.n_clusters}. Setting it "
                "to min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=5,
            )
            self._init_size = 3 * self.n_clusters
        self._init_size = min(self._init_size, n_samples)

    def _best_start(self, rows, weight, given, random_state):
        """Of `n_init` starts the one with the least inertia on rows drawn for that."""
        judges = random_state.randint(0, rows.n, self._init_size)
        sample = Rows(rows.X[judges], rows.n_threads, rows.missing)
        share = None if weight is None else weight[judges]
        best, least = None, None
        for i in range(self._n_init):
            centers = self._start_of_some(rows, weight, given, random_state)
            inertia = sample.inertia(centers, share)[1]
            if self.verbose:
                print(f"Inertia for init {i + 1}/{self._n_init}: {inertia}")
            if least is None or inertia < least:
                best, least = centers, inertia
        return best

    def _start_of_some(self, rows, weight, given, random_state):
        """A start chosen from `init_size` of the rows."""
        if self._init_size < rows.n:
            drawn = random_state.randint(0, rows.n, self._init_size)
            weight = None if weight is None else weight[drawn]
            some = Rows(rows.X[drawn], rows.n_threads, rows.missing)
        else:
            some = rows
        return self._start(some, weight, given, random_state)

    # -- a step: accumulate, merge, update

    def _no_counts(self, rows):
        return np.zeros((self.n_clusters, rows.d) if rows.missing else self.n_clusters)

    def _step(self, batch, weight, centers, counts, random_state):
        """Centres after a batch, and the batch's inertia; `counts` grows by the batch's weights."""
        found = batch.accumulate(centers, weight)
        weights = found.weights if found.weights.ndim == counts.ndim else found.weights[:, None]
        counts += weights
        per_feature = (counts if counts.ndim == 2 else counts[:, None]) + 0.0
        held = found.weights if found.weights.ndim == 2 else found.weights[:, None]
        old = centers.astype(np.float64)
        # (old * (counts - weights) + sums) / counts, from the difference: no digits of large values are lost
        pull = found.shifted_sums + held * (found.offset - old)
        moved = np.divide(pull, per_feature, out=np.zeros_like(old), where=per_feature > 0)
        new = (old + moved).astype(centers.dtype)
        if self._reassigns(counts):
            self._reassign(batch, new, counts, random_state)
        return new, found.inertia

    def _reassigns(self, counts):
        """Whether it is time to draw light centres again: after 10 rows for each, or if one has none."""
        self._n_since_last_reassign += self._batch_size
        if (counts == 0).any() or self._n_since_last_reassign >= 10 * self.n_clusters:
            self._n_since_last_reassign = 0
            return self.reassignment_ratio > 0
        return False

    def _reassign(self, batch, centers, counts, random_state):
        """Put light centres at rows of the batch; changes `centers` and `counts`."""
        total = counts if counts.ndim == 1 else counts.max(axis=1)
        light = total < self.reassignment_ratio * total.max()
        if light.sum() > 0.5 * batch.n:  # at most half of the batch become centres
            light[np.argsort(total)[int(0.5 * batch.n) :]] = False
        if not light.any():
            return
        chosen = random_state.choice(batch.n, replace=False, size=light.sum())
        if self.verbose:
            print(f"[MiniBatchKMeans] Reassigning {light.sum()} cluster centers.")
        centers[light] = filled(rows_at(batch.X, chosen), batch, centers[light])
        counts[light] = counts[~light].min(axis=0)

    def _label(self, rows, weight):
        self.labels_, self.inertia_ = rows.inertia(self.cluster_centers_, weight)


def _draws(share, random_state):
    """A function that draws so many rows by their shares.

    They are the rows that ``random_state.choice(len(share), size, p=share)`` draws, which adds up the shares
    of all rows each time.
    """
    bounds = share.cumsum()
    bounds /= bounds[-1]
    return lambda size: bounds.searchsorted(random_state.random_sample(size), side="right")


class _Watch:
    """Whether a fit by batches gets any further (scikit-learn's rules)."""

    def __init__(self, model, n_samples, tol):
        self.model = model
        self.n_samples = n_samples
        self.tol = tol
        self.smoothed = None
        self.least = None
        self.n_worse = 0

    def is_over(self, i, n_steps, inertia, moved):
        """Hear of a step: the mean inertia of its rows and the squared movement of the centres."""
        model = self.model
        step = f"step {i + 1}/{n_steps}"
        if i == 0:  # the start's inertia rather than the step's
            if model.verbose:
                print(f"Minibatch {step}: mean batch inertia: {inertia}")
            return False
        if self.smoothed is None:
            self.smoothed = inertia
        else:
            alpha = min(1.0, model._batch_size * 2.0 / (self.n_samples + 1))
            self.smoothed = self.smoothed * (1 - alpha) + inertia * alpha
        if model.verbose:
            print(f"Minibatch {step}: mean batch inertia: {inertia}, ewa inertia: {self.smoothed}")
        if self.tol > 0 and moved <= self.tol:
            if model.verbose:
                print(f"Converged (small centers change) at {step}")
            return True
        if self.least is None or self.smoothed < self.least:
            self.n_worse = 0
            self.least = self.smoothed
        else:
            self.n_worse += 1
        if model.max_no_improvement is not None and self.n_worse >= model.max_no_improvement:
            if model.verbose:
                print(f"Converged (lack of improvement in inertia) at {step}")
            return True
        return False
