"""Bars of feature importances."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastml.plot.axes import BLUE, GREY, INK, new_axes, strip_frame

__all__ = ["plot_importance"]

_TITLES = {
    "gain": "total gain of its splits",
    "split": "number of its splits",
    "cover": "total cover of its splits",
    "permutation": "loss of score when permuted",
}
_NAME_WIDTH = 32


def plot_importance(
    model: Any,
    *,
    kind: str = "gain",
    max_features: int | None = 20,
    feature_names: Sequence[str] | None = None,
    normalize: bool | None = None,
    ax: Any = None,
    **params: Any,
) -> Any:
    """Draw the importance of the most important features as horizontal bars.

    Parameters
    ----------
    model : fitted estimator, or array-like of shape (n_features,)
        What has a method ``importance(kind=...)``, or the importances themselves.
    kind : {"gain", "split", "cover", "permutation"}, default="gain"
        Handed to ``model.importance``, with `params` (permutation needs ``X`` and ``y``).
    max_features : int or None, default=20
        How many features to show; None for all.
    feature_names : sequence of str, optional
        By default ``model.feature_names_in_``, or x0, x1, ...
    normalize : bool, optional
        Show shares of the sum in per cent. By default for "gain" and "cover" of a model.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the importances are not a vector of finite numbers or the names do not match them.
    """
    if hasattr(model, "importance"):
        values = model.importance(kind, normalize=False, **params)
        normalize = kind in ("gain", "cover") if normalize is None else normalize
        feature_names = getattr(model, "feature_names_in_", None) if feature_names is None else feature_names
        label = _TITLES.get(kind, kind)
    else:
        values, label = model, "importance"
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"expected a vector of finite importances, got shape {values.shape}")
    if feature_names is None:
        feature_names = [f"x{i}" for i in range(values.size)]
    if len(feature_names) != values.size:
        raise ValueError(f"there are {values.size} features, but {len(feature_names)} feature_names")
    if max_features is not None and max_features < 1:
        raise ValueError(f"max_features must be at least 1, got {max_features}")
    if normalize and values.sum() > 0:
        values = 100 * values / values.sum()
        label = f"share of the {label.replace('its splits', 'all splits')}, %"

    # Largest first; equal ones in the order of the features.
    order = np.argsort(-values, kind="stable")[:max_features]
    ax = new_axes(ax, 6.4, max(1.6, 0.8 + 0.26 * order.size))
    shown = values[order]
    places = np.arange(order.size)
    ax.barh(places, shown, height=0.7, color=BLUE)
    ax.set_yticks(places, [_shortened(str(feature_names[i])) for i in order])
    ax.set_ylim(order.size - 0.4, -0.6)
    _write_values(ax, places, shown, bool(normalize))
    ax.set_xlabel(f"{label[0].upper()}{label[1:]}", color=INK)
    hidden = values.size - order.size
    if hidden:
        ax.set_title(f"{order.size} of {values.size} features", loc="right", fontsize="small", color=GREY)
    strip_frame(ax)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(bool((shown < 0).any()))
    return ax


def _write_values(ax, places, shown, shares):
    """Number at the end of each bar, with room for it inside the frame."""
    span = max(shown.max(), 0.0) - min(shown.min(), 0.0) or 1.0
    for place, value in zip(places, shown, strict=True):
        text = f"{value:.1f}" if shares else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
        side = -1 if value < 0 else 1
        ax.annotate(
            text,
            (value, place),
            xytext=(4 * side, 0),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="center",
            fontsize="small",
            color=INK,
        )
    left = min(shown.min(), 0.0)
    ax.set_xlim(left - 0.14 * span if left < 0 else 0.0, max(shown.max(), 0.0) + 0.14 * span)


def _shortened(name):
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
