"""The trees of a model, each made when it is asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from operator import index as whole_number
from typing import Any

__all__ = ["TreeSequence"]


class TreeSequence(Sequence[Any]):
    """Trees as estimators. Subclasses say how many there are, and make one."""

    @abstractmethod
    def _make(self, index: int) -> Any:
        """Tree `index`, which is at least 0 and less than the length."""

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index, n = whole_number(index), len(self)
        if not -n <= index < n:
            raise IndexError(f"tree index must be in [-{n}, {n}), got {index}")
        return self._make(index % n)
