"""Edges between the bins of numerical features, and the categories of categorical ones.

Weights are made whole numbers first (a power of two times the weight, so that integer weights keep their
ratios exactly): their sums then do not depend on the order of the rows, nor on dense or sparse storage, nor
on threads.
"""

import warnings

import numpy as np

from cython.parallel cimport prange
from libc.math cimport floor
from libc.stdint cimport int32_t, int64_t, uint32_t, uint8_t
from libc.stdlib cimport calloc, free

from fastml._engine.runtime.tree_kernels cimport (
    BINNING_F64, BINNING_I32, BINNING_I64, BINNING_U32, BINNING_U64, K, QUANTILE_SMALL, binning_column,
    quantile_set,
)
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.source import open_source

MAX_CATEGORIES = 254
cdef enum:
    CHUNK = 256               # rows read at a time: a cache line of each fits the first-level cache
    GROUP = 16                # features whose values may share cache lines
    SLICE = 65536             # rows below which all rows of a feature are one thread's work
    WINDOW = 1 << 21          # rows between two looks at the keyboard
    BATCH = 512               # most features sampled at a time, and
    SAMPLE_BYTES = 1 << 24    # most memory for their values
    GLANCE = 512              # rows that tell a feature of few distinct values from others,
    GLANCE_FEW = 160          # if they have at most so many


def whole_weights(sample_weight):
    """Weights as whole numbers in float64 with an exact sum; zero stays zero, nothing else becomes it.

    Parameters
    ----------
    sample_weight : float64 array of shape (n,)

    Returns
    -------
    float64 array of shape (n,)

    Raises
    ------
    ValueError
        If the sum of the weights is zero or not finite.
    """
    total = float(np.sum(sample_weight))
    if not np.isfinite(total) or total <= 0:
        raise ValueError(f"the sum of sample_weight must be positive and finite, got {total}")
    # in two steps, as the power of two itself may be out of range
    fraction, exponent = np.frexp(sample_weight)
    whole = np.rint(np.ldexp(fraction, exponent + (51 - np.frexp(total)[1])))
    return np.where(sample_weight > 0, np.maximum(whole, 1.0), 0.0)


def stratified_rows(n_rows, size, random_state):
    """One random row from each of `size` equal stretches of the rows: uint32 array (size,), ascending."""
    bounds = np.arange(size + 1, dtype=np.int64) * n_rows // size
    width = np.diff(bounds)
    random = np.random.default_rng(random_state).random(size)
    return (bounds[:size] + np.minimum((random * width).astype(np.int64), width - 1)).astype(np.uint32)


cdef class Sample:
    """The rows that place edges."""
    cdef object rows                # uint32 array, ascending, or None: all
    cdef object weights             # whole numbers, one per row of the sample, or None: all equal
    cdef bint is_part               # of the rows with weight
    cdef Py_ssize_t size
    cdef const uint32_t[::1] rows_view
    cdef const double[::1] weights_view
    cdef const uint32_t *rows_p     # NULL where None
    cdef const double *weights_p

    def __init__(self, Py_ssize_t n_rows, sample_weight, subsample, random_state):
        rows = None
        if sample_weight is not None and not np.all(sample_weight > 0):
            rows = np.flatnonzero(sample_weight > 0).astype(np.uint32)
        self.size = n_rows if rows is None else len(rows)
        self.is_part = subsample is not None and self.size > subsample
        if self.is_part:
            picked = stratified_rows(self.size, subsample, random_state)
            rows = picked if rows is None else rows[picked]
            self.size = subsample
        self.rows = rows
        if rows is not None:
            self.rows_view = rows
            self.rows_p = &self.rows_view[0]
        if sample_weight is not None:
            weights = sample_weight if rows is None else sample_weight[rows]
            if np.any(weights != weights[0]):
                self.weights = whole_weights(weights)
                self.weights_view = self.weights
                self.weights_p = &self.weights_view[0]

    def glance(self):
        """A few rows of the sample, from all over it."""
        places = np.arange(GLANCE, dtype=np.int64) * self.size // GLANCE
        return places.astype(np.uint32) if self.rows is None else self.rows[places]


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
    n_distinct : int64 array of shape (n_features,)
        Distinct values among the rows that placed the edges, so that there are no fewer in all; 0: every value is
        missing (in rows with weight).
    """
    cdef Sample sample = Sample(source.n_rows, sample_weight, subsample, random_state)
    edges = [np.empty(0) for _ in range(source.n_features)]
    n_distinct = np.zeros(source.n_features, dtype=np.int64)
    todo = np.flatnonzero(np.asarray(is_categorical) == 0).astype(np.int32)

    def find_exact(features):
        """Bins of the features that have few distinct values in all rows; the others are returned."""
        exact = distinct_values(source, features, max_bins, sample_weight, n_threads)
        for f, values in exact:
            edges[f], n_distinct[f] = edges_between(values, max_bins), len(values)
        return np.setdiff1d(features, [f for f, _ in exact]).astype(np.int32)

    few = features_of_few_values(source, todo, sample, max_bins)
    if len(few):
        todo = np.union1d(np.setdiff1d(todo, few), find_exact(few)).astype(np.int32)
    few = []
    value_bytes = 4 * sample.size if all_fit32(source, todo) else 8 * sample.size
    batch = min(len(todo), max(n_threads, min(BATCH, SAMPLE_BYTES // value_bytes)))
    by_columns = Columns(source, sample) if source.is_sparse else None
    room = None if source.is_sparse else Room(batch, sample, value_bytes // sample.size, n_threads)
    for first in range(0, len(todo), max(1, batch)):
        check()
        features = todo[first:first + batch]
        if source.is_sparse:
            found, counts = sparse_edges(by_columns, features, max_bins, n_threads)
        else:
            found, counts = dense_edges(source, features, sample, max_bins, n_threads, room)
        for f, f_edges, n in zip(features, found, counts):
            edges[f], n_distinct[f] = f_edges, n
            if n <= max_bins:
                few.append(f)
    if sample.is_part and few:
        find_exact(np.array(few, dtype=np.int32))
    return edges, n_distinct


cdef edges_between(const double[::1] values, int max_bins):
    """Edges between at most max_bins values, each in its own bin."""
    cdef double edges[256]
    cdef int n = 0
    if values.shape[0]:
        n = K.quantile_edges(&values[0], NULL, values.shape[0], max_bins, edges)
    return np.array(<double[:256]>edges)[:n]


cdef inline bint fits32(int32_t kind) noexcept nogil:
    """Whether every value of the number type is a float32."""
    return kind not in (BINNING_F64, BINNING_I32, BINNING_I64, BINNING_U32, BINNING_U64)


cdef bint all_fit32(Source source, const int32_t[::1] features):
    cdef Py_ssize_t j
    for j in range(features.shape[0]):
        if source.is_sparse or not fits32(source.columns[features[j]].kind):
            return False
    return True


cdef features_of_few_values(Source source, const int32_t[::1] features, Sample sample, int max_bins):
    """Features that look as if they had at most `max_bins` distinct values: sorting them can be spared."""
    cdef double x[GLANCE]
    cdef double work[2 * GLANCE]
    cdef Py_ssize_t j
    cdef const uint32_t[::1] rows
    few = []
    if not source.is_sparse and sample.size >= 8 * GLANCE:
        rows = sample.glance()
        for j in range(features.shape[0]):
            K.binning_read(source.columns + features[j], &rows[0], 0, GLANCE, 0, x)
            if not sample.is_part and whole_numbers(x):
                continue  # counting them all is as fast
            if K.quantile_distinct(x, 0, NULL, GLANCE, work) <= min(GLANCE_FEW, max_bins):
                few.append(features[j])
    return np.array(few, dtype=np.int32)


cdef bint whole_numbers(const double *x) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(GLANCE):
        if x[i] != floor(x[i]) and x[i] == x[i]:
            return False
    return True


cdef class Room:
    """Memory for the values of a batch of features, used again for the next batch: new memory costs time."""
    cdef int is_f32
    cdef Py_ssize_t item
    cdef char[:, ::1] x
    cdef double[:, ::1] work

    def __init__(self, Py_ssize_t batch, Sample sample, Py_ssize_t item, int n_threads):
        self.item = item
        self.is_f32 = item == 4
        self.x = np.empty((batch, sample.size * item), dtype=np.int8)
        self.work = np.empty((min(n_threads, batch), (2 if sample.weights is None else 4) * sample.size))


cdef tuple dense_edges(Source source, const int32_t[::1] features, Sample sample, int max_bins, int n_threads,
                       Room room):
    """Edges placed by the sample, and the number of distinct values in it, of some features."""
    cdef Py_ssize_t n = features.shape[0], size = sample.size, n_chunks = (size + CHUNK - 1) // CHUNK, j
    cdef int thread
    cdef double[:, ::1] edges = np.empty((n, max_bins))
    cdef int64_t[::1] n_distinct = np.empty(n, dtype=np.int64)
    cdef int32_t[::1] n_edges = np.empty(n, dtype=np.int32)
    for j in prange(n_chunks, nogil=True, num_threads=min(n_threads, n_chunks), schedule="static"):
        read_chunk(source, features, sample, j * CHUNK, room)
    for j in prange(n, nogil=True, num_threads=min(n_threads, n), schedule="dynamic"):
        thread = thread_num()
        n_distinct[j] = K.quantile_distinct(&room.x[j, 0], room.is_f32, sample.weights_p, size,
                                            &room.work[thread, 0])
        n_edges[j] = K.quantile_edges(&room.work[thread, 0], &room.work[thread, size], n_distinct[j],
                                      max_bins, &edges[j, 0])
    return [np.array(edges[j, :n_edges[j]]) for j in range(n)], np.asarray(n_distinct)


cdef void read_chunk(Source source, const int32_t[::1] features, Sample sample, Py_ssize_t lo,
                     Room room) noexcept nogil:
    """A chunk of the sample's rows, of all features: neighbours in memory are read together."""
    cdef Py_ssize_t j, n = min(CHUNK, sample.size - lo)
    for j in range(features.shape[0]):
        if sample.rows_p == NULL:
            K.binning_read(source.columns + features[j], NULL, lo, n, room.is_f32, &room.x[j, lo * room.item])
        else:
            K.binning_read(source.columns + features[j], sample.rows_p + lo, 0, n, room.is_f32,
                           &room.x[j, lo * room.item])


cdef class Columns:
    """The sampled rows of a sparse matrix by columns; the rows that a column leaves out are one value 0.0."""
    cdef Source opened
    cdef const int64_t[::1] start
    cdef const int64_t[::1] row
    cdef const double[::1] weights
    cdef double total
    cdef Py_ssize_t most   # entries in the longest column

    def __init__(self, Source source, Sample sample):
        matrix = source.matrix if sample.rows is None else source.matrix[sample.rows]
        matrix = matrix.tocsc()
        self.opened = open_source([matrix.data if matrix.nnz else np.zeros(1)])
        self.start = matrix.indptr.astype(np.int64)
        self.row = matrix.indices.astype(np.int64)
        self.weights = np.ones(matrix.shape[0]) if sample.weights is None else sample.weights
        self.total = np.sum(self.weights)
        self.most = np.diff(matrix.indptr).max()

    cdef Py_ssize_t length(self, Py_ssize_t feature) noexcept nogil:
        return self.start[feature + 1] - self.start[feature] + 1

    cdef Py_ssize_t distinct(self, Py_ssize_t feature, double *x, double *work) noexcept nogil:
        """x: (most + 1,), work: (4 * most + 4,); see quantile_distinct."""
        cdef Py_ssize_t first = self.start[feature], n = self.length(feature) - 1, i
        # quantile_distinct has read them when it writes there
        cdef double *weights = work + 3 * (self.most + 1)
        K.binning_read(self.opened.columns, NULL, first, n, 0, x)
        x[n] = 0.0
        weights[n] = self.total
        for i in range(n):
            weights[i] = self.weights[self.row[first + i]]
            weights[n] -= weights[i]
        return K.quantile_distinct(x, 0, weights, n + 1, work)


cdef tuple sparse_edges(Columns columns, const int32_t[::1] features, int max_bins, int n_threads):
    """As dense_edges."""
    cdef Py_ssize_t n = features.shape[0], j
    cdef int n_used = min(n_threads, n), thread
    cdef double[:, ::1] x = np.empty((n_used, columns.most + 1))
    cdef double[:, ::1] work = np.empty((n_used, 4 * (columns.most + 1)))
    cdef double[:, ::1] edges = np.empty((n, max_bins))
    cdef int64_t[::1] n_distinct = np.empty(n, dtype=np.int64)
    cdef int32_t[::1] n_edges = np.empty(n, dtype=np.int32)
    for j in prange(n, nogil=True, num_threads=n_used, schedule="dynamic"):
        thread = thread_num()
        n_distinct[j] = columns.distinct(features[j], &x[thread, 0], &work[thread, 0])
        n_edges[j] = K.quantile_edges(&work[thread, 0], &work[thread, columns.length(features[j])],
                                      n_distinct[j], max_bins, &edges[j, 0])
    return [np.array(edges[j, :n_edges[j]]) for j in range(n)], np.asarray(n_distinct)


def distinct_values(Source source, const int32_t[::1] features, int max_bins, sample_weight, int n_threads):
    """Distinct values, in all rows with weight, of the features that have at most `max_bins` of them.

    Yields
    ------
    feature : int
    values : float64 array, ascending
    """
    cdef Py_ssize_t n = features.shape[0], n_slices = n_threads if source.n_rows > SLICE else 1
    cdef Py_ssize_t n_groups = (n + GROUP - 1) // GROUP, t, s, j, i, lo, rows
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
            for lo in range(0, source.n_rows, WINDOW):
                check()
                rows = min(WINDOW, source.n_rows - lo)
                for t in prange(n_slices * n_groups, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    s = t // n_groups
                    j = t % n_groups * GROUP
                    collect(source, &features[j], min(GROUP, n - j), weights, lo + rows * s // n_slices,
                            lo + rows * (s + 1) // n_slices, max_bins, sets + s * n + j)
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
            K.quantile_collect(source.columns + features[j], weights, lo, min(CHUNK, hi - lo), max_bins,
                               sets + j)
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
        All categories if there are at most 254, else the 253 with the largest sum of weights (ties: the
        smaller value is kept).
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
        f"feature {feature if source.names is None else repr(source.names[feature])} has {len(values)} "
        f"categories; the {MAX_CATEGORIES - 1} most frequent are kept and the other "
        f"{len(values) - MAX_CATEGORIES + 1} share one code", UserWarning, stacklevel=2,
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
    found = np.flatnonzero(np.asarray(sums) != 0)  # much faster than of numbers
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
