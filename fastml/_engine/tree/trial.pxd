from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport split_candidate
from fastml._engine.runtime.openmp cimport lock_t
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.columns cimport ColumnChoice
from fastml._engine.tree.frontier cimport Frontier, Leaf
from fastml._engine.tree.histogram cimport HistogramLayout, HistogramPool
from fastml._engine.tree.rows cimport NodeRows
from fastml._engine.tree.split cimport SplitSearch
from fastml._engine.tree.tree cimport TreeBuilder


cdef struct Workspace:      # of one thread
    split_candidate *candidates
    uint8_t *allowed
    uint64_t *mask
    int64_t *block_left
    int32_t *draw
    split_candidate found   # instead of a split that breaks a limit


cdef class SplitTrials:
    cdef readonly BinnedMatrix binned
    cdef readonly int n_threads
    cdef SplitSearch search
    cdef HistogramLayout layout
    cdef ColumnChoice columns
    cdef object edges, features_key, monotone
    # limits
    cdef int64_t max_leaves
    cdef int32_t max_depth
    cdef bint constant_hessian
    cdef double min_sum_hessian, min_split_gain
    cdef int64_t min_rows, min_h
    cdef bint counts_rows      # the histograms of small nodes have rows as well
    cdef double min_weight
    cdef NodeRows rows
    cdef HistogramPool pool
    cdef int64_t *scratch
    cdef Py_ssize_t scratch_cells
    cdef TreeBuilder tree
    cdef Frontier front
    cdef Workspace *work
    cdef lock_t lock
    cdef volatile bint complete
    cdef readonly object leaf_nodes

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef bint has_room(self, Py_ssize_t more) noexcept nogil
    cdef int32_t take_slot(self) noexcept nogil
    cdef Py_ssize_t together(self, Py_ssize_t n_rows) noexcept nogil
    cdef bint given_up(self) noexcept nogil
    cdef bint can_split(self, const Leaf *leaf) noexcept nogil
    cdef void count(self, const Leaf *leaf, int32_t slot, bint counted, int n_threads) noexcept nogil
    cdef void search_leaf(self, int32_t index, const int64_t *sibling, int64_t *cells, Workspace *work,
                          int n_threads) noexcept nogil
    cdef bint enough_left(self, const Leaf *leaf, int64_t n_left, const uint64_t *mask) noexcept nogil
    cdef void make_child(self, const Leaf *parent, Leaf *child, int side, int64_t n_left) noexcept nogil
    cdef bint try_split(self, int32_t index, int32_t spare, int32_t other, bint search_children, Workspace *work,
                        int n_threads) noexcept nogil
