"""Rows that a map learns from, and rows that it is asked about, checked."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.validation import validate_data

__all__ = ["check_feature_weight", "check_rows", "weighted_features"]


def check_rows(estimator, X, *, reset, metric):
    """Check a table.

    Returns
    -------
    float32 or float64 array of shape (n_samples, n_features), C order, NaN where missing; or CSR

    Raises
    ------
    ValueError
        If it holds infinity, a row without any known value, or (`reset`) a feature without any, a CSR
        matrix NaN, or under the cosine a row of zeros.
    """
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        ensure_all_finite=True if sparse.issparse(X) else "allow-nan",
    )
    if sparse.issparse(X):
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
    else:
        _check_missing(X, reset)
    if metric == "cosine":
        _check_lengths(X)
    return X


def _check_missing(X, reset):
    sums = X.sum(axis=1)  # finite unless something is missing, or sums overflow
    if np.isfinite(sums).all():
        return
    missing = np.isnan(X)
    empty = np.flatnonzero(missing.all(axis=1))
    if empty.size:
        raise ValueError(
            f"X has {empty.size} rows without any known value (all NaN), the first is row {empty[0]}: they "
            "have no place on the map"
        )
    empty = np.flatnonzero(missing.all(axis=0))
    if reset and empty.size:
        raise ValueError(
            f"X has {empty.size} features without any known value (all NaN), the first is feature {empty[0]}"
        )


def _check_lengths(X):
    if sparse.issparse(X):
        length = np.asarray(np.abs(X).sum(axis=1)).ravel()
    else:
        length = np.nansum(np.abs(X), axis=1)
    zero = np.flatnonzero(length == 0)
    if zero.size:
        raise ValueError(
            f"X has {zero.size} rows of zeros, the first is row {zero[0]}: the cosine of a zero vector is "
            "not defined"
        )


def check_feature_weight(feature_weight, n_features):
    """Weights of the features in a metric.

    Returns
    -------
    float64 array of shape (n_features,), or None

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative or not finite, or all are 0.
    """
    if feature_weight is None:
        return None
    weight = np.ascontiguousarray(feature_weight, dtype=np.float64)
    if weight.shape != (n_features,):
        raise ValueError(
            f"feature_weight has shape {weight.shape}, expected {(n_features,)}: a weight for each feature"
        )
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ValueError("feature_weight must hold finite weights that are not negative, and one above 0")
    return weight


def weighted_features(X, feature_weight, metric):
    """X in units in which the weighted metric is the plain one: a copy, or X itself without weights.

    Parameters
    ----------
    X : array of shape (n, n_features) or CSR
    feature_weight : float64 array of shape (n_features,) or None
    metric : str
    """
    if feature_weight is None:
        return X
    factor = np.sqrt(feature_weight) if metric in ("sqeuclidean", "cosine") else feature_weight
    factor = factor.astype(X.dtype)
    if sparse.issparse(X):
        return sparse.csr_matrix((X.data * factor[X.indices], X.indices, X.indptr), shape=X.shape)
    return np.ascontiguousarray(X * factor)
