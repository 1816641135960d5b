import numpy as np
from numpy.typing import NDArray

from fastml._engine.dense.gaussian import Components

def split_rows(X: NDArray[np.floating]) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
def missing(
    X: NDArray[np.floating],
    components: Components,
    index: NDArray[np.int32],
    weight: NDArray[np.float64] | None = ...,
    log_likelihood: NDArray[np.floating] | None = ...,
    labels: NDArray[np.int64] | None = ...,
    resp: NDArray[np.floating] | None = ...,
    densities: NDArray[np.floating] | None = ...,
    sum_up: bool = ...,
    n_threads: int = ...,
) -> (
    tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]] | None
): ...
