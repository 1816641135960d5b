from typing import Any

import numpy as np
from numpy.typing import NDArray

LOSSES: dict[str, int]

def fill_gradients(
    loss: str,
    y: NDArray[Any],
    raw: NDArray[np.float64],
    weight: NDArray[np.float64] | None,
    g: NDArray[np.float32],
    h: NDArray[np.float32] | None,
    *,
    param: float = 0.0,
    output: int = 0,
    lse: NDArray[np.float64] | None = None,
    focal: NDArray[np.float32] | None = None,
    n_threads: int = 1,
) -> tuple[float, float, float, float, float]: ...
def log_sum_exp(raw: NDArray[np.float64], out: NDArray[np.float64], *, n_threads: int = 1) -> None: ...
def focal_factors(
    raw: NDArray[np.float64],
    y: NDArray[np.int32],
    lse: NDArray[np.float64],
    gamma: float,
    out: NDArray[np.float32],
    *,
    n_threads: int = 1,
) -> None: ...
def stats(
    g: NDArray[np.float32],
    h: NDArray[np.float32] | None = None,
    rows: NDArray[np.uint32] | None = None,
    *,
    n_threads: int = 1,
) -> dict[str, float]: ...
def pack(
    g: NDArray[np.float32],
    h: NDArray[np.float32] | None = None,
    rows: NDArray[np.uint32] | None = None,
    *,
    seed: int = 0,
    n_threads: int = 1,
) -> tuple[NDArray[np.uint32], dict[str, float]]: ...
