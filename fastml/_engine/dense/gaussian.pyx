"""Rows under Gaussian components, in parallel: the sums that EM updates from, and scores.

Rows are cut into at most 64 chunks by their number alone. Every chunk has sums of its own, which are merged in
the order of the chunks: the number of threads changes no bit. Beside the rows, memory is that of the chunks'
sums (at most 24 MiB, or four times a mixture's) and a tile for each thread.
"""

import numpy as np

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uintptr_t

from fastml._engine.runtime.dense_kernels cimport (
    D, GAUSSIAN_BLOCK, GAUSSIAN_DIAG, GAUSSIAN_FULL, GAUSSIAN_PANEL, GAUSSIAN_TIED, GAUSSIAN_TILE, GAUSSIAN_WIDE,
    gaussian_rows, gaussian_shape, gaussian_totals,
)
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check

cdef enum:
    MOST_CHUNKS = 64
    LEAST_CHUNKS = 4
    SUMS_BYTES = 24 << 20
    TILE = 2 * GAUSSIAN_TILE
    SERIAL_WORK = 1 << 19      # multiplications below which a second thread does not pay
    WINDOW = 1 << 31           # multiplications between two looks at the keyboard

KINDS = {"full": GAUSSIAN_FULL, "tied": GAUSSIAN_TIED, "diag": GAUSSIAN_DIAG, "spherical": GAUSSIAN_DIAG}


cdef inline Py_ssize_t ceiling(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


def pairs_of(int n_features, covariance_type, bint missing=False):
    """Pairs of entries of (x, 1) that are summed; the last line is the sum of x, its last entry the weight.

    With missing values "diag" and "spherical" have, before that line, the sums of what is known.

    Returns
    -------
    int32 array of shape (n_pairs, 2)
    """
    d = n_features
    last = np.stack([np.full(d + 1, d), np.arange(d + 1)], axis=1)
    if covariance_type == "full":
        before = np.stack(np.tril_indices(d), axis=1)
    elif covariance_type == "tied":
        before = np.empty((0, 2), dtype=np.int64)
    else:
        before = np.repeat(np.arange(d)[:, None], 2, axis=1)
        if missing:
            known = np.stack([np.arange(d + 1, 2 * d + 1), np.full(d, d)], axis=1)
            before = np.concatenate([before, known])
    return np.ascontiguousarray(np.concatenate([before, last]), dtype=np.int32)


def _panels(U, offset):
    """Columns of upper triangular factors U (k, d, d) in fours, each behind its four offsets (k, d)."""
    k, d, _ = U.shape
    wide = ceiling(d, GAUSSIAN_PANEL) * GAUSSIAN_PANEL
    padded = np.zeros((k, d + 1, wide))
    padded[:, 0, :d] = offset
    padded[:, 1:, :d] = U
    parts = [
        padded[:, : min(c + GAUSSIAN_PANEL, d) + 1, c : c + GAUSSIAN_PANEL].reshape(k, -1)
        for c in range(0, d, GAUSSIAN_PANEL)
    ]
    return np.concatenate(parts, axis=1).ravel()


def _couples(*columns):
    """(scale, offset, ...), each (k, d), of components two by two, feature by feature."""
    k, d = columns[0].shape
    padded = np.zeros((k + k % 2, d, len(columns)))
    padded[:k] = np.stack(columns, axis=2)
    return padded.reshape(-1, 2, d, len(columns)).transpose(0, 2, 1, 3).ravel()


cdef class Components:
    """Gaussian components as the kernels read them.

    Parameters
    ----------
    covariance_type : {"full", "tied", "diag", "spherical"}
    means : float64 array of shape (k, d)
    factors : float64 array
        Upper triangular U with precision = U U' ("full": (k, d, d), "tied": (d, d)), or roots of precisions
        ("diag": (k, d), "spherical": (k,)).
    log_weights : float64 array of shape (k,)
        Added to the log densities.
    shift : float64 array of shape (d,)
        Taken off the rows, near their mean.
    dtype : float32 or float64
        Of the rows.
    missing : bool, default=False
        Whether for rows with missing values. "full" and "tied" components then are for
        `fastml._engine.dense.gaussian_missing.missing`, which works in float64.
    """

    cdef readonly object covariance_type, shift, centred, log_weights, factors, packed, offsets, constants
    cdef readonly object pairs, dtype
    cdef readonly int n_features, n_components
    cdef readonly bint missing

    def __init__(self, covariance_type, means, factors, log_weights, shift, dtype, bint missing=False):
        k, d = means.shape
        self.covariance_type = covariance_type
        self.missing = missing
        self.n_components, self.n_features = k, d
        self.dtype = np.dtype(dtype)
        self.shift = np.ascontiguousarray(shift, dtype=dtype)
        self.centred = centred = means - self.shift.astype(np.float64)
        self.log_weights = log_weights
        self.factors = np.ascontiguousarray(factors, dtype=np.float64)
        constants = log_weights - 0.5 * d * np.log(2 * np.pi)
        is_matrix = covariance_type in ("full", "tied")
        if covariance_type == "full":
            packed = _panels(factors, -np.einsum("ka,kab->kb", centred, factors))
            constants = constants + np.log(np.einsum("kaa->ka", factors)).sum(axis=1)
        elif covariance_type == "tied":
            packed = _panels(factors[None], np.zeros((1, d)))
            offset = centred @ factors
            if missing:
                self.offsets = np.zeros((k, ceiling(d, GAUSSIAN_WIDE) * GAUSSIAN_WIDE))
                self.offsets[:, :d] = offset
            else:
                packed = np.concatenate([packed, _couples(np.ones((k, d)), -offset)])
            constants = constants + np.log(np.diagonal(factors)).sum()
        else:
            scale = np.broadcast_to(factors if covariance_type == "diag" else factors[:, None], (k, d))
            if missing:
                packed = _couples(scale, -centred * scale, np.log(2 * np.pi) - 2 * np.log(scale))
                constants = log_weights
            else:
                packed = _couples(scale, -centred * scale)
                constants = constants + np.log(scale).sum(axis=1)
        kernel_dtype = np.float64 if missing and is_matrix else dtype
        least = np.finfo(kernel_dtype).min / 4  # a component without weight has no infinite density
        self.packed = np.ascontiguousarray(packed, dtype=kernel_dtype)
        self.constants = np.ascontiguousarray(np.maximum(constants, least), dtype=kernel_dtype)
        self.pairs = pairs_of(d, covariance_type, missing)

    def for_missing(self):
        """The same for rows with missing values."""
        means = self.centred + self.shift.astype(np.float64)
        return Components(self.covariance_type, means, self.factors, self.log_weights, self.shift, self.dtype,
                          missing=True)


cdef class _Job:
    """One parallel pass over the rows: what the chunks share."""

    cdef gaussian_shape shape
    cdef gaussian_rows rows
    cdef int n_threads, n_chunks
    cdef bint is_double
    cdef Py_ssize_t chunk, n_sums, room
    cdef void *x
    cdef void *shift
    cdef void *factors
    cdef void *constants
    cdef void *work
    cdef void *resp
    cdef void *log_likelihood
    cdef void *densities
    cdef int64_t *label
    cdef const int32_t *given
    cdef double *sums
    cdef gaussian_totals *totals
    cdef object _kept

    def __init__(self, X, int n_components, int kind, pairs, shift, weight, index, int n_threads):
        cdef const int32_t[:, ::1] pair_view = pairs
        if X.ndim != 2 or len(shift) != X.shape[1] or X.strides[1] != X.itemsize or shift.dtype != X.dtype:
            raise ValueError(f"X must have {len(shift)} contiguous features of {shift.dtype}, got {X.shape}")
        if weight is not None and weight.shape != (len(X),):
            raise ValueError(f"weight must have shape {(len(X),)}, got {weight.shape}")
        self.is_double = X.dtype == np.float64
        self.shape.n_features, self.shape.n_components = X.shape[1], n_components
        self.shape.kind, self.shape.tile = kind, TILE
        self.shape.n_pairs = pair_view.shape[0]
        self.shape.pairs = &pair_view[0, 0]
        self.x, self.shift = address(X), address(shift)
        self.rows.stride = X.strides[0] // X.itemsize
        self.rows.index = <const int32_t *>address(index)
        self.rows.weight = <const double *>address(weight)
        self.rows.first, self.rows.n = 0, X.shape[0] if index is None else index.shape[0]
        self.n_sums = n_blocked(self.shape.n_pairs, n_components)
        self.room = D.gaussian_room_f64(&self.shape)
        self.n_threads = n_threads
        self._kept = [X, pairs, shift, weight, index]

    cdef int under(self, Components components) except -1:
        """Densities are those of the components."""
        if components.missing and components.covariance_type in ("full", "tied"):
            raise ValueError("components are for rows with missing values")
        self.shape.missing = components.missing
        self.room = D.gaussian_room_f64(&self.shape)
        self.factors, self.constants = address(components.packed), address(components.constants)
        return 0

    cdef void cut(self, Py_ssize_t most) noexcept:
        cdef Py_ssize_t n_tiles = max(<Py_ssize_t>1, ceiling(self.rows.n, TILE))
        cdef Py_ssize_t tiles = ceiling(n_tiles, most)
        self.chunk = tiles * TILE
        self.n_chunks = <int>ceiling(n_tiles, tiles)

    cdef int run(self, int what) except -1:
        """what: 0 accumulate, 1 moments, 2 score."""
        cdef double work = <double>self.chunk * self.shape.n_components * (
            self.shape.n_pairs + (self.shape.n_features if self.shape.kind else 0))
        cdef int c, start, stop, window = <int>max(<double>self.n_threads, min(WINDOW / max(work, 1.0), 1e6))
        cdef int n_threads = self.n_threads
        if work * self.n_chunks < SERIAL_WORK:
            n_threads = 1
        n_threads = max(1, min(n_threads, self.n_chunks))
        room = aligned(n_threads * self.room, np.float64 if self.is_double else np.float32)
        self.work = address(room)
        for start in range(0, self.n_chunks, window):
            check()
            stop = min(self.n_chunks, start + window)
            if n_threads == 1:
                with nogil:
                    for c in range(start, stop):
                        self.one(c, what, 0)
            else:
                for c in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    self.one(c, what, thread_num())
        return 0

    cdef void one(self, Py_ssize_t c, int what, int thread) noexcept nogil:
        if self.is_double:
            self.work_on[double](c, what, thread, NULL)
        else:
            self.work_on[float](c, what, thread, NULL)

    cdef void work_on(self, Py_ssize_t c, int what, int thread, floating *kind) noexcept nogil:
        cdef gaussian_rows rows = self.rows
        cdef floating *room = <floating *>self.work + thread * self.room
        cdef double *sums = self.sums + c * self.n_sums
        cdef floating *x = <floating *>self.x
        cdef floating *shift = <floating *>self.shift
        rows.first = self.rows.first + c * self.chunk
        rows.n = min(self.chunk, self.rows.n - c * self.chunk)
        if what == 0:
            if floating is double:
                D.gaussian_accumulate_f64(&self.shape, x, &rows, shift, <double *>self.factors,
                                          <double *>self.constants, room, sums, self.totals + c)
            else:
                D.gaussian_accumulate_f32(&self.shape, x, &rows, shift, <float *>self.factors,
                                          <float *>self.constants, room, sums, self.totals + c)
        elif what == 1:
            if floating is double:
                D.gaussian_moments_f64(&self.shape, x, &rows, shift, self.given, <double *>self.resp, room,
                                       sums)
            else:
                D.gaussian_moments_f32(&self.shape, x, &rows, shift, self.given, <float *>self.resp, room,
                                       sums)
        elif floating is double:
            D.gaussian_score_f64(&self.shape, x, &rows, shift, <double *>self.factors,
                                 <double *>self.constants, room, <double *>self.log_likelihood, self.label,
                                 <double *>self.resp, <double *>self.densities)
        else:
            D.gaussian_score_f32(&self.shape, x, &rows, shift, <float *>self.factors,
                                 <float *>self.constants, room, <float *>self.log_likelihood, self.label,
                                 <float *>self.resp, <float *>self.densities)

    cdef sum_up(self, int what):
        """Run over chunks with sums of their own, merge them: (n_pairs, k) sums and two totals."""
        cdef Py_ssize_t most = min(<Py_ssize_t>MOST_CHUNKS, SUMS_BYTES // (8 * self.n_sums))
        self.cut(max(most, <Py_ssize_t>LEAST_CHUNKS))
        sums = np.zeros((self.n_chunks, self.n_sums))
        totals = np.zeros((self.n_chunks, 2))
        self.sums = <double *>address(sums)
        self.totals = <gaussian_totals *>address(totals)
        self.run(what)
        for c in range(1, self.n_chunks):
            sums[0] += sums[c]
            totals[0] += totals[c]
        return unblocked(sums[0], self.shape.n_pairs, self.shape.n_components), totals[0]


def n_blocked(Py_ssize_t n_sums, int n_components):
    """Numbers that the blocks of so many sums of each component have."""
    cdef int32_t n_pairs, n_wide
    D.gaussian_blocks(n_components, &n_pairs, &n_wide)
    return ceiling(n_sums, n_pairs) * ceiling(n_components, n_wide) * GAUSSIAN_BLOCK


def unblocked(sums, Py_ssize_t n_sums, int n_components):
    """Sums (n_sums, n_components) from the blocks that the kernels keep them in."""
    cdef int32_t n_pairs, n_wide
    D.gaussian_blocks(n_components, &n_pairs, &n_wide)
    n_lines = ceiling(n_sums, n_pairs)
    blocks = sums.reshape(n_lines, -1, GAUSSIAN_BLOCK)[:, :, : n_pairs * n_wide]
    lines = blocks.reshape(n_lines, -1, n_pairs, n_wide).transpose(0, 2, 1, 3).reshape(n_lines * n_pairs, -1)
    return lines[:n_sums, :n_components].copy()


cdef void *address(array):
    return NULL if array is None else <void *><uintptr_t>array.ctypes.data


def aligned(Py_ssize_t n, dtype):
    """Empty array of n entries that begins at a multiple of 64 bytes."""
    size = np.dtype(dtype).itemsize
    room = np.empty(n + 64 // size, dtype=dtype)
    skip = -room.ctypes.data % 64 // size
    return room[skip : skip + n]


def accumulate(X, Components components not None, weight=None, index=None, int n_threads=1):
    """E-step and M-step sums in one pass over the rows.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d)
        Rows contiguous, of the components' dtype; without NaN unless the components are for missing values.
    components : Components
    weight : float64 array of shape (n,), optional
        Not negative.
    index : int32 array, optional
        The rows that count; by default all.
    n_threads : int, default=1

    Returns
    -------
    sums : float64 array of shape (n_pairs, k)
        Of ``components.pairs``.
    totals : float64 array of shape (2,)
        Sum of weight times log density of the mixture; sum of -weight r log r.
    """
    cdef _Job job = _Job(X, components.n_components, KINDS[components.covariance_type], components.pairs,
                         components.shift, weight, index, n_threads)
    job.under(components)
    return job.sum_up(0)


def moments(X, pairs, int n_components, shift, weight=None, index=None, labels=None, resp=None,
            int n_threads=1):
    """M-step sums of given responsibilities.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d)
        NaN counts as the shift.
    pairs : int32 array of shape (n_pairs, 2)
        See `pairs_of`.
    n_components : int
    shift : array of shape (d,), of X's dtype
    weight, index, n_threads
        As in `accumulate`.
    labels : int32 array of shape (n,), optional
        The one component of each row; a negative one: none.
    resp : array of shape (n, k) of X's dtype, optional
        Without labels. Without either, all rows belong to all components.

    Returns
    -------
    float64 array of shape (n_pairs, k)
    """
    cdef _Job job = _Job(X, n_components, GAUSSIAN_DIAG, pairs, shift, weight, index, n_threads)
    job.given, job.resp = <const int32_t *>address(labels), address(resp)
    return job.sum_up(1)[0]


def score(X, Components components not None, index=None, log_likelihood=None, labels=None, resp=None,
          densities=None, int n_threads=1):
    """The E-step alone, into the arrays that are given.

    Parameters
    ----------
    X, components, index, n_threads
        As in `accumulate`.
    log_likelihood : array of shape (n,), optional
        Of X's dtype: log density of the mixture.
    labels : int64 array of shape (n,), optional
        Component of the largest responsibility, the first among equals; -1 where no density is finite.
    resp : array of shape (n, k), optional
        Of X's dtype: responsibilities.
    densities : array of shape (n, k), optional
        Of X's dtype: log densities of the components, log weights included.
    """
    cdef _Job job = _Job(X, components.n_components, KINDS[components.covariance_type], components.pairs,
                         components.shift, None, index, n_threads)
    job.under(components)
    job.log_likelihood, job.resp, job.densities = address(log_likelihood), address(resp), address(densities)
    job.label = <int64_t *>address(labels)
    job.cut(MOST_CHUNKS)
    job.run(2)
