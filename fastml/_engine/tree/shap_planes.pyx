"""Rows in groups of lanes, a plane for each feature that the trees split on.

A plane holds 16 values as doubles: codes of a binned feature (NaN is a missing value), values of a feature that trees
compare by value, codes of a categorical one (0 is missing).
"""

import numpy as np

from libc.math cimport NAN
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport SHAP_ROWS
from fastml._engine.tree.binning cimport BinMapper
from fastml._engine.tree.predict cimport code_tiles
from fastml._engine.tree.value_rows cimport ValueRows

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_ROWS


cdef class Planes:
    """Reader of rows.

    Attributes
    ----------
    n_rows, n_planes : int
    """

    cdef Py_ssize_t room(self, Py_ssize_t n_rows) noexcept:
        """Doubles that `fill` needs for so many rows."""
        return 0

    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *planes, double *room) noexcept nogil:
        pass


cdef class CodePlanes(Planes):
    """Rows as the codes of their bins.

    Parameters
    ----------
    X : table of numbers of shape (n_rows, n_features)
    mapper : BinMapper
        Fitted.
    features : int32 array of shape (n_planes,)
    """

    def __cinit__(self, X, BinMapper mapper not None, features):
        cdef Py_ssize_t p
        self.mapper = mapper
        if len(features) and np.max(features) >= mapper.n_features:
            raise ValueError(f"the forest splits on feature {np.max(features)}, "
                             f"but the bins are those of {mapper.n_features} features")
        self.source = mapper.open(X, features)
        self.n_rows, self.n_planes = self.source.n_rows, len(features)
        self.is_categorical = <uint8_t *> malloc(self.n_planes + 1)
        if self.is_categorical == NULL:
            raise MemoryError()
        for p in range(self.n_planes):
            self.is_categorical[p] = mapper.is_categorical_[features[p]]

    def __dealloc__(self):
        free(self.is_categorical)

    cdef Py_ssize_t room(self, Py_ssize_t n_rows) noexcept:
        return (n_rows + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS * TRAVERSE_ROWS * self.n_planes // 8

    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *planes, double *room) noexcept nogil:
        cdef Py_ssize_t i, p, r, n_groups = (n + SHAP_ROWS - 1) // SHAP_ROWS, most
        cdef uint8_t *codes = <uint8_t *> room
        cdef const uint8_t *code
        cdef double *plane
        code_tiles(self.mapper, self.source, lo, lo + n, codes)
        for i in range(n_groups):
            most = min(<Py_ssize_t> SHAP_ROWS, n - i * SHAP_ROWS)
            for p in range(self.n_planes):
                plane = planes + (i * self.n_planes + p) * SHAP_ROWS
                code = (codes + (i * SHAP_ROWS // TRAVERSE_ROWS * self.n_planes + p) * TRAVERSE_ROWS
                        + i * SHAP_ROWS % TRAVERSE_ROWS)
                if self.is_categorical[p]:
                    for r in range(most):
                        plane[r] = code[r]
                else:
                    for r in range(most):
                        plane[r] = code[r] if code[r] else NAN
                for r in range(most, SHAP_ROWS):
                    plane[r] = 0.0


cdef class ValuePlanes(Planes):
    """Rows as values, for trees that compare values.

    Parameters
    ----------
    rows : ValueRows
    features : int32 array of shape (n_planes,)
        Among those of `rows`.
    """

    def __cinit__(self, ValueRows rows not None, features):
        self.rows = rows
        self.features = np.ascontiguousarray(features, dtype=np.int32)
        self.n_rows, self.n_planes = rows.n_rows, len(features)

    cdef Py_ssize_t room(self, Py_ssize_t n_rows) noexcept:
        return n_rows * (self.rows.width + 1)

    cdef void fill(self, Py_ssize_t lo, Py_ssize_t n, double *planes, double *room) noexcept nogil:
        cdef Py_ssize_t i, p, place, stride = self.rows.width
        cdef const double *lines = room
        if self.rows.direct != NULL:
            stride = self.rows.direct_stride
            lines = self.rows.direct + lo * stride
        else:
            self.rows.fill(lo, n, room, room + n * stride)
        if n % SHAP_ROWS:
            memset(planes + n // SHAP_ROWS * self.n_planes * SHAP_ROWS, 0, self.n_planes * SHAP_ROWS * sizeof(double))
        for p in range(self.n_planes):
            place = self.features[p] if self.rows.slot == NULL else self.rows.slot[self.features[p]]
            for i in range(n):
                planes[(i // SHAP_ROWS * self.n_planes + p) * SHAP_ROWS + i % SHAP_ROWS] = lines[i * stride + place]
