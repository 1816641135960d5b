"""The leaves of a growing tree, in the order in which they are to be split."""

from libc.stdint cimport int32_t
from libc.stdlib cimport free, realloc


cdef class Frontier:
    """Records of all leaves of a growing tree, and which of them come next."""

    def __cinit__(self):
        self.ahead.by_priority = True

    def __dealloc__(self):
        free(self.leaves)
        free(self.queue.records)
        free(self.ahead.records)

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for so many more records; pointers to records change here only."""
        cdef Py_ssize_t room = self.room
        if self.n_leaves + more <= room:
            return 0
        room = max(2 * room, self.n_leaves + more, 64)
        cdef void *leaves = realloc(self.leaves, room * sizeof(Leaf))
        if leaves != NULL:
            self.leaves = <Leaf *> leaves
        cdef void *queue = realloc(self.queue.records, room * sizeof(int32_t))
        if queue != NULL:
            self.queue.records = <int32_t *> queue
        # a leaf whose split proves unlawful comes again
        cdef void *ahead = realloc(self.ahead.records, 2 * room * sizeof(int32_t))
        if ahead != NULL:
            self.ahead.records = <int32_t *> ahead
        if leaves == NULL or queue == NULL or ahead == NULL:
            raise MemoryError()
        self.room = room
        return 0

    cdef void clear(self) noexcept nogil:
        self.n_leaves = self.queue.n = self.ahead.n = 0

    cdef bint before(self, int32_t a, int32_t b, bint by_priority) noexcept nogil:
        """Whether leaf a comes before leaf b: larger gain, or lower level; then the older node."""
        cdef Leaf *x = self.leaves + a
        cdef Leaf *y = self.leaves + b
        if self.by_level:
            if x.depth != y.depth:
                return x.depth < y.depth
        elif by_priority:
            return x.priority > y.priority
        elif x.split.gain != y.split.gain:
            return x.split.gain > y.split.gain
        return x.node < y.node

    cdef void push(self, Heap *heap, int32_t leaf) noexcept nogil:
        cdef Py_ssize_t i = heap.n, up
        heap.n += 1
        while i > 0:
            up = (i - 1) // 2
            if not self.before(leaf, heap.records[up], heap.by_priority):
                break
            heap.records[i] = heap.records[up]
            i = up
        heap.records[i] = leaf

    cdef int32_t pop(self, Heap *heap) noexcept nogil:
        cdef int32_t top = heap.records[0], last
        cdef Py_ssize_t i = 0, down
        heap.n -= 1
        last = heap.records[heap.n]
        while 2 * i + 1 < heap.n:
            down = 2 * i + 1
            if down + 1 < heap.n and self.before(heap.records[down + 1], heap.records[down], heap.by_priority):
                down += 1
            if not self.before(heap.records[down], last, heap.by_priority):
                break
            heap.records[i] = heap.records[down]
            i = down
        heap.records[i] = last
        return top

    cdef void reconsider(self, int32_t leaf) noexcept nogil:
        """Puts a leaf whose gain has changed to its new place in the queue, or out of it when it has none."""
        cdef Py_ssize_t i, n = self.queue.n
        cdef bint queued = False
        self.queue.n = 0
        for i in range(n):  # rare: the heap is made anew in place
            if self.queue.records[i] == leaf:
                queued = True
            else:
                self.push(&self.queue, self.queue.records[i])
        if queued and self.leaves[leaf].split.gain > 0:
            self.push(&self.queue, leaf)

    cdef void look_ahead(self, int32_t leaf, double priority) noexcept nogil:
        """Lets a leaf be tried before its turn."""
        self.leaves[leaf].priority = min(priority, self.leaves[leaf].split.gain)
        self.push(&self.ahead, leaf)

    cdef int32_t worst_with_histogram(self) noexcept nogil:
        """The queued, untried leaf with a histogram that would be split last; -1: none."""
        cdef int32_t worst = -1, leaf
        cdef Py_ssize_t i
        for i in range(self.queue.n):
            leaf = self.queue.records[i]
            if self.leaves[leaf].slot >= 0 and self.leaves[leaf].left < 0 and (
                    worst < 0 or self.before(worst, leaf, False)):
                worst = leaf
        return worst
