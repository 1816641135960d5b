# cython: cdivision=True
"""A grown classification or regression tree as arrays.

The thread that grew the tree lays its arrays out in one block of memory; Python wraps them where they lie.
"""

import numpy as np

from libc.math cimport fmax, fmin
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport IMPURITY_ABSOLUTE_ERROR, IMPURITY_POISSON, K
from fastml._engine.tree.cart_growth cimport CartNode


cdef class _Block:
    """Memory of one tree, freed with the last array in it."""

    cdef void *memory

    def __dealloc__(self):
        free(self.memory)


class _Array:
    def __init__(self, address, shape, typestr, block):
        self.__array_interface__ = {"data": (address, False), "shape": shape, "typestr": typestr, "version": 3}
        self.block = block


cdef bint finish_tree(const CartSettings *s, Growth *g, CartArrays *a) noexcept nogil:
    """Lays out the arrays of a tree that is grown; False when there is no memory for them."""
    cdef int64_t n = g.n_nodes, channels = s.params.n_channels, i
    cdef int32_t sets = 0
    cdef CartNode *node
    a.memory = malloc(n * (8 * (3 + channels) + 4 * 5 + 2) + 32 * g.n_sets)
    if a.memory == NULL:
        return False
    a.n_nodes, a.n_sets = n, g.n_sets
    a.threshold = <double *> a.memory
    a.weight = a.threshold + n
    a.impurity = a.weight + n
    a.value = a.impurity + n
    a.left = <int32_t *> (a.value + n * channels)
    a.right = a.left + n
    a.feature = a.right + n
    a.category_set = a.feature + n
    a.count = a.category_set + n
    a.code = <uint8_t *> (a.count + n)
    a.missing_left = a.code + n
    a.category_sets = a.missing_left + n
    for i in range(n):
        node = g.nodes + i
        a.left[i], a.right[i], a.feature[i], a.category_set[i] = node.left, node.right, node.feature, -1
        if node.category_set >= 0:  # numbered by node, in whatever order they were made
            memcpy(a.category_sets + 32 * sets, g.sets + 32 * node.category_set, 32)
            a.category_set[i] = sets
            sets += 1
        a.count[i], a.code[i], a.missing_left[i] = node.count, node.code, node.missing_left
        a.threshold[i] = node.threshold
    if s.is_classification:
        sum_classes(s, g, a)
        return True
    return sum_numbers(s, g, a)


cdef void sum_classes(const CartSettings *s, Growth *g, CartArrays *a) noexcept nogil:
    """Shares of classes and impurities, from the leaves up: children come after their parents."""
    cdef int64_t i, c, o, channels = s.params.n_channels
    cdef const double *own
    cdef double *value
    cdef double total, second
    cdef CartNode *node
    for i in range(a.n_nodes - 1, -1, -1):
        node = g.nodes + i
        value = a.value + i * channels
        if node.left < 0:
            own = g.sums + node.sums
            for c in range(channels):
                value[c] = own[c]
        else:
            for c in range(channels):
                value[c] = a.value[node.left * channels + c] + a.value[node.right * channels + c]
    for i in range(a.n_nodes):
        value = a.value + i * channels
        total = 0
        for c in range(s.params.first[1]):
            total += value[c]
        a.weight[i], a.impurity[i] = total, 0.0
        if total > 0:
            a.impurity[i] = fmax(0.0, K.impurity_value(&s.params, value, NULL, total) / (total * s.params.n_outputs))
        for o in range(s.params.n_outputs):
            for c in range(s.params.first[o], s.params.first[o + 1]):
                value[c] = value[c] / total if total > 0 else 1.0 / (s.params.first[o + 1] - s.params.first[o])
        if s.params.bounded and channels == 2:
            second = fmin(fmax(value[1], g.nodes[i].low), g.nodes[i].high)
            value[0], value[1] = 1.0 - second, second


cdef bint sum_numbers(const CartSettings *s, Growth *g, CartArrays *a) noexcept nogil:
    """Means and impurities, from the leaves up."""
    cdef int64_t i, o, outputs = s.params.n_outputs, width = g.sum_width
    cdef double *sums = <double *> malloc(a.n_nodes * width * sizeof(double))
    cdef double *own
    cdef const double *medians
    cdef double w
    cdef CartNode *node
    if sums == NULL:
        free(a.memory)
        a.memory = NULL
        return False
    for i in range(a.n_nodes - 1, -1, -1):
        node = g.nodes + i
        own = sums + i * width
        if node.left < 0:
            memcpy(own, g.sums + node.sums, width * sizeof(double))
        else:
            for o in range(width):
                own[o] = sums[node.left * width + o] + sums[node.right * width + o]
    for i in range(a.n_nodes):
        node = g.nodes + i
        own = sums + i * width
        w = own[0]
        a.weight[i], a.impurity[i] = w, 0.0
        for o in range(outputs):
            a.value[i * outputs + o] = own[1 + o] / w if w > 0 else 0.0
            if s.params.criterion != IMPURITY_POISSON:
                own[1 + o] -= s.centre * w
        if s.params.criterion == IMPURITY_ABSOLUTE_ERROR:
            medians = g.medians + i * (outputs + 1)
            a.impurity[i] = medians[outputs]
            for o in range(outputs):
                a.value[i * outputs + o] = s.centre + medians[o] / s.number_scale
        elif w > 0:
            a.impurity[i] = fmax(0.0, K.impurity_value(&s.params, own + 1, own + 1 + outputs, w) / (w * outputs))
        if s.params.bounded and outputs == 1:
            a.value[i] = fmin(fmax(a.value[i], s.centre + node.low / s.number_scale),
                              s.centre + node.high / s.number_scale)
    free(sums)
    return True


cdef dict tree_dict(CartArrays *a, int64_t n_channels):
    """The tree as a dict of arrays, which own its memory from now on."""
    cdef _Block block = _Block()
    block.memory = a.memory
    a.memory = NULL
    n = a.n_nodes

    def array(address, dtype, *shape):
        return np.asarray(_Array(address, shape, np.dtype(dtype).str, block))

    return {
        "left": array(<uintptr_t> a.left, np.int32, n),
        "right": array(<uintptr_t> a.right, np.int32, n),
        "feature": array(<uintptr_t> a.feature, np.int32, n),
        "threshold": array(<uintptr_t> a.threshold, np.float64, n),
        "code": array(<uintptr_t> a.code, np.uint8, n),
        "missing_left": array(<uintptr_t> a.missing_left, np.uint8, n),
        "category_set": array(<uintptr_t> a.category_set, np.int32, n),
        "category_sets": array(<uintptr_t> a.category_sets, np.uint8, a.n_sets, 32),
        "count": array(<uintptr_t> a.count, np.int32, n),
        "weight": array(<uintptr_t> a.weight, np.float64, n),
        "impurity": array(<uintptr_t> a.impurity, np.float64, n),
        "value": array(<uintptr_t> a.value, np.float64, n, n_channels),
    }
