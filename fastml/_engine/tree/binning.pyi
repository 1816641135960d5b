from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastml._engine.tree.binned import BinnedMatrix as BinnedMatrix

class CodeSource:
    n_rows: int
    n_used: int

class BinMapper:
    max_bins: int
    n_threads: int
    n_features: int
    edges_: list[np.ndarray]
    categories_: list[np.ndarray | None]
    grouped_categories_: list[np.ndarray | None]
    n_codes_: np.ndarray
    is_categorical_: np.ndarray
    n_distinct_: np.ndarray | None
    def __init__(
        self,
        max_bins: int = 255,
        categorical: Sequence[bool] | np.ndarray | None = None,
        subsample: int | None = 200_000,
        random_state: int = 0,
        n_threads: int = 1,
    ) -> None: ...
    def fit(self, X: Any, sample_weight: Any = None) -> BinMapper: ...
    def transform(self, X: Any) -> BinnedMatrix: ...
    def open(self, X: Any, features: np.ndarray | None = None) -> CodeSource: ...
    def codes(self, X: Any, out: np.ndarray | None = None) -> np.ndarray: ...
    def get_state(self) -> dict[str, np.ndarray]: ...
    @classmethod
    def from_state(cls, state: Mapping[str, np.ndarray], n_threads: int = 1) -> BinMapper: ...
