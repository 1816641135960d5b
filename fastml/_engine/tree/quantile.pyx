"""Edges between the bins of numerical features, and the categories of categorical ones.

Weights are made whole numbers first (a power of two times the weight, so that integer weights keep their ratios
exactly): their sums then do not depend on the order of the rows, nor on dense or sparse storage, nor on threads.
"""

import warnings

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t
from libc.stdlib cimport calloc, free

from fastml._engine.runtime.kernels cimport (
    BINNING_F64, BINNING_I32, BINNING_I64, BINNING_U32, BINNING_U64, K, QUANTILE_SMALL, binning_column,
    quantile_set,
)
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.source import open_source

MAX_CATEGORIES = 254
cdef enum:
    CHUNK = 1024              # rows read at a time
    GROUP = 16                # features whose values may share cache lines
    SLICE = 65536             # rows below which all rows of a feature are one thread's work
    BATCH = 512               # most features sampled at a time, and
    SAMPLE_BYTES = 1 << 24    # most memory for their values


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
    cdef Py_ssize_t n_features = source.n_features, size, first, j, n, found
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

    cdef const int32_t[::1] numerical = np.flatnonzero(np.asarray(is_categorical) == 0).astype(np.int32)
    cdef Py_ssize_t n_numerical = numerical.shape[0], most = 1 if n_threads < 1 else n_threads
    cdef int is_f32 = not source.is_sparse
    for j in range(n_numerical):
        is_f32 = is_f32 and fits32(source.columns[numerical[j]].kind)
    cdef Sparse sparse = None
    if source.is_sparse:
        sparse = Sparse(source.matrix if chosen is None else source.matrix[chosen], sampled_weight)
        size = sparse.most + 1
    most = max(n_threads, min(BATCH, SAMPLE_BYTES // (size * (4 if is_f32 else 8))))
    most = max(1, min(most, n_numerical))

    edges = [np.empty(0)] * n_features
    has_values = np.zeros(n_features, dtype=bool)
    cdef double[:, ::1] work = np.empty((min(n_threads, most), (2 if weights == NULL and sparse is None else 4) * size))
    cdef char[:, ::1] x = np.empty((most if sparse is None else work.shape[0], size * (4 if is_f32 else 8)), dtype=np.int8)
    cdef double[:, ::1] batch_edges = np.empty((most, max_bins))
    cdef int64_t[::1] n_distinct = np.zeros(most, dtype=np.int64)
    cdef int32_t[::1] n_edges = np.zeros(most, dtype=np.int32)
    cdef Py_ssize_t n_chunks = (size + CHUNK - 1) // CHUNK, item = 4 if is_f32 else 8, lo
    cdef int thread
    cdef double[::1] values
    few = []
    for first in range(0, n_numerical, most):
        check()
        n = min(most, n_numerical - first)
        if sparse is None:
            for j in prange(n_chunks, nogil=True, num_threads=min(n_threads, n_chunks), schedule="static"):
                lo = j * CHUNK
                read_chunk(source, &numerical[first], n, rows, lo, min(CHUNK, size - lo), is_f32, x, item)
        for j in prange(n, nogil=True, num_threads=min(n_threads, n), schedule="dynamic"):
            thread = thread_num()
            if sparse is None:
                found = K.quantile_distinct(&x[j, 0], is_f32, weights, size, &work[thread, 0])
                n_edges[j] = K.quantile_edges(&work[thread, 0], &work[thread, size], found, max_bins,
                                              &batch_edges[j, 0])
            else:
                found = sparse.distinct(numerical[first + j], <double *>&x[thread, 0], &work[thread, 0])
                n_edges[j] = K.quantile_edges(&work[thread, 0], &work[thread, sparse.length(numerical[first + j])],
                                              found, max_bins, &batch_edges[j, 0])
            n_distinct[j] = found
        for j in range(n):
            f = numerical[first + j]
            has_values[f] = n_distinct[j] > 0
            edges[f] = np.array(batch_edges[j, :n_edges[j]])
            if n_distinct[j] <= max_bins:
                few.append(f)
    if is_sample and few:
        for f, distinct in distinct_values(source, np.array(few, dtype=np.int32), max_bins, sample_weight, n_threads):
            has_values[f] = len(distinct) > 0
            values = distinct
            n = distinct.shape[0]
            j = K.quantile_edges(&values[0], NULL, n, max_bins, &batch_edges[0, 0]) if n else 0
            edges[f] = np.array(batch_edges[0, :j])
    return edges, has_values


cdef inline bint fits32(int32_t kind) noexcept nogil:
    """Whether every value of the number type is a float32."""
    return kind not in (BINNING_F64, BINNING_I32, BINNING_I64, BINNING_U32, BINNING_U64)


cdef void read_chunk(Source source, const int32_t *features, Py_ssize_t n_features, const uint32_t *rows,
                     Py_ssize_t lo, Py_ssize_t n, int is_f32, char[:, ::1] x, Py_ssize_t item) noexcept nogil:
    """Rows lo .. lo + n of the sample, of all features: neighbours in memory are read together."""
    cdef Py_ssize_t j
    for j in range(n_features):
        K.binning_read(source.columns + features[j], NULL if rows == NULL else rows + lo, 0 if rows != NULL else lo, n,
                       is_f32, &x[j, lo * item])


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

    cdef Py_ssize_t length(self, Py_ssize_t feature) noexcept nogil:
        return self.start[feature + 1] - self.start[feature] + 1

    cdef Py_ssize_t distinct(self, Py_ssize_t feature, double *x, double *work) noexcept nogil:
        cdef Py_ssize_t first = self.start[feature], n = self.length(feature) - 1, i
        cdef double *weights = work + 3 * (self.most + 1)  # quantile_distinct has read them before it writes there
        K.binning_read(&self.values, NULL, first, n, 0, x)
        x[n] = 0.0
        weights[n] = self.total
        for i in range(n):
            weights[i] = self.weights[self.row[first + i]]
            weights[n] -= weights[i]
        return K.quantile_distinct(x, 0, weights, n + 1, work)


def distinct_values(Source source, const int32_t[::1] features, int max_bins, sample_weight, int n_threads):
    """Distinct values, in all rows with weight, of the features that have at most `max_bins` of them.

    Yields
    ------
    feature : int
    values : float64 array, ascending
    """
    cdef Py_ssize_t n = features.shape[0], n_slices = n_threads if source.n_rows > SLICE else 1
    cdef Py_ssize_t n_groups = (n + GROUP - 1) // GROUP, t, s, j, i
    cdef const double[::1] weights_view
    cdef const double *weights = NULL
    cdef quantile_set *sets
    cdef binning_column zero, entries
    cdef double nothing = 0.0
    cdef const int64_t[::1] start
    if sample_weight is not None:
        weights_view = sample_weight
        weights = &weights_view[0]
    if source.is_sparse:
        n_slices = 1
        matrix = source.matrix if sample_weight is None else source.matrix[np.flatnonzero(sample_weight > 0)]
        matrix = matrix[:, np.asarray(features)].tocsc()
        start = matrix.indptr.astype(np.int64)
        opened = open_source([matrix.data if matrix.nnz else np.zeros(1)])
        entries = (<Source>opened).columns[0]
        zero = entries
        zero.data, zero.kind = <const unsigned char *>&nothing, BINNING_F64
        i = matrix.shape[0]
    sets = <quantile_set *>calloc(n_slices * n, sizeof(quantile_set))
    if sets == NULL:
        raise MemoryError()
    try:
        if source.is_sparse:
            for j in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
                K.quantile_collect(&entries, NULL, start[j], start[j + 1] - start[j], max_bins, sets + j)
                if start[j + 1] - start[j] < i:
                    K.quantile_collect(&zero, NULL, 0, 1, max_bins, sets + j)
        else:
            for t in prange(n_slices * n_groups, nogil=True, num_threads=n_threads, schedule="dynamic"):
                s = t // n_groups
                j = t % n_groups * GROUP
                collect(source, &features[j], min(GROUP, n - j), weights, source.n_rows * s // n_slices,
                        source.n_rows * (s + 1) // n_slices, max_bins, sets + s * n + j)
        found = []
        for j in range(n):
            values = np.empty(0)
            for s in range(n_slices):
                t = sets[s * n + j].count
                if t > max_bins:
                    break
                values = np.union1d(values, np.array(<double[:256]>sets[s * n + j].values)[:t])
            else:
                if len(values) <= max_bins:
                    found.append((features[j], values))
    finally:
        free(sets)
    return found


cdef void collect(Source source, const int32_t *features, Py_ssize_t n, const double *weights, Py_ssize_t lo,
                  Py_ssize_t hi, int max_bins, quantile_set *sets) noexcept nogil:
    cdef Py_ssize_t j
    while lo < hi:
        for j in range(n):
            K.quantile_collect(source.columns + features[j], weights, lo, min(CHUNK, hi - lo), max_bins, sets + j)
        lo += CHUNK


def find_categories(Source source, Py_ssize_t feature, weights):
    """Distinct values of a categorical feature in the rows with weight.

    Negative and infinite numbers are missing values.

    Parameters
    ----------
    source : Source
    feature : int
    weights : float64 array of shape (n_rows,) or None
        Whole numbers (see ``whole_weights``).

    Returns
    -------
    kept : float64 array, ascending
        All categories if there are at most 254, else the 253 with the largest sum of weights (ties: the smaller
        value is kept).
    grouped : float64 array, ascending
        The other categories, which share one code; empty if there are none.
    """
    values, sums = _small_categories(source, feature, weights)
    if values is None:
        values, sums = _any_categories(source, feature, weights)
    if len(values) <= MAX_CATEGORIES:
        return values, np.empty(0)
    order = np.lexsort((values, -sums))
    warnings.warn(
        f"feature {feature if source.names is None else repr(source.names[feature])} has {len(values)} categories; "
        f"the {MAX_CATEGORIES - 1} most frequent are kept and the other {len(values) - MAX_CATEGORIES + 1} share one "
        f"code", UserWarning, stacklevel=2,
    )
    return np.sort(values[order[:MAX_CATEGORIES - 1]]), np.sort(values[order[MAX_CATEGORIES - 1:]])


cdef tuple _small_categories(Source source, Py_ssize_t feature, weights):
    """Values that occur and sums of their weights, if they are small whole numbers, else (None, None)."""
    cdef double[::1] sums = np.zeros(QUANTILE_SMALL)
    cdef const double[::1] view
    cdef const double *p = NULL
    cdef int small
    if source.is_sparse:
        return None, None
    if weights is not None:
        view = weights
        p = &view[0]
    with nogil:
        small = K.quantile_tally(source.columns + feature, p, 0, source.n_rows, &sums[0])
    if not small:
        return None, None
    found = np.flatnonzero(sums)
    return found.astype(np.float64), np.asarray(sums)[found]


cdef tuple _any_categories(Source source, Py_ssize_t feature, weights):
    """Values that occur and sums of their weights."""
    cdef Py_ssize_t lo, rows
    cdef double[::1] buffer
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
        keep = (x >= 0) & (x < np.inf)
        w = np.ones(rows) if weights is None else weights[lo:lo + rows]
        keep &= w > 0
        values, inverse = np.unique(np.concatenate([values, x[keep] + 0.0]), return_inverse=True)
        sums = np.bincount(inverse, np.concatenate([sums, w[keep]]), minlength=len(values))
    return values, sums
