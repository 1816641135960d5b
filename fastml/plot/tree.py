"""A tree as boxes and lines, without graphviz.

The layout is that of Reingold and Tilford ("Tidier drawings of trees", 1981): subtrees are drawn apart
and pushed together until their contours touch, a parent stands over the middle of its children. Lengths
are inches at the normal font size; axes of another size scale boxes and font together.
"""

import operator
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastml.io.described import describe_forest
from fastml.io.dump import FeatureLabels, missing_side, value_text
from fastml.plot.axes import BLUE, GREY, INK, ORANGE, need_matplotlib, new_axes

__all__ = ["plot_tree"]

_FONT = 9.0
_LINE = _FONT * 1.25 / 72
_PAD = 0.07
_GAP = 0.14
_LEVEL_GAP = 0.42
_WRAP = 24
_MAX_WIDTH = 160.0


def plot_tree(
    model: Any,
    tree_index: int = 0,
    *,
    max_depth: int | None = None,
    feature_names: Sequence[str] | None = None,
    show_missing: bool = True,
    precision: int = 3,
    fontsize: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw one tree of a fitted model.

    A split's box has its condition, gain and number of rows; rows for which the condition holds go left. The
    side of missing values is written at its line, the width of a line follows the share of the tree's rows.
    Leaves have their value, orange above zero, blue below.

    Parameters
    ----------
    model : fitted estimator, or Forest
    tree_index : int, default=0
        In the order of growth; a multiclass model has one tree for each class and iteration.
    max_depth : int, optional
        Deepest level to draw; the rest of each branch is summed up in one box.
    feature_names : sequence of str, optional
        By default those that the model was fitted with.
    show_missing : bool, default=True
        Write at the line on which missing values go. Where training saw none, that is the larger side.
    precision : int, default=3
        Significant digits.
    fontsize : float, optional
        In points. By default 9 in a new figure, which gets the size that the tree needs, and what fits in
        the given axes.
    ax : matplotlib Axes, optional
        Its limits are set, its frame is removed.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    IndexError
        If there is no such tree.
    TypeError
        If `tree_index` is not an integer.
    ImportError
        If matplotlib is not installed.
    """
    need_matplotlib()
    forest = describe_forest(model)
    names, categories, outputs = forest.feature_names, forest.categories, forest.output_names
    try:
        tree_index = operator.index(tree_index)
    except TypeError:
        raise TypeError(f"tree_index must be an integer, got {tree_index!r}") from None
    if not 0 <= tree_index < forest.n_trees:
        raise IndexError(f"tree_index must be in [0, {forest.n_trees}), got {tree_index}")
    if max_depth is not None and max_depth < 0:
        raise ValueError(f"max_depth must not be negative, got {max_depth}")
    features = FeatureLabels(forest, names if feature_names is None else feature_names, categories)
    tree = forest.tree(tree_index)
    boxes = _boxes(tree, features, max_depth, precision)
    _place(boxes)

    width = max(box.x + box.width / 2 for box in boxes) + _GAP
    height = max(box.y + box.height for box in boxes) + _GAP
    if ax is None:
        scale = min(1.0, _MAX_WIDTH / max(width, height)) * (1.0 if fontsize is None else fontsize / _FONT)
        ax = new_axes(None, width * scale, height * scale)
        ax.figure.set_layout_engine("none")
        ax.set_position([0, 0, 1, 1])
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    ax.set_axis_off()
    if fontsize is None:
        fontsize = _FONT * _scale(ax, width, height)
    _draw(ax, tree, boxes, fontsize, show_missing)
    output = forest.output_of(tree_index)
    if forest.n_outputs > 1 and output is not None:
        name = output if outputs is None else outputs[output]
        ax.set_title(f"tree {tree_index}, output {name}", fontsize=fontsize * 1.1, color=INK)
    return ax


@dataclass
class _Box:
    """What is drawn for a node; lengths in inches, y grows downwards."""

    node: int
    depth: int
    parent: int
    lines: list[str]
    is_leaf: bool
    children: list[int] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


def _boxes(tree, features, max_depth, precision):
    """Boxes in preorder, with their text and size, not yet placed."""
    left, right = tree["left"], tree["right"]
    boxes, stack = [], [(0, 0, -1)]
    while stack:
        node, depth, parent = stack.pop()
        is_leaf = left[node] < 0
        cut = not is_leaf and max_depth is not None and depth >= max_depth
        if is_leaf:
            lines = _wrapped(value_text(tree["value"][node], precision))
        elif cut:
            lines = [f"{_leaves_below(left, right, node)} leaves"]
        else:
            condition = features.condition(tree, node, precision, shown=6).replace(" <= ", " \u2264 ")
            lines = [*_wrapped(condition), f"gain {tree['gain'][node]:.{precision}g}"]
        lines.append(f"{tree['count'][node]:,} rows")
        at = len(boxes)
        boxes.append(_Box(node, depth, parent, lines, bool(is_leaf)))
        if parent >= 0:
            boxes[parent].children.append(at)
        if not is_leaf and not cut:
            stack.append((int(right[node]), depth + 1, at))
            stack.append((int(left[node]), depth + 1, at))
    for box in boxes:
        box.width = max(map(_text_width, box.lines)) + 2 * _PAD
        box.height = len(box.lines) * _LINE + 2 * _PAD
    return boxes


def _wrapped(text):
    return textwrap.wrap(text, _WRAP, break_long_words=True, max_lines=5, placeholder=" …") or [""]


def _leaves_below(left, right, node):
    stack, leaves = [node], 0
    while stack:
        node = stack.pop()
        if left[node] < 0:
            leaves += 1
        else:
            stack.extend((int(left[node]), int(right[node])))
    return leaves


def _text_width(text):
    """Width in inches at the normal font size."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(text, FontProperties(size=_FONT), ismath=False)
    return width / 72


def _place(boxes):
    """Set x (middle) and y (top) of every box."""
    n_levels = max(box.depth for box in boxes) + 1
    level_height = np.zeros(n_levels)
    for box in boxes:
        level_height[box.depth] = max(level_height[box.depth], box.height)
    tops = _GAP + np.concatenate([[0.0], np.cumsum(level_height[:-1] + _LEVEL_GAP)])

    # Children come after their parents, so backwards every subtree is finished before its parent. Contours
    # are the leftmost and rightmost extent on each level, relative to the subtree's root.
    offset = [0.0] * len(boxes)
    contours = [None] * len(boxes)
    for at in range(len(boxes) - 1, -1, -1):
        box = boxes[at]
        lefts, rights = [], []
        if box.children:
            first, second = box.children
            (lefts1, rights1), (lefts2, rights2) = contours[first], contours[second]
            distance = max(r - l for r, l in zip(rights1, lefts2, strict=False)) + _GAP
            offset[first], offset[second] = -distance / 2, distance / 2
            lefts = [x - distance / 2 for x in lefts1] + [x + distance / 2 for x in lefts2[len(lefts1) :]]
            rights = [x + distance / 2 for x in rights2] + [x - distance / 2 for x in rights1[len(rights2) :]]
            contours[first] = contours[second] = None
        contours[at] = ([-box.width / 2, *lefts], [box.width / 2, *rights])
    boxes[0].x = _GAP - min(contours[0][0])
    boxes[0].y = tops[0]
    for at, box in enumerate(boxes[1:], start=1):
        box.x = boxes[box.parent].x + offset[at]
        box.y = tops[box.depth]


def _scale(ax, width, height):
    """Inches of the axes for an inch of the layout, on the tighter side."""
    extent = ax.get_window_extent()
    inches = min(extent.width / width, extent.height / height) / ax.figure.dpi
    # Small fonts are set a little wider than their size says; a large axes needs no huge letters.
    return min(0.97 * inches, 1.6)


def _draw(ax, tree, boxes, fontsize, show_missing):
    from matplotlib.patches import FancyBboxPatch

    rows = max(int(tree["count"][0]), 1)
    scale = fontsize / _FONT
    # leaves with several values have no side
    value = tree["value"] if tree["value"].ndim == 1 else np.zeros(tree["left"].size)
    limit = max((abs(float(value[box.node])) for box in boxes if box.is_leaf), default=0.0) or 1.0
    for box in boxes:
        if box.parent >= 0:
            _draw_line(ax, tree, boxes[box.parent], box, rows, scale)
            if show_missing:
                _write_missing(ax, tree, boxes[box.parent], box, fontsize)
    for box in boxes:
        face, edge = ("#ffffff", GREY) if box.children else ("#eceef1", GREY)
        if box.is_leaf:
            face, edge = _leaf_colors(float(value[box.node]) / limit)
        ax.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2, box.y),
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=0.05",
                facecolor=face,
                edgecolor=edge,
                linewidth=0.9 * scale,
                zorder=2,
            )
        )
        ax.text(
            box.x,
            box.y + box.height / 2,
            "\n".join(box.lines),
            ha="center",
            va="center",
            fontsize=fontsize,
            color=INK,
            linespacing=1.15,
            parse_math=False,
            zorder=3,
        )


def _draw_line(ax, tree, parent, box, rows, scale):
    """Line from a parent to its child; its width is the child's share of rows."""
    share = int(tree["count"][box.node]) / rows
    ax.plot(
        [parent.x, box.x],
        [parent.y + parent.height, box.y],
        color="#b9bec6",
        linewidth=(0.8 + 4.0 * share) * scale,
        solid_capstyle="round",
        zorder=1,
    )


def _write_missing(ax, tree, parent, box, fontsize):
    """The word "missing" on the line that missing values follow."""
    if missing_side(tree, parent.node) != ("left" if box.x < parent.x else "right"):
        return
    bottom = parent.y + parent.height
    ax.text(
        0.55 * parent.x + 0.45 * box.x,
        0.55 * bottom + 0.45 * box.y,
        "missing",
        ha="center",
        va="center",
        fontsize=0.78 * fontsize,
        color=GREY,
        bbox={"boxstyle": "round,pad=0.12", "facecolor": "white", "edgecolor": "none"},
        parse_math=False,
        zorder=1.5,
    )


def _leaf_colors(share):
    """Fill and edge of a leaf: blue for -1, white for 0, orange for 1."""
    from matplotlib.colors import to_rgb

    base = np.array(to_rgb(ORANGE if share > 0 else BLUE))
    strength = 0.55 * abs(share)
    return tuple(strength * base + (1 - strength)), tuple(base)
