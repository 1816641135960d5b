"""Rows with missing values under Gaussian components: exact EM over what is observed.

Rows come sorted by their pattern of missing features, in chunks that are cut by their number alone; every chunk
has sums of its own, merged in order, so that the number of threads changes no bit.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uintptr_t

from fastml._engine.runtime.dense_kernels cimport (
    D, GAUSSIAN_DIAG, GAUSSIAN_TIED, GAUSSIAN_TILE, gaussian_rows, gaussian_shape, gaussian_totals,
)
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

from fastml._engine.dense.gaussian import KINDS

cdef enum:
    MOST_CHUNKS = 64
    LEAST_CHUNKS = 4
    LEAST_ROWS = 32
    SUMS_BYTES = 24 << 20
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
    cdef Py_ssize_t chunk, n_sums, room
    cdef int n_chunks
    cdef bint is_double
    cdef void *x
    cdef void *shift
    cdef void *log_likelihood
    cdef void *resp
    cdef void *densities
    cdef int64_t *label
    cdef double *means
    cdef double *covariances
    cdef double *constants
    cdef double *work
    cdef double *sums
    cdef gaussian_totals *totals

    cdef void one(self, Py_ssize_t c, int thread) noexcept nogil:
        cdef gaussian_rows rows = self.rows
        cdef double *sums = self.sums + c * self.n_sums if self.sums != NULL else NULL
        cdef double *work = self.work + thread * self.room
        rows.first, rows.n = c * self.chunk, min(self.chunk, self.rows.n - c * self.chunk)
        if self.is_double:
            D.gaussian_missing_f64(&self.shape, <double *>self.x, &rows, <double *>self.shift, self.means,
                                   self.covariances, self.constants, work, sums, self.totals + c,
                                   <double *>self.log_likelihood, self.label, <double *>self.resp,
                                   <double *>self.densities)
        else:
            D.gaussian_missing_f32(&self.shape, <float *>self.x, &rows, <float *>self.shift, self.means,
                                   self.covariances, self.constants, work, sums, self.totals + c,
                                   <float *>self.log_likelihood, self.label, <float *>self.resp,
                                   <float *>self.densities)


cdef void *address(array):
    return NULL if array is None else <void *><uintptr_t>array.ctypes.data


def missing(X, components, covariances, index, weight=None, log_likelihood=None, labels=None, resp=None,
            densities=None, bint sum_up=False, int n_threads=1):
    """E-step, and M-step sums, of rows with missing values.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d), rows contiguous
    components : Components
    covariances : float64 array
        "full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,).
    index : int32 array
        The rows, those of one pattern together (see `split_rows`).
    weight : float64 array of shape (n,), optional
    log_likelihood, labels, resp, densities : arrays, optional
        Filled for these rows, see `fastml._engine.dense.gaussian.score`.
    sum_up : bool, default=False
        Whether to return sums.
    n_threads : int, default=1

    Returns
    -------
    weights, first, second, totals : float64 arrays, or None
        (k,), (k, d); lower triangles (k, d (d + 1) / 2), "tied" (1, d (d + 1) / 2), otherwise (k, d);
        totals as of `fastml._engine.dense.gaussian.accumulate`.
    """
    cdef _Job job = _Job()
    cdef int c, start, stop, window
    cdef Py_ssize_t d = components.n_features, k = components.n_components, n_second
    if X.shape[1] != d or X.dtype != components.dtype or X.strides[1] != X.itemsize:
        raise ValueError(f"X must have {d} contiguous features of {components.dtype}, got {X.shape}")
    job.is_double = X.dtype == np.float64
    job.shape.n_features, job.shape.n_components = <int32_t>d, <int32_t>k
    job.shape.kind, job.shape.tile = KINDS[components.covariance_type], GAUSSIAN_TILE
    if components.covariance_type == "spherical":
        covariances = np.broadcast_to(covariances[:, None], (k, d))
    covariances = np.ascontiguousarray(covariances, dtype=np.float64)
    means = np.ascontiguousarray(components.centred, dtype=np.float64)
    constants = np.ascontiguousarray(components.log_weights, dtype=np.float64)
    job.means, job.covariances = <double *>address(means), <double *>address(covariances)
    job.constants = <double *>address(constants)
    job.x, job.shift = address(X), address(components.shift)
    job.rows.stride = X.strides[0] // X.itemsize
    job.rows.index, job.rows.weight = <int32_t *>address(index), <double *>address(weight)
    job.rows.n = index.shape[0]
    job.log_likelihood, job.resp, job.densities = address(log_likelihood), address(resp), address(densities)
    job.label = <int64_t *>address(labels)
    n_second = k * d if job.shape.kind == GAUSSIAN_DIAG else d * (d + 1) // 2
    if job.shape.kind != GAUSSIAN_DIAG and job.shape.kind != GAUSSIAN_TIED:
        n_second *= k
    job.n_sums = k + k * d + n_second
    most = max(min(MOST_CHUNKS, SUMS_BYTES // (8 * job.n_sums)), LEAST_CHUNKS)
    job.chunk = max(LEAST_ROWS, (job.rows.n + most - 1) // most)
    job.n_chunks = <int>((job.rows.n + job.chunk - 1) // job.chunk)
    sums = np.zeros((job.n_chunks, job.n_sums)) if sum_up else None
    totals = np.zeros((job.n_chunks, 2))
    job.sums, job.totals = <double *>address(sums), <gaussian_totals *>address(totals)
    n_threads = max(1, min(n_threads, job.n_chunks))
    job.room = D.gaussian_missing_room(&job.shape)
    room = np.empty(n_threads * job.room)
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
    second = sums[0, k + k * d :]
    second = second.reshape(1 if components.covariance_type == "tied" else k, -1)
    return sums[0, :k].copy(), sums[0, k : k + k * d].reshape(k, d).copy(), second.copy(), totals[0]
