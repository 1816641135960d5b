# cython: cdivision=True
"""Growth of one tree: the only grower of the library.

A leaf's split is *tried* (rows moved to two children, their histograms built and searched) before it becomes final.
Trying is where the time goes, and a trial changes nothing outside its own range of rows, so several leaves are tried at
once, also below splits that are not final yet; splits then become final strictly in the order of the queue. A leaf
tried in vain stays a leaf. The tree is therefore the one that a single thread grows, on any number of threads.

Large nodes are tried one at a time with all threads inside each stage; small ones one per thread.
"""

import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, int8_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset

from fastml._engine.runtime.interrupt cimport check
from fastml._engine.runtime.kernels cimport K, GradientStats, Packed, partition_rule
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.columns cimport ColumnChoice
from fastml._engine.tree.frontier cimport Frontier, Leaf
from fastml._engine.tree.gradient cimport gradient_stats, pack_gradients, raise_gradient_status
from fastml._engine.tree.histogram cimport HistogramLayout, HistogramPool, build_histogram
from fastml._engine.tree.partition cimport PARTITION_BLOCK, mask_rows, move_rows
from fastml._engine.tree.rows cimport NodeRows
from fastml._engine.tree.split cimport SplitSearch, mix
from fastml._engine.tree.tree cimport TreeBuilder

cdef enum:
    LARGE_NODE = 16384       # rows from which all threads work on one node
    ALONE_NODE = 4096        # the same, when there is no other node to work on
    LEAVES_PER_THREAD = 4    # small leaves tried at once, per thread
    ROWS_PER_TASK = 16384    # when leaf values are added to the scores
    UNTRIED = -1             # Leaf.left before its split has been tried
    CHOSEN = -2              # and while it is being tried

cdef class Grower:
    """Grows trees on one binned matrix.

    Parameters
    ----------
    binned : BinnedMatrix
    edges : list of float64 arrays, optional
        Bin edges per feature (``BinMapper.edges_``): fills the trees' thresholds.
    n_threads : int
    max_leaf_nodes, max_depth : int, optional
        None: no limit.
    growth : {"leaf", "level"}
        Best leaf first, or level by level.
    min_samples_leaf : int
    min_weight_leaf : float
        Least sum of sample weights (``weights`` of `grow`) in a leaf.
    min_sum_hessian, min_split_gain, l1, l2, max_delta_step, path_smooth : float
        In the units of the gradients; path_smooth as in LightGBM: a leaf of n rows keeps the share
        n / (n + path_smooth) of its own output and takes the rest from its parent.
    cat_smooth, cat_l2, max_cat_onehot : see ``src_c/tree/split.h``
    monotonic_cst : int8 array of shape (n_features,), optional
    interaction_cst : list of sets of int, optional
        A branch may only use features of one of the sets.
    colsample_bylevel, colsample_bynode : float in (0, 1]
    extra_random : bool
        One random threshold per feature and node instead of the best one.
    constant_hessian : bool
        Every row's hessian is 1.

    Attributes
    ----------
    leaf_nodes : int32 array of shape (n_leaves,)
        Numbers of the last tree's leaves, ascending.
    """

    def __cinit__(self, BinnedMatrix binned not None, *, edges=None, int n_threads=1, max_leaf_nodes=31,
                  max_depth=None, growth="leaf", int64_t min_samples_leaf=20, double min_weight_leaf=0.0,
                  double min_sum_hessian=1e-3, double min_split_gain=0.0, double l1=0.0, double l2=0.0,
                  double max_delta_step=0.0, double path_smooth=0.0, double cat_smooth=10.0, double cat_l2=10.0,
                  int max_cat_onehot=4, monotonic_cst=None, interaction_cst=None, double colsample_bylevel=1.0,
                  double colsample_bynode=1.0, bint extra_random=False, bint constant_hessian=False):
        cdef int t
        cdef int8_t[::1] monotone
        cdef uint8_t[::1] categorical
        cdef Py_ssize_t n = binned.n_rows
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
            # thread 0's also serves large nodes, which it tries alone with the others inside each stage
            room = n if t == 0 else min(n, <Py_ssize_t> LARGE_NODE)
            self.work[t].mask = <uint64_t *> malloc((room // 64 + 2) * sizeof(uint64_t))
            self.work[t].block_left = <int64_t *> malloc((room // PARTITION_BLOCK + 3) * sizeof(int64_t))
            self.work[t].candidates = <split_candidate *> malloc((binned.n_features + 1) * sizeof(split_candidate))
            self.work[t].allowed = <uint8_t *> malloc(binned.n_features + 1)
            self.work[t].draw = <int32_t *> malloc((binned.n_features + 1) * sizeof(int32_t))
            if not (self.work[t].mask and self.work[t].block_left and self.work[t].candidates
                    and self.work[t].allowed and self.work[t].draw):
                raise MemoryError()
        self.leaf_nodes = np.empty(0, dtype=np.int32)

    def __dealloc__(self):
        cdef int t
        if self.work != NULL:
            for t in range(self.n_threads):
                free(self.work[t].mask)
                free(self.work[t].block_left)
                free(self.work[t].candidates)
                free(self.work[t].allowed)
                free(self.work[t].draw)
        free(self.work)
        free(self.scratch)

    # ---- memory ---------------------------------------------------------------------------------------------------

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for so many more leaf records and tree nodes; pointers to them change here only."""
        # every record may become a node
        self.tree.reserve(self.front.n_leaves + more - self.tree.n_nodes)
        self.front.reserve(more)
        return self.columns.reserve(self.front.room)

    cdef int32_t take_slot(self) except -1:
        """A histogram to write into; when there is no more room, the least promising open leaf's."""
        cdef int32_t slot, worst
        if self.pool.full():
            worst = self.front.worst_with_histogram()
            if worst >= 0:
                slot = self.front.leaves[worst].slot
                self.front.leaves[worst].slot = -1
                return slot
        return self.pool.take()

    # ---- one leaf ---------------------------------------------------------------------------------------------------

    cdef bint can_split(self, const Leaf *leaf) noexcept nogil:
        return (leaf.sums.n_rows >= 2 * self.min_rows and leaf.sums.h >= 2 * self.search.params.min_h
                and leaf.depth < self.max_depth)

    cdef void count(self, const Leaf *leaf, int32_t slot, int n_threads) noexcept nogil:
        """Builds the histogram of a leaf."""
        build_histogram(self.layout, self.rows.of(leaf), 0, self.rows.gh_of(leaf), leaf.n, self.pool.slots[slot],
                        self.scratch, n_threads)

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
        child.checked = False
        child.path = mix(parent.path * 2 + <uint64_t> side + 1)
        child.split.gain = -1.0
        child.sums.lower, child.sums.upper = parent.sums.lower, parent.sums.upper
        child.sums.n_rows = child.n
        child.sums.g = parent.split.g_left if side == 0 else parent.sums.g - parent.split.g_left
        child.sums.h = parent.split.h_left if side == 0 else parent.sums.h - parent.split.h_left
        child.sums.value = K.split_leaf_value(&self.search.params, &parent.sums, child.sums.g, child.sums.h, child.n)

    cdef void try_split(self, int32_t index, int32_t spare, int32_t other, bint search_children, Workspace *work,
                        int n_threads) noexcept nogil:
        """Moves the rows of a leaf to its two children, builds their histograms and searches them.

        spare: a histogram for the smaller child; other: one for the larger child when the leaf has none itself, else
        -1. When the split turns out to break a limit, nothing is moved and the leaf has its best lawful split instead.
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
        cdef bint split_small, split_large
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
            leaf.left = leaf.right = -1
            if leaf.checked:
                leaf.split.gain = -1.0
                return
            if leaf.slot < 0:
                self.count(leaf, spare, 1)
            self.search.find_exact(self.pool.slots[leaf.slot if leaf.slot >= 0 else spare], &leaf.sums,
                                   self.columns.allowed(self.layout, index, leaf, work.allowed, work.draw), leaf.path,
                                   rows, work.candidates, &leaf.split)
            leaf.checked = True
            if leaf.split.gain <= self.min_split_gain:
                leaf.split.gain = -1.0
            return
        if leaf.split.categorical and not leaf.split.any_missing and 2 * n_left > leaf.n:
            leaf.split.set[0] |= 1
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
        if not search_children:
            return
        small_index, large_index = (leaf.left, leaf.right) if left.n <= right.n else (leaf.right, leaf.left)
        small, large = self.front.leaves + small_index, self.front.leaves + large_index
        split_small, split_large = self.can_split(small), self.can_split(large)
        if not (split_small or split_large):
            return
        if split_small or leaf.slot >= 0:
            self.count(small, spare, n_threads)
        if split_large:
            if leaf.slot >= 0:
                large.slot = leaf.slot
                self.search_leaf(large_index, self.pool.slots[spare], self.pool.slots[large.slot], work, n_threads)
            else:
                large.slot = other
                self.count(large, other, n_threads)
                self.search_leaf(large_index, NULL, self.pool.slots[other], work, n_threads)
        if split_small:
            small.slot = spare
            self.search_leaf(small_index, NULL, self.pool.slots[spare], work, n_threads)

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

    # ---- the whole tree ---------------------------------------------------------------------------------------------

    def grow(self, const float[::1] g not None, h=None, seed=0, rows=None, features=None, weights=None):
        """Grow one tree.

        Parameters
        ----------
        g : float32 array of shape (n_rows,)
            Gradient of the loss by row.
        h : float32 array of shape (n_rows,), optional
            Hessian by row; not given: 1.
        seed : int
            Seeds the rounding and what is drawn at random.
        rows : uint32 array, optional
            Rows to use, ascending; all when not given.
        features : int32 array, optional
            Features to use, ascending; all when not given.
        weights : float64 array of shape (n_rows,), optional
            Sample weights, for ``min_weight_leaf``.

        Returns
        -------
        dict of arrays
            The node fields of `Forest`, values being Newton steps, and ``category_sets``.
        """
        cdef const float[::1] hessian
        cdef const float *h_p = NULL
        cdef const double[::1] weight
        cdef const uint32_t *rows_p = NULL
        cdef GradientStats stats
        cdef Packed packed
        cdef Py_ssize_t n = self.binned.n_rows
        cdef int status
        cdef Leaf *root
        if g.shape[0] != n:
            raise ValueError(f"g has {g.shape[0]} entries, expected one per row ({n})")
        if h is not None and not self.constant_hessian:
            hessian = h
            if hessian.shape[0] != n:
                raise ValueError(f"h has {hessian.shape[0]} entries, expected one per row ({n})")
            h_p = &hessian[0]
        self.search.weights = NULL
        if weights is not None and self.min_weight > 0:
            weight = weights
            self.search.weights = &weight[0]
        self.set_features(features)
        cdef uint64_t start = <uint64_t> (seed & 0xFFFFFFFFFFFFFFFF)
        self.search.seed = self.columns.seed = mix(start + 0x9E3779B97F4A7C15u)
        self.rows.start(rows)
        n = self.rows.n
        if not self.rows.implicit_root:
            rows_p = self.rows.rows[0]
        with nogil:
            status = gradient_stats(&g[0], h_p, n, rows_p, self.n_threads, &stats)
            if status == 0:
                status = pack_gradients(&g[0], h_p, n, rows_p, self.search.seed, &stats, self.n_threads,
                                        self.rows.gh[0], &packed)
        raise_gradient_status(status)
        self.set_scales(&packed, h_p == NULL)
        self.front.clear()
        self.tree.n_nodes = self.tree.n_sets = 0
        self.reserve(1)
        root = self.front.leaves
        self.front.n_leaves = 1
        memset(root, 0, sizeof(Leaf))
        root.n = root.sums.n_rows = n
        root.left = root.right = root.slot = -1
        root.path = 1
        root.sums.g, root.sums.h = packed.sum_g, packed.sum_h
        root.sums.lower, root.sums.upper = -np.inf, np.inf
        root.sums.value = 0.0
        # a root has no parent to be pulled to
        smooth = self.search.params.path_smooth
        self.search.params.path_smooth = 0.0
        root.sums.value = K.split_leaf_value(&self.search.params, &root.sums, root.sums.g, root.sums.h, n)
        self.search.params.path_smooth = smooth
        root.split.gain = -1.0
        root.priority = INFINITY
        self.columns.open_root()
        self.add_node(0)
        if self.max_leaves > 1 and self.layout.n_features > 0 and self.can_split(root):
            root.slot = self.take_slot()
            with nogil:
                self.count(root, root.slot, self.n_threads)
                self.search_leaf(0, NULL, self.pool.slots[root.slot], self.work, self.n_threads)
            if root.split.gain > 0:
                self.front.push(&self.front.queue, 0)
            self.grow_leaves()
            self.gather_rows()
        tree = self.tree.arrays(self.edges)
        self.leaf_nodes = np.flatnonzero(tree["feature"] < 0).astype(np.int32)
        return tree

    cdef set_features(self, features):
        """The active features; their layout is kept from tree to tree while they stay the same."""
        key = None if features is None else bytes(memoryview(features).cast("B"))
        if self.layout is None or key != self.features_key:
            self.layout = HistogramLayout(self.binned, features)
            self.features_key = key
            self.search.layout = self.layout
        # a matrix whose rows have been reordered may have moved
        self.layout.refresh()
        self.search.columns = self.binned.columns
        self.pool.resize(self.layout.n_cells)
        cdef Py_ssize_t cells = self.pool.cells * (self.n_threads - 1)
        if cells > self.scratch_cells:
            free(self.scratch)
            self.scratch = <int64_t *> malloc(cells * sizeof(int64_t))
            self.scratch_cells = cells if self.scratch != NULL else 0
            if self.scratch == NULL:
                raise MemoryError()

    cdef set_scales(self, const Packed *packed, bint constant):
        """Limits in fixed point. A child of min_rows rows has at least min_rows * min_hq: below it none can be."""
        cdef int64_t least = <int64_t> np.ceil(min(self.min_sum_hessian * packed.scale_h, 2.0**62))
        self.search.params.scale_g, self.search.params.scale_h = packed.scale_g, packed.scale_h
        self.search.params.min_h = max(<int64_t> 1, least, self.min_rows * <int64_t> packed.min_hq)

    cdef grow_leaves(self):
        cdef int32_t leaf
        cdef Py_ssize_t room = LEAVES_PER_THREAD * self.n_threads, n_todo, i
        cdef int32_t[::1] todo = np.empty(room, dtype=np.int32)
        cdef int32_t[::1] spare = np.empty(room, dtype=np.int32)
        cdef int32_t[::1] other = np.empty(room, dtype=np.int32)
        cdef int64_t n_final = 1, rows_since_check = 0
        cdef bint search_children
        while True:
            while (self.front.queue.n and n_final < self.max_leaves
                    and self.front.leaves[self.front.queue.records[0]].left >= 0):
                self.commit(self.front.pop(&self.front.queue))
                n_final += 1
            if self.front.queue.n == 0 or n_final >= self.max_leaves:
                return
            n_todo = self.choose_leaves(&todo[0], min(<int64_t> room, self.max_leaves - n_final))
            self.reserve(2 * n_todo)
            search_children = n_final + 1 < self.max_leaves
            for i in range(n_todo):
                leaf = todo[i]
                self.front.leaves[leaf].left = <int32_t> self.front.n_leaves
                self.front.leaves[leaf].right = <int32_t> self.front.n_leaves + 1
                self.front.n_leaves += 2
                spare[i] = self.take_slot()
                other[i] = self.take_slot() if self.front.leaves[leaf].slot < 0 else -1
                rows_since_check += self.front.leaves[leaf].n
            self.try_leaves(&todo[0], &spare[0], &other[0], n_todo, search_children)
            for i in range(n_todo):
                self.settle(todo[i], spare[i], other[i])
            if rows_since_check > 4000000:
                rows_since_check = 0
                check()

    cdef Py_ssize_t choose_leaves(self, int32_t *todo, Py_ssize_t most) noexcept nogil:
        """The leaf whose turn it is, and for the other threads those that are likely to have theirs soon."""
        cdef int32_t leaf
        cdef Py_ssize_t n = 1
        todo[0] = self.front.queue.records[0]
        self.front.leaves[todo[0]].left = CHOSEN
        if self.n_threads == 1 or self.front.leaves[todo[0]].n >= LARGE_NODE:
            return n
        while self.front.ahead.n and n < most:
            leaf = self.front.pop(&self.front.ahead)
            # large ones are left for when their turn comes: all threads work on them together
            if self.front.leaves[leaf].left == UNTRIED and self.front.leaves[leaf].n < LARGE_NODE:
                self.front.leaves[leaf].left = CHOSEN
                todo[n] = leaf
                n += 1
        return n

    cdef try_leaves(self, const int32_t *todo, const int32_t *spare, const int32_t *other, Py_ssize_t n,
                    bint search_children):
        cdef Py_ssize_t i
        with nogil:
            if n == 1 or self.n_threads == 1:
                for i in range(n):
                    self.try_split(todo[i], spare[i], other[i], search_children, self.work,
                                   self.n_threads if self.front.leaves[todo[i]].n >= ALONE_NODE else 1)
            else:
                for i in prange(n, num_threads=self.n_threads, schedule="dynamic", chunksize=1):
                    self.try_split(todo[i], spare[i], other[i], search_children, self.work + threadid(), 1)

    cdef void settle(self, int32_t index, int32_t spare, int32_t other) noexcept nogil:
        """After a trial: histograms that nobody took are free again, the children may be tried next."""
        cdef Leaf *leaf = self.front.leaves + index
        cdef bint own = False, first = False, second = False
        cdef int32_t side, slot, child
        if leaf.left < 0:  # the split was not lawful: the leaf keeps its histogram and has another split, or none
            self.pool.release(spare)
            self.pool.release(other)
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

    # ---- the rows of the last tree's leaves -------------------------------------------------------------------------

    cdef gather_rows(self):
        """Makes the rows of every leaf of the tree whole again.

        Below a split that was tried in vain others may have been tried, and have written over a part of the leaf's
        rows. What lies in the untried leaves below it is intact: taken together and sorted, the rows of the leaf.
        """
        cdef Py_ssize_t i
        cdef int64_t first
        cdef int32_t record
        cdef Leaf *leaf
        cdef uint32_t[::1] rows
        cdef uint32_t *own
        for i in range(self.tree.n_nodes):
            if self.tree.nodes[i].leaf < 0:
                continue
            leaf = self.front.leaves + self.tree.nodes[i].leaf
            if leaf.left < 0:
                continue
            below, rows, first = [leaf.left, leaf.right], np.empty(leaf.n, dtype=np.uint32), 0
            while below:
                record = below.pop()
                if self.front.leaves[record].left >= 0:
                    below += [self.front.leaves[record].left, self.front.leaves[record].right]
                else:
                    memcpy(&rows[first], self.rows.of(self.front.leaves + record),
                           self.front.leaves[record].n * sizeof(uint32_t))
                    first += self.front.leaves[record].n
            np.asarray(rows).sort()
            if leaf.depth == 0 and self.rows.implicit_root:
                continue
            own = self.rows.rows[leaf.buffer] + leaf.start
            memcpy(own, &rows[0], leaf.n * sizeof(uint32_t))
            leaf.left = leaf.right = UNTRIED

    cdef const Leaf *leaf_of_node(self, int32_t node) noexcept nogil:
        return self.front.leaves + self.tree.nodes[node].leaf

    def leaf_rows(self, Py_ssize_t k):
        """Rows of leaf ``leaf_nodes[k]``, ascending.

        Returns
        -------
        uint32 array
        """
        if not 0 <= k < len(self.leaf_nodes):
            raise IndexError(f"leaf {k} of {len(self.leaf_nodes)}")
        cdef const Leaf *leaf = self.leaf_of_node(self.leaf_nodes[k])
        cdef const uint32_t *rows = self.rows.of(leaf)
        cdef uint32_t[::1] found
        if rows == NULL:
            return np.arange(leaf.n, dtype=np.uint32)
        found = np.empty(leaf.n, dtype=np.uint32)
        memcpy(&found[0], rows, leaf.n * sizeof(uint32_t))
        return np.asarray(found)

    def row_order(self):
        """All rows of the last tree, leaf after leaf from left to right: neighbours in it are alike.

        Returns
        -------
        uint32 array of shape (n_rows,)
        """
        cdef uint32_t[::1] order = np.arange(self.rows.n, dtype=np.uint32)
        cdef const Leaf *leaf
        cdef const uint32_t *rows
        for node in self.leaf_nodes:
            leaf = self.leaf_of_node(node)
            rows = self.rows.of(leaf)
            if rows != NULL:
                memcpy(&order[leaf.start], rows, leaf.n * sizeof(uint32_t))
        return np.asarray(order)

    def add_leaf_values(self, const double[::1] values not None, double[::1] raw not None):
        """raw[rows of leaf k] += values[k] for every leaf of the last tree.

        Parameters
        ----------
        values : float64 array of shape (n_leaves,)
        raw : float64 array of shape (n_rows,)
        """
        cdef const int32_t[::1] leaf_nodes = self.leaf_nodes
        cdef Py_ssize_t k, n = leaf_nodes.shape[0]
        cdef int64_t task, first, n_tasks = 0
        if values.shape[0] != n:
            raise ValueError(f"values has {values.shape[0]} entries, expected one per leaf ({n})")
        if raw.shape[0] != self.binned.n_rows:
            raise ValueError(f"raw has {raw.shape[0]} entries, expected one per row ({self.binned.n_rows})")
        # tasks of at most ROWS_PER_TASK rows: (leaf, first row)
        cdef int64_t[:, ::1] tasks = np.empty((self.rows.n // ROWS_PER_TASK + n + 1, 2), dtype=np.int64)
        for k in range(n):
            first = 0
            while first < self.leaf_of_node(leaf_nodes[k]).n:
                tasks[n_tasks, 0], tasks[n_tasks, 1] = k, first
                n_tasks += 1
                first += ROWS_PER_TASK
        cdef int threads = self.n_threads if self.rows.n >= 2 * ROWS_PER_TASK else 1
        with nogil:
            if threads == 1:
                for task in range(n_tasks):
                    self.add_value(leaf_nodes[tasks[task, 0]], tasks[task, 1], values[tasks[task, 0]], &raw[0])
            else:
                for task in prange(n_tasks, num_threads=threads, schedule="dynamic", chunksize=1):
                    self.add_value(leaf_nodes[tasks[task, 0]], tasks[task, 1], values[tasks[task, 0]], &raw[0])

    cdef void add_value(self, int32_t node, int64_t first, double value, double *raw) noexcept nogil:
        cdef const Leaf *leaf = self.leaf_of_node(node)
        self.rows.add_value(leaf, first, min(leaf.n, first + ROWS_PER_TASK), value, raw)
