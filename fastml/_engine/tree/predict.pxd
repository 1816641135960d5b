"""Work over blocks of rows: what prediction and explanation have in common."""

from libc.stdint cimport uint8_t

from fastml._engine.runtime.tree_kernels cimport traverse_space
from fastml._engine.tree.binning cimport BinMapper, CodeSource
from fastml._engine.tree.pack cimport Pack


cdef class Work:
    """Something that is done to each block of rows, by several threads."""
    cdef Pack pack
    cdef Py_ssize_t n_rows, block_rows, n_planes, room_size, tiles_size, slots_size, leaf_size
    cdef int n_threads
    cdef double row_ns
    cdef object memory, progress  # progress: None, or told the rows that are done and the rows of all
    cdef uint8_t *room

    cdef int prepare(self, Py_ssize_t n_rows, Py_ssize_t n_planes, double row_ns, int n_threads) except -1
    cdef int run(self) except -1
    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil
    cdef uint8_t *tiles(self, int thread) noexcept nogil
    cdef traverse_space space(self, int thread) noexcept nogil
    cdef double *sums(self, int thread) noexcept nogil


cdef void code_tiles(BinMapper mapper, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *tiles) noexcept nogil
