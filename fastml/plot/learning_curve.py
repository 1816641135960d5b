"""Lines of a metric against the iteration."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastml.plot.axes import GREY, INK, LINES, new_axes, strip_frame

__all__ = ["plot_learning_curve"]


def plot_learning_curve(
    model: Any,
    *,
    metric: str | None = None,
    best_iteration: int | str | None = "auto",
    log_scale: bool = False,
    ax: Any = None,
) -> Any:
    """Draw how a metric went on the training, validation and evaluation sets, one line for each set.

    Parameters
    ----------
    model : fitted estimator, or dict
        ``evals_result_`` of a model, or such a dict: name of the set to name of the metric to list of values
        by iteration. A model without evaluation sets is drawn from ``train_score_`` and
        ``validation_score_``, which start before the first iteration.
    metric : str, optional
        Which metric; by default the first of the first set.
    best_iteration : int or None, default="auto"
        Iteration (from 1) to mark. "auto": that of the highest ``validation_score_``, if the model was fitted
        with early stopping on validation rows. None: nothing is marked.
    log_scale : bool, default=False
        Logarithmic scale for the metric.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is nothing to draw or no set has the metric.
    """
    curves, metric = _curves(model, metric)
    if best_iteration == "auto":
        scores = np.asarray(getattr(model, "validation_score_", ()), dtype=np.float64)
        best_iteration = int(scores.argmax()) if scores.size else None
    ax = new_axes(ax, 6.4, 4.0)
    for (name, (start, values)), color in zip(curves.items(), _colors(len(curves)), strict=True):
        iterations = start + np.arange(len(values))
        # A line needs two points.
        ax.plot(
            iterations,
            values,
            color=color,
            linewidth=1.6,
            label=name,
            marker="o" if len(values) == 1 else None,
        )
    if log_scale:
        ax.set_yscale("log")
    if best_iteration is not None:
        _mark_best(ax, curves, int(best_iteration))
    ax.set_xlabel("Iteration", color=INK)
    ax.set_ylabel(metric, color=INK)
    ax.margins(x=0.02)
    ax.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    ax.set_axisbelow(True)
    strip_frame(ax)
    ax.legend(frameon=False, labelcolor=INK)
    return ax


def _colors(n):
    return [LINES[i % len(LINES)] for i in range(n)]


def _curves(model, metric):
    """Name of each set to (first iteration, values), and the name of the metric."""
    results = model if isinstance(model, Mapping) else getattr(model, "evals_result_", None)
    if results:
        if metric is None:
            metric = next((name for metrics in results.values() for name in metrics), None)
        curves = {
            name: (1, np.asarray(metrics[metric], dtype=np.float64))
            for name, metrics in results.items()
            if metric in metrics and len(metrics[metric])
        }
        if not curves:
            known = sorted({name for metrics in results.values() for name in metrics})
            raise ValueError(f"no evaluation set has values of the metric {metric!r}; known are {known}")
        return curves, metric
    if metric is not None:
        raise ValueError(f"the model has no evaluation sets, so no metric {metric!r}")
    curves = {}
    for name, attribute in (("training", "train_score_"), ("validation", "validation_score_")):
        values = np.asarray(getattr(model, attribute, ()), dtype=np.float64)
        if values.size:
            curves[name] = (0, values)
    if not curves:
        raise ValueError(
            "the model has recorded no scores: fit it with early stopping or with evaluation sets"
        )
    scoring = getattr(model, "scoring", None)
    return curves, "Negative loss" if scoring in (None, "loss") else f"Score ({scoring})"


def _mark_best(ax, curves, best):
    """Dashed line at the best iteration, a dot where the curve that decided crosses it."""
    ax.axvline(best, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    decided = list(curves).index("validation") if "validation" in curves else len(curves) - 1
    start, values = list(curves.values())[decided]
    color = _colors(len(curves))[decided]
    label = f"best: {best}"
    if 0 <= best - start < len(values):
        value = values[best - start]
        ax.plot([best], [value], "o", color=color, markersize=6, zorder=3)
        label += f" ({value:.4g})"
    # Above the frame, where no curve and no legend can be in the way.
    ax.annotate(
        label,
        (best, 1),
        xycoords=("data", "axes fraction"),
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        fontsize="small",
        color=INK,
        annotation_clip=False,
    )
