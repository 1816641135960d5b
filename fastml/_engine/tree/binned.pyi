from __future__ import annotations

import numpy as np

class BinnedMatrix:
    n_rows: int
    n_features: int
    n_blocks: int
    n_codes: np.ndarray
    is_categorical: np.ndarray
    has_missing: np.ndarray
    column_stride: int
    version: int
    @property
    def column_codes(self) -> np.ndarray: ...
    def row_codes(self, block: int) -> np.ndarray: ...
    @property
    def block_first(self) -> np.ndarray: ...
    @property
    def block_stride(self) -> np.ndarray: ...
    @classmethod
    def from_columns(
        cls, codes: np.ndarray, n_codes: np.ndarray, is_categorical: np.ndarray
    ) -> BinnedMatrix: ...
    def take(self, rows: np.ndarray, n_threads: int = 1) -> BinnedMatrix: ...
    def reorder(self, perm: np.ndarray, n_threads: int = 1) -> None: ...
