"""Checks on the arrays of a `CartForest` that comes from a file or a pickle, before anything follows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .cart_node import CATEGORIES, FEATURE, LEAF, MISSING_LEFT, NODE, LeafKind
from .validate import MAX_DEPTH

__all__ = ["validate_cart"]

_COUNTS = (np.uint8, np.uint16, np.uint32)


def _array(arrays: Mapping[str, Any], name: str, dtypes: tuple, ndim: int = 1) -> np.ndarray:
    if name not in arrays:
        raise ValueError(f"the forest has no array {name!r}")
    array = np.asarray(arrays[name])
    if not array.dtype.isnative:  # a pickle from a machine of the other byte order
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim != ndim or array.dtype not in [np.dtype(dtype) for dtype in dtypes]:
        expected = " or ".join(str(np.dtype(dtype)) for dtype in dtypes)
        raise ValueError(
            f"forest array {name!r} must be {expected} with {ndim} dimension(s), it is {array.dtype} with "
            f"{array.ndim}"
        )
    return np.ascontiguousarray(array)


def _refuse(wrong: Any, name: str, problem: str) -> None:
    wrong = np.asarray(wrong)
    if wrong.any():
        raise ValueError(f"forest array {name!r}, entry {int(np.argmax(wrong))}: {problem}")


def _offsets(arrays: Mapping[str, Any], name: str, end: int, smallest: int) -> np.ndarray:
    """Offsets that ascend by at least `smallest` from 0 to `end`."""
    offsets = _array(arrays, name, (np.int64,))
    if offsets.size < 1 or offsets[0] != 0 or offsets[-1] != end:
        raise ValueError(f"forest array {name!r} must run from 0 to {end}")
    # Compared, not subtracted: a difference of hostile int64 values could wrap around.
    _refuse(offsets[1:] < offsets[:-1], name, "offsets must not descend")
    _refuse(np.diff(offsets) < smallest, name, f"must be at least {smallest} after the one before")
    return offsets


def validate_cart(forest: Any, arrays: Mapping[str, Any], n_features: int | None = None) -> dict:
    """Check every index and value; return the arrays.

    Parameters
    ----------
    forest : CartForest
        Empty, of the kind that the arrays must fit.
    arrays : mapping of str to ndarray
    n_features : int, optional
        Features of the model, to check those of the splits against.

    Raises
    ------
    ValueError
        Naming the array and what was expected.
    """
    if not isinstance(arrays, Mapping):
        raise ValueError(f"the arrays of a forest must be a dict, got {type(arrays).__name__}")
    nodes = _array(arrays, "nodes", (NODE,))
    sets = _array(arrays, "category_sets", (np.uint8,), ndim=2)
    if sets.shape[1] != 32:
        raise ValueError(f"forest array 'category_sets' must have 32 columns, it has {sets.shape[1]}")
    counts = _array(arrays, "leaf_count", _COUNTS)
    checked = {
        "nodes": nodes,
        "category_sets": sets,
        "leaf_count": counts,
        "node_offsets": _offsets(arrays, "node_offsets", nodes.size, 1),
        "leaf_offsets": _offsets(arrays, "leaf_offsets", counts.size, 1),
    }
    if checked["leaf_offsets"].size != checked["node_offsets"].size:
        raise ValueError("forest arrays 'leaf_offsets' and 'node_offsets' must be of equal length")
    leaf = _check_nodes(nodes, checked["node_offsets"], checked["leaf_offsets"], n_features, len(sets))
    # CatBoost's symmetric trees have leaves that no row has come to
    may_be_empty = forest.n_classes is None and forest.criterion == "squared_error"
    _refuse((counts < 1) & (not may_be_empty), "leaf_count", "must be at least 1")
    weight = _array(arrays, "leaf_weight", (*_COUNTS, np.float64))
    if weight.size not in (0, counts.size):
        raise ValueError(f"forest array 'leaf_weight' has {weight.size} entries for {counts.size} leaves")
    _refuse(~np.isfinite(weight) | (weight < 0), "leaf_weight", "must be finite and not negative")
    _refuse((weight == 0) & (not may_be_empty), "leaf_weight", "must be positive")
    checked["leaf_weight"] = weight
    checked["numbers"] = _numbers(arrays, checked["node_offsets"])

    payload = nodes["threshold"][leaf]
    if forest.leaf_kind == LeafKind.CLASS:
        checked |= _mixed(arrays, payload, forest.width)
    elif forest.leaf_kind == LeafKind.VECTOR:
        vector = _array(arrays, "leaf_vector", (np.float64,), ndim=2)
        if vector.shape != (counts.size, forest.width):
            raise ValueError(
                f"forest array 'leaf_vector' has shape {vector.shape}, expected {(counts.size, forest.width)}"
            )
        _refuse(~np.isfinite(vector).all(axis=1), "leaf_vector", "must be finite")
        checked["leaf_vector"] = vector
    else:
        _refuse(~np.isfinite(payload), "nodes", "the value of a leaf must be finite")
        if forest.n_classes is not None:
            _refuse((payload < 0) | (payload > 1), "nodes", "the share of a class must be from 0 to 1")
    checked |= _impurities(arrays, forest, nodes.size, counts.size)
    unknown = sorted(set(arrays) - set(checked))
    if unknown:
        raise ValueError(f"the forest has unknown arrays {', '.join(map(repr, unknown[:5]))}")
    return checked


def _check_nodes(nodes, offsets, leaf_offsets, n_features, n_sets):
    """Prove that every tree is a tree in depth-first order; returns the mask of the leaves."""
    what = nodes["feature"]
    leaf = what < 0
    _refuse(leaf & (what != LEAF), "nodes", "the feature of a leaf must be the least int32")
    inner = ~leaf
    _refuse(inner & (what > FEATURE + MISSING_LEFT + CATEGORIES), "nodes", "the feature has unknown flags")
    if n_features is not None:
        _refuse(inner & ((what & FEATURE) >= n_features), "nodes", f"the feature must be below {n_features}")
    sizes = np.diff(offsets)
    if sizes.size and sizes.max() > 2**31 - 1:
        raise ValueError("a tree has more than 2^31 - 1 nodes")
    tree = np.repeat(np.arange(sizes.size), sizes)
    local = np.arange(nodes.size) - offsets[tree]
    right = nodes["right"].astype(np.int64)
    # Depth first: a left child is the next node, a right one the first after the left one's subtree.
    end = _subtree_ends(inner, right, local, sizes, offsets, tree)
    _refuse(end[offsets[:-1]] != sizes, "node_offsets", "a root must have the whole tree below it")
    at = np.flatnonzero(inner)
    _refuse(end[at + 1] != right[at], "nodes", "the right child must come right after the left subtree")
    is_set = inner & ((what & CATEGORIES) > 0)
    threshold = nodes["threshold"]
    with np.errstate(invalid="ignore"):
        _refuse(
            is_set & ~((threshold >= 0) & (threshold < n_sets) & (threshold == np.floor(threshold))),
            "nodes",
            f"the set of a categorical split must be a whole number below {n_sets}",
        )
    _refuse(inner & ~is_set & np.isnan(threshold), "nodes", "a threshold must be a number")
    number = np.cumsum(leaf) - 1 - leaf_offsets[tree]
    _refuse(leaf & (right != number), "nodes", "leaves must be numbered in order")
    last = np.cumsum(leaf)[offsets[1:] - 1] if sizes.size else np.zeros(0, dtype=np.int64)
    _refuse(last != leaf_offsets[1:], "leaf_offsets", "must count the leaves of each tree")
    return leaf


def _subtree_ends(inner, right, local, sizes, offsets, tree):
    """For each node the number (inside the tree) of the first node after its subtree."""
    _refuse(inner & (right <= local + 1), "nodes", "the right child must come after the left one")
    _refuse(inner & (right >= sizes[tree]), "nodes", "a child is outside the tree")
    # Down along right children to a leaf: its place + 1. Every pass doubles the steps taken.
    last = np.where(inner, right + offsets[tree], np.arange(inner.size))
    for _ in range(MAX_DEPTH.bit_length()):
        further = last[last]
        if np.array_equal(further, last):
            break
        last = further
    else:
        raise ValueError(f"the forest has a path of more than {MAX_DEPTH} splits")
    return last - offsets[tree] + 1


def _numbers(arrays, offsets):
    numbers = _array(arrays, "numbers", (np.int32,))
    if numbers.size == 0:
        return numbers
    if numbers.size != offsets[-1]:
        raise ValueError(f"forest array 'numbers' has {numbers.size} entries for {offsets[-1]} nodes")
    sizes = np.diff(offsets)
    first = np.repeat(offsets[:-1], sizes)
    _refuse((numbers < 0) | (numbers >= np.repeat(sizes, sizes)), "numbers", "must be below the tree's nodes")
    _refuse(np.bincount(first + numbers, minlength=numbers.size) != 1, "numbers", "no number may come twice")
    _refuse(numbers[offsets[:-1]] != 0, "numbers", "the root must be number 0")
    return numbers


def _mixed(arrays, payload, width):
    label = _array(arrays, "mixed_class", _COUNTS)
    weight = _array(arrays, "mixed_weight", (*_COUNTS, np.float64))
    offsets = _offsets(arrays, "mixed_offsets", label.size, 1)
    if weight.size != label.size:
        raise ValueError(f"forest array 'mixed_weight' has {weight.size} entries, 'mixed_class' {label.size}")
    _refuse(label >= width, "mixed_class", f"must be below the number of classes, {width}")
    _refuse(~(np.isfinite(weight) & (weight > 0)), "mixed_weight", "must be positive and finite")
    with np.errstate(invalid="ignore"):
        pure = payload >= 0
        _refuse(pure & ~(payload < width), "nodes", f"the class of a leaf must be below {width}")
        _refuse(pure & (payload != np.floor(payload)), "nodes", "the class of a leaf must be a whole number")
    expected = -1.0 - np.arange(np.count_nonzero(~pure))
    if expected.size != offsets.size - 1 or not np.array_equal(payload[~pure], expected):
        raise ValueError("the mixed leaves in 'nodes' must be numbered as in 'mixed_offsets'")
    return {"mixed_offsets": offsets, "mixed_class": label, "mixed_weight": weight}


def _impurities(arrays, forest, n_nodes, n_leaves):
    if forest.explicit:
        value = _array(arrays, "node_value", (np.float64,), ndim=2)
        impurity = _array(arrays, "node_impurity", (np.float64,))
        if value.shape != (n_nodes, forest.width) or impurity.size != n_nodes:
            raise ValueError(f"forest arrays 'node_value' and 'node_impurity' must have {n_nodes} rows")
        _refuse(~np.isfinite(value).all(axis=1), "node_value", "must be finite")
        _refuse(~(np.isfinite(impurity) & (impurity >= 0)), "node_impurity", "must be finite, not negative")
        return {"node_value": value, "node_impurity": impurity}
    if forest.n_classes is not None:
        return {}
    impurity = _array(arrays, "leaf_impurity", (np.float64,))
    if impurity.size not in (0, n_leaves):
        raise ValueError(f"forest array 'leaf_impurity' has {impurity.size} entries for {n_leaves} leaves")
    _refuse(~(np.isfinite(impurity) & (impurity >= 0)), "leaf_impurity", "must be finite, not negative")
    return {"leaf_impurity": impurity}
