from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.source import Source
from fastml._engine.tree.value_ranks import ValueRanks

class ValueRows:
    n_rows: int
    n_features: int
    width: int
    @property
    def table(self) -> Source | None: ...
    def __init__(
        self,
        X: Any,
        mapper: BinMapper,
        features: npt.NDArray[np.int32],
        shown: npt.NDArray[np.float64] | None = ...,
        ranks: ValueRanks | None = ...,
    ) -> None: ...
