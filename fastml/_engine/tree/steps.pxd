"""Steps of one part of a pack, before and after they are put in order."""

from libc.stdint cimport int32_t, int64_t

from fastml._engine.runtime.tree_kernels cimport traverse_round, traverse_step
from fastml._engine.tree.ranges cimport Ranges

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_LEAVES
        TRAVERSE_JOIN
        TRAVERSE_GRAFT
        TRAVERSE_HOLD
        TRAVERSE_HEADS
        TRAVERSE_MAX_KEEP
    int traverse_head_steps(int head) nogil

cdef enum:
    KEEP = TRAVERSE_HEADS  # a step that is not the first of its run


cdef struct Raw:
    # A step before it is put in order; of a head, the round that it belongs to
    traverse_step step
    int32_t head, round_


cdef struct Run:
    int64_t first  # of the steps sorted by slot
    int32_t head, n_keep, round_


cdef class StepList:
    cdef Raw *raw
    cdef Raw *by_slot
    cdef Run *runs
    cdef int64_t n, capacity
    cdef int32_t n_slots

    cdef void clear(self) noexcept nogil
    cdef traverse_step *add(self, int32_t plane, const Ranges *ranges, int32_t k, int32_t head, int32_t round_,
                            int32_t slot) except NULL nogil
    cdef int32_t write(self, traverse_step *steps, traverse_round *rounds) noexcept nogil
    cdef void sort(self) noexcept nogil
    cdef int64_t find_runs(self) noexcept nogil
