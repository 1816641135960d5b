import numpy as np
from numpy.typing import NDArray

METRICS: tuple[str, ...]
NEIGHBOURHOODS: tuple[str, ...]

class OnlineCodebook:
    panels: NDArray[np.floating]
    def __init__(
        self,
        codebook: NDArray[np.floating],
        positions: NDArray[np.float64],
        periods: tuple[float, float],
        metric: str,
        neighbourhood: str,
        is_chebyshev: bool = False,
    ) -> None: ...
    def codebook(self) -> NDArray[np.floating]: ...
    def train(
        self,
        rows: NDArray[np.floating],
        order: NDArray[np.int64],
        rate: NDArray[np.float64],
        radius: NDArray[np.float64],
        has_missing: bool,
    ) -> float: ...
