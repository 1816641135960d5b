"""Losses of gradient boosting: what is minimised, its gradients, its links and its leaf values.

Definitions follow scikit-learn's ``HistGradientBoosting*`` (half squared error, half deviances, constant
terms left out), so that scores and early stopping agree. Scores (raw predictions) are float64 of shape
(n_outputs, n_rows); the gradients come from the kernels of ``gradient``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from fastml._engine.tree.gradient import fill_gradients, focal_factors, log_sum_exp
from fastml._engine.tree.loss import mean_loss
from fastml._engine.tree.order_statistics import map_leaves, mean, quantile

__all__ = ["Objective", "make_objective"]

_EPS = 10 * np.finfo(np.float64).eps
# |y - raw| must fit float32, with room for weights, and must not vanish in it as it shrinks.
_LARGEST_TARGET = 1e36
_LEAST_SPREAD = 1e-32
# Rows whose scores stay in cache between the steps of the softmax.
_CHUNK = 4096


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
        y = _real_target(y)
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
        self.param = _number(level, "quantile", low=0.0, high=1.0)

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
            self.level = _number(level, "huber_quantile", low=0.0, high=1.0)
            self.param = 1.0
        else:
            self.param = _number(delta, "delta", low=0.0)

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


class _LogLink(Objective):
    """Losses of a positive mean, exp(raw)."""

    def baseline(self, y, w=None):
        centre = mean(y, w)
        return np.array([math.log(centre if centre > 0.0 else _EPS)])

    def inverse_link(self, raw):
        with np.errstate(over="ignore"):
            return np.exp(raw[0])


class Poisson(_LogLink):
    """Half Poisson deviance, y >= 0."""

    name = kernel = "poisson"

    def check_y(self, y):
        y = super().check_y(y)
        if y.size and not (y.min() >= 0 and y.max() > 0):
            raise ValueError("loss='poisson' requires non-negative y and sum(y) > 0.")
        return y


class Gamma(_LogLink):
    """Half gamma deviance, y > 0."""

    name = kernel = "gamma"

    def check_y(self, y):
        y = _real_target(y)  # any positive double: only ratios to the mean matter
        if y.size and not y.min() > 0:
            raise ValueError("loss='gamma' requires strictly positive y.")
        return y


class Tweedie(_LogLink):
    """Half Tweedie deviance of a power between Poisson's 1 and gamma's 2, y >= 0."""

    name = kernel = "tweedie"

    def __init__(self, power):
        self.param = _number(power, "power", low=1.0, high=2.0)

    def check_y(self, y):
        y = super().check_y(y)
        if y.size and not (y.min() >= 0 and y.max() > 0):
            raise ValueError("loss='tweedie' requires non-negative y and sum(y) > 0.")
        return y


class LogLossBinary(Objective):
    """Log loss of two classes; the score is the log odds of class 1."""

    name = "log_loss"
    kernel = "log_binary"
    n_classes = 2

    def check_y(self, y):
        return _class_target(y, 2).astype(np.uint8)

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
        self.param = _number(gamma, "focal_gamma", low=0.0, closed=True)


class LogLossMultinomial(Objective):
    """Log loss of several classes with one score each (softmax)."""

    name = "log_loss"
    kernel = "log_multinomial"

    def __init__(self, n_classes):
        self.n_outputs = self.n_classes = n_classes
        self._lse: np.ndarray | None = None

    def check_y(self, y):
        return _class_target(y, self.n_outputs)

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
        p = np.empty((raw.shape[1], raw.shape[0]))
        for first in range(0, raw.shape[1], _CHUNK):
            part = raw[:, first : first + _CHUNK]
            part = part - part.max(axis=0)
            np.exp(part, out=part)
            part /= part.sum(axis=0)
            p[first : first + _CHUNK] = part.T
        return p

    def _as_target(self, y):
        return np.ascontiguousarray(y, dtype=np.int32)


class FocalMultinomial(LogLossMultinomial):
    """Focal loss of several classes."""

    name = "focal"
    kernel = "focal_multinomial"

    def __init__(self, n_classes, gamma):
        super().__init__(n_classes)
        self.param = _number(gamma, "focal_gamma", low=0.0, closed=True)
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


class Custom(Objective):
    """A loss given by a function of (y, raw) that returns gradient and hessian.

    ``raw`` has the shape (n_rows,), or (n_rows, n_classes) for three classes and more; so must both results.
    The arrays passed are read-only. The function is not shown the weights: they multiply its results. If it
    has an attribute ``loss``, ``loss(y, raw)`` gives the loss of each row, and early stopping on the loss is
    possible; ``baseline(y, weight)`` gives the first score or scores (default 0); ``inverse_link(raw)`` the
    predictions (default: the scores for regression, the logistic or softmax function for classification).
    """

    name = "custom"
    kernel = "given"

    def __init__(self, function, n_classes=None):
        self.function = function
        self.n_classes = n_classes
        self.n_outputs = n_classes if n_classes is not None and n_classes > 2 else 1
        self._g: np.ndarray | None = None
        self._h: np.ndarray | None = None

    def check_y(self, y):
        return _real_target(y) if self.n_classes is None else _class_target(y, self.n_classes)

    def baseline(self, y, w=None):
        own = getattr(self.function, "baseline", None)
        if own is None:
            return np.zeros(self.n_outputs)
        value = np.atleast_1d(np.asarray(own(_read_only(y), w), dtype=np.float64))
        if value.shape != (self.n_outputs,) or not np.isfinite(value).all():
            raise ValueError(
                f"baseline of the custom loss must return {self.n_outputs} finite numbers, got {value!r}"
            )
        return value

    def start_round(self, y, raw, w=None, n_threads=1):
        result = self.function(_read_only(y), self._shown(raw))
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise ValueError("the custom loss must return a pair: gradient, hessian")
        self._g, self._h = (
            self._returned(part, name, raw)
            for part, name in zip(result, ("gradient", "hessian"), strict=True)
        )
        if (self._h < 0).any():
            raise ValueError("the hessian that the custom loss returned is negative in at least one row")

    def gradients(self, y, raw, w, k, g, h, n_threads=1):
        if self._g is None:
            raise RuntimeError("start_round must be called before gradients")
        return fill_gradients(self.kernel, self._h[k], self._g[k], w, g, h, n_threads=n_threads)

    def loss(self, y, raw, w=None, n_threads=1):
        own = getattr(self.function, "loss", None)
        if own is None:
            raise ValueError(
                "the custom loss has no attribute 'loss', a function of (y, raw) that returns the loss "
                "of each row; give it one, or choose another scoring"
            )
        losses = np.asarray(own(_read_only(y), self._shown(raw)), dtype=np.float64)
        if losses.shape != (raw.shape[1],):
            raise ValueError(f"loss of the custom loss must have shape ({raw.shape[1]},), got {losses.shape}")
        if np.isnan(losses).any():
            raise ValueError("loss of the custom loss is NaN in at least one row")
        return mean(losses, w)

    def inverse_link(self, raw):
        own = getattr(self.function, "inverse_link", None)
        if own is not None:
            prediction = np.asarray(own(self._shown(raw)))
            if prediction.shape[:1] != raw.shape[1:]:
                raise ValueError(
                    f"inverse_link of the custom loss must return one prediction for each of the "
                    f"{raw.shape[1]} rows, got shape {prediction.shape}"
                )
            return prediction
        if self.n_classes is None:
            return super().inverse_link(raw)
        if self.n_outputs == 1:
            return LogLossBinary.inverse_link(self, raw)
        return LogLossMultinomial.inverse_link(self, raw)

    def _shown(self, raw):
        return _read_only(raw[0] if self.n_outputs == 1 else np.ascontiguousarray(raw.T))

    def _returned(self, part, name, raw):
        """One of the function's results as float64 (n_outputs, n_rows)."""
        part = np.asarray(part)
        if part.dtype.kind not in "biuf":
            raise ValueError(f"the {name} of the custom loss must hold real numbers, got dtype {part.dtype}")
        part = part.astype(np.float64, copy=False)
        n_outputs, n_rows = raw.shape
        expected = (n_rows,) if n_outputs == 1 else (n_rows, n_outputs)
        if part.shape != expected:
            raise ValueError(f"the {name} of the custom loss must have shape {expected}, got {part.shape}")
        if not np.isfinite(part).all():
            raise ValueError(f"the {name} of the custom loss is NaN or infinite in at least one row")
        return np.ascontiguousarray(part.T).reshape(n_outputs, n_rows)


def make_objective(
    loss: str | Callable[..., Any],
    n_classes: int | None = None,
    *,
    quantile: float | None = None,
    delta: float | None = None,
    huber_quantile: float = 0.9,
    power: float = 1.5,
    focal_gamma: float = 2.0,
) -> Objective:
    """The objective of a loss.

    Parameters
    ----------
    loss : str or callable
        For regression: "squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie".
        For classification: "log_loss", "focal". Either: a callable of (y, raw) that returns (gradient,
        hessian), see `Custom`.
    n_classes : int or None
        Number of classes; None: regression.
    quantile : float
        Level of the quantile loss, between 0 and 1.
    delta : float or None
        Residual at which the Huber loss turns linear; None: chosen in each round by `huber_quantile`.
    huber_quantile : float
        Quantile of the absolute residuals that becomes delta.
    power : float
        Variance power of the Tweedie loss, from 1 (Poisson) to 2 (gamma).
    focal_gamma : float
        Focusing exponent of the focal loss, >= 0; 0 is log loss.

    Returns
    -------
    Objective

    Raises
    ------
    ValueError
        If the loss is unknown or does not fit the task, or a parameter is outside its range.
    """
    if n_classes is not None and n_classes < 2:
        raise ValueError(f"classification needs at least 2 classes in y, got {n_classes}")
    if callable(loss):
        return Custom(loss, n_classes)
    regression: dict[str, Callable[[], Objective]] = {
        "squared_error": SquaredError,
        "absolute_error": AbsoluteError,
        "huber": lambda: Huber(delta, huber_quantile),
        "quantile": lambda: Quantile(quantile),
        "poisson": Poisson,
        "gamma": Gamma,
        # the ends of the range are the neighbouring losses
        "tweedie": lambda: {1.0: Poisson, 2.0: Gamma}.get(power, lambda: Tweedie(power))(),
    }
    binary: dict[str, Callable[[], Objective]] = {
        "log_loss": LogLossBinary,
        "focal": lambda: FocalBinary(focal_gamma),
    }
    several: dict[str, Callable[[], Objective]] = {
        "log_loss": lambda: LogLossMultinomial(n_classes),
        "focal": lambda: FocalMultinomial(n_classes, focal_gamma),
    }
    makers = regression if n_classes is None else binary if n_classes == 2 else several
    if not isinstance(loss, str) or loss not in makers:
        task = "regression" if n_classes is None else "classification"
        raise ValueError(f"loss={loss!r} is not a loss for {task}; choose {', '.join(makers)} or a callable")
    return makers[loss]()


def _real_target(y):
    try:
        y = np.ascontiguousarray(y, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"y must hold real numbers: {error}") from None
    if y.ndim != 1:
        raise ValueError(f"y must have one dimension, got shape {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError("y contains NaN or infinity")
    return y


def _class_target(y, n_classes):
    y = _real_target(y)
    in_range = y.size == 0 or (y.min() >= 0 and y.max() < n_classes)
    codes = y.astype(np.int32) if in_range else None
    if codes is None or (codes != y).any():
        raise ValueError(f"y must hold class numbers from 0 to {n_classes - 1}")
    return codes


def _number(value, name, low, high=math.inf, closed=False):
    """A real parameter between low and high, exclusive; `closed`: low itself is allowed."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool | str) or not (low <= number < high if closed else low < number < high):
        bounds = f"{'>=' if closed else '>'} {low:g}" + (f" and < {high:g}" if high < math.inf else "")
        raise ValueError(f"{name} must be a number {bounds}, got {value!r}")
    return number


def _buffer(array, shape, dtype):
    """The array itself if it has the shape, else a new one."""
    return array if array is not None and array.shape == shape else np.empty(shape, dtype=dtype)


def _read_only(array):
    view = array.view()
    view.flags.writeable = False
    return view
