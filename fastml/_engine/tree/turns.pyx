# cython: cdivision=True
"""Whose turn it is: the order in which leaves are tried, and that in which their splits become final.

Trying is where the time goes, and a trial changes nothing outside its own leaf, so leaves are tried ahead of their
turn, also below splits that are not final yet; splits then become final strictly in the order of the queue. A leaf
tried in vain stays a leaf. The tree is therefore the one that a single thread grows, on any number of threads.

A large node is tried when its turn has come, with all threads inside each stage. Otherwise every thread tries leaf
after leaf on its own, and what it finds is put in order under a lock: nobody waits for the slowest of a round.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t

from fastml._engine.runtime.interrupt cimport check
from fastml._engine.runtime.tree_kernels cimport split_candidate
from fastml._engine.runtime.openmp cimport relax, set_lock, unset_lock
from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.trial cimport SplitTrials

cdef enum:
    UNTRIED = -1              # Leaf.left before its split has been tried
    NOBODY = -1               # no leaf may be tried now
    ROWS_BETWEEN_CHECKS = 4000000
    CELLS_PER_THREAD = 16384  # codes of the matrix below which a tree is over before a second thread has started

cdef enum:                    # why the threads have stopped
    GOING = 0
    GROWN = 1
    FULL = 2                  # records must be made room for
    LARGE = 3                 # the next leaf is for all threads together
    CHECK = 4                 # time to look for Ctrl-C
    NO_MEMORY = 5


cdef class Turns(SplitTrials):

    cdef void advance(self) noexcept nogil:
        """Makes final what has been tried and is next."""
        cdef int32_t top
        while self.front.queue.n and self.n_final < self.max_leaves:
            top = self.front.queue.records[0]
            if self.front.leaves[top].left < 0 or self.front.leaves[top].busy:
                return
            self.commit(self.front.pop(&self.front.queue))
            self.n_final += 1
            self.n_pending -= 1

    cdef bint grown(self) noexcept nogil:
        return self.front.queue.n == 0 or self.n_final >= self.max_leaves

    cdef void commit(self, int32_t index) noexcept nogil:
        """Makes a tried split final: two new nodes, two open leaves."""
        cdef Leaf *leaf = self.front.leaves + index
        cdef Leaf *child
        cdef int32_t side, record
        cdef bint missing_left = leaf.split.missing_left
        if not leaf.split.any_missing and not self.binned.has_missing_p[leaf.split.feature]:
            # no row of the training set asks, so the exact majority may decide
            missing_left = 2 * self.front.leaves[leaf.left].n > leaf.n
        self.tree.split(leaf.node, &leaf.split, missing_left)
        for side in range(2):
            record = leaf.left if side == 0 else leaf.right
            child = self.front.leaves + record
            self.add_node(record)
            if child.split.gain > 0:
                self.front.push(&self.front.queue, record)
            else:
                self.pool.release(child.slot)
                child.slot = -1

    cdef void add_node(self, int32_t record) noexcept nogil:
        cdef Leaf *leaf = self.front.leaves + record
        leaf.node = <int32_t> self.tree.n_nodes
        self.tree.add(record, leaf.depth, leaf.sums.value, leaf.sums.h / self.search.params.scale_h, leaf.n)

    cdef int32_t next_leaf(self, bint alone) noexcept nogil:
        """The leaf whose turn it is or, when somebody has it, the untried one that is likeliest to have its soon."""
        cdef int32_t leaf = self.front.queue.records[0]
        if self.front.leaves[leaf].left == UNTRIED:
            return leaf
        if alone:
            return NOBODY
        while self.front.ahead.n and self.n_pending < self.max_leaves - self.n_final:
            leaf = self.front.pop(&self.front.ahead)
            if self.front.leaves[leaf].left == UNTRIED and self.front.leaves[leaf].n < self.large:
                return leaf
        return NOBODY

    cdef bint begin(self, int32_t leaf, int32_t *spare, int32_t *other) noexcept nogil:
        """Records and histograms for the trial of a leaf; False: there is no memory."""
        cdef Leaf *tried = self.front.leaves + leaf
        spare[0] = self.take_slot()
        other[0] = self.take_slot() if tried.slot < 0 else -1
        if spare[0] < 0 or (tried.slot < 0 and other[0] < 0):
            return False
        tried.left, tried.right = <int32_t> self.front.n_leaves, <int32_t> self.front.n_leaves + 1
        tried.busy = True
        self.front.n_leaves += 2
        self.n_pending += 1
        self.rows_since_check += tried.n
        return True

    cdef void work_alone(self, int thread, bint alone) noexcept nogil:
        """What each thread does: takes a leaf, tries it, puts the outcome in order, until somebody says stop."""
        cdef int32_t leaf, spare = -1, other = -1
        cdef bint search_children, lawful
        set_lock(&self.lock)
        while self.stop == GOING:
            self.advance()
            if self.grown():
                self.stop = GROWN
                self.complete = True
            elif not self.has_room(2):
                self.stop = FULL
            elif self.rows_since_check > ROWS_BETWEEN_CHECKS:
                self.stop = CHECK
            if self.stop != GOING:
                break
            leaf = self.next_leaf(alone)
            if leaf == NOBODY:
                unset_lock(&self.lock)
                relax()
                set_lock(&self.lock)
                continue
            if not alone and self.front.leaves[leaf].n >= self.large:
                self.stop = LARGE
                break
            search_children = self.n_final + 1 < self.max_leaves
            if not self.begin(leaf, &spare, &other):
                self.stop = NO_MEMORY
                break
            unset_lock(&self.lock)
            lawful = self.try_split(leaf, spare, other, search_children, self.work + thread, 1)
            set_lock(&self.lock)
            self.settle(leaf, spare, other, lawful, &self.work[thread].found)
        unset_lock(&self.lock)

    cdef int work_together(self) noexcept nogil:
        """Tries large leaves as long as it is their turn; why it has stopped."""
        cdef int32_t leaf, spare = -1, other = -1
        cdef bint lawful
        while True:
            self.advance()
            if self.grown():
                return GROWN
            leaf = self.next_leaf(True)
            if self.front.leaves[leaf].n < self.large:
                return GOING
            if not self.has_room(2):
                return FULL
            if not self.begin(leaf, &spare, &other):
                return NO_MEMORY
            lawful = self.try_split(leaf, spare, other, self.n_final + 1 < self.max_leaves, self.work, self.n_threads)
            self.settle(leaf, spare, other, lawful, &self.work.found)

    cdef grow_leaves(self):
        """Grows the tree from the root, which is in the queue."""
        cdef int t, n_threads = self.n_threads
        if self.rows.n * self.layout.n_features < n_threads * CELLS_PER_THREAD:
            n_threads = 1
        self.n_final, self.n_pending, self.rows_since_check = 1, 0, 0
        self.complete = False
        self.large = self.together(self.rows.n)
        while True:
            self.stop = GOING
            with nogil:
                if n_threads == 1:
                    self.work_alone(0, True)
                else:
                    self.stop = self.work_together()
                    if self.stop == GOING:
                        for t in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                            self.work_alone(t, False)
            if self.stop == GROWN:
                return
            if self.stop == NO_MEMORY:
                raise MemoryError()
            if self.stop == FULL:
                self.reserve(max(<Py_ssize_t> 64, self.front.n_leaves))
            elif self.stop == CHECK:
                self.rows_since_check = 0
                check()

    cdef void settle(self, int32_t index, int32_t spare, int32_t other, bint lawful,
                     const split_candidate *instead) noexcept nogil:
        """After a trial: histograms that nobody took are free again, the children may be tried next.

        instead: the split to be tried next when this one was not lawful.
        """
        cdef Leaf *leaf = self.front.leaves + index
        cdef bint own = False, first = False, second = False
        cdef int32_t side, slot, child
        leaf.busy = False
        if self.complete:
            leaf.left = leaf.right = UNTRIED
            return
        if not lawful:
            self.n_pending -= 1
            self.pool.release(spare)
            self.pool.release(other)
            leaf.left = leaf.right = UNTRIED
            leaf.split = instead[0]
            leaf.checked = True
            if leaf.split.gain <= self.min_split_gain:
                leaf.split.gain = -1.0
            self.front.reconsider(index)
            if leaf.split.gain > 0:
                self.front.look_ahead(index, leaf.priority)
            else:
                self.pool.release(leaf.slot)
                leaf.slot = -1
            return
        for side in range(2):
            child = leaf.left if side == 0 else leaf.right
            if self.front.leaves[child].split.gain > 0:
                self.front.look_ahead(child, leaf.priority)
            slot = self.front.leaves[child].slot
            own = own or (slot >= 0 and slot == leaf.slot)
            first = first or slot == spare
            second = second or (slot >= 0 and slot == other)
        if not own:
            self.pool.release(leaf.slot)
        if not first:
            self.pool.release(spare)
        if not second:
            self.pool.release(other)
        leaf.slot = -1
