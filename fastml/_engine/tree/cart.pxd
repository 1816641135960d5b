from libc.stdint cimport int64_t, uint64_t

from fastml._engine.tree.binned cimport BinnedMatrix
from fastml._engine.tree.bootstrap cimport RowLottery
from fastml._engine.tree.cart_arrays cimport CartArrays
from fastml._engine.tree.cart_growth cimport CartSettings, Growth
from fastml._engine.tree.records cimport RecordLayout


cdef class CartGrower:
    cdef readonly BinnedMatrix binned
    cdef readonly int n_threads
    cdef CartSettings settings
    cdef RecordLayout layout
    cdef RowLottery lottery
    cdef dict keep, call         # arrays that the settings point into, for good and for a call of grow
    cdef object criterion, n_classes
    cdef int64_t min_samples_leaf
    # of a call of grow
    cdef int64_t next_tree, n_trees
    cdef const uint64_t *seeds
    cdef CartArrays *grown

    cdef prepare(self, targets, weights, n_draws)
    cdef prepare_numbers(self, targets, double total_weight)
    cdef void work(self, Growth *g, int64_t budget) noexcept nogil
    cdef void plant(self, Growth *g) noexcept nogil
    cdef void balance_sample(self, Growth *g) noexcept nogil
