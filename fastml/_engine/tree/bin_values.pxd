from libc.stdint cimport uint8_t


cdef class BinValues:
    cdef readonly object lower, upper


cdef double halfway(double a, double b) noexcept nogil
cdef double place_threshold(const double *lower, const double *upper, int a, int b, double middle,
                            uint8_t *code) noexcept nogil
