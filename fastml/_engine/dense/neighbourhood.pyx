"""Products of many small matrices: the sums of a map's nodes, smoothed by its neighbourhood.

Strips of columns are shared among threads; an element is always summed in the same order, so the number of
threads changes no bit. Beside the result no memory is taken.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from fastml._engine.runtime.dense_kernels cimport D, NEIGHBOURHOOD_STRIP

cdef enum:
    SERIAL_PRODUCTS = 400_000  # multiplications for which a second thread does not pay


def products(h, s, double[:, :, ::1] out not None, int n_threads=1):
    """out[i] = h[i] @ s[i].

    Parameters
    ----------
    h : float64 array of shape (n, m, p)
        Any view whose last axis is contiguous: windows of a larger matrix may overlap, or be the same.
    s : float64 array of shape (n, p, w)
        Likewise; finite.
    out : float64 array of shape (n, m, w)
        Written; shares no memory with the others.
    n_threads : int, default=1
    """
    cdef const double[:, :, :] left = h, right = s
    cdef Py_ssize_t n = out.shape[0], m = out.shape[1], w = out.shape[2], p = left.shape[2]
    if left.shape[0] != n or left.shape[1] != m or (right.shape[0], right.shape[1], right.shape[2]) != (n, p, w):
        raise ValueError(f"cannot multiply {np.shape(h)} by {np.shape(s)} into {np.shape(out)}")
    if (p > 1 and left.strides[2] != sizeof(double)) or (w > 1 and right.strides[2] != sizeof(double)):
        raise ValueError("the last axes must be contiguous")
    if not (n and m and p and w):
        np.asarray(out)[...] = 0.0
        return
    cdef int64_t left_stride = left.strides[1] // <Py_ssize_t>sizeof(double)
    cdef int64_t right_stride = right.strides[1] // <Py_ssize_t>sizeof(double)
    cdef Py_ssize_t n_strips = (w + NEIGHBOURHOOD_STRIP - 1) // NEIGHBOURHOOD_STRIP, task, i, c
    if n * m * p * w < SERIAL_PRODUCTS:
        n_threads = 1
    # strip by strip: what a strip of s needs of the cache is small
    for task in prange(n * n_strips, nogil=True, num_threads=n_threads, schedule="static"):
        i = task // n_strips
        c = task % n_strips * NEIGHBOURHOOD_STRIP
        D.neighbourhood_smooth(&left[i, 0, 0], left_stride, m, p, &right[i, 0, c], right_stride,
                               min(<Py_ssize_t>NEIGHBOURHOOD_STRIP, w - c), &out[i, 0, c], w)
