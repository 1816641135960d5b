"""The dense engine's C kernels, seen from Cython: ``from fastml._engine.runtime.dense_kernels cimport D``.

Names end in the type that the kernel works in, ``_f32`` or ``_f64``.
"""

from libc.stdint cimport int64_t


cdef extern from "dense/kernels.h" nogil:
    ctypedef struct fastml_dense_kernels:
        void (*vmath_exp_f32)(const float *x, int64_t n, float *out) noexcept nogil
        void (*vmath_exp_f64)(const double *x, int64_t n, double *out) noexcept nogil
        void (*vmath_log_f32)(const float *x, int64_t n, float *out) noexcept nogil
        void (*vmath_log_f64)(const double *x, int64_t n, double *out) noexcept nogil

# The table in use. A plain pointer, shared by every module that cimports it: select() changes it for all.
cdef const fastml_dense_kernels *D
