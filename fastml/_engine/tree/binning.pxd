"""Values to codes: the interface of the engine's other stages.

Codes of raw rows inside a ``prange`` (prediction): prepare once, under the GIL, with
``source = mapper.open(X, features)``, where ``features`` is None or the int32 numbers of the features that
are wanted, and keep ``source`` alive; then ``mapper.codes_rows(source, lo, hi, out, out_stride)`` from any
thread.
"""

from libc.stdint cimport int32_t, uint8_t

from fastml._engine.runtime.tree_kernels cimport binning_table
from fastml._engine.tree.binned cimport BinnedMatrix
from fastml._engine.tree.source cimport Source


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
    cdef readonly object n_codes_, is_categorical_, n_distinct_
    cdef binning_table *tables      # (n_features,)
    cdef void *_pool

    cdef int _build_tables(self) except -1
    cdef void _code_entries(self, Source source, BinnedMatrix binned, Py_ssize_t lo,
                            const uint8_t *absent) noexcept nogil
    cdef void _code_block(self, Source source, BinnedMatrix binned, Py_ssize_t lo, Py_ssize_t block,
                          uint8_t *missing) noexcept nogil
    # Codes of rows [lo, hi): out[(i - lo) * out_stride + j] is feature source.features[j] of row i.
    cdef void codes_rows(self, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *out,
                         Py_ssize_t out_stride) noexcept nogil
