"""The codes of a table, as the engine's other stages read them."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t

cdef enum:
    BLOCK = 64         # features of a row-major block
    ROWS = 2048        # rows of one task: their values and codes stay in the second-level cache


cdef class BinnedMatrix:
    cdef readonly Py_ssize_t n_rows, n_features, n_blocks
    cdef readonly object n_codes, is_categorical, has_missing  # uint16, uint8, uint8 arrays (n_features,)
    cdef uint8_t **blocks           # (n_blocks,): row i of block b at blocks[b] + i * block_stride_p[b]
    cdef int32_t *block_first_p     # (n_blocks + 1,) first feature of each block
    cdef int32_t *block_stride_p    # (n_blocks,) bytes from row to row
    cdef uint8_t *columns           # row i of feature f at columns[f * column_stride + i]
    cdef readonly Py_ssize_t column_stride
    cdef readonly int64_t version   # how often the rows have been put into another order
    cdef uint16_t *n_codes_p
    cdef uint8_t *is_categorical_p
    cdef uint8_t *has_missing_p
    cdef object _column_memory, _spare
    cdef list _block_memory

    cdef int _allocate(self, Py_ssize_t n_rows, Py_ssize_t n_features) except -1
    cdef void _block_from_columns(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil
    cdef void _columns_from_block(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil
    cdef Py_ssize_t _room(self, Py_ssize_t block) noexcept nogil
    cdef void _end_columns(self) noexcept nogil
    cdef _reorder_block(self, Py_ssize_t b, const uint32_t[::1] order, memory, int n_threads)
