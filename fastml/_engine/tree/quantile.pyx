"""Edges between the bins of numerical features, and the categories of categorical ones.

Weights are made whole numbers first (a power of two times the weight, so that integer weights keep their ratios
exactly): their sums then do not depend on the order of the rows, nor on dense or sparse storage, nor on threads.
"""

import warnings

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uint8_t

from fastml._engine.runtime.kernels cimport K, binning_column
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.source import open_source

MAX_CATEGORIES = 254
cdef enum:
    CHUNK = 4096     # rows read at a time when all rows are looked at
    BATCH = 512      # features whose edges are held at a time


def whole_weights(sample_weight):
    """Weights as whole numbers in float64 with an exact sum; zero stays zero, nothing else becomes it.

    Parameters
    ----------
    sample_weight : float64 array of shape (n,)
    """
    total = float(np.sum(sample_weight))
    if not np.isfinite(total) or total <= 0:
        raise ValueError(f"the sum of sample_weight must be positive and finite, got {total}")
    scale = 2.0 ** (51 - np.frexp(total)[1])
    whole = np.rint(sample_weight * scale)
    return np.where(sample_weight > 0, np.maximum(whole, 1.0), 0.0)


def stratified_rows(n_rows, size, random_state):
    """One random row from each of `size` equal stretches of the rows: uint32 array (size,), ascending."""
    bounds = np.arange(size + 1, dtype=np.int64) * n_rows // size
    width = np.diff(bounds)
    random = np.random.default_rng(random_state).random(size)
    return (bounds[:size] + np.minimum((random * width).astype(np.int64), width - 1)).astype(np.uint32)


def find_edges(Source source, const uint8_t[::1] is_categorical, int max_bins, subsample, random_state,
               sample_weight, int n_threads):
    """Edges of each numerical feature; one bin per distinct value where there are at most `max_bins`.

    Parameters
    ----------
    source : Source
    is_categorical : uint8 array of shape (n_features,)
        Features to pass over.
    max_bins : int
    subsample : int or None
        Rows looked at to place the edges of features with more than `max_bins` distinct values.
    random_state : int
    sample_weight : float64 array of shape (n_rows,) or None
    n_threads : int

    Returns
    -------
    edges : list of float64 arrays
    has_values : bool array of shape (n_features,)
        False where every value is missing (in rows with weight).
    """
    cdef Py_ssize_t n_features = source.n_features, size, first, f, j, n, found
    cdef const uint32_t[::1] rows_view
    cdef const double[::1] weights_view
    cdef const uint32_t *rows = NULL
    cdef const double *weights = NULL
    chosen = None
    if sample_weight is not None and not np.all(sample_weight > 0):
        chosen = np.flatnonzero(sample_weight > 0).astype(np.uint32)
    n_rows = source.n_rows if chosen is None else len(chosen)
    if subsample is not None and n_rows > subsample:
        picked = stratified_rows(n_rows, subsample, random_state)
        chosen = picked if chosen is None else chosen[picked]
        is_sample = True
    else:
        is_sample = False
    size = source.n_rows if chosen is None else len(chosen)
    if chosen is not None:
        rows_view = chosen
        rows = &rows_view[0]
    sampled_weight = None
    if sample_weight is not None:
        sampled_weight = sample_weight if chosen is None else sample_weight[chosen]
        sampled_weight = None if np.all(sampled_weight == sampled_weight[0]) else whole_weights(sampled_weight)
        if sampled_weight is not None:
            weights_view = np.ascontiguousarray(sampled_weight)
            weights = &weights_view[0]

    edges = [None] * n_features
    has_values = np.zeros(n_features, dtype=bool)
    cdef double[:, ::1] x, values, sums
    cdef uint64_t[:, ::1] work
    cdef double[:, ::1] batch_edges, sets
    cdef int64_t[::1] n_distinct
    cdef int32_t[::1] n_edges
    cdef int thread
    cdef Sparse sparse = None
    if source.is_sparse:
        sparse = Sparse(source.matrix if chosen is None else source.matrix[chosen], sampled_weight)
        size = sparse.most + 1
    x = np.empty((n_threads, size))
    values = np.empty((n_threads, size))
    sums = np.empty((n_threads, size))
    work = np.empty((n_threads, 4 * size), dtype=np.uint64)
    for first in range(0, n_features, BATCH):
        check()
        n = min(BATCH, n_features - first)
        batch_edges = np.empty((n, max_bins))
        sets = np.empty((n, max_bins + 1))
        n_distinct = np.zeros(n, dtype=np.int64)
        n_edges = np.zeros(n, dtype=np.int32)
        for j in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            if is_categorical[first + j]:
                continue
            thread = thread_num()
            if sparse is None:
                K.binning_read(source.columns + first + j, rows, 0, size, 0, &x[thread, 0])
                found = K.quantile_distinct(&x[thread, 0], weights, size, &work[thread, 0], &values[thread, 0],
                                            &sums[thread, 0])
            else:
                found = sparse.distinct(first + j, &x[thread, 0], &work[thread, 0], &values[thread, 0],
                                        &sums[thread, 0])
            n_distinct[j] = found
            n_edges[j] = K.quantile_edges(&values[thread, 0], &sums[thread, 0], found, max_bins, &batch_edges[j, 0])
            if found <= max_bins:
                copy(&values[thread, 0], found, &sets[j, 0])
        if is_sample:
            _complete(source, first, is_categorical, sample_weight, max_bins, n_threads, sets, n_distinct,
                      n_edges, batch_edges)
        for j in range(n):
            has_values[first + j] = n_distinct[j] > 0
            edges[first + j] = np.array(batch_edges[j, :n_edges[j]])
    return edges, has_values


cdef class Sparse:
    """The sampled rows of a sparse matrix by columns; the rows that a column leaves out are one value 0.0."""
    cdef object _owner
    cdef binning_column values
    cdef const int64_t[::1] start
    cdef const int64_t[::1] row
    cdef const double[::1] weights
    cdef double total
    cdef Py_ssize_t most   # entries in the longest column

    def __init__(self, matrix, weights):
        cdef Source opened
        matrix = matrix.tocsc()
        opened = open_source([matrix.data if matrix.nnz else np.zeros(1)])
        self._owner = opened
        self.values = opened.columns[0]
        self.start = matrix.indptr.astype(np.int64)
        self.row = matrix.indices.astype(np.int64)
        self.weights = np.ones(matrix.shape[0]) if weights is None else weights
        self.total = np.sum(self.weights)
        self.most = np.diff(matrix.indptr).max()

    cdef Py_ssize_t distinct(self, Py_ssize_t feature, double *x, uint64_t *work, double *values,
                             double *sums) noexcept nogil:
        cdef Py_ssize_t first = self.start[feature], n = self.start[feature + 1] - first, i
        cdef double *weights = <double *>(work + 3 * (self.most + 1))
        K.binning_read(&self.values, NULL, first, n, 0, x)
        x[n] = 0.0
        weights[n] = self.total
        for i in range(n):
            weights[i] = self.weights[self.row[first + i]]
            weights[n] -= weights[i]
        return K.quantile_distinct(x, weights, n + 1, work, values, sums)


cdef inline void copy(const double *values, Py_ssize_t n, double *to) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = values[i]


cdef int _complete(Source source, Py_ssize_t first, const uint8_t[::1] is_categorical, sample_weight, int max_bins,
                   int n_threads, double[:, ::1] sets, int64_t[::1] n_distinct, int32_t[::1] n_edges,
                   double[:, ::1] batch_edges) except -1:
    """Where the sample saw few distinct values, look at all rows: one bin per distinct value if they stay few."""
    cdef Py_ssize_t j, lo, rows, count
    cdef const double[::1] weights_view
    cdef const double *weights = NULL
    if sample_weight is not None:
        weights_view = sample_weight
        weights = &weights_view[0]
    cdef double[:, ::1] buffer = np.empty((n_threads, CHUNK))
    cdef double[::1] ones = np.ones(max_bins + 1)
    cdef int thread
    if source.is_sparse:
        _collect_sparse(source, first, weights, sets, n_distinct, max_bins)
    for j in prange(n_distinct.shape[0], nogil=True, num_threads=n_threads, schedule="dynamic"):
        if is_categorical[first + j] or n_distinct[j] > max_bins:
            continue
        thread = thread_num()
        count = n_distinct[j]
        lo = source.n_rows if source.is_sparse else 0
        while lo < source.n_rows and count <= max_bins:
            rows = min(CHUNK, source.n_rows - lo)
            K.binning_read(source.columns + first + j, NULL, lo, rows, 0, &buffer[thread, 0])
            count = K.quantile_collect(&buffer[thread, 0], NULL if weights == NULL else weights + lo, rows,
                                       &sets[j, 0], count, max_bins)
            lo = lo + rows
        if count <= max_bins:
            n_distinct[j] = count
            n_edges[j] = K.quantile_edges(&sets[j, 0], &ones[0], count, max_bins, &batch_edges[j, 0])
    return 0


cdef int _collect_sparse(Source source, Py_ssize_t first, const double *weights, double[:, ::1] sets,
                         int64_t[::1] n_distinct, int max_bins) except -1:
    """The distinct values of features first, first + 1, ... in all rows."""
    cdef Py_ssize_t i, entry, f, n = n_distinct.shape[0], n_weighted = 0
    cdef double x, zero = 0.0
    cdef int64_t[::1] stored = np.zeros(n, dtype=np.int64)
    for i in range(source.n_rows):
        if weights != NULL and not weights[i] > 0:
            continue
        n_weighted += 1
        for entry in range(source.csr.start[i], source.csr.start[i + 1]):
            f = source.csr.feature64[entry] if source.csr.feature32 == NULL else source.csr.feature32[entry]
            f -= first
            if f < 0 or f >= n:
                continue
            stored[f] += 1
            if n_distinct[f] <= max_bins:
                K.binning_read(&source.csr.values, NULL, entry, 1, 0, &x)
                n_distinct[f] = K.quantile_collect(&x, NULL, 1, &sets[f, 0], n_distinct[f], max_bins)
    for f in range(n):
        if stored[f] < n_weighted and n_distinct[f] <= max_bins:
            n_distinct[f] = K.quantile_collect(&zero, NULL, 1, &sets[f, 0], n_distinct[f], max_bins)
    return 0


def find_categories(Source source, Py_ssize_t feature, sample_weight):
    """Distinct values of a categorical feature in the rows with weight.

    Returns
    -------
    kept : float64 array, ascending
        All categories if there are at most 254, else the 253 with the largest sum of weights (ties: the smaller
        value is kept).
    grouped : float64 array, ascending
        The other categories, which share one code; empty if there are none.
    """
    cdef Py_ssize_t lo, rows
    cdef double[::1] buffer
    weights = None if sample_weight is None else whole_weights(sample_weight)
    values, sums = np.empty(0), np.empty(0)
    step = 1 << 18
    chunk = np.empty(min(step, source.n_rows))
    buffer = chunk
    for lo in range(0, source.n_rows, step):
        rows = min(step, source.n_rows - lo)
        if source.is_sparse:
            chunk[:rows] = source.matrix[lo:lo + rows, [feature]].toarray()[:, 0]
        else:
            K.binning_read(source.columns + feature, NULL, lo, rows, 0, &buffer[0])
        x = chunk[:rows]
        keep = ~np.isnan(x)
        w = np.ones(rows) if weights is None else weights[lo:lo + rows]
        keep &= w > 0
        values, inverse = np.unique(np.concatenate([values, x[keep] + 0.0]), return_inverse=True)
        sums = np.bincount(inverse, np.concatenate([sums, w[keep]]), minlength=len(values))
    if len(values) <= MAX_CATEGORIES:
        return values, np.empty(0)
    order = np.lexsort((values, -sums))
    warnings.warn(
        f"feature {feature if source.names is None else repr(source.names[feature])} has {len(values)} categories; "
        f"the {MAX_CATEGORIES - 1} most frequent are kept and the other {len(values) - MAX_CATEGORIES + 1} share one "
        f"code", UserWarning, stacklevel=2,
    )
    return np.sort(values[order[:MAX_CATEGORIES - 1]]), np.sort(values[order[MAX_CATEGORIES - 1:]])
