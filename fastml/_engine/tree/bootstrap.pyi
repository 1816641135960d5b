import numpy as np

class RowLottery:
    def __init__(self, n_rows: int, weights: np.ndarray | None = None) -> None: ...

def bootstrap_counts(
    seed: int, n_rows: int, n_draws: int, weights: np.ndarray | None = None
) -> np.ndarray: ...
