"""Ellipses of mixtures, and the curves by which their number of components is chosen."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastml.plot.axes import GREY, INK, LINES, new_axes, strip_frame

__all__ = ["plot_mixture", "plot_selection"]

# Rows drawn at most: more only darken the cloud.
_MOST_POINTS = 5000


def plot_mixture(
    model: Any,
    X: Any = None,
    *,
    features: tuple[int, int] = (0, 1),
    levels: tuple[float, ...] = (1.0, 2.0),
    ax: Any = None,
) -> Any:
    """Draw the components of a mixture as ellipses in the plane of two features.

    The darker an ellipse, the more weight its component has; components below a hundredth of the largest
    weight are left out.

    Parameters
    ----------
    model : fitted GaussianMixture or BayesianGaussianMixture
    X : array-like of shape (n_samples, n_features), optional
        Rows to draw as points (at most 5,000 of them, evenly spaced), in the colour of their component.
    features : tuple of two int, default=(0, 1)
    levels : tuple of float, default=(1, 2)
        Standard deviations at which ellipses are drawn.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If the features are not two of the model's.
    """
    d = model.means_.shape[1]
    if len(features) != 2 or not all(0 <= f < d for f in features) or features[0] == features[1]:
        raise ValueError(f"features must be two different numbers from 0 to {d - 1}, got {features!r}")
    ax = new_axes(ax, 6.0, 5.0)
    from matplotlib.patches import Ellipse

    pair = list(features)
    if X is not None:
        rows = np.asarray(X)
        rows = rows[:: max(1, -(-len(rows) // _MOST_POINTS))]
        colors = np.array([LINES[j % len(LINES)] for j in model.predict(rows)])
        ax.scatter(*rows[:, pair].T, s=6, c=colors, alpha=0.35, linewidths=0, zorder=1)
    weights = model.weights_ / model.weights_.max()
    for j in np.flatnonzero(weights >= 0.01):
        values, vectors = np.linalg.eigh(_covariance(model, j, d)[np.ix_(pair, pair)])
        angle = np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1]))
        color = LINES[j % len(LINES)]
        for level in levels:
            width, height = 2 * level * np.sqrt(values[::-1])
            center = model.means_[j, pair]
            shape = Ellipse(center, width, height, angle=angle, facecolor="none", edgecolor=color)
            shape.set(linewidth=1.6, alpha=0.35 + 0.65 * float(weights[j]), zorder=3)
            ax.add_patch(shape)
        ax.plot(*model.means_[j, pair], "o", color=color, markersize=4, zorder=4)
    ax.autoscale_view()
    names = getattr(model, "feature_names_in_", [f"x{f}" for f in range(d)])
    ax.set_xlabel(names[pair[0]], color=INK)
    ax.set_ylabel(names[pair[1]], color=INK)
    strip_frame(ax)
    return ax


def _covariance(model, j, d):
    """Covariance of component j as a matrix."""
    covariances = model.covariances_
    if model.covariance_type == "tied":
        return covariances
    own = covariances[j]
    return own if model.covariance_type == "full" else own * np.eye(d)


def plot_selection(selection: Any, *, ax: Any = None) -> Any:
    """Draw the criterion against the number of components, one line for each type of covariance.

    Parameters
    ----------
    selection : Bunch
        What `fastml.mixture.select_mixture` returned.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    ax = new_axes(ax, 6.4, 4.0)
    for t, name in enumerate(selection.covariance_types):
        values = np.where(np.isfinite(selection.scores[t]), selection.scores[t], np.nan)
        ax.plot(
            selection.n_components, values, color=LINES[t % len(LINES)], linewidth=1.6, marker="o",
            markersize=3.5, label=name,
        )  # fmt: skip
    t, s = divmod(int(np.argmin(selection.scores)), selection.scores.shape[1])
    best = selection.n_components[s]
    ax.axvline(best, color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    ax.annotate(
        f"best: {best}, {selection.covariance_types[t]}",
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
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_xlabel("Number of components", color=INK)
    ax.set_ylabel(selection.criterion.upper(), color=INK)
    ax.grid(axis="y", color="#e6e8eb", linewidth=0.8)
    ax.set_axisbelow(True)
    strip_frame(ax)
    ax.legend(frameon=False, labelcolor=INK)
    return ax
