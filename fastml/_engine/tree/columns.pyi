from collections.abc import Iterable

class ColumnChoice:
    def __init__(
        self,
        n_features: int,
        interaction_cst: list[Iterable[int]] | None = None,
        bylevel: float = 1.0,
        bynode: float = 1.0,
    ) -> None: ...
