"""Rows and the centroids that are nearest to them: labels, distances, and sums of the rows of each centroid.

Rows are cut into chunks by their number, the number of centroids and of features alone. Each chunk has its own
sums in float64; they are merged in the order of the chunks, so the number of threads changes no bit. A chunk is
read once, block by block: a block is labelled, measured and added up while it is in cache. Where sums per chunk
would take more memory than the rows do (many centroids of many features), rows are labelled first, sorted by
label and added up afterwards, each thread taking the rows of some of the centroids.

Memory beside the rows: the sums (at most as much as the rows, or 4 MB), the centroids once more, and a few
hundred KB per thread.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.dense_kernels cimport D, NEAREST_CHEBYSHEV, NEAREST_COSINE
from fastml._engine.runtime.dense_kernels cimport NEAREST_MANHATTAN, NEAREST_SQEUCLIDEAN
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.dense.label_order import order_by_label
from fastml._engine.dense.nearest_screen import PAIRS, Screener
from fastml._engine.runtime.interrupt import check

cdef enum:
    TILE = 48                  # rows that every tile of the kernels divides
    BLOCK_BYTES = 96 << 10     # rows of a block stay in the second-level cache until they are added up
    LEAST_CHUNK = 8 * TILE
    MOST_CHUNKS = 64
    FEWEST_CHUNKS = 16         # with fewer, threads would wait for one another
    LARGE_TERMS = 1 << 27      # rows x centroids x features for which threads should have equal shares
    SERIAL_TERMS = 1 << 18     # rows x centroids x features for which a second thread does not pay
    LEAST_SUMS = 4 << 20
    GROUPS = 64                # of centroids that a thread adds rows to

cdef double WINDOW_TERMS = 4e10  # between two looks at the keyboard

METRICS = {
    "sqeuclidean": NEAREST_SQEUCLIDEAN, "cosine": NEAREST_COSINE,
    "manhattan": NEAREST_MANHATTAN, "chebyshev": NEAREST_CHEBYSHEV,
}


class Accumulation:
    """Statistics of rows by their centroid; those of several sets of rows can be merged.

    Attributes
    ----------
    labels : int32 array of shape (n,)
    weights : float64 array of shape (k,), or (k, d) if rows may have missing values
        Sums of the rows' weights, of those that have the feature.
    shifted_sums : float64 array of shape (k, d)
        Weighted sums of the rows less `offset`, of known values.
    offset : float64 array of shape (d,)
    errors : float64 array of shape (k,) or None
        Weighted sums of distances.
    """

    def __init__(self, labels, weights, shifted_sums, offset, errors):
        self.labels = labels
        self.weights = weights
        self.shifted_sums = shifted_sums
        self.offset = offset
        self.errors = errors

    @property
    def sums(self):
        """Weighted sums of the rows: float64 array of shape (k, d)."""
        weights = self.weights if self.weights.ndim == 2 else self.weights[:, None]
        return self.shifted_sums + weights * self.offset

    @property
    def inertia(self):
        """Weighted sum of all distances."""
        return float(self.errors.sum())

    def merge(self, other):
        """Add the statistics of other rows; their labels are not kept."""
        weights = other.weights if other.weights.ndim == 2 else other.weights[:, None]
        self.shifted_sums = self.shifted_sums + other.shifted_sums + weights * (other.offset - self.offset)
        self.weights = self.weights + other.weights
        if self.errors is not None:
            self.errors = self.errors + other.errors
        return self


cdef class Rows:
    """Rows as the kernels read them, checked once.

    Parameters
    ----------
    X : float32 or float64 array of shape (n, d), C-contiguous, or CSR matrix or array
        NaN is a missing value, in sparse rows too; no row is all NaN, nothing is infinite.
    n_threads : int
    missing : bool, optional
        Whether there is any NaN; looked for if not given.
    """

    def __init__(self, X, int n_threads, missing=None):
        values = X.data if hasattr(X, "indptr") else X
        self.is_sparse = values is not X
        if values.dtype not in (np.float32, np.float64):
            raise TypeError(f"X must be float32 or float64, got {values.dtype}")
        if X.ndim != 2 or not (self.is_sparse or X.flags.c_contiguous):
            raise ValueError("X must be a C-contiguous array of two dimensions or a CSR matrix")
        if self.is_sparse:
            if X.format != "csr":
                raise ValueError(f"sparse X must be CSR, got {X.format}")
            self.indptr = np.ascontiguousarray(X.indptr, dtype=np.int64)
            self.indices = np.ascontiguousarray(X.indices, dtype=np.int32)
            values = np.ascontiguousarray(values)
        self.X = X
        self.n, self.d = X.shape
        self.dtype = values.dtype
        self.item = values.dtype.itemsize
        self.n_threads = n_threads
        self.missing = bool(np.isnan(np.min(values, initial=0.0))) if missing is None else missing
        self._values = values
        self.data = <const char *><size_t>values.ctypes.data

    cdef object screen(self, centroids, offset, bint planes):
        """How to compare rows with centroids first: in a `Screen`, if planes may be, by PAIRS, or None."""
        if self.missing or self.is_sparse:
            return None
        if self._screener is None:
            self._screener = Screener(self.X, self.n_threads, D.nearest_pairs_speed())
        return self._screener.choose(centroids, offset, planes)

    cdef object take_room(self, shape):
        """An array for sums, the same one for passes of the same shape; what is in it is left from before."""
        if self._room is None or self._room.shape != shape:
            self._room = np.empty(shape)
        return self._room

    cdef const char *block(self, Py_ssize_t lo, Py_ssize_t n, char *dense) noexcept nogil:
        """Rows lo .. lo + n - 1, written to `dense` if they are sparse."""
        cdef Py_ssize_t i
        cdef int64_t e
        cdef float *row32
        cdef double *row64
        if not self.is_sparse:
            return self.data + lo * self.d * self.item
        memset(dense, 0, n * self.d * self.item)
        for i in range(n):
            if self.item == 4:
                row32 = <float *>dense + i * self.d
                for e in range(self.indptr[lo + i], self.indptr[lo + i + 1]):
                    row32[self.indices[e]] += (<const float *>self.data)[e]
            else:
                row64 = <double *>dense + i * self.d
                for e in range(self.indptr[lo + i], self.indptr[lo + i + 1]):
                    row64[self.indices[e]] += (<const double *>self.data)[e]
        return dense

    def nearest(
        self, centroids, *, metric="sqeuclidean", second=False, feature_weight=None, distances=True, labels=None
    ):
        """Nearest centroid of each row.

        Parameters
        ----------
        centroids : array of shape (k, d), finite
        metric : {"sqeuclidean", "cosine", "manhattan", "chebyshev"}
        second : bool, default=False
            Whether to find the second nearest too; k is at least 2 then.
        feature_weight : float64 array of shape (d,), optional
            Not negative; see src_c/dense/nearest.h.
        distances : bool, default=True
        labels : int32 array of shape (n,), optional
            Measure the distances to these centroids instead of finding the nearest.

        Returns
        -------
        labels : int32 array of shape (n,)
        distances : array of shape (n,) of X's dtype, or None
            Squared for "sqeuclidean".
        second_labels : int32 array of shape (n,)
            If `second`.
        """
        cdef Pass work = Pass(self, centroids, metric, feature_weight, search=labels is None)
        cdef int32_t[::1] second_labels
        if second:
            if work.c.k < 2 or labels is not None:
                raise ValueError("the second nearest of fewer than two centroids does not exist")
            runners_up = np.empty(self.n, dtype=np.int32)
            second_labels = runners_up
            work.second = &second_labels[0] if self.n else NULL
        labels = work.need_labels(labels)
        away = work.need_distances() if distances else None
        work.run()
        return (labels, away, runners_up) if second else (labels, away)

    def inertia(self, centroids, sample_weight=None):
        """Label the rows and measure them.

        Parameters
        ----------
        centroids : array of shape (k, d), finite
        sample_weight : float64 array of shape (n,), optional

        Returns
        -------
        labels : int32 array of shape (n,)
        inertia : float
            Weighted sum of all squared distances.
        """
        cdef Pass work = Pass(self, centroids, "sqeuclidean", None)
        labels = work.need_labels(None)
        work.need_errors(sample_weight)
        work.run()
        return labels, float(work.total(work.errors_).sum())

    def accumulate(
        self, centroids, sample_weight=None, *, metric="sqeuclidean", labels=None, feature_weight=None, errors=True,
        previous=None,
    ):
        """Label the rows and add them up by label, in one pass.

        Parameters
        ----------
        centroids : array of shape (k, d), finite
        sample_weight : float64 array of shape (n,), optional
        metric, feature_weight
            As for `nearest`.
        labels : int32 array of shape (n,), optional
            Known labels; without, the nearest centroid is found.
        errors : bool, default=True
            Whether to measure distances too.
        previous : Accumulation, optional
            Of these rows with these weights and other centroids: only rows whose label is another now are added
            and subtracted. Sums then have the rounding of the earlier ones.

        Returns
        -------
        Accumulation
        """
        cdef Pass work = Pass(self, centroids, metric, feature_weight, previous, labels is None)
        labels = work.need_labels(labels)
        if errors:
            work.need_errors(sample_weight)
        work.need_sums(sample_weight, previous)
        work.run()
        return Accumulation(labels, *work.merged(previous))


cdef class Pass:
    """One pass over the rows."""

    def __cinit__(
        self, Rows rows, centroids, metric, feature_weight, previous=None, bint search=True, bint planes=True
    ):
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
        self.rows = rows
        values = np.ascontiguousarray(centroids, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != rows.d or not len(values):
            raise ValueError(f"centroids must have shape (k, {rows.d}), k at least 1, got {values.shape}")
        if previous is not None and rows.item == 8:
            offset = previous.offset.copy()
        else:
            offset = _middle(values, rows.dtype)
        if metric == "cosine":
            offset[:] = 0.0
        self.values, self.offset = values, offset
        self.c.k, self.c.d = values.shape[0], rows.d
        self.c.metric = METRICS[metric]
        self.c.missing = rows.missing
        self.c.values, self.c.offset = &self.values[0, 0], &self.offset[0]
        if feature_weight is not None:
            self.feature_weight = np.ascontiguousarray(feature_weight, dtype=np.float64)
            if self.feature_weight.shape[0] != rows.d:
                raise ValueError(f"feature_weight must have shape ({rows.d},)")
            self.c.feature_weight = &self.feature_weight[0]
        elif search and metric == "sqeuclidean":
            screen = rows.screen(values, offset, planes)
            if screen == PAIRS:
                self.c.coarse = 1
            elif screen is not None:
                self.basis, self.coordinates, self.rest = screen.basis, screen.coordinates, screen.rest
                self.c.rank = self.basis.shape[1]
                self.c.basis, self.c.coordinates = &self.basis[0, 0], &self.coordinates[0, 0]
                self.c.rest = &self.rest[0]
        self.search = search
        self.plan()
        self.prepare()

    def __dealloc__(self):
        free(self.packed)
        free(self.scratch)

    cdef int plan(self) except -1:
        """Chunks, by the numbers of rows, centroids and features alone."""
        cdef Py_ssize_t n = self.rows.n, k = self.c.k, d = self.c.d, least, room
        cdef double terms = <double>n * k * d
        self.block_rows = max(1, BLOCK_BYTES // (d * self.rows.item * TILE)) * TILE
        least = max(<Py_ssize_t>LEAST_CHUNK, 8 * k)  # sums take longer to merge than they are worth otherwise
        self.n_chunks = max(<Py_ssize_t>MOST_CHUNKS, <Py_ssize_t>min(1e6, terms / WINDOW_TERMS))
        if n // least < FEWEST_CHUNKS and terms > LARGE_TERMS and not self.rows.is_sparse:
            self.by_label = True
            least = LEAST_CHUNK
        self.n_chunks = max(<Py_ssize_t>1, min(self.n_chunks, n // least))
        room = max(n * d * self.rows.item, <Py_ssize_t>LEAST_SUMS) // (8 * k * d)
        if room < self.n_chunks and not self.by_label:
            if room >= FEWEST_CHUNKS or self.rows.is_sparse:
                self.n_chunks = max(<Py_ssize_t>1, room)
            else:
                self.by_label = True
        self.chunk_rows = (n + self.n_chunks - 1) // self.n_chunks
        self.chunk_rows = max(<Py_ssize_t>1, (self.chunk_rows + TILE - 1) // TILE) * TILE
        self.n_chunks = (n + self.chunk_rows - 1) // self.chunk_rows
        return 0

    cdef int prepare(self) except -1:
        """Choose the kernels of the rows' type, pack the centroids, take memory for the threads."""
        cdef int64_t packed_size
        cdef int n_threads = self.threads()
        if self.rows.item == 4:
            self.find, self.measure = D.nearest_find_f32, D.nearest_measure_f32
            self.add, self.gather = D.nearest_add_f32, D.nearest_gather_f32
            packed_size, self.scratch_size = D.nearest_packed_size_f32(&self.c), D.nearest_scratch_size_f32(&self.c)
        else:
            self.find, self.measure = D.nearest_find_f64, D.nearest_measure_f64
            self.add, self.gather = D.nearest_add_f64, D.nearest_gather_f64
            packed_size, self.scratch_size = D.nearest_packed_size_f64(&self.c), D.nearest_scratch_size_f64(&self.c)
        self.dense_size = self.block_rows * self.c.d * self.rows.item if self.rows.is_sparse else 0
        self.dense_size = (self.dense_size + 127) // 64 * 64
        self.scratch_size = (self.scratch_size + 127) // 64 * 64
        self.packed = <char *>malloc(packed_size + 64)
        self.scratch = <char *>malloc(n_threads * (self.scratch_size + self.dense_size) + 64)
        if self.packed == NULL or self.scratch == NULL:
            raise MemoryError()
        self.c.packed = aligned(self.packed)
        if self.rows.item == 4:
            D.nearest_pack_f32(&self.c)
        else:
            D.nearest_pack_f64(&self.c)
        return 0

    cdef int threads(self) noexcept nogil:
        if <double>self.rows.n * self.c.k * self.c.d < SERIAL_TERMS:
            return 1
        return min(self.rows.n_threads, <int>min(self.n_chunks, <Py_ssize_t>(1 << 20)))

    cdef Py_ssize_t window(self) noexcept nogil:
        """Chunks between two looks at the keyboard."""
        cdef double terms = <double>self.chunk_rows * self.c.k * self.c.d
        return max(<Py_ssize_t>self.threads(), <Py_ssize_t>min(1e6, WINDOW_TERMS / terms))

    cdef object need_labels(self, known):
        self.labels = labels = np.empty(self.rows.n, dtype=np.int32) if known is None else np.asarray(known)
        return labels

    cdef object need_distances(self):
        distances = np.empty(self.rows.n, dtype=self.rows.dtype)
        self.distances = <char *><size_t>distances.ctypes.data
        return distances

    cdef int need_weight(self, sample_weight) except -1:
        if sample_weight is not None:
            self.weighted = True
            self.weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
            if self.weight.shape[0] != self.rows.n:
                raise ValueError(f"sample_weight must have shape ({self.rows.n},)")
        return 0

    cdef int need_errors(self, sample_weight) except -1:
        self.need_weight(sample_weight)
        self.errs = True
        self.errors_ = np.zeros((max(<Py_ssize_t>1, self.n_chunks), self.c.k))
        self.errors = <double *><size_t>self.errors_.ctypes.data
        return 0

    cdef int need_sums(self, sample_weight, previous) except -1:
        cdef Py_ssize_t k = self.c.k, kept = 1 if self.by_label else max(<Py_ssize_t>1, self.n_chunks)
        self.need_weight(sample_weight)
        if previous is not None:
            self.before, self.moves = previous.labels, True
        self.adds = True
        self.sums_size = k * self.c.d
        self.weights_size = self.sums_size if self.rows.missing else k
        # zeroed chunk by chunk: memory that the last pass used costs no page faults
        self.sums_ = self.rows.take_room((kept, k, self.c.d))
        self.weights_ = np.zeros((kept, k, self.c.d)) if self.rows.missing else np.zeros((kept, k))
        if kept == 1:
            self.sums_[:] = 0.0
        self.sums = <double *><size_t>self.sums_.ctypes.data
        self.weights = <double *><size_t>self.weights_.ctypes.data
        return 0

    cdef object merged(self, previous):
        """Weights, sums, offset and errors of all chunks, added in their order."""
        weights, sums = self.total(self.weights_), self.total(self.sums_)
        errors = self.total(self.errors_) if self.errs else None
        if previous is not None:
            weights += previous.weights
            sums += previous.shifted_sums
        offset = np.asarray(self.offset) if self.rows.item == 8 else np.zeros(self.c.d)
        return weights, sums, offset, errors

    cdef object total(self, parts):
        """The sum over the first axis, in its order."""
        cdef Py_ssize_t j, n_parts = len(parts), size = parts[0].size, width = 1024
        cdef Py_ssize_t n_slices = (size + width - 1) // width
        cdef double *p = <double *><size_t>parts.ctypes.data
        cdef int n_threads = self.threads() if n_parts * size > 1 << 16 else 1
        for j in prange(n_slices, nogil=True, num_threads=n_threads, schedule="static"):
            self.total_slice(p, n_parts, size, j * width, min(size, (j + 1) * width))
        return parts[0].copy()

    cdef void total_slice(self, double *p, Py_ssize_t n_parts, Py_ssize_t size, Py_ssize_t first,
                          Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t i, j
        for i in range(1, n_parts):
            for j in range(first, last):
                p[j] += p[i * size + j]

    cdef int run(self) except -1:
        cdef Py_ssize_t i, start, stop, window = self.window()
        cdef int n_threads = self.threads()
        for start in range(0, self.n_chunks, window):
            check()
            stop = min(self.n_chunks, start + window)
            for i in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                self.chunk(i, thread_num())
        if self.adds and self.by_label and self.rows.n:
            self.add_by_label()
        return 0

    cdef void chunk(self, Py_ssize_t i, int thread) noexcept nogil:
        cdef Py_ssize_t lo = i * self.chunk_rows, hi = min(self.rows.n, lo + self.chunk_rows), n
        cdef char *scratch = aligned(self.scratch) + thread * (self.scratch_size + self.dense_size)
        cdef const char *x
        cdef const double *weight
        cdef double *errors = self.errors + i * self.c.k if self.errs else NULL
        if self.adds and not self.by_label:
            memset(self.sums + i * self.sums_size, 0, self.sums_size * sizeof(double))
        while lo < hi:
            n = min(self.block_rows, hi - lo)
            x = self.rows.block(lo, n, scratch + self.scratch_size)
            weight = &self.weight[lo] if self.weighted else NULL
            if self.search:
                self.find(&self.c, x, self.c.d, n, &self.labels[lo],
                          self.second + lo if self.second != NULL else NULL, NULL, scratch)
            if self.distances != NULL or (self.errs and not self.measures_late()):
                self.measure(&self.c, x, self.c.d, n, &self.labels[lo], weight,
                             self.distances + lo * self.rows.item if self.distances != NULL else NULL, errors)
            if self.adds and not self.by_label:
                self.add(&self.c, x, self.c.d, n, &self.labels[lo], &self.before[lo] if self.moves else NULL,
                         weight,
                         self.sums + i * self.sums_size, self.weights + i * self.weights_size)
            lo = lo + n

    cdef bint measures_late(self) noexcept nogil:
        """Whether rows are measured when they are added to their centroid, which is in cache then."""
        return self.errs and self.adds and self.by_label and not self.moves and self.distances == NULL

    cdef int add_by_label(self) except -1:
        """Add up labelled rows, each thread those of some of the centroids."""
        cdef Py_ssize_t i
        cdef const int64_t[::1] order, start
        before = np.asarray(self.before) if self.moves else None
        order, start = order_by_label(np.asarray(self.labels), before, self.c.k)
        for i in prange(GROUPS, nogil=True, num_threads=self.threads(), schedule="dynamic"):
            self.add_group(i, order, start)
        return 0

    cdef void add_group(self, Py_ssize_t i, const int64_t[::1] order, const int64_t[::1] start) noexcept nogil:
        """Centroids whose rows begin in the i-th part of all."""
        cdef Py_ssize_t j, k = self.c.k, total = start[k], each = self.c.d if self.c.missing else 1
        cdef int64_t first = total * i // GROUPS, last = total * (i + 1) // GROUPS
        for j in range(k):
            if first <= start[j] < last and start[j] < start[j + 1]:
                self.gather(&self.c, self.rows.data, self.c.d, start[j + 1] - start[j], &order[start[j]], j,
                            &self.weight[0] if self.weighted else NULL, self.sums + j * self.c.d,
                            self.weights + j * each, self.errors + j if self.measures_late() else NULL)


cdef object _middle(values, dtype):
    """The mean of the centroids as numbers of the rows' type; 0 where that is infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        offset = values.mean(axis=0).astype(dtype).astype(np.float64)
    offset[~np.isfinite(offset)] = 0.0
    return offset


def nearest(X, centroids, *, metric="sqeuclidean", second=False, int n_threads=1, feature_weight=None):
    """Nearest centroid of each row: see `Rows.nearest`."""
    return Rows(X, n_threads).nearest(centroids, metric=metric, second=second, feature_weight=feature_weight)


def accumulate(
    X, centroids, sample_weight=None, *, metric="sqeuclidean", int n_threads=1, labels=None, feature_weight=None
):
    """Label the rows and add them up by label: see `Rows.accumulate`."""
    return Rows(X, n_threads).accumulate(
        centroids, sample_weight, metric=metric, labels=labels, feature_weight=feature_weight
    )
