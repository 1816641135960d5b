import numpy as np
from numpy.typing import NDArray

from fastml._engine.dense.hidden_markov import Frames, Model

class Run:
    given_ends: bool
    counting: bool
    backward: bool
    likelihood: NDArray[np.float64]
    doubt: NDArray[np.float64]
    borders: NDArray[np.float64] | None
    cells: NDArray[np.float64] | None
    counts: NDArray[np.float64] | None
    def __init__(
        self,
        frames: Frames,
        model: Model,
        weights: NDArray[np.float64],
        left_out: NDArray[np.uint8],
        counting: bool,
        backward: bool,
        posteriors: NDArray[np.float64] | None = None,
        borders: NDArray[np.float64] | None = None,
    ) -> None: ...
    def run(self, n_threads: int) -> None: ...
    def scan(self, sequences: NDArray[np.int64], n_threads: int) -> None: ...
