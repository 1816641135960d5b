"""Rows of a binned matrix through one tree that was grown on it, by their codes.

A learner that weighs its training rows anew after every tree asks where they have fallen. Their codes are at hand,
column by column: nothing is read by value, and a tree of a few levels reads as many bytes of a row.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc

from fastml._engine.tree.binned cimport ROWS, BinnedMatrix
from fastml._engine.tree.value_ranks cimport ValueRanks

from fastml._engine.runtime.interrupt import check

cdef enum:
    WINDOW = 1 << 22       # rows between two looks at the keyboard
    ROWS_FOR_THREADS = 1 << 19   # a walk of fewer ends before another thread has started


cdef struct CodeNode:
    const uint8_t *column  # codes of the node's feature
    const uint8_t *set     # bit c: code c goes left; NULL: codes up to `last` do
    const uint16_t *ranks  # row i's at ranks[i * rank_step]; NULL: the split is between codes
    Py_ssize_t rank_step
    int32_t left, right    # left is -1 in a leaf
    uint16_t last_rank
    uint8_t last, bias     # bias 1: code 0, which is missing, goes right


def leaves_of_codes(BinnedMatrix binned not None, tree, int n_threads=1, ValueRanks ranks=None):
    """Leaf that each row falls into.

    Parameters
    ----------
    binned : BinnedMatrix
        The matrix that the tree was grown on, or one with the same bins.
    tree : dict of arrays
        As `CartGrower.grow` returns it.
    n_threads : int, default=1
    ranks : ValueRanks or None, default=None
        Those that the tree was grown with.

    Returns
    -------
    int32 array of shape (n_rows,)
        Numbers of nodes.

    Raises
    ------
    ValueError
        If a node names a feature that is not in the matrix, a child or set that is not in the tree, or a rank of a
        feature that has none.
    KeyboardInterrupt
        If Ctrl-C was pressed.
    """
    cdef const int32_t[::1] left = tree["left"], right = tree["right"], feature = tree["feature"]
    cdef const int32_t[::1] category_set = tree["category_set"]
    cdef const uint16_t[::1] rank = tree["rank"]
    cdef const uint8_t[::1] code = tree["code"], missing_left = tree["missing_left"]
    cdef const uint8_t[:, ::1] sets = tree["category_sets"]
    cdef Py_ssize_t i, n_nodes = left.shape[0], n = binned.n_rows, window, stop, block, first_block, last_block
    cdef CodeNode *nodes = <CodeNode *> malloc(max(n_nodes, <Py_ssize_t> 1) * sizeof(CodeNode))
    cdef CodeNode *node
    cdef int32_t[::1] out = np.empty(n, dtype=np.int32)
    if nodes == NULL:
        raise MemoryError()
    try:
        for i in range(n_nodes):
            node = nodes + i
            node.left, node.right, node.set = left[i], right[i], NULL
            if node.left < 0:
                continue
            if not (0 <= feature[i] < binned.n_features and i < node.left < n_nodes and i < node.right < n_nodes
                    and category_set[i] < sets.shape[0]):
                raise ValueError(f"node {i} of the tree names a feature, a child or a set that is not there")
            node.column = binned.columns + feature[i] * binned.column_stride
            node.bias = 0 if missing_left[i] else 1
            node.last = <uint8_t> (code[i] - node.bias)
            node.ranks = NULL
            if rank[i]:
                if ranks is None or ranks.ranks_view.shape[0] != n or ranks.slot_view[feature[i]] < 0:
                    raise ValueError(f"node {i} of the tree splits ranks, which feature {feature[i]} does not have")
                node.ranks, node.rank_step = &ranks.ranks_view[0, ranks.slot_view[feature[i]]], ranks.wide.n_features
                node.last_rank = <uint16_t> (rank[i] - node.bias)
            if category_set[i] >= 0:
                node.set = &sets[category_set[i], 0]
        if n < ROWS_FOR_THREADS:
            n_threads = 1
        for window in range(0, n, WINDOW):
            check()
            stop = min(window + WINDOW, n)
            first_block, last_block = window // ROWS, (stop + ROWS - 1) // ROWS
            for block in prange(first_block, last_block, nogil=True, num_threads=n_threads, schedule="static"):
                walk(nodes, block * ROWS, min((block + 1) * ROWS, n), &out[0])
    finally:
        free(nodes)
    return np.asarray(out)


ctypedef fused said_t:
    int32_t
    double


def take_at(const said_t[::1] said not None, const int32_t[::1] leaf not None):
    """What leaves say, by row; numpy's `take` would widen the numbers of the leaves first.

    Parameters
    ----------
    said : int32 or float64 array of shape (n_nodes,)
    leaf : int32 array of shape (n_rows,)
        Numbers of nodes, trusted: as `leaves_of_codes` returns them.

    Returns
    -------
    array of shape (n_rows,), of the dtype of said
    """
    cdef Py_ssize_t i, n = leaf.shape[0]
    cdef said_t[::1] out = np.empty(n, dtype=np.int32 if said_t is int32_t else np.float64)
    for i in range(n):
        out[i] = said[leaf[i]]
    return np.asarray(out)


cdef void walk(const CodeNode *nodes, Py_ssize_t first, Py_ssize_t last, int32_t *out) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t at
    cdef uint8_t c
    cdef bint goes_left
    cdef const CodeNode *node
    if nodes.left >= 0 and nodes.ranks == NULL and nodes[nodes.left].left < 0 and nodes[nodes.right].left < 0:
        walk_once(nodes, first, last, out)
        return
    for i in range(first, last):
        at = 0
        node = nodes
        while node.left >= 0:
            c = node.column[i]
            if node.ranks != NULL:
                goes_left = <uint16_t> (node.ranks[i * node.rank_step] - node.bias) <= node.last_rank
            elif node.set == NULL:
                goes_left = <uint8_t> (c - node.bias) <= node.last
            else:
                goes_left = node.set[c >> 3] >> (c & 7) & 1
            at = node.left if goes_left else node.right
            node = nodes + at
        out[i] = at


cdef void walk_once(const CodeNode *root, Py_ssize_t first, Py_ssize_t last, int32_t *out) noexcept nogil:
    """A tree of one split: without a branch, as the sides of neighbours have nothing to do with each other."""
    cdef Py_ssize_t i
    cdef int32_t right = root.right, turn = root.left ^ right, goes_left
    cdef const uint8_t *codes = root.column
    cdef const uint8_t *left_set = root.set
    cdef uint8_t bias = root.bias, limit = root.last
    if left_set == NULL:
        for i in range(first, last):
            goes_left = <uint8_t> (codes[i] - bias) <= limit
            out[i] = right ^ (-goes_left & turn)
    else:
        for i in range(first, last):
            goes_left = left_set[codes[i] >> 3] >> (codes[i] & 7) & 1
            out[i] = right ^ (-goes_left & turn)
