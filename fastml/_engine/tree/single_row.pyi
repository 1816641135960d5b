import numpy as np

from fastml._engine.tree.binning import BinMapper

MOST_LEAVES: int

class RowCoder:
    table_size: int
    def __init__(
        self,
        mapper: BinMapper,
        planes: np.ndarray,
        features: np.ndarray,
        code_at: np.ndarray,
        less_at: np.ndarray,
        table_size: int,
        sets: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> None: ...

class SingleRowPack:
    coder: RowCoder
    one_ns: float
    def __init__(
        self, arrays: dict[str, np.ndarray], mapper: BinMapper, reads: np.ndarray, most_ns: float
    ) -> None: ...

def single_row_pack_of(
    arrays: dict[str, np.ndarray], mapper: BinMapper, reads: np.ndarray, walk_ns: float
) -> SingleRowPack | None: ...
