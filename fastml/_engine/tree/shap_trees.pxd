"""Trees made ready for explanation (src_c/tree/shap.h)."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport shap_node, shap_tree


cdef struct Prepared:
    shap_tree tree
    shap_node *nodes
    int64_t *steps
    double *inverses
    double *edges
    int64_t n_nodes          # inner ones
    int64_t n_repeated       # of them, splits on a feature that the path has split on before
    int32_t n_features       # most different features of a path
    bint no_memory


cdef class ShapTrees:
    cdef Prepared *prepared                    # (n_trees,)
    cdef readonly Py_ssize_t n_trees, width
    cdef readonly double row_steps             # inner nodes times points of all trees: the work of a row
    cdef readonly object expected              # float64 (n_trees, width)
    cdef const int32_t[::1] output
    cdef list _owners
    cdef int64_t space(self, int64_t n_outputs) noexcept
