"""What a loss of gradient boosting is asked for: targets, baseline, gradients, leaf values, mean, link.

Definitions follow scikit-learn's ``HistGradientBoosting*`` (half squared error, half deviances, constant
terms left out), so that scores and early stopping agree. Scores (raw predictions) are float64 of shape
(n_outputs, n_rows); the gradients come from the kernels of ``gradient``.
"""

from __future__ import annotations

import math

import numpy as np

from fastml._engine.tree.gradient import fill_gradients
from fastml._engine.tree.loss import mean_loss
from fastml._engine.tree.order_statistics import map_leaves

__all__ = ["Objective", "number_between", "real_target"]

# |y - raw| must fit float32, with room for weights, and must not vanish in it as it shrinks.
_LARGEST_TARGET = 1e36
_LEAST_SPREAD = 1e-32


class Objective:
    """A loss of one score per row; the other losses derive from it.

    Attributes
    ----------
    name : str
        As given to `make_objective`.
    n_outputs : int
        Scores per row, hence trees per round.
    n_classes : int or None
        None: regression.
    constant_hessian : bool
        Whether the hessian is 1 in every row when there are no weights.
    refit : bool
        Whether the values of the leaves are to be replaced by `leaf_value` after growing.
    scales_with_y : bool
        Whether gradients have the unit of y.
    """

    name = ""
    kernel = ""
    param = 0.0
    n_outputs = 1
    n_classes: int | None = None
    constant_hessian = False
    refit = False
    scales_with_y = False

    def check_y(self, y) -> np.ndarray:
        """The target in the type that the kernels read.

        Parameters
        ----------
        y : array-like of shape (n_rows,)

        Returns
        -------
        ndarray of shape (n_rows,)
            Contiguous float64; class numbers as uint8 (two classes) or int32 for the classification losses.

        Raises
        ------
        ValueError
            If a value is outside the domain of the loss, or too large or too small for gradients in float32.
        """
        y = real_target(y)
        if y.size and max(-y.min(), y.max()) > _LARGEST_TARGET:
            raise ValueError(
                f"loss={self.name!r} takes y up to {_LARGEST_TARGET:g} in magnitude (gradients are float32), "
                f"got {np.abs(y).max():g}; rescale y"
            )
        if self.scales_with_y and y.size and 0 < y.max() - y.min() < _LEAST_SPREAD:
            raise ValueError(
                f"loss={self.name!r} needs values of y that differ by at least {_LEAST_SPREAD:g} (gradients "
                f"are float32), they lie within {y.max() - y.min():g}; rescale y"
            )
        return y

    def baseline(self, y, w=None) -> np.ndarray:
        """Constant score that minimises the loss, before the first tree.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            From `check_y`.
        w : ndarray of shape (n_rows,), float64, or None

        Returns
        -------
        ndarray of shape (n_outputs,), float64

        Raises
        ------
        ValueError
            If the weights sum to zero.
        """
        raise TypeError(f"{type(self).__name__} defines no baseline")

    def start_round(self, y, raw, w=None, n_threads: int = 1) -> None:
        """Prepare what the outputs of a round share; call it before `gradients` when the scores have
        moved."""

    def gradients(self, y, raw, w, k: int, g, h, n_threads: int = 1) -> tuple[float, ...]:
        """First and second derivative of the loss by output `k`, of every row, times its weight.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            From `check_y`.
        raw : ndarray of shape (n_outputs, n_rows), float64
        w : ndarray of shape (n_rows,), float64, or None
        k : int
        g, h : ndarray of shape (n_rows,), float32
            Where to write; ``h=None`` where a constant hessian is not wanted.
        n_threads : int

        Returns
        -------
        tuple of float
            max |g|, max h, smallest non-zero h, sum of |g|, sum of h.
        """
        return fill_gradients(
            self.kernel, self._as_target(y), raw[k], w, g, h, param=self.param, output=k, n_threads=n_threads
        )

    def leaf_value(self, y, raw, w, rows) -> float:
        """Value that minimises the loss of a leaf's rows when added to their scores; only where `refit`.

        Parameters
        ----------
        y : ndarray of shape (n_rows,), float64
        raw : ndarray of shape (1, n_rows), float64
        w : ndarray of shape (n_rows,), float64, or None
        rows : ndarray of shape (n_rows_of_leaf,), unsigned integers

        Returns
        -------
        float
            0 for a leaf without rows or without weight.
        """
        if len(rows) == 0:
            return 0.0
        value = self._centre(y.take(rows) - raw[0].take(rows), None if w is None else w.take(rows))
        return value if math.isfinite(value) else 0.0

    def leaf_values(self, y, raw, w, leaf_rows, n_threads: int = 1) -> np.ndarray:
        """`leaf_value` of every leaf, several at once.

        Parameters
        ----------
        y, raw, w
            As for `leaf_value`.
        leaf_rows : sequence of ndarray
            Rows of each leaf.
        n_threads : int

        Returns
        -------
        ndarray of shape (n_leaves,), float64
        """
        return map_leaves(lambda rows: self.leaf_value(y, raw, w, rows), leaf_rows, n_threads)

    def loss(self, y, raw, w=None, n_threads: int = 1) -> float:
        """Weighted mean of the loss, constant terms left out.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
        raw : ndarray of shape (n_outputs, n_rows), float64
        w : ndarray of shape (n_rows,), float64, or None
        n_threads : int

        Returns
        -------
        float

        Raises
        ------
        ValueError
            If the weights sum to zero.
        """
        return mean_loss(self.kernel, self._as_target(y), raw, w, param=self.param, n_threads=n_threads)

    def inverse_link(self, raw) -> np.ndarray:
        """Predictions that belong to scores.

        Parameters
        ----------
        raw : ndarray of shape (n_outputs, n_rows), float64

        Returns
        -------
        ndarray of shape (n_rows,), or (n_rows, n_classes) of probabilities for the classification losses
        """
        return np.array(raw[0])

    def _as_target(self, y):
        return np.ascontiguousarray(y, dtype=np.float64)

    def _centre(self, residual, w):
        """Constant that minimises the loss of the residuals (which may be overwritten)."""
        raise TypeError(f"the leaves of {type(self).__name__} are Newton steps")


def real_target(y):
    """y as a contiguous float64 array of shape (n_rows,).

    Raises
    ------
    ValueError
        If y is not a vector of finite real numbers.
    """
    try:
        y = np.ascontiguousarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold real numbers: {error}") from None
    if y.ndim != 1:
        raise ValueError(f"y must have one dimension, got shape {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError("y contains NaN or infinity")
    return y


def number_between(value, name, low, high=math.inf, closed=False):
    """A real parameter between low and high, exclusive; `closed`: low itself is allowed."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool | str) or not (low <= number < high if closed else low < number < high):
        bounds = f"{'>=' if closed else '>'} {low:g}" + (f" and < {high:g}" if high < math.inf else "")
        raise ValueError(f"{name} must be a number {bounds}, got {value!r}")
    return number
