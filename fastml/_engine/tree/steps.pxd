"""Steps of one part of a pack, before and after they are put in order."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport traverse_round, traverse_step
from fastml._engine.tree.ranges cimport Ranges

cdef enum:
    LEAVES = -1  # stage of a step that waits for none; keeps have even stages, joins odd ones


cdef struct Raw:
    # A step before it is put in order
    traverse_step step
    int32_t stage
    int32_t height


cdef class StepList:
    cdef Raw *raw
    cdef Raw *ordered
    cdef int64_t n, capacity
    cdef int32_t n_slots

    cdef void clear(self) noexcept nogil
    cdef traverse_step *add(self, int32_t plane, const Ranges *ranges, int32_t k, int32_t stage,
                            int32_t height) except NULL nogil
    cdef int32_t write(self, traverse_step *steps, traverse_round *rounds) noexcept nogil
    cdef void sort(self, bint by_height) noexcept nogil
