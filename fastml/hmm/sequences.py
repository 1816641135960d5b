"""What users hand in: frames in one table, one sequence after the other, and the sequences' lengths."""

from __future__ import annotations

from numbers import Integral

import numpy as np

__all__ = ["as_numbers", "check_lengths", "check_weights", "read_counts"]


def check_lengths(lengths, n_samples):
    """Lengths of the sequences, as int64 array.

    Parameters
    ----------
    lengths : array-like of int, int or None
    n_samples : int

    Raises
    ------
    ValueError
        If a length is no whole number or less than 1, or if they do not add up to n_samples.
    """
    if lengths is None:
        return np.array([n_samples], dtype=np.int64)
    given = np.atleast_1d(np.asarray(lengths))
    if given.ndim != 1 or given.dtype.kind not in "iuf" or not np.array_equal(given, np.floor(given)):
        raise ValueError(
            f"lengths must be whole numbers, one for each sequence; got shape {given.shape} of {given.dtype}"
        )
    given = given.astype(np.int64)
    if given.size == 0 or given.min() < 1:
        where = (
            "no sequences" if given.size == 0 else f"sequence {int(given.argmin())} of length {given.min()}"
        )
        raise ValueError(f"lengths must be at least 1 each: there is {where}. Leave empty sequences out.")
    if given.sum() != n_samples:
        raise ValueError(f"lengths array doesn't sum to {n_samples} samples: its sum is {given.sum()}")
    return given


def check_weights(sample_weight, n_sequences):
    """Weights of the sequences, as float64 array.

    Raises
    ------
    ValueError
        If there is not one for each sequence, or if they are negative, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.ndim == 0:
        weights = np.full(n_sequences, float(weights))
    if weights.shape != (n_sequences,):
        raise ValueError(
            f"sample_weight must have one weight for each of the {n_sequences} sequences, got shape "
            f"{weights.shape}"
        )
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise ValueError("sample_weight must be finite and not negative")
    if not weights.any():
        raise ValueError("sample_weight is zero for every sequence: there is nothing to learn from")
    return np.ascontiguousarray(weights)


def as_numbers(X):
    """Objects as integers where they are whole numbers, else as floats; other arrays as they are.

    Raises
    ------
    ValueError
        If an object is no number.
    """
    if X.dtype.kind != "O":
        return X
    try:
        numbers = X.astype(np.float64)
    except TypeError as error:
        raise ValueError(f"X must hold numbers: {error}") from None
    whole = np.isfinite(numbers).all() and all(isinstance(value, Integral) for value in X.ravel())
    return numbers.astype(np.int64) if whole and (np.abs(numbers) < 2.0**53).all() else numbers


def read_counts(X, what):
    """A table of counts as floats; rows with NaN are missing.

    Raises
    ------
    ValueError
        For negative or infinite numbers, numbers that are not whole, and a table without any known row.
    """
    known = X[~np.isnan(X).any(axis=1)] if X.dtype.kind == "f" else X
    if len(known) == 0:
        raise ValueError(f"every row of X has NaN: {what} are needed in at least one")
    if known.min() < 0:
        row = int(np.argmax((X < 0).any(axis=1)))
        raise ValueError(f"{what} must not be negative, found {X[row].min()} in row {row}")
    if X.dtype.kind == "f" and not np.array_equal(known, np.floor(known)):
        raise ValueError(f"{what} must be whole numbers")
    return np.ascontiguousarray(X, dtype=np.float32 if X.dtype == np.float32 else np.float64)
