"""The trees of a forest, one by one."""

from __future__ import annotations

from collections.abc import Sequence

from fastml.tree.model import tree_numbers

__all__ = ["ForestTrees"]


class ForestTrees(Sequence):
    """The trees of a forest as estimators, each made when it is asked for."""

    def __init__(self, forest):
        self._forest = forest

    def __len__(self):
        return len(self._forest._cart)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"tree index must be in [-{n}, {n}), got {index}")
        index = int(index) % n
        forest = self._forest
        number = tree_numbers(forest._random_seed, index, index + 1)[0]
        return forest._tree_class._view(forest, forest._cart.take(index), number, forest._tree_parameters())

    def __repr__(self):
        return f"<{len(self)} trees of {self._forest!r}>"
