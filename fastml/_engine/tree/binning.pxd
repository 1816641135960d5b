"""Values to codes: the interface of the engine's other stages.

Codes of raw rows inside a ``prange`` (prediction): prepare once, under the GIL, with
``source = mapper.open(X, features)``, where ``features`` is None or the int32 numbers of the features that are
wanted, and keep ``source`` alive; then ``mapper.codes_rows(source, lo, hi, out, out_stride)`` from any thread.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t

from fastml._engine.runtime.kernels cimport binning_table
from fastml._engine.tree.source cimport Source


cdef class BinnedMatrix:
    cdef readonly Py_ssize_t n_rows, n_features, n_blocks
    cdef readonly object n_codes, is_categorical, has_missing  # uint16, uint8, uint8 arrays (n_features,)
    cdef uint8_t **blocks           # (n_blocks,) row-major codes: row i of block b at blocks[b] + i * block_stride_p[b]
    cdef int32_t *block_first_p     # (n_blocks + 1,) first feature of each block
    cdef int32_t *block_stride_p    # (n_blocks,) bytes from row to row
    cdef uint8_t *columns           # row i of feature f at columns[f * column_stride + i]
    cdef readonly Py_ssize_t column_stride
    cdef uint16_t *n_codes_p
    cdef uint8_t *is_categorical_p
    cdef uint8_t *has_missing_p
    cdef object _column_memory, _spare
    cdef list _block_memory

    cdef int _allocate(self, Py_ssize_t n_rows, Py_ssize_t n_features) except -1
    cdef void _block_from_columns(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil
    cdef void _columns_from_block(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil


cdef class CodeSource:
    """An opened table and the features of it that are wanted, in the order wanted."""
    cdef Source source
    cdef readonly Py_ssize_t n_rows, n_used
    cdef int32_t *features          # (n_used,)
    cdef int32_t *slot              # (n_features,) place of a feature in features, or -1
    cdef uint8_t *absent            # (n_used,) codes of 0.0, for sparse rows
    cdef object _owner


cdef class BinMapper:
    cdef readonly int max_bins
    cdef public int n_threads
    cdef readonly Py_ssize_t subsample, n_features
    cdef readonly object random_state, categorical
    cdef readonly list edges_, categories_, grouped_categories_
    cdef readonly object n_codes_, is_categorical_
    cdef binning_table *tables      # (n_features,)
    cdef void *_pool

    cdef int _build_tables(self) except -1
    # Codes of rows [lo, hi): out[(i - lo) * out_stride + j] is feature source.features[j] of row i. Any thread, no GIL.
    cdef void codes_rows(self, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *out,
                         Py_ssize_t out_stride) noexcept nogil
