"""The training targets of each leaf, for quantiles.

N. Meinshausen. "Quantile Regression Forests." JMLR 7, 2006.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.walk import leaves

__all__ = ["LeafTargets"]

# Entries looked at together: bounds the memory of a prediction.
_ENTRIES = 1 << 22


class LeafTargets:
    """Ranks of the targets in every leaf of every tree.

    Parameters
    ----------
    targets : float64 array of shape (n_rows, n_outputs)
        Only the first output is kept.

    Attributes
    ----------
    values : float64 array of shape (n_values,)
        Distinct targets, ascending.
    ranks : uint32 array of shape (n_entries,)
        Place of a target in `values`, leaf by leaf, tree by tree.
    counts : uint32 or float64 array of shape (n_entries,)
        Weight of the entry: how often its row was drawn, or its sample weight. Empty: all ones.
    starts : int64 array of shape (n_leaves + 1,)
        First entry of each leaf of the forest.
    """

    ARRAYS = ("values", "ranks", "counts", "starts")

    def __init__(self, targets):
        self.values, self._of_row = np.unique(targets[:, 0], return_inverse=True)
        self.ranks = np.empty(0, dtype=np.uint32)
        self.counts = np.empty(0)
        self.starts = np.zeros(1, dtype=np.int64)

    def read(self, forest, training):
        """Look up the leaves of the rows that the trees were grown from."""
        cart, rows = forest._cart, forest._rows(training.X)
        offsets = cart.arrays()["leaf_offsets"]
        ranks, counts, sizes = [], [], []
        for index in range(len(cart)):
            drawn = forest._counts(index)
            weight = drawn.astype(np.float64)
            if forest._n_samples_bootstrap is None and training.weight is not None:
                weight = training.weight
            chosen = np.flatnonzero(weight > 0)
            number = cart.leaf_numbers(index)
            place = leaves(cart, rows, index, index + 1, n_threads=forest._threads(), places=True)[chosen, 0]
            leaf = number[place]
            order = np.lexsort((self._of_row[chosen], leaf))
            ranks.append(self._of_row[chosen][order].astype(np.uint32))
            counts.append(weight[chosen][order])
            sizes.append(np.bincount(leaf, minlength=int(offsets[index + 1] - offsets[index])))
        self.ranks = np.concatenate(ranks)
        weight = np.concatenate(counts)
        whole = (weight == np.rint(weight)).all() and weight.max() < 2**32
        self.counts = weight.astype(np.uint32) if whole else weight
        if (weight == 1).all():
            self.counts = np.empty(0)
        self.starts = np.concatenate([[0], np.cumsum(np.concatenate(sizes))]).astype(np.int64)
        self._of_row = None
        return self

    @classmethod
    def from_arrays(cls, arrays, cart):
        """Make one from arrays of unknown origin.

        Raises
        ------
        ValueError
            If an array is absent, of another dtype, or holds what no fit could give.
        """
        if set(arrays) != set(cls.ARRAYS) or any(array.ndim != 1 for array in arrays.values()):
            raise ValueError(f"leaf_targets must be the vectors {', '.join(cls.ARRAYS)}")
        values, ranks, counts, starts = (arrays[name] for name in cls.ARRAYS)
        if values.dtype != np.float64 or not np.isfinite(values).all() or (np.diff(values) <= 0).any():
            raise ValueError("leaf_targets: values must be finite float64 that ascend")
        if ranks.dtype != np.uint32 or (ranks >= values.size).any():
            raise ValueError("leaf_targets: ranks must be uint32 below the number of values")
        if counts.size not in (0, ranks.size) or counts.dtype not in (np.uint32, np.float64):
            raise ValueError("leaf_targets: counts must be uint32 or float64, as many as ranks or none")
        if not (np.isfinite(counts).all() and (counts > 0).all()):
            raise ValueError("leaf_targets: counts must be positive")
        n_leaves = int(cart.arrays()["leaf_offsets"][-1])
        if starts.dtype != np.int64 or starts.size != n_leaves + 1 or starts[0] or starts[-1] != ranks.size:
            raise ValueError(f"leaf_targets: starts must run from 0 to {ranks.size} in {n_leaves} steps")
        if (starts[1:] <= starts[:-1]).any():
            raise ValueError("leaf_targets: every leaf must have a target")
        kept = cls(np.zeros((1, 1)))
        kept.values, kept.ranks, kept.counts, kept.starts = values, ranks, counts, starts
        kept._of_row = None
        return kept

    def quantiles(self, forest, X, levels):
        """Quantiles of the targets that share leaves with a row.

        Each tree gives each target of the row's leaf an equal share of 1 (in proportion to how often it was
        drawn); the quantile is the least target at which the mean of the shares reaches the level.

        Returns
        -------
        float64 array of shape (n_rows, n_levels)
        """
        cart = forest._cart
        place = leaves(cart, forest._rows(X), n_threads=forest._threads(), places=True)
        first = cart.arrays()["leaf_offsets"][:-1]
        leaf = np.stack([cart.leaf_numbers(t)[place[:, t]] + first[t] for t in range(len(cart))], axis=1)
        sizes = np.diff(self.starts)[leaf]
        out = np.empty((len(leaf), len(levels)))
        ends = np.cumsum(sizes.sum(axis=1))
        lo = 0
        while lo < len(leaf):
            before = ends[lo - 1] if lo else 0
            hi = max(lo + 1, int(np.searchsorted(ends, before + _ENTRIES, side="right")))
            out[lo:hi] = self._of_rows(leaf[lo:hi], sizes[lo:hi], levels)
            lo = hi
        return out

    def _of_rows(self, leaf, sizes, levels):
        n_rows, n_trees = leaf.shape
        size = sizes.ravel()
        start = np.concatenate([[0], np.cumsum(size)])
        entry = np.arange(start[-1]) - np.repeat(start[:-1] - self.starts[leaf.ravel()], size)
        weight = self.counts[entry].astype(np.float64) if self.counts.size else np.ones(entry.size)
        per_leaf = np.add.reduceat(weight, start[:-1])
        weight /= np.repeat(per_leaf, size)
        row = np.repeat(np.arange(n_rows), sizes.sum(axis=1))
        rank = self.ranks[entry]
        order = np.lexsort((rank, row))
        row, rank = row[order], rank[order]
        reached = np.cumsum(weight[order])
        row_end = np.searchsorted(row, np.arange(n_rows), side="right")
        below = np.concatenate([[0.0], reached[row_end[:-1] - 1]])
        out = np.empty((n_rows, len(levels)))
        for k, level in enumerate(levels):
            # rounding: a sum of shares may end just below what it should be
            target = below + level * n_trees * (1 - 1e-12) - 1e-12
            at = np.searchsorted(reached, target)
            at = np.clip(at, np.concatenate([[0], row_end[:-1]]), row_end - 1)
            out[:, k] = self.values[rank[at]]
        return out
