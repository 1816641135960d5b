"""SHAP values of many rows as a swarm of points, or their mean size as bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastml.plot.axes import BLUE, GREY, INK, ORANGE, new_axes, strip_frame
from fastml.plot.importance import plot_importance

__all__ = ["plot_shap"]

_NAME_WIDTH = 32
_SWARM = 0.38  # half the height of a line of points


def plot_shap(
    explanation: Any,
    *,
    kind: str = "swarm",
    output: int | str | None = None,
    max_features: int | None = 15,
    ax: Any = None,
) -> Any:
    """Draw the SHAP values of rows, the features that matter most first.

    Parameters
    ----------
    explanation : Explanation
        Of some rows: what ``model.explain(X)`` returns, or a ``shap.Explanation``.
    kind : {"swarm", "bar"}, default="swarm"
        "swarm": a point for each row, its colour the value of the feature (blue low, orange high, grey
        missing or not a number), dense places widened. "bar": mean absolute value of each feature.
    output : int or str, optional
        Which of several outputs, by number or name; needed then.
    max_features : int or None, default=15
        How many features to show; None for all.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there are several outputs and none is chosen, there are no rows, or `kind` or `max_features` is out
        of range.
    """
    values = np.asarray(explanation.values, dtype=np.float64)
    if values.ndim == 3:
        values = values[..., _output(explanation, output)]
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"expected SHAP values of rows and features, got shape {values.shape}")
    if kind not in ("swarm", "bar"):
        raise ValueError(f"kind must be 'swarm' or 'bar', got {kind!r}")
    if max_features is not None and max_features < 1:
        raise ValueError(f"max_features must be at least 1, got {max_features}")
    names = explanation.feature_names
    names = [f"x{j}" for j in range(values.shape[1])] if names is None else [str(name) for name in names]
    size = np.abs(values).mean(axis=0)
    if kind == "bar":
        ax = plot_importance(size, feature_names=names, max_features=max_features, ax=ax)
        ax.set_xlabel("Mean absolute SHAP value", color=INK)
        return ax
    order = np.argsort(-size, kind="stable")[:max_features]
    ax = new_axes(ax, 6.4, max(2.0, 1.0 + 0.36 * order.size))
    ax.axvline(0.0, color=GREY, linewidth=0.8, zorder=0)
    for place, j in enumerate(order):
        cells = None if explanation.data is None else np.asarray(explanation.data)[:, j]
        _draw_feature(ax, place, values[:, j], cells)
    ax.set_yticks(np.arange(order.size), [_shortened(names[j]) for j in order])
    ax.set_ylim(order.size - 0.4, -0.6)
    ax.set_xlabel("SHAP value: what the feature adds to the prediction", color=INK)
    hidden = values.shape[1] - order.size
    if hidden:
        ax.set_title(f"{order.size} of {values.shape[1]} features", loc="left", fontsize="small", color=GREY)
    _explain_colours(ax)
    strip_frame(ax)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    return ax


def _output(explanation, output):
    names = explanation.output_names
    n = np.shape(explanation.values)[2]
    if isinstance(output, str):
        if names is None or output not in list(names):
            raise ValueError(
                f"there is no output {output!r}; there are {None if names is None else list(names)}"
            )
        return list(names).index(output)
    if output is None or not -n <= output < n:
        raise ValueError(f"there are {n} outputs: choose one with output=..., got {output!r}")
    return output


def _draw_feature(ax, place, values, cells):
    shown = ax.scatter(
        values,
        place + _spread(values),
        c=_colours(cells, values.size),
        s=9,
        linewidths=0,
        alpha=0.85,
        zorder=2,
    )
    shown.set_rasterized(values.size > 2000)


def _spread(values):
    """Heights that keep points of about the same value apart: the denser the wider."""
    low, high = values.min(), values.max()
    if low == high:
        return np.linspace(-0.05, 0.05, values.size) if values.size > 1 else np.zeros(1)
    n_bins = 100
    cell = np.minimum(((values - low) / (high - low) * n_bins).astype(np.intp), n_bins - 1)
    order = np.argsort(cell, kind="stable")
    count = np.bincount(cell, minlength=n_bins)
    rank = np.empty(values.size, dtype=np.intp)
    rank[order] = np.arange(values.size) - np.repeat(np.cumsum(count) - count, count)
    # 0, 1, -1, 2, -2, ... within a cell
    side = np.where(rank % 2, (rank + 1) // 2, -(rank // 2))
    return side / max(8.0, count.max() / 2.0) * _SWARM


def _colours(cells, n_rows):
    """From blue to orange by the rank of the feature's value; grey where there is none."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgba

    colours = np.tile(to_rgba(GREY), (n_rows, 1))
    if cells is None:
        return colours
    try:
        numbers = cells.astype(np.float64)
    except (TypeError, ValueError):
        return colours
    known = np.flatnonzero(~np.isnan(numbers))
    distinct, rank = np.unique(numbers[known], return_inverse=True)
    shade = rank / max(distinct.size - 1, 1)
    colours[known] = LinearSegmentedColormap.from_list("", [BLUE, "#c9c3d6", ORANGE])(shade)
    return colours


def _explain_colours(ax):
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], marker="o", linestyle="", markersize=4, color=colour, label=label)
        for colour, label in ((BLUE, "low"), (ORANGE, "high"), (GREY, "missing or no number"))
    ]
    ax.legend(
        handles=marks,
        title="value of the feature",
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=3,
        frameon=False,
        fontsize="small",
        title_fontsize="small",
        handletextpad=0.1,
        columnspacing=1.0,
    )


def _shortened(name):
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
