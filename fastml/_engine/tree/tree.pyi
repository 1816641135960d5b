import numpy as np

class TreeBuilder:
    def arrays(self, edges: list[np.ndarray] | None = None) -> dict[str, np.ndarray]: ...
