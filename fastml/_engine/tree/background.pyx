"""SHAP values of rows against a background set: trees in batches whose tables stay in the cache, rows in chunks.

Of a batch of trees the background is counted tree by tree, the tables are made leaf by leaf, and then the rows look
into them group by group: each of the three is shared among threads. The sums of a row are made in the order of the
trees, so the number of threads changes no bit.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.string cimport memset

from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.runtime.tree_kernels cimport (
    BACKGROUND_TABLE, BACKGROUND_WALK, K, SHAP_ROWS, background_fork, background_leaf, background_room,
)
from fastml._engine.tree.background_trees cimport BackgroundTrees, Plan
from fastml._engine.tree.shap_planes cimport Planes
from fastml._engine.tree.shap_trees cimport ShapTrees

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.flat_trees import n_outputs
from fastml._engine.tree.shap import batches, columns_of, holds_one_of_two
from fastml._engine.tree.shap_trees import rule

cdef enum:
    TABLE_BYTES = 1 << 20      # of the tables of some trees: they stay in the second-level cache, nearly
    CHUNK_BYTES = 64 << 20     # planes and sums of rows

cdef double CHECK_NS = 1e8        # between two looks at the keyboard
cdef double SERIAL_NS = 3e4       # for which a second thread does not pay


cdef class _Threads:
    """Work space of each thread."""

    cdef Py_ssize_t size
    cdef object memory
    cdef uint8_t *first

    def __init__(self, n_threads, size):
        cdef uint8_t[::1] view
        self.size = (size + 63) // 64 * 64
        self.memory = np.zeros(n_threads * self.size + 64, dtype=np.uint8)
        view = self.memory
        self.first = <uint8_t *> ((<Py_ssize_t> &view[0] + 63) // 64 * 64)

    cdef uint8_t *of(self, int thread) noexcept nogil:
        return self.first + thread * self.size


cdef class _Work:
    """One batch of trees, the background, and a chunk of rows."""

    cdef BackgroundTrees plan
    cdef ShapTrees trees
    cdef Planes rows
    cdef const int32_t[::1] features
    cdef double[:, :, ::1] values        # (n_rows, n_features, n_outputs)
    cdef double[::1] others              # planes of the background
    cdef double[::1] planes, sums        # of the chunk: (n_groups, n_planes, .), (n_groups, n_outputs, n_columns, .)
    cdef double[::1] counts, tables, inverse
    cdef int64_t[::1] leaves             # of the trees of a part: tree, 2 node + side
    cdef list rules
    cdef const double *points[16]
    cdef const double *weights[16]
    cdef Py_ssize_t n_planes, n_columns, n_outputs, n_others, forks_at, chosen_at, lo, n
    cdef _Threads threads
    cdef int n_threads

    def __init__(self, int n_threads):
        cdef const double[::1] points, weights
        self.n_threads = n_threads
        self.rules = [rule(k) for k in range(1, 16)]
        for k in range(1, 16):
            points, weights = self.rules[k - 1]
            self.points[k], self.weights[k] = &points[0], &weights[0]

    cdef int open(self, ShapTrees trees, BackgroundTrees plan) except -1:
        """Work space for a batch."""
        cdef Py_ssize_t most, width = trees.width, n_doubles
        self.trees, self.plan = trees, plan
        most = plan.most_features()
        n_doubles = max(<Py_ssize_t> BACKGROUND_WALK(plan.most_levels()),
                        <Py_ssize_t> BACKGROUND_TABLE(plan.most_in_tables()),
                        self.rows.room(SHAP_ROWS), 2 * width * (most + 1))
        self.forks_at = 8 * n_doubles
        self.chosen_at = self.forks_at + most * sizeof(background_fork)
        self.threads = _Threads(self.n_threads, self.chosen_at + self.n_columns)
        self.inverse = np.append(0.0, 1.0 / np.arange(1, most + 2))
        return 0

    cdef int explain(self, Py_ssize_t lo, Py_ssize_t n) except -1:
        """Rows [lo, lo + n) by all trees of the batch."""
        cdef Py_ssize_t first = 0, last, g, n_groups = (n + SHAP_ROWS - 1) // SHAP_ROWS
        cdef int64_t total
        cdef int n_threads = self.n_threads
        self.lo, self.n = lo, n
        memset(&self.sums[0], 0, n_groups * self.n_outputs * self.n_columns * SHAP_ROWS * sizeof(double))
        for g in prange(n_groups, nogil=True, num_threads=n_threads, schedule="static"):
            self.fill(g)
        while first < self.trees.n_trees:
            check()
            total, last = 0, first
            while last < self.trees.n_trees:
                total += self.plan.plans[last].n_counts
                if last > first and total * 16 > TABLE_BYTES:
                    break
                last += 1
            self.tabulate(first, last)
            self.look_up(first, last)
            first = last
        for g in prange(n_groups, nogil=True, num_threads=n_threads, schedule="static"):
            self.write(g)
        return 0

    cdef void fill(self, Py_ssize_t g) noexcept nogil:
        cdef Py_ssize_t n = min(<Py_ssize_t> SHAP_ROWS, self.n - g * SHAP_ROWS)
        self.rows.fill(self.lo + g * SHAP_ROWS, n, &self.planes[g * self.n_planes * SHAP_ROWS],
                       <double *> self.threads.of(thread_num()))

    cdef int tabulate(self, Py_ssize_t first, Py_ssize_t last) except -1:
        """Tables of trees [first, last)."""
        cdef Py_ssize_t t, i, n_leaves = 0
        cdef int64_t n_counts = 0
        cdef int side, n_threads = self.n_threads
        cdef Plan *plan
        for t in range(first, last):
            n_counts += self.plan.plans[t].n_counts
            n_leaves += self.plan.plans[t].n_tables
        if n_leaves == 0:
            return 0
        if self.counts is None or self.counts.shape[0] < n_counts:
            self.counts = np.empty(n_counts)
            self.tables = np.empty(2 * n_counts)
        if self.leaves is None or self.leaves.shape[0] < 2 * n_leaves:
            self.leaves = np.empty(2 * n_leaves, dtype=np.int64)
        memset(&self.counts[0], 0, n_counts * sizeof(double))
        n_counts = n_leaves = 0
        for t in range(first, last):
            plan = self.plan.plans + t
            plan.tree.counts, plan.tree.tables = &self.counts[0] + n_counts, &self.tables[0]
            plan.tree.tables += 2 * n_counts
            n_counts += plan.n_counts
            for i in range(self.trees.prepared[t].n_nodes if plan.n_tables else 0):
                for side in range(2):
                    if plan.nodes[i].child[side] < 0 and plan.nodes[i].leaf[side].counts >= 0:
                        self.leaves[2 * n_leaves], self.leaves[2 * n_leaves + 1] = t, 2 * i + side
                        n_leaves += 1
        if 16 * n_counts + n_leaves * self.n_others < SERIAL_NS:
            n_threads = 1
        for t in prange(first, last, nogil=True, num_threads=n_threads, schedule="dynamic"):
            K.background_count(&self.plan.plans[t].tree, &self.others[0], self.n_planes, self.n_others,
                               <double *> self.threads.of(thread_num()))
        for i in prange(n_leaves, nogil=True, num_threads=n_threads, schedule="dynamic"):
            self.table(self.leaves[2 * i], self.leaves[2 * i + 1])
        return 0

    cdef void table(self, Py_ssize_t t, int64_t which) noexcept nogil:
        cdef Plan *plan = self.plan.plans + t
        cdef background_leaf *leaf = plan.nodes[which // 2].leaf + which % 2
        cdef int n_points = (leaf.n_features + 1) // 2
        K.background_table(leaf, plan.tree.counts + leaf.counts, <double> self.n_others, self.points[n_points],
                           self.weights[n_points], n_points, <double *> self.threads.of(thread_num()),
                           plan.tree.tables + 2 * leaf.counts)

    cdef int look_up(self, Py_ssize_t first, Py_ssize_t last) except -1:
        """All groups of the chunk by the trees [first, last)."""
        cdef Py_ssize_t g, start, stop, window, t, n_groups = (self.n + SHAP_ROWS - 1) // SHAP_ROWS
        cdef int n_threads = self.n_threads
        cdef double work = 0.0
        for t in range(first, last):
            work += SHAP_ROWS * (4.0 * self.trees.width * self.plan.plans[t].n_tables
                                 + self.n_others * self.plan.plans[t].pair_work)
        if work * n_groups < SERIAL_NS:
            n_threads = 1
        window = max(<Py_ssize_t> n_threads, <Py_ssize_t> min(CHECK_NS * n_threads / (work + 1.0), 1e9))
        for start in range(0, n_groups, window):
            check()
            stop = min(n_groups, start + window)
            for g in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                self.group(g, first, last)
        return 0

    cdef void group(self, Py_ssize_t g, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        cdef Py_ssize_t t, n = min(<Py_ssize_t> SHAP_ROWS, self.n - g * SHAP_ROWS), width = self.trees.width
        cdef double *planes = &self.planes[0] + g * self.n_planes * SHAP_ROWS
        cdef double *sums
        cdef uint8_t *own = self.threads.of(thread_num())
        cdef background_room room
        room.gains = <double *> own
        room.forks = <background_fork *> (own + self.forks_at)
        room.chosen = own + self.chosen_at
        for t in range(first, last):
            sums = &self.sums[0] + (g * self.n_outputs + self.trees.output[t]) * self.n_columns * SHAP_ROWS
            if self.plan.plans[t].n_tables:
                K.background_rows(&self.plan.plans[t].tree, planes, self.n_columns, width, <double *> own, sums)
            if self.plan.plans[t].has_pairs:
                memset(room.chosen, 0, self.n_columns)
                K.background_pairs(&self.plan.plans[t].tree, planes, n, &self.others[0], self.n_others,
                                   self.n_planes, self.n_columns, width, &self.inverse[0], &room, sums)

    cdef void write(self, Py_ssize_t g) noexcept nogil:
        cdef Py_ssize_t i, p, k, n = min(<Py_ssize_t> SHAP_ROWS, self.n - g * SHAP_ROWS)
        cdef double *own
        for k in range(self.n_outputs):
            for p in range(self.n_columns):
                own = &self.sums[0] + ((g * self.n_outputs + k) * self.n_columns + p) * SHAP_ROWS
                for i in range(n):
                    self.values[self.lo + g * SHAP_ROWS + i, self.features[p], k] += own[i]

    cdef int add_means(self, double[:, ::1] means) except -1:
        """Mean value of each tree over the background: (n_trees, width)."""
        cdef Py_ssize_t t, k
        cdef int n_threads = self.n_threads
        check()
        for t in prange(self.trees.n_trees, nogil=True, num_threads=n_threads, schedule="dynamic"):
            if self.trees.prepared[t].n_nodes:
                K.background_mean(&self.plan.plans[t].tree, &self.others[0], self.n_others, self.n_planes,
                                  self.trees.width, &means[t, 0])
        for t in range(self.trees.n_trees):
            for k in range(self.trees.width):
                if self.trees.prepared[t].n_nodes:
                    means[t, k] /= self.n_others
                else:
                    means[t, k] = self.trees.expected[t, k]
        return 0


def background_values(forest, Planes rows not None, Planes others not None, Py_ssize_t n_features, int n_threads=1,
                      owner=None):
    """Sums over the trees of the SHAP values of rows against a background.

    Parameters
    ----------
    forest : Forest or CartForest
    rows, others : Planes
        Of the forest's `used_features`, in their order: rows to explain, and the background, which is not empty.
    n_features : int
        Of the model.
    n_threads : int, default=1
    owner : int32 array of shape (n_forest_features,), optional
        The model's feature behind each feature of the forest, where the forest sees some of them several times.

    Returns
    -------
    values : float64 array of shape (n_rows, n_features, n_outputs)
    expected : float64 array of shape (n_outputs,)
        Sum over trees of the mean value of the background; without the baseline.

    Raises
    ------
    ValueError
        If the background has no rows.
    KeyboardInterrupt
        After Ctrl-C.
    MemoryError
    """
    cdef _Work work = _Work(n_threads)
    cdef Py_ssize_t n, lo, group, chunk, width = n_outputs(forest), n_groups
    cdef ShapTrees shap_trees
    cdef double[::1] room
    if others.n_rows == 0:
        raise ValueError("the background has no rows")
    features, columns = columns_of(forest, rows, owner)
    if others.n_planes != rows.n_planes:
        raise ValueError(f"rows have {rows.n_planes} planes, the background {others.n_planes}")
    work.rows, work.features, work.n_outputs = rows, features, width
    work.n_columns, work.n_planes, work.n_others = len(features), rows.n_planes, others.n_rows
    values = np.zeros((rows.n_rows, n_features, width))
    work.values = values
    n_groups = (others.n_rows + SHAP_ROWS - 1) // SHAP_ROWS
    work.others = np.empty(n_groups * work.n_planes * SHAP_ROWS + 1)
    room = np.empty(others.room(others.n_rows) + 1)
    others.fill(0, others.n_rows, &work.others[0], &room[0])
    room = None
    group = SHAP_ROWS * (work.n_planes + width * work.n_columns)
    chunk = min(max(CHUNK_BYTES // (8 * group + 1), 1), (rows.n_rows + SHAP_ROWS - 1) // SHAP_ROWS)
    work.planes = np.empty(chunk * work.n_planes * SHAP_ROWS + 1)
    work.sums = np.empty(chunk * width * work.n_columns * SHAP_ROWS + 1)
    expected, ignored = np.zeros(width), np.zeros(width)
    for trees in batches(forest, columns, False, n_threads, ignored):
        shap_trees = trees
        plan = BackgroundTrees(trees, work.n_columns, others.n_rows)
        plan.make(n_threads)
        work.open(trees, plan)
        means = np.zeros((shap_trees.n_trees, shap_trees.width))
        work.add_means(means)
        for k in range(shap_trees.width):
            np.add.at(expected, np.asarray(shap_trees.output) + k, means[:, k])
        for lo in range(0, rows.n_rows, max(chunk * SHAP_ROWS, 1)):
            n = min(chunk * SHAP_ROWS, rows.n_rows - lo)
            work.explain(lo, n)
    if holds_one_of_two(forest):
        values[..., 0] = -values[..., 1]
        expected[0] = forest.n_trees - expected[1]
    return values, expected
