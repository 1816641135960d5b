"""What the leaves of a CartForest hold, as loops over rows add it up."""

from fastml._engine.tree.cart_node import LeafKind


cdef class LeafValues:
    """Values of the leaves: a number, a class, shares of classes, or a line of numbers.

    Parameters
    ----------
    forest : CartForest
        Must not change while this is in use.

    Attributes
    ----------
    is_number : bool
        Whether a leaf holds one number; of two classes it is the share of the second, which is added to the last
        column.
    width : int
        Columns of the sums.
    """

    def __init__(self, forest):
        arrays = forest.arrays()
        self.width = forest.width
        self.is_number = forest.leaf_kind == LeafKind.NUMBER
        self.is_vector = forest.leaf_kind == LeafKind.VECTOR
        self.leaf_offsets = arrays["leaf_offsets"]
        if self.is_vector:
            self.vector = arrays["leaf_vector"]
        elif not self.is_number:
            self.mixed_offsets = arrays["mixed_offsets"]
            self.mixed_class, self.mixed_share = forest.mixed()
