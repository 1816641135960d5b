from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS: dict[str, int]

class Components:
    covariance_type: str
    shift: NDArray[np.floating]
    centred: NDArray[np.float64]
    log_weights: NDArray[np.float64]
    factors: NDArray[np.float64]
    packed: NDArray[np.floating]
    offsets: NDArray[np.float64] | None
    constants: NDArray[np.floating]
    pairs: NDArray[np.int32]
    dtype: np.dtype[Any]
    n_features: int
    n_components: int
    missing: bool
    def __init__(
        self,
        covariance_type: str,
        means: NDArray[np.float64],
        factors: NDArray[np.float64],
        log_weights: NDArray[np.float64],
        shift: NDArray[np.floating],
        dtype: Any,
        missing: bool = ...,
    ) -> None: ...
    def for_missing(self) -> Components: ...

def pairs_of(n_features: int, covariance_type: str, missing: bool = ...) -> NDArray[np.int32]: ...
def n_blocked(n_sums: int, n_components: int) -> int: ...
def unblocked(sums: NDArray[np.float64], n_sums: int, n_components: int) -> NDArray[np.float64]: ...
def aligned(n: int, dtype: Any) -> NDArray[Any]: ...
def accumulate(
    X: NDArray[np.floating],
    components: Components,
    weight: NDArray[np.float64] | None = ...,
    index: NDArray[np.int32] | None = ...,
    n_threads: int = ...,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
def moments(
    X: NDArray[np.floating],
    pairs: NDArray[np.int32],
    n_components: int,
    shift: NDArray[np.floating],
    weight: NDArray[np.float64] | None = ...,
    index: NDArray[np.int32] | None = ...,
    labels: NDArray[np.int32] | None = ...,
    resp: NDArray[np.floating] | None = ...,
    n_threads: int = ...,
) -> NDArray[np.float64]: ...
def score(
    X: NDArray[np.floating],
    components: Components,
    index: NDArray[np.int32] | None = ...,
    log_likelihood: NDArray[np.floating] | None = ...,
    labels: NDArray[np.int64] | None = ...,
    resp: NDArray[np.floating] | None = ...,
    densities: NDArray[np.floating] | None = ...,
    n_threads: int = ...,
) -> None: ...
