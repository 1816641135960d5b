from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.binning import BinMapper

class ValueRows:
    n_rows: int
    n_features: int
    width: int
    def __init__(
        self,
        X: Any,
        mapper: BinMapper,
        features: npt.NDArray[np.int32],
        shown: npt.NDArray[np.float64] | None = ...,
    ) -> None: ...
