import numpy as np
from numpy.typing import NDArray

def products(
    h: NDArray[np.float64], s: NDArray[np.float64], out: NDArray[np.float64], n_threads: int = 1
) -> None: ...
