from typing import Any

import numpy as np

from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binned import BinnedMatrix

MOST_RANKS: int

class ValueRanks:
    ranks: np.ndarray
    features: np.ndarray
    slot: np.ndarray
    first: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    def __init__(
        self,
        X: Any,
        binned: BinnedMatrix,
        values: BinValues,
        sample_weight: np.ndarray | None = None,
        most_values: int | None = None,
        n_distinct: np.ndarray | None = None,
        n_threads: int = 1,
    ) -> None: ...
    @classmethod
    def of(
        cls,
        ranks: np.ndarray,
        features: np.ndarray,
        slot: np.ndarray,
        first: np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
    ) -> ValueRanks: ...
    def take(self, rows: np.ndarray) -> ValueRanks: ...
