"""Rows that a map learns from, and rows that it is asked about, checked."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from fastml._input.rows import check_rows

__all__ = ["check_feature_weight", "read_rows", "weighted_features"]


def read_rows(estimator, X, *, reset, metric, dtype=None):
    """Check rows as `check_rows` does, and what a map adds to it.

    Parameters
    ----------
    estimator : estimator
    X : array-like or CSR matrix of shape (n_samples, n_features)
    reset : bool
    metric : str
    dtype : dtype, optional
        Of the codebook, if there is one.

    Returns
    -------
    array of shape (n_samples, n_features) of this dtype (float32 or float64), C order, NaN where missing; or
    CSR

    Raises
    ------
    ValueError
        As `check_rows` does; or if a CSR matrix holds NaN, or under the cosine a row is zero.
    """
    X, missing = check_rows(estimator, X, reset=reset, computed=dtype)
    if missing and sparse.issparse(X):
        raise ValueError("Input X contains NaN, in a sparse matrix: hand in an array with missing values")
    if metric == "cosine":
        _check_lengths(X)
    return X if dtype is None else X.astype(dtype, copy=False)


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
