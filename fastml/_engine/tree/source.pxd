"""Where values come from: the columns of any container, as the kernels read them."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from fastml._engine.runtime.tree_kernels cimport binning_column, binning_csr


cdef class Source:
    cdef readonly Py_ssize_t n_rows, n_features
    cdef readonly object names     # list of column names or None
    cdef readonly bint is_sparse
    cdef binning_column *columns   # (n_features,), NULL when sparse
    cdef binning_csr csr
    cdef readonly object matrix    # the CSR matrix, None when dense
    cdef list _owners              # what keeps the memory alive

    cdef int _add_columns(self, list arrays) except -1
    cdef int _add_mask(self, Py_ssize_t j, object column) except -1
    cdef int _add_matrix(self, object matrix) except -1
    cdef int _add_sparse(self, object matrix) except -1
