"""Rows of any table as lines of doubles, for trees that compare values (src_c/tree/walk.h)."""

from libc.stdint cimport int32_t, uint8_t

from fastml._engine.tree.binning cimport BinMapper, BinnedMatrix
from fastml._engine.tree.source cimport Source
from fastml._engine.tree.value_ranks cimport ValueRanks


cdef class ValueRows:
    cdef readonly Py_ssize_t n_rows, n_features, width
    cdef Source source             # one of these two
    cdef BinnedMatrix binned
    cdef BinMapper mapper
    cdef const double[:, ::1] shown     # (n_features, 256) what stands for a code of `binned`
    cdef ValueRanks ranks               # or None: of features whose values are known better than by code
    cdef const int32_t[::1] features    # (width,) the feature of each place in a line
    cdef int32_t *slot                  # (n_features,) place of each feature or -1; NULL: its own number
    cdef const uint8_t[::1] is_categorical
    cdef const double *direct           # row 0, where the table can be walked as it lies
    cdef Py_ssize_t direct_stride
    cdef object _owner

    # Lines of rows [lo, lo + n) at out; room: n doubles.
    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *out, double *room) noexcept nogil
    cdef void _fill_sparse(self, Py_ssize_t lo, Py_ssize_t n, double *out, double *room) noexcept nogil
