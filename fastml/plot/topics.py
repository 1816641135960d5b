"""Bars of the top words of topics."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastml.plot.axes import BLUE, GREY, INK, need_matplotlib, strip_frame

__all__ = ["plot_topics"]

_NAME_WIDTH = 20
_COLUMNS = 5


def plot_topics(
    model: Any,
    *,
    n_words: int = 8,
    topics: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    titles: Sequence[str] | None = None,
    axes: Any = None,
) -> Any:
    """Draw the most probable words of topics, each topic in axes of its own.

    Parameters
    ----------
    model : fitted topic model, or array-like of shape (n_topics, n_features)
        What has ``components_``, or these.
    n_words : int, default=8
        Words of each topic.
    topics : sequence of int, optional
        Which topics to show, in this order; by default all, the largest first.
    feature_names : sequence of str, optional
        By default ``model.feature_names_in_``, or the numbers of the words.
    titles : sequence of str, optional
        One for each topic shown; by default its number and its share of all tokens.
    axes : sequence of matplotlib Axes, optional
        At least one for each topic shown; by default those of a new figure.

    Returns
    -------
    ndarray of matplotlib Axes, one for each topic shown

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If names, titles, topics or axes do not match the model.
    """
    components = np.asarray(getattr(model, "components_", model), dtype=np.float64)
    if components.ndim != 2 or components.size == 0 or not np.isfinite(components).all():
        raise ValueError(f"expected a table of finite numbers, a row for each topic, got {components.shape}")
    if n_words < 1:
        raise ValueError(f"n_words must be at least 1, got {n_words}")
    shares = components.sum(axis=1) / components.sum()
    shown = np.argsort(-shares, kind="stable") if topics is None else np.asarray(topics)
    if shown.ndim != 1 or shown.size == 0 or not np.isin(shown, np.arange(len(components))).all():
        raise ValueError(f"topics must be numbers from 0 to {len(components) - 1}, got {topics!r}")
    if feature_names is None:
        feature_names = getattr(model, "feature_names_in_", None)
    if feature_names is not None and len(feature_names) != components.shape[1]:
        raise ValueError(f"there are {components.shape[1]} words, but {len(feature_names)} feature_names")
    if titles is None:
        titles = [f"topic {k}, {100 * shares[k]:.1f} %" for k in shown]
    if len(titles) != shown.size:
        raise ValueError(f"there are {shown.size} topics to show, but {len(titles)} titles")

    n_words = min(n_words, components.shape[1])
    drawn = _axes(axes, shown.size, n_words)
    for ax, k, title in zip(drawn, shown, titles, strict=True):
        words = np.argsort(-components[k], kind="stable")[:n_words]
        names = [str(w) if feature_names is None else str(feature_names[w]) for w in words]
        _draw(ax, 100 * components[k, words] / components[k].sum(), names, title)
    return drawn


def _axes(axes, n, n_words):
    """The first n of the given axes, or those of a new figure, the last line's spare ones removed."""
    if axes is not None:
        given = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()
        if given.size < n:
            raise ValueError(f"there are {n} topics to show, but {given.size} axes")
        return given[:n]
    need_matplotlib()
    import matplotlib.pyplot as plt

    columns = min(n, _COLUMNS)
    lines = -(-n // columns)
    size = (2.5 * columns + 0.2, lines * (0.75 + 0.19 * n_words) + 0.3)
    figure, grid = plt.subplots(lines, columns, figsize=size, layout="constrained", squeeze=False)
    for spare in grid.ravel()[n:]:
        spare.remove()
    figure.supxlabel("Share of the topic's tokens, %", color=INK, fontsize="medium")
    return grid.ravel()[:n]


def _draw(ax, values, names, title):
    places = np.arange(len(values))
    ax.barh(places, values, height=0.7, color=BLUE)
    ax.set_yticks(places, [_shortened(name) for name in names], fontsize="small", parse_math=False)
    ax.set_ylim(len(values) - 0.4, -0.6)
    ax.set_xlim(0.0, 1.05 * values.max() if values.max() > 0 else 1.0)
    ax.locator_params(axis="x", nbins=4)
    ax.set_title(title, loc="left", fontsize="medium", color=INK)
    strip_frame(ax)
    ax.tick_params(axis="x", labelsize="small", labelcolor=GREY)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _shortened(name):
    return name if len(name) <= _NAME_WIDTH else f"{name[: _NAME_WIDTH - 1]}…"
