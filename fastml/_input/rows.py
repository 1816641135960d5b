"""Rows that distances are taken between, checked."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.validation import assert_all_finite, validate_data

__all__ = ["check_rows"]


def check_rows(estimator, X, *, reset, computed=None):
    """Check the values of X, learn or compare its features.

    Parameters
    ----------
    estimator : estimator
        Learns ``n_features_in_`` and ``feature_names_in_`` if `reset`.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        NaN is a missing value, in sparse rows too. float32 and float64 stay what they are, everything else
        becomes float64.
    reset : bool
        Whether something is learned from X: each feature then needs a known value.
    computed : dtype, optional
        That squared distances are computed in; by default that of X.

    Returns
    -------
    X : float32 or float64 array of shape (n_samples, n_features), C order, or CSR without duplicates
    missing : bool
        Whether there is any NaN.

    Raises
    ------
    ValueError
        If X is empty, infinite somewhere, has other features than at the fit, or a row (or, if `reset`, a
        feature) without any known value; or if squared distances would be infinite.
    """
    X = validate_data(
        estimator,
        X,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        order="C",
        ensure_all_finite=False,  # looked at below, together with what is missing and too large
        reset=reset,
    )
    if sparse.issparse(X) and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    values = X.data if sparse.issparse(X) else X
    low, high = np.min(values, initial=0), np.max(values, initial=0)
    missing = bool(np.isnan(low))
    if missing:
        _check_missing(X, reset)
        low, high = np.fmin.reduce(values, axis=None), np.fmax.reduce(values, axis=None)
    largest = max(-float(low), float(high))
    if not np.isfinite(largest):
        name = type(estimator).__name__
        assert_all_finite(values, allow_nan=True, estimator_name=name, input_name="X")
    _check_size(X, values, largest, np.dtype(computed or X.dtype))
    return X, missing


def _check_missing(X, reset):
    empty = np.flatnonzero(_known_values(X, axis=1) == 0)
    if empty.size:
        raise ValueError(
            f"X has {empty.size} rows without any known value, the first is row {empty[0]}: a row that is "
            "all NaN is equally far from everything. Remove such rows."
        )
    empty = np.flatnonzero(_known_values(X, axis=0) == 0) if reset else np.empty(0)
    if empty.size:
        raise ValueError(
            f"X has {empty.size} features without any known value, the first is feature {empty[0]}: "
            "nothing can be learned about a column that is all NaN. Remove such columns."
        )


def _known_values(X, axis):
    """How many values of each row (axis 1) or column (axis 0) are not NaN."""
    if not sparse.issparse(X):
        return X.shape[axis] - np.isnan(X).sum(axis=axis)
    missing = sparse.csr_matrix((np.isnan(X.data), X.indices, X.indptr), shape=X.shape)
    return X.shape[axis] - np.asarray(missing.sum(axis=axis)).ravel()


def _check_size(X, values, largest, computed):
    """Refuse values whose squared differences, added up, would overflow.

    Sums over the features are in the type of the computation, those over the rows always in float64.
    """
    n, d = X.shape
    terms = n * d if computed == np.float64 else d
    limit = float(np.sqrt(np.finfo(computed).max / (16.0 * terms)))
    if largest <= limit:
        return
    where = int(np.nanargmax(np.abs(values)))
    row = np.searchsorted(X.indptr, where, side="right") - 1 if sparse.issparse(X) else where // d
    raise ValueError(
        f"squared distances between rows of X are too large for {computed}: row {row} has a value of size "
        f"{largest:.6g}, the limit is {limit:.3g}. Scale X down"
        f"{', or hand in float64' if computed == np.float32 else ''}."
    )
