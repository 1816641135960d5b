"""Losses of classes: log loss and focal loss, of two classes (one score) and of several (softmax)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from fastml._engine.tree.gradient import fill_gradients, focal_factors, log_sum_exp
from fastml._engine.tree.objective_base import Objective, number_between, real_target
from fastml._engine.tree.order_statistics import mean
from fastml._engine.tree.probability import softmax

__all__ = ["FocalBinary", "FocalMultinomial", "LogLossBinary", "LogLossMultinomial", "class_target"]

_EPS = 10 * np.finfo(np.float64).eps


class LogLossBinary(Objective):
    """Log loss of two classes; the score is the log odds of class 1."""

    name = "log_loss"
    kernel = "log_binary"
    n_classes = 2

    def check_y(self, y):
        return class_target(y, 2).astype(np.uint8)

    def baseline(self, y, w=None):
        p = min(max(mean(np.asarray(y, dtype=np.float64), w), _EPS), 1 - _EPS)
        return np.array([math.log(p / (1 - p))])

    def inverse_link(self, raw):
        p = np.empty((raw.shape[1], 2))
        expit(raw[0], out=p[:, 1])
        np.subtract(1.0, p[:, 1], out=p[:, 0])
        return p

    def _as_target(self, y):
        return np.ascontiguousarray(y, dtype=np.uint8)


class FocalBinary(LogLossBinary):
    """Focal loss (1 - p)^gamma * -log p of two classes, p the true class's probability (Lin et al., 2017)."""

    name = "focal"
    kernel = "focal_binary"

    def __init__(self, gamma):
        self.param = number_between(gamma, "focal_gamma", low=0.0, closed=True)


class LogLossMultinomial(Objective):
    """Log loss of several classes with one score each (softmax)."""

    name = "log_loss"
    kernel = "log_multinomial"

    def __init__(self, n_classes):
        self.n_outputs = self.n_classes = n_classes
        self._lse: np.ndarray | None = None

    def check_y(self, y):
        return class_target(y, self.n_outputs)

    def baseline(self, y, w=None):
        count = np.bincount(self._as_target(y), weights=w, minlength=self.n_outputs).astype(np.float64)
        total = float(count.sum())
        if not total > 0:
            raise ValueError("sample_weight sums to zero; at least one weight must be positive")
        log_p = np.array([math.log(min(max(c / total, _EPS / 10), 1 - _EPS / 10)) for c in count])
        return log_p - log_p.mean()

    def start_round(self, y, raw, w=None, n_threads=1):
        self._lse = _buffer(self._lse, (raw.shape[1],), np.float64)
        log_sum_exp(raw, self._lse, n_threads=n_threads)

    def gradients(self, y, raw, w, k, g, h, n_threads=1):
        if self._lse is None:
            raise RuntimeError("start_round must be called before gradients")
        return fill_gradients(
            self.kernel, self._as_target(y), raw[k], w, g, h, output=k, lse=self._lse, n_threads=n_threads
        )

    def inverse_link(self, raw):
        return softmax(raw.T)

    def _as_target(self, y):
        return np.ascontiguousarray(y, dtype=np.int32)


class FocalMultinomial(LogLossMultinomial):
    """Focal loss of several classes."""

    name = "focal"
    kernel = "focal_multinomial"

    def __init__(self, n_classes, gamma):
        super().__init__(n_classes)
        self.param = number_between(gamma, "focal_gamma", low=0.0, closed=True)
        self._factors: np.ndarray | None = None

    def start_round(self, y, raw, w=None, n_threads=1):
        super().start_round(y, raw, w, n_threads)
        self._factors = _buffer(self._factors, (3, raw.shape[1]), np.float32)
        focal_factors(raw, self._as_target(y), self._lse, self.param, self._factors, n_threads=n_threads)

    def gradients(self, y, raw, w, k, g, h, n_threads=1):
        if self._factors is None:
            raise RuntimeError("start_round must be called before gradients")
        return fill_gradients(
            self.kernel,
            self._as_target(y),
            raw[k],
            w,
            g,
            h,
            param=self.param,
            output=k,
            lse=self._lse,
            focal=self._factors,
            n_threads=n_threads,
        )


def class_target(y, n_classes):
    """Class numbers as an int32 array of shape (n_rows,).

    Raises
    ------
    ValueError
        If a value is not a whole number from 0 to n_classes - 1.
    """
    y = real_target(y)
    in_range = y.size == 0 or (y.min() >= 0 and y.max() < n_classes)
    codes = y.astype(np.int32) if in_range else None
    if codes is None or (codes != y).any():
        raise ValueError(f"y must hold class numbers from 0 to {n_classes - 1}")
    return codes


def _buffer(array, shape, dtype):
    """The array itself if it has the shape, else a new one."""
    return array if array is not None and array.shape == shape else np.empty(shape, dtype=dtype)
