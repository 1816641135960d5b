"""Statistics and fixed-point packing of gradients, for the grower to cimport."""

from libc.stdint cimport uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport GradientStats, Packed

cdef extern from "tree/gradient.h" nogil:
    const int GRADIENT_BLOCK
    const int GRADIENT_MAX_GQ
    const int GRADIENT_MAX_HQ
    const int GRADIENT_MAX_ROWS

# What the two functions below return: 0 or one of these.
cdef enum:
    GRADIENT_OK = 0
    GRADIENT_NO_MEMORY = -1
    GRADIENT_NOT_FINITE = -2
    GRADIENT_NEGATIVE_HESSIAN = -3
    GRADIENT_TOO_MANY_ROWS = -4

# Over all n rows (rows NULL) or the n listed ones. h NULL: h = 1. min_h: the smallest h that is not zero.
cdef int gradient_stats(const float *g, const float *h, Py_ssize_t n, const uint32_t *rows, int n_threads,
                        GradientStats *out) noexcept nogil

# Row i of the data (rows NULL) or the i-th listed one goes to gh[i]; its rounding depends on (row, seed) alone.
cdef int pack_gradients(const float *g, const float *h, Py_ssize_t n, const uint32_t *rows, uint64_t seed,
                        const GradientStats *stats, int n_threads, uint32_t *gh, Packed *out) noexcept nogil

# The exception that belongs to a status, raised; GRADIENT_OK: nothing.
cdef int raise_gradient_status(int status) except -1
