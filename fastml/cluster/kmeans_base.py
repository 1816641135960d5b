"""What k-means in its two forms has in common: parameters, starts, and asking a fitted model."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.metrics.pairwise import euclidean_distances, nan_euclidean_distances
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted

from fastml._engine.dense.nearest import Rows
from fastml._input.targets import check_weight
from fastml.cluster import kmeans_state
from fastml.cluster.rows import read_rows
from fastml.cluster.seeding import draw_rows, kmeans_parallel_rows, kmeans_plusplus_rows, rows_at

__all__ = ["BaseKMeans", "filled"]


class BaseKMeans(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator, ABC):
    """Base class of KMeans and MiniBatchKMeans."""

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"k-means++", "k-means||", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    _starts_at_random: ClassVar[int]  # runs for n_init="auto" from a start that may be bad

    @abstractmethod
    def __init__(self):
        """Abstract, so that nobody makes k-means of no kind."""

    # -- a fit, in order

    def _read_training(self, X, sample_weight):
        """Check the arguments of a fit: Rows, weights or None, and the array that `init` is or None."""
        rows = read_rows(self, X, reset=True)
        if rows.n < self.n_clusters:
            raise ValueError(f"n_samples={rows.n} should be >= n_clusters={self.n_clusters}.")
        given = None
        if not (isinstance(self.init, str) or callable(self.init)):
            given = self._check_centers(self.init, rows)
        if self.n_init != "auto":
            self._n_init = self.n_init
        elif given is not None or (isinstance(self.init, str) and self.init != "random"):
            self._n_init = 1
        else:
            self._n_init = self._starts_at_random
        if given is not None and self._n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{type(self).__name__} instead of n_init={self._n_init}.",
                RuntimeWarning,
                stacklevel=5,
            )
            self._n_init = 1
        return rows, check_weight(sample_weight, rows.X), given

    def _check_centers(self, centers, rows):
        """Initial centres as an array of their own, of the rows' dtype."""
        centers = check_array(centers, dtype=rows.dtype, copy=True, order="C", input_name="init")
        if centers.shape[0] != self.n_clusters:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of clusters "
                f"{self.n_clusters}."
            )
        if centers.shape[1] != rows.d:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not match the number of features of "
                f"the data {rows.d}."
            )
        return centers

    def _start(self, rows, sample_weight, given, random_state):
        """Centres to start from: array of shape (n_clusters, n_features) of the rows' dtype."""
        if given is not None:
            return given
        if callable(self.init):
            return self._check_centers(self.init(rows.X, self.n_clusters, random_state=random_state), rows)
        if self.init == "random":
            chosen = draw_rows(rows.n, self.n_clusters, sample_weight, random_state)
        elif self.init == "k-means||":
            chosen = kmeans_parallel_rows(rows, self.n_clusters, sample_weight, random_state)
        else:
            chosen = kmeans_plusplus_rows(rows, self.n_clusters, sample_weight, random_state)
        return filled(rows_at(rows.X, chosen), rows)

    # -- a fitted model

    def _check_fitted(self):
        if not hasattr(self, "cluster_centers_"):
            check_is_fitted(self)

    def _rows(self, X):
        self._check_fitted()
        return read_rows(self, X, reset=False)

    def fit_predict(self, X, y=None, sample_weight=None):
        """Fit, and return the label of each row.

        Parameters
        ----------
        X, sample_weight
            As for `fit`.
        y : Ignored

        Returns
        -------
        labels : int32 ndarray of shape (n_samples,)
        """
        return self.fit(X, sample_weight=sample_weight).labels_

    def predict(self, X):
        """Number of the nearest centre of each row; of equally near ones the lowest.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Missing values (NaN) are left out of the distance.

        Returns
        -------
        labels : int32 ndarray of shape (n_samples,)
        """
        return self._rows(X).nearest(self.cluster_centers_, distances=False)[0]

    def fit_transform(self, X, y=None, sample_weight=None):
        """Fit, and return the distances of the rows to the centres.

        Parameters
        ----------
        X, sample_weight
            As for `fit`.
        y : Ignored

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
        """
        return self.fit(X, sample_weight=sample_weight).transform(X)

    def transform(self, X):
        """Distances of the rows to the centres.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters)
            Euclidean, not squared; over the known features times the square root of the share of features
            that are known, where values are missing.
        """
        rows = self._rows(X)
        if not rows.missing:
            return euclidean_distances(rows.X, self.cluster_centers_)
        return nan_euclidean_distances(
            rows.X.toarray() if sparse.issparse(rows.X) else rows.X, self.cluster_centers_
        )

    def score(self, X, y=None, sample_weight=None):
        """The objective of k-means, negated so that more is better.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : Ignored
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        score : float
            Minus the weighted sum of squared distances to the nearest centre.
        """
        rows = self._rows(X)
        return -rows.inertia(self.cluster_centers_, check_weight(sample_weight, rows.X))[1]

    @property
    def _n_features_out(self):
        return len(self.cluster_centers_)

    # -- files

    def save(self, target):
        """Write the fitted model to a file; see :func:`fastml.load`.

        Parameters
        ----------
        target : str, os.PathLike or binary file object
        """
        from fastml.io.model_file import save  # io stands on the estimators

        save(self, target)

    def _get_model_state(self):
        return kmeans_state.get_state(self)

    def _set_model_state(self, values, arrays):
        kmeans_state.set_state(self, values, arrays)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def filled(centers, rows, known=None):
    """Missing values of rows that were drawn as centres: `known`, or the mean of the column, instead."""
    unknown = np.isnan(centers)
    if unknown.any():
        if known is None:
            one = Rows(rows.X, rows.n_threads, True).accumulate(np.zeros((1, rows.d)), errors=False)
            with np.errstate(invalid="ignore"):
                known = np.nan_to_num(one.sums / one.weights)
        centers[unknown] = np.broadcast_to(known, centers.shape)[unknown]
    return centers
