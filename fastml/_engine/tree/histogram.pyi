import numpy as np

from fastml._engine.tree.binning import BinnedMatrix

class HistogramLayout:
    n_cells: int
    n_features: int
    n_blocks: int
    def __init__(self, binned: BinnedMatrix, features: np.ndarray | None = None) -> None: ...
    def cells_of(self, j: int) -> tuple[int, int]: ...

class HistogramPool: ...

def histogram(
    binned: BinnedMatrix,
    gh: np.ndarray,
    rows: np.ndarray | None = None,
    features: np.ndarray | None = None,
    n_threads: int = 1,
    counted: bool = False,
) -> list[tuple[int, *tuple[np.ndarray, ...]]]: ...
