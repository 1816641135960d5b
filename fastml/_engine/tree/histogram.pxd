from libc.stdint cimport int32_t, int64_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport histogram_block
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.row_cells cimport BlockLists


cdef enum:
    COUNTED = 1023  # HISTOGRAM_COUNTED of histogram.h
    OUTPUTS = 8     # HISTOGRAM_OUTPUTS


cdef class HistogramLayout:
    """Which features are counted, where their codes lie and where their cells go."""

    cdef readonly Py_ssize_t n_cells       # cells of a whole histogram
    cdef readonly Py_ssize_t n_features    # active ones
    cdef readonly int n_blocks
    cdef histogram_block *blocks           # n_blocks
    cdef int64_t *block_cells              # n_blocks + 1: the cells of block b are [b], [b + 1]
    cdef int64_t *block_tables             # n_blocks: those of its tables and the spare ones begin at [b]
    cdef BlockLists **block_lists          # n_blocks: NULL where codes are read
    cdef readonly list lists               # keeps them alive
    cdef readonly Py_ssize_t n_searched    # codes of all active features
    cdef int32_t *features                 # active features, ascending
    cdef int32_t *n_codes                  # of each
    cdef int32_t *position                 # byte of each in a row of its block
    cdef int32_t *offset                   # first cell of each
    cdef BinnedMatrix binned               # keeps the codes alive

    cdef refresh(self, int n_threads)


cdef class HistogramPool:
    """Histograms to be taken and given back; memory is kept from tree to tree."""

    cdef int64_t **slots
    cdef int32_t *free_slots
    cdef Py_ssize_t n_slots, n_free, room, most, cells

    cdef int resize(self, Py_ssize_t cells) except -1
    cdef bint full(self) noexcept nogil
    cdef int reserve(self, Py_ssize_t slots) except -1
    cdef int32_t take(self) noexcept nogil
    cdef void release(self, int32_t slot) noexcept nogil
    cdef void release_all(self) noexcept nogil


cdef void build_histogram(HistogramLayout layout, const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                          int64_t *cells, bint counted, int64_t *scratch, int n_threads) noexcept nogil

cdef int row_parts(HistogramLayout layout, int64_t n, int n_threads) noexcept nogil
cdef bint listed(HistogramLayout layout, int b, int64_t n) noexcept nogil
cdef void complete(HistogramLayout layout, int b, int64_t *cells) noexcept nogil
