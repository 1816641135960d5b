"""A tree while it grows, and as the arrays that a forest takes."""

import numpy as np

from libc.math cimport INFINITY
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport split_candidate

cdef Node one_node
# NumPy parses the format of a struct for 100 microseconds: once, not once per tree.
NODE = np.asarray(<Node[:1]> &one_node).dtype


cdef class TreeBuilder:
    """The nodes of a tree under construction, parents before children."""

    def __dealloc__(self):
        free(self.nodes)
        free(self.sets)

    cdef int reserve(self, Py_ssize_t more) except -1:
        """Makes room for so many more nodes; pointers to nodes change here only."""
        cdef Py_ssize_t room = self.room
        if self.n_nodes + more <= room:
            return 0
        room = max(2 * room, self.n_nodes + more, 64)
        cdef void *nodes = realloc(self.nodes, room * sizeof(Node))
        if nodes != NULL:
            self.nodes = <Node *> nodes
        cdef void *sets = realloc(self.sets, room * 32)
        if sets != NULL:
            self.sets = <uint8_t *> sets
        if nodes == NULL or sets == NULL:
            raise MemoryError()
        self.room = room
        return 0

    cdef Node *add(self, int32_t leaf, int32_t depth, double value, double weight, int64_t count) noexcept nogil:
        """A new leaf, numbered n_nodes."""
        cdef Node *node = self.nodes + self.n_nodes
        self.n_nodes += 1
        node.left = node.right = node.feature = node.category_set = -1
        node.code = node.missing_left = 0
        node.leaf, node.depth = leaf, depth
        node.value, node.gain, node.weight, node.count = value, 0.0, weight, count
        return node

    cdef void split(self, int32_t node, const split_candidate *split, bint missing_left) noexcept nogil:
        """Turns a leaf into an inner node whose children are the next two nodes to be added."""
        cdef Node *parent = self.nodes + node
        parent.leaf = -1
        parent.left, parent.right = <int32_t> self.n_nodes, <int32_t> self.n_nodes + 1
        parent.feature, parent.gain = split.feature, split.gain
        if split.categorical:
            parent.category_set = <int32_t> self.n_sets
            parent.missing_left = split.set[0] & 1
            memcpy(self.sets + 32 * self.n_sets, split.set, 32)
            self.n_sets += 1
        else:
            parent.code, parent.missing_left = split.code, missing_left

    def arrays(self, edges=None):
        """The tree as arrays.

        Parameters
        ----------
        edges : pair of arrays, optional
            All features' bin edges one after the other (float64), and where each feature's begin (int64, one more
            than there are features); thresholds are NaN without them.

        Returns
        -------
        dict of arrays
            The node fields of `Forest` and ``category_sets``.
        """
        cdef Py_ssize_t i, n = self.n_nodes
        cdef int64_t place
        cdef Node *node
        cdef const double[::1] values
        cdef const int64_t[::1] begin
        flat = np.asarray(<uint8_t[:n * sizeof(Node)]> <uint8_t *> self.nodes).view(NODE)
        tree = {name: flat[name].copy() for name in
                ("left", "right", "feature", "category_set", "depth", "code", "missing_left", "value", "gain", "weight",
                 "count")}
        cdef double[::1] threshold = np.full(n, np.nan)
        if edges is not None:
            values, begin = edges
            for i in range(n):
                node = self.nodes + i
                if node.feature >= 0 and node.category_set < 0:
                    place = begin[node.feature] + node.code - 1
                    # the last code has no edge: all that is not missing goes left
                    threshold[i] = values[place] if place < begin[node.feature + 1] else INFINITY
        tree["threshold"] = np.asarray(threshold)
        cdef uint8_t[:, ::1] sets = np.empty((self.n_sets, 32), dtype=np.uint8)
        if self.n_sets:
            memcpy(&sets[0, 0], self.sets, 32 * self.n_sets)
        tree["category_sets"] = np.asarray(sets)
        return tree
