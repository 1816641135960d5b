from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.kernels cimport Packed, split_candidate, split_node
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.histogram cimport HistogramLayout, HistogramPool
from fastml._engine.tree.split cimport SplitSearch
from fastml._engine.tree.tree cimport TreeBuilder


cdef struct Leaf:
    int64_t start, n         # rows [start, start + n) of a row buffer
    int32_t buffer           # which of the two
    int32_t depth
    int32_t node             # number in the tree, -1 until its parent's split is final
    int32_t slot             # histogram, -1: none
    int32_t left, right      # its children once the split has been tried, -1 before
    int32_t groups           # interaction groups still open: row of an arena
    bint checked             # its split obeys every limit exactly
    uint64_t path            # hash of the way from the root: seeds what is random in this node
    split_node sums
    split_candidate split


cdef struct Workspace:      # of one thread
    split_candidate *candidates
    uint8_t *allowed
    uint64_t *mask
    int64_t *block_left
    int32_t *draw


cdef class Grower:
    cdef readonly BinnedMatrix binned
    cdef readonly int n_threads
    cdef SplitSearch search
    cdef HistogramLayout layout
    cdef object edges, features_key, groups_of, monotone
    # limits
    cdef int64_t max_leaves
    cdef int32_t max_depth
    cdef bint by_level, constant_hessian
    cdef double min_sum_hessian, min_split_gain, bylevel, bynode
    cdef int64_t min_rows
    cdef double min_weight
    # rows and packed gradients, two buffers each: a split moves its rows from one to the other
    cdef uint32_t *rows[2]
    cdef uint32_t *gh[2]
    cdef bint implicit_root  # the root holds all rows in order: its row numbers are not written down
    cdef int64_t n_rows_in
    cdef HistogramPool pool
    cdef int64_t *scratch
    cdef Py_ssize_t scratch_cells
    cdef TreeBuilder tree
    # leaves (records are never moved while threads run) and the queue of open ones
    cdef Leaf *leaves
    cdef int32_t *queue
    cdef uint8_t *groups
    cdef Py_ssize_t n_leaves, leaves_room, n_queue, n_groups
    cdef uint8_t *group_features  # n_groups x n_features
    cdef Workspace *work
    cdef Py_ssize_t work_features
    cdef uint64_t seed
    cdef readonly object leaf_nodes

    cdef int reserve(self, Py_ssize_t more) except -1
    cdef int32_t take_slot(self) except -1
    cdef bint before(self, int32_t a, int32_t b) noexcept nogil
    cdef void push(self, int32_t leaf) noexcept nogil
    cdef int32_t pop(self) noexcept nogil
    cdef const uint8_t *allowed_features(self, const Leaf *leaf, Workspace *work) noexcept nogil
    cdef void draw_features(self, double fraction, uint64_t key, Workspace *work) noexcept nogil
    cdef bint can_split(self, const Leaf *leaf) noexcept nogil
    cdef void search_leaf(self, Leaf *leaf, const int64_t *sibling, int64_t *cells, Workspace *work, int n_threads) noexcept nogil
    cdef const uint32_t *rows_of(self, const Leaf *leaf) noexcept nogil
    cdef bint enough_left(self, const Leaf *leaf, int64_t n_left, const uint64_t *mask) noexcept nogil
    cdef void try_split(self, int32_t index, int32_t spare, int32_t other, bint search_children, Workspace *work, int n_threads) noexcept nogil
    cdef void make_child(self, const Leaf *parent, Leaf *child, int side, int64_t n_left) noexcept nogil
    cdef void commit(self, int32_t index) noexcept nogil
    cdef void add_node(self, int32_t record) noexcept nogil
    cdef set_features(self, features)
    cdef set_scales(self, const Packed *packed, bint constant)
    cdef grow_leaves(self)
    cdef try_leaves(self, const int32_t *todo, const int32_t *spare, const int32_t *other, Py_ssize_t n,
                    bint search_children)
    cdef void settle_slots(self, int32_t index, int32_t spare, int32_t other) noexcept nogil
    cdef void add_value(self, int32_t node, int64_t first, double value, double *raw) noexcept nogil
