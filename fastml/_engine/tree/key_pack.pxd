"""Trees of a CartForest, packed for walks by key (src_c/tree/key_walk.h)."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport key_walk_pack


cdef class KeyPack:
    cdef key_walk_pack c
    cdef readonly Py_ssize_t n_trees, width
    cdef readonly object features      # int32 (width,): feature of each place in a line of keys
    cdef const int64_t[::1] first      # (n_trees + 1,) nodes of each tree
    cdef const int32_t[::1] place      # leaf 2 * node + side: its node in the forest's tree; or
    cdef const double[::1] value       # its value
    cdef dict memory
