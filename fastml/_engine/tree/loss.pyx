"""Threads around the loss kernel: the weighted mean of a loss over all rows, the same bits on any number of threads."""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free, malloc

from fastml._engine.runtime.tree_kernels cimport K, LossSum, gradient_task
from fastml._engine.tree.gradient cimport GRADIENT_BLOCK

import numpy as np

from fastml._engine.tree.gradient import LOSSES


def mean_loss(str loss, y, const double[:, ::1] raw, weight=None, *, double param=0.0, int n_threads=1):
    """Weighted mean of a loss, constant terms left out.

    Parameters
    ----------
    loss : str
        A key of ``LOSSES`` but "given".
    y : ndarray of shape (n_rows,)
        Contiguous: uint8 of 0 and 1 for the binary losses, int32 classes for the multinomial ones, else float64.
    raw : ndarray of shape (n_outputs, n_rows), float64
        Scores.
    weight : ndarray of shape (n_rows,), float64, or None
    param : float
        Delta, quantile level, power or focusing exponent.
    n_threads : int

    Returns
    -------
    float
        Infinite if the loss of a row is.

    Raises
    ------
    ValueError
        A length or type differs from the above, there are no rows, or the weights sum to zero.
    """
    cdef gradient_task task
    cdef Py_ssize_t n = raw.shape[1], b, n_blocks = (n + GRADIENT_BLOCK - 1) // GRADIENT_BLOCK, lo
    cdef int threads = 1 if n_blocks < 8 else n_threads, n_outputs = <int> raw.shape[0]
    cdef const double[::1] y_real, weight_view
    cdef const uint8_t[::1] y_binary
    cdef const int32_t[::1] y_class
    cdef LossSum *blocks
    cdef double total = 0.0, total_weight = 0.0
    if loss not in LOSSES or loss == "given":
        raise ValueError(f"unknown loss {loss!r}")
    if n == 0 or n_outputs == 0:
        raise ValueError("the loss of no rows is undefined")
    if len(y) != n or (weight is not None and len(weight) != n):
        raise ValueError(f"y and weight must have the {n} elements of the scores")
    task.loss = LOSSES[loss]
    task.param = param
    task.raw = &raw[0, 0]
    task.weight = NULL
    if weight is not None:
        top = np.max(weight)
        if top > 1e290:  # the sum would overflow
            weight = weight / top
        weight_view = weight
        task.weight = &weight_view[0]
    if loss.endswith("_binary"):
        y_binary = y
        task.y = &y_binary[0]
    elif loss.endswith("_multinomial"):
        y_class = y
        task.y = &y_class[0]
        if np.min(y) < 0 or np.max(y) >= n_outputs:
            raise ValueError(f"y must hold classes from 0 to {n_outputs - 1}")
    else:
        y_real = y
        task.y = &y_real[0]
    blocks = <LossSum *> malloc(n_blocks * sizeof(LossSum))
    if blocks == NULL:
        raise MemoryError("not enough memory for the sums of the loss")
    with nogil:
        for b in prange(n_blocks, num_threads=threads, schedule="static"):
            lo = b * GRADIENT_BLOCK
            K.loss_rows(&task, n, n_outputs, lo, min(n, lo + GRADIENT_BLOCK), &blocks[b])
        for b in range(n_blocks):
            total += blocks[b].loss
            total_weight += blocks[b].weight
        free(blocks)
    if not total_weight > 0.0:
        raise ValueError("sample_weight sums to zero; at least one weight must be positive")
    return total / total_weight
