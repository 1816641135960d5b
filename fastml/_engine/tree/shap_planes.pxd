"""Rows in groups of lanes, a plane for each feature (src_c/tree/shap.h)."""

from libc.stdint cimport int32_t, uint8_t

from fastml._engine.tree.binning cimport BinMapper, CodeSource
from fastml._engine.tree.value_rows cimport ValueRows


cdef class Planes:
    cdef readonly Py_ssize_t n_rows, n_planes
    cdef Py_ssize_t room(self, Py_ssize_t n_rows) noexcept
    # Planes of rows [lo, lo + n), and zeros to the end of their last group. room: as many doubles as room(n).
    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *planes, double *room) noexcept nogil


cdef class CodePlanes(Planes):
    cdef BinMapper mapper
    cdef CodeSource source
    cdef uint8_t *is_categorical


cdef class ValuePlanes(Planes):
    cdef ValueRows rows
    cdef const int32_t[::1] features
