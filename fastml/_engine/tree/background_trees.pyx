"""Which leaves get a table of the background, and where it lies.

A leaf with D features on its path has a table of 2^D lines where that is cheaper than the pairs of rows and background
rows that would reach it: of these, 3 of 4 pass a feature that splits rows in halves. Each tree has a D up to which its
leaves have tables; to be rid of pairs altogether may pay for large ones. Both ways round differently, so
the choice does not look at how many rows are explained, and a row has the same values alone as among others.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport (
    BACKGROUND_MOST, SHAP_ENTER, SHAP_LEAVE, SHAP_PAIR, background_leaf, background_node, shap_node, shap_tree,
)
from fastml._engine.tree.shap_trees cimport ShapTrees

# nanoseconds, measured on one core: of a set and point in a table, a butterfly there, a look into a table for a
# feature, and what a pair of rows costs at a leaf that it reaches and in a tree that has any leaf without a table
cdef double SET_NS = 0.5
cdef double BUTTERFLY_NS = 0.25
cdef double LOOK_NS = 0.6
cdef double PAIR_NS = 12.0
cdef double PAIR_TREE_NS = 30.0

cdef enum:
    ROWS = 300             # that are taken to be explained: fewer wait for tables that they would not need
    MOST_SETS = 1 << 22     # of the tables of a tree: 24 bytes each


cdef class BackgroundTrees:
    """Plan for the trees of a batch.

    Parameters
    ----------
    trees : ShapTrees
    n_columns : int
        Features among the sums.
    n_others : int
        Rows of the background.

    Raises
    ------
    MemoryError
    """

    def __cinit__(self, ShapTrees trees not None, Py_ssize_t n_columns, Py_ssize_t n_others):
        self.trees, self.n_columns, self.n_others = trees, n_columns, n_others
        self.plans = <Plan *> calloc(trees.n_trees + 1, sizeof(Plan))
        if self.plans == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef Py_ssize_t t
        if self.plans == NULL:
            return
        for t in range(self.trees.n_trees):
            free(self.plans[t].nodes)
            free(self.plans[t].steps)
        free(self.plans)

    def make(self, int n_threads):
        """Plan all trees."""
        cdef Py_ssize_t t
        for t in prange(self.trees.n_trees, nogil=True, num_threads=n_threads, schedule="dynamic"):
            self.one(t)
        for t in range(self.trees.n_trees):
            if self.plans[t].no_memory:
                raise MemoryError()

    @property
    def shares(self):
        """Leaves with a table, trees that have leaves without one: two ints."""
        tables, with_pairs = 0, 0
        for t in range(self.trees.n_trees):
            tables += self.plans[t].n_tables
            with_pairs += self.plans[t].has_pairs
        return tables, with_pairs

    cdef Py_ssize_t most_features(self) noexcept:
        cdef Py_ssize_t t, most = 1
        for t in range(self.trees.n_trees):
            most = max(most, <Py_ssize_t> self.trees.prepared[t].n_features)
        return most

    cdef int most_in_tables(self) noexcept:
        cdef Py_ssize_t t
        cdef int most = 0
        for t in range(self.trees.n_trees):
            most = max(most, self.plans[t].most_features)
        return most

    cdef Py_ssize_t most_levels(self) noexcept:
        cdef Py_ssize_t t, most = 1
        for t in range(self.trees.n_trees):
            most = max(most, <Py_ssize_t> self.trees.prepared[t].tree.n_levels)
        return most

    cdef void one(self, Py_ssize_t t) noexcept nogil:
        cdef Plan *plan = self.plans + t
        cdef int64_t n = self.trees.prepared[t].n_nodes
        cdef int64_t *last
        plan.tree.tree = &self.trees.prepared[t].tree
        if n == 0:
            return
        plan.nodes = <background_node *> calloc(n, sizeof(background_node))
        plan.steps = <int64_t *> malloc(3 * n * sizeof(int64_t))
        # by level: the node, the bit of its feature; by bit: the column
        last = <int64_t *> malloc((2 * plan.tree.tree.n_levels + self.trees.prepared[t].n_features) * sizeof(int64_t))
        if plan.nodes != NULL and plan.steps != NULL and last != NULL:
            self.choose(t)
            self.walk(t, last)
            plan.tree.nodes, plan.tree.steps = plan.nodes, plan.steps
        else:
            plan.no_memory = True
        free(last)

    cdef void choose(self, Py_ssize_t t) noexcept nogil:
        """How long the paths of leaves with tables may be: what costs least, and fits the memory."""
        cdef const shap_tree *tree = &self.trees.prepared[t].tree
        cdef const shap_node *node
        cdef int64_t[BACKGROUND_MOST + 1] leaves
        cdef int64_t i, n_features = 0, n_leaves, sets = 0
        cdef int what, d
        cdef double pairs = 0.0, tables = 0.0, work, least
        memset(leaves, 0, sizeof(leaves))
        for i in range(tree.n_steps):
            node, what = tree.nodes + (tree.steps[i] >> 2), tree.steps[i] & 3
            if what == SHAP_ENTER or what == SHAP_PAIR:
                n_features += node.above_level < 0
                n_leaves = (node.leaf[0] >= 0) + (node.leaf[1] >= 0)
                pairs += n_leaves * reached(n_features)
                if n_features <= BACKGROUND_MOST:
                    leaves[n_features] += n_leaves
            if what == SHAP_PAIR or what == SHAP_LEAVE:
                n_features -= node.above_level < 0
        n_leaves = self.trees.prepared[t].n_nodes + 1
        least = ROWS * self.n_others * (PAIR_TREE_NS + PAIR_NS * pairs)
        self.plans[t].pair_work = PAIR_TREE_NS + PAIR_NS * pairs
        for d in range(1, BACKGROUND_MOST + 1):
            sets += leaves[d] << d
            if sets > MOST_SETS:
                break
            n_leaves -= leaves[d]
            pairs -= leaves[d] * reached(d)
            work = <double> (1 << d) * ((d + 1) // 2) * (SET_NS + BUTTERFLY_NS * d)
            tables += leaves[d] * (work + LOOK_NS * d * ROWS)
            work = PAIR_TREE_NS + PAIR_NS * pairs if n_leaves else 0.0
            if tables + ROWS * self.n_others * work < least:
                least = tables + ROWS * self.n_others * work
                self.plans[t].most_features, self.plans[t].pair_work = d, work

    cdef void walk(self, Py_ssize_t t, int64_t *last) noexcept nogil:
        cdef Plan *plan = self.plans + t
        cdef const shap_tree *tree = plan.tree.tree
        cdef const shap_node *node
        cdef background_node *own
        cdef int64_t *node_of = last
        cdef int64_t *bit_of = last + tree.n_levels
        cdef int64_t *column_of = bit_of + tree.n_levels
        cdef int64_t i, number, n_features = 0
        cdef int what, side
        for i in range(tree.n_steps):
            number, what = tree.steps[i] >> 2, tree.steps[i] & 3
            node, own = tree.nodes + number, plan.nodes + number
            if what == SHAP_ENTER or what == SHAP_PAIR:
                if node.level > 0:
                    plan.nodes[node_of[node.level - 1]].child[node.flags & 1] = <int32_t> number
                node_of[node.level] = number
                if node.above_level < 0:
                    bit_of[node.level] = n_features
                    column_of[n_features] = node.column
                    n_features += 1
                else:
                    bit_of[node.level] = bit_of[node.above_level]
                own.bit = <int32_t> bit_of[node.level]
                for side in range(2):
                    own.child[side] = -1
                    if node.leaf[side] >= 0:
                        own.pairs[side] = not place_leaf(plan, own.leaf + side, column_of, n_features)
            if (what == SHAP_PAIR or what == SHAP_LEAVE) and node.above_level < 0:
                n_features -= 1
        # which ways lead to leaves with tables (kept in `counts` of the sides that are no leaves), which to others
        for number in range(self.trees.prepared[t].n_nodes - 1, -1, -1):
            node, own = tree.nodes + number, plan.nodes + number
            for side in range(2):
                if node.leaf[side] < 0:
                    own.pairs[side] = plan.nodes[own.child[side]].pairs[0] or plan.nodes[own.child[side]].pairs[1]
                    own.leaf[side].counts = max(plan.nodes[own.child[side]].leaf[0].counts,
                                                plan.nodes[own.child[side]].leaf[1].counts)
        plan.has_pairs = plan.nodes[0].pairs[0] or plan.nodes[0].pairs[1]
        for i in range(tree.n_steps):
            own = plan.nodes + (tree.steps[i] >> 2)
            if tree.steps[i] & 3 != SHAP_LEAVE and (own.leaf[0].counts >= 0 or own.leaf[1].counts >= 0):
                plan.steps[plan.tree.n_steps] = tree.steps[i]
                plan.tree.n_steps += 1


cdef inline double reached(int64_t n_features) noexcept nogil:
    """Share of the pairs of rows that reach a leaf."""
    return 0.75 ** <double> min(n_features, <int64_t> 60)


cdef bint place_leaf(Plan *plan, background_leaf *leaf, const int64_t *column_of, int64_t n_features) noexcept nogil:
    """Gives the leaf a table unless its path is too long; returns whether it has one."""
    cdef int64_t i
    leaf.counts = -1
    if n_features > plan.most_features:
        return False
    for i in range(n_features):
        leaf.column[i] = <int32_t> column_of[i]
    leaf.n_features = <int32_t> n_features
    leaf.counts = plan.n_counts
    plan.n_counts += 1 << n_features
    plan.n_tables += 1
    return True
