"""Checks of tables."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

from fastml._engine.tree.table import is_frame

__all__ = ["check_table"]


def check_table(estimator, X, labels, *, reset=True):
    """Check the shape and the names of X; return it as something that `Table` reads, or sparse.

    Parameters
    ----------
    estimator : estimator or None
        Learns ``n_features_in_`` and ``feature_names_in_`` if `reset`, else compares with them.
    X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
    labels : object
        Columns that may hold text, as far as known: what the user calls categorical, or the categories of the
        fit. Without any, text in an array is an error.

    Raises
    ------
    ValueError
        If X has no rows or columns, another number of columns or other names than at `fit`, or holds text in
        columns that are not known to be categorical.
    """
    if (
        not reset
        and type(X) is np.ndarray
        and X.ndim == 2
        and X.dtype.kind in "fiu"
        and X.shape[0] > 0
        and X.shape[1] == estimator.n_features_in_
        and not hasattr(estimator, "feature_names_in_")
    ):
        return X  # nothing to find fault with: one row is predicted in less time than the checks take
    if isinstance(X, np.ma.MaskedArray):
        X = _without_mask(X)
    if is_frame(X):
        if estimator is not None:
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        for axis, unit in enumerate(("sample", "feature")):
            if X.shape[axis] == 0:
                raise ValueError(
                    f"Found array with 0 {unit}(s) (shape={tuple(X.shape)}) while a minimum of 1 is required."
                )
        return X
    options = {"dtype": "numeric", "ensure_all_finite": False}
    if sparse.issparse(X):
        options["accept_sparse"] = ("csr", "csc")
    elif labels is not None and not isinstance(labels, str) and len(labels):
        # Columns of text may stand beside numbers: Table looks at each by itself.
        as_given = check_array(X, dtype=None, ensure_all_finite=False, estimator=estimator, input_name="X")
        if as_given.dtype.kind in "OUS":
            if estimator is not None:
                validate_data(estimator, as_given, reset=reset, skip_check_array=True)
            return as_given
    if estimator is None:
        return check_array(X, input_name="X", **options)
    return validate_data(estimator, X, reset=reset, **options)


def _without_mask(X):
    """The array with NaN, or None among objects and text, where it is masked."""
    if not np.ma.is_masked(X):
        return X.data
    if X.dtype.kind == "f":
        return X.filled(np.nan)
    return X.astype(np.float64).filled(np.nan) if X.dtype.kind in "biu" else X.astype(object).filled(None)
