"""Packed forests: the interface of prediction and explanation."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport traverse_pack


cdef class Pack:
    cdef traverse_pack c
    cdef readonly object planes          # int32 (n_planes,): feature of each plane of codes
    cdef readonly Py_ssize_t n_trees, n_planes, n_slots, n_outputs
    cdef readonly int stage              # no part of the pack crosses a multiple of this many trees, 0: free
    cdef readonly Py_ssize_t walked_bytes  # of trees that are walked node by node in blocks
    cdef readonly double row_ns          # estimated cost of a row in a block through all trees
    cdef readonly double one_ns          # and of a row alone, in nodes
    cdef readonly dict memory            # what the pointers of c point to
