from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.histogram cimport HistogramLayout


cdef class ColumnChoice:
    """Which features a leaf may be split on: interaction constraints, sampling by level and by node."""

    cdef double bylevel, bynode
    cdef Py_ssize_t n_groups, n_features, room
    cdef object groups_of
    cdef uint8_t *group_features  # n_groups x n_features: feature f belongs to group k
    cdef uint8_t *open_groups     # by leaf record, n_groups each: all features of the branch belong to group k
    cdef uint64_t seed

    cdef int reserve(self, Py_ssize_t records) except -1
    cdef void open_root(self) noexcept nogil
    cdef void narrow(self, Py_ssize_t parent, Py_ssize_t left, Py_ssize_t right, int32_t feature) noexcept nogil
    cdef const uint8_t *allowed(self, HistogramLayout layout, Py_ssize_t record, const Leaf *leaf, uint8_t *mask,
                                int32_t *draw) noexcept nogil
    cdef void draw_features(self, double fraction, uint64_t key, Py_ssize_t n_features, uint8_t *mask,
                            int32_t *draw) noexcept nogil
