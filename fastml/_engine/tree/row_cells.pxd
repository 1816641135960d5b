from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport row_cells, row_cells_group
from fastml._engine.tree.binning cimport BinnedMatrix


cdef struct BlockLists:
    row_cells lists
    row_cells_group *groups
    int32_t n_groups
    int64_t least_rows                 # of a node for which lists pay


cdef class RowCells:
    """The lists of one block of features, and what they leave out."""

    cdef BlockLists own
    cdef readonly int32_t n_cells      # beyond those of the features
    cdef BinnedMatrix binned
    cdef Py_ssize_t block
    cdef int64_t version               # of the order of rows that the lists are in
    cdef bint filled                   # lists have different lengths
    cdef object memory, starts

    cdef refresh(self, int n_threads)
