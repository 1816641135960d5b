from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.binned import BinnedMatrix
from fastml._engine.tree.value_ranks import ValueRanks

_Said = TypeVar("_Said", npt.NDArray[np.int32], npt.NDArray[np.float64])

def leaves_of_codes(
    binned: BinnedMatrix, tree: Mapping[str, Any], n_threads: int = ..., ranks: ValueRanks | None = ...
) -> npt.NDArray[np.int32]: ...
def take_at(said: _Said, leaf: npt.NDArray[np.int32]) -> _Said: ...
