"""A forest: many trees held as one structure of arrays.

Trees arrive one at a time while a model is fitted, so they are first kept in a list and are concatenated when
the whole is asked for. All child indices count inside their tree and all `category_set` indices count over
the whole forest's `category_sets`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from .validate import NODE_FIELDS, node_depths, validate_forest

__all__ = ["Forest"]

_NO_SETS = np.empty((0, 32), dtype=np.uint8)
_NO_SETS.setflags(write=False)


class Forest:
    """Trees, the output each adds to, and the baseline they are added to.

    Parameters
    ----------
    n_outputs : int, default=1
        Columns of a prediction (1; or the classes of a multinomial model).
    baseline : array of shape (n_outputs,), optional
        Raw prediction of the empty forest; zero when not given.

    Attributes
    ----------
    n_outputs, n_trees, n_nodes : int
    baseline : float64 array of shape (n_outputs,)
    version : int
        Grows with every change, so that what was derived from an older state can be told apart.

    Notes
    -----
    Fields of a node (see DESIGN: codes): ``left``, ``right`` (int32, inside the tree, -1 in a leaf; child >
    parent), ``feature`` (int32, -1 in a leaf), ``code`` (uint8, last code that goes left), ``threshold``
    (float64, ``x <= threshold`` goes left; NaN in a leaf or a categorical split), ``missing_left`` (uint8),
    ``category_set`` (int32, row of ``category_sets`` or -1), ``value``, ``gain``, ``weight`` (float64),
    ``count`` (int64). ``category_sets`` is uint8 of shape (n_sets, 32): code ``c`` goes left when
    ``category_sets[s, c >> 3] >> (c & 7) & 1``.
    """

    def __init__(self, n_outputs: int = 1, baseline: Any = None) -> None:
        if n_outputs < 1:
            raise ValueError(f"n_outputs must be at least 1, got {n_outputs}")
        self.n_outputs = int(n_outputs)
        start = (
            np.zeros(self.n_outputs) if baseline is None else np.array(baseline, dtype=np.float64).reshape(-1)
        )
        if start.shape != (self.n_outputs,):
            raise ValueError(f"baseline must have {self.n_outputs} entries, it has {start.size}")
        if not np.isfinite(start).all():
            raise ValueError("baseline must be finite")
        self.baseline = start
        self._flat = _empty_arrays()
        self._pending: list[dict[str, np.ndarray]] = []
        self._pending_output: list[int] = []
        self.version = 0
        self._packs: dict[int, Any] = {}

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self._flat["tree_output"].size + len(self._pending)

    def __len__(self) -> int:
        return self.n_trees

    @property
    def n_nodes(self) -> int:
        """Number of nodes of all trees."""
        return self._flat["left"].size + sum(tree["left"].size for tree in self._pending)

    def __repr__(self) -> str:
        return f"Forest(n_outputs={self.n_outputs}, n_trees={self.n_trees}, n_nodes={self.n_nodes})"

    def append(self, tree: Mapping[str, Any], output: int = 0) -> None:
        """Add a tree after the others.

        Parameters
        ----------
        tree : mapping of str to array
            The node fields, each of shape (n_nodes_of_the_tree,), and ``category_sets`` (may be missing) that
            ``category_set`` counts in. Copied. Trees come from the grower and are trusted; a stranger's go
            through `from_arrays`.
        output : int, default=0
            Output column that the tree adds to.

        Raises
        ------
        ValueError
            If ``output`` is not a column, the tree is empty or its fields differ in length.
        """
        if not 0 <= output < self.n_outputs:
            raise ValueError(f"output must be in [0, {self.n_outputs}), got {output}")
        own = {name: np.array(tree[name], dtype=dtype, order="C") for name, dtype in NODE_FIELDS.items()}
        sets = tree["category_sets"] if "category_sets" in tree else None
        own["category_sets"] = (
            _NO_SETS if sets is None or len(sets) == 0 else np.array(sets, dtype=np.uint8, order="C")
        )
        n_nodes = own["left"].size
        if n_nodes == 0:
            raise ValueError("a tree must have at least one node")
        for name in NODE_FIELDS:
            if own[name].shape != (n_nodes,):
                raise ValueError(f"tree field {name!r} has shape {own[name].shape}, expected ({n_nodes},)")
        if own["category_sets"].shape[1:] != (32,):
            raise ValueError(f"category_sets must have 32 columns, it has shape {own['category_sets'].shape}")
        self._pending.append(own)
        self._pending_output.append(int(output))
        self._changed()

    def scale(self, tree_index: int, factor: float) -> None:
        """Multiply the values of one tree by ``factor`` (used by dart)."""
        tree = self.tree(tree_index)
        if not np.isfinite(factor):
            raise ValueError(f"factor must be finite, got {factor}")
        if tree["value"].flags.writeable:
            tree["value"] *= factor
        else:  # arrays read from a memory-mapped file
            self._flat["value"] = self._flat["value"].copy()
            self.tree(tree_index)["value"][...] *= factor
        self._changed()

    def truncate(self, n_trees: int) -> None:
        """Keep the first ``n_trees`` trees.

        Raises
        ------
        ValueError
            If there are fewer.
        """
        if not 0 <= n_trees <= self.n_trees:
            raise ValueError(f"n_trees must be in [0, {self.n_trees}], got {n_trees}")
        kept = self._flat["tree_output"].size
        if n_trees >= kept:
            del self._pending[n_trees - kept :]
            del self._pending_output[n_trees - kept :]
        else:
            self._pending.clear()
            self._pending_output.clear()
            n_nodes = int(self._flat["tree_offsets"][n_trees])
            flat = {name: self._flat[name][:n_nodes].copy() for name in NODE_FIELDS}
            n_sets = int(flat["category_set"].max(initial=-1)) + 1
            flat["category_sets"] = self._flat["category_sets"][:n_sets].copy()
            flat["tree_offsets"] = self._flat["tree_offsets"][: n_trees + 1].copy()
            flat["tree_output"] = self._flat["tree_output"][:n_trees].copy()
            self._flat = flat
        self._changed()

    def _changed(self) -> None:
        self.version += 1
        self._packs = {}

    def tree(self, index: int) -> dict[str, np.ndarray]:
        """Views of the arrays of one tree, with the ``category_sets`` that its ``category_set`` counts in.

        Parameters
        ----------
        index : int
            In [0, n_trees).
        """
        if not 0 <= index < self.n_trees:
            raise IndexError(f"tree index must be in [0, {self.n_trees}), got {index}")
        kept = self._flat["tree_output"].size
        if index >= kept:
            return self._pending[index - kept].copy()
        lo, hi = self._flat["tree_offsets"][index : index + 2]
        views = {name: self._flat[name][lo:hi] for name in NODE_FIELDS}
        views["category_sets"] = self._flat["category_sets"]
        return views

    def output_of(self, index: int) -> int:
        """Output column that tree ``index`` adds to."""
        if not 0 <= index < self.n_trees:
            raise IndexError(f"tree index must be in [0, {self.n_trees}), got {index}")
        kept = self._flat["tree_output"].size
        return int(self._flat["tree_output"][index]) if index < kept else self._pending_output[index - kept]

    def _merge(self) -> dict[str, np.ndarray]:
        """Concatenate what was appended since the last time."""
        if self._pending:
            parts = [self._flat, *self._pending]
            flat = {
                name: np.concatenate([part[name] for part in parts])
                for name in NODE_FIELDS
                if name != "category_set"
            }
            shifted, n_sets = [], 0
            for part in parts:
                shifted.append(
                    np.where(part["category_set"] >= 0, part["category_set"] + n_sets, np.int32(-1))
                )
                n_sets += len(part["category_sets"])
            flat["category_set"] = np.concatenate(shifted).astype(np.int32)
            flat["category_sets"] = np.concatenate([part["category_sets"] for part in parts])
            ends = np.cumsum([tree["left"].size for tree in self._pending], dtype=np.int64)
            flat["tree_offsets"] = np.concatenate(
                [self._flat["tree_offsets"], ends + self._flat["tree_offsets"][-1]]
            )
            new = np.array(self._pending_output, dtype=np.int32)
            flat["tree_output"] = np.concatenate([self._flat["tree_output"], new])
            self._flat = flat
            self._pending.clear()
            self._pending_output.clear()
        return self._flat

    def arrays(self) -> dict[str, np.ndarray]:
        """All arrays of the forest, as `from_arrays` takes them back.

        Returns
        -------
        dict of str to ndarray
            ``tree_offsets`` int64 (n_trees + 1,), ``tree_output`` int32 (n_trees,), ``baseline`` float64
            (n_outputs,), the node fields (n_nodes,), ``category_sets`` uint8 (n_sets, 32). Not copies.
        """
        return {"baseline": self.baseline, **self._merge()}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, Any], n_codes: Any = None, n_features: int | None = None
    ) -> Forest:
        """Make a forest from arrays of unknown origin.

        Parameters
        ----------
        arrays : mapping
            As returned by `arrays`.
        n_codes : integer array of shape (n_features,), optional
            Codes of each feature (``BinMapper.n_codes_``), to check features and codes against.
        n_features : int, optional
            Number of features when ``n_codes`` is not known.

        Raises
        ------
        ValueError
            If any size, index or value is out of place (see `validate.validate_forest`).
        """
        checked = validate_forest(arrays, n_codes, n_features)
        baseline = checked.pop("baseline")
        forest = cls(baseline.size, baseline)
        forest._flat = checked
        return forest

    def __getstate__(self) -> dict[str, np.ndarray]:
        return self.arrays()

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping):
            raise ValueError(f"the state of a Forest must be a dict of arrays, got {type(state).__name__}")
        checked = validate_forest(state)
        baseline = checked.pop("baseline")
        self.__init__(baseline.size, baseline)  # type: ignore[misc]
        self._flat = checked

    @property
    def max_feature(self) -> int:
        """Largest feature index any split looks at, -1 when there is no split."""
        return max(int(part["feature"].max(initial=-1)) for part in (self._flat, *self._pending))

    def depths(self) -> np.ndarray:
        """Depth of every node, root 0: int32 array of shape (n_nodes,)."""
        flat = self._merge()
        return node_depths(flat["tree_offsets"], flat["left"], flat["right"])

    def importance(self, kind: str, n_features: int) -> np.ndarray:
        """Sum over the splits of each feature.

        Parameters
        ----------
        kind : {"gain", "split", "cover"}
            What is summed: the gain of the split, 1, or the weight (sum of hessians) of the rows that reach
            it.
        n_features : int
            Length of the result.

        Returns
        -------
        float64 array of shape (n_features,)
            Not normalised.

        Raises
        ------
        ValueError
            If ``kind`` is unknown or a split uses a feature beyond ``n_features``.
        """
        flat = self._merge()
        inner = flat["left"] >= 0
        feature = flat["feature"][inner]
        if kind == "gain":
            amount = flat["gain"][inner]
        elif kind == "split":
            amount = np.ones(feature.size)
        elif kind == "cover":
            amount = flat["weight"][inner]
        else:
            raise ValueError(f"kind must be 'gain', 'split' or 'cover', got {kind!r}")
        if feature.size and int(feature.max()) >= n_features:
            raise ValueError(
                f"the forest splits on feature {int(feature.max())}, but n_features is {n_features}"
            )
        return np.bincount(feature, weights=amount, minlength=n_features).astype(np.float64, copy=False)


def _empty_arrays() -> dict[str, np.ndarray]:
    flat: dict[str, np.ndarray] = {name: np.empty(0, dtype=dtype) for name, dtype in NODE_FIELDS.items()}
    flat["category_sets"] = _NO_SETS
    flat["tree_offsets"] = np.zeros(1, dtype=np.int64)
    flat["tree_output"] = np.empty(0, dtype=np.int32)
    return flat
