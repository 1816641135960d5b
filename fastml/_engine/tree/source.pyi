from typing import Any

MAX_ROWS: int

class Source:
    n_rows: int
    n_features: int
    names: list | None
    is_sparse: bool
    matrix: Any

def open_source(X: Any) -> Source: ...
