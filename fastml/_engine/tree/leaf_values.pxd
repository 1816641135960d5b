"""What the leaves of a CartForest hold, as loops over rows add it up."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport walk_node


cdef class LeafValues:
    cdef readonly bint is_number, is_vector
    cdef readonly Py_ssize_t width
    cdef const double[:, ::1] vector
    cdef const int64_t[::1] leaf_offsets, mixed_offsets
    cdef const int32_t[::1] mixed_class
    cdef const double[::1] mixed_share

    cdef inline void add(self, const walk_node *leaf, Py_ssize_t t, double *sums) noexcept nogil:
        """Add the values of a leaf of tree t."""
        cdef Py_ssize_t k
        cdef int64_t m
        if self.is_number:
            sums[self.width - 1] += leaf.threshold
        elif self.is_vector:
            for k in range(self.width):
                sums[k] += self.vector[self.leaf_offsets[t] + leaf.right, k]
        elif leaf.threshold >= 0:
            sums[<Py_ssize_t> leaf.threshold] += 1.0
        else:
            m = <int64_t> (-1.0 - leaf.threshold)
            for k in range(self.mixed_offsets[m], self.mixed_offsets[m + 1]):
                sums[self.mixed_class[k]] += self.mixed_share[k]
