"""Single rows through all trees at once: the interface of the predictors."""

from libc.stdint cimport int32_t

from fastml._engine.runtime.tree_kernels cimport single_row_coder, single_row_pack
from fastml._engine.tree.binning cimport BinMapper


cdef class RowCoder:
    cdef single_row_coder c
    cdef readonly Py_ssize_t table_size  # bytes that the codes of a row take
    cdef BinMapper mapper                # what the planes point to
    cdef dict memory

    cdef int build(self, const int32_t[::1] planes, const int32_t[::1] features, const int32_t[::1] code_at,
                   const int32_t[::1] less_at) except -1


cdef class SingleRowPack:
    cdef single_row_pack c
    cdef readonly RowCoder coder
    cdef readonly double one_ns          # estimated time of a row through the trees
    cdef dict memory
