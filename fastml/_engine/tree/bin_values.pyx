"""The least and the greatest training value of each code: what thresholds between values are made of.

A histogram split says "codes up to c go left". A tree for people and for other tools says "x <= t", with t halfway
between two values that occur in the node; splits at random draw t between values, not between codes.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport NAN, isnan
from libc.stdint cimport uint8_t

from fastml._engine.runtime.tree_kernels cimport K
from fastml._engine.tree.binned cimport ROWS, BinnedMatrix
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.source import open_source

cdef enum:
    WINDOW = 1 << 27   # values between two looks at the keyboard


cdef class BinValues:
    """Least and greatest training value in each code of each feature.

    Parameters
    ----------
    X : table of numbers of shape (n_rows, n_features)
        The table that `binned` holds the codes of; see ``open_source``.
    binned : BinnedMatrix
    sample_weight : array of shape (n_rows,) or None, default=None
        Rows of weight 0 do not count.
    n_threads : int, default=1

    Attributes
    ----------
    lower, upper : float64 arrays of shape (n_features, 256)
        NaN where no row has the code, for code 0 (missing) and for categorical features.

    Raises
    ------
    ValueError
        If X has another shape than `binned`, or `sample_weight` another length.
    """

    def __init__(self, X, BinnedMatrix binned not None, sample_weight=None, int n_threads=1):
        cdef Source source = open_source(X)
        cdef Py_ssize_t f, j, first, last, n = binned.n_features, step
        cdef double[:, ::1] lower, upper
        cdef double[::1] column
        cdef const uint8_t[::1] seen
        cdef const uint8_t *counts = NULL
        if source.n_rows != binned.n_rows or source.n_features != n:
            raise ValueError(
                f"X has shape ({source.n_rows}, {source.n_features}), expected that of the codes: "
                f"({binned.n_rows}, {n})"
            )
        if sample_weight is not None:
            seen = (np.asarray(sample_weight) > 0).astype(np.uint8)
            if seen.shape[0] != source.n_rows:
                raise ValueError(f"sample_weight has {seen.shape[0]} entries, expected {source.n_rows}")
            counts = &seen[0]
        self.lower, self.upper = np.full((n, 256), np.nan), np.full((n, 256), np.nan)
        lower, upper = self.lower, self.upper
        if source.is_sparse:
            matrix = source.matrix.tocsc()
            for f in range(n):
                check()
                dense = np.zeros(source.n_rows)
                rows = slice(matrix.indptr[f], matrix.indptr[f + 1])
                dense[matrix.indices[rows]] = matrix.data[rows]
                column = dense
                if not binned.is_categorical_p[f]:
                    extend(&column[0], binned.columns + f * binned.column_stride, counts, source.n_rows, &lower[f, 0],
                           &upper[f, 0])
            return
        step = max(<Py_ssize_t> 1, WINDOW // source.n_rows)
        for first in range(0, n, step):
            check()
            last = min(first + step, n)
            for j in prange(first, last, nogil=True, num_threads=n_threads, schedule="dynamic"):
                if not binned.is_categorical_p[j]:
                    extend_column(source, binned, counts, j, &lower[j, 0], &upper[j, 0])

    @classmethod
    def from_ranges(cls, lower, upper):
        """Those with these `lower` and `upper`."""
        cdef BinValues made = BinValues.__new__(BinValues)
        made.lower, made.upper = lower, upper
        return made

    def __reduce__(self):
        return BinValues.from_ranges, (self.lower, self.upper)


cdef void extend_column(Source source, BinnedMatrix binned, const uint8_t *seen, Py_ssize_t f, double *lower,
                        double *upper) noexcept nogil:
    cdef double[ROWS] x
    cdef Py_ssize_t first = 0, n
    while first < source.n_rows:
        n = min(<Py_ssize_t> ROWS, source.n_rows - first)
        K.binning_read(source.columns + f, NULL, first, n, 0, x)
        extend(x, binned.columns + f * binned.column_stride + first, seen + first if seen != NULL else NULL, n, lower,
               upper)
        first += n


cdef void extend(const double *x, const uint8_t *codes, const uint8_t *seen, Py_ssize_t n, double *lower,
                 double *upper) noexcept nogil:
    """Widens the ranges of the codes; NaN is an empty range."""
    cdef Py_ssize_t i
    cdef uint8_t c
    for i in range(n):
        if seen != NULL and not seen[i]:
            continue
        c = codes[i]
        if not x[i] >= lower[c]:
            lower[c] = x[i]
        if not x[i] <= upper[c]:
            upper[c] = x[i]
    lower[0] = upper[0] = NAN


cdef double halfway(double a, double b) noexcept nogil:
    """A number t with a <= t < b, their middle unless rounding forbids it. Where a value is infinite: a."""
    cdef double middle = a / 2 + b / 2
    if not a <= middle < b or middle - middle != 0:
        return a
    return middle


cdef double place_threshold(const double *lower, const double *upper, int a, int b, double middle,
                            uint8_t *code) noexcept nogil:
    """The threshold between codes a < b, neighbours in a node, and the last code of all that goes left.

    Codes between the two are empty in this node but not in the table. Each goes to the side on which all its values
    are, and where `middle` (NaN: the middle of the two) would cut through one it makes way: codes and thresholds
    say the same of every training row.
    """
    cdef int c, last = a, after
    if isnan(middle):
        middle = halfway(upper[a], lower[b])
    for c in range(a + 1, b):
        if upper[c] > middle:  # values ascend with their codes; NaN, an empty one, says nothing
            break
        if upper[c] <= middle:
            last = c
    after = last + 1
    while after < b and isnan(upper[after]):
        after += 1
    code[0] = <uint8_t> last
    if upper[last] <= middle < lower[after]:
        return middle
    return halfway(upper[last], lower[after])
