from fastml._engine.tree.cart_forest import CartForest

class LeafValues:
    is_number: bool
    is_vector: bool
    width: int
    def __init__(self, forest: CartForest) -> None: ...
