from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.shap_planes import Planes
from fastml._engine.tree.shap_trees import ShapTrees

def shap_values(
    forest: Forest | CartForest,
    rows: Planes,
    n_features: int,
    interactions: bool = ...,
    n_threads: int = ...,
    owner: npt.NDArray[np.int32] | None = ...,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
def known_values(
    forest: Forest | CartForest,
    rows: Planes,
    features: npt.NDArray[np.intp],
    n_threads: int = ...,
    owner: npt.NDArray[np.int32] | None = ...,
) -> npt.NDArray[np.float64]: ...
def expected_values(forest: Forest | CartForest) -> npt.NDArray[np.float64]: ...
def columns_of(
    forest: Forest | CartForest, rows: Planes, owner: npt.NDArray[np.int32] | None
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]: ...
def batches(
    forest: Forest | CartForest,
    columns: npt.NDArray[np.int32],
    with_edges: bool,
    n_threads: int,
    expected: npt.NDArray[np.float64],
) -> Iterator[ShapTrees]: ...
def holds_one_of_two(forest: Forest | CartForest) -> bool: ...
