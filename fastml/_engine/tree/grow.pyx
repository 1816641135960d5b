# cython: cdivision=True
"""Growth of one tree on packed gradients: what is accumulated, the root, and the rows of the leaves afterwards.

How one leaf is split is ``trial``, in which order leaves are is ``turns``.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from fastml._engine.runtime.tree_kernels cimport K, GradientStats, Packed
from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.gradient cimport gradient_stats, pack_gradients, raise_gradient_status
from fastml._engine.tree.histogram cimport COUNTED, OUTPUTS, HistogramLayout
from fastml._engine.tree.shared_roots cimport SharedRoots
from fastml._engine.tree.split cimport mix
from fastml._engine.tree.turns cimport Turns

cdef enum:
    ROWS_PER_TASK = 16384    # when leaf values are added to the scores
    UNTRIED = -1             # Leaf.left before its split has been tried
    SHARED_ROWS = 8192       # least number of rows of which roots are counted together

cdef int64_t SHARED_BYTES = 64 << 20  # that their histograms may take


cdef inline uint64_t tree_key(seed):
    """Seeds the rounding of gradients and what is drawn in a tree."""
    return mix(<uint64_t> (seed & 0xFFFFFFFFFFFFFFFF) + 0x9E3779B97F4A7C15u)


cdef class Grower(Turns):
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

    # ---- the whole tree ---------------------------------------------------------------------------------------------

    def grow(self, const float[::1] g not None, h=None, seed=0, rows=None, features=None, weights=None, stats=None):
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
        stats : tuple of float, optional
            What `fill_gradients` returned for just these g and h; computed here when not given. Not with ``rows``.

        Returns
        -------
        dict of arrays
            The node fields of `Forest`, values being Newton steps, and ``category_sets``.
        """
        cdef const uint32_t *chosen = NULL
        cdef Packed packed
        self.set_features(features)
        self.rows.start(rows)
        if rows is not None:
            chosen, stats = self.rows.rows[0], None
        self.pack(g, h, seed, chosen, self.rows.n, stats, self.rows.gh[0], &packed)
        return self.grow_packed(&packed, h is None or self.constant_hessian, seed, weights, -1)

    cdef pack(self, const float[::1] g, h, seed, const uint32_t *rows, Py_ssize_t n, stats, uint32_t *gh,
              Packed *packed):
        """Packed gradients of n rows (``rows``, or all when NULL)."""
        cdef const float[::1] hessian
        cdef const float *h_p = NULL
        cdef GradientStats known
        cdef int status = 0
        cdef bint given = stats is not None
        if g.shape[0] != self.binned.n_rows:
            raise ValueError(f"g has {g.shape[0]} entries, expected one per row ({self.binned.n_rows})")
        if h is not None and not self.constant_hessian:
            hessian = h
            if hessian.shape[0] != self.binned.n_rows:
                raise ValueError(f"h has {hessian.shape[0]} entries, expected one per row ({self.binned.n_rows})")
            h_p = &hessian[0]
        if given:
            known.max_abs_g, known.max_h, known.min_h, known.sum_abs_g, known.sum_h = stats
        cdef uint64_t key = tree_key(seed)
        with nogil:
            if not given:
                status = gradient_stats(&g[0], h_p, n, rows, self.n_threads, &known)
            if status == 0:
                status = pack_gradients(&g[0], h_p, n, rows, key, &known, self.n_threads, gh, packed)
        raise_gradient_status(status)

    cdef grow_packed(self, const Packed *packed, bint constant, seed, weights, int shared):
        """Grows a tree on the packed gradients. shared: the root whose histogram there is; -1: it is counted."""
        cdef const double[::1] weight
        cdef Py_ssize_t n = self.rows.n
        cdef Leaf *root
        self.search.weights = NULL
        if weights is not None and self.min_weight > 0:
            weight = weights
            self.search.weights = &weight[0]
        self.search.seed = self.columns.seed = tree_key(seed)
        self.set_scales(packed, constant)
        self.front.clear()
        self.tree.n_nodes = self.tree.n_sets = 0
        self.reserve(1)
        root = self.front.leaves
        self.front.n_leaves = 1
        memset(root, 0, sizeof(Leaf))
        root.n = root.sums.n_rows = n
        root.left = root.right = root.slot = -1
        root.path = 1
        root.sums.min_h, root.sums.counted = self.min_h, self.counts_rows and n <= COUNTED
        root.sums.g, root.sums.h = packed.sum_g, packed.sum_h
        root.sums.lower, root.sums.upper = -np.inf, np.inf
        root.sums.value = 0.0
        # a root has no parent to be pulled to
        smooth = self.search.params.path_smooth
        self.search.params.path_smooth = 0.0
        root.sums.value = K.split_leaf_value(&self.search.params, &root.sums, root.sums.g, root.sums.h, n, 0)
        self.search.params.path_smooth = smooth
        root.split.gain = -1.0
        root.priority = INFINITY
        self.columns.open_root()
        self.add_node(0)
        if self.max_leaves > 1 and self.layout.n_features > 0 and self.can_split(root):
            root.slot = self.take_slot()
            if root.slot < 0:
                raise MemoryError()
            with nogil:
                if shared < 0:
                    self.count(root, root.slot, root.sums.counted, self.n_threads)
                else:
                    self.roots.exchange_cells(shared, self.pool.slots + root.slot)
                self.search_leaf(0, NULL, self.pool.slots[root.slot], self.work, self.n_threads)
            if root.split.gain > 0:
                self.front.push(&self.front.queue, 0)
            self.grow_leaves()
            self.gather_rows()
        tree = self.tree.arrays(self.edges)
        self.leaf_nodes = np.flatnonzero(tree["feature"] < 0).astype(np.int32)
        return tree

    # ---- trees whose roots are counted together --------------------------------------------------------------------

    def outputs_together(self, int n_outputs):
        """How many of a round's trees, on all rows and features, are to have their roots counted together.

        Parameters
        ----------
        n_outputs : int
            Trees of the round.

        Returns
        -------
        int
            1: none.
        """
        if self.binned.n_rows < SHARED_ROWS:
            return 1
        self.set_features(None)
        if self.layout.n_features == 0 or self.pool.cells * OUTPUTS * <int64_t> sizeof(int64_t) > SHARED_BYTES:
            return 1
        return min(n_outputs, <int> OUTPUTS)

    def share_root(self, int k, const float[::1] g not None, h, seed, stats):
        """Take the gradients of the k-th of the trees that are grown together. Parameters as of `grow`."""
        if not 0 <= k < OUTPUTS:
            raise IndexError(f"root {k} of {OUTPUTS}")
        if self.roots is None:
            self.roots = SharedRoots(self.binned.n_rows)
        self.pack(g, h, seed, NULL, self.binned.n_rows, stats, self.roots.gh[k], &self.roots.packed[k])
        self.roots.constant[k] = h is None or self.constant_hessian

    def count_roots(self, int n_outputs):
        """Count the roots of the first n_outputs trees that `share_root` has taken gradients of."""
        if self.roots is None or not 0 < n_outputs <= OUTPUTS:
            raise IndexError(f"{n_outputs} roots of {OUTPUTS}")
        self.set_features(None)
        self.roots.reserve(self.layout, self.pool.cells, self.n_threads)
        with nogil:
            self.roots.count(self.layout, self.binned.n_rows, n_outputs, self.n_threads)

    def grow_shared(self, int k, seed=0, weights=None):
        """Grow the k-th tree after `count_roots`, once: the tree that `grow` gives for the same gradients and seed.

        Returns
        -------
        dict of arrays
        """
        if self.roots is None or not 0 <= k < self.roots.n_counted:
            raise IndexError(f"root {k} has not been counted")
        self.set_features(None)
        self.rows.start(None)
        self.roots.exchange_gradients(k, self.rows.gh)
        return self.grow_packed(&self.roots.packed[k], self.roots.constant[k], seed, weights, k)

    cdef set_features(self, features):
        """The active features; their layout is kept from tree to tree while they stay the same."""
        key = None if features is None else bytes(memoryview(features).cast("B"))
        if self.layout is None or key != self.features_key:
            self.layout = HistogramLayout(self.binned, features)
            self.features_key = key
            self.search.layout = self.layout
        # a matrix whose rows have been reordered may have moved
        self.layout.refresh(self.n_threads)
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
        self.min_h = max(<int64_t> 1, least, self.min_rows * <int64_t> packed.min_hq)
        # where hessians differ, the search cannot tell rows from their sum, and would find what is not lawful; limits
        # on weights and path smoothing need more than the number of rows
        self.counts_rows = not (constant or self.min_rows == 1 or self.min_weight > 0 or self.search.exact_first)

    # ---- the rows of the last tree's leaves -------------------------------------------------------------------------

    cdef gather_rows(self):
        """Makes the rows of every leaf of the tree whole again.

        A split that was tried in vain has copied the leaf's rows elsewhere, but splits below it may have been tried
        and have written over a part of them. What lies in the untried leaves below is intact: taken together, the
        rows of the leaf. They are put in order when somebody asks for it.
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
            if not (self.front.leaves[leaf.left].moved or self.front.leaves[leaf.right].moved):
                leaf.left = leaf.right = UNTRIED
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
            if leaf.depth == 0 and self.rows.implicit_root:
                continue
            own = self.rows.rows[leaf.buffer] + leaf.start
            memcpy(own, &rows[0], leaf.n * sizeof(uint32_t))
            leaf.left = leaf.right = UNTRIED
            leaf.shuffled = True

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
        if leaf.shuffled:
            np.asarray(found).sort()
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
                if leaf.shuffled:
                    np.asarray(order[leaf.start:leaf.start + leaf.n]).sort()
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
