from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.binned import BinnedMatrix

def leaves_of_codes(
    binned: BinnedMatrix, tree: Mapping[str, Any], n_threads: int = ...
) -> npt.NDArray[np.int32]: ...
