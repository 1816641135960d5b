from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastml._engine.dense.lane_plan import LanePlan

KINDS: dict[str, int]

def n_lanes() -> int: ...

class Model:
    n_states: int
    n_padded: int
    n_mix: int
    n_components: int
    n_components_padded: int
    n_symbols: int
    n_rows: int
    n_pairs: int
    second: bool
    entries: bool
    dense: bool
    def __init__(
        self,
        startprob: NDArray[np.float64],
        transmat: NDArray[np.float64],
        kind: str,
        *,
        n_features: int,
        n_mix: int = 1,
        constant: NDArray[np.float64] | None = None,
        scale: NDArray[np.float64] | None = None,
        offset: NDArray[np.float64] | None = None,
        factor: NDArray[np.float64] | None = None,
        log_scale: NDArray[np.float64] | None = None,
        table: NDArray[np.float64] | None = None,
        second: bool = False,
        missing: bool = False,
    ) -> None: ...

class Frames:
    n_rows: int
    n_features: int
    n_sequences: int
    lengths: NDArray[np.int64]
    plan: LanePlan
    origin: NDArray[np.float64]
    has_missing: bool
    has_symbols: bool
    rest: int
    patience: int
    def __init__(
        self,
        X: NDArray[Any],
        lengths: NDArray[np.int64],
        *,
        centre: NDArray[np.float64] | None = None,
        n_states: int,
        n_components: int,
        statistics_bytes: int,
        has_missing: bool,
    ) -> None: ...
    def lengthen(self) -> bool: ...
    def alone(self) -> Frames: ...
