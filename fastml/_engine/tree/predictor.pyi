from collections.abc import Callable

import numpy as np

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.forest import Forest

class RowPredictor:
    n_features: int
    def __call__(self, X: np.ndarray) -> np.ndarray: ...

class CodePredictor(RowPredictor):
    def __init__(
        self,
        forest: Forest,
        mapper: BinMapper,
        planes: np.ndarray,
        n_features: int,
        many: Callable[[np.ndarray], np.ndarray],
        finish: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None: ...
