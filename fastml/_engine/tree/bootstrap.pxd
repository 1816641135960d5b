from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t


cdef class RowLottery:
    cdef Py_ssize_t n_rows
    cdef object _share, _other
    cdef const double *share     # of a place that its own row has; NULL: all rows alike
    cdef const int32_t *other    # the row that has the rest

    cdef void draw(self, uint64_t seed, int64_t n_draws, uint32_t *counts) noexcept nogil
