# cython: cdivision=True
"""Grown trees in the form that a forest keeps (see cart_forest.py), in few passes over their nodes.

A tree of AdaBoost has three nodes, one of a forest thousands, most of them with a handful of rows: to pack either by
operations on whole arrays costs as much as to grow it. Trees are shared out among threads, as their growth is.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport INFINITY, fmax, fmin, rint
from libc.stdint cimport INT32_MIN, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport WALK_CATEGORIES, WALK_FEATURE, WALK_MISSING_LEFT, walk_node

from fastml._engine.tree.subtree import depth_first

cdef double LARGEST_COUNT = 4294967295.0

cdef enum:
    NODES_FOR_THREADS = 1 << 13   # fewer are packed before another thread has started

cdef enum LeafKind:        # see cart_forest.py
    NUMBER, CLASS, VECTOR

_KINDS = {"number": NUMBER, "class": CLASS, "vector": VECTOR}


cdef struct Job:               # a tree to pack
    Py_ssize_t n, width
    LeafKind kind
    bint shares                # values are shares of classes
    const int32_t *left
    const int32_t *right
    const int32_t *feature
    const int32_t *category_set
    const double *count
    const uint8_t *missing_left
    const double *threshold
    const double *weight
    const double *impurity
    const double *value
    # first pass
    bint in_order
    Py_ssize_t n_leaves
    # second pass
    const int32_t *order       # node at each place, depth first; NULL: as they are numbered
    int32_t *place             # room for the place of each node; NULL: as they are numbered
    walk_node *nodes
    int32_t *leaves            # node of each leaf
    int32_t widest             # greatest feature
    bint counted               # the weights of all leaves are their counts
    bint whole                 # the weights of all leaves are whole
    bint impure                # the impurity of some leaf is not 0
    double most_rows, most_weight   # infinite where not all are counts
    Py_ssize_t n_mixed, n_parts     # leaves of several classes, and these
    # third pass; NULL: not kept
    char *counts
    char *weights
    Py_ssize_t count_bytes, weight_bytes
    double *impurities
    double *vectors
    int64_t *mixed_sizes
    int32_t *mixed_classes
    double *mixed_weights


def pack_trees(trees, kind, Py_ssize_t width, bint shares, node_dtype, int n_threads=1):
    """Pack trees.

    Parameters
    ----------
    trees : list of dict of arrays
        As `CartGrower.grow` returns them.
    kind : {"number", "class", "vector"}
        How the values of leaves are kept.
    width : int
        Numbers in a value.
    shares : bool
        Whether values are shares of classes.
    node_dtype : dtype
        The fields of a `walk_node`.
    n_threads : int, default=1

    Returns
    -------
    list of dict of arrays
        Of each tree ``nodes``, depth first; ``numbers`` (int32), the numbers that they had, empty if these are depth
        first; by leaf, depth first, ``leaf_count``, ``leaf_weight`` (empty where it equals the counts) and
        ``leaf_impurity`` (empty where all are 0); for kind "vector" ``leaf_vector``; for "class" ``mixed_sizes``
        (int64), classes in each mixed leaf, and ``mixed_class`` (int32) and ``mixed_weight`` of these. Counts and
        weights are in the narrowest type that holds them (see `narrowed`).

    Raises
    ------
    ValueError
        If a value has another width, or a tree uses a feature beyond 2**28 - 1.
    MemoryError
    """
    cdef Py_ssize_t n = len(trees), n_nodes = 0, i
    cdef Job *jobs = <Job *> calloc(max(n, <Py_ssize_t> 1), sizeof(Job))
    if jobs == NULL:
        raise MemoryError()
    held, parts = [], []
    try:
        for i in range(n):
            jobs[i].kind, jobs[i].width, jobs[i].shares = _KINDS[kind], width, shares
            held.append(read_tree(jobs + i, trees[i]))
            n_nodes += jobs[i].n
        if n_nodes < NODES_FOR_THREADS:
            n_threads = 1
        n_threads = max(1, min(n_threads, <int> n))
        for i in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            count_leaves(jobs + i)
        for i in range(n):
            parts.append(take_nodes(jobs + i, trees[i], node_dtype, held[i]))
        for i in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            pack_nodes(jobs + i)
        for i in range(n):
            if jobs[i].widest > WALK_FEATURE:
                raise ValueError(
                    f"a tree splits on feature {jobs[i].widest}, at most {WALK_FEATURE} are possible")
            take_leaves(jobs + i, parts[i])
        for i in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
            pack_leaves(jobs + i)
    finally:
        free(jobs)
    if kind == "class":
        for part in parts:
            part["mixed_weight"] = narrowed(part["mixed_weight"])
    return parts


# ---- memory, which is Python's

cdef list read_tree(Job *job, tree):
    """Points at the arrays of a tree; returns them, so that they stay."""
    integers = [_as(tree[name], np.int32) for name in ("left", "right", "feature", "category_set")]
    numbers = [_as(tree[name], np.float64) for name in ("count", "threshold", "weight", "impurity", "value")]
    sides = _as(tree["missing_left"], np.uint8)
    cdef const int32_t[::1] left = integers[0], right = integers[1], feature = integers[2], category_set = integers[3]
    cdef const double[::1] count = numbers[0], threshold = numbers[1], weight = numbers[2], impurity = numbers[3]
    cdef const uint8_t[::1] missing_left = sides
    cdef const double[:, ::1] value
    job.n = left.shape[0]
    if numbers[4].shape != (job.n, job.width) or job.n == 0:
        raise ValueError(f"values have shape {numbers[4].shape}, expected ({max(job.n, 1)}, {job.width})")
    value = numbers[4]
    job.left, job.right, job.feature, job.category_set = &left[0], &right[0], &feature[0], &category_set[0]
    job.count, job.missing_left, job.threshold = &count[0], &missing_left[0], &threshold[0]
    job.weight, job.impurity, job.value = &weight[0], &impurity[0], &value[0, 0]
    return [integers, numbers, sides]


cdef dict take_nodes(Job *job, tree, node_dtype, list held):
    """Memory for the nodes; the order of those that are not numbered depth first."""
    room = np.empty(job.n_leaves, dtype=np.int32)
    cdef int32_t[::1] order, place, leaves = room
    nodes = np.empty(job.n, dtype=node_dtype)
    cdef uint8_t[::1] memory = nodes.view(np.uint8)
    numbers = np.empty(0, dtype=np.int32)
    job.nodes, job.leaves = <walk_node *> &memory[0], &leaves[0]
    held.append(room)
    if not job.in_order:
        numbers = depth_first(tree["left"], tree["right"]).astype(np.int32)
        room = np.empty(job.n, dtype=np.int32)
        order, place = numbers, room
        job.order, job.place = &order[0], &place[0]
        held.append(room)
    return {"nodes": nodes, "numbers": numbers}


cdef void take_leaves(Job *job, dict part):
    """Memory for what is kept of leaves."""
    cdef double[::1] numbers
    cdef double[:, ::1] vectors
    cdef int64_t[::1] sizes
    cdef int32_t[::1] classes
    job.counts = take_counts(job.n_leaves, job.most_rows, part, "leaf_count", &job.count_bytes)
    job.weights = take_counts(0 if job.counted else job.n_leaves, job.most_rows if job.counted else job.most_weight,
                              part, "leaf_weight", &job.weight_bytes)
    part["leaf_impurity"] = np.empty(job.n_leaves if job.impure else 0)
    if job.impure:
        numbers = part["leaf_impurity"]
        job.impurities = &numbers[0]
    if job.kind == VECTOR:
        vectors = part["leaf_vector"] = np.empty((job.n_leaves, job.width))
        job.vectors = &vectors[0, 0]
    elif job.kind == CLASS:
        part["mixed_sizes"] = np.empty(job.n_mixed, dtype=np.int64)
        part["mixed_class"] = np.empty(job.n_parts, dtype=np.int32)
        part["mixed_weight"] = np.empty(job.n_parts)
        if job.n_mixed:
            sizes, classes, numbers = part["mixed_sizes"], part["mixed_class"], part["mixed_weight"]
            job.mixed_sizes, job.mixed_classes, job.mixed_weights = &sizes[0], &classes[0], &numbers[0]


cdef char *take_counts(Py_ssize_t n, double most, dict part, name, Py_ssize_t *n_bytes):
    array = part[name] = np.empty(n, dtype=_narrowest(most))
    cdef uint8_t[::1] memory = array.view(np.uint8)
    n_bytes[0] = array.itemsize
    return <char *> &memory[0] if n else NULL


cdef _narrowest(double most):
    if most > LARGEST_COUNT:
        return np.float64
    return np.uint8 if most < 256 else np.uint16 if most < 65536 else np.uint32


# ---- the passes

cdef void count_leaves(Job *job) noexcept nogil:
    cdef Py_ssize_t i
    job.in_order = True
    for i in range(job.n):
        job.n_leaves += job.left[i] < 0
        if job.left[i] >= 0 and job.left[i] != i + 1:
            job.in_order = False


cdef inline double as_count(double x) noexcept nogil:
    """x, or infinity where no unsigned integer of 32 bits holds it."""
    return x if x == rint(x) and 0 <= x <= LARGEST_COUNT else INFINITY


cdef void pack_nodes(Job *job) noexcept nogil:
    """Nodes and the values that they hold; measures what is to be kept of leaves."""
    cdef Py_ssize_t k, i, n_leaves = 0
    cdef int32_t what
    cdef walk_node *out
    job.counted = job.whole = True
    if job.order != NULL:
        for k in range(job.n):
            job.place[job.order[k]] = <int32_t> k
    for k in range(job.n):
        i = k if job.order == NULL else job.order[k]
        out = job.nodes + k
        if job.left[i] < 0:
            out.right, out.feature = <uint32_t> n_leaves, INT32_MIN
            out.threshold = payload(job, i)
            job.leaves[n_leaves] = <int32_t> i
            n_leaves += 1
            measure_leaf(job, i)
            continue
        what = job.feature[i]
        job.widest = max(job.widest, what)
        what |= (WALK_MISSING_LEFT if job.missing_left[i] else 0) | (WALK_CATEGORIES if job.category_set[i] >= 0 else 0)
        out.threshold = job.threshold[i] if job.category_set[i] < 0 else job.category_set[i]
        out.right = <uint32_t> (job.right[i] if job.order == NULL else job.place[job.right[i]])
        out.feature = what


cdef inline void measure_leaf(Job *job, Py_ssize_t i) noexcept nogil:
    cdef double rows = job.count[i], weight = job.weight[i]
    job.most_rows = fmax(job.most_rows, as_count(rows))
    job.most_weight = fmax(job.most_weight, as_count(weight))
    job.counted = job.counted and rows == weight
    job.whole = job.whole and weight == rint(weight)
    job.impure = job.impure or (not job.shares and job.impurity[i] != 0)


cdef inline double payload(Job *job, Py_ssize_t i) noexcept nogil:
    """What the node of a leaf holds: its number; the class of a pure leaf, or -1 - m of mixed leaf m."""
    cdef const double *own = job.value + i * job.width
    cdef Py_ssize_t c, most = 0
    if job.kind == VECTOR:
        return 0.0
    if job.kind == NUMBER:
        # a share may be rounded to the next number above 1
        return fmin(own[job.width - 1], 1.0) if job.shares else own[job.width - 1]
    for c in range(1, job.width):
        if own[c] > own[most]:
            most = c
    if own[most] >= 1.0:
        return <double> most
    for c in range(job.width):
        job.n_parts += own[c] != 0
    job.n_mixed += 1
    return -<double> job.n_mixed


cdef void pack_leaves(Job *job) noexcept nogil:
    cdef Py_ssize_t k, i, c, n_mixed = 0, n_parts = 0, first
    cdef const double *own
    cdef double amount
    for k in range(job.n_leaves):
        i = job.leaves[k]
        store(job.counts, job.count_bytes, k, job.count[i])
        if job.weights != NULL:
            store(job.weights, job.weight_bytes, k, job.weight[i])
        if job.impurities != NULL:
            job.impurities[k] = fmax(job.impurity[i], 0.0)
        if job.vectors != NULL:
            memcpy(job.vectors + k * job.width, job.value + i * job.width, job.width * sizeof(double))
    if job.n_mixed == 0:
        return
    for k in range(job.n):
        if job.nodes[k].feature >= 0 or job.nodes[k].threshold >= 0:
            continue
        i = job.leaves[job.nodes[k].right]
        own, first = job.value + i * job.width, n_parts
        for c in range(job.width):
            if own[c] != 0:
                amount = own[c] * job.weight[i]
                job.mixed_classes[n_parts] = <int32_t> c
                job.mixed_weights[n_parts] = rint(amount) if job.whole else amount
                n_parts += 1
        job.mixed_sizes[n_mixed] = n_parts - first
        n_mixed += 1


cdef inline void store(char *out, Py_ssize_t n_bytes, Py_ssize_t k, double x) noexcept nogil:
    if n_bytes == 1:
        (<uint8_t *> out)[k] = <uint8_t> x
    elif n_bytes == 2:
        (<uint16_t *> out)[k] = <uint16_t> x
    elif n_bytes == 4:
        (<uint32_t *> out)[k] = <uint32_t> x
    else:
        (<double *> out)[k] = x


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
