"""Probabilities of classes from their scores, a row at a time: read once, without arrays in between.

The exponential is libm's, as accurate as numpy's; a row alone and the same row of a table get the same bits.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport exp

cdef enum:
    BLOCK = 512              # rows
    CELLS_FOR_THREADS = 1 << 14


def softmax(const double[:, :] raw not None, int n_threads=1):
    """exp(score) over the sum of that over the row.

    Parameters
    ----------
    raw : float64 array of shape (n_rows, n_classes)
        With any strides, of at least one class.
    n_threads : int, default=1

    Returns
    -------
    float64 array of shape (n_rows, n_classes)
        NaN in rows that hold NaN or infinity.

    Raises
    ------
    ValueError
        If there is no class.
    """
    cdef Py_ssize_t n = raw.shape[0], b, n_blocks = (n + BLOCK - 1) // BLOCK
    cdef double[:, ::1] out
    cdef int threads = n_threads if n * raw.shape[1] >= CELLS_FOR_THREADS else 1
    if raw.shape[1] == 0:
        raise ValueError("scores of at least one class were expected, got none")
    result = np.empty((n, raw.shape[1]))
    out = result
    if threads == 1:
        with nogil:
            rows(raw, 0, n, out)
        return result
    for b in prange(n_blocks, nogil=True, num_threads=threads, schedule="static"):
        rows(raw, b * BLOCK, min(n, (b + 1) * BLOCK), out)
    return result


def sigmoid(const double[:, :] raw not None, double scale=1.0, int n_threads=1):
    """1 / (1 + exp(-scale * score)), of each score.

    Parameters
    ----------
    raw : float64 array of shape (n_rows, n_outputs)
        With any strides.
    scale : float, default=1.0
    n_threads : int, default=1

    Returns
    -------
    float64 array of shape (n_rows, n_outputs)
    """
    cdef Py_ssize_t n = raw.shape[0], b, n_blocks = (n + BLOCK - 1) // BLOCK
    cdef double[:, ::1] out
    cdef int threads = n_threads if n * raw.shape[1] >= CELLS_FOR_THREADS else 1
    result = np.empty((n, raw.shape[1]))
    out = result
    if threads == 1:
        with nogil:
            sigmoids(raw, scale, 0, n, out)
        return result
    for b in prange(n_blocks, nogil=True, num_threads=threads, schedule="static"):
        sigmoids(raw, scale, b * BLOCK, min(n, (b + 1) * BLOCK), out)
    return result


cdef void sigmoids(const double[:, :] raw, double scale, Py_ssize_t lo, Py_ssize_t hi,
                   double[:, ::1] out) noexcept nogil:
    cdef Py_ssize_t i, k
    for i in range(lo, hi):
        for k in range(raw.shape[1]):
            out[i, k] = 1.0 / (1.0 + exp(-scale * raw[i, k]))


cdef void rows(const double[:, :] raw, Py_ssize_t lo, Py_ssize_t hi, double[:, ::1] out) noexcept nogil:
    cdef Py_ssize_t i, k, n_classes = raw.shape[1]
    cdef double top, total
    for i in range(lo, hi):
        top = raw[i, 0]
        for k in range(1, n_classes):
            if raw[i, k] > top:
                top = raw[i, k]
        total = 0.0
        for k in range(n_classes):
            out[i, k] = exp(raw[i, k] - top)
            total += out[i, k]
        for k in range(n_classes):
            out[i, k] /= total
