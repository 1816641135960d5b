from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from fastml._engine.tree.binned import BinnedMatrix
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.pack import Pack

def pack_of(forest: Forest, stage: int = 0) -> Pack: ...
def predict_raw(
    forest: Forest,
    mapper: BinMapper,
    X: Any,
    n_threads: int = 1,
    n_trees: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> np.ndarray: ...
def apply(
    forest: Forest,
    mapper: BinMapper,
    X: Any,
    n_threads: int = 1,
    n_trees: int | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> np.ndarray: ...
def staged_predict_raw(
    forest: Forest,
    mapper: BinMapper,
    X: Any,
    n_threads: int = 1,
    n_trees: int | None = None,
    stage: int | None = None,
) -> Iterator[np.ndarray]: ...
def add_tree(
    tree: Forest | Mapping[str, Any],
    tree_index: int | None,
    binned: BinnedMatrix,
    raw: np.ndarray,
    rows: np.ndarray | None = None,
    n_threads: int = 1,
    factor: float = 1.0,
) -> None: ...

class Work: ...
