"""The order of steps: in runs over one slot, children before parents, in few rounds."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

cdef enum:
    MOST_SLOTS = 512   # of a part
    MOST_ROUNDS = 256  # a tree of steps has 256 leaves
    KINDS = 16         # of runs: head and keeps


cdef class StepList:
    # Steps of the part that is open. `n_slots` are taken.

    def __dealloc__(self):
        free(self.raw)
        free(self.by_slot)
        free(self.runs)

    cdef void clear(self) noexcept nogil:
        self.n = 0
        self.n_slots = 0

    cdef traverse_step *add(self, int32_t plane, const Ranges *ranges, int32_t k, int32_t head, int32_t round_,
                            int32_t slot) except NULL nogil:
        """A new step for range k of ``ranges``; the caller fills in leaves and `other`. Valid until the next call.

        The steps of a slot are added in the order in which they are to be taken; a graft is the head of its first step,
        and its second has none.
        """
        cdef int64_t capacity = self.capacity * 2 + 256
        cdef void *raw
        cdef void *by_slot
        cdef void *runs
        cdef Raw *new
        if self.n == self.capacity:
            raw = realloc(self.raw, capacity * sizeof(Raw))
            if raw != NULL:
                self.raw = <Raw *> raw
            by_slot = realloc(self.by_slot, capacity * sizeof(Raw))
            if by_slot != NULL:
                self.by_slot = <Raw *> by_slot
            runs = realloc(self.runs, capacity * sizeof(Run))
            if runs != NULL:
                self.runs = <Run *> runs
            if raw == NULL or by_slot == NULL or runs == NULL:
                with gil:
                    raise MemoryError()
            self.capacity = capacity
        new = &self.raw[self.n]
        self.n += 1
        memset(new, 0, sizeof(Raw))
        new.step.plane = <uint32_t> plane
        new.step.minus_low = <uint8_t> -ranges.low[k]
        new.step.width = ranges.width[k]
        new.step.target = <uint16_t> slot
        new.head = head
        new.round_ = round_
        return &new.step

    cdef int32_t write(self, traverse_step *steps, traverse_round *rounds) noexcept nogil:
        """Write the runs by round and kind; return the number of rounds."""
        cdef int64_t[MOST_ROUNDS * KINDS + 1] start
        cdef int64_t i, k, at, n_runs, size
        cdef int32_t key, n_keys, n_rounds = 1
        cdef Run *run
        self.sort()
        n_runs = self.find_runs()
        for i in range(n_runs):
            n_rounds = max(n_rounds, self.runs[i].round_ + 1)
        memset(rounds, 0, n_rounds * sizeof(traverse_round))
        n_keys = n_rounds * KINDS
        memset(start, 0, n_keys * sizeof(int64_t))
        for i in range(n_runs):
            run = &self.runs[i]
            rounds[run.round_].n[run.head][run.n_keep] += 1
            start[kind_of(run)] += traverse_head_steps(run.head) + run.n_keep
        at = 0
        for key in range(n_keys):
            size = start[key]
            start[key] = at
            at += size
        for i in range(n_runs):
            run = &self.runs[i]
            key = kind_of(run)
            for k in range(traverse_head_steps(run.head) + run.n_keep):
                steps[start[key]] = self.by_slot[run.first + k].step
                start[key] += 1
        return n_rounds

    cdef void sort(self) noexcept nogil:
        """Stable counting sort by slot."""
        cdef int32_t[MOST_SLOTS] start
        cdef int32_t slot, total = 0, size
        cdef int64_t i
        memset(start, 0, sizeof(start))
        for i in range(self.n):
            start[self.raw[i].step.target] += 1
        for slot in range(MOST_SLOTS):
            size = start[slot]
            start[slot] = total
            total += size
        for i in range(self.n):
            slot = self.raw[i].step.target
            self.by_slot[start[slot]] = self.raw[i]
            start[slot] += 1

    cdef int64_t find_runs(self) noexcept nogil:
        """Cut the steps of each slot into runs."""
        cdef int64_t i = 0, n_runs = 0
        cdef Run *run = self.runs
        while i < self.n:
            if self.by_slot[i].head == KEEP and run.n_keep < TRAVERSE_MAX_KEEP:
                run.n_keep += 1
                i += 1
                continue
            n_runs += 1
            run = &self.runs[n_runs - 1]
            run.first = i
            run.n_keep = 0
            if self.by_slot[i].head == KEEP:
                run.head = TRAVERSE_HOLD
                run.round_ = self.runs[n_runs - 2].round_
            else:
                run.head = self.by_slot[i].head
                run.round_ = self.by_slot[i].round_
            i += traverse_head_steps(run.head)
        return n_runs


cdef inline int32_t kind_of(const Run *run) noexcept nogil:
    """Place of a run among those of all rounds: of holds, more keeps come first."""
    cdef int32_t n_keep = TRAVERSE_MAX_KEEP - run.n_keep if run.head == TRAVERSE_HOLD else run.n_keep
    return run.round_ * KINDS + run.head * (TRAVERSE_MAX_KEEP + 1) + n_keep
