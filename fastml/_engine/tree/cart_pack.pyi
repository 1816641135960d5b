from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

def pack_trees(
    trees: Sequence[Mapping[str, Any]],
    kind: str,
    width: int,
    shares: bool,
    node_dtype: np.dtype,
    n_threads: int = ...,
) -> list[dict[str, np.ndarray]]: ...
def narrowed(numbers: npt.NDArray[np.float64]) -> np.ndarray: ...
def impurity_decreases(tree: Mapping[str, Any], n_features: int) -> npt.NDArray[np.float64]: ...
