import numpy as np

from fastml._engine.tree.binning import BinnedMatrix

def partition(
    binned: BinnedMatrix,
    feature: int,
    gh: np.ndarray,
    rows: np.ndarray | None = None,
    code: int = 0,
    missing_left: bool = False,
    category_set: np.ndarray | None = None,
    n_threads: int = 1,
) -> tuple[np.ndarray, np.ndarray, int]: ...
