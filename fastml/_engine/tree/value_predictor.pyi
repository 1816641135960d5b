from collections.abc import Callable

import numpy as np

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.predictor import RowPredictor

class ValuePredictor(RowPredictor):
    def __init__(
        self,
        forest: CartForest,
        mapper: BinMapper | None,
        n_features: int,
        baseline: np.ndarray,
        divisor: float,
        many: Callable[[np.ndarray], np.ndarray],
        finish: Callable[[np.ndarray], np.ndarray] | None = None,
        apart: bool = False,
    ) -> None: ...
