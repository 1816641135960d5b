"""The states that a sequence went through."""

from typing import Any

import numpy as np

from fastml.plot.axes import GREY, INK, LINES, new_axes, strip_frame

__all__ = ["plot_states"]


def plot_states(X: Any, states: Any, *, feature: int = 0, names: Any = None, ax: Any = None) -> Any:
    """Draw a feature of a sequence over a band that has the colour of each frame's state.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features) or (n_samples,)
        One sequence. NaN leaves a gap.
    states : array-like of int of shape (n_samples,)
        As `decode` or `predict` of a hidden Markov model gives them.
    feature : int, default=0
        Column of X to draw.
    names : sequence of str, optional
        Of the states; by default their numbers.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is not one state for each frame, if a state is negative or has no name, or if X has no such
        feature.
    """
    X, states = np.asarray(X), np.asarray(states)
    if X.ndim == 1:
        X = X[:, None]
    if X.ndim != 2 or not 0 <= feature < X.shape[1]:
        raise ValueError(f"X of shape {X.shape} has no feature {feature}")
    if states.shape != (len(X),) or len(X) == 0 or states.dtype.kind not in "iu" or states.min() < 0:
        raise ValueError(
            f"expected a state for each of the {len(X)} frames, got {states.dtype} {states.shape}"
        )
    if names is not None and len(names) <= states.max():
        raise ValueError(f"there are {len(names)} names, but a state {states.max()}")
    ax = new_axes(ax, 8.0, 2.8)
    edges = np.flatnonzero(np.diff(states)) + 1
    begins, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(states)]])
    bands: dict[int, Any] = {}
    for begin, end in zip(begins, ends, strict=True):
        k = int(states[begin])
        band = ax.axvspan(begin - 0.5, end - 0.5, color=LINES[k % len(LINES)], alpha=0.28, linewidth=0)
        bands.setdefault(k, band)
    ax.plot(X[:, feature], color=INK, linewidth=0.9)
    ax.set_xlim(-0.5, len(X) - 0.5)
    ax.set_xlabel("Frame", color=INK)
    shown = sorted(bands)
    ax.legend(
        [bands[k] for k in shown],
        [str(k if names is None else names[k]) for k in shown],
        title="State",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        labelcolor=INK,
    )
    strip_frame(ax)
    ax.spines["bottom"].set_color(GREY)
    return ax
