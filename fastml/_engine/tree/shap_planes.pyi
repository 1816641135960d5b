from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.value_rows import ValueRows

class Planes:
    n_rows: int
    n_planes: int

class CodePlanes(Planes):
    def __init__(self, X: Any, mapper: BinMapper, features: npt.NDArray[np.int32]) -> None: ...

class ValuePlanes(Planes):
    def __init__(self, rows: ValueRows, features: npt.NDArray[np.int32]) -> None: ...
