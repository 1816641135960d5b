from libc.stdint cimport int64_t, uint64_t

from fastml._engine.tree.binned cimport BinnedMatrix
from fastml._engine.tree.bootstrap cimport RowLottery
from fastml._engine.tree.cart_arrays cimport CartArrays
from fastml._engine.tree.cart_growth cimport CartSettings, Growth, Sample
from fastml._engine.tree.records cimport RecordLayout
from fastml._engine.tree.value_ranks cimport ValueRanks


cdef class CartGrower:
    cdef readonly BinnedMatrix binned
    cdef readonly int n_threads
    cdef CartSettings settings
    cdef RecordLayout layout
    cdef ValueRanks ranks         # None: nothing is to be told apart
    cdef RowLottery lottery
    cdef dict keep, known        # arrays that the settings point into, for good and for the targets of the last call
    cdef object weights
    cdef object criterion, n_classes
    # of a call of grow
    cdef int64_t n_trees, n_apart  # trees; those of them that a thread grows alone
    cdef int64_t next_tree
    cdef const uint64_t *seeds
    cdef CartArrays *grown
    cdef Growth *workers
    cdef Sample *samples
    cdef int64_t n_workers, n_samples      # that are at work; room for more may be there
    cdef int64_t worker_room, sample_room, room_stride, room_channels, room_wide
    cdef double least_weight
    cdef readonly bint placed     # whether the last call of grow has filled in places

    cdef prepare(self, targets, weights, n_draws)
    cdef prepare_targets(self, given, double total_weight)
    cdef prepare_numbers(self, targets, double total_weight, dict known)
    cdef bint writes_places(self)
    cdef bint has_all_rows(self)
    cdef share_out(self)
    cdef allocate(self, int64_t n_workers, int64_t n_samples)
    cdef forget_arrays(self)
    cdef release(self)
    cdef raise_failures(self)
    cdef grow_apart(self, list trees)
    cdef grow_together(self, list trees)
    cdef void work(self, Growth *g, Sample *sample, int64_t budget) noexcept nogil
    cdef bint finish(self, const Growth *g, int64_t tree) noexcept nogil
