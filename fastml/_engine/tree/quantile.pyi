import numpy as np

from fastml._engine.tree.source import Source

MAX_CATEGORIES: int

def whole_weights(sample_weight: np.ndarray) -> np.ndarray: ...
def stratified_rows(n_rows: int, size: int, random_state: int) -> np.ndarray: ...
def find_edges(
    source: Source,
    is_categorical: np.ndarray,
    max_bins: int,
    subsample: int | None,
    random_state: int,
    sample_weight: np.ndarray | None,
    n_threads: int,
) -> tuple[list[np.ndarray], np.ndarray]: ...
def distinct_values(
    source: Source, features: np.ndarray, max_bins: int, sample_weight: np.ndarray | None, n_threads: int
) -> list[tuple[int, np.ndarray]]: ...
def find_categories(
    source: Source, feature: int, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]: ...

class Columns: ...
class Room: ...
class Sample: ...
