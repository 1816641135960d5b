from libc.stdint cimport int32_t, int64_t, uint8_t

from fastml._engine.runtime.tree_kernels cimport split_candidate


cdef struct Node:
    int32_t left, right      # -1 in a leaf
    int32_t feature          # -1 in a leaf
    int32_t category_set     # -1 unless the split is categorical
    int32_t depth
    int32_t leaf             # the grower's record of a leaf, -1 in an inner node
    uint8_t code, missing_left
    double value, gain, weight
    int64_t count


cdef class TreeBuilder:
    """The nodes of a tree under construction, parents before children."""

    cdef Node *nodes
    cdef uint8_t *sets       # 32 bytes per categorical split
    cdef Py_ssize_t n_nodes, n_sets, room

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef Node *add(self, int32_t leaf, int32_t depth, double value, double weight, int64_t count) noexcept nogil
    cdef void split(self, int32_t node, const split_candidate *split, bint missing_left) noexcept nogil
