"""The kernels' own exp and log of arrays, to look at their error from Python."""

import numpy as np

from fastml._engine.runtime.dense_kernels cimport D


def exp(x):
    """exp(x) of a float32 or float64 array, as the kernels compute it (src_c/dense/exp_log.h)."""
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    cdef float[::1] x32, out32
    cdef double[::1] x64, out64
    if x.size and x.dtype == np.float32:
        x32, out32 = x.reshape(-1), out.reshape(-1)
        D.vmath_exp_f32(&x32[0], x32.shape[0], &out32[0])
    elif x.size:
        x64, out64 = x.reshape(-1), out.reshape(-1)
        D.vmath_exp_f64(&x64[0], x64.shape[0], &out64[0])
    return out


def log(x):
    """log(x) of a float32 or float64 array, as the kernels compute it (src_c/dense/exp_log.h)."""
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    cdef float[::1] x32, out32
    cdef double[::1] x64, out64
    if x.size and x.dtype == np.float32:
        x32, out32 = x.reshape(-1), out.reshape(-1)
        D.vmath_log_f32(&x32[0], x32.shape[0], &out32[0])
    elif x.size:
        x64, out64 = x.reshape(-1), out.reshape(-1)
        D.vmath_log_f64(&x64[0], x64.shape[0], &out64[0])
    return out
