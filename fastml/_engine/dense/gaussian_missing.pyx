"""Rows with missing values under Gaussian components with matrices: exact EM over what is observed.

Variances alone need no patterns: `fastml._engine.dense.gaussian` leaves entries out. Here rows come sorted by their
pattern of missing features, in chunks that are cut by their number alone; every chunk has sums of its own, merged in
order, so that the number of threads changes no bit.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uintptr_t

from fastml._engine.runtime.dense_kernels cimport (
    D, GAUSSIAN_FULL, GAUSSIAN_TILE, GAUSSIAN_WIDE, gaussian_rows, gaussian_shape, gaussian_totals,
)
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

from fastml._engine.dense.gaussian import KINDS, aligned, n_blocked, unblocked

cdef enum:
    MOST_CHUNKS = 32
    LEAST_CHUNKS = 4
    TILE = 2 * GAUSSIAN_TILE
    SUMS_BYTES = 8 << 20
    BLOCK_ROWS = 1 << 16
    WINDOW = 1 << 28           # multiplications between two looks at the keyboard


def split_rows(X):
    """Numbers of the rows without NaN, and of those with, sorted by which features are missing.

    Parameters
    ----------
    X : array of shape (n, d)

    Returns
    -------
    complete, incomplete : int32 arrays

    Raises
    ------
    ValueError
        If a row has no known value at all.
    """
    rows, patterns = [], []
    for start in range(0, len(X), BLOCK_ROWS):
        missing = np.isnan(X[start : start + BLOCK_ROWS])
        some = np.flatnonzero(missing.any(axis=1))
        blank = np.flatnonzero(missing.all(axis=1))
        if blank.size:
            raise ValueError(
                f"X has rows without any known value, such as row {start + blank[0]}: leave them out"
            )
        rows.append((some + start).astype(np.int32))
        patterns.append(np.packbits(missing[some], axis=1))
    incomplete, pattern = np.concatenate(rows), np.concatenate(patterns)
    complete = np.ones(len(X), dtype=bool)
    complete[incomplete] = False
    order = np.argsort(pattern.view(f"V{pattern.shape[1]}")[:, 0], kind="stable")
    return np.flatnonzero(complete).astype(np.int32), incomplete[order]


cdef class _Job:
    cdef gaussian_shape shape
    cdef gaussian_rows rows
    cdef Py_ssize_t chunk, n_sums, n_first, n_second, room
    cdef int n_chunks
    cdef bint is_double
    cdef void *x
    cdef void *shift
    cdef void *log_likelihood
    cdef void *resp
    cdef void *densities
    cdef int64_t *label
    cdef double *packed
    cdef double *factors
    cdef double *offsets
    cdef double *constants
    cdef double *work
    cdef double *sums
    cdef gaussian_totals *totals

    cdef void one(self, Py_ssize_t c, int thread) noexcept nogil:
        cdef gaussian_rows rows = self.rows
        cdef double *sums = NULL
        cdef double *first = NULL
        cdef double *second = NULL
        cdef double *work = self.work + thread * self.room
        if self.sums != NULL:
            sums = self.sums + c * (self.n_sums + self.n_first + self.n_second)
            first = sums + self.n_sums
            second = first + self.n_first
        rows.first, rows.n = c * self.chunk, min(self.chunk, self.rows.n - c * self.chunk)
        if self.is_double:
            D.gaussian_missing_f64(&self.shape, <double *>self.x, &rows, <double *>self.shift, self.packed,
                                   self.factors, self.offsets, self.constants, work, sums, first, second,
                                   self.totals + c, <double *>self.log_likelihood, self.label,
                                   <double *>self.resp, <double *>self.densities)
        else:
            D.gaussian_missing_f32(&self.shape, <float *>self.x, &rows, <float *>self.shift, self.packed,
                                   self.factors, self.offsets, self.constants, work, sums, first, second,
                                   self.totals + c, <float *>self.log_likelihood, self.label,
                                   <float *>self.resp, <float *>self.densities)


cdef void *address(array):
    return NULL if array is None else <void *><uintptr_t>array.ctypes.data


def missing(X, components, index, weight=None, log_likelihood=None, labels=None, resp=None, densities=None,
            bint sum_up=False, int n_threads=1):
    """E-step, and M-step sums, of rows with missing values.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d), rows contiguous
    components : Components
        "full" or "tied", for missing values.
    index : int32 array
        The rows, each with a missing and a known value, those of one pattern together (see `split_rows`).
    weight : float64 array of shape (n,), optional
    log_likelihood, labels, resp, densities : arrays, optional
        Filled for these rows, see `fastml._engine.dense.gaussian.score`.
    sum_up : bool, default=False
        Whether to return sums.
    n_threads : int, default=1

    Returns
    -------
    sums, totals : float64 arrays, or None
        As of `fastml._engine.dense.gaussian.accumulate`, the shift taking the place of what is missing.
    first : float64 array of shape (k, d)
        What the expectations of missing values add to the sums of x.
    second : float64 array of shape (k, d, d), "tied" (1, d, d)
        What they and their covariances add to those of products of two features.
    """
    cdef _Job job = _Job()
    cdef const int32_t[:, ::1] pairs = components.pairs
    cdef int c, start, stop, window
    cdef Py_ssize_t d = components.n_features, k = components.n_components, wide, most, n_tiles
    if X.shape[1] != d or X.dtype != components.dtype or X.strides[1] != X.itemsize:
        raise ValueError(f"X must have {d} contiguous features of {components.dtype}, got {X.shape}")
    if not components.missing or components.covariance_type not in ("full", "tied"):
        raise ValueError("components must have matrices and be for missing values")
    job.is_double = X.dtype == np.float64
    job.shape.n_features, job.shape.n_components = <int32_t>d, <int32_t>k
    job.shape.kind, job.shape.missing = KINDS[components.covariance_type], 1
    job.shape.tile, job.shape.n_pairs, job.shape.pairs = TILE, <int32_t>pairs.shape[0], &pairs[0, 0]
    job.packed, job.factors = <double *>address(components.packed), <double *>address(components.factors)
    job.offsets, job.constants = <double *>address(components.offsets), <double *>address(components.constants)
    job.x, job.shift = address(X), address(components.shift)
    job.rows.stride = X.strides[0] // X.itemsize
    job.rows.index, job.rows.weight = <int32_t *>address(index), <double *>address(weight)
    job.rows.n = index.shape[0]
    job.log_likelihood, job.resp, job.densities = address(log_likelihood), address(resp), address(densities)
    job.label = <int64_t *>address(labels)
    wide = (d + GAUSSIAN_WIDE - 1) // GAUSSIAN_WIDE * GAUSSIAN_WIDE
    job.n_sums, job.n_first = n_blocked(pairs.shape[0], k), k * d
    job.n_second = (k if job.shape.kind == GAUSSIAN_FULL else 1) * d * wide
    n_sums = job.n_sums + job.n_first + job.n_second
    most = max(min(MOST_CHUNKS, SUMS_BYTES // (8 * n_sums)), LEAST_CHUNKS)
    n_tiles = (job.rows.n + TILE - 1) // TILE
    job.chunk = max(1, (n_tiles + most - 1) // most) * TILE
    job.n_chunks = <int>((job.rows.n + job.chunk - 1) // job.chunk)
    sums = np.zeros((job.n_chunks, n_sums)) if sum_up else None
    totals = np.zeros((job.n_chunks, 2))
    job.sums, job.totals = <double *>address(sums), <gaussian_totals *>address(totals)
    n_threads = max(1, min(n_threads, job.n_chunks))
    job.room = D.gaussian_missing_room(&job.shape)
    room = aligned(n_threads * job.room, np.float64)
    job.work = <double *>address(room)
    window = <int>max(<double>n_threads, min(WINDOW / (<double>job.chunk * k * d * d), 1e6))
    for start in range(0, job.n_chunks, window):
        check()
        stop = min(job.n_chunks, start + window)
        for c in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
            job.one(c, thread_num())
    if not sum_up:
        return None
    for c in range(1, job.n_chunks):
        sums[0] += sums[c]
        totals[0] += totals[c]
    lines = unblocked(sums[0, : job.n_sums], pairs.shape[0], k)
    first = sums[0, job.n_sums : job.n_sums + job.n_first].reshape(k, d).copy()
    second = sums[0, job.n_sums + job.n_first :].reshape(-1, d, wide)[:, :, :d]
    # entries (a, b) and (b, a) count together
    both = second + second.transpose(0, 2, 1)
    np.einsum("jaa->ja", both)[...] /= 2
    return lines, totals[0], first, both
