from typing import Any

import numpy as np
import numpy.typing as npt

METRICS: dict[str, int]

class Accumulation:
    labels: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    shifted_sums: npt.NDArray[np.float64]
    offset: npt.NDArray[np.float64]
    errors: npt.NDArray[np.float64] | None
    def __init__(
        self,
        labels: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float64],
        shifted_sums: npt.NDArray[np.float64],
        offset: npt.NDArray[np.float64],
        errors: npt.NDArray[np.float64] | None,
    ) -> None: ...
    @property
    def sums(self) -> npt.NDArray[np.float64]: ...
    @property
    def inertia(self) -> float: ...
    def merge(self, other: Accumulation) -> Accumulation: ...

class Rows:
    n: int
    d: int
    X: Any
    dtype: np.dtype
    missing: bool
    is_sparse: bool
    n_threads: int
    def __init__(self, X: Any, n_threads: int, missing: bool | None = ...) -> None: ...
    def nearest(
        self,
        centroids: npt.ArrayLike,
        *,
        metric: str = ...,
        second: bool = ...,
        feature_weight: npt.NDArray[np.float64] | None = ...,
        distances: bool = ...,
        labels: npt.NDArray[np.int32] | None = ...,
    ) -> tuple[npt.NDArray, ...]: ...
    def inertia(
        self, centroids: npt.ArrayLike, sample_weight: npt.NDArray[np.float64] | None = ...
    ) -> tuple[npt.NDArray[np.int32], float]: ...
    def accumulate(
        self,
        centroids: npt.ArrayLike,
        sample_weight: npt.NDArray[np.float64] | None = ...,
        *,
        metric: str = ...,
        labels: npt.NDArray[np.int32] | None = ...,
        feature_weight: npt.NDArray[np.float64] | None = ...,
        errors: bool = ...,
        previous: Accumulation | None = ...,
    ) -> Accumulation: ...

class Pass: ...

def nearest(
    X: Any,
    centroids: npt.ArrayLike,
    *,
    metric: str = ...,
    second: bool = ...,
    n_threads: int = ...,
    feature_weight: npt.NDArray[np.float64] | None = ...,
) -> tuple[npt.NDArray, ...]: ...
def accumulate(
    X: Any,
    centroids: npt.ArrayLike,
    sample_weight: npt.NDArray[np.float64] | None = ...,
    *,
    metric: str = ...,
    n_threads: int = ...,
    labels: npt.NDArray[np.int32] | None = ...,
    feature_weight: npt.NDArray[np.float64] | None = ...,
) -> Accumulation: ...
