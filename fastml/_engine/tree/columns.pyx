# cython: cdivision=True
"""Which features a leaf may be split on: interaction constraints, sampling by level and by node.

What is drawn depends on the tree's seed and on the node's place in the tree alone, not on when it is drawn.
"""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from fastml._engine.tree.frontier cimport Leaf
from fastml._engine.tree.histogram cimport HistogramLayout
from fastml._engine.tree.split cimport mix


cdef class ColumnChoice:
    """Which features a leaf may be split on.

    Parameters
    ----------
    n_features : int
    interaction_cst : list of sets of int, optional
        A branch may only use features of one of the sets.
    bylevel, bynode : float in (0, 1]
    """

    def __cinit__(self, Py_ssize_t n_features, interaction_cst=None, double bylevel=1.0, double bynode=1.0):
        cdef uint8_t[:, ::1] member
        self.n_features, self.bylevel, self.bynode = n_features, bylevel, bynode
        if interaction_cst is not None:
            self.n_groups = len(interaction_cst)
            table = np.zeros((max(1, self.n_groups), n_features), dtype=np.uint8)
            for i, group in enumerate(interaction_cst):
                table[i, list(group)] = 1
            self.groups_of = member = table
            self.group_features = &member[0, 0]

    def __dealloc__(self):
        free(self.open_groups)

    cdef int reserve(self, Py_ssize_t records) except -1:
        cdef void *grown
        if self.n_groups and records > self.room:
            grown = realloc(self.open_groups, records * self.n_groups)
            if grown == NULL:
                raise MemoryError()
            self.open_groups = <uint8_t *> grown
            self.room = records
        return 0

    cdef void open_root(self) noexcept nogil:
        if self.n_groups:
            memset(self.open_groups, 1, self.n_groups)

    cdef void narrow(self, Py_ssize_t parent, Py_ssize_t left, Py_ssize_t right, int32_t feature) noexcept nogil:
        """The children of a split on ``feature`` may only use the groups that hold it."""
        cdef Py_ssize_t k
        cdef uint8_t stays
        for k in range(self.n_groups):
            stays = self.open_groups[parent * self.n_groups + k] & self.group_features[k * self.n_features + feature]
            self.open_groups[left * self.n_groups + k] = stays
            self.open_groups[right * self.n_groups + k] = stays

    cdef const uint8_t *allowed(self, HistogramLayout layout, Py_ssize_t record, const Leaf *leaf, uint8_t *mask,
                                int32_t *draw) noexcept nogil:
        """By active feature: 1 when the leaf may be split on it. NULL: all may. mask, draw: room for n_features."""
        cdef Py_ssize_t j, k, n = layout.n_features
        if self.n_groups == 0 and self.bylevel >= 1.0 and self.bynode >= 1.0:
            return NULL
        memset(mask, self.n_groups == 0, n)
        for k in range(self.n_groups):
            if self.open_groups[record * self.n_groups + k]:
                for j in range(n):
                    mask[j] |= self.group_features[k * self.n_features + layout.features[j]]
        if self.bylevel < 1.0:
            self.draw_features(self.bylevel, mix(self.seed ^ mix(<uint64_t> leaf.depth + 1)), n, mask, draw)
        if self.bynode < 1.0:
            self.draw_features(self.bynode, mix(self.seed + leaf.path), n, mask, draw)
        return mask

    cdef void draw_features(self, double fraction, uint64_t key, Py_ssize_t n_features, uint8_t *mask,
                            int32_t *draw) noexcept nogil:
        """Keeps a random share of the features that ``mask`` allows, at least one."""
        cdef Py_ssize_t j, n = 0, pick, kept
        cdef int32_t swap
        for j in range(n_features):
            if mask[j]:
                draw[n] = <int32_t> j
                n += 1
        kept = max(<Py_ssize_t> 1, <Py_ssize_t> (fraction * n + 0.5))
        for j in range(n):
            if j < kept:
                key = mix(key + 0x9E3779B97F4A7C15u)
                pick = j + <Py_ssize_t> (key % <uint64_t> (n - j))
                swap = draw[j]
                draw[j] = draw[pick]
                draw[pick] = swap
            else:
                mask[draw[j]] = 0
