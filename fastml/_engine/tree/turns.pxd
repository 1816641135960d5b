from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport split_candidate
from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.trial cimport SplitTrials


cdef class Turns(SplitTrials):
    """The order of trials and of final splits of one growing tree."""

    cdef int64_t n_final         # leaves of the final tree
    cdef int64_t n_pending       # leaves that have been tried or are being tried, and are not final
    cdef int64_t rows_since_check
    cdef Py_ssize_t large        # rows from which all threads work on one node
    cdef int stop                # why the threads stop

    cdef void advance(self) noexcept nogil
    cdef bint grown(self) noexcept nogil
    cdef void commit(self, int32_t index) noexcept nogil
    cdef void add_node(self, int32_t record) noexcept nogil
    cdef int32_t next_leaf(self, bint alone) noexcept nogil
    cdef bint begin(self, int32_t leaf, int32_t *spare, int32_t *other) noexcept nogil
    cdef void work_alone(self, int thread, bint alone) noexcept nogil
    cdef int work_together(self) noexcept nogil
    cdef grow_leaves(self)
    cdef void settle(self, int32_t index, int32_t spare, int32_t other, bint lawful,
                     const split_candidate *instead) noexcept nogil
