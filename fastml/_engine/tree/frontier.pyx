"""The leaves of a growing tree, in the order in which they are to be split."""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc


cdef class Frontier:
    """Records of all leaves of a growing tree and the queue of those that may still be split."""

    def __dealloc__(self):
        free(self.leaves)
        free(self.queue)

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for so many more records; pointers to records change here only."""
        cdef Py_ssize_t room = self.room
        if self.n_leaves + more <= room:
            return 0
        room = max(2 * room, self.n_leaves + more, 64)
        cdef void *leaves = realloc(self.leaves, room * sizeof(Leaf))
        if leaves != NULL:
            self.leaves = <Leaf *> leaves
        cdef void *queue = realloc(self.queue, room * sizeof(int32_t))
        if queue != NULL:
            self.queue = <int32_t *> queue
        if leaves == NULL or queue == NULL:
            raise MemoryError()
        self.room = room
        return 0

    cdef bint before(self, int32_t a, int32_t b) noexcept nogil:
        """Whether leaf a is to be split before leaf b: larger gain, or lower level; then the older node."""
        cdef Leaf *x = self.leaves + a
        cdef Leaf *y = self.leaves + b
        if self.by_level:
            if x.depth != y.depth:
                return x.depth < y.depth
            return x.node < y.node
        if x.split.gain != y.split.gain:
            return x.split.gain > y.split.gain
        return x.node < y.node

    cdef void push(self, int32_t leaf) noexcept nogil:
        cdef Py_ssize_t i = self.n_queue, up
        self.n_queue += 1
        while i > 0:
            up = (i - 1) // 2
            if not self.before(leaf, self.queue[up]):
                break
            self.queue[i] = self.queue[up]
            i = up
        self.queue[i] = leaf

    cdef int32_t pop(self) noexcept nogil:
        cdef int32_t top = self.queue[0], last
        cdef Py_ssize_t i = 0, down
        self.n_queue -= 1
        last = self.queue[self.n_queue]
        while 2 * i + 1 < self.n_queue:
            down = 2 * i + 1
            if down + 1 < self.n_queue and self.before(self.queue[down + 1], self.queue[down]):
                down += 1
            if not self.before(self.queue[down], last):
                break
            self.queue[i] = self.queue[down]
            i = down
        self.queue[i] = last
        return top

    cdef int32_t worst_with_histogram(self) noexcept nogil:
        """The queued, untried leaf with a histogram that would be split last; -1: none."""
        cdef int32_t worst = -1, leaf
        cdef Py_ssize_t i
        for i in range(self.n_queue):
            leaf = self.queue[i]
            if self.leaves[leaf].slot >= 0 and self.leaves[leaf].left < 0 and (worst < 0 or self.before(worst, leaf)):
                worst = leaf
        return worst
