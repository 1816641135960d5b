from collections.abc import Iterable

import numpy as np

from fastml._engine.tree.binning import BinnedMatrix

class Grower:
    binned: BinnedMatrix
    n_threads: int
    leaf_nodes: np.ndarray
    def __init__(
        self,
        binned: BinnedMatrix,
        *,
        edges: list[np.ndarray] | None = None,
        n_threads: int = 1,
        max_leaf_nodes: int | None = 31,
        max_depth: int | None = None,
        growth: str = "leaf",
        min_samples_leaf: int = 20,
        min_weight_leaf: float = 0.0,
        min_sum_hessian: float = 1e-3,
        min_split_gain: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        max_delta_step: float = 0.0,
        path_smooth: float = 0.0,
        cat_smooth: float = 10.0,
        cat_l2: float = 10.0,
        max_cat_onehot: int = 4,
        monotonic_cst: np.ndarray | None = None,
        interaction_cst: list[Iterable[int]] | None = None,
        colsample_bylevel: float = 1.0,
        colsample_bynode: float = 1.0,
        extra_random: bool = False,
        constant_hessian: bool = False,
    ) -> None: ...
    def grow(
        self,
        g: np.ndarray,
        h: np.ndarray | None = None,
        seed: int = 0,
        rows: np.ndarray | None = None,
        features: np.ndarray | None = None,
        weights: np.ndarray | None = None,
        stats: tuple[float, ...] | None = None,
    ) -> dict[str, np.ndarray]: ...
    def outputs_together(self, n_outputs: int) -> int: ...
    def share_root(
        self, k: int, g: np.ndarray, h: np.ndarray | None, seed: int, stats: tuple[float, ...] | None
    ) -> None: ...
    def count_roots(self, n_outputs: int) -> None: ...
    def grow_shared(
        self, k: int, seed: int = 0, weights: np.ndarray | None = None
    ) -> dict[str, np.ndarray]: ...
    def leaf_rows(self, k: int) -> np.ndarray: ...
    def row_order(self) -> np.ndarray: ...
    def add_leaf_values(self, values: np.ndarray, raw: np.ndarray) -> None: ...
