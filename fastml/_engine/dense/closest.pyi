import numpy as np
import numpy.typing as npt

from fastml._engine.dense.nearest import Rows

class Closest:
    distances: npt.NDArray[np.float64]
    def __init__(self, rows: Rows, sample_weight: npt.NDArray[np.float64]) -> None: ...
    def potentials(self, candidates: npt.NDArray) -> npt.NDArray[np.float64]: ...
    def add(self, point: npt.NDArray) -> float: ...
