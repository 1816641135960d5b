from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

_T = TypeVar("_T", np.float32, np.float64)

def exp_digamma(x: npt.NDArray[_T]) -> npt.NDArray[_T]: ...
def digamma(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]: ...
def log_gamma(x: npt.NDArray[Any]) -> npt.NDArray[np.float64]: ...
