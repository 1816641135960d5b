"""What a leaf of a classification or regression tree writes down."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport partition_rule
from fastml._engine.tree.cart_growth cimport CartSettings, Growth, OpenNode


cdef void close_leaf(const CartSettings *s, Growth *g, const OpenNode *open) noexcept nogil
cdef int64_t close_leaves(const CartSettings *s, Growth *g, const OpenNode *open, const partition_rule *rule,
                          int32_t left) noexcept nogil


cdef inline uint8_t code_of(const CartSettings *s, const uint8_t *record, int32_t feature) noexcept nogil:
    """A row's code of a feature, from its record or from the matrix."""
    if s.params.layout.n_codes:
        return record[feature]
    return s.columns[feature * s.column_stride + (<const uint32_t *> (record + s.params.layout.row))[0]]
