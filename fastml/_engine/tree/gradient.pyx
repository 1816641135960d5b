"""Threads around the gradient kernels: gradients of a loss, their statistics, and their 32-bit fixed-point form.

Every function cuts the rows into blocks of 4096, whatever the number of threads, and merges the blocks' sums in index
order: the results are the same bits on any number of threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport frexp, isfinite, ldexp
from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc

from fastml._engine.runtime.tree_kernels cimport K, gradient_task

cdef extern from "tree/gradient.h":
    cdef enum:
        LOSS_SQUARED_ERROR
        LOSS_ABSOLUTE_ERROR
        LOSS_HUBER
        LOSS_QUANTILE
        LOSS_POISSON
        LOSS_GAMMA
        LOSS_TWEEDIE
        LOSS_LOG_BINARY
        LOSS_LOG_MULTINOMIAL
        LOSS_FOCAL_BINARY
        LOSS_FOCAL_MULTINOMIAL
        LOSS_GIVEN

# Number of each loss in the kernels, by the name that the objectives use.
LOSSES = {
    "squared_error": LOSS_SQUARED_ERROR,
    "absolute_error": LOSS_ABSOLUTE_ERROR,
    "huber": LOSS_HUBER,
    "quantile": LOSS_QUANTILE,
    "poisson": LOSS_POISSON,
    "gamma": LOSS_GAMMA,
    "tweedie": LOSS_TWEEDIE,
    "log_binary": LOSS_LOG_BINARY,
    "log_multinomial": LOSS_LOG_MULTINOMIAL,
    "focal_binary": LOSS_FOCAL_BINARY,
    "focal_multinomial": LOSS_FOCAL_MULTINOMIAL,
    "given": LOSS_GIVEN,
}

cdef inline Py_ssize_t n_blocks_of(Py_ssize_t n) noexcept nogil:
    return (n + GRADIENT_BLOCK - 1) // GRADIENT_BLOCK


cdef inline int threads_for(Py_ssize_t n_blocks, int n_threads) noexcept nogil:
    # a parallel region costs as much as a few blocks
    return 1 if n_blocks < 8 else min(n_threads, <int> min(n_blocks, 1024))


cdef void merge_stats(const GradientStats *blocks, Py_ssize_t n_blocks, GradientStats *out) noexcept nogil:
    """Merge in index order. A block with a negative hessian has min_h < 0, and so has the whole."""
    cdef Py_ssize_t b
    out.max_abs_g = out.max_h = out.min_h = out.sum_abs_g = out.sum_h = 0.0
    for b in range(n_blocks):
        out.max_abs_g = max(out.max_abs_g, blocks[b].max_abs_g)
        out.max_h = max(out.max_h, blocks[b].max_h)
        if blocks[b].min_h != 0.0 and (out.min_h == 0.0 or blocks[b].min_h < out.min_h):
            out.min_h = blocks[b].min_h
        out.sum_abs_g += blocks[b].sum_abs_g
        out.sum_h += blocks[b].sum_h


cdef int status_of(const GradientStats *stats) noexcept nogil:
    # sums of finite float32 values cannot leave the range of a double: an infinite or NaN sum tells of an element
    if not isfinite(stats.sum_abs_g) or not isfinite(stats.sum_h):
        return GRADIENT_NOT_FINITE
    if stats.min_h < 0.0:
        return GRADIENT_NEGATIVE_HESSIAN
    return GRADIENT_OK


cdef void stats_of_block(const float *g, const float *h, const uint32_t *rows, Py_ssize_t first, Py_ssize_t n,
                         GradientStats *out) noexcept nogil:
    cdef float[4096] g_listed
    cdef float[4096] h_listed
    cdef Py_ssize_t i
    if rows == NULL:
        K.gradient_stats(g + first, NULL if h == NULL else h + first, n, out)
        return
    for i in range(n):
        g_listed[i] = g[rows[first + i]]
    if h != NULL:
        for i in range(n):
            h_listed[i] = h[rows[first + i]]
    K.gradient_stats(g_listed, NULL if h == NULL else h_listed, n, out)


cdef int gradient_stats(const float *g, const float *h, Py_ssize_t n, const uint32_t *rows, int n_threads,
                        GradientStats *out) noexcept nogil:
    cdef Py_ssize_t b, n_blocks = n_blocks_of(n)
    cdef int threads = threads_for(n_blocks, n_threads)
    cdef GradientStats *blocks = <GradientStats *> malloc((n_blocks + 1) * sizeof(GradientStats))
    if blocks == NULL:
        return GRADIENT_NO_MEMORY
    for b in prange(n_blocks, num_threads=threads, schedule="static"):
        stats_of_block(g, h, rows, b * GRADIENT_BLOCK, min(GRADIENT_BLOCK, n - b * GRADIENT_BLOCK), &blocks[b])
    merge_stats(blocks, n_blocks, out)
    free(blocks)
    return status_of(out)


cdef double power_of_two_scale(double largest, double total, double most, Py_ssize_t n) noexcept nogil:
    """Largest power of two s with largest * s <= most and total * s + n < 2^31.

    n: stochastic rounding adds less than 1 a row. The 4096 covers the rounding of `total` itself (1e-13 of it).
    """
    cdef double limit
    cdef int exponent
    if largest == 0.0:
        return 1.0
    limit = min(most / largest, (2147483648.0 - 4096.0 - <double> n) / total)
    frexp(limit, &exponent)
    return ldexp(1.0, exponent - 1)


cdef uint64_t mix(uint64_t x) noexcept nogil:
    """Finaliser of splitmix64: nearby seeds become unrelated keys."""
    x += <uint64_t> 0x9E3779B97F4A7C15
    x = (x ^ (x >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <uint64_t> 0x94D049BB133111EB
    return x ^ (x >> 31)


cdef int pack_gradients(const float *g, const float *h, Py_ssize_t n, const uint32_t *rows, uint64_t seed,
                        const GradientStats *stats, int n_threads, uint32_t *gh, Packed *out) noexcept nogil:
    cdef Py_ssize_t b, lo, n_blocks = n_blocks_of(n)
    cdef int threads = threads_for(n_blocks, n_threads)
    cdef int status = status_of(stats)
    cdef uint64_t key = mix(seed)
    cdef Packed *blocks
    if status != GRADIENT_OK:
        return status
    if n > GRADIENT_MAX_ROWS:
        return GRADIENT_TOO_MANY_ROWS
    out.scale_g = power_of_two_scale(stats.max_abs_g, stats.sum_abs_g, GRADIENT_MAX_GQ, n)
    out.scale_h = 1.0
    if h != NULL:
        out.scale_h = power_of_two_scale(stats.max_h, stats.sum_h, GRADIENT_MAX_HQ, n)
    out.sum_g = out.sum_h = 0
    out.min_hq = out.max_hq = 0
    if n == 0:
        return GRADIENT_OK
    blocks = <Packed *> malloc(n_blocks * sizeof(Packed))
    if blocks == NULL:
        return GRADIENT_NO_MEMORY
    for b in prange(n_blocks, num_threads=threads, schedule="static"):
        lo = b * GRADIENT_BLOCK
        blocks[b].scale_g = out.scale_g
        blocks[b].scale_h = out.scale_h
        K.gradient_pack(g, h, rows, lo, min(n, lo + GRADIENT_BLOCK), key, gh, &blocks[b])
    out.min_hq = blocks[0].min_hq
    for b in range(n_blocks):
        out.sum_g += blocks[b].sum_g
        out.sum_h += blocks[b].sum_h
        out.min_hq = min(out.min_hq, blocks[b].min_hq)
        out.max_hq = max(out.max_hq, blocks[b].max_hq)
    free(blocks)
    return GRADIENT_OK


cdef int raise_gradient_status(int status) except -1:
    if status == GRADIENT_NO_MEMORY:
        raise MemoryError("not enough memory for the statistics of the gradients")
    if status == GRADIENT_NOT_FINITE:
        raise ValueError("the gradient or hessian of the loss is NaN or infinite in at least one row")
    if status == GRADIENT_NEGATIVE_HESSIAN:
        raise ValueError("the hessian of the loss is negative in at least one row; it must be >= 0")
    if status == GRADIENT_TOO_MANY_ROWS:
        raise ValueError(f"more than {GRADIENT_MAX_ROWS} rows in one fit are not supported")
    return 0


cdef const double *doubles_of(array, str name, Py_ssize_t n) except? NULL:
    """Address of a contiguous float64 array of n elements; NULL for None. The caller keeps the array alive."""
    if array is None:
        return NULL
    cdef const double[::1] view = array
    if view.shape[0] != n:
        raise ValueError(f"{name} has {view.shape[0]} elements, expected {n}")
    return &view[0] if n > 0 else NULL


def fill_gradients(str loss, y, const double[::1] raw, weight, float[::1] g, h, *, double param=0.0,
                   int output=0, lse=None, focal=None, int n_threads=1):
    """Gradient and hessian of one output in every row.

    Parameters
    ----------
    loss : str
        A key of ``LOSSES``.
    y : ndarray of shape (n_rows,)
        Contiguous: uint8 of 0 and 1 for the binary losses, int32 classes for the multinomial ones, else float64
        ("given": the hessian, with the gradient in `raw`).
    raw : ndarray of shape (n_rows,), float64
        Scores of this output.
    weight : ndarray of shape (n_rows,), float64, or None
        Factor of both g and h.
    g, h : ndarray of shape (n_rows,), float32
        Where to write. ``h=None``: the hessian is constant and not wanted.
    param : float
        Delta, quantile level, power or focusing exponent.
    output : int
        Class that the scores belong to (multinomial).
    lse : ndarray of shape (n_rows,), float64, or None
        From `log_sum_exp` (multinomial).
    focal : ndarray of shape (3, n_rows), float32, or None
        From `focal_factors` (multinomial focal).
    n_threads : int
        Number of threads.

    Returns
    -------
    stats : tuple of float
        max |g|, max h, smallest non-zero h, sum of |g|, sum of h.

    Raises
    ------
    ValueError
        A length or type differs from the above; g or h came out NaN or infinite, or h negative (custom losses only).
    """
    cdef gradient_task task
    cdef Py_ssize_t n = raw.shape[0], b, n_blocks = n_blocks_of(n), lo, hi
    cdef int threads = threads_for(n_blocks, n_threads)
    cdef const uint8_t[::1] y_binary
    cdef const int32_t[::1] y_class
    cdef const float[:, ::1] factors
    cdef float[::1] h_view
    cdef GradientStats *blocks
    cdef GradientStats total
    if loss not in LOSSES:
        raise ValueError(f"unknown loss {loss!r}, expected one of {', '.join(LOSSES)}")
    if len(y) != n or g.shape[0] != n or (h is not None and len(h) != n):
        raise ValueError(f"y, g and h must have the {n} elements of raw")
    if n == 0:
        return 0.0, 0.0, 0.0, 0.0, 0.0
    task.loss = LOSSES[loss]
    task.output = output
    task.param = param
    task.raw = &raw[0]
    task.weight = doubles_of(weight, "weight", n)
    task.lse = doubles_of(lse, "lse", n)
    task.g = &g[0]
    task.h = NULL
    if h is not None:
        h_view = h
        task.h = &h_view[0]
    task.focal = NULL
    task.focal_stride = 0
    if task.loss == LOSS_LOG_BINARY or task.loss == LOSS_FOCAL_BINARY:
        y_binary = y
        task.y = &y_binary[0]
    elif task.loss == LOSS_LOG_MULTINOMIAL or task.loss == LOSS_FOCAL_MULTINOMIAL:
        y_class = y
        task.y = &y_class[0]
        if task.lse == NULL:
            raise ValueError(f"loss {loss!r} needs lse")
        if task.loss == LOSS_FOCAL_MULTINOMIAL:
            factors = focal
            if factors.shape[0] != 3 or factors.shape[1] != n:
                raise ValueError(f"focal must have shape (3, {n})")
            task.focal = &factors[0, 0]
            task.focal_stride = n
    else:
        task.y = doubles_of(y, "y", n)
    blocks = <GradientStats *> malloc(n_blocks * sizeof(GradientStats))
    if blocks == NULL:
        raise MemoryError("not enough memory for the statistics of the gradients")
    with nogil:
        for b in prange(n_blocks, num_threads=threads, schedule="static"):
            lo = b * GRADIENT_BLOCK
            hi = min(n, lo + GRADIENT_BLOCK)
            K.gradient_rows(&task, lo, hi)
            # while the block is in cache
            K.gradient_stats(task.g + lo, NULL if task.h == NULL else task.h + lo, hi - lo, &blocks[b])
        merge_stats(blocks, n_blocks, &total)
        free(blocks)
    raise_gradient_status(status_of(&total))
    return total.max_abs_g, total.max_h, total.min_h, total.sum_abs_g, total.sum_h


def log_sum_exp(const double[:, ::1] raw, double[::1] out, *, int n_threads=1):
    """log(sum(exp(raw), axis=0)) to `out`, without overflow.

    Parameters
    ----------
    raw : ndarray of shape (n_outputs, n_rows), float64
    out : ndarray of shape (n_rows,), float64
    n_threads : int
    """
    cdef Py_ssize_t n = raw.shape[1], b, n_blocks = n_blocks_of(n), lo
    cdef int threads = threads_for(n_blocks, n_threads), n_outputs = <int> raw.shape[0]
    if out.shape[0] != n:
        raise ValueError(f"out has {out.shape[0]} elements, expected {n}")
    if n == 0 or n_outputs == 0:
        return
    for b in prange(n_blocks, num_threads=threads, schedule="static", nogil=True):
        lo = b * GRADIENT_BLOCK
        K.gradient_lse(&raw[0, 0], n, n_outputs, lo, min(n, lo + GRADIENT_BLOCK), &out[0])


def focal_factors(const double[:, ::1] raw, const int32_t[::1] y, const double[::1] lse, double gamma,
                  float[:, ::1] out, *, int n_threads=1):
    """What the multinomial focal loss needs of every row beside its scores, to `out`.

    Parameters
    ----------
    raw : ndarray of shape (n_classes, n_rows), float64
    y : ndarray of shape (n_rows,), int32
        Classes in [0, n_classes).
    lse : ndarray of shape (n_rows,), float64
        From `log_sum_exp`.
    gamma : float
        Focusing exponent.
    out : ndarray of shape (3, n_rows), float32
    n_threads : int
    """
    cdef Py_ssize_t n = raw.shape[1], b, n_blocks = n_blocks_of(n), lo
    cdef int threads = threads_for(n_blocks, n_threads)
    if y.shape[0] != n or lse.shape[0] != n or out.shape[0] != 3 or out.shape[1] != n:
        raise ValueError(f"y and lse must have {n} elements and out the shape (3, {n})")
    if n == 0:
        return
    if np.min(y) < 0 or np.max(y) >= raw.shape[0]:
        raise ValueError(f"y must hold classes from 0 to {raw.shape[0] - 1}")
    for b in prange(n_blocks, num_threads=threads, schedule="static", nogil=True):
        lo = b * GRADIENT_BLOCK
        K.gradient_focal(&raw[0, 0], n, &y[0], &lse[0], gamma, lo, min(n, lo + GRADIENT_BLOCK), &out[0, 0], n)


def stats(const float[::1] g, const float[::1] h=None, const uint32_t[::1] rows=None, *, int n_threads=1):
    """Statistics of gradients: what `gradient_stats` gives to the grower.

    Parameters
    ----------
    g, h : ndarray of shape (n_rows,), float32
        ``h=None``: h = 1.
    rows : ndarray of shape (n_listed,), uint32, or None
        Rows to look at; None: all.
    n_threads : int

    Returns
    -------
    dict
        ``max_abs_g``, ``max_h``, ``min_h`` (smallest non-zero h), ``sum_abs_g``, ``sum_h``.

    Raises
    ------
    ValueError
        A value is NaN or infinite, or h is negative.
    """
    cdef GradientStats total
    cdef Py_ssize_t n = check_rows(g, h, rows)
    raise_gradient_status(gradient_stats(&g[0] if g.shape[0] else NULL, &h[0] if h is not None and n else NULL, n,
                                         &rows[0] if rows is not None and n else NULL, n_threads, &total))
    return total


def pack(const float[::1] g, const float[::1] h=None, const uint32_t[::1] rows=None, *, uint64_t seed=0,
         int n_threads=1):
    """Gradients and hessians in 32-bit fixed point, stochastically rounded: what `pack_gradients` gives.

    Parameters
    ----------
    g, h : ndarray of shape (n_rows,), float32
        ``h=None``: h = 1, and the h field of every row is 1.
    rows : ndarray of shape (n_listed,), uint32, or None
        Rows to pack; None: all.
    seed : int
        Key of the rounding.
    n_threads : int

    Returns
    -------
    gh : ndarray of shape (n_listed,), uint32
        Upper half: round(g * scale_g), signed; lower half: round(h * scale_h), unsigned.
    packed : dict
        ``scale_g``, ``scale_h``, ``sum_g``, ``sum_h``, ``min_hq``, ``max_hq``.

    Raises
    ------
    ValueError
        A value is NaN or infinite, h is negative, or there are more than 2^30 rows.
    """
    cdef GradientStats total
    cdef Packed packed
    cdef Py_ssize_t n = check_rows(g, h, rows)
    cdef const float *g_p = &g[0] if g.shape[0] else NULL
    cdef const float *h_p = &h[0] if h is not None and g.shape[0] else NULL
    cdef const uint32_t *rows_p = &rows[0] if rows is not None and n else NULL
    gh = np.empty(n, dtype=np.uint32)
    cdef uint32_t[::1] gh_view = gh
    cdef uint32_t *gh_p = &gh_view[0] if n else NULL
    cdef int status
    with nogil:
        status = gradient_stats(g_p, h_p, n, rows_p, n_threads, &total)
        if status == GRADIENT_OK:
            status = pack_gradients(g_p, h_p, n, rows_p, seed, &total, n_threads, gh_p, &packed)
    raise_gradient_status(status)
    return gh, packed


cdef Py_ssize_t check_rows(const float[::1] g, const float[::1] h, const uint32_t[::1] rows) except -1:
    if h is not None and h.shape[0] != g.shape[0]:
        raise ValueError(f"h has {h.shape[0]} elements, expected {g.shape[0]}")
    if rows is None:
        return g.shape[0]
    if rows.shape[0] and np.max(rows) >= g.shape[0]:
        raise ValueError(f"rows must be below {g.shape[0]}")
    return rows.shape[0]
