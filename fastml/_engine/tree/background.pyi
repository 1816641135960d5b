import numpy as np
import numpy.typing as npt

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.shap_planes import Planes

def background_values(
    forest: Forest | CartForest,
    rows: Planes,
    others: Planes,
    n_features: int,
    n_threads: int = ...,
    owner: npt.NDArray[np.int32] | None = ...,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]: ...
