"""Where values come from: the columns of any container, as the kernels read them.

Whatever holds a table (an array of any order, a list of columns, a data frame, an Arrow table) becomes the
same thing here: for each feature an address, a stride, a number type and perhaps a mask. Nothing is copied
that the kernels can read in place, which is every native integer, boolean, float16, float32 and float64 array
with any strides. A sparse matrix is read row by row, absent values being 0.0.
"""

import numpy as np

from cpython.buffer cimport PyBUF_FULL_RO, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from fastml._engine.runtime.tree_kernels cimport (
    BINNING_F16, BINNING_F32, BINNING_F64, BINNING_I8, BINNING_I16, BINNING_I32, BINNING_I64, BINNING_U8,
    BINNING_U16, BINNING_U32, BINNING_U64, BINNING_MASK_BITS, BINNING_MASK_BYTES, binning_column,
)

from fastml._engine.tree.masked import MaskedNumbers
from fastml._engine.tree.table import Table, is_frame

cdef dict KINDS = {
    "b1": BINNING_U8, "i1": BINNING_I8, "i2": BINNING_I16, "i4": BINNING_I32, "i8": BINNING_I64,
    "u1": BINNING_U8, "u2": BINNING_U16, "u4": BINNING_U32, "u8": BINNING_U64,
    "f2": BINNING_F16, "f4": BINNING_F32, "f8": BINNING_F64,
}
MAX_ROWS = 2**31 - 1
_COLUMNS = (np.ndarray, MaskedNumbers)


cdef class Source:
    """The columns of a table.

    Attributes
    ----------
    n_rows, n_features : int
    names : list or None
        Names of the columns, where the container has them.
    is_sparse : bool
    """

    def __dealloc__(self):
        free(self.columns)

    cdef int _add_columns(self, list arrays) except -1:
        """Columns given one by one: (n_rows,) arrays."""
        cdef Py_buffer view
        cdef Py_ssize_t j
        self.columns = <binning_column *>calloc(self.n_features, sizeof(binning_column))
        if self.columns == NULL:
            raise MemoryError()
        for j in range(self.n_features):
            array = arrays[j]
            if isinstance(array, MaskedNumbers):
                self._add_mask(j, array)
                array = array.values
            array = _readable(array, j, self.names)
            self._owners.append(array)
            PyObject_GetBuffer(array, &view, PyBUF_FULL_RO)
            self.columns[j].data = <const unsigned char *>view.buf
            self.columns[j].stride = view.strides[0]
            self.columns[j].kind = KINDS[array.dtype.str[1:]]
            PyBuffer_Release(&view)
        return 0

    cdef int _add_mask(self, Py_ssize_t j, object column) except -1:
        """What says which values of column j are missing."""
        cdef Py_buffer view
        mask = column.valid if column.missing is None else column.missing
        self._owners.append(mask)
        PyObject_GetBuffer(mask, &view, PyBUF_FULL_RO)
        self.columns[j].mask = <const unsigned char *>view.buf
        self.columns[j].mask_stride = view.strides[0]
        self.columns[j].mask_bit_first = column.first
        self.columns[j].mask_kind = BINNING_MASK_BITS if column.missing is None else BINNING_MASK_BYTES
        PyBuffer_Release(&view)
        return 0

    cdef int _add_matrix(self, object matrix) except -1:
        """A native number array of shape (n_rows, n_features)."""
        cdef Py_buffer view
        cdef Py_ssize_t j
        cdef int32_t kind = KINDS[matrix.dtype.str[1:]]
        self.columns = <binning_column *>calloc(self.n_features, sizeof(binning_column))
        if self.columns == NULL:
            raise MemoryError()
        self._owners.append(matrix)
        PyObject_GetBuffer(matrix, &view, PyBUF_FULL_RO)
        for j in range(self.n_features):
            self.columns[j].data = <const unsigned char *>view.buf + j * view.strides[1]
            self.columns[j].stride = view.strides[0]
            self.columns[j].kind = kind
        PyBuffer_Release(&view)
        return 0

    cdef int _add_sparse(self, object matrix) except -1:
        """A CSR matrix without duplicates, indices in int32 or int64."""
        cdef Py_buffer view
        self.is_sparse = True
        self.matrix = matrix
        values = _readable(matrix.data, None, None)
        indices, indptr = matrix.indices, matrix.indptr
        if indices.dtype != np.int32 and indices.dtype != np.int64:
            indices = indices.astype(np.int64)
        indices = np.ascontiguousarray(indices)
        indptr = np.ascontiguousarray(indptr, dtype=np.int64)
        self._owners += [values, indices, indptr]
        PyObject_GetBuffer(values, &view, PyBUF_FULL_RO)
        self.csr.values.data = <const unsigned char *>view.buf
        self.csr.values.stride = view.strides[0]
        self.csr.values.kind = KINDS[values.dtype.str[1:]]
        PyBuffer_Release(&view)
        PyObject_GetBuffer(indptr, &view, PyBUF_FULL_RO)
        self.csr.start = <const int64_t *>view.buf
        PyBuffer_Release(&view)
        PyObject_GetBuffer(indices, &view, PyBUF_FULL_RO)
        self.csr.feature32 = self.csr.feature64 = NULL
        if view.itemsize == 4:
            self.csr.feature32 = <const int32_t *>view.buf
        else:
            self.csr.feature64 = <const int64_t *>view.buf
        PyBuffer_Release(&view)
        return 0


def _title(j, names):
    return f"column {j}" if names is None else f"column {names[j]!r}"


def _readable(array, j, names):
    """The array itself if the kernels can read it, else a copy of the column in native byte order."""
    dtype = array.dtype
    if dtype.kind not in "biuf":
        where = "X" if j is None else f"{_title(j, names)} of X"
        raise TypeError(f"{where} has dtype {dtype}, expected numbers (float, integer or boolean)")
    if not dtype.isnative:
        array = array.astype(dtype.newbyteorder("="))
        dtype = array.dtype
    if dtype.str[1:] not in KINDS:  # long double
        array = array.astype(np.float64)
    return array


def open_source(X):
    """Look at a table of numbers without copying it.

    Parameters
    ----------
    X : array of shape (n_rows, n_features), list of n_features arrays or MaskedNumbers of shape (n_rows,), \
pandas or Polars DataFrame, pyarrow Table, SciPy sparse matrix or array
        Numbers: any float, integer or boolean type, any strides. NaN, None and masked values are missing;
        absent values of a sparse matrix are 0.0. 64-bit integers are compared as float64.

    Returns
    -------
    Source

    Raises
    ------
    TypeError
        If a column does not hold numbers.
    ValueError
        If X is not two-dimensional, has no row, no feature, or 2**31 rows or more, or if the indices of a sparse
        matrix are out of place.
    """
    cdef Source source = Source.__new__(Source)
    source._owners = []
    columns = None
    if isinstance(X, Source):
        return X
    if isinstance(X, (list, tuple)) and len(X) and all(isinstance(column, _COLUMNS) for column in X):
        columns = list(X)
        shape = (len(columns[0]) if columns[0].ndim else 0, len(columns))
        for j, column in enumerate(columns):
            if column.ndim != 1 or len(column) != shape[0]:
                raise ValueError(
                    f"column {j} of X has shape {column.shape}, expected ({shape[0]},) like the first one"
                )
    elif hasattr(X, "tocsr") and hasattr(X, "nnz"):
        shape = X.shape
    elif is_frame(X):
        table = Table(X)
        source.names = table.names
        shape = table.shape
        matrix = table.numeric_matrix()
        if matrix is None:
            columns = [table.numbers(j) for j in range(shape[1])]
        else:
            X = matrix
    else:
        X = np.asarray(X)
        shape = X.shape
    if len(shape) != 2:
        raise ValueError(f"X must have two dimensions (rows, features), got shape {tuple(shape)}")
    if shape[0] == 0:
        raise ValueError(f"X has no rows (shape {tuple(shape)}), expected at least one")
    if shape[1] == 0:
        raise ValueError(f"X has no features (shape {tuple(shape)}), expected at least one")
    if shape[0] > MAX_ROWS:
        raise ValueError(
            f"X has {shape[0]} rows, at most {MAX_ROWS} are supported (row numbers have 32 bits)"
        )
    if shape[1] > MAX_ROWS:
        raise ValueError(f"X has {shape[1]} features, at most {MAX_ROWS} are supported")
    source.n_rows, source.n_features = shape
    if columns is not None:
        source._add_columns(columns)
    elif hasattr(X, "tocsr"):
        if hasattr(X, "check_format"):
            X.check_format(full_check=True)  # before SciPy follows the indices: it does not look at them itself
        X = X.tocsr()
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
        source._add_sparse(X)
    else:
        dtype = X.dtype
        if dtype.kind in "biuf" and not dtype.isnative:
            source._add_columns([X[:, j] for j in range(shape[1])])
        else:
            source._add_matrix(_readable(X, None, None))
    return source
