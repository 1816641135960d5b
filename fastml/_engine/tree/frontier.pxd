from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from fastml._engine.runtime.kernels cimport split_candidate, split_node


cdef struct Leaf:
    int64_t start, n         # rows [start, start + n) of a row buffer
    int32_t buffer           # which of the two
    int32_t depth
    int32_t node             # number in the tree, -1 until its parent's split is final
    int32_t slot             # histogram, -1: none
    int32_t left, right      # its children once the split has been tried, -1 before
    bint checked             # its split obeys every limit exactly
    uint64_t path            # hash of the way from the root: seeds what is random in this node
    split_node sums
    split_candidate split


cdef class Frontier:
    """Records of all leaves of a growing tree and the queue of those that may still be split."""

    cdef Leaf *leaves        # never moved while threads run
    cdef int32_t *queue      # a binary heap of records
    cdef Py_ssize_t n_leaves, n_queue, room
    cdef bint by_level

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef bint before(self, int32_t a, int32_t b) noexcept nogil
    cdef void push(self, int32_t leaf) noexcept nogil
    cdef int32_t pop(self) noexcept nogil
    cdef int32_t worst_with_histogram(self) noexcept nogil
