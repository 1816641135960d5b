"""Trees made ready for explanation against a background (src_c/tree/background.h)."""

from libc.stdint cimport int64_t

from fastml._engine.runtime.tree_kernels cimport background_node, background_tree
from fastml._engine.tree.shap_trees cimport ShapTrees


cdef struct Plan:
    background_tree tree
    background_node *nodes
    int64_t *steps
    int64_t n_counts         # of all its tables
    int64_t n_tables         # leaves that have one
    int most_features        # on the path of a leaf that has one
    double pair_work         # nanoseconds of a pair of rows
    bint has_pairs           # some leaves have none
    bint no_memory


cdef class BackgroundTrees:
    cdef ShapTrees trees
    cdef Plan *plans                           # (n_trees,)
    cdef Py_ssize_t n_columns
    cdef double n_others
    cdef void one(self, Py_ssize_t t) noexcept nogil
    cdef void choose(self, Py_ssize_t t) noexcept nogil
    cdef void walk(self, Py_ssize_t t, int64_t *last) noexcept nogil
    cdef Py_ssize_t most_features(self) noexcept
    cdef int most_in_tables(self) noexcept
    cdef Py_ssize_t most_levels(self) noexcept
