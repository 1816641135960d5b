"""The kernels' own digamma function, its exponential, and log gamma, of arrays: to look at their error from Python."""

import numpy as np

from fastml._engine.runtime.dense_kernels cimport D


def exp_digamma(x):
    """exp(psi(x)) of a float32 or float64 array, as the kernels compute it (src_c/dense/digamma.h)."""
    x = np.ascontiguousarray(x)
    out = np.empty_like(x)
    cdef float[::1] x32, out32
    cdef double[::1] x64, out64
    if x.size and x.dtype == np.float32:
        x32, out32 = x.reshape(-1), out.reshape(-1)
        D.digamma_exp_f32(&x32[0], x32.shape[0], &out32[0])
    elif x.size:
        x64, out64 = x.reshape(-1), out.reshape(-1)
        D.digamma_exp_f64(&x64[0], x64.shape[0], &out64[0])
    return out


def digamma(x):
    """psi(x) of a float64 array."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    cdef double[::1] x64 = x.reshape(-1), out64 = out.reshape(-1)
    if x64.shape[0]:
        D.digamma_psi_f64(&x64[0], x64.shape[0], &out64[0])
    return out


def log_gamma(x):
    """log(gamma(x)) of a float64 array."""
    x = np.ascontiguousarray(x, dtype=np.float64)
    out = np.empty_like(x)
    cdef double[::1] x64 = x.reshape(-1), out64 = out.reshape(-1)
    if x64.shape[0]:
        D.digamma_log_gamma_f64(&x64[0], x64.shape[0], &out64[0])
    return out
