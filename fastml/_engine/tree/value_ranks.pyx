"""Values of features that have more of them than codes, as every row has them.

A tree that is grown on codes alone cannot tell values of one code apart. In small nodes it may (see
src_c/tree/recode.h): there it asks for the ranks of its rows' values among all values of the feature.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport NAN, isnan
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport K
from fastml._engine.tree.bin_values cimport halfway
from fastml._engine.tree.binned cimport BinnedMatrix
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.source import open_source

MOST_RANKS = 65535  # they have 16 bits, and 0 is a missing value

cdef enum:
    WINDOW = 1 << 23   # values between two looks at the keyboard


cdef class ValueRanks:
    """Ranks of the values of wide features: those of which some code stands for several values.

    Parameters
    ----------
    X : table of numbers of shape (n_rows, n_features)
        The table that `binned` holds the codes of.
    binned : BinnedMatrix
    values : BinValues
        Least and greatest value of each code.
    sample_weight : array of shape (n_rows,) or None, default=None
        Rows of weight 0 make no feature wide, and their values do not count for `most_values`; where there are more
        than `MOST_RANKS` values they make no ranks.
    most_values : int or None, default=None
        Features of more values than that are left out.
    n_distinct : int array of shape (n_features,) or None, default=None
        Features that have more than `most_values` by this are not looked at.
    n_threads : int, default=1

    Attributes
    ----------
    features : int32 array
        The wide features that are not left out, ascending.
    slot : int32 array of shape (n_features,)
        Place of a feature in `features`, or -1.
    ranks : uint16 array of shape (n_rows, number of wide features)
        From 1 on, in the order of the values; 0: missing.
    first : int64 array
        Where in `lower` and `upper` those of each wide feature begin, with that of rank 0.
    lower, upper : float64 arrays
        Least and greatest value of each rank. They differ only where more than `MOST_RANKS` values had to share.
    """

    def __init__(self, X, BinnedMatrix binned not None, values, sample_weight=None, most_values=None, n_distinct=None,
                 int n_threads=1):
        cdef Source source = open_source(X)
        cdef Py_ssize_t j, n_rows = binned.n_rows, n_wide, begin, end, step = max(n_threads, WINDOW // n_rows)
        cdef const uint8_t[::1] weighs
        cdef const uint8_t *seen = NULL
        cdef uint16_t[:, ::1] ranks
        cdef const int32_t[::1] wide
        cdef int32_t most = MOST_RANKS
        cdef int64_t limit = 2**62 if most_values is None else most_values
        cdef Known *known
        cdef const double[::1] dense = None
        is_wide = (values.lower < values.upper).any(axis=1)
        if n_distinct is not None:
            is_wide &= n_distinct <= limit
        wide = np.flatnonzero(is_wide).astype(np.int32)
        n_wide = wide.shape[0]
        if sample_weight is not None:
            weighs = (np.asarray(sample_weight) > 0).astype(np.uint8)
            seen = &weighs[0]
        ranks = np.empty((n_wide, n_rows), dtype=np.uint16)
        known = <Known *> calloc(max(n_wide, <Py_ssize_t> 1), sizeof(Known))
        if known == NULL:
            raise MemoryError()
        try:
            if source.is_sparse:
                matrix = source.matrix.tocsc()
                for j in range(n_wide):
                    check()
                    dense = np.ravel(matrix[:, [wide[j]]].toarray()).astype(np.float64)
                    known[j].whole = rank_column(None, dense, 0, n_rows,
                                                 binned.columns + wide[j] * binned.column_stride, seen, limit, most,
                                                 known + j, &ranks[j, 0])
            else:
                for begin in range(0, n_wide, step):
                    check()
                    end = min(begin + step, n_wide)
                    for j in prange(begin, end, nogil=True, num_threads=n_threads, schedule="dynamic"):
                        known[j].whole = rank_column(source, dense, wide[j], n_rows,
                                                     binned.columns + wide[j] * binned.column_stride, seen, limit,
                                                     most, known + j, &ranks[j, 0])
            kept = []
            for j in range(n_wide):
                if not known[j].whole:
                    raise MemoryError()
                if known[j].n:
                    kept.append(j)
            self.features = np.asarray(wide)[kept]
            self.slot = np.full(binned.n_features, -1, dtype=np.int32)
            self.slot[self.features] = np.arange(len(kept))
            ends = np.cumsum([0] + [known[j].n + 1 for j in kept], dtype=np.int64)
            self.first, size = ends[:len(kept)], ends[len(kept)]
            self.lower, self.upper = np.empty(size), np.empty(size)
            for j, start in zip(kept, self.first):
                own = slice(start, start + known[j].n + 1)
                self.lower[own] = <double[:known[j].n + 1]> known[j].lower
                self.upper[own] = <double[:known[j].n + 1]> known[j].upper
            self.ranks = np.ascontiguousarray((ranks if len(kept) == n_wide else np.asarray(ranks)[kept]).T)
            self._point()
        finally:
            for j in range(n_wide):
                free(known[j].lower)
            free(known)

    cdef _point(self):
        self.ranks_view, self.features_view, self.slot_view = self.ranks, self.features, self.slot
        self.first_view, self.lower_view, self.upper_view = self.first, self.lower, self.upper
        self.wide.n_features = <int32_t> self.features_view.shape[0]
        if self.wide.n_features == 0:
            return
        self.wide.ranks, self.wide.features = &self.ranks_view[0, 0], &self.features_view[0]
        self.wide.most = <int32_t> (np.diff(self.first, append=len(self.lower)).max() - 1)

    def take(self, rows):
        """The same of some rows.

        Parameters
        ----------
        rows : int array

        Returns
        -------
        ValueRanks
        """
        return ValueRanks.of(np.ascontiguousarray(self.ranks[rows]), self.features, self.slot, self.first, self.lower,
                             self.upper)

    @classmethod
    def of(cls, ranks, features, slot, first, lower, upper):
        """Those with these attributes."""
        cdef ValueRanks made = ValueRanks.__new__(ValueRanks)
        made.ranks, made.features, made.slot, made.first = ranks, features, slot, first
        made.lower, made.upper = lower, upper
        made._point()
        return made

    def __reduce__(self):
        return ValueRanks.of, (self.ranks, self.features, self.slot, self.first, self.lower, self.upper)


cdef bint rank_column(Source source, const double[::1] dense, Py_ssize_t feature, Py_ssize_t n, const uint8_t *codes,
                      const uint8_t *seen, int64_t limit, int32_t most, Known *known, uint16_t *ranks) noexcept nogil:
    """Ranks of the values of one feature, and least and greatest value of each; False: out of memory.

    codes: of the rows, in the order of their values. limit: with more values in rows with weight than that there are
    no ranks.
    """
    cdef double *x = <double *> malloc(4 * n * sizeof(double))
    cdef double *work = x + 2 * n
    cdef double[256] greatest
    cdef int32_t[256] begin, end
    cdef Py_ssize_t i, m = 0, at = 0, own
    cdef int32_t r, c, low, high
    cdef int64_t n_values
    if x == NULL:
        return False
    if source is None:
        memcpy(x, &dense[0], n * sizeof(double))
    else:
        K.binning_read(source.columns + feature, NULL, 0, n, 0, x)
    for i in range(n):
        x[n + m] = x[i]
        m += 1 if seen == NULL else seen[i]
    n_values = K.quantile_distinct(x + n, 0, NULL, m, work)
    if n_values > limit:
        free(x)
        return True
    if m < n:  # values of rows without weight only have ranks where they take none from others
        n_values = K.quantile_distinct(x, 0, NULL, n, work)
        if n_values <= most:
            seen = NULL
        else:
            n_values = K.quantile_distinct(x + n, 0, NULL, m, work)
    known.lower = <double *> malloc(2 * (min(n_values, <int64_t> most) + 256) * sizeof(double))
    if known.lower == NULL:
        free(x)
        return False
    known.upper = known.lower + min(n_values, <int64_t> most) + 256
    known.lower[0] = known.upper[0] = NAN
    for c in range(256):
        greatest[c] = NAN
    for i in range(n):
        if (seen == NULL or seen[i]) and not x[i] <= greatest[codes[i]]:
            greatest[codes[i]] = x[i]
    for c in range(256):
        if isnan(greatest[c]):
            begin[c] = end[c] = max(known.n, 1)
            continue
        m = at
        while at < n_values and work[at] <= greatest[c]:
            at += 1
        m, own = at - m, at - m
        if n_values > most:  # none is of two codes, so that thresholds between codes are thresholds between ranks
            own = min(own, max(1, most // 255))
        begin[c], end[c] = known.n + 1, known.n + own
        for i in range(own):
            known.n += 1
            known.lower[known.n] = work[at - m + i * m // own]
            known.upper[known.n] = work[at - m + (i + 1) * m // own - 1]
    for i in range(n):
        low, high = begin[codes[i]], end[codes[i]]
        while low < high:
            r = (low + high + 1) // 2
            if known.lower[r] <= x[i]:
                low = r
            else:
                high = r - 1
        ranks[i] = <uint16_t> low if codes[i] else 0
    free(x)
    return True


cdef double place_between(const double *lower, const double *upper, int32_t a, int32_t b, double middle,
                          uint16_t *rank) noexcept nogil:
    """The threshold between ranks a < b, neighbours in a node, and the last rank of all that goes left: see
    `place_threshold`, whose codes may be empty."""
    cdef int32_t last = a, end = b, at
    if isnan(middle):
        middle = halfway(upper[a], lower[b])
    while end - last > 1:  # the last one whose values are all below
        at = (last + end) // 2
        if upper[at] <= middle:
            last = at
        else:
            end = at
    rank[0] = <uint16_t> last
    if upper[last] <= middle < lower[last + 1]:
        return middle
    return halfway(upper[last], lower[last + 1])
