"""Arrays of parameters, as users set them and files hold them, checked."""

from __future__ import annotations

import numpy as np

__all__ = ["check_distributions", "float_array", "normalized"]


def float_array(values, name):
    """Finite numbers as an array, float32 or float64.

    Raises
    ------
    ValueError
        If they are no numbers or not finite.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise ValueError(f"{name} must hold numbers, got {array.dtype}")
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite")
    return array


def check_distributions(array, name):
    """Refuse lines that are no probabilities of sum 1."""
    sums = array.sum(axis=-1)
    if not (np.abs(sums - 1) <= 1e-5).all():
        shown = f"{name} must sum to 1" if sums.ndim == 0 else f"{name} rows must sum to 1"
        raise ValueError(f"{shown} (got {sums})")
    if (array < 0).any():
        raise ValueError(f"{name} must not be negative")


def normalized(a):
    """Lines divided by their sums; a line of zeros stays one."""
    total = a.sum(axis=-1, keepdims=True)
    return a / np.where(total == 0, 1, total)
