# cython: cdivision=True
"""The trial of one leaf's split: rows moved to two children, their histograms built and searched.

A trial changes nothing outside the leaf's own range of rows and its own records, so several may run at once; what it
finds does not depend on what else has been tried.
"""

import numpy as np

from libc.stdint cimport INT32_MAX, int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc

from fastml._engine.runtime.tree_kernels cimport K, partition_rule, split_candidate
from fastml._engine.runtime.openmp cimport destroy_lock, init_lock
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.columns cimport ColumnChoice
from fastml._engine.tree.frontier cimport Frontier, Leaf
from fastml._engine.tree.histogram cimport COUNTED, HistogramPool, build_histogram
from fastml._engine.tree.partition cimport PARTITION_BLOCK, mask_rows, move_rows
from fastml._engine.tree.rows cimport NodeRows
from fastml._engine.tree.split cimport SplitSearch, mix
from fastml._engine.tree.tree cimport TreeBuilder

cdef enum:
    TOGETHER = 4096  # least rows of a node that more than one thread works on


cdef class SplitTrials:
    """What the trials of one tree after another share; `Grower` has the parameters."""

    def __cinit__(self, BinnedMatrix binned not None, *, edges=None, int n_threads=1, max_leaf_nodes=31,
                  max_depth=None, growth="leaf", int64_t min_samples_leaf=20, double min_weight_leaf=0.0,
                  double min_sum_hessian=1e-3, double min_split_gain=0.0, double l1=0.0, double l2=0.0,
                  double max_delta_step=0.0, double path_smooth=0.0, double cat_smooth=10.0, double cat_l2=10.0,
                  int max_cat_onehot=4, monotonic_cst=None, interaction_cst=None, double colsample_bylevel=1.0,
                  double colsample_bynode=1.0, bint extra_random=False, bint constant_hessian=False):
        cdef int t
        cdef int8_t[::1] monotone
        cdef uint8_t[::1] categorical
        cdef Py_ssize_t room, n = binned.n_rows
        cdef SplitSearch search = SplitSearch.__new__(SplitSearch)
        self.binned = binned
        self.n_threads = max(1, n_threads)
        self.edges = None
        if edges is not None:
            begin = np.concatenate(([0], np.cumsum([len(own) for own in edges], dtype=np.int64)))
            self.edges = np.concatenate([*edges, np.empty(0)]).astype(np.float64), begin.astype(np.int64)
        self.max_leaves = INT32_MAX if max_leaf_nodes is None else max_leaf_nodes
        self.max_depth = INT32_MAX if max_depth is None else max_depth
        if growth not in ("leaf", "level"):
            raise ValueError(f"growth must be 'leaf' or 'level', got {growth!r}")
        self.front = Frontier()
        self.front.by_level = growth == "level"
        self.columns = ColumnChoice(binned.n_features, interaction_cst, colsample_bylevel, colsample_bynode)
        self.constant_hessian = constant_hessian
        self.min_sum_hessian, self.min_split_gain = min_sum_hessian, min_split_gain
        self.min_rows = max(<int64_t> 1, min_samples_leaf)
        self.min_weight = min_weight_leaf
        self.search = search
        self.pool = HistogramPool()
        self.tree = TreeBuilder()
        search.params.l1, search.params.l2 = l1, l2
        search.params.max_delta_step, search.params.path_smooth = max_delta_step, path_smooth
        search.params.cat_smooth, search.params.cat_l2 = cat_smooth, cat_l2
        search.params.max_cat_onehot = max_cat_onehot
        search.params.min_rows, search.params.min_weight = self.min_rows, min_weight_leaf
        search.extra_random = extra_random
        search.exact_first = path_smooth > 0
        categorical = np.ascontiguousarray(binned.is_categorical, dtype=np.uint8)
        keep = [categorical]
        search.categorical = &categorical[0]
        search.columns, search.column_stride = binned.columns, binned.column_stride
        search.params.plain = not (l1 > 0 or max_delta_step > 0 or path_smooth > 0)
        self.monotone = None
        if monotonic_cst is not None and np.any(monotonic_cst):
            self.monotone = np.ascontiguousarray(monotonic_cst, dtype=np.int8)
            if self.monotone.shape != (binned.n_features,):
                raise ValueError(f"monotonic_cst must have shape ({binned.n_features},), got {self.monotone.shape}")
            monotone = self.monotone
            search.monotone = &monotone[0]
            search.params.plain = 0
        search.keep = keep
        self.rows = NodeRows(n)
        self.work = <Workspace *> calloc(self.n_threads, sizeof(Workspace))
        if self.work == NULL:
            raise MemoryError()
        for t in range(self.n_threads):
            # thread 0's also serves nodes that all threads work on together
            room = n if t == 0 else self.together(n)
            self.work[t].mask = <uint64_t *> malloc((room // 64 + 2) * sizeof(uint64_t))
            self.work[t].block_left = <int64_t *> malloc((room // PARTITION_BLOCK + 3) * sizeof(int64_t))
            self.work[t].candidates = <split_candidate *> malloc((binned.n_features + 1) * sizeof(split_candidate))
            self.work[t].allowed = <uint8_t *> malloc(binned.n_features + 1)
            self.work[t].draw = <int32_t *> malloc((binned.n_features + 1) * sizeof(int32_t))
            if not (self.work[t].mask and self.work[t].block_left and self.work[t].candidates
                    and self.work[t].allowed and self.work[t].draw):
                raise MemoryError()
        self.leaf_nodes = np.empty(0, dtype=np.int32)
        init_lock(&self.lock)

    def __dealloc__(self):
        cdef int t
        if self.work != NULL:
            for t in range(self.n_threads):
                free(self.work[t].mask)
                free(self.work[t].block_left)
                free(self.work[t].candidates)
                free(self.work[t].allowed)
                free(self.work[t].draw)
            destroy_lock(&self.lock)
        free(self.work)
        free(self.scratch)

    # ---- memory ---------------------------------------------------------------------------------------------------

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for so many more leaf records and tree nodes; pointers to them change here only."""
        self.front.reserve(more)
        # every record may become a node
        self.tree.reserve(self.front.room - self.tree.n_nodes)
        # each record has one histogram at most, and each trial takes two more
        self.pool.reserve(self.front.room + 2 * self.n_threads)
        return self.columns.reserve(self.front.room)

    cdef bint has_room(self, Py_ssize_t more) noexcept nogil:
        return self.front.n_leaves + more <= self.front.room

    cdef int32_t take_slot(self) noexcept nogil:
        """A histogram to write into, -1: no memory; when there is no more room, the least promising open leaf's."""
        cdef int32_t slot, worst
        if self.pool.full():
            worst = self.front.worst_with_histogram()
            if worst >= 0:
                slot = self.front.leaves[worst].slot
                self.front.leaves[worst].slot = -1
                return slot
        return self.pool.take()

    cdef Py_ssize_t together(self, Py_ssize_t n_rows) noexcept nogil:
        """Rows from which all threads work on one node, in a tree of so many rows."""
        return max(<Py_ssize_t> TOGETHER, n_rows // (2 * self.n_threads))

    # ---- one leaf ---------------------------------------------------------------------------------------------------

    cdef bint given_up(self) noexcept nogil:
        """Whether the tree is complete, so that trials still under way are in vain; they may then end half done."""
        return self.complete

    cdef bint can_split(self, const Leaf *leaf) noexcept nogil:
        return (leaf.sums.n_rows >= 2 * self.min_rows and leaf.sums.h >= 2 * leaf.sums.min_h
                and leaf.depth < self.max_depth)

    cdef void count(self, const Leaf *leaf, int32_t slot, bint counted, int n_threads) noexcept nogil:
        """Builds the histogram of a leaf."""
        build_histogram(self.layout, self.rows.of(leaf), 0, self.rows.gh_of(leaf), leaf.n, self.pool.slots[slot],
                        counted, self.scratch, n_threads)

    cdef void search_leaf(self, int32_t index, const int64_t *sibling, int64_t *cells, Workspace *work,
                          int n_threads) noexcept nogil:
        cdef Leaf *leaf = self.front.leaves + index
        cdef const uint8_t *allowed = self.columns.allowed(self.layout, index, leaf, work.allowed, work.draw)
        self.search.find(cells, sibling, &leaf.sums, allowed, leaf.path, self.rows.of(leaf), work.candidates,
                         &leaf.split, n_threads)
        leaf.checked = self.search.exact_first
        if leaf.split.gain <= self.min_split_gain:
            leaf.split.gain = -1.0

    cdef bint enough_left(self, const Leaf *leaf, int64_t n_left, const uint64_t *mask) noexcept nogil:
        """Whether both children obey the limits on rows and weights."""
        cdef const uint32_t *rows
        cdef int64_t i, row
        cdef double left = 0, right = 0
        if n_left < self.min_rows or leaf.n - n_left < self.min_rows:
            return False
        if self.min_weight > 0 and not leaf.checked:
            rows = self.rows.of(leaf)
            for i in range(leaf.n):
                row = rows[i] if rows != NULL else i
                if mask[i // 64] >> (i % 64) & 1:
                    left += self.search.weights[row] if self.search.weights != NULL else 1.0
                else:
                    right += self.search.weights[row] if self.search.weights != NULL else 1.0
            return left >= self.min_weight and right >= self.min_weight
        return True

    cdef void make_child(self, const Leaf *parent, Leaf *child, int side, int64_t n_left) noexcept nogil:
        cdef int64_t n_right = parent.n - n_left
        child.start = parent.start if side == 0 else parent.start + n_left
        child.n = n_left if side == 0 else n_right
        child.buffer = 1 - parent.buffer
        child.depth = parent.depth + 1
        child.node = child.slot = child.left = child.right = -1
        child.checked = child.busy = child.moved = child.shuffled = False
        child.path = mix(parent.path * 2 + <uint64_t> side + 1)
        child.split.gain = -1.0
        child.sums.lower, child.sums.upper = parent.sums.lower, parent.sums.upper
        child.sums.n_rows = child.n
        child.sums.min_h = parent.sums.min_h
        child.sums.counted = self.counts_rows and child.n <= COUNTED
        child.sums.g = parent.split.g_left if side == 0 else parent.sums.g - parent.split.g_left
        child.sums.h = parent.split.h_left if side == 0 else parent.sums.h - parent.split.h_left
        child.sums.value = K.split_leaf_value(&self.search.params, &parent.sums, child.sums.g, child.sums.h, child.n,
                                              parent.split.sorted)

    cdef bint try_split(self, int32_t index, int32_t spare, int32_t other, bint search_children, Workspace *work,
                        int n_threads) noexcept nogil:
        """Moves the rows of a leaf to its two children, builds their histograms and searches them.

        spare: a histogram for the smaller child; other: one for the larger child when the leaf has none itself, else
        -1. False: the split breaks a limit; then nothing has been moved, and ``work.found`` is the best lawful split.
        """
        cdef Leaf *leaf = self.front.leaves + index
        cdef Leaf *left = self.front.leaves + leaf.left
        cdef Leaf *right = self.front.leaves + leaf.right
        cdef Leaf *small
        cdef Leaf *large
        cdef const uint32_t *rows = self.rows.of(leaf)
        cdef const uint32_t *gh = self.rows.gh_of(leaf)
        cdef int out = 1 - leaf.buffer, monotone
        cdef int32_t feature = leaf.split.feature
        cdef int64_t n_left
        cdef int32_t small_index, large_index
        cdef double middle
        cdef bint split_small, split_large, whole
        cdef partition_rule rule
        if not leaf.split.any_missing and not leaf.split.categorical:
            # nothing is missing here: later, what is goes the way of the greater part
            leaf.split.missing_left = 2 * leaf.split.h_left > leaf.sums.h
        rule.set = leaf.split.set if leaf.split.categorical else NULL
        rule.code = leaf.split.code
        rule.bias = 0 if leaf.split.missing_left else 1
        n_left = mask_rows(self.search.columns + feature * self.search.column_stride, rows, leaf.n, &rule, work.mask,
                           work.block_left, n_threads)
        if not self.enough_left(leaf, n_left, work.mask):
            if leaf.checked:
                work.found.gain = -1.0
                return False
            if leaf.slot < 0:
                self.count(leaf, spare, False, 1)
            self.search.find_exact(self.pool.slots[leaf.slot if leaf.slot >= 0 else spare], &leaf.sums,
                                   self.columns.allowed(self.layout, index, leaf, work.allowed, work.draw), leaf.path,
                                   rows, work.candidates, &work.found)
            return False
        if self.given_up():
            return True
        if leaf.split.categorical and not leaf.split.any_missing and 2 * n_left > leaf.n:
            leaf.split.set[0] |= 1
        leaf.moved = True
        move_rows(rows, gh, leaf.n, n_left, work.mask, work.block_left, self.rows.rows[out] + leaf.start,
                  self.rows.gh[out] + leaf.start, n_threads)
        self.make_child(leaf, left, 0, n_left)
        self.make_child(leaf, right, 1, n_left)
        monotone = self.search.monotone[feature] if self.search.monotone != NULL else 0
        if monotone != 0:
            middle = 0.5 * (left.sums.value + right.sums.value)
            if monotone > 0:
                left.sums.upper = right.sums.lower = middle
            else:
                left.sums.lower = right.sums.upper = middle
        self.columns.narrow(index, leaf.left, leaf.right, feature)
        if not search_children or self.given_up():
            return True
        small_index, large_index = (leaf.left, leaf.right) if left.n <= right.n else (leaf.right, leaf.left)
        small, large = self.front.leaves + small_index, self.front.leaves + large_index
        split_small, split_large = self.can_split(small), self.can_split(large)
        if not (split_small or split_large):
            return True
        # the parent's histogram less the small child's is the large child's, if their cells are of one kind
        whole = leaf.slot >= 0 and leaf.sums.counted == large.sums.counted
        if whole and split_large:
            self.count(small, spare, leaf.sums.counted, n_threads)
        elif split_small:
            self.count(small, spare, small.sums.counted, n_threads)
        if self.given_up():
            return True
        if split_large:
            large.slot = leaf.slot if leaf.slot >= 0 else other
            if not whole:
                self.count(large, large.slot, large.sums.counted, n_threads)
            self.search_leaf(large_index, self.pool.slots[spare] if whole else NULL, self.pool.slots[large.slot], work,
                             n_threads)
        if split_small:
            if whole and split_large and small.sums.counted != leaf.sums.counted:
                self.count(small, spare, small.sums.counted, n_threads)
            small.slot = spare
            self.search_leaf(small_index, NULL, self.pool.slots[spare], work, n_threads)
        return True
