"""Trees of either kind of forest as the same flat arrays, for what looks at whole trees: explanation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .cart_forest import CartForest
from .cart_node import CATEGORIES, FEATURE, MISSING_LEFT, LeafKind
from .forest import Forest

__all__ = ["flat_trees", "n_outputs", "used_features"]


def n_outputs(forest: Forest | CartForest) -> int:
    """Columns of a raw prediction."""
    return forest.width if isinstance(forest, CartForest) else forest.n_outputs


def used_features(forest: Forest | CartForest) -> np.ndarray:
    """The features that splits look at, ascending: int32 array."""
    if isinstance(forest, CartForest):
        return forest.used_features()
    used = np.unique(forest.arrays()["feature"])
    return used[used >= 0]


def flat_trees(forest: Forest | CartForest, first: int, last: int) -> dict[str, Any]:
    """Trees [first, last) of a forest.

    Parameters
    ----------
    forest : Forest or CartForest
    first, last : int

    Returns
    -------
    dict of arrays
        ``offsets`` int64 (n_trees + 1,): nodes of tree t, from 0. By node: ``left``, ``right`` (int32,
        inside the tree, -1 in a leaf; child > parent), ``feature`` (int32, -1 in a leaf), ``threshold``
        (float64; of a `Forest` the code, as rows come in codes), ``missing_left`` (uint8), ``category_set``
        (int32), ``cover`` (float64; leaves only: the rows or weight that training has sent there), ``place``
        (int32; leaves only: row of ``values`` counted from ``value_first`` of the tree). ``values`` float64
        (n_values, n_columns), ``value_first`` int64 (n_trees,), ``output`` int32 (n_trees,): output of the
        first column; ``category_sets`` uint8 (n_sets, 32).

    Notes
    -----
    The cover of a boosted tree is the number of its training rows, as in LightGBM, and not the sum of their
    hessians; the hessians count where a model has no numbers of rows.
    """
    return (
        _of_cart(forest, first, last) if isinstance(forest, CartForest) else _of_boosted(forest, first, last)
    )


def _of_boosted(forest, first, last):
    arrays = forest.arrays()
    offsets = arrays["tree_offsets"][first : last + 1]
    nodes = slice(int(offsets[0]), int(offsets[-1]))
    offsets = offsets - offsets[0]
    left = arrays["left"][nodes]
    cover = arrays["count"][nodes].astype(np.float64)
    if not arrays["count"].any():
        cover = arrays["weight"][nodes].copy()
    return {
        "offsets": offsets,
        "left": left,
        "right": arrays["right"][nodes],
        "feature": arrays["feature"][nodes],
        "threshold": arrays["code"][nodes].astype(np.float64),
        "missing_left": arrays["missing_left"][nodes],
        "category_set": arrays["category_set"][nodes],
        "cover": cover,
        "place": _inside(offsets),
        "values": arrays["value"][nodes][:, None],
        "value_first": offsets[:-1],
        "output": arrays["tree_output"][first:last],
        "category_sets": arrays["category_sets"],
    }


def _of_cart(forest, first, last):
    arrays = forest.arrays()
    offsets = arrays["node_offsets"][first : last + 1]
    nodes = arrays["nodes"][int(offsets[0]) : int(offsets[-1])]
    offsets = offsets - offsets[0]
    own = slice(*(int(arrays["leaf_offsets"][t]) for t in (first, last)))
    leaf = nodes["feature"] < 0
    what = np.where(leaf, 0, nodes["feature"])
    is_set = (what & CATEGORIES) > 0
    place = _inside(offsets)
    cover = np.zeros(nodes.size)
    cover[leaf] = (arrays["leaf_weight"] if arrays["leaf_weight"].size else arrays["leaf_count"])[own]
    flat = {
        "offsets": offsets,
        "left": np.where(leaf, np.int32(-1), place + np.int32(1)),
        "right": np.where(leaf, np.int32(-1), nodes["right"].astype(np.int32)),
        "feature": np.where(leaf, np.int32(-1), what & FEATURE),
        "threshold": nodes["threshold"].copy(),
        "missing_left": ((what & MISSING_LEFT) > 0).astype(np.uint8),
        "category_set": np.where(is_set, nodes["threshold"], -1.0).astype(np.int32),
        "cover": cover,
        "place": place,
        "output": np.zeros(last - first, dtype=np.int32),
        "category_sets": arrays["category_sets"],
    }
    if forest.leaf_kind == LeafKind.NUMBER:
        # of two classes the share of the second
        flat["output"] += np.int32(forest.width - 1)
        return flat | {"values": flat["threshold"][:, None].copy(), "value_first": offsets[:-1]}
    flat["place"] = nodes["right"].astype(np.int32)
    flat["value_first"] = arrays["leaf_offsets"][first:last] - own.start
    if forest.leaf_kind == LeafKind.VECTOR:
        return flat | {"values": arrays["leaf_vector"][own]}
    return flat | {"values": _shares(forest, nodes["threshold"][leaf])}


def _shares(forest, payload):
    """Shares of the classes in leaves that hold a class or the number of a mixture."""
    values = np.zeros((payload.size, forest.width))
    pure = np.flatnonzero(payload >= 0)
    values[pure, payload[pure].astype(np.intp)] = 1.0
    mixed = np.flatnonzero(payload < 0)
    label, share = forest.mixed()
    starts = forest.arrays()["mixed_offsets"]
    number = (-1 - payload[mixed]).astype(np.intp)
    sizes = starts[number + 1] - starts[number]
    entry = np.repeat(starts[number] - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
    values[np.repeat(mixed, sizes), label[entry]] = share[entry]
    return values


def _inside(offsets):
    """Number of each node inside its tree."""
    number = np.arange(int(offsets[-1]), dtype=np.int32)
    return number - np.repeat(offsets[:-1], np.diff(offsets)).astype(np.int32)
