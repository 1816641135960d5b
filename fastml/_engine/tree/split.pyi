import numpy as np

class SplitSearch: ...

def best_split(
    cells: np.ndarray,
    n_codes: int,
    *,
    scale_g: float = 1.0,
    scale_h: float = 1.0,
    l2: float = 0.0,
    min_h: int = 1,
    n_rows: int = ...,
    rows: np.ndarray | None = None,
    min_rows: int = 1,
) -> tuple[float, int, bool]: ...
def time_search(cells: np.ndarray, n_rows: int, repeats: int) -> float: ...
