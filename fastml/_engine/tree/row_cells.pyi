import numpy as np

from fastml._engine.tree.binning import BinnedMatrix

class RowCells:
    n_cells: int
    def __init__(
        self,
        binned: BinnedMatrix,
        block: int,
        groups: list[tuple[int, ...]],
        total: int,
        n_cells: int,
        least_rows: int,
    ) -> None: ...

def plan(
    binned: BinnedMatrix,
    block: int,
    features: np.ndarray,
    cells: np.ndarray,
    n_cells: int,
    most_bytes: float,
    least_rows: int | None = None,
) -> tuple[RowCells | None, float]: ...
