from typing import Any

import numpy as np

from fastml._engine.tree.binned import BinnedMatrix
from fastml._engine.tree.bootstrap import bootstrap_counts as bootstrap_counts
from fastml._engine.tree.value_ranks import ValueRanks

CRITERIA: dict[str, int]

class CartGrower:
    binned: BinnedMatrix
    n_threads: int
    placed: bool
    def __init__(
        self,
        binned: BinnedMatrix,
        values: Any,
        ranks: ValueRanks | None = None,
        *,
        criterion: str,
        n_classes: tuple[int, ...] | None = None,
        splitter: str = "best",
        max_depth: int | None = None,
        min_samples_split: int = 2,
        min_samples_leaf: int = 1,
        min_weight_leaf: float = 0.0,
        max_features: int | None = None,
        max_leaf_nodes: int | None = None,
        min_impurity_decrease: float = 0.0,
        monotonic_cst: np.ndarray | None = None,
        balance_classes: bool = False,
        n_threads: int = 1,
    ) -> None: ...
    def grow(
        self,
        targets: np.ndarray,
        weights: np.ndarray | None,
        seeds: np.ndarray,
        n_draws: int | None = None,
        places: np.ndarray | None = None,
    ) -> list[dict[str, np.ndarray]]: ...
