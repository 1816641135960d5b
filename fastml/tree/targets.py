"""Targets of trees: classes or numbers, of one output or several."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array

from fastml._input.targets import encode_classes

__all__ = ["check_sample_weight", "class_weights", "read_classes", "read_numbers"]


def _as_array(y, name):
    if y is None:
        raise ValueError(f"This {name} estimator requires y to be passed, but the target y is None.")
    if sparse.issparse(y):
        raise TypeError("y is a sparse matrix, which trees do not support: use y.toarray()")
    y = np.asarray(y)
    if y.ndim == 0 or y.ndim > 2:
        raise ValueError(f"y should be a 1d or 2d array, got an array of shape {y.shape} instead.")
    if y.size == 0:
        raise ValueError(f"Found array y with 0 sample(s) or output(s) (shape={y.shape}).")
    return y


def read_classes(y, name):
    """Class numbers of all outputs.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    name : str
        Of the estimator, for errors.

    Returns
    -------
    codes : int32 array of shape (n_rows, n_outputs)
    classes : list of ndarray
        Sorted labels of each output.
    y : ndarray
        As given.

    Raises
    ------
    ValueError
        If y is missing, sparse, continuous or holds NaN.
    """
    y = _as_array(y, name)
    if y.ndim == 1:
        classes, codes = encode_classes(y)
        return np.ascontiguousarray(codes[:, None]), [classes], y
    if y.dtype.kind == "f":
        check_array(y, dtype=None, input_name="y")
    check_classification_targets(y)
    codes, classes = np.empty(y.shape, dtype=np.int32), []
    for k in range(y.shape[1]):
        known, codes[:, k] = np.unique(y[:, k], return_inverse=True)
        classes.append(known)
    return codes, classes, y


def read_numbers(y, name, criterion, positive="positive"):
    """Real targets: float64 array of shape (n_rows, n_outputs).

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    name : str
        Of the estimator, for errors.
    criterion : str
    positive : str
        scikit-learn's word for it in the message.

    Raises
    ------
    ValueError
        If y is missing, sparse, not finite or not numbers; is so large that the sum of its squares is not
        finite; or is not what the Poisson deviance is for.
    """
    y = _as_array(y, name)
    try:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    except TypeError as error:
        raise ValueError(f"y must hold real numbers: {error}") from None
    with np.errstate(over="ignore"):
        squares = np.square(y).sum()
    if not np.isfinite(squares):
        raise ValueError(
            f"y is too large: the sum of its squares is beyond float64 (largest |y| {np.abs(y).max():g}). "
            "Divide y by a constant."
        )
    if criterion == "poisson":
        if (y < 0).any():
            raise ValueError("Some value(s) of y are negative which is not allowed for Poisson regression.")
        if y.sum() <= 0:
            raise ValueError(f"Sum of y is not {positive} which is necessary for Poisson regression.")
    return np.ascontiguousarray(y.reshape(len(y), -1))


def check_sample_weight(sample_weight, n_rows):
    """Weights as a contiguous float64 array of shape (n_rows,), or None.

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative or not finite, or all are zero.
    """
    if sample_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, np.empty((n_rows, 1)), dtype=np.float64)
    if weight.size and weight.min() < 0:
        raise ValueError(
            "Negative values in data passed to `sample_weight`: sample weights must be non-negative, the "
            f"smallest is {weight.min():.6g}."
        )
    if not weight.any():
        raise ValueError("sample_weight must contain at least one weight that is not zero.")
    return np.ascontiguousarray(weight)


def class_weights(class_weight, y, targets, n_classes, sample_weight=None):
    """Weight of each row that comes from its classes: float64 array of shape (n_rows,), or None.

    Parameters
    ----------
    class_weight : dict, list of dict, "balanced" or None
    y : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Labels.
    targets : int32 array of shape (n_rows, n_outputs)
        Class numbers.
    n_classes : tuple of int
    sample_weight : array of shape (n_rows,), optional
        Counted when classes are balanced. A class without weight gets none.
    """
    if class_weight is None:
        return None
    if not isinstance(class_weight, str):
        return compute_sample_weight(class_weight, y)
    weight = np.ones(len(targets))
    for k, n in enumerate(n_classes):
        mass = np.bincount(targets[:, k], sample_weight, n)
        share = np.divide(mass.sum(), n * mass, out=np.zeros(n), where=mass > 0)
        weight *= share[targets[:, k]]
    return weight
