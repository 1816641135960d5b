from typing import Any

import numpy as np
import numpy.typing as npt

def n_points(n_features: int) -> int: ...
def rule(n: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...

class ShapTrees:
    n_trees: int
    width: int
    row_steps: float
    expected: npt.NDArray[np.float64]
    def __init__(
        self,
        flat: dict[str, Any],
        planes: npt.NDArray[np.int32],
        columns: npt.NDArray[np.int32],
        with_edges: bool,
        n_threads: int,
    ) -> None: ...
    def raise_if_failed(self) -> None: ...
    @property
    def points(self) -> npt.NDArray[np.intp]: ...
