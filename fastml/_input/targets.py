"""Targets, weights and margins as the boosting loop wants them."""

from __future__ import annotations

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_array, column_or_1d

__all__ = ["check_margin", "check_target", "check_weight", "encode_classes", "encode_known_classes"]

# Integer labels in a range this wide are counted instead of sorted.
_COUNTED_RANGE = 1 << 16


def check_target(y, name="y"):
    """A real target as a contiguous float64 array of shape (n_rows,).

    Raises
    ------
    ValueError
        If y is missing, has more than one column, is empty, or holds NaN, infinity, text or dates.
    """
    y = _column(y, name)
    if y.dtype.kind in "mM":
        raise ValueError(f"{name} must hold real numbers, got dtype {y.dtype}.")
    try:
        return np.ascontiguousarray(check_array(y, ensure_2d=False, dtype=np.float64, input_name=name))
    except TypeError as error:
        raise ValueError(f"{name} must hold real numbers: {error}") from None


def _column(y, name):
    if y is None:
        raise ValueError(f"This estimator requires {name} to be passed, but the target {name} is None.")
    if hasattr(y, "to_numpy") and not hasattr(y, "iloc"):
        y = np.asarray(y)  # Polars and pyarrow columns
    y = column_or_1d(y, warn=True)
    return y.astype(object) if y.dtype.kind == "T" else y  # NumPy's text of variable width


def encode_classes(y, name="y"):
    """Class labels and the class number of every row.

    Parameters
    ----------
    y : array-like of shape (n_rows,)

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        Sorted labels, of the dtype of y.
    codes : int32 array of shape (n_rows,)

    Raises
    ------
    ValueError
        If y is missing, continuous, holds NaN or None, or has more than one column.
    TypeError
        If the labels are of kinds that have no common order, such as text and numbers.
    """
    y = _column(y, name)
    if y.dtype.kind == "f":
        check_array(y, ensure_2d=False, dtype=None, input_name=name)
    elif y.dtype.kind == "O":
        _check_labels(y, name)
    numbers = _small_integers(y)
    if numbers is None:
        check_classification_targets(y)
        classes, codes = np.unique(y, return_inverse=True)
        return classes, codes.astype(np.int32)
    first = numbers.min()
    seen = np.bincount(numbers - first if first else numbers) > 0
    place = np.cumsum(seen, dtype=np.int32)
    place -= 1
    classes = (np.flatnonzero(seen) + first).astype(y.dtype)
    return classes, place[numbers - first if first else numbers]


def _check_labels(labels, name):
    missing = [label for label in labels if label is None or type(label).__name__ in ("NAType", "NaTType")]
    if missing:
        raise ValueError(f"{name} contains {len(missing)} missing labels ({missing[0]!r}), expected none.")
    kinds = {"text" if isinstance(label, str) else "number" for label in labels}
    if len(kinds) > 1:
        raise TypeError(f"{name} holds text and numbers, expected labels of one kind.")


def _small_integers(y):
    """y as int64 if it holds integers in a narrow range (in a float dtype, too), else None."""
    if y.size == 0 or y.dtype.kind not in "biuf":
        return None
    low, high = float(y.min()), float(y.max())
    if high - low >= _COUNTED_RANGE or max(abs(low), abs(high)) > 2.0**53:
        return None
    numbers = y.astype(np.int64, copy=False)
    if y.dtype.kind == "f" and not np.array_equal(numbers, y):
        return None
    return numbers


def encode_known_classes(y, classes, name="y"):
    """Class numbers of labels that must be among ``classes``.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
    classes : ndarray of shape (n_classes,)
    name : str
        What the error message calls y.

    Raises
    ------
    ValueError
        If a label was not seen in training.
    """
    own, codes = encode_classes(y, name)
    place = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in own.tolist() if label not in place]
    if unknown:
        raise ValueError(f"{name} contains previously unseen labels: {unknown[:10]}")
    return np.array([place[label] for label in own.tolist()], dtype=np.int32)[codes]


def check_weight(sample_weight, X, name="sample_weight"):
    """Weights as a contiguous float64 array of shape (n_rows,), or None.

    Raises
    ------
    ValueError
        If the shape is wrong, a weight is negative, NaN or infinite, all are zero, or their sum is infinite.
    """
    if sample_weight is None:
        return None
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64)
    if weight.size and weight.min() < 0:
        raise ValueError(
            f"Negative values in data passed to `{name}`: sample weights must be non-negative, the smallest "
            f"is {weight.min():.6g}."
        )
    with np.errstate(over="ignore"):
        total = weight.sum()
    if total == 0:
        raise ValueError(f"{name} must contain at least one weight that is not zero.")
    if total == np.inf:
        raise ValueError(f"{name} is too large: the sum of all weights is infinite.")
    return weight


def check_margin(base_margin, n_rows, n_outputs, name="base_margin"):
    """Base margin as a float64 array of shape (n_outputs, n_rows), or None.

    Parameters
    ----------
    base_margin : array-like of shape (n_rows,) or (n_rows, n_outputs), or None

    Raises
    ------
    ValueError
        If the shape is wrong or a value is not finite.
    """
    if base_margin is None:
        return None
    margin = check_array(base_margin, ensure_2d=False, dtype=np.float64, input_name=name)
    if margin.ndim == 1 and n_outputs == 1:
        margin = margin[:, None]
    if margin.shape != (n_rows, n_outputs):
        expected = f"({n_rows},)" if n_outputs == 1 else f"({n_rows}, {n_outputs})"
        raise ValueError(f"{name} must have shape {expected}, got {np.shape(base_margin)}.")
    return np.ascontiguousarray(margin.T)
