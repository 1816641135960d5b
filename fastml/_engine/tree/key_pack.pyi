import numpy as np

from fastml._engine.tree.cart_forest import CartForest

class KeyPack:
    n_trees: int
    width: int
    features: np.ndarray
    def __init__(self, forest: CartForest, by_value: bool, n_threads: int = 1) -> None: ...

def key_pack_of(
    forest: CartForest, by_value: bool, n_walks: int | None = None, n_threads: int = 1
) -> KeyPack | None: ...
