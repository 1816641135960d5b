"""Checks on a forest's arrays, before anything else looks at them.

A forest that comes from a file, a pickle or another library is data from a stranger: the traversal kernels
follow its indices without looking, so each index is proved here once. Every check is a vectorised pass whose
cost is linear in the number of nodes. The same function guards ``Forest.from_arrays``,
``Forest.__setstate__`` and every importer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["MAX_DEPTH", "NODE_FIELDS", "validate_forest", "validate_tree"]

# A path longer than this is refused: no fit that ends in human time makes one, and it bounds the passes of
# `node_depths`.
MAX_DEPTH = 65_535

# Per-node fields and the types they are held in. `code` is the last code that goes left, `category_set` a row
# of `category_sets`.
NODE_FIELDS: dict[str, Any] = {
    "left": np.int32,
    "right": np.int32,
    "feature": np.int32,
    "code": np.uint8,
    "threshold": np.float64,
    "missing_left": np.uint8,
    "category_set": np.int32,
    "value": np.float64,
    "gain": np.float64,
    "count": np.int64,
    "weight": np.float64,
}


def _typed(arrays: Mapping[str, Any], name: str, dtype: Any, ndim: int = 1) -> np.ndarray:
    """One array in its own type; refused rather than changed when a value would not survive."""
    try:
        given = arrays[name]
    except KeyError:
        raise ValueError(f"the forest has no array {name!r}") from None
    array = np.asarray(given)
    if array.ndim != ndim:
        raise ValueError(f"forest array {name!r} must have {ndim} dimension(s), it has {array.ndim}")
    dtype = np.dtype(dtype)
    if array.dtype == dtype:
        return np.ascontiguousarray(array)
    if dtype.kind == "f":
        if array.dtype.kind not in "fiub":
            raise ValueError(f"forest array {name!r} must hold real numbers, it has dtype {array.dtype}")
        return np.ascontiguousarray(array, dtype=dtype)
    if array.dtype.kind not in "iub":
        raise ValueError(f"forest array {name!r} must hold integers, it has dtype {array.dtype}")
    if array.size and array.dtype.kind != "b":
        limits = np.iinfo(dtype)
        if int(array.min()) < limits.min or int(array.max()) > limits.max:
            raise ValueError(f"forest array {name!r} has a value outside the range of {dtype}")
    return np.ascontiguousarray(array, dtype=dtype)


def _refuse(wrong: np.ndarray, name: str, problem: str, offsets: np.ndarray | None = None) -> None:
    """Raise for the first true entry of ``wrong`` (per node), named by tree and node."""
    if wrong.any():
        at = int(np.argmax(wrong))
        if offsets is None:
            raise ValueError(f"forest array {name!r}, entry {at}: {problem}")
        tree = int(np.searchsorted(offsets, at, side="right")) - 1
        raise ValueError(f"forest array {name!r}, tree {tree}, node {at - int(offsets[tree])}: {problem}")


def node_depths(offsets: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Depth of every node (root 0), all trees advanced together one level a pass.

    Parameters
    ----------
    offsets : int64 array of shape (n_trees + 1,)
        First node of each tree.
    left, right : int32 arrays of shape (n_nodes,)
        Children inside the tree, -1 for leaves; already known to be inside the tree and larger than the
        parent.

    Returns
    -------
    int32 array of shape (n_nodes,)

    Raises
    ------
    ValueError
        If a path is longer than `MAX_DEPTH`.
    """
    depth = np.zeros(left.shape[0], dtype=np.int32)
    first = offsets[:-1].copy()
    nodes = first
    level = 0
    while True:
        inner = left[nodes] >= 0
        nodes, first = nodes[inner], first[inner]
        if not nodes.size:
            return depth
        level += 1
        if level > MAX_DEPTH:
            raise ValueError(f"the forest has a path of more than {MAX_DEPTH} splits")
        nodes = np.concatenate([first + left[nodes], first + right[nodes]])
        first = np.concatenate([first, first])
        depth[nodes] = level


def validate_forest(
    arrays: Mapping[str, Any], n_codes: Any = None, n_features: int | None = None
) -> dict[str, np.ndarray]:
    """Check every index and value of a forest; return its arrays in their canonical types.

    Parameters
    ----------
    arrays : mapping of name to array
        ``tree_offsets`` (n_trees + 1,), ``tree_output`` (n_trees,), ``baseline`` (n_outputs,), the node
        fields of `NODE_FIELDS`, each (n_nodes,), and ``category_sets`` (n_sets, 32) uint8. Other keys are
        ignored.
    n_codes : integer array of shape (n_features,), optional
        Codes of each feature, the one for missing values included. When given, features and split codes are
        checked against it.
    n_features : int, optional
        Number of features, when ``n_codes`` is not known.

    Returns
    -------
    dict of str to C-contiguous ndarray
        The same data (not copied where the type already fits).

    Raises
    ------
    ValueError
        Naming the array, the tree and node, and what was expected.
    """
    offsets = _typed(arrays, "tree_offsets", np.int64)
    if offsets.size < 1 or offsets[0] != 0:
        raise ValueError("forest array 'tree_offsets' must start with 0")
    n_trees = offsets.size - 1
    fields = {name: _typed(arrays, name, dtype) for name, dtype in NODE_FIELDS.items()}
    n_nodes = fields["left"].size
    for name, field in fields.items():
        if field.size != n_nodes:
            raise ValueError(f"forest array {name!r} has {field.size} entries, 'left' has {n_nodes}")
    # Compared, not subtracted: a difference of hostile int64 values could wrap around.
    _refuse(
        offsets[1:] <= offsets[:-1], "tree_offsets", "offsets must ascend, every tree has at least one node"
    )
    if int(offsets[-1]) != n_nodes:
        raise ValueError(
            f"forest array 'tree_offsets' must end with the number of nodes, {n_nodes}, not {offsets[-1]}"
        )
    sizes = np.diff(offsets)
    if n_trees and int(sizes.max()) > 2**31 - 1:
        raise ValueError("a tree has more than 2^31 - 1 nodes")

    baseline = _typed(arrays, "baseline", np.float64)
    if baseline.size < 1:
        raise ValueError("forest array 'baseline' must have one entry per output, at least one")
    _refuse(~np.isfinite(baseline), "baseline", "must be finite")
    output = _typed(arrays, "tree_output", np.int32)
    if output.size != n_trees:
        raise ValueError(f"forest array 'tree_output' has {output.size} entries for {n_trees} trees")
    _refuse((output < 0) | (output >= baseline.size), "tree_output", f"must be in [0, {baseline.size})")

    sets = _typed(arrays, "category_sets", np.uint8, ndim=2)
    if sets.shape[1] != 32:
        raise ValueError(f"forest array 'category_sets' must have 32 columns, it has {sets.shape[1]}")

    left, right = fields["left"], fields["right"]
    first = np.repeat(offsets[:-1], sizes)
    size = np.repeat(sizes, sizes)
    local = np.arange(n_nodes, dtype=np.int64) - first
    leaf = left == -1
    inner = ~leaf
    _refuse(leaf != (right == -1), "right", "a node must have both children or none", offsets)
    for name, child in (("left", left), ("right", right)):
        _refuse(inner & (child <= local), name, "a child must come after its parent", offsets)
        _refuse(inner & (child >= size), name, "child is outside the tree", offsets)
    reached = np.bincount(
        np.concatenate([first[inner] + left[inner], first[inner] + right[inner]]), minlength=n_nodes
    )
    # A child comes after its parent, so no root can be reached; everything else must be, once.
    _refuse(
        reached != (local > 0),
        "left",
        "every node but the root must be the child of exactly one node",
        offsets,
    )
    node_depths(offsets, left, right)

    feature, code, category_set = fields["feature"], fields["code"], fields["category_set"]
    _refuse(leaf & (feature != -1), "feature", "must be -1 in a leaf", offsets)
    _refuse(inner & (feature < 0), "feature", "must not be negative in a split", offsets)
    if n_codes is not None:
        codes = np.asarray(n_codes)
        if codes.ndim != 1 or codes.dtype.kind not in "iu":
            raise ValueError("'n_codes' must be a vector of integers")
        n_features = codes.size
    if n_features is not None:
        _refuse(
            feature >= n_features,
            "feature",
            f"must be less than the number of features, {n_features}",
            offsets,
        )
    _refuse(fields["missing_left"] > 1, "missing_left", "must be 0 or 1", offsets)
    _refuse(category_set < -1, "category_set", "must be -1 or a row of 'category_sets'", offsets)
    _refuse(
        category_set >= sets.shape[0],
        "category_set",
        f"must be less than the number of sets, {sets.shape[0]}",
        offsets,
    )
    _refuse(leaf & (category_set != -1), "category_set", "must be -1 in a leaf", offsets)
    numeric = inner & (category_set == -1)
    _refuse(
        numeric & (code == 0) & (fields["missing_left"] == 0), "code", "code 0 sends no row left", offsets
    )
    if n_codes is not None:
        _refuse(
            numeric & (code >= (codes[np.maximum(feature, 0)] if codes.size else 0)),
            "code",
            "must be less than the number of codes of its feature",
            offsets,
        )
    _refuse(
        numeric & np.isnan(fields["threshold"]), "threshold", "must be a number in a numerical split", offsets
    )
    for name in ("value", "gain", "weight"):
        _refuse(~np.isfinite(fields[name]), name, "must be finite", offsets)
    _refuse(fields["count"] < 0, "count", "must not be negative", offsets)
    _refuse(fields["weight"] < 0, "weight", "must not be negative", offsets)

    return {
        "tree_offsets": offsets,
        "tree_output": output,
        "baseline": baseline,
        **fields,
        "category_sets": sets,
    }


def validate_tree(
    tree: Mapping[str, Any], n_codes: Any = None, n_features: int | None = None
) -> dict[str, np.ndarray]:
    """`validate_forest` for one tree's arrays: node fields and ``category_sets`` (may be missing)."""
    arrays = {name: tree[name] for name in NODE_FIELDS if name in tree}
    arrays["category_sets"] = (
        tree["category_sets"] if "category_sets" in tree else np.empty((0, 32), np.uint8)
    )
    arrays["tree_offsets"] = np.array([0, np.size(arrays.get("left", ()))], dtype=np.int64)
    arrays["tree_output"] = np.zeros(1, dtype=np.int32)
    arrays["baseline"] = np.zeros(1)
    checked = validate_forest(arrays, n_codes, n_features)
    return {name: checked[name] for name in (*NODE_FIELDS, "category_sets")}
