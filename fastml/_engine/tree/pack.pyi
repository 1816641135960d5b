from typing import Any

import numpy as np

class Pack:
    planes: np.ndarray
    n_trees: int
    n_planes: int
    n_slots: int
    n_outputs: int
    stage: int
    walked_bytes: int
    row_ns: float
    one_ns: float
    memory: dict[str, np.ndarray]
    def __init__(self, arrays: dict[str, Any], planes: np.ndarray | None = None, stage: int = 0) -> None: ...
