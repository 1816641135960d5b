import numpy as np

class TreeBuilder:
    def arrays(self, edges: tuple[np.ndarray, np.ndarray] | None = None) -> dict[str, np.ndarray]: ...
