from typing import Any

import numpy as np

from fastml._engine.tree.binned import BinnedMatrix

class BinValues:
    lower: np.ndarray
    upper: np.ndarray
    def __init__(
        self, X: Any, binned: BinnedMatrix, sample_weight: np.ndarray | None = None, n_threads: int = 1
    ) -> None: ...
    @classmethod
    def from_ranges(cls, lower: np.ndarray, upper: np.ndarray) -> BinValues: ...
