"""The C kernels, seen from Cython: ``from fastml._engine.runtime.kernels cimport K, fastml_kernels``."""

from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t  # noqa: F401


cdef extern from "kernels.h" nogil:
    ctypedef struct fastml_kernels:
        const char *name

# The table in use. A plain pointer, shared by every module that cimports it: select() changes it for all.
cdef const fastml_kernels *K
