"""Metrics that evaluation sets are judged by while boosting."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics as sk
from sklearn.exceptions import UndefinedMetricWarning

from fastml._engine.tree.objective_base import Objective
from fastml._engine.tree.objective_log_link import Tweedie
from fastml._engine.tree.objective_residual import Huber, Quantile
from fastml._engine.tree.order_statistics import mean

__all__ = ["METRIC_NAMES", "Metric", "make_metrics"]


class Metric:
    """A number that says how good scores are.

    Attributes
    ----------
    name : str
    greater_is_better : bool or None
        None: unknown (a callable that does not say).
    n_threads : int
        Threads that the loss may use.
    """

    def __init__(self, name: str, greater_is_better: bool | None, function, objective: Objective):
        self.name = name
        self.n_threads = 1
        self.greater_is_better = greater_is_better
        self._function = function
        self._objective = objective

    def __call__(self, y, raw, weight=None) -> float:
        """Value of the metric.

        Parameters
        ----------
        y : ndarray of shape (n_rows,)
            From the objective's `check_y`.
        raw : ndarray of shape (n_outputs, n_rows), float64
            Scores.
        weight : ndarray of shape (n_rows,), float64, or None

        Returns
        -------
        float
            NaN where the metric is undefined on these rows (the AUC of one class).
        """
        if self._function is None:
            return self._objective.loss(y, raw, weight, self.n_threads)
        value = self._function(y, self._objective.inverse_link(raw), weight)
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError(f"metric {self.name!r} must return a number, got {value!r}") from None


def make_metrics(metrics, objective: Objective, n_threads: int = 1) -> list[Metric]:
    """The metrics that a user asked for.

    Parameters
    ----------
    metrics : str, callable, list of these, or None
        None: the loss. Names: "loss", and

        - regression: "mse", "rmse", "mae", "mape", "r2", "poisson_deviance", "gamma_deviance",
          "tweedie_deviance", "quantile", "huber";
        - classification: "logloss", "error", "accuracy", "balanced_accuracy", "auc" (for three classes and
          more: the mean over each class against the rest), "average_precision", "brier"; "multi_logloss" and
          "multi_error" are other names of "logloss" and "error".

        A number after a colon is the parameter of "tweedie_deviance" (power), "quantile" (level) and "huber"
        (delta), as in "quantile:0.9"; without it that of the loss being minimised counts, or 1.5, 0.5 and 1.

        A callable ``f(y_true, y_pred, sample_weight) -> float`` gets predictions of shape (n_rows,) for
        regression, probabilities of shape (n_rows, n_classes) and class numbers for classification, and None
        or float64 weights. Its attribute ``greater_is_better``, if any, is believed.
    objective : Objective
    n_threads : int

    Returns
    -------
    list of Metric
        With different names.

    Raises
    ------
    ValueError
        If a name is unknown or belongs to the other task.
    TypeError
        If something is neither a name nor a callable.
    """
    if metrics is None:
        metrics = ["loss"]
    elif isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    elif not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be a name, a callable or a list of these, got {metrics!r}")
    made: dict[str, Metric] = {}
    for metric in metrics:
        one = _make_metric(metric, objective)
        if one.name in made:
            raise ValueError(f"metric {one.name!r} is given twice")
        one.n_threads = n_threads
        made[one.name] = one
    return list(made.values())


def _make_metric(metric, objective):
    if callable(metric):
        name = getattr(metric, "__name__", type(metric).__name__)
        return Metric(name, getattr(metric, "greater_is_better", None), metric, objective)
    if not isinstance(metric, str):
        raise TypeError(f"a metric must be a name or a callable, got {metric!r}")
    if metric == "loss":
        return Metric("loss", False, None, objective)
    stem, colon, number = metric.partition(":")
    known = _CLASSIFICATION if objective.n_classes is not None else _REGRESSION
    if stem not in known or (colon and stem not in _PARAMETER):
        raise ValueError(
            f"unknown metric {metric!r}; for this task choose loss, {', '.join(known)} or a callable"
        )
    function: Callable[..., Any] = known[stem]
    if stem in _PARAMETER:
        function = partial(function, _given(stem, number) if colon else _parameter_of(objective, stem))
    return Metric(metric, stem in _GREATER_IS_BETTER, function, objective)


def _parameter_of(objective, stem):
    """The parameter of the loss being minimised, or else the default one."""
    owner, default = _PARAMETER[stem]
    # Huber's delta may change from round to round; one delta throughout makes the rounds comparable
    return objective.param if isinstance(objective, owner) and owner is not Huber else default


def _given(stem, number):
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    in_range = {
        "quantile": 0 < value < 1,
        "huber": 0 < value < math.inf,
        "tweedie_deviance": math.isfinite(value) and not 0 < value < 1,  # no such distribution
    }
    if not in_range[stem]:
        raise ValueError(f"metric {stem}:{number}: the parameter is out of range")
    return value


def _huber(delta, y, pred, weight):
    error = np.abs(y - pred)
    return mean(np.where(error <= delta, 0.5 * error**2, delta * (error - 0.5 * delta)), weight)


def _positive(pred):
    """Means that a deviance accepts: exp(score) may have become zero."""
    return np.maximum(pred, np.finfo(np.float64).tiny)


def _tweedie(power, y, pred, weight):
    return sk.mean_tweedie_deviance(y, _positive(pred), sample_weight=weight, power=power)


def _logloss(y, proba, weight):
    own = np.take_along_axis(proba, np.asarray(y, dtype=np.intp)[:, None], axis=1)[:, 0]
    return mean(-np.log(np.maximum(own, np.finfo(np.float64).eps)), weight)


def _accuracy(y, proba, weight):
    return mean((proba.argmax(axis=1) == y).astype(np.float64), weight)


def _balanced_accuracy(y, proba, weight):
    return sk.balanced_accuracy_score(y, proba.argmax(axis=1), sample_weight=weight)


def _one_against_rest(function, y, proba, weight):
    """A ranking metric of class 1, or its mean over the classes that occur (more than two classes)."""
    classes = [1] if proba.shape[1] == 2 else np.unique(y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        return np.mean([function(y == k, proba[:, k], sample_weight=weight) for k in classes])


def _auc(y, proba, weight):
    if (y == y[0]).all():
        return math.nan
    return _one_against_rest(sk.roc_auc_score, y, proba, weight)


def _brier(y, proba, weight):
    """Mean squared distance of the probabilities from the truth; with two classes, class 1 alone."""
    if proba.shape[1] == 2:
        return mean((proba[:, 1] - y) ** 2, weight)
    truth = np.asarray(y)[:, None] == np.arange(proba.shape[1])
    return mean(((proba - truth) ** 2).sum(axis=1), weight)


_REGRESSION: dict[str, Callable[..., Any]] = {
    "mse": lambda y, p, w: mean((y - p) ** 2, w),
    "rmse": lambda y, p, w: math.sqrt(mean((y - p) ** 2, w)),
    "mae": lambda y, p, w: mean(np.abs(y - p), w),
    "mape": lambda y, p, w: sk.mean_absolute_percentage_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: sk.r2_score(y, p, sample_weight=w),
    "poisson_deviance": partial(_tweedie, 1.0),
    "gamma_deviance": partial(_tweedie, 2.0),
    "tweedie_deviance": _tweedie,
    "quantile": lambda level, y, p, w: sk.mean_pinball_loss(y, p, sample_weight=w, alpha=level),
    "huber": _huber,
}
_CLASSIFICATION: dict[str, Callable[..., Any]] = {
    "logloss": _logloss,
    "error": lambda y, p, w: 1.0 - _accuracy(y, p, w),
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "auc": _auc,
    "average_precision": partial(_one_against_rest, sk.average_precision_score),
    "brier": _brier,
}
_CLASSIFICATION |= {"multi_logloss": _logloss, "multi_error": _CLASSIFICATION["error"]}
_GREATER_IS_BETTER = {"r2", "accuracy", "balanced_accuracy", "auc", "average_precision"}
_PARAMETER: dict[str, tuple[type, float]] = {
    "tweedie_deviance": (Tweedie, 1.5),
    "quantile": (Quantile, 0.5),
    "huber": (Huber, 1.0),
}
METRIC_NAMES = {"regression": sorted(_REGRESSION), "classification": sorted(_CLASSIFICATION)}
