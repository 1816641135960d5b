from typing import Any

import numpy as np
from numpy.typing import NDArray

def mean_loss(
    loss: str,
    y: NDArray[Any],
    raw: NDArray[np.float64],
    weight: NDArray[np.float64] | None = None,
    *,
    param: float = 0.0,
    n_threads: int = 1,
) -> float: ...
