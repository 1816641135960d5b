"""What the passes over sequences work on; see hidden_markov.pyx."""

from libc.stdint cimport int32_t

from fastml._engine.runtime.dense_kernels cimport (
    forward_backward_chain, forward_backward_emission, forward_backward_lanes
)


cdef int padded(int n) noexcept nogil


cdef class Frames:
    cdef readonly Py_ssize_t n_rows, n_features, n_sequences
    cdef readonly object lengths, plan, origin
    cdef readonly bint has_missing, has_symbols
    cdef public int rest, patience    # passes to come without a guess; how many after the next bad one
    cdef object _input, _sizes
    cdef const float *f32
    cdef const double *f64
    cdef const int32_t *symbols
    cdef double[::1] centre
    cdef void pack(self, const forward_backward_lanes *lanes, Py_ssize_t t, Py_ssize_t stop, bint entries,
                   Py_ssize_t n_rows, double *x, double *known) noexcept nogil


cdef class Model:
    cdef readonly int n_states, n_padded, n_wide, n_mix, n_components, n_components_padded, n_symbols
    cdef readonly bint second, entries, dense
    cdef readonly int n_lines, n_pairs, n_rows
    cdef forward_backward_emission emission
    cdef forward_backward_chain chain
    cdef list _arrays
    cdef const double[::1] start, log_start
    cdef const double *table
    cdef const double *log_table
    cdef const double *tops
    cdef const double *log_transposed
    cdef const double *log_moves
    cdef const int32_t *left
    cdef const int32_t *right
    cdef const double *_keep(self, array) except? NULL
    cdef const double *_keep_padded(self, array, rows) except? NULL
    cdef const int32_t *_keep_index(self, index) except? NULL
