from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

def pack_nodes(
    tree: Mapping[str, Any], order: npt.NDArray[np.intp] | None, nodes: np.ndarray
) -> npt.NDArray[np.intp]: ...
def set_payload(nodes: np.ndarray, payload: npt.NDArray[np.float64]) -> None: ...
def narrowed(numbers: npt.NDArray[np.float64]) -> np.ndarray: ...
def pack_classes(
    shares: npt.NDArray[np.float64], leaves: npt.NDArray[np.intp], weight: npt.NDArray[np.float64]
) -> tuple[
    npt.NDArray[np.float64], npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float64]
]: ...
def impurity_decreases(tree: Mapping[str, Any], n_features: int) -> npt.NDArray[np.float64]: ...
