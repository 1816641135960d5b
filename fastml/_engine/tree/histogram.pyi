import numpy as np

from fastml._engine.tree.binning import BinnedMatrix
from fastml._engine.tree.row_cells import RowCells

class HistogramLayout:
    n_cells: int
    n_features: int
    n_blocks: int
    lists: list[RowCells]
    def __init__(
        self,
        binned: BinnedMatrix,
        features: np.ndarray | None = None,
        least_rows: int | None = None,
        cache: int | None = None,
    ) -> None: ...
    def cells_of(self, j: int) -> tuple[int, int]: ...

class HistogramPool: ...

def histogram(
    binned: BinnedMatrix,
    gh: np.ndarray,
    rows: np.ndarray | None = None,
    features: np.ndarray | None = None,
    n_threads: int = 1,
    counted: bool = False,
    layout: HistogramLayout | None = None,
) -> list[tuple[int, *tuple[np.ndarray, ...]]]: ...
