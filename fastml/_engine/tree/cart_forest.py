"""Classification and regression trees in little memory.

A node takes 16 bytes, in the form that prediction walks (src_c/tree/walk.h): depth first, so that the left
child is the next node. Of the leaves only what cannot be computed is kept: counts, weights where they differ
from the counts, and the value, which in a pure leaf is the number of a class. Counts, weights, impurities and
values of inner nodes are sums over their leaves and are made when someone asks for `tree`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .cart_node import CATEGORIES, FEATURE, MISSING_LEFT, NODE, LeafKind
from .cart_pack import pack_trees
from .cart_validate import validate_cart
from .subtree import inner_by_depth, merge_leaves

__all__ = ["CartForest"]

# Nodes of trees that are packed together, by several threads where there are such.
_PACKED_TOGETHER = 1 << 16


class CartForest:
    """Trees of one model.

    Parameters
    ----------
    criterion : {"gini", "entropy", "squared_error", "poisson", "absolute_error"}
    n_classes : tuple of int or None
        Classes of each output; None for regression.
    n_outputs : int
    explicit : bool, default=False
        Keep values and impurities of all nodes: where they are not sums over leaves (medians, values that a
        monotonic constraint has clipped).

    Attributes
    ----------
    leaf_kind : str
        One of `LeafKind`.
    views : dict
        What others have derived from the forest and want to find again. Empty after every change, never
        stored.
    width : int
        Numbers in a value: all outputs' classes, or outputs.
    n_trees, n_nodes, n_bytes : int

    Notes
    -----
    Arrays (see `arrays`): ``nodes`` (n_nodes,) of `NODE`; a leaf has feature `LEAF`, its ``right`` is its
    number inside the tree, and its ``threshold`` holds a `NUMBER`, or a class, or -1 - m for mixed leaf m of
    the forest. ``node_offsets``, ``leaf_offsets`` int64 (n_trees + 1,). ``leaf_count``
    (n_leaves,), the narrowest unsigned integers that do. ``leaf_weight`` the same or float64, empty if equal
    to the counts.
    ``mixed_offsets`` int64 (n_mixed + 1,), ``mixed_class`` unsigned, ``mixed_weight`` unsigned or float64
    for `CLASS`. ``leaf_vector`` float64 (n_leaves, width) for `VECTOR`. ``leaf_impurity``
    float64 (n_leaves,) of a regression, empty if all are zero. ``numbers`` int32
    (n_nodes,): the number that a node has for the user, empty if it is its place. ``category_sets`` uint8
    (n_sets, 32). ``node_value`` (n_nodes, width), ``node_impurity`` (n_nodes,) float64: if explicit.
    """

    def __init__(
        self, criterion: str, n_classes: tuple[int, ...] | None, n_outputs: int, explicit: bool = False
    ) -> None:
        self.criterion = criterion
        self.n_classes = None if n_classes is None else tuple(int(n) for n in n_classes)
        self.n_outputs = int(n_outputs)
        self.explicit = bool(explicit)
        self.leaf_kind = LeafKind.of(self.n_classes, self.n_outputs)
        self.width = self.n_outputs if self.n_classes is None else sum(self.n_classes)
        self._flat = self._no_trees()
        self._waiting: list[Mapping[str, Any]] = []
        self._n_waiting = 0  # nodes of these
        self._n_threads = 1
        self._pending: list[dict[str, np.ndarray]] = []
        self._mixed: tuple[np.ndarray, np.ndarray] | None = None
        self._used: np.ndarray | None = None
        self.views: dict[str, Any] = {}

    # -- size

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self._flat["node_offsets"].size - 1 + len(self._pending) + len(self._waiting)

    def __len__(self) -> int:
        return self.n_trees

    @property
    def n_nodes(self) -> int:
        """Number of nodes of all trees."""
        return self.arrays()["nodes"].size

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    def __repr__(self) -> str:
        return f"CartForest(criterion={self.criterion!r}, n_trees={self.n_trees})"

    # -- trees come in

    def append(self, tree: Mapping[str, Any]) -> None:
        """Add a tree (see `extend`)."""
        self.extend([tree])

    def extend(self, trees: Sequence[Mapping[str, Any]], n_threads: int = 1) -> None:
        """Add trees as `CartGrower` makes them: arrays by node (see `tree`). Trusted.

        They are packed when they have come to some size, or when the forest is asked for its arrays: until
        then the arrays that were given must not change.

        Raises
        ------
        ValueError
            If a tree has values of another width. (If it uses a feature beyond 2**28 - 1, when it is packed.)
        """
        for tree in trees:
            shape, expected = np.shape(tree["value"]), (len(tree["left"]), self.width)
            if shape != expected:
                raise ValueError(f"values have shape {shape}, expected {expected}")
        self.views = {}
        self._waiting += trees
        self._n_waiting += sum(len(tree["left"]) for tree in trees)
        self._n_threads = n_threads
        if self._n_waiting >= _PACKED_TOGETHER:
            self._pack()

    def _pack(self):
        """Pack the trees that wait."""
        trees, self._waiting, self._n_waiting = self._waiting, [], 0
        shares = self.n_classes is not None
        for tree, part in zip(
            trees,
            pack_trees(trees, self.leaf_kind, self.width, shares, NODE, self._n_threads),
            strict=True,
        ):
            if self.leaf_kind == LeafKind.CLASS:
                part["mixed_offsets"] = part.pop("mixed_sizes")  # until merged
                part["mixed_class"] = part["mixed_class"].astype(self._class_type())
            if self.explicit:
                everything = part["numbers"] if part["numbers"].size else slice(None)
                part["node_value"] = np.array(tree["value"], dtype=np.float64)[everything]
                part["node_impurity"] = np.array(tree["impurity"], dtype=np.float64)[everything]
            part["category_sets"] = np.array(tree["category_sets"], dtype=np.uint8).reshape(-1, 32)
            self._pending.append(part)

    def _class_type(self):
        return np.min_scalar_type(max(self.width - 1, 0))

    def _no_trees(self):
        """The arrays of an empty forest."""
        counts, numbers = np.empty(0, dtype=np.uint8), np.empty(0)
        flat = {name: np.zeros(1, dtype=np.int64) for name in ("node_offsets", "leaf_offsets")}
        flat |= {"nodes": np.empty(0, dtype=NODE), "numbers": np.empty(0, dtype=np.int32)}
        flat |= {"category_sets": np.empty((0, 32), dtype=np.uint8)}
        flat |= {"leaf_count": counts, "leaf_weight": counts}
        if self.explicit:
            flat |= {"node_value": np.empty((0, self.width)), "node_impurity": numbers}
        elif self.n_classes is None:
            flat["leaf_impurity"] = numbers
        if self.leaf_kind == LeafKind.VECTOR:
            flat["leaf_vector"] = np.empty((0, self.width))
        elif self.leaf_kind == LeafKind.CLASS:
            flat["mixed_offsets"] = np.zeros(1, dtype=np.int64)
            flat |= {"mixed_class": np.empty(0, dtype=self._class_type()), "mixed_weight": counts}
        return flat

    # -- all trees

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays of the forest (see Notes). Not copies."""
        if self._waiting:
            self._pack()
        if self._pending:
            parts = [self._flat, *self._pending]
            self._flat = {name: self._joined(name, parts) for name in self._flat}
            self._pending = []
            self._mixed = None
        return self._flat

    def mixed(self) -> tuple[np.ndarray, np.ndarray]:
        """Classes (int32) and shares (float64) of all mixed leaves, as prediction reads them."""
        if self._mixed is None:
            flat = self.arrays()
            weight = flat["mixed_weight"].astype(np.float64)
            sums = np.add.reduceat(weight, flat["mixed_offsets"][:-1]) if weight.size else weight
            weight /= np.repeat(sums, np.diff(flat["mixed_offsets"]))
            self._mixed = flat["mixed_class"].astype(np.int32), weight
        return self._mixed

    def used_features(self) -> np.ndarray:
        """The features that splits look at, ascending: int32 array."""
        if self._used is None or self._waiting or self._pending:
            feature = self.arrays()["nodes"]["feature"]
            self._used = np.unique(feature[feature >= 0] & FEATURE).astype(np.int32)
        return self._used

    def _joined(self, name, parts):
        flat, new = parts[0], parts[1:]
        if name == "node_offsets":
            return _continued(flat[name], [part["nodes"].size for part in new])
        if name == "leaf_offsets":
            return _continued(flat[name], [part["leaf_count"].size for part in new])
        if name == "mixed_offsets":
            return _continued(flat[name], np.concatenate([part[name] for part in new]))
        if name == "leaf_weight" and any(part[name].size for part in parts):
            return np.concatenate([part[name] if part[name].size else part["leaf_count"] for part in parts])
        if name == "leaf_impurity" and any(part[name].size for part in parts):
            return np.concatenate(
                [part[name] if part[name].size else np.zeros(part["leaf_count"].size) for part in parts]
            )
        if name == "numbers" and any(part[name].size for part in parts):
            return np.concatenate([_own_numbers(part) for part in _by_tree(parts)])
        if name == "nodes":
            # as bytes: numpy would compare the fields of every two parts
            plain = np.dtype((np.void, NODE.itemsize))
            return np.concatenate([nodes.view(plain) for nodes in self._moved_nodes(flat, new)]).view(NODE)
        return np.concatenate([part[name] for part in parts])

    def _moved_nodes(self, flat, new):
        """Nodes whose numbers of sets and of mixed leaves count over the whole forest."""
        n_sets, n_mixed = len(flat["category_sets"]), flat.get("mixed_offsets", _ONE).size - 1
        nodes = [flat["nodes"]]
        for part in new:
            own = part["nodes"]
            if len(part["category_sets"]) and n_sets:
                own["threshold"][(own["feature"] >= 0) & (own["feature"] & CATEGORIES > 0)] += n_sets
            n_sets += len(part["category_sets"])
            if self.leaf_kind == LeafKind.CLASS:
                own["threshold"][(own["feature"] < 0) & (own["threshold"] < 0)] -= n_mixed
                n_mixed += part["mixed_offsets"].size
            nodes.append(own)
        return nodes

    # -- one tree

    def tree(self, index: int) -> dict[str, np.ndarray]:
        """The arrays of one tree, by node in the numbers that users see.

        Parameters
        ----------
        index : int
            In [0, n_trees).

        Returns
        -------
        dict of str to ndarray
            ``left``, ``right``, ``feature`` (int32, -1 in a leaf), ``threshold`` (float64, NaN in a leaf and
            in a categorical split), ``missing_left`` (uint8), ``category_set`` (int32, row of
            ``category_sets`` or -1), ``count`` (int64), ``weight``, ``impurity`` (float64), ``value``
            (float64, (n_nodes, width): shares of the classes of all outputs; means or medians). New arrays.
        """
        flat = self.arrays()
        if not 0 <= index < self.n_trees:
            raise IndexError(f"tree index must be in [0, {self.n_trees}), got {index}")
        lo, hi = (int(i) for i in flat["node_offsets"][index : index + 2])
        nodes = flat["nodes"][lo:hi]
        leaf = nodes["feature"] < 0
        what = np.where(leaf, 0, nodes["feature"])
        is_set = (what & CATEGORIES) > 0
        tree = {
            "left": np.where(leaf, -1, np.arange(1, nodes.size + 1)).astype(np.int32),
            "right": np.where(leaf, -1, nodes["right"].astype(np.int64)).astype(np.int32),
            "feature": np.where(leaf, -1, what & FEATURE).astype(np.int32),
            "threshold": np.where(leaf | is_set, np.nan, nodes["threshold"]),
            "missing_left": ((what & MISSING_LEFT) > 0).astype(np.uint8),
            "category_set": np.where(is_set, nodes["threshold"], -1).astype(np.int32),
        }
        tree |= self._statistics(index, tree, np.flatnonzero(leaf), nodes["threshold"][leaf])
        if flat["numbers"].size:
            tree = _renumbered(tree, flat["numbers"][lo:hi])
        tree["category_sets"] = flat["category_sets"]
        return tree

    def _statistics(self, index, tree, leaf, payload):
        flat = self._flat
        lo, hi = (int(i) for i in flat["leaf_offsets"][index : index + 2])
        n_nodes = tree["left"].size
        levels = inner_by_depth(tree["left"], tree["right"])
        count = np.zeros(n_nodes, dtype=np.int64)
        count[leaf] = flat["leaf_count"][lo:hi]
        weight = np.zeros(n_nodes)
        weight[leaf] = (flat["leaf_weight"] if flat["leaf_weight"].size else flat["leaf_count"])[lo:hi]
        for inner in reversed(levels):
            for sums in (count, weight):
                sums[inner] = sums[tree["left"][inner]] + sums[tree["right"][inner]]
        if self.explicit:
            own = slice(*(int(i) for i in flat["node_offsets"][index : index + 2]))
            value, impurity = flat["node_value"][own].copy(), flat["node_impurity"][own].copy()
        else:
            value = np.zeros((n_nodes, self.width))
            value[leaf] = self._leaf_values(payload, lo, hi, weight[leaf])
            impurity = np.zeros(n_nodes)
            if self.n_classes is None:
                impurity[leaf] = flat["leaf_impurity"][lo:hi] if flat["leaf_impurity"].size else 0.0
            merge_leaves(self.criterion, self.n_classes, levels, tree, weight, value, impurity)
        return {"count": count, "weight": weight, "impurity": impurity, "value": value}

    def _leaf_values(self, payload, lo, hi, weight):
        flat = self._flat
        if self.leaf_kind == LeafKind.VECTOR:
            return flat["leaf_vector"][lo:hi]
        if self.leaf_kind == LeafKind.NUMBER:
            return payload[:, None] if self.n_classes is None else np.stack([1.0 - payload, payload], axis=1)
        value = np.zeros((hi - lo, self.width))
        pure = payload >= 0
        value[pure, payload[pure].astype(np.intp)] = 1.0
        for place in np.flatnonzero(~pure):
            m = int(-1 - payload[place])
            own = slice(*(int(i) for i in flat["mixed_offsets"][m : m + 2]))
            value[place, flat["mixed_class"][own]] = flat["mixed_weight"][own] / weight[place]
        return value

    def leaf_numbers(self, index: int) -> np.ndarray:
        """Number of the leaf at each place of a tree's nodes: int64 array; of no meaning elsewhere."""
        flat = self.arrays()
        return flat["nodes"]["right"][slice(*flat["node_offsets"][index : index + 2])].astype(np.int64)

    # -- storage

    def copy(self) -> CartForest:
        """The same trees; adding to one forest leaves the other as it is."""
        other = CartForest(self.criterion, self.n_classes, self.n_outputs, self.explicit)
        other._flat = dict(self.arrays())
        return other

    def with_leaves(self, values: np.ndarray) -> CartForest:
        """The same splits over other leaves, all of impurity 0: a forest of numbers.

        Parameters
        ----------
        values : float64 array of shape (n_leaves of all trees, width)
            What each leaf says, depth first, tree after tree.
        """
        flat = self.arrays()
        other = CartForest("squared_error", None, values.shape[1])
        other._flat = {name: flat.get(name, empty) for name, empty in other._flat.items()}
        nodes = other._flat["nodes"] = flat["nodes"].copy()
        other._flat["leaf_impurity"] = np.empty(0)
        leaf = nodes["feature"] < 0
        nodes["threshold"][leaf] = 0.0
        if other.leaf_kind == LeafKind.NUMBER:
            nodes["threshold"][leaf] = values[:, 0]
        else:
            other._flat["leaf_vector"] = np.array(values, dtype=np.float64)
        return other

    def take(self, index: int) -> CartForest:
        """A forest of one of the trees."""
        other = CartForest(self.criterion, self.n_classes, self.n_outputs, self.explicit)
        other.append(self.tree(index))
        other.arrays()
        return other

    def __getstate__(self):
        return {
            "criterion": self.criterion,
            "n_classes": self.n_classes,
            "n_outputs": self.n_outputs,
            "explicit": self.explicit,
            "arrays": self.arrays(),
        }

    def __setstate__(self, state):
        self.__init__(state["criterion"], state["n_classes"], state["n_outputs"], state["explicit"])
        self._flat = validate_cart(self, state["arrays"])

    @classmethod
    def from_arrays(cls, arrays, criterion, n_classes, n_outputs, explicit, n_features=None):
        """Make a forest from arrays of unknown origin.

        Raises
        ------
        ValueError
            If an array is absent, of another dtype or shape, or an index or value is out of place.
        """
        forest = cls(criterion, n_classes, n_outputs, explicit)
        forest._flat = validate_cart(forest, arrays, n_features)
        return forest


_ONE = np.zeros(1, dtype=np.int64)


def _continued(offsets, sizes):
    return np.concatenate([offsets, offsets[-1] + np.cumsum(sizes, dtype=np.int64)])


def _by_tree(parts):
    """The trees of the first part, which holds many, one by one; then the others."""
    flat = parts[0]
    for lo, hi in zip(flat["node_offsets"][:-1], flat["node_offsets"][1:], strict=True):
        yield {"nodes": flat["nodes"][lo:hi], "numbers": flat["numbers"][lo:hi]}
    yield from parts[1:]


def _own_numbers(part):
    if part["numbers"].size:
        return part["numbers"]
    return np.arange(part["nodes"].size, dtype=np.int32)


def _renumbered(tree, numbers):
    """The tree with node i at numbers[i]."""
    moved = {}
    for name, array in tree.items():
        if name in ("left", "right"):
            array = np.where(array < 0, -1, numbers[array]).astype(np.int32)
        moved[name] = np.empty_like(array)
        moved[name][numbers] = array
    return moved
