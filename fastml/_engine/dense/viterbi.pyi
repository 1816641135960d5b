import numpy as np
from numpy.typing import NDArray

from fastml._engine.dense.hidden_markov import Frames, Model

def paths(
    frames: Frames, model: Model, n_threads: int = 1
) -> tuple[NDArray[np.float64], NDArray[np.int64]]: ...
