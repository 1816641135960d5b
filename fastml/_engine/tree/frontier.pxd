from libc.stdint cimport int32_t, int64_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport split_candidate, split_node


cdef struct Leaf:
    int64_t start, n         # rows [start, start + n) of a row buffer
    int32_t buffer           # which of the two
    int32_t depth
    int32_t node             # number in the tree, -1 until its parent's split is final
    int32_t slot             # histogram, -1: none
    int32_t left, right      # its children once the split has been tried, -1 before
    bint checked             # its split obeys every limit exactly
    bint busy                # a thread is trying it
    bint moved               # its rows have been copied to its children's places, over its parent's
    bint shuffled            # its rows are not in ascending order
    uint64_t path            # hash of the way from the root: seeds what is random in this node
    double priority          # the least gain on the way here from the final tree: how likely a split is to be final
    split_node sums
    split_candidate split


cdef struct Heap:
    int32_t *records
    Py_ssize_t n
    bint by_priority         # else: in the order in which splits become final


cdef class Frontier:
    """Records of all leaves of a growing tree, and which of them come next."""

    cdef Leaf *leaves        # never moved while threads run
    cdef Heap queue          # leaves of the final tree that may still be split
    cdef Heap ahead          # leaves that nobody has tried yet, also below splits that are not final
    cdef Py_ssize_t n_leaves, room
    cdef bint by_level

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef void clear(self) noexcept nogil
    cdef bint before(self, int32_t a, int32_t b, bint by_priority) noexcept nogil
    cdef void push(self, Heap *heap, int32_t leaf) noexcept nogil
    cdef int32_t pop(self, Heap *heap) noexcept nogil
    cdef void reconsider(self, int32_t leaf) noexcept nogil
    cdef void look_ahead(self, int32_t leaf, double priority) noexcept nogil
    cdef int32_t worst_with_histogram(self) noexcept nogil
