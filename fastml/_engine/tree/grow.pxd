from libc.stdint cimport int32_t, int64_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport Packed
from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.shared_roots cimport SharedRoots
from fastml._engine.tree.turns cimport Turns


cdef class Grower(Turns):
    cdef SharedRoots roots

    cdef pack(self, const float[::1] g, h, seed, const uint32_t *rows, Py_ssize_t n, stats, uint32_t *gh,
              Packed *packed)
    cdef grow_packed(self, const Packed *packed, bint constant, seed, weights, int shared)
    cdef set_features(self, features)
    cdef set_scales(self, const Packed *packed, bint constant)
    cdef const Leaf *leaf_of_node(self, int32_t node) noexcept nogil
    cdef void add_value(self, int32_t node, int64_t first, double value, double *raw) noexcept nogil
    cdef gather_rows(self)
