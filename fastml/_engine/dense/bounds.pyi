import numpy as np
import numpy.typing as npt

from fastml._engine.dense.nearest import Rows

class Bounds:
    searched: float
    def __init__(self, rows: Rows) -> None: ...
    def nearest(self, centroids: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]: ...
