"""The trees of another library in one form, whatever their format.

A reader (`lightgbm_text`, `xgboost_json`, `catboost_json`, `sklearn_trees`) collects trees here; `layout`
turns them into what the engine walks. What is collected comes from a stranger: `finish` proves that it is a
forest.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.plane_layout import MOST_EDGES
from fastml._engine.tree.validate import MAX_DEPTH
from fastml.io.errors import ModelFileError

__all__ = ["FEATURE_LIMIT", "ForeignForest", "as_integers", "as_reals", "piecewise"]

FEATURE_LIMIT = 2**24
"""Features that an imported model may have: the bins of each take some hundred bytes."""

_FIELDS = {
    "left": np.int64,
    "right": np.int64,
    "feature": np.int64,
    "threshold": np.float64,
    "missing_left": bool,
    "value": np.float64,
    "gain": np.float64,
    "count": np.float64,
    "weight": np.float64,
    "number": np.int64,
}


def as_integers(values, what):
    """A list of integers from a file as int64; refused if it is anything else."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iub" or (array.dtype == np.uint64 and (array >> 63).any()):
        raise ModelFileError(f"{what} must be a list of integers")
    return array.astype(np.int64)


def as_reals(values, what):
    """A list of numbers from a file as float64; refused if it is anything else."""
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.float64)
    if array.ndim != 1 or array.dtype.kind not in "iubf":
        raise ModelFileError(f"{what} must be a list of numbers")
    return array.astype(np.float64)


def piecewise(points, goes_left):
    """A condition on one number as the places where its answer changes.

    Parameters
    ----------
    points : sequence of float
        Ascending, finite: where the answer may change. It is constant on (points[i - 1], points[i]].
    goes_left : sequence of bool
        The answer up to each point, and beyond the last: one more than points.

    Returns
    -------
    first : bool
        The answer for the least numbers.
    edges : float64 array
        x <= edges[0] has the answer `first`; it changes beyond each edge.
    """
    points, goes_left = np.asarray(points, dtype=np.float64), np.asarray(goes_left, dtype=bool)
    return bool(goes_left[0]), points[goes_left[1:] != goes_left[:-1]]


class ForeignForest:
    """Trees under collection, then all of them as flat arrays.

    Parameters
    ----------
    n_features : int
    n_outputs : int
    width : int, default=1
        Numbers in the value of a leaf; above 1 each tree adds to all outputs.

    Attributes
    ----------
    arrays : dict of str to ndarray
        After `finish`: by node of all trees, in each tree breadth first, children counted inside the tree:
        ``left``, ``right`` (-1 in a leaf), ``feature``, ``threshold`` (x <= threshold goes left),
        ``missing_left`` (for NaN), ``value`` ((n_nodes,) or (n_nodes, width)), ``gain``, ``count``,
        ``weight``, ``number`` (of the node or leaf in the library that the tree comes from).
    offsets : int64 array of shape (n_trees + 1,)
    output : int64 array of shape (n_trees,)
    sets : dict of int to (bool, float64 array)
        By node of all trees: conditions that are not one threshold, as `piecewise` returns them.
    """

    def __init__(self, n_features, n_outputs, width=1):
        if not 1 <= n_features <= FEATURE_LIMIT:
            raise ModelFileError(
                f"the model has {n_features} features; from 1 to {FEATURE_LIMIT} can be imported"
            )
        if not 1 <= n_outputs <= 2**16:
            raise ModelFileError(f"the model has {n_outputs} outputs; from 1 to {2**16} can be imported")
        self.n_features, self.n_outputs, self.width = int(n_features), int(n_outputs), int(width)
        self.arrays: dict[str, np.ndarray] = {}
        self.offsets = np.zeros(1, dtype=np.int64)
        self.output = np.zeros(0, dtype=np.int64)
        self.sets: dict[int, tuple[bool, np.ndarray]] = {}
        self._trees: list[dict] = []
        self._outputs: list[int] = []
        self._n_nodes = 0

    def add(self, output=0, sets=None, **fields):
        """A tree: its fields by node, node 0 the root, and its conditions by node number.

        ``missing_left`` may be left out where nothing is missing, ``gain``, ``count``, ``weight`` where
        they are not known, ``number`` where it is the node's own.
        """
        n = len(fields["left"])
        tree = {}
        for name, dtype in _FIELDS.items():
            given = fields.get(name)
            if given is None:
                given = np.arange(n) if name == "number" else np.zeros(n)
            tree[name] = np.asarray(given, dtype=dtype)
            if tree[name].shape[:1] != (n,):
                raise ModelFileError(
                    f"tree {len(self._trees)}: {name} has {len(tree[name])} entries for {n} nodes"
                )
        if n == 0:
            raise ModelFileError(f"tree {len(self._trees)} has no node")
        if not 0 <= output < self.n_outputs:
            raise ModelFileError(f"tree {len(self._trees)}: output {output} is not below {self.n_outputs}")
        for _, edges in (sets or {}).values():
            if edges.size > MOST_EDGES:
                raise ModelFileError(
                    f"a categorical split has {edges.size} changes between left and right, at most "
                    f"{MOST_EDGES} can be imported"
                )
        self.sets |= {self._n_nodes + node: condition for node, condition in (sets or {}).items()}
        self._trees.append(tree)
        self._outputs.append(int(output))
        self._n_nodes += n

    @property
    def n_trees(self):
        return len(self._outputs)

    def finish(self):
        """Put every tree in order, leave out nodes that nothing leads to, refuse what is no tree.

        Raises
        ------
        ModelFileError
            If a child is not in its tree or is reached twice, a feature is out of range, a threshold or value
            is not a number.
        """
        if not self._trees:
            shape = (0, self.width) if self.width > 1 else (0,)
            self.arrays = {
                name: np.zeros(shape if name == "value" else 0, dtype) for name, dtype in _FIELDS.items()
            }
            return self
        sizes = [len(tree["left"]) for tree in self._trees]
        offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        flat = {name: np.concatenate([tree[name] for tree in self._trees]) for name in _FIELDS}
        self._trees = []
        self.output = np.array(self._outputs, dtype=np.int64)
        order, tree_of, place = _breadth_first(offsets, flat["left"], flat["right"])
        self.offsets = np.concatenate([[0], np.cumsum(np.bincount(tree_of, minlength=len(sizes)))])
        first = self.offsets[tree_of]
        old_first = offsets[tree_of]
        self.arrays = {name: array[order] for name, array in flat.items()}
        inner = self.arrays["left"] >= 0
        for name in ("left", "right"):
            child = np.where(inner, self.arrays[name] + old_first, 0)
            self.arrays[name] = np.where(inner, place[child] - first, -1)
        self.sets = {int(place[node]): condition for node, condition in self.sets.items() if place[node] >= 0}
        self._check(inner, tree_of)
        return self

    def _check(self, inner, tree_of):
        feature = self.arrays["feature"]

        def refuse(wrong, problem):
            if wrong.any():
                raise ModelFileError(f"tree {tree_of[np.argmax(wrong)]}: {problem}")

        refuse(
            inner & ((feature < 0) | (feature >= self.n_features)),
            f"a split's feature is not from 0 to {self.n_features - 1}",
        )
        self.arrays["feature"] = np.where(inner, feature, -1)
        with_threshold = inner.copy()
        with_threshold[list(self.sets)] = False
        refuse(
            with_threshold & np.isnan(self.arrays["threshold"]), "the threshold of a split is not a number"
        )
        value = self.arrays["value"]
        finite = np.isfinite(value) if value.ndim == 1 else np.isfinite(value).all(axis=1)
        refuse(~inner & ~finite, "the value of a leaf is not a finite number")
        value[inner & ~finite] = 0.0
        for name in ("gain", "count", "weight"):  # told to people only
            known = np.isfinite(self.arrays[name]) & (np.abs(self.arrays[name]) < 2.0**62)
            self.arrays[name] = np.where(known, self.arrays[name], 0.0)


def _breadth_first(offsets, left, right):
    """Nodes that are reached from the roots, by tree, level and place.

    Returns
    -------
    order : int64 array of shape (n_reached,)
        Their numbers in all trees.
    tree_of : int64 array of shape (n_reached,)
    place : int64 array of shape (n_nodes,)
        Inverse of `order`, -1 for nodes that nothing leads to.
    """
    sizes = np.diff(offsets)
    tree_of = np.repeat(np.arange(sizes.size), sizes)
    seen = np.zeros(left.size, dtype=bool)
    nodes = offsets[:-1]
    seen[nodes] = True
    levels = [nodes]
    while True:
        lone = (left[nodes] < 0) != (right[nodes] < 0)
        if lone.any():
            raise ModelFileError(f"tree {tree_of[nodes[lone][0]]}: a node has one child only")
        nodes = nodes[left[nodes] >= 0]
        if not nodes.size:
            break
        if len(levels) > MAX_DEPTH:
            raise ModelFileError(f"a tree has a path of more than {MAX_DEPTH} splits")
        tree = np.repeat(tree_of[nodes], 2)
        child = np.stack([left[nodes], right[nodes]], axis=1).reshape(-1)
        if (child >= sizes[tree]).any():
            raise ModelFileError(f"tree {tree[np.argmax(child >= sizes[tree])]}: a child is outside the tree")
        nodes = child + offsets[tree]
        # a node that is met twice, at once or on another level, would make a cycle or two parents
        if seen[nodes].any() or np.unique(nodes).size != nodes.size:
            raise ModelFileError(f"tree {tree[0]}: a node is the child of two nodes")
        seen[nodes] = True
        levels.append(nodes)
    order = np.concatenate(levels)
    order = order[np.argsort(tree_of[order], kind="stable")]
    place = np.full(left.size, -1, dtype=np.int64)
    place[order] = np.arange(order.size)
    return order, tree_of[order], place
