"""What a leaf of a classification or regression tree writes down."""

from fastml._engine.tree.cart_growth cimport CartSettings, Growth, OpenNode


cdef void close_leaf(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil
