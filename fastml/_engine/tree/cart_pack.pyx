# cython: cdivision=True
"""A grown tree in the form that a forest keeps (see cart_forest.py), in one pass over its nodes.

A tree of AdaBoost has three nodes, one of a forest thousands, most of them with a handful of rows: to pack either by
operations on whole arrays costs as much as to grow it.
"""

import numpy as np

from libc.math cimport rint
from libc.stdint cimport INT32_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t

from fastml._engine.runtime.tree_kernels cimport WALK_CATEGORIES, WALK_FEATURE, WALK_MISSING_LEFT, walk_node

cdef double LARGEST_COUNT = 4294967295.0


def pack_nodes(tree, order, nodes):
    """Lay out the nodes of a tree.

    Parameters
    ----------
    tree : dict of arrays
        As `CartGrower.grow` returns it.
    order : intp array of shape (n_nodes,) or None
        The nodes in depth-first order; None: they are.
    nodes : array of shape (n_nodes,) of `NODE`
        Filled in. Thresholds of leaves are set to 0.

    Returns
    -------
    intp array of shape (n_leaves,)
        The leaves, depth first.

    Raises
    ------
    ValueError
        If the tree uses a feature beyond 2**28 - 1.
    """
    cdef const int32_t[::1] left = _as(tree["left"], np.int32), right = _as(tree["right"], np.int32)
    cdef const int32_t[::1] feature = _as(tree["feature"], np.int32)
    cdef const int32_t[::1] category_set = _as(tree["category_set"], np.int32)
    cdef const uint8_t[::1] missing_left = _as(tree["missing_left"], np.uint8)
    cdef const double[::1] threshold = _as(tree["threshold"], np.float64)
    cdef Py_ssize_t n = left.shape[0], k, i, n_leaves = 0
    cdef uint8_t[::1] memory = nodes.view(np.uint8)
    cdef walk_node *out = <walk_node *> &memory[0] if n else NULL
    cdef const Py_ssize_t[::1] at = order
    cdef Py_ssize_t[::1] place = np.empty(0 if order is None else n, dtype=np.intp)
    cdef Py_ssize_t[::1] leaves = np.empty(n // 2 + 1, dtype=np.intp)
    cdef int32_t what, widest = 0
    cdef bint moved = order is not None
    if moved:
        for k in range(n):
            place[at[k]] = k
    for k in range(n):
        i = at[k] if moved else k
        if left[i] < 0:
            out[k].threshold, out[k].right, out[k].feature = 0.0, <uint32_t> n_leaves, INT32_MIN
            leaves[n_leaves] = i
            n_leaves += 1
            continue
        what = feature[i]
        widest = max(widest, what)
        what |= (WALK_MISSING_LEFT if missing_left[i] else 0) | (WALK_CATEGORIES if category_set[i] >= 0 else 0)
        out[k].threshold = threshold[i] if category_set[i] < 0 else category_set[i]
        out[k].right = <uint32_t> (place[right[i]] if moved else right[i])
        out[k].feature = what
    if widest > WALK_FEATURE:
        raise ValueError(f"a tree splits on feature {widest}, at most {WALK_FEATURE} are possible")
    return np.asarray(leaves)[:n_leaves]


def in_depth_first_order(const int32_t[::1] left not None):
    """Whether every left child, by its number, comes right after its parent."""
    cdef Py_ssize_t i
    for i in range(left.shape[0]):
        if left[i] >= 0 and left[i] != i + 1:
            return False
    return True


def pack_counts(tree, const Py_ssize_t[::1] leaves not None):
    """What a forest keeps of the rows and weights of leaves.

    Parameters
    ----------
    tree : dict of arrays
    leaves : intp array of shape (n_leaves,)
        Their nodes.

    Returns
    -------
    counts, weights : arrays of shape (n_leaves,)
        As `narrowed` makes them; the second is empty where it equals the first.
    given : float64 array of shape (n_leaves,)
        The weights as they are.
    """
    cdef const double[::1] count = _as(tree["count"], np.float64), weight = _as(tree["weight"], np.float64)
    cdef double[::1] counts = np.empty(leaves.shape[0]), weights = np.empty(leaves.shape[0])
    cdef Py_ssize_t k
    cdef bint equal = True
    for k in range(leaves.shape[0]):
        counts[k], weights[k] = count[leaves[k]], weight[leaves[k]]
        equal = equal and counts[k] == weights[k]
    narrow = narrowed(counts)
    return narrow, narrow[:0] if equal else narrowed(weights), np.asarray(weights)


def set_payload(nodes, const double[::1] payload not None):
    """Write the payload of leaves, depth first, into their nodes."""
    cdef uint8_t[::1] memory = nodes.view(np.uint8)
    cdef Py_ssize_t n = len(nodes), i, n_leaves = 0
    cdef walk_node *out = <walk_node *> &memory[0] if n else NULL
    for i in range(n):
        if out[i].feature < 0:
            out[i].threshold = payload[n_leaves]
            n_leaves += 1


def narrowed(const double[::1] numbers not None):
    """Numbers that are all whole and below 2**32 in the narrowest unsigned integers that hold them; others as they
    are: array of the same shape."""
    cdef Py_ssize_t n = numbers.shape[0], i
    cdef double largest = 0.0
    cdef uint8_t[::1] bytes_
    cdef uint16_t[::1] words
    cdef uint32_t[::1] longs
    for i in range(n):
        if not (numbers[i] == rint(numbers[i]) and 0 <= numbers[i] <= LARGEST_COUNT):
            return np.array(numbers)
        largest = max(largest, numbers[i])
    if largest < 256:
        bytes_ = np.empty(n, dtype=np.uint8)
        for i in range(n):
            bytes_[i] = <uint8_t> numbers[i]
        return np.asarray(bytes_)
    if largest < 65536:
        words = np.empty(n, dtype=np.uint16)
        for i in range(n):
            words[i] = <uint16_t> numbers[i]
        return np.asarray(words)
    longs = np.empty(n, dtype=np.uint32)
    for i in range(n):
        longs[i] = <uint32_t> numbers[i]
    return np.asarray(longs)


def pack_classes(const double[:, ::1] shares not None, const Py_ssize_t[::1] leaves not None,
                 const double[::1] weight not None):
    """What a forest keeps of the shares of classes in leaves.

    Parameters
    ----------
    shares : float64 array of shape (n_nodes, n_classes)
    leaves : intp array of shape (n_leaves,)
        Their nodes.
    weight : float64 array of shape (n_leaves,)

    Returns
    -------
    payload : float64 array of shape (n_leaves,)
        The class of a pure leaf; -1 - m for mixed leaf m.
    sizes : int64 array of shape (n_mixed,)
        Classes in each mixed leaf.
    classes : int32 array of shape (sum of sizes,)
    amounts : float64 array of shape (sum of sizes,)
        Their weights.
    """
    cdef Py_ssize_t n = leaves.shape[0], n_classes = shares.shape[1], k, c, most, n_mixed = 0, n_parts = 0
    cdef double[::1] payload = np.empty(n)
    cdef int64_t[::1] sizes = np.zeros(n, dtype=np.int64)
    cdef const double *own
    cdef bint whole = True
    for k in range(n):
        own = &shares[leaves[k], 0]
        whole = whole and weight[k] == rint(weight[k])
        most = 0
        for c in range(1, n_classes):
            if own[c] > own[most]:
                most = c
        payload[k] = most
        if own[most] < 1.0:
            for c in range(n_classes):
                sizes[n_mixed] += own[c] != 0
            n_parts += sizes[n_mixed]
            n_mixed += 1
            payload[k] = -<double> n_mixed
    cdef int32_t[::1] classes = np.empty(n_parts, dtype=np.int32)
    cdef double[::1] amounts = np.empty(n_parts)
    n_parts = 0
    for k in range(n):
        if payload[k] >= 0:
            continue
        own = &shares[leaves[k], 0]
        for c in range(n_classes):
            if own[c] != 0:
                classes[n_parts] = <int32_t> c
                amounts[n_parts] = rint(own[c] * weight[k]) if whole else own[c] * weight[k]
                n_parts += 1
    return np.asarray(payload), np.asarray(sizes)[:n_mixed].copy(), np.asarray(classes), np.asarray(amounts)


def impurity_decreases(tree, Py_ssize_t n_features):
    """Weighted decrease of the impurity by the splits of each feature, as a share of the tree's weight.

    Parameters
    ----------
    tree : dict of arrays
        As `CartForest.tree`.
    n_features : int

    Returns
    -------
    float64 array of shape (n_features,)

    Raises
    ------
    IndexError
        If a node names a feature or a child that is not there.
    """
    cdef const int32_t[::1] left = _as(tree["left"], np.int32), right = _as(tree["right"], np.int32)
    cdef const int32_t[::1] feature = _as(tree["feature"], np.int32)
    cdef const double[::1] weight = _as(tree["weight"], np.float64), impurity = _as(tree["impurity"], np.float64)
    cdef double[::1] sums = np.zeros(n_features)
    cdef Py_ssize_t n = left.shape[0], i, a, b
    for i in range(n):
        a, b = left[i], right[i]
        if a < 0:
            continue
        if not (a < n and 0 <= b < n and 0 <= feature[i] < n_features):
            raise IndexError(f"node {i} names children {a} and {b} of {n}, feature {feature[i]} of {n_features}")
        sums[feature[i]] += weight[i] * impurity[i] - weight[a] * impurity[a] - weight[b] * impurity[b]
    return np.asarray(sums) / weight[0]


cdef _as(array, dtype):
    return np.ascontiguousarray(array, dtype=dtype)
