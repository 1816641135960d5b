"""Rows that users hand in, checked, as the engine reads them."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import _check_sample_weight, validate_data

from fastml._engine.dense.nearest import Rows
from fastml._engine.runtime.threads import resolve_n_jobs

__all__ = ["check_columns", "mean_variance", "read_rows", "read_sample_weight"]


def read_rows(estimator, X, *, reset):
    """Check X and learn or compare its features.

    Parameters
    ----------
    estimator : estimator
        With ``n_jobs``; learns ``n_features_in_`` and ``feature_names_in_`` if `reset`.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        NaN is a missing value. float32 and float64 stay what they are, everything else becomes float64.
    reset : bool

    Returns
    -------
    Rows

    Raises
    ------
    ValueError
        If X is empty, infinite somewhere, has a row without any known value, or other features than at `fit`.
    """
    X = validate_data(
        estimator,
        X,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        ensure_all_finite="allow-nan",
        reset=reset,
    )
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    rows = Rows(X, resolve_n_jobs(estimator.n_jobs))
    if rows.missing:
        empty = np.flatnonzero(_known_values(X, axis=1) == 0)
        if len(empty):
            raise ValueError(
                f"X has {len(empty)} rows without any known value, the first is row {empty[0]}: a row "
                "that is all NaN is equally far from everything. Remove such rows."
            )
    return rows


def check_columns(X):
    """Refuse columns without any known value: nothing can be learned about them."""
    empty = np.flatnonzero(_known_values(X, axis=0) == 0)
    if len(empty):
        raise ValueError(
            f"X has {len(empty)} columns without any known value, the first is column {empty[0]}. "
            "Remove such columns."
        )


def _known_values(X, axis):
    """How many values of each row (axis 1) or column (axis 0) are not NaN."""
    if not sparse.issparse(X):
        return X.shape[axis] - np.isnan(X).sum(axis=axis)
    missing = sparse.csr_matrix((np.isnan(X.data), X.indices, X.indptr), shape=X.shape)
    return X.shape[axis] - np.asarray(missing.sum(axis=axis)).ravel()


def read_sample_weight(sample_weight, X):
    """Check weights of rows.

    Returns
    -------
    float64 array of shape (n_samples,), or None if all weigh the same

    Raises
    ------
    ValueError
        If a weight is negative, infinite or NaN, if all are zero, or if there are not as many as rows.
    """
    if sample_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("sample_weight is zero for all rows: nothing is left to cluster")
    return weight


def mean_variance(rows):
    """Mean over the features of the variance of their known values (without weights, as scikit-learn's)."""
    if sparse.issparse(rows.X):
        return float(mean_variance_axis(rows.X, axis=0)[1].mean())
    if rows.missing:
        return float(np.nanvar(rows.X, axis=0).mean())
    # the inertia of one cluster
    everyone = np.zeros(rows.n, dtype=np.int32)
    first = rows.X[:1].astype(np.float64)
    mean = rows.accumulate(first, labels=everyone, errors=False).sums / rows.n
    return rows.accumulate(mean, labels=everyone).inertia / (rows.n * rows.d)
