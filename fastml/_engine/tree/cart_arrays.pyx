# cython: cdivision=True
"""A grown classification or regression tree as arrays.

The threads that grew a tree lay its arrays out in one block of memory; Python wraps them where they lie.
"""

import numpy as np

from cpython.buffer cimport PyBuffer_FillInfo
from libc.math cimport fmax, fmin
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport IMPURITY_ABSOLUTE_ERROR, IMPURITY_POISSON, K
from fastml._engine.tree.cart_growth cimport CartNode, Growth


cdef class _Block:
    """Memory of one tree, freed with the last array in it."""

    cdef char *memory
    cdef Py_ssize_t size

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.memory, self.size, 0, flags)

    def __dealloc__(self):
        free(self.memory)


cdef bint allocate_arrays(const CartSettings *s, int64_t n, int64_t n_sets, CartArrays *a) noexcept nogil:
    """False when there is no memory for them."""
    cdef int64_t channels = s.params.n_channels
    a.memory = malloc(n * (8 * (3 + channels) + 4 * 5 + 2 + 2) + 32 * n_sets)
    if a.memory == NULL:
        return False
    a.n_nodes, a.n_sets = n, n_sets
    a.threshold = <double *> a.memory
    a.weight = a.threshold + n
    a.impurity = a.weight + n
    a.value = a.impurity + n
    a.left = <int32_t *> (a.value + n * channels)
    a.right = a.left + n
    a.feature = a.right + n
    a.category_set = a.feature + n
    a.count = a.category_set + n
    a.rank = <uint16_t *> (a.count + n)
    a.code = <uint8_t *> (a.rank + n)
    a.missing_left = a.code + n
    a.category_sets = a.missing_left + n
    return True


cdef bint lay_out(const CartSettings *s, const Piece *piece, CartArrays *a, double *sums) noexcept nogil:
    """Lays out the nodes of a piece, and leaves the sums of its first one in sums, if that is not NULL. A piece that
    was split has but one, and what hangs on its children is left to join_pieces. False when memory does not last."""
    cdef const Growth *g = piece.grown
    cdef const CartNode *nodes = g.nodes + piece.first
    cdef const CartNode *node
    cdef int64_t n = piece.n_nodes, move = piece.node_at - piece.first, i, at, width = g.sum_width
    cdef int32_t sets = <int32_t> piece.set_at
    cdef double *all_sums
    for i in range(n):
        node = nodes + i
        at = piece.node_at + i
        a.left[at] = a.right[at] = -1
        if node.left >= 0:
            a.left[at], a.right[at] = <int32_t> (node.left + move), <int32_t> (node.right + move)
        a.feature[at], a.category_set[at] = node.feature, -1
        if node.category_set >= 0:  # numbered by node, in whatever order they were made
            memcpy(a.category_sets + 32 * sets, g.sets + 32 * node.category_set, 32)
            a.category_set[at] = sets
            sets += 1
        a.count[at], a.code[at], a.missing_left[at] = node.count, node.code, node.missing_left
        a.threshold[at], a.rank[at] = node.threshold, node.rank
    if piece.left >= 0:
        return True
    # sums from the leaves up: children come after their parents
    all_sums = a.value + piece.node_at * width if s.is_classification else <double *> malloc(n * width * sizeof(double))
    if all_sums == NULL:
        return False
    for i in range(n - 1, -1, -1):
        node = nodes + i
        if node.left < 0:
            memcpy(all_sums + i * width, g.sums + node.sums, width * sizeof(double))
        else:
            add_children(all_sums + i * width, all_sums + (node.left - piece.first) * width,
                         all_sums + (node.right - piece.first) * width, width)
    if sums != NULL:
        memcpy(sums, all_sums, width * sizeof(double))
    for i in range(n):
        set_values(s, g, piece.first + i, all_sums + i * width, a, piece.node_at + i)
    if not s.is_classification:
        free(all_sums)
    return True


cdef void join_pieces(const CartSettings *s, const Pieces *pieces, CartArrays *trees, double *sums) noexcept nogil:
    """What hangs on the children of pieces that were split. sums: of the first node of each piece, laid out before."""
    cdef int64_t i, width = pieces.records[0].grown.sum_width
    cdef const Piece *piece
    cdef const Piece *left
    cdef const Piece *right
    cdef CartArrays *a
    for i in range(pieces.n - 1, -1, -1):
        piece = pieces.records + i
        if piece.left < 0:
            continue
        left, right = pieces.records + piece.left, pieces.records + piece.right
        add_children(sums + i * width, sums + piece.left * width, sums + piece.right * width, width)
    for i in range(pieces.n):
        piece = pieces.records + i
        if piece.left < 0:
            continue
        a = trees + piece.tree
        left, right = pieces.records + piece.left, pieces.records + piece.right
        a.left[piece.node_at], a.right[piece.node_at] = <int32_t> left.node_at, <int32_t> right.node_at
        if s.is_classification:
            memcpy(a.value + piece.node_at * width, sums + i * width, width * sizeof(double))
            set_values(s, piece.grown, piece.first, a.value + piece.node_at * width, a, piece.node_at)
        else:
            set_values(s, piece.grown, piece.first, sums + i * width, a, piece.node_at)


cdef inline void add_children(double *own, const double *left, const double *right, int64_t width) noexcept nogil:
    cdef int64_t i
    for i in range(width):
        own[i] = left[i] + right[i]


cdef inline void set_values(const CartSettings *s, const Growth *g, int64_t node, double *sums, CartArrays *a,
                            int64_t at) noexcept nogil:
    """Weight, value and impurity of a node from its sums, which are used up; those of classes are its value."""
    if s.is_classification:
        set_shares(s, g.nodes + node, sums, a, at)
    else:
        set_means(s, g, node, sums, a, at)


cdef void set_shares(const CartSettings *s, const CartNode *node, double *value, CartArrays *a,
                     int64_t at) noexcept nogil:
    cdef int64_t c, o
    cdef double total = 0, second
    for c in range(s.params.first[1]):
        total += value[c]
    a.weight[at], a.impurity[at] = total, 0.0
    if total > 0:
        a.impurity[at] = fmax(0.0, K.impurity_value(&s.params, value, NULL, total) / (total * s.params.n_outputs))
    for o in range(s.params.n_outputs):
        for c in range(s.params.first[o], s.params.first[o + 1]):
            value[c] = value[c] / total if total > 0 else 1.0 / (s.params.first[o + 1] - s.params.first[o])
    if s.params.bounded and s.params.n_channels == 2:
        second = fmin(fmax(value[1], node.low), node.high)
        value[0], value[1] = 1.0 - second, second


cdef void set_means(const CartSettings *s, const Growth *g, int64_t node, double *sums, CartArrays *a,
                    int64_t at) noexcept nogil:
    cdef int64_t o, outputs = s.params.n_outputs
    cdef double *value = a.value + at * outputs
    cdef double w = sums[0]
    cdef const double *medians
    a.weight[at], a.impurity[at] = w, 0.0
    for o in range(outputs):
        value[o] = sums[1 + o] / w if w > 0 else 0.0
        if s.params.criterion != IMPURITY_POISSON:
            sums[1 + o] -= s.centre * w
    if s.params.criterion == IMPURITY_ABSOLUTE_ERROR:
        medians = g.medians + node * (outputs + 1)
        a.impurity[at] = medians[outputs]
        for o in range(outputs):
            value[o] = s.centre + medians[o] / s.number_scale
    elif w > 0:
        a.impurity[at] = fmax(0.0, K.impurity_value(&s.params, sums + 1, sums + 1 + outputs, w) / (w * outputs))
    if s.params.bounded and outputs == 1:
        value[0] = fmin(fmax(value[0], s.centre + g.nodes[node].low / s.number_scale),
                        s.centre + g.nodes[node].high / s.number_scale)


cdef dict tree_dict(CartArrays *a, int64_t n_channels):
    """The tree as a dict of arrays, which own its memory from now on."""
    cdef _Block block = _Block()
    cdef Py_ssize_t n = a.n_nodes
    block.memory, block.size = <char *> a.memory, <char *> a.category_sets - <char *> a.memory + 32 * a.n_sets
    a.memory = NULL
    return {
        "left": part(block, a.left, np.int32, n),
        "right": part(block, a.right, np.int32, n),
        "feature": part(block, a.feature, np.int32, n),
        "threshold": part(block, a.threshold, np.float64, n),
        "rank": part(block, a.rank, np.uint16, n),
        "code": part(block, a.code, np.uint8, n),
        "missing_left": part(block, a.missing_left, np.uint8, n),
        "category_set": part(block, a.category_set, np.int32, n),
        "category_sets": part(block, a.category_sets, np.uint8, 32 * a.n_sets).reshape(-1, 32),
        "count": part(block, a.count, np.int32, n),
        "weight": part(block, a.weight, np.float64, n),
        "impurity": part(block, a.impurity, np.float64, n),
        "value": part(block, a.value, np.float64, n * n_channels).reshape(n, n_channels),
    }


cdef part(_Block block, const void *first, dtype, Py_ssize_t n):
    return np.frombuffer(block, dtype, n, <const char *> first - block.memory) if n else np.empty(0, dtype)
