from typing import Any

import numpy as np

from fastml._engine.tree.source import Source

def spread(X: Any, planes: np.ndarray, n_features: int | None = None) -> Source: ...
