"""The order of steps: children before parents, in few rounds, neighbours seldom waiting for each other."""

from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset


cdef class StepList:
    # Steps of the part that is open. `n_slots` are taken.

    def __dealloc__(self):
        free(self.raw)
        free(self.ordered)

    cdef void clear(self) noexcept nogil:
        self.n = 0
        self.n_slots = 0

    cdef traverse_step *add(self, int32_t plane, const Ranges *ranges, int32_t k, int32_t stage,
                            int32_t height) except NULL nogil:
        """A new step for range k of ``ranges``; the caller fills in slots and leaves. Valid until the next call."""
        cdef int64_t capacity = self.capacity * 2 + 256
        cdef Raw *raw
        if self.n == self.capacity:
            raw = <Raw *> realloc(self.raw, capacity * sizeof(Raw))
            if raw != NULL:
                self.raw = raw
                raw = <Raw *> realloc(self.ordered, capacity * sizeof(Raw))
            if raw == NULL:
                with gil:
                    raise MemoryError()
            self.ordered = raw
            self.capacity = capacity
        raw = &self.raw[self.n]
        self.n += 1
        memset(raw, 0, sizeof(Raw))
        raw.step.plane = <uint32_t> plane
        raw.step.low = ranges.low[k]
        raw.step.width = ranges.width[k]
        raw.stage = stage
        raw.height = height
        return &raw.step

    cdef int32_t write(self, traverse_step *steps, traverse_round *rounds) noexcept nogil:
        """Write the steps by stage, then height; return the number of rounds."""
        cdef int64_t i
        cdef int32_t stage, n_rounds = 1
        self.sort(True)
        self.sort(False)
        memset(rounds, 0, sizeof(traverse_round))
        for i in range(self.n):
            stage = self.raw[i].stage
            while stage >= 0 and stage // 2 > n_rounds - 1:
                rounds += 1
                memset(rounds, 0, sizeof(traverse_round))
                n_rounds += 1
            if stage == LEAVES:
                rounds.n_leaves += 1
            elif stage & 1:
                rounds.n_join += 1
            else:
                rounds.n_keep += 1
            steps[i] = self.raw[i].step
        return n_rounds

    cdef void sort(self, bint by_height) noexcept nogil:
        """Stable counting sort by height (at most 255) or by stage (-1 to 2 x 255)."""
        cdef int32_t[512] start
        cdef int32_t key, total = 0, size
        cdef int64_t i
        cdef Raw *swap
        memset(start, 0, sizeof(start))
        for i in range(self.n):
            key = self.raw[i].height if by_height else self.raw[i].stage + 1
            start[key] += 1
        for key in range(512):
            size = start[key]
            start[key] = total
            total += size
        for i in range(self.n):
            key = self.raw[i].height if by_height else self.raw[i].stage + 1
            self.ordered[start[key]] = self.raw[i]
            start[key] += 1
        swap = self.raw
        self.raw = self.ordered
        self.ordered = swap
