"""Losses of gradient boosting by name: what is minimised, its gradients, its links and its leaf values.

`objective_base` says what a loss is asked for; the losses themselves stand by family in `objective_residual`,
`objective_log_link`, `objective_classes` and `objective_custom`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastml._engine.tree.objective_base import Objective
from fastml._engine.tree.objective_classes import (
    FocalBinary,
    FocalMultinomial,
    LogLossBinary,
    LogLossMultinomial,
)
from fastml._engine.tree.objective_custom import Custom
from fastml._engine.tree.objective_log_link import Gamma, Poisson, Tweedie
from fastml._engine.tree.objective_residual import AbsoluteError, Huber, Quantile, SquaredError

__all__ = ["Objective", "make_objective"]


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
        hessian), see `objective_custom.Custom`.
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
