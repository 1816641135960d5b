"""Losses of the residual y - raw: squared, absolute, quantile, Huber."""

from __future__ import annotations

import math

import numpy as np

from fastml._engine.tree.objective_base import Objective, number_between
from fastml._engine.tree.order_statistics import mean, quantile

__all__ = ["AbsoluteError", "Huber", "Quantile", "SquaredError"]


class SquaredError(Objective):
    """Half of the squared error."""

    name = kernel = "squared_error"
    constant_hessian = True
    scales_with_y = True

    def baseline(self, y, w=None):
        return np.array([mean(y, w)])


class _Residual(Objective):
    """A loss of y - raw whose Newton step is no minimum: leaves take the minimum of their residuals."""

    constant_hessian = True
    refit = True

    def baseline(self, y, w=None):
        value = self._centre(np.array(y, dtype=np.float64), w)
        if math.isnan(value):
            raise ValueError("sample_weight sums to zero; at least one weight must be positive")
        return np.array([value])


class AbsoluteError(_Residual):
    """Absolute error; leaves take the weighted median."""

    name = kernel = "absolute_error"

    def _centre(self, residual, w):
        return quantile(residual, 0.5, w)


class Quantile(_Residual):
    """Pinball loss of one quantile level; leaves take that quantile."""

    name = kernel = "quantile"

    def __init__(self, level):
        self.param = number_between(level, "quantile", low=0.0, high=1.0)

    def _centre(self, residual, w):
        return quantile(residual, self.param, w)


class Huber(_Residual):
    """Huber loss: squared for residuals up to delta, linear beyond.

    Delta is fixed, or in each round the `level` quantile of the absolute residuals (Friedman, 2001, algorithm
    4). Leaves take the median plus the mean of the clipped differences from it, as there.
    """

    name = kernel = "huber"
    scales_with_y = True

    def __init__(self, delta=None, level=0.9):
        self.level = None
        if delta is None:
            self.level = number_between(level, "huber_quantile", low=0.0, high=1.0)
            self.param = 1.0
        else:
            self.param = number_between(delta, "delta", low=0.0)

    def baseline(self, y, w=None):
        # Friedman starts from the median: there is no delta before the first residuals.
        value = quantile(np.array(y, dtype=np.float64), 0.5, w)
        if math.isnan(value):
            raise ValueError("sample_weight sums to zero; at least one weight must be positive")
        if self.level is None:
            value = self._centre(np.array(y, dtype=np.float64), w)
        return np.array([value])

    def start_round(self, y, raw, w=None, n_threads=1):
        if self.level is not None:
            delta = quantile(np.abs(y - raw[0]), self.level, w)
            if delta > 0.0:  # most residuals may be zero: keep the last one then
                self.param = delta

    def _centre(self, residual, w):
        centre = quantile(residual.copy(), 0.5, w)
        if math.isnan(centre):
            return centre
        return centre + mean(np.clip(residual - centre, -self.param, self.param), w)
