"""Losses of a positive mean exp(raw): half Poisson, gamma and Tweedie deviance."""

from __future__ import annotations

import math

import numpy as np

from fastml._engine.tree.objective_base import Objective, number_between, real_target
from fastml._engine.tree.order_statistics import mean

__all__ = ["Gamma", "Poisson", "Tweedie"]

_EPS = 10 * np.finfo(np.float64).eps


class LogLink(Objective):
    """Losses of a positive mean, exp(raw)."""

    def baseline(self, y, w=None):
        centre = mean(y, w)
        return np.array([math.log(centre if centre > 0.0 else _EPS)])

    def inverse_link(self, raw):
        with np.errstate(over="ignore"):
            return np.exp(raw[0])


class Poisson(LogLink):
    """Half Poisson deviance, y >= 0."""

    name = kernel = "poisson"

    def check_y(self, y):
        y = super().check_y(y)
        if y.size and not (y.min() >= 0 and y.max() > 0):
            raise ValueError("loss='poisson' requires non-negative y and sum(y) > 0.")
        return y


class Gamma(LogLink):
    """Half gamma deviance, y > 0."""

    name = kernel = "gamma"

    def check_y(self, y):
        y = real_target(y)  # any positive double: only ratios to the mean matter
        if y.size and not y.min() > 0:
            raise ValueError("loss='gamma' requires strictly positive y.")
        return y


class Tweedie(LogLink):
    """Half Tweedie deviance of a power between Poisson's 1 and gamma's 2, y >= 0."""

    name = kernel = "tweedie"

    def __init__(self, power):
        self.param = number_between(power, "power", low=1.0, high=2.0)

    def check_y(self, y):
        y = super().check_y(y)
        if y.size and not (y.min() >= 0 and y.max() > 0):
            raise ValueError("loss='tweedie' requires non-negative y and sum(y) > 0.")
        return y
