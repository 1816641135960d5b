from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.value_rows import ValueRows

def leaves(
    forest: CartForest,
    rows: ValueRows,
    first: int = ...,
    last: int | None = ...,
    n_threads: int = ...,
    places: bool = ...,
    start: int = ...,
    stop: int | None = ...,
    progress: Callable[[int, int], object] | None = ...,
) -> npt.NDArray[np.int32]: ...
def add_values(
    forest: CartForest,
    rows: ValueRows,
    out: npt.NDArray[np.float64],
    first: int = ...,
    last: int | None = ...,
    in_bag: npt.NDArray[np.uint8] | None = ...,
    n_used: npt.NDArray[np.int32] | None = ...,
    n_threads: int = ...,
    progress: Callable[[int, int], object] | None = ...,
) -> None: ...
