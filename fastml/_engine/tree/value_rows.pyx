"""Rows of any table as lines of doubles, for trees that compare values (src_c/tree/walk.h).

Bins serve to find splits. A threshold lies halfway between two values of its node, not at the edge of a bin,
so new rows are compared by value. Of categorical features the code is what is compared.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport K
from fastml._engine.tree.binning cimport BinMapper, BinnedMatrix

from fastml._engine.tree.source import open_source


cdef class ValueRows:
    """Reader of rows.

    Parameters
    ----------
    X : table of numbers of shape (n_rows, n_features), or BinnedMatrix
        See ``open_source``.
    mapper : BinMapper or None
        Fitted; knows the categories. None: no feature is categorical.
    features : int32 array
        Features that are looked at, ascending; all values of other features may be missing from a line.
    shown : float64 array of shape (n_features, 256), optional
        For a BinnedMatrix: a value of each code, such as the least one. Thresholds lie between the bins, so
        any value of the bin goes the way of all.
    ranks : ValueRanks, optional
        For a BinnedMatrix: where thresholds may lie inside a bin.

    Raises
    ------
    TypeError, ValueError
        As ``open_source``; or if X has another number of features than the mapper, or fewer than are looked at.
    """

    def __cinit__(self, X, BinMapper mapper, features, shown=None, ValueRanks ranks=None):
        cdef Py_ssize_t j
        self.mapper = mapper
        if isinstance(X, BinnedMatrix):
            self.binned = X
            self.n_rows, self.n_features = self.binned.n_rows, self.binned.n_features
            self.shown, self.ranks = shown, ranks
        else:
            self.source = open_source(X)
            self.n_rows, self.n_features = self.source.n_rows, self.source.n_features
        if mapper is None:
            self.is_categorical = np.zeros(self.n_features, dtype=np.uint8)
        else:
            self.is_categorical = mapper.is_categorical_
            if self.n_features != mapper.n_features:
                raise ValueError(
                    f"X has {self.n_features} features, but the model was fitted with {mapper.n_features}"
                )
        self.features = np.ascontiguousarray(features, dtype=np.int32)
        if self.features.shape[0] and np.max(features) >= self.n_features:
            raise ValueError(f"the trees split on feature {np.max(features)}, X has {self.n_features} features")
        self._open_direct(X)
        if self.direct != NULL:
            return
        if 2 * self.features.shape[0] > self.n_features:
            self.features = np.arange(self.n_features, dtype=np.int32)
        else:
            self.slot = <int32_t *>malloc(self.n_features * sizeof(int32_t))
            if self.slot == NULL:
                raise MemoryError()
            for j in range(self.n_features):
                self.slot[j] = 0  # some place of the row: a leaf looks there and does not mind what it finds
            for j in range(self.features.shape[0]):
                self.slot[self.features[j]] = <int32_t>j
        self.width = max(<Py_ssize_t>1, self.features.shape[0])

    @property
    def table(self):
        """The table of numbers as it lies, a `Source`; None of rows that are binned, sparse or have categories."""
        if self.source is None or self.source.is_sparse or np.any(self.is_categorical):
            return None
        return self.source

    def __dealloc__(self):
        free(self.slot)

    def _open_direct(self, X):
        """Walk over a float64 array of rows where it lies."""
        if (
            type(X) is np.ndarray and X.dtype == np.float64 and X.dtype.isnative and X.ndim == 2
            and X.strides[1] == 8 and X.strides[0] >= 0 and X.strides[0] % 8 == 0
            and X.ctypes.data % 8 == 0 and not np.any(self.is_categorical)
        ):
            self._owner = X
            self.direct = <const double *><uintptr_t>X.ctypes.data
            self.direct_stride = X.strides[0] // 8
            self.width = 0

    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *out, double *room) noexcept nogil:
        cdef Py_ssize_t i, j, f, at, width = self.width
        cdef uint8_t *codes = <uint8_t *>room
        cdef const uint8_t *column
        if self.binned is not None:
            for j in range(self.features.shape[0]):
                f = self.features[j]
                if self.ranks is not None and self.ranks.slot_view[f] >= 0:
                    at = self.ranks.slot_view[f]
                    for i in range(n):
                        out[i * width + j] = self.ranks.lower_view[self.ranks.first_view[at]
                                                                   + self.ranks.ranks_view[lo + i, at]]
                    continue
                column = self.binned.columns + f * self.binned.column_stride + lo
                for i in range(n):
                    out[i * width + j] = self.shown[f, column[i]]
        elif self.source.is_sparse:
            self._fill_sparse(lo, n, out, room)
        else:
            for j in range(self.features.shape[0]):
                f = self.features[j]
                if self.is_categorical[f]:
                    K.binning_codes(self.source.columns, self.mapper.tables, &self.features[j], 1, lo, n, codes, n)
                    for i in range(n):
                        out[i * width + j] = codes[i]
                else:
                    K.binning_read(self.source.columns + f, NULL, lo, n, 0, room)
                    for i in range(n):
                        out[i * width + j] = room[i]

    cdef void _fill_sparse(self, Py_ssize_t lo, Py_ssize_t n, double *out, double *room) noexcept nogil:
        cdef Py_ssize_t i, j, f, width = self.width
        cdef int64_t entry, first, last, place
        cdef double x
        memset(out, 0, n * width * sizeof(double))
        if self.features.shape[0] == 0:
            return
        for j in range(self.features.shape[0]):
            f = self.features[j]
            if self.is_categorical[f]:
                x = K.binning_code(self.mapper.tables + f, 0.0)
                for i in range(n):
                    out[i * width + j] = x
        for i in range(n):
            last = self.source.csr.start[lo + i + 1]
            first = self.source.csr.start[lo + i]
            for entry in range(first, last):
                if self.source.csr.feature32 != NULL:
                    f = self.source.csr.feature32[entry]
                else:
                    f = self.source.csr.feature64[entry]
                place = f if self.slot == NULL else self.slot[f]
                if self.features[place] != f:
                    continue
                K.binning_read(&self.source.csr.values, NULL, entry, 1, 0, room)
                if self.is_categorical[f]:
                    out[i * width + place] = K.binning_code(self.mapper.tables + f, room[0])
                else:
                    out[i * width + place] = room[0]
