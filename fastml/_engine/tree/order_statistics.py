"""Exact weighted quantiles of a sample: baselines of the L1-like losses and the values of their leaves."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

__all__ = ["map_leaves", "mean", "quantile"]

# Below this many rows starting threads costs more than they save.
_MIN_ROWS_FOR_THREADS = 50_000


def quantile(values: np.ndarray, level: float, weight: np.ndarray | None = None) -> float:
    """Quantile as scikit-learn's boosting takes it.

    Without weights, linear interpolation between order statistics (Hyndman and Fan, 1996, definition 7), and
    the mean of the two middle values at ``level=0.5``. With weights, the smallest value at which the
    cumulated weight reaches ``level`` of the total (the inverse of the weighted distribution function).

    Parameters
    ----------
    values : ndarray of shape (n,), float64
        May be overwritten. n >= 1.
    level : float
        In [0, 1].
    weight : ndarray of shape (n,), float64, or None
        Not negative.

    Returns
    -------
    float
        NaN if all weights are zero. Does not depend on the order of the rows nor, through it, on sorting: the
        weights are cumulated exactly, as multiples of 2^-51 of their total.
    """
    return _plain_quantile(values, level) if weight is None else _weighted_quantile(values, level, weight)


def _plain_quantile(values, level):
    n = values.size
    position = (n - 1) * level
    below = min(int(position), n - 1)
    part = position - below
    # one order statistic by selection, the next as the smallest of what is above: NumPy vectorises both
    values.partition(below)
    low = float(values[below])
    high = float(values[below + 1 :].min()) if part else low
    if level == 0.5:
        return 0.5 * low + 0.5 * high if part else low
    # from the nearer end, so that the result stays between the two
    gap = high - low
    return low + gap * part if part < 0.5 else high - gap * (1.0 - part)


def _weighted_quantile(values, level, weight):
    weight = _summable(weight)
    total = float(weight.sum())
    if not total > 0.0:
        return math.nan
    # Whole numbers with a total near 2^51 add up exactly in any order, so ties cannot matter.
    exponent = 51 - math.frexp(total)[1]
    whole = np.rint(np.ldexp(weight, exponent))
    order = np.argsort(values)
    cumulated = np.cumsum(whole[order])
    target = level * float(cumulated[-1])
    if target == 0.0:
        target = 0.5  # skip leading rows without weight
    at = int(np.searchsorted(cumulated, target))
    return float(values[order[min(at, values.size - 1)]])


def mean(values: np.ndarray, weight: np.ndarray | None = None) -> float:
    """Weighted mean of finite values, scaled so that sums of huge values stay finite.

    Raises
    ------
    ValueError
        If the weights are all zero.
    """
    if weight is None:
        top = float(np.abs(values).max(initial=0.0))
        if top > 1e290:
            return float((values / top).mean()) * top
        return float(values.mean())
    weight = _summable(weight)
    total = float(weight.sum())
    if not total > 0.0:
        raise ValueError("sample_weight sums to zero; at least one weight must be positive")
    return float((values * (weight / total)).sum())


def _summable(weight):
    """The weights, or where their sum would overflow the same ones scaled to 1."""
    top = float(weight.max(initial=0.0))
    return weight / top if top > 1e290 else weight


def map_leaves(
    value_of: Callable[[np.ndarray], float], leaf_rows: Sequence[np.ndarray], n_threads: int = 1
) -> np.ndarray:
    """Apply a function to the rows of every leaf, several leaves at once.

    Parameters
    ----------
    value_of : callable
        Row indices of one leaf to its value. NumPy lets other threads run while it gathers, sorts and adds.
    leaf_rows : sequence of ndarray of shape (n_rows_of_leaf,), uint32
    n_threads : int

    Returns
    -------
    ndarray of shape (n_leaves,), float64
    """
    if n_threads == 1 or len(leaf_rows) < 2 or sum(map(len, leaf_rows)) < _MIN_ROWS_FOR_THREADS:
        return np.array([value_of(rows) for rows in leaf_rows], dtype=np.float64)
    # long leaves first, so that the threads end together
    order = sorted(range(len(leaf_rows)), key=lambda k: -len(leaf_rows[k]))
    values = np.empty(len(leaf_rows), dtype=np.float64)
    with ThreadPoolExecutor(min(n_threads, len(leaf_rows))) as pool:
        values[order] = list(pool.map(value_of, [leaf_rows[k] for k in order]))
    return values
