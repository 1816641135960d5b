"""Values of features that have more of them than codes, as every row has them."""

from libc.stdint cimport int32_t, int64_t, uint16_t

from fastml._engine.runtime.tree_kernels cimport recode_ranks


cdef struct Known:             # of the values of one feature
    bint whole                 # there was memory for all
    int32_t n                  # ranks; 0: there are too many values
    double *lower              # (n + 1,) by rank, from 0 on
    double *upper


cdef class ValueRanks:
    cdef recode_ranks wide          # points into the arrays
    cdef readonly object ranks, features, slot, first, lower, upper
    cdef const uint16_t[:, ::1] ranks_view
    cdef const int32_t[::1] features_view, slot_view
    cdef const int64_t[::1] first_view
    cdef const double[::1] lower_view, upper_view

    cdef _point(self)


cdef double place_between(const double *lower, const double *upper, int32_t a, int32_t b, double middle,
                          uint16_t *rank) noexcept nogil
