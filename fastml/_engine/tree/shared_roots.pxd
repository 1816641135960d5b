from libc.stdint cimport int64_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport Packed
from fastml._engine.tree.histogram cimport OUTPUTS, HistogramLayout


cdef class SharedRoots:
    """Packed gradients and root histograms of the trees that are grown next on the same rows."""

    cdef uint32_t *gh[OUTPUTS]
    cdef int64_t *cells[OUTPUTS]       # as long as those of a HistogramPool: the grower exchanges the two
    cdef Packed packed[OUTPUTS]
    cdef bint constant[OUTPUTS]        # every hessian is 1
    cdef int64_t *lines                # n_lines parts of part_cells cells
    cdef int64_t part_cells, n_cells
    cdef int n_lines, n_counted

    cdef int reserve(self, HistogramLayout layout, int64_t n_cells, int n_threads) except -1
    cdef void count(self, HistogramLayout layout, int64_t n, int n_outputs, int n_threads) noexcept nogil
    cdef void add(self, HistogramLayout layout, int b, int64_t n, int64_t lo, int64_t hi, int n_outputs,
                  int64_t *lines) noexcept nogil
    cdef void spread(self, HistogramLayout layout, int b, int64_t lo, int64_t hi, int64_t *lines, int n_parts,
                     int n_outputs) noexcept nogil
    cdef void exchange_gradients(self, int k, uint32_t **gh) noexcept nogil
    cdef void exchange_cells(self, int k, int64_t **cells) noexcept nogil
