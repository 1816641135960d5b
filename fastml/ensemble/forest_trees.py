"""The trees of a forest, one by one."""

from __future__ import annotations

from fastml._engine.tree.tree_sequence import TreeSequence
from fastml.tree.model import tree_numbers

__all__ = ["ForestTrees"]


class ForestTrees(TreeSequence):
    """The trees of a forest as estimators, each made when it is asked for."""

    def __init__(self, forest):
        self._forest = forest

    def __len__(self):
        return len(self._forest._cart)

    def _make(self, index):
        forest = self._forest
        number = tree_numbers(forest._random_seed, index, index + 1)[0]
        return forest._tree_class._view(forest, forest._cart.take(index), number, forest._tree_parameters())

    def __repr__(self):
        return f"<{len(self)} trees of {self._forest!r}>"
