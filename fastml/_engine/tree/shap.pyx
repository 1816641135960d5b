"""SHAP values and interactions of rows: trees in batches, rows in blocks that are shared among threads.

A batch of trees is made ready (`ShapTrees`) and all rows go through it; a block of rows stays in the cache while the
trees of the batch pass over it. The sums of a row are made in the order of the trees, so the number of threads changes
no bit.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t
from libc.string cimport memset

from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.runtime.tree_kernels cimport K, SHAP_ROWS, shap_tree
from fastml._engine.tree.shap_planes cimport Planes
from fastml._engine.tree.shap_trees cimport ShapTrees

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.flat_trees import flat_trees, n_outputs, used_features

cdef enum:
    BATCH_NODES = 1 << 18      # of the trees that are made ready at once
    MOST_GROUPS = 16           # in a block
    BLOCK_BYTES = 256 << 10    # planes and sums of a block: they stay in the second-level cache
    PAIRS_COST = 3             # of interactions, to the values: more on long paths
    OUTPUTS_AT_ONCE = 8        # of trees with several numbers in a leaf: their work space stays in the cache

cdef double CHECK_STEPS = 2e8     # nodes times points times rows between two looks at the keyboard
cdef double SERIAL_STEPS = 5e4    # for which a second thread does not pay


cdef inline Py_ssize_t aligned(Py_ssize_t n_doubles) noexcept nogil:
    return (n_doubles + 7) // 8 * 8


cdef class _Blocks:
    """One batch of trees over all rows."""

    cdef ShapTrees trees
    cdef Planes rows
    cdef const int32_t[::1] features        # of the columns of sums
    cdef double[:, :, ::1] values           # (n_rows, n_features, n_outputs)
    cdef double[:, :, :, ::1] pairs         # (n_rows, n_features, n_features, n_outputs), or None
    cdef bint with_pairs
    cdef Py_ssize_t n_columns, n_outputs, n_pairs, n_groups
    cdef Py_ssize_t planes_size, sums_size, pairs_size, space_size, room_size   # doubles of a thread
    cdef object memory
    cdef double *room

    cdef int run(self, int n_threads) except -1:
        cdef Py_ssize_t n_rows = self.rows.n_rows, n_planes = self.rows.n_planes, b, start, stop, window, n_blocks
        cdef Py_ssize_t group = SHAP_ROWS * (n_planes + self.n_outputs * (self.n_columns + self.n_pairs))
        cdef double row_work = self.trees.row_steps * self.trees.width * (1 + self.with_pairs * PAIRS_COST)
        cdef double work = row_work * n_rows
        cdef uint8_t[::1] view
        if work < SERIAL_STEPS:
            n_threads = 1
        self.n_groups = BLOCK_BYTES // (8 * group + 1)
        self.n_groups = min(self.n_groups, <Py_ssize_t> MOST_GROUPS,
                            (n_rows + SHAP_ROWS * n_threads - 1) // (SHAP_ROWS * n_threads),
                            <Py_ssize_t> (CHECK_STEPS / (SHAP_ROWS * row_work + 1.0)))
        self.n_groups = max(self.n_groups, <Py_ssize_t> 1)
        self.planes_size = self.n_groups * n_planes * SHAP_ROWS
        self.sums_size = self.n_outputs * self.n_groups * self.n_columns * SHAP_ROWS
        self.pairs_size = self.n_outputs * self.n_groups * self.n_pairs * SHAP_ROWS
        self.space_size = aligned(max(self.trees.space(min(self.trees.width, <Py_ssize_t> OUTPUTS_AT_ONCE)),
                                      self.rows.room(self.n_groups * SHAP_ROWS)))
        self.room_size = self.planes_size + self.sums_size + self.pairs_size + self.space_size
        self.memory = np.empty(n_threads * self.room_size * 8 + 64, dtype=np.uint8)
        view = self.memory
        self.room = <double *> ((<Py_ssize_t> &view[0] + 63) // 64 * 64)
        n_blocks = (n_rows + self.n_groups * SHAP_ROWS - 1) // (self.n_groups * SHAP_ROWS)
        window = max(<Py_ssize_t> n_threads, <Py_ssize_t> (CHECK_STEPS * n_blocks / (work + 1.0)))
        for start in range(0, n_blocks, window):
            check()
            stop = min(n_blocks, start + window)
            if n_threads == 1 or stop - start == 1:
                with nogil:
                    for b in range(start, stop):
                        self.block(b, 0)
            else:
                for b in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    self.block(b, thread_num())
        return 0

    cdef void block(self, Py_ssize_t number, int thread) noexcept nogil:
        cdef Py_ssize_t lo = number * self.n_groups * SHAP_ROWS
        cdef Py_ssize_t n = min(self.n_groups * SHAP_ROWS, self.rows.n_rows - lo)
        cdef Py_ssize_t n_groups = (n + SHAP_ROWS - 1) // SHAP_ROWS, t, k, part, output
        cdef Py_ssize_t sum_step = self.n_groups * self.n_columns * SHAP_ROWS
        cdef Py_ssize_t pair_step = self.n_groups * self.n_pairs * SHAP_ROWS
        cdef double *planes = self.room + thread * self.room_size
        cdef double *sums = planes + self.planes_size
        cdef double *pairs = sums + self.sums_size
        cdef double *space = pairs + self.pairs_size
        cdef double *own_pairs = NULL
        cdef shap_tree tree
        self.rows.fill(lo, n, planes, space)
        memset(sums, 0, (self.sums_size + self.pairs_size) * sizeof(double))
        for t in range(self.trees.n_trees):
            tree = self.trees.prepared[t].tree
            for part in range((self.trees.width + OUTPUTS_AT_ONCE - 1) // OUTPUTS_AT_ONCE):
                k = part * OUTPUTS_AT_ONCE
                output = self.trees.output[t] + k
                if self.with_pairs:
                    own_pairs = pairs + output * pair_step
                K.shap_rows(&tree, planes, self.rows.n_planes, self.n_columns,
                            min(self.trees.width - k, <Py_ssize_t> OUTPUTS_AT_ONCE), n_groups, space,
                            sums + output * sum_step, sum_step, own_pairs, pair_step)
                tree.values += OUTPUTS_AT_ONCE
        self.write_values(lo, n, sums)
        if self.with_pairs:
            self.write_pairs(lo, n, pairs)

    cdef void write_values(self, Py_ssize_t lo, Py_ssize_t n, const double *sums) noexcept nogil:
        cdef Py_ssize_t i, p, k
        cdef const double *own
        for i in range(n):
            for p in range(self.n_columns):
                own = sums + (i // SHAP_ROWS * self.n_columns + p) * SHAP_ROWS + i % SHAP_ROWS
                for k in range(self.n_outputs):
                    self.values[lo + i, self.features[p], k] += own[k * self.n_groups * self.n_columns * SHAP_ROWS]

    cdef void write_pairs(self, Py_ssize_t lo, Py_ssize_t n, const double *pairs) noexcept nogil:
        cdef Py_ssize_t i, p, q, k, f, g
        cdef const double *own
        cdef double half
        for i in range(n):
            for p in range(self.n_columns):
                for q in range(p):
                    own = pairs + (i // SHAP_ROWS * self.n_pairs + p * (p - 1) // 2 + q) * SHAP_ROWS + i % SHAP_ROWS
                    f, g = self.features[p], self.features[q]
                    for k in range(self.n_outputs):
                        half = 0.5 * own[k * self.n_groups * self.n_pairs * SHAP_ROWS]
                        self.pairs[lo + i, f, g, k] += half
                        self.pairs[lo + i, g, f, k] += half


def shap_values(forest, Planes rows not None, Py_ssize_t n_features, bint interactions=False, int n_threads=1,
                owner=None):
    """Sums over the trees of the SHAP values of rows.

    Parameters
    ----------
    forest : Forest or CartForest
    rows : Planes
        Of the forest's `used_features`, in their order.
    n_features : int
        Of the model.
    interactions : bool, default=False
    n_threads : int, default=1
    owner : int32 array of shape (n_forest_features,), optional
        The model's feature behind each feature of the forest, where the forest sees some of them several times.

    Returns
    -------
    values : float64 array of shape (n_rows, n_features, n_outputs)
        Or, of interactions, (n_rows, n_features, n_features, n_outputs): symmetric, each pair's effect in two halves,
        on the diagonal the rest of the feature's SHAP value. Of two classes that share one number in a leaf, the first
        is minus the second.
    expected : float64 array of shape (n_outputs,)
        Sum over trees of their mean values; without the baseline.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C.
    MemoryError
    """
    cdef _Blocks work = _Blocks()
    features, columns = columns_of(forest, rows, owner)
    work.rows, work.features, work.n_outputs = rows, features, n_outputs(forest)
    work.n_columns, work.with_pairs = len(features), interactions
    work.n_pairs = work.n_columns * (work.n_columns - 1) // 2 if interactions else 0
    values = np.zeros((rows.n_rows, n_features, work.n_outputs))
    work.values = values
    pairs = None
    if interactions:
        pairs = np.zeros((rows.n_rows, n_features, n_features, work.n_outputs))
        work.pairs = pairs
    expected = np.zeros(work.n_outputs)
    for trees in batches(forest, columns, interactions, n_threads, expected):
        work.trees = trees
        if rows.n_rows:
            work.run(n_threads)
    if holds_one_of_two(forest):
        values[..., 0] = -values[..., 1]
        if interactions:
            pairs[..., 0] = -pairs[..., 1]
    if interactions:
        diagonal = np.arange(n_features)
        pairs[:, diagonal, diagonal] = values - pairs.sum(axis=2)
        return pairs, expected
    return values, expected


def known_values(forest, Planes rows not None, features, int n_threads=1, owner=None):
    """Sums over trees of the mean value over training rows, of rows of which some features are known.

    Parameters
    ----------
    forest : Forest or CartForest
    rows : Planes
        As for `shap_values`. Values of other features are not looked at.
    features : integer array
        The features of the model that are known.
    n_threads : int, default=1
        For making trees ready.
    owner : int32 array of shape (n_forest_features,), optional
        As for `shap_values`.

    Returns
    -------
    float64 array of shape (n_rows, n_outputs)
        Without the baseline.
    """
    cdef ShapTrees trees
    cdef shap_tree tree
    cdef Py_ssize_t n_columns = n_outputs(forest), n = rows.n_rows, n_planes = rows.n_planes, t, k
    cdef Py_ssize_t n_groups = (n + SHAP_ROWS - 1) // SHAP_ROWS
    cdef double[::1] planes, space
    cdef double[:, ::1] sums
    cdef uint8_t[::1] known
    used, columns = columns_of(forest, rows, owner)
    planes = np.zeros(n_groups * n_planes * SHAP_ROWS + 1)
    space = np.zeros(rows.room(n) + 1)
    if n:
        rows.fill(0, n, &planes[0], &space[0])
    known = np.append(np.isin(used, features), False).astype(np.uint8)
    sums = np.zeros((n_columns, n_groups * SHAP_ROWS + 1))
    expected = np.zeros(n_columns)
    for batch in batches(forest, columns, False, n_threads, expected):
        trees = batch
        space = np.zeros(trees.space(1) + 1)
        for t in range(trees.n_trees):
            check()
            tree = trees.prepared[t].tree
            for k in range(trees.width):
                if tree.n_steps:
                    K.shap_known(&tree, &planes[0], &known[0], n_planes, n_groups, &space[0],
                                 &sums[trees.output[t] + k, 0])
                else:
                    np.asarray(sums)[trees.output[t] + k] += trees.expected[t, k]
                tree.values += 1
    total = np.asarray(sums)[:, :n].T.copy()
    if holds_one_of_two(forest):
        total[:, 0] = forest.n_trees - total[:, 1]
    return total


def expected_values(forest):
    """Sum over trees of their mean values over their training rows, without the baseline.

    Returns
    -------
    float64 array of shape (n_outputs,)
    """
    expected = np.zeros(n_outputs(forest))
    for _ in batches(forest, np.zeros(len(used_features(forest)), dtype=np.int32), False, 1, expected):
        check()
    return expected


def columns_of(forest, Planes rows, owner):
    """The features of the model that the trees split on, and for each of the forest's the number of its own.

    Returns
    -------
    features : int32 array of shape (n_columns,)
    columns : int32 array of shape (n_planes,)
    """
    used = used_features(forest)
    if rows.n_planes != len(used):
        raise ValueError(f"the forest splits on {len(used)} features, rows have {rows.n_planes} planes")
    features, columns = np.unique(used if owner is None else owner[used], return_inverse=True)
    return features.astype(np.int32), columns.astype(np.int32)


def batches(forest, columns, bint with_edges, int n_threads, expected):
    """The trees in batches, ready for explanation; their mean values are added to ``expected``.

    Yields
    ------
    ShapTrees
    """
    cdef Py_ssize_t first = 0, last, k
    arrays = forest.arrays()
    offsets = arrays["node_offsets"] if "node_offsets" in arrays else arrays["tree_offsets"]
    used = used_features(forest)
    planes = np.zeros(int(used.max(initial=0)) + 1, dtype=np.int32)
    planes[used] = np.arange(len(used), dtype=np.int32)
    while first < forest.n_trees:
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + BATCH_NODES, side="right")) - 1)
        flat = flat_trees(forest, first, last)
        trees = ShapTrees(flat, planes, columns, with_edges, n_threads)
        for k in range(trees.width):
            np.add.at(expected, flat["output"] + k, trees.expected[:, k])
        yield trees
        first = last
    if holds_one_of_two(forest):
        expected[0] = forest.n_trees - expected[1]


def holds_one_of_two(forest):
    """Whether leaves hold the share of the second of two classes alone."""
    return getattr(forest, "n_classes", None) == (2,)
