"""Rows that users hand in, checked, as the engine reads them."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from fastml._engine.dense.nearest import Rows
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._input.rows import check_rows

__all__ = ["mean_variance", "read_rows"]


def read_rows(estimator, X, *, reset):
    """Check X as `check_rows` does, for an engine that decides in float64.

    Parameters
    ----------
    estimator : estimator
        With ``n_jobs``.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    reset : bool

    Returns
    -------
    Rows
    """
    X, missing = check_rows(estimator, X, reset=reset, computed=np.float64)
    return Rows(X, resolve_n_jobs(estimator.n_jobs), missing)


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
