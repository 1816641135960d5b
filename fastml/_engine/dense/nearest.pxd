from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.dense_kernels cimport (
    nearest_add_t,
    nearest_centroids,
    nearest_find_t,
    nearest_gather_t,
    nearest_measure_t,
)


cdef class Rows:
    cdef readonly Py_ssize_t n, d
    cdef readonly object X, dtype
    cdef readonly bint missing, is_sparse
    cdef readonly int n_threads
    cdef const char *data
    cdef const int64_t[::1] indptr
    cdef const int32_t[::1] indices
    cdef Py_ssize_t item
    cdef object _values, _room, _screener

    cdef object take_room(self, shape)
    cdef object screen(self, centroids, offset, bint planes)
    cdef const char *block(self, Py_ssize_t lo, Py_ssize_t n, char *dense) noexcept nogil


cdef class Pass:
    cdef nearest_centroids c
    cdef nearest_find_t find
    cdef nearest_measure_t measure
    cdef nearest_add_t add
    cdef nearest_gather_t gather
    cdef Rows rows
    cdef const double[:, ::1] values, basis, coordinates
    cdef const double[::1] offset, feature_weight, weight, rest
    cdef int32_t[::1] labels
    cdef const int32_t[::1] before
    cdef int32_t *second
    cdef char *distances
    cdef bint search, adds, errs, by_label, weighted, moves
    cdef char *packed
    cdef char *scratch
    cdef Py_ssize_t scratch_size, dense_size, block_rows, chunk_rows, n_chunks
    cdef object sums_, weights_, errors_
    cdef double *sums
    cdef double *weights
    cdef double *errors
    cdef Py_ssize_t sums_size, weights_size

    cdef int plan(self) except -1
    cdef int prepare(self) except -1
    cdef int threads(self) noexcept nogil
    cdef Py_ssize_t window(self) noexcept nogil
    cdef object need_labels(self, known)
    cdef object need_distances(self)
    cdef int need_weight(self, sample_weight) except -1
    cdef int need_errors(self, sample_weight) except -1
    cdef int need_sums(self, sample_weight, previous) except -1
    cdef object merged(self, previous)
    cdef object total(self, parts)
    cdef void total_slice(self, double *p, Py_ssize_t n_parts, Py_ssize_t size, Py_ssize_t first,
                          Py_ssize_t last) noexcept nogil
    cdef int run(self) except -1
    cdef void chunk(self, Py_ssize_t i, int thread) noexcept nogil
    cdef bint measures_late(self) noexcept nogil
    cdef int add_by_label(self) except -1
    cdef void add_group(self, Py_ssize_t i, const int64_t[::1] order, const int64_t[::1] start) noexcept nogil


cdef inline char *aligned(char *p) noexcept nogil:
    return <char *>((<size_t>p + 63) // 64 * 64)
