from libc.stdint cimport int64_t, uint32_t

from fastml._engine.tree.frontier cimport Leaf


cdef class NodeRows:
    """Row numbers and packed gradients of all nodes, in two buffers: a split moves its rows from one to the other."""

    cdef uint32_t *rows[2]
    cdef uint32_t *gh[2]
    cdef Py_ssize_t room     # rows of the matrix
    cdef Py_ssize_t n        # rows of the tree
    cdef bint implicit_root  # the root holds all rows in order: its row numbers are not written down

    cdef const uint32_t *of(self, const Leaf *leaf) noexcept nogil
    cdef uint32_t *gh_of(self, const Leaf *leaf) noexcept nogil
    cdef void add_value(self, const Leaf *leaf, int64_t first, int64_t last, double value, double *raw) noexcept nogil
