"""Sums over the trees of a CartForest: by walking, or over codes of a byte where that is measured to pay.

A walk costs a tree some nanoseconds a level (key_walk.c). Trees over codes ask all splits at once, 64 rows
an instruction (traverse.c), which for shallow trees is far less once a row has been coded; but thresholds
have to be collected and the trees packed again. The choice is made from estimates of the three, when the
rows asked for so far would have paid for it. Both ways add the same numbers in the same order: the same
bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from .flat_trees import flat_trees
from .plane_layout import PlaneLayout
from .planes import spread
from .predict import pack_of, predict_raw
from .single_row import MOST_LEAVES, SingleRowPack, single_row_pack_of
from .walk import add_values

if TYPE_CHECKING:
    from .binning import BinMapper
    from .cart_forest import CartForest
    from .forest import Forest
    from .value_rows import ValueRows

__all__ = ["single_row_sums", "sum_values"]

# Nanoseconds, measured on one core at 3.7 GHz (Zen 5); only speed depends on them.
_WALK_TREE, _WALK_LEVEL, _ADD = 1.5, 1.3, 1.0
_SPLIT = 0.01  # at the least: of a row, over codes
_CODE = 1.0  # of a value
_PACK_NODE, _PACK = 1500.0, 2e6
# a row alone, whose walks wait for each other's lines of the cache
_ALONE_TREE, _ALONE_LEVEL = 3.0, 2.0
_ALONE_SPLIT = 0.03  # at the least, side by side


def sum_values(
    forest: CartForest,
    rows: ValueRows,
    n_threads: int = 1,
    progress: Callable[[int, int], object] | None = None,
) -> np.ndarray:
    """Sums of the values of the leaves that rows fall into.

    Parameters
    ----------
    forest : CartForest
    rows : ValueRows
    n_threads : int, default=1
    progress : callable, optional
        Of rows that are done and rows of all.

    Returns
    -------
    float64 array of shape (n_rows, width)
        Of two classes only the second one's shares are added, in the last column.
    """
    table = rows.table
    coded = None if table is None else _coded(forest, rows.n_rows)
    if coded is None:
        sums = np.zeros((rows.n_rows, forest.width))
        add_values(forest, rows, sums, n_threads=n_threads, progress=progress)
        return sums
    over_codes, mapper, planes = coded
    return predict_raw(over_codes, mapper, spread(table, planes), n_threads, progress=progress)


def _coded(forest: CartForest, n_rows: int) -> tuple[Forest, BinMapper, np.ndarray] | None:
    """The trees over codes; None if walking them is quicker, or packing would not have paid so far."""
    views = forest.views
    if "over codes" not in views:
        if "walk of a row" not in views:
            views["walk of a row"] = _walk_ns(forest)
        walk_ns, pack_ns = views["walk of a row"]
        seen = views["rows"] = views.get("rows", 0) + n_rows
        if seen * walk_ns < pack_ns:
            return None
        views["over codes"] = _over_codes(forest, walk_ns)
    return views["over codes"]


def _walk_ns(forest: CartForest) -> tuple[float, float]:
    """Estimated time of a row's walks, and of packing for codes; no time if codes can not be quicker."""
    arrays = forest.arrays()
    n_leaves = np.diff(arrays["leaf_offsets"])
    is_number = forest.leaf_kind == "number"
    walk_ns = float((_WALK_TREE + _WALK_LEVEL * np.log2(np.maximum(n_leaves, 1))).sum())
    n_sums = 1 if is_number else forest.width
    walk_ns += 0.0 if is_number else n_leaves.size * n_sums * _ADD
    if len(arrays["category_sets"]) or n_sums * _SPLIT * n_leaves.sum() > walk_ns:
        return 0.0, np.inf
    return walk_ns, _PACK + _PACK_NODE * n_sums * forest.n_nodes


def _over_codes(forest: CartForest, walk_ns: float) -> tuple[Forest, BinMapper, np.ndarray] | None:
    flat = flat_trees(forest, 0, forest.n_trees)
    n_sums, sizes = flat["values"].shape[1], np.diff(flat["offsets"])
    inner = flat["left"] >= 0
    leaf = np.flatnonzero(~inner)
    place = (np.repeat(flat["value_first"], sizes) + flat["place"])[leaf]
    value = np.zeros((n_sums, inner.size))
    value[:, leaf] = flat["values"][place].T
    # a tree over codes adds to one sum: one with several values goes once for each
    arrays = {name: np.tile(flat[name], n_sums) for name in ("left", "right", "threshold")}
    arrays["feature"] = np.tile(flat["feature"].astype(np.int64), n_sums)
    arrays["missing_left"] = np.tile(flat["missing_left"] > 0, n_sums)
    layout = PlaneLayout(arrays, {}, int(flat["feature"].max(initial=0)) + 1)
    if n_sums * _SPLIT * np.count_nonzero(inner) + _CODE * layout.n_planes > walk_ns:
        return None
    nothing = np.zeros(n_sums * inner.size)
    offsets = np.append(0, np.cumsum(np.tile(sizes, n_sums)))
    output = np.concatenate([flat["output"] + k for k in range(n_sums)])
    told = {"value": value.reshape(-1), "gain": nothing, "weight": nothing, "count": nothing}
    over_codes, mapper, planes = layout.forest(offsets, output, np.zeros(forest.width), told)
    row_ns = pack_of(over_codes).row_ns + _CODE * layout.n_planes
    return (over_codes, mapper, planes) if row_ns < walk_ns else None


def single_row_sums(forest: CartForest) -> SingleRowPack | None:
    """The trees side by side, for rows that come alone.

    Parameters
    ----------
    forest : CartForest

    Returns
    -------
    SingleRowPack or None
        None if walking is estimated to be quicker, or the trees split by category.
    """
    arrays = forest.arrays()
    n_leaves = np.diff(arrays["leaf_offsets"])
    if len(arrays["category_sets"]) or not n_leaves.size or n_leaves.max() > MOST_LEAVES:
        return None
    n_sums = 1 if forest.leaf_kind == "number" else forest.width
    walk_ns = float((_ALONE_TREE + _ALONE_LEVEL * np.log2(n_leaves)).sum()) + n_leaves.size * n_sums * _ADD
    if n_sums * (n_leaves.size * _ADD + n_leaves.sum() * _ALONE_SPLIT) > walk_ns:
        return None
    coded = _over_codes(forest, np.inf)
    if coded is None:
        return None
    over_codes, mapper, planes = coded
    return single_row_pack_of(over_codes.arrays(), mapper, planes, walk_ns)
