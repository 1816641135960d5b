from typing import Any

import numpy as np
import numpy.typing as npt

_Reals = npt.NDArray[Any]
_Doubles = npt.NDArray[np.float64]
_Rows = npt.NDArray[np.int32]

def width_of(n_topics: int, dtype: npt.DTypeLike) -> int: ...

class Documents:
    n_documents: int
    n_words: int
    data: _Reals
    def __init__(self, X: Any) -> None: ...
    def words_of(self, first: int, last: int) -> _Rows: ...

def weigh(
    topics: _Reals,
    sums: _Doubles,
    weights: _Reals,
    *,
    mean: bool = ...,
    rows: _Rows | None = ...,
    peak: _Doubles | None = ...,
    n_threads: int = ...,
) -> None: ...
def infer(
    documents: Documents,
    weights: _Reals,
    prior: _Reals,
    rule: dict[str, Any],
    gamma: _Reals,
    n_threads: int = ...,
) -> None: ...
def accumulate(
    documents: Documents,
    first: int,
    last: int,
    weights: _Reals,
    prior: _Reals,
    rule: dict[str, Any],
    stat: _Doubles,
    *,
    sample_weight: _Doubles | None = ...,
    gamma: _Reals | None = ...,
    n_threads: int = ...,
) -> None: ...
def update(
    topics: _Reals,
    weights: _Reals,
    stat: _Doubles,
    sums: _Doubles,
    *,
    prior: float,
    keep: float,
    gain: float,
    rows: _Rows | None = ...,
    n_threads: int = ...,
) -> None: ...
def fade(topics: _Reals, prior: float, keep: _Doubles, *, rows: _Rows | None = ...) -> None: ...
def score(
    documents: Documents,
    weights: _Reals,
    peak: _Doubles,
    prior: _Reals,
    rule: dict[str, Any],
    gamma: _Reals,
    n_threads: int = ...,
) -> _Doubles: ...
