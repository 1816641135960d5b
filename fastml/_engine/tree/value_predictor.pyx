"""Prediction of single rows by the trees of a CartForest, which compare values."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uintptr_t
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport K, walk_node, walk_tree
from fastml._engine.tree.binning cimport BinMapper
from fastml._engine.tree.key_pack cimport KeyPack
from fastml._engine.tree.leaf_values cimport LeafValues
from fastml._engine.tree.predictor cimport RowPredictor
from fastml._engine.tree.single_row cimport SingleRowPack

from fastml._engine.tree.cart_sums import single_row_sums
from fastml._engine.tree.key_pack import key_pack_of


cdef inline Py_ssize_t aligned(Py_ssize_t size) noexcept nogil:
    return (size + 63) // 64 * 64


cdef class ValuePredictor(RowPredictor):
    """Sums, means, or the single values of the leaves that a row falls into.

    Parameters
    ----------
    forest : CartForest
        Must not change while the predictor is in use.
    mapper : BinMapper or None
        Knows the categories, which are given as numbers; None: no feature is categorical.
    n_features : int
    baseline : float64 array of shape (forest.width,)
        What the values are added to.
    divisor : float
        The sums are divided by it. Of two classes the first one gets what the second one leaves of 1.
    many : function (array) -> float64 array of shape (n_rows, n_outputs)
        Predicts more rows than a few.
    finish : function (float64 array of shape (n_rows, n_outputs)) -> array, optional
        Makes of raw predictions what is returned.
    apart : bool, default=False
        The trees' values, which must be numbers, side by side in place of their sum.
    """
    cdef SingleRowPack side_by_side   # None: the trees are walked
    cdef KeyPack pack
    cdef BinMapper mapper
    cdef LeafValues held
    cdef object _owner
    cdef const walk_node *nodes
    cdef const int64_t[::1] node_offsets
    cdef const uint8_t[:, ::1] sets
    cdef const uint8_t[::1] is_categorical
    cdef const double[::1] baseline
    cdef const int32_t[::1] used
    cdef const int32_t *pick        # NULL: the features that are used are the first ones
    cdef double divisor
    cdef bint complement, apart
    cdef Py_ssize_t n_trees, keys_at, leaf_at, doubted_at

    def __init__(self, forest, BinMapper mapper, n_features, baseline, double divisor, many, finish=None,
                 bint apart=False):
        cdef const uint8_t[::1] raw
        arrays = forest.arrays()
        self.held = LeafValues(forest)
        self.side_by_side = None if apart else single_row_sums(forest)
        self.pack = None if self.side_by_side is not None else key_pack_of(forest, self.held.is_number)
        self.mapper = mapper
        self.n_features, self.n_trees = n_features, forest.n_trees
        self.n_outputs = self.n_trees if apart else forest.width
        self.many, self.finish, self.apart = many, finish, apart
        self.divisor, self.complement = divisor, forest.n_classes == (2,) and not apart
        self.baseline = np.ascontiguousarray(baseline, dtype=np.float64)
        self._owner = arrays["nodes"]
        raw = arrays["nodes"].view(np.uint8)
        self.nodes = <const walk_node *> &raw[0] if raw.shape[0] else NULL
        self.node_offsets = arrays["node_offsets"]
        self.sets = arrays["category_sets"]
        self.is_categorical = np.zeros(n_features, np.uint8) if mapper is None else mapper.is_categorical_
        self.used = forest.used_features()
        self.pick = NULL
        if not np.array_equal(self.used, np.arange(len(self.used))):
            self.pick = &self.used[0]
        if (len(self.used) and self.used[len(self.used) - 1] >= n_features) or len(self.is_categorical) < n_features:
            raise ValueError(f"the trees split on features that {n_features} features do not have")
        if self.baseline.shape[0] != forest.width or (apart and not self.held.is_number):
            raise ValueError(f"the baseline has {self.baseline.shape[0]} numbers, the leaves {forest.width}")
        self.keys_at = aligned(n_features * sizeof(double))
        self.leaf_at = self.keys_at + aligned((self.used.shape[0] + 1) * sizeof(int32_t))
        self.doubted_at = self.leaf_at + aligned(self.n_trees * sizeof(uint32_t))
        self.room_size = self.doubted_at + aligned(self.n_trees * sizeof(uint32_t)) + 64
        if self.side_by_side is not None:
            self.room_size = self.side_by_side.coder.table_size + 64

    cdef void one(self, const char *row, Py_ssize_t stride, bint is_f32, void *room, double *out) noexcept nogil:
        cdef char *start = <char *> ((<uintptr_t> room + 63) // 64 * 64)
        cdef Py_ssize_t j
        if not self.apart:
            memcpy(out, &self.baseline[0], self.n_outputs * sizeof(double))
        if self.side_by_side is None:
            self.walk_all(row, stride, is_f32, start, out)
        else:
            K.single_row_codes(&self.side_by_side.coder.c, row, stride, is_f32, <uint8_t *> start)
            K.single_row_sums(&self.side_by_side.c, <uint8_t *> start, out)
        if self.divisor != 1.0:
            for j in range(self.n_outputs):
                out[j] /= self.divisor
        if self.complement:
            out[0] = 1.0 - out[1]

    cdef void walk_all(self, const char *row, Py_ssize_t stride, bint is_f32, char *start,
                       double *out) noexcept nogil:
        """Add what the leaves say to ``out``, tree by tree."""
        cdef double *line = <double *> start
        cdef int32_t *keys = <int32_t *> (start + self.keys_at)
        cdef uint32_t *leaf = <uint32_t *> (start + self.leaf_at)
        cdef uint32_t *doubted = <uint32_t *> (start + self.doubted_at)
        cdef Py_ssize_t j, k, t
        cdef int32_t f
        cdef int told
        cdef double x
        for j in range(self.used.shape[0]):
            f = self.used[j]
            if is_f32:
                x = (<const float *> (row + f * stride))[0]
            else:
                x = (<const double *> (row + f * stride))[0]
            line[f] = K.binning_code(self.mapper.tables + f, x) if self.is_categorical[f] else x
        if self.pack is None:
            for t in range(self.n_trees):
                self.take(t, self.walk(t, line), out)
        else:
            told = K.key_walk_keys(line, 0, self.pick, <int32_t> self.used.shape[0], 1, keys, 0)
            k = K.key_walk_trees(&self.pack.c, 0, self.n_trees, keys, told, leaf, doubted)
            for j in range(k):
                leaf[doubted[j]] = <uint32_t> -1
            for t in range(self.n_trees):
                if leaf[t] == <uint32_t> -1:
                    self.take(t, self.walk(t, line), out)
                elif not self.held.is_number:
                    self.take(t, <uint32_t> self.pack.place[2 * self.pack.first[t] + leaf[t]], out)
                elif self.apart:
                    out[t] = self.pack.value[2 * self.pack.first[t] + leaf[t]]
                else:
                    out[self.n_outputs - 1] += self.pack.value[2 * self.pack.first[t] + leaf[t]]

    cdef uint32_t walk(self, Py_ssize_t t, const double *line) noexcept nogil:
        """Place of the leaf in tree t, by value."""
        cdef walk_tree tree
        cdef uint32_t leaf
        tree.nodes = self.nodes + self.node_offsets[t]
        tree.sets = &self.sets[0, 0] if self.sets.shape[0] else NULL
        tree.slot = NULL
        K.walk_rows(&tree, line, 0, 1, &leaf)
        return leaf

    cdef inline void take(self, Py_ssize_t t, uint32_t place, double *out) noexcept nogil:
        cdef const walk_node *leaf = self.nodes + self.node_offsets[t] + place
        if self.apart:
            out[t] = leaf.threshold
        else:
            self.held.add(leaf, t, out)
