from libc.stdint cimport int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport split_candidate, split_exact, split_node, split_params
from fastml._engine.tree.histogram cimport HistogramLayout


cdef class SplitSearch:
    """Everything that a search for splits needs and that does not change inside a tree."""

    cdef split_params params
    cdef HistogramLayout layout
    cdef object keep                  # arrays that the pointers below point into
    cdef const uint8_t *categorical   # by feature of the matrix
    cdef const int8_t *monotone       # by feature of the matrix; NULL: none
    cdef const uint8_t *columns       # codes, column-major
    cdef int64_t column_stride
    cdef const double *weights        # by row; NULL: none given
    cdef bint extra_random            # one random threshold per feature
    cdef bint exact_first             # every candidate needs exact counts (path smoothing)
    cdef uint64_t seed

    cdef void find(self, int64_t *cells, const int64_t *sibling, const split_node *node, const uint8_t *allowed,
                   uint64_t path, const uint32_t *rows, split_candidate *work, split_candidate *best,
                   int n_threads) noexcept nogil

    cdef void find_exact(self, int64_t *cells, const split_node *node, const uint8_t *allowed, uint64_t path,
                         const uint32_t *rows, split_candidate *work, split_candidate *best) noexcept nogil

    cdef void search(self, Py_ssize_t j, int64_t *cells, const int64_t *sibling, const split_node *node, uint64_t path,
                     const split_exact *exact, double floor_score, split_candidate *found) noexcept nogil

    cdef int32_t random_code(self, const int64_t *cells, int32_t n_codes, uint64_t key) noexcept nogil

    cdef void search_range(self, Py_ssize_t first, Py_ssize_t last, int64_t *cells, const int64_t *sibling,
                           const split_node *node, const uint8_t *allowed, uint64_t path,
                           split_candidate *work) noexcept nogil
    cdef void search_allowed(self, Py_ssize_t j, int64_t *cells, const int64_t *sibling, const split_node *node,
                             const uint8_t *allowed, uint64_t path, double floor_score,
                             split_candidate *work) noexcept nogil

    cdef void count(self, Py_ssize_t j, const split_node *node, const uint32_t *rows, split_exact *exact) noexcept nogil


cdef inline uint64_t mix(uint64_t x) noexcept nogil:
    """A random-looking permutation of 64-bit numbers (Steele, Lea & Flood 2014, SplitMix64's finaliser)."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu
    return x ^ (x >> 31)
