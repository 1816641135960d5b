"""Trees made ready for explanation: each split with what training has sent its way, and the way through the tree.

What depends on the tree alone is computed once for all rows: the shares r of src_c/tree/shap.h, the number of points
that make the quadrature exact, and the reciprocals at these points.
"""

from functools import lru_cache

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

from fastml._engine.runtime.tree_kernels cimport (
    SHAP_CATEGORIES, SHAP_ENTER, SHAP_LEAVE, SHAP_MISSING_LEFT, SHAP_PAIR, SHAP_RIGHT, SHAP_SPACE, SHAP_TURN, shap_node,
)

cdef double EXACT = 2.0 ** -56   # what the quadrature may leave of a leaf's value


def n_points(int n_features):
    """Points of a Gauss-Legendre rule that integrates a path over so many different features to rounding.

    The integrand is a product of m = n_features - 1 factors between 0 and 1, linear in t: ceil(n_features / 2) points
    are exact. Long paths need fewer. Its coefficients in Chebyshev polynomials are bounded by those of t^m, the chances
    of 2 m tosses of a coin; n points leave an error of at most 4/3 times the sum of those from degree 2 n on.

    Returns
    -------
    int
    """
    from scipy.special import bdtr

    most = max(1, (n_features + 1) // 2)
    if n_features < 20:
        return most
    m = n_features - 1
    n = np.arange(1, most)
    left = 8 / 3 * bdtr(m - 2.0 * n, 2 * m, 0.5)
    return int(n[left <= EXACT][0]) if (left <= EXACT).any() else most


@lru_cache(maxsize=64)
def rule(int n):
    """Points and weights of the Gauss-Legendre rule of n points for the interval from 0 to 1.

    Returns
    -------
    points, weights : float64 arrays of shape (n,)
    """
    points, weights = np.polynomial.legendre.leggauss(n)
    return 0.5 + 0.5 * points, 0.5 * weights


cdef class ShapTrees:
    """Some trees of a forest, ready for `shap_rows`.

    Parameters
    ----------
    flat : dict of arrays
        As `flat_trees` makes it; trusted.
    planes : int32 array of shape (n_features,)
        Plane of each feature; only those of features that the trees split on are looked at.
    columns : int32 array of shape (n_planes,)
        Place of each plane's feature among the sums: planes that show the same feature have the same.
    with_edges : bool
        Whether interactions will be asked for.
    n_threads : int

    Attributes
    ----------
    n_trees, width : int
        Width: numbers in a leaf.
    expected : float64 array of shape (n_trees, width)
        Mean value of each tree over its training rows.
    row_steps : float

    Raises
    ------
    MemoryError
    """

    def __cinit__(self, dict flat not None, planes, columns, bint with_edges, int n_threads):
        cdef const int64_t[::1] offsets = flat["offsets"], value_first = flat["value_first"]
        cdef const double[:, ::1] values = flat["values"]
        cdef const uint8_t[:, ::1] sets = flat["category_sets"]
        cdef const double[::1] points, weights
        cdef Py_ssize_t t, n = len(flat["offsets"]) - 1
        cdef _Arrays a
        cdef Prepared *one
        self._owners = [flat]
        self.n_trees, self.width = n, values.shape[1]
        self.output = flat["output"]
        self.prepared = <Prepared *> calloc(n + 1, sizeof(Prepared))
        if self.prepared == NULL:
            raise MemoryError()
        expected = np.zeros((n, self.width))
        self.expected = expected
        if not n:
            return
        plane_of = np.where(flat["feature"] < 0, np.int32(-1), np.take(planes, flat["feature"], mode="clip"))
        plane_of = np.ascontiguousarray(plane_of, dtype=np.int32)
        cover = flat["cover"].copy()
        a = _Arrays(flat, plane_of, columns, cover, expected)
        for t in range(n):
            one = self.prepared + t
            one.tree.values = &values[value_first[t], 0]
            one.tree.value_step = values.shape[1]
            one.tree.sets = &sets[0, 0] if sets.shape[0] else NULL
        for t in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            a.one(t, offsets[t], offsets[t + 1], self.prepared + t)
        self.raise_if_failed()
        for t in range(n):
            one = self.prepared + t
            rules = rule(n_points(one.n_features))
            self._owners.append(rules)
            points, weights = rules
            one.tree.points, one.tree.weights = &points[0], &weights[0]
            one.tree.n_points = <int32_t> points.shape[0]
            self.row_steps += 1 + one.n_nodes * one.tree.n_points
        for t in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            tabulate(self.prepared + t, with_edges)
        self.raise_if_failed()

    def __dealloc__(self):
        cdef Py_ssize_t t
        if self.prepared == NULL:
            return
        for t in range(self.n_trees):
            free(self.prepared[t].nodes)
            free(self.prepared[t].steps)
            free(self.prepared[t].inverses)
            free(self.prepared[t].edges)
        free(self.prepared)

    def raise_if_failed(self):
        cdef Py_ssize_t t
        for t in range(self.n_trees):
            if self.prepared[t].no_memory:
                raise MemoryError()

    @property
    def points(self):
        """Points of each tree's rule: int array of shape (n_trees,)."""
        return np.array([self.prepared[t].tree.n_points for t in range(self.n_trees)], dtype=np.intp)

    cdef int64_t space(self, int64_t n_outputs) noexcept:
        """Doubles of work space that the largest tree needs for so many outputs at once."""
        cdef Py_ssize_t t
        cdef int64_t most = 0
        for t in range(self.n_trees):
            most = max(most, SHAP_SPACE(self.prepared[t].tree.n_points, self.prepared[t].tree.n_levels, n_outputs))
        return most


# What a walk through a tree remembers of each level of the path that it is on.
cdef struct Level:
    int32_t node, inner      # number in the tree, number among the inner nodes
    int32_t former           # level of the split on the feature that was the nearest above this one
    int32_t stage            # 0: on the way to the left child, 1: to the right one, 2: back
    double edge              # share of the feature's splits, with this one's side that is being visited
    double rows              # share of the tree's rows that come to this node


cdef class _Arrays:
    """The arrays of all trees, as the walk reads them."""

    cdef const int32_t[::1] left, right, plane, columns, category_set, place
    cdef const double[::1] threshold
    cdef const uint8_t[::1] missing_left
    cdef double[::1] cover
    cdef const double[:, ::1] values
    cdef const int64_t[::1] value_first
    cdef double[:, ::1] expected
    cdef Py_ssize_t n_columns

    def __init__(self, flat, plane, columns, cover, expected):
        self.left, self.right, self.plane = flat["left"], flat["right"], plane
        self.category_set, self.place = flat["category_set"], flat["place"]
        self.threshold, self.missing_left = flat["threshold"], flat["missing_left"]
        self.cover, self.expected = cover, expected
        self.values, self.value_first = flat["values"], flat["value_first"]
        self.columns, self.n_columns = columns, np.max(columns, initial=-1) + 1

    cdef void one(self, Py_ssize_t t, int64_t lo, int64_t hi, Prepared *tree) noexcept nogil:
        """Fills nodes and steps of tree t, whose nodes are [lo, hi)."""
        cdef int64_t i, n = (hi - lo) // 2
        cdef Level *path
        cdef int32_t *last
        for i in range(hi - 1, lo - 1, -1):  # children come after their parents
            if self.left[i] >= 0:
                self.cover[i] = self.cover[lo + self.left[i]] + self.cover[lo + self.right[i]]
        tree.n_nodes = n
        if n == 0:
            self.add_expected(t, lo, 1.0)
            return
        tree.nodes = <shap_node *> malloc(n * sizeof(shap_node))
        tree.steps = <int64_t *> malloc(3 * n * sizeof(int64_t))
        path = <Level *> malloc(n * sizeof(Level))
        last = <int32_t *> malloc(self.n_columns * sizeof(int32_t))
        if tree.nodes != NULL and tree.steps != NULL and path != NULL and last != NULL:
            for i in range(self.n_columns):
                last[i] = -1
            self.walk(t, lo, tree, path, last)
        else:
            tree.no_memory = True
        free(path)
        free(last)
        tree.tree.nodes, tree.tree.steps = tree.nodes, tree.steps

    cdef void add_expected(self, Py_ssize_t t, int64_t node, double share) noexcept nogil:
        cdef Py_ssize_t k
        for k in range(self.values.shape[1]):
            self.expected[t, k] += share * self.values[self.value_first[t] + self.place[node], k]

    cdef void walk(self, Py_ssize_t t, int64_t lo, Prepared *tree, Level *path, int32_t *last) noexcept nogil:
        cdef int32_t level = 0, n_different = 0, n_inner = 0
        cdef bint is_pair
        cdef Level *now
        cdef shap_node *node
        cdef int64_t *step = tree.steps
        self.open(t, lo, 0, 0, tree, path, last, 1.0)
        n_inner = n_different = 1
        tree.n_features = tree.tree.n_levels = 1
        while True:
            now = path + level
            node = tree.nodes + now.inner
            is_pair = node.leaf[0] >= 0 and node.leaf[1] >= 0
            if now.stage == 0:
                step[0] = 4 * now.inner + (SHAP_PAIR if is_pair else SHAP_ENTER)
                step += 1
            elif now.stage == 1 and node.leaf[0] < 0 and node.leaf[1] < 0:
                step[0] = 4 * now.inner + SHAP_TURN
                step += 1
            if now.stage < 2:
                now.stage += 1
                now.edge = node.left if now.stage == 1 else node.right
                if node.leaf[now.stage - 1] >= 0:
                    continue
                level += 1
                path[level].inner = n_inner
                n_inner += 1
                self.open(t, lo, level, now.stage - 1, tree, path, last,
                          now.rows * (node.share if now.stage == 1 else 1.0 - node.share))
                n_different += path[level].former < 0
                tree.n_features = max(tree.n_features, n_different)
                tree.tree.n_levels = max(tree.tree.n_levels, level + 1)
                continue
            if not is_pair:
                step[0] = 4 * now.inner + SHAP_LEAVE
                step += 1
            last[node.column] = now.former
            n_different -= now.former < 0
            if level == 0:
                break
            level -= 1
        tree.tree.n_steps = step - tree.steps

    cdef void open(self, Py_ssize_t t, int64_t lo, int32_t level, int32_t side, Prepared *tree, Level *path,
                   int32_t *last, double rows) noexcept nogil:
        """The next node of the path, and what it has in common for all rows."""
        cdef Level *now = path + level
        cdef shap_node *node
        cdef int64_t i
        cdef int64_t child[2]
        cdef int k
        now.node = 0
        if level > 0:
            i = lo + path[level - 1].node
            now.node = self.right[i] if side else self.left[i]
        else:
            now.inner = 0
        i = lo + now.node
        child[0], child[1] = lo + self.left[i], lo + self.right[i]
        now.stage, now.rows = 0, rows
        node = tree.nodes + now.inner
        node.plane, node.level, node.flags = self.plane[i], level, SHAP_RIGHT if side else 0
        node.column = self.columns[node.plane]
        node.threshold = self.threshold[i]
        if self.category_set[i] >= 0:
            node.threshold = self.category_set[i]
            node.flags |= SHAP_CATEGORIES
        elif self.missing_left[i]:
            node.flags |= SHAP_MISSING_LEFT
        node.above_level = now.former = last[node.column]
        node.above, node.inverse = 1.0, -1
        if now.former >= 0:
            node.above = path[now.former].edge
            node.inverse = tree.n_repeated
            tree.n_repeated += 1
        last[node.column] = level
        # a split that no training row has come to: either way is as likely
        node.share = self.cover[child[0]] / self.cover[i] if self.cover[i] > 0 else 0.5
        node.left = node.above * node.share
        node.right = node.above * (self.cover[child[1]] / self.cover[i] if self.cover[i] > 0 else 0.5)
        for k in range(2):
            node.leaf[k] = -1
            if self.left[child[k]] < 0:
                node.leaf[k] = self.place[child[k]]
                self.add_expected(t, child[k], rows * (1.0 - node.share if k else node.share))


cdef void tabulate(Prepared *one, bint with_edges) noexcept nogil:
    """What each node needs at the points of its tree's rule."""
    cdef int64_t i, k
    cdef int e, n = one.tree.n_points
    cdef double inverse, t, r
    cdef shap_node *node
    if one.n_repeated:
        one.inverses = <double *> malloc(2 * one.n_repeated * n * sizeof(double))
        one.no_memory = one.inverses == NULL
    if with_edges and one.n_nodes:
        one.edges = <double *> malloc(2 * one.n_nodes * n * sizeof(double))
        one.no_memory = one.no_memory or one.edges == NULL
    if one.no_memory:
        return
    one.tree.inverses, one.tree.edges = one.inverses, one.edges
    for i in range(one.n_nodes):
        node = one.nodes + i
        if node.inverse >= 0:
            node.inverse *= 2 * n
            for e in range(n):
                t = one.tree.points[e]
                inverse = 1.0 / (node.above + t * (1.0 - node.above))
                one.inverses[node.inverse + 2 * e] = inverse
                one.inverses[node.inverse + 2 * e + 1] = inverse * inverse
        if with_edges:
            for k in range(2):
                r = node.right if k else node.left
                for e in range(n):
                    t = one.tree.points[e]
                    one.edges[(2 * i + k) * n + e] = (1.0 - r) / (r + t * (1.0 - r))
