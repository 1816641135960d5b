"""Pictures of self-organising maps: nodes as squares or true hexagons, where they lie on the map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastml.plot.axes import BLUE, INK, LINES, need_matplotlib, new_axes

__all__ = [
    "plot_component_planes",
    "plot_hits",
    "plot_label_map",
    "plot_map",
    "plot_region_borders",
    "plot_trajectory",
    "plot_u_matrix",
]

_INCHES_OF_NODE = 0.32
_EMPTY = "#f3f4f6"


def plot_map(
    som: Any,
    values: Any,
    *,
    cmap: Any = "viridis",
    vmin: float | None = None,
    vmax: float | None = None,
    colorbar: bool = True,
    label: str | None = None,
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw a number, or a colour, for each node.

    Parameters
    ----------
    som : fitted SOM, SOMClassifier or SOMRegressor
    values : array-like of shape (n_nodes,) or (n_rows, n_columns), or colours of shape (n_nodes, 3 or 4)
        NaN: the node is left pale.
    cmap : str or matplotlib Colormap, default="viridis"
    vmin, vmax : float, optional
        Ends of the scale; by default the least and the greatest value.
    colorbar : bool, default=True
    label : str, optional
        Of the colour bar.
    title : str, optional
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If there is not a value for each node.
    """
    grid = som.grid_
    values = np.asarray(values, dtype=np.float64)
    colours = values if values.ndim == 2 and values.shape == (grid.n_nodes, values.shape[1]) else None
    is_colour = colours is not None and values.shape[1] in (3, 4) and values.shape != grid.shape
    if not is_colour and values.size != grid.n_nodes:
        raise ValueError(f"values have shape {values.shape}, expected one for each of {grid.n_nodes} nodes")
    ax = _axes_of_map(grid, ax, colorbar and not is_colour)
    collection = _cells(grid)
    if is_colour:
        collection.set_facecolor(np.clip(values, 0, 1))
    else:
        import matplotlib

        shades = (matplotlib.colormaps[cmap] if isinstance(cmap, str) else cmap).with_extremes(bad=_EMPTY)
        collection.set(array=np.ma.masked_invalid(values.ravel()), cmap=shades)
        collection.set_clim(vmin, vmax)
    ax.add_collection(collection)
    if colorbar and not is_colour:
        bar = ax.figure.colorbar(collection, ax=ax, shrink=0.8, pad=0.02)
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=INK, length=3)
        if label:
            bar.set_label(label, color=INK)
    if title:
        ax.set_title(title, color=INK, fontsize="medium")
    return ax


def _cells(grid, shrink=None, **options):
    """The nodes as polygons; `shrink`: the size of each as a share of the whole."""
    from matplotlib.collections import PolyCollection

    places = grid.positions
    shrink = np.ones(len(places)) if shrink is None else np.asarray(shrink)
    corners = places[:, None] + shrink[:, None, None] * _outline(grid)
    style = {"edgecolor": "white", "linewidth": 0.5} | options
    return PolyCollection(list(corners), **style)


def _outline(grid):
    """Corners of a node about its place."""
    if grid.is_hexagonal:
        angle = np.pi / 180 * np.array([30, 90, 150, 210, 270, 330])
        return np.column_stack([np.cos(angle), np.sin(angle)]) / np.sqrt(3)
    return np.array([[0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [-0.5, -0.5]])


def _axes_of_map(grid, ax, with_bar=False):
    """Axes in the proportions of the map, node (0, 0) at the upper left, without a frame."""
    places = grid.positions
    low, high = places.min(axis=0) - 0.6, places.max(axis=0) + 0.6
    width, height = np.maximum((high - low) * _INCHES_OF_NODE, 1.6)
    scale = min(1.0, 9 / max(width, height))
    ax = new_axes(ax, width * scale + (1.0 if with_bar else 0.1), height * scale + 0.3)
    ax.set_xlim(low[0], high[0])
    ax.set_ylim(high[1], low[1])
    ax.set_aspect("equal")
    ax.axis("off")
    return ax


def plot_u_matrix(
    som: Any,
    *,
    edges: bool = True,
    cmap: Any = "bone_r",
    colorbar: bool = True,
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw how far neighbouring nodes are apart: clusters are light, borders between them dark.

    Parameters
    ----------
    som : fitted map
    edges : bool, default=True
        Whether to draw the distance of each pair of neighbours too, as a small node between the two (those
        across the seam of a closed map are left out).
    cmap : str or matplotlib Colormap, default="bone_r"
    colorbar : bool, default=True
    title : str, optional
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    nodes = som.u_matrix().ravel()
    if not edges:
        return plot_map(som, nodes, cmap=cmap, colorbar=colorbar, label="mean distance", title=title, ax=ax)
    grid = som.grid_
    pairs, apart = som._edges()
    places = grid.positions
    step = places[pairs[:, 1]] - places[pairs[:, 0]]
    drawn = (pairs[:, 0] < pairs[:, 1]) & (np.abs(step).max(axis=1) <= 1.01)
    if not grid.is_hexagonal:
        drawn &= np.abs(step).sum(axis=1) <= 1.01
    pairs, apart = pairs[drawn], apart[drawn]
    high = float(max(apart.max(initial=0.0), nodes.max()))
    ax = plot_map(
        som, nodes, cmap=cmap, vmin=0, vmax=high, colorbar=colorbar, label="distance", title=title, ax=ax
    )
    _draw_edges(ax, grid, pairs, apart, cmap, high)
    return ax


def _draw_edges(ax, grid, pairs, apart, cmap, high):
    from matplotlib.collections import PolyCollection

    a, b = grid.positions[pairs[:, 0]], grid.positions[pairs[:, 1]]
    along = b - a
    across = along[:, ::-1] * [-1, 1]
    length = 1 / np.sqrt(3) if grid.is_hexagonal else 1.0
    # a rhomb over the side that the two nodes share
    corners = np.array([[0.0, 0.5], [0.22, 0.0], [0.0, -0.5], [-0.22, 0.0]])
    shapes = (
        (a + b)[:, None] / 2 + corners[:, :1] * along[:, None] + corners[:, 1:] * length * across[:, None]
    )
    rhombs = PolyCollection(list(shapes), array=apart, cmap=cmap, edgecolor="none")
    rhombs.set_clim(0, high)
    ax.add_collection(rhombs)


def plot_hits(
    som: Any,
    hits: Any = None,
    *,
    color: Any = BLUE,
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw the weight of each node's rows as the size of its mark.

    Parameters
    ----------
    som : fitted map
    hits : array-like of shape (n_rows, n_columns), optional
        As ``activation_response`` gives; by default those of the fit.
    color : matplotlib colour, default blue
    title : str, optional
    ax : matplotlib Axes, optional
        With a map already in them, the hits are drawn over it.

    Returns
    -------
    matplotlib Axes
    """
    hits = np.asarray(som.hits_ if hits is None else hits, dtype=np.float64).ravel()
    grid = som.grid_
    if hits.size != grid.n_nodes:
        raise ValueError(f"hits have {hits.size} values, expected one for each of {grid.n_nodes} nodes")
    if ax is None or not ax.collections:
        ax = _axes_of_map(grid, ax)
        ax.add_collection(_cells(grid, facecolor=_EMPTY, zorder=1))
    share = np.sqrt(hits / max(hits.max(), np.finfo(np.float64).tiny))
    ax.add_collection(_cells(grid, 0.95 * share, facecolor=color, edgecolor="none", zorder=2))
    if title:
        ax.set_title(title, color=INK, fontsize="medium")
    return ax


def plot_component_planes(
    som: Any,
    features: Sequence[int | str] | None = None,
    *,
    names: Sequence[str] | None = None,
    n_columns: int = 4,
    cmap: Any = "viridis",
    axes: Any = None,
) -> Any:
    """Draw the codebook, a map for each feature.

    Parameters
    ----------
    som : fitted map
    features : sequence of int or str, optional
        Which features, by number or name; by default all.
    names : sequence of str, optional
        Names of all features; by default ``feature_names_in_``, or their numbers.
    n_columns : int, default=4
        Most maps side by side.
    cmap : str or matplotlib Colormap, default="viridis"
    axes : sequence of matplotlib Axes, optional
        One for each feature.

    Returns
    -------
    list of matplotlib Axes

    Raises
    ------
    ValueError
        If a name is not a feature's, or there are not as many axes as features.
    """
    if names is None:
        names = getattr(som, "feature_names_in_", [str(j) for j in range(som.n_features_in_)])
    names = list(names)
    chosen = range(len(names)) if features is None else [_number(feature, names) for feature in features]
    planes = som.component_planes()
    if axes is None:
        axes = _many_axes(som.grid_, len(chosen), n_columns)
    axes = list(np.ravel(axes))
    if len(axes) < len(chosen):
        raise ValueError(f"there are {len(axes)} axes for {len(chosen)} features")
    for ax, j in zip(axes, chosen, strict=False):
        plot_map(som, planes[j], cmap=cmap, title=str(names[j]), ax=ax)
    return axes[: len(chosen)]


def _number(feature, names):
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"there is no feature {feature!r}; there are: {', '.join(map(str, names[:20]))}")
        return names.index(feature)
    return int(feature)


def _many_axes(grid, n, n_columns):
    need_matplotlib()
    import matplotlib.pyplot as plt

    n_columns = max(1, min(n_columns, n))
    n_rows = -(-n // n_columns)
    extent = np.ptp(grid.positions, axis=0) + 1.2
    width = 2.6
    height = float(np.clip(width * extent[1] / extent[0], 1.2, 5.0))
    _, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=((width + 0.6) * n_columns, (height + 0.3) * n_rows),
        squeeze=False,
        layout="constrained",
    )
    for ax in axes.ravel()[n:]:
        ax.axis("off")
    return axes.ravel()[:n]


def plot_label_map(
    som: Any,
    labels: Any,
    *,
    votes: Any = None,
    write: bool | None = None,
    colors: Sequence[Any] | None = None,
    legend: bool = True,
    title: str | None = None,
    ax: Any = None,
) -> Any:
    """Draw a label for each node: classes by vote, or regions.

    Parameters
    ----------
    som : fitted map
    labels : array-like of shape (n_rows, n_columns) or (n_nodes,)
        As ``label_map`` gives them; None: the node is left pale.
    votes : array-like of shape (n_classes, n_rows, n_columns), optional
        As ``label_map`` gives them: the fewer of its votes the winner has, the paler the node.
    write : bool, optional
        Whether to write the label on its nodes; by default if it is short and the map small.
    colors : sequence of matplotlib colours, optional
        One for each label in order.
    legend : bool, default=True
    title : str, optional
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes
    """
    import matplotlib.pyplot as plt
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    grid = som.grid_
    flat = np.asarray(labels, dtype=object).ravel()
    known = sorted({label for label in flat.tolist() if label is not None})
    if colors is None:
        colors = LINES if len(known) <= len(LINES) else [plt.get_cmap("tab20")(i)[:3] for i in range(20)]
    shades = {label: np.array(to_rgb(colors[i % len(colors)])) for i, label in enumerate(known)}
    share = np.ones(grid.n_nodes)
    if votes is not None:
        counts = np.asarray(votes, dtype=np.float64).reshape(-1, grid.n_nodes)
        share = counts.max(axis=0) / np.maximum(counts.sum(axis=0), np.finfo(np.float64).tiny)
    face = np.array(
        [to_rgb(_EMPTY) if x is None else 1 - s * (1 - shades[x]) for x, s in zip(flat, share, strict=True)]
    )
    ax = plot_map(som, face, colorbar=False, title=title, ax=ax)
    short = all(len(str(label)) <= 3 for label in known)
    if write if write is not None else short and grid.n_nodes <= 900:
        for (x, y), label, color in zip(grid.positions, flat, face, strict=True):
            if label is not None:
                ink = "white" if color @ [0.3, 0.59, 0.11] < 0.55 else INK
                ax.text(x, y, str(label), ha="center", va="center", color=ink, fontsize=7)
    elif legend:
        marks = [Patch(color=tuple(shades[x]), label=str(x)) for x in known]
        ax.legend(handles=marks, loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelcolor=INK)
    return ax


def plot_region_borders(
    som: Any, regions: Any = None, *, color: Any = INK, linewidth: float = 2.0, ax: Any = None
) -> Any:
    """Draw lines between the regions of a map.

    Parameters
    ----------
    som : fitted map
    regions : array-like of shape (n_nodes,) or (n_rows, n_columns), optional
        By default ``region_labels_``.
    color : matplotlib colour
    linewidth : float, default=2
        In points.
    ax : matplotlib Axes, optional
        With a map already in them, the lines are drawn over it.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.collections import LineCollection

    grid = som.grid_
    regions = np.asarray(som.region_labels_ if regions is None else regions).ravel()
    if ax is None or not ax.collections:
        ax = _axes_of_map(grid, ax)
        ax.add_collection(_cells(grid, facecolor=_EMPTY, zorder=1))
    pairs = grid.neighbours(diagonal=False)
    pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & (regions[pairs[:, 0]] != regions[pairs[:, 1]])]
    a, b = grid.positions[pairs[:, 0]], grid.positions[pairs[:, 1]]
    step = b - a
    beside = np.abs(step).max(axis=1) <= 1.01  # not across the seam of a closed map
    middle, across = (a + b)[beside] / 2, step[beside][:, ::-1] * [-1, 1]
    half = across / (2 * np.sqrt(3) if grid.is_hexagonal else 2)
    lines = np.stack([middle - half, middle + half], axis=1)
    ax.add_collection(
        LineCollection(list(lines), colors=[color], linewidths=linewidth, capstyle="round", zorder=4)
    )
    return ax


def plot_trajectory(
    som: Any, X: Any, *, color: Any = LINES[1], jitter: float = 0.18, label: str | None = None, ax: Any = None
) -> Any:
    """Draw the way that a sequence of rows takes over the map.

    Parameters
    ----------
    som : fitted map
    X : array-like of shape (n_steps, n_features)
        Rows in the order of the sequence. Steps across the seam of a closed map are drawn as two ends.
    color : matplotlib colour
    jitter : float, default=0.18
        How far the points of a node lie apart, in columns.
    label : str, optional
        For a legend.
    ax : matplotlib Axes, optional
        With a map already in them, the way is drawn over it; else over the U-matrix.

    Returns
    -------
    matplotlib Axes
    """
    from matplotlib.collections import LineCollection

    if ax is None:
        ax = plot_u_matrix(som, edges=False, colorbar=False)
    nodes = som.winners(X)
    angle = 2.399963 * np.arange(len(nodes))  # the golden angle: no two visits of a node at one place
    places = som.grid_.positions[nodes] + jitter * np.column_stack([np.cos(angle), np.sin(angle)])
    ends = np.stack([places[:-1], places[1:]], axis=1)
    periods = np.array(som.grid_.periods)
    step = ends[:, 1] - ends[:, 0]
    turn = np.where(periods > 0, np.round(step / np.where(periods > 0, periods, 1)), 0) * periods
    wraps = turn.any(axis=1)
    lines = [*ends[~wraps]]
    for (start, stop), shift in zip(ends[wraps], turn[wraps], strict=True):
        lines += [np.array([start, stop - shift]), np.array([start + shift, stop])]
    ax.add_collection(
        LineCollection(lines, colors=[color], linewidths=1.2, alpha=0.75, zorder=5, label=label)
    )
    ax.plot(*places.T, ".", color=color, markersize=4, zorder=5)
    for (x, y), marker in ((places[0], "o"), (places[-1], "s")):
        ax.plot(x, y, marker, color=color, markersize=9, markeredgecolor="white", zorder=6)
    return ax
