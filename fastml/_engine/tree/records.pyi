from fastml._engine.tree.binned import BinnedMatrix

class RecordLayout:
    binned: BinnedMatrix
    def __init__(
        self, binned: BinnedMatrix, small: bool, bare: bool = False, numbered: bool = False
    ) -> None: ...
    @property
    def stride(self) -> int: ...
