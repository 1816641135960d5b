"""One search of one node, and one split of its records, for benchmarks.

What growth does with them is in cart_growth.pyx; the loops are in ``src_c/tree/impurity.c`` and ``records.c``.
"""

from libc.stdint cimport int64_t

from fastml._engine.runtime.tree_kernels cimport K, partition_rule
from fastml._engine.tree.cart cimport CartGrower
from fastml._engine.tree.cart_growth cimport CartSettings, Growth, OpenNode, Sample, examine, open_node, set_root
from fastml._engine.tree.cart_memory cimport allocate_growth, free_growth
from fastml._engine.tree.cart_sample cimport allocate_sample, draw_sample, free_sample


def time_search(CartGrower grower not None, targets, Py_ssize_t n_rows, Py_ssize_t repeats):
    """Searches the same node of the first rows again and again.

    Parameters
    ----------
    grower : CartGrower
    targets : array of shape (n_rows of the matrix, n_outputs)
    n_rows : int
        Rows of the node.
    repeats : int

    Returns
    -------
    float
        Decrease of the impurity by its best split.
    """
    cdef Growth work
    cdef Sample sample
    cdef double found
    cdef Py_ssize_t i
    plant_rows(grower, &work, &sample, targets, n_rows)
    with nogil:
        for i in range(repeats):
            sample.seed = i
            examine(&grower.settings, &work, 0)
        found = work.open[0].priority
    free_growth(&work)
    free_sample(&sample)
    return found


def time_split(CartGrower grower not None, targets, Py_ssize_t n_rows, int code, Py_ssize_t repeats):
    """Splits the records of the first rows by feature 0 again and again: what stays is at the head already, what
    has gone is written once more.

    Parameters
    ----------
    grower : CartGrower
    targets : array of shape (n_rows of the matrix, n_outputs)
    n_rows : int
        Rows of the node.
    code : int
        Codes up to it stay.
    repeats : int

    Returns
    -------
    int
        Rows that stay.
    """
    cdef Growth work
    cdef Sample sample
    cdef partition_rule rule
    cdef int64_t n_left = 0
    cdef Py_ssize_t _i
    plant_rows(grower, &work, &sample, targets, n_rows)
    rule.set, rule.code, rule.bias = NULL, code, 1
    with nogil:
        for _i in range(repeats):
            n_left = K.records_split(grower.settings.params.layout, sample.first_rows, n_rows, 0, &rule,
                                     sample.other_rows)
    free_growth(&work)
    free_sample(&sample)
    return n_left


cdef plant_rows(CartGrower grower, Growth *work, Sample *sample, targets, Py_ssize_t n_rows):
    """A root of the first rows, all of weight 1."""
    cdef CartSettings *s = &grower.settings
    cdef OpenNode root
    grower.prepare(targets, None, None)
    if not 2 <= n_rows <= s.n_rows:
        raise ValueError(f"n_rows={n_rows} must be from 2 to {s.n_rows}")
    if not allocate_growth(s, work):
        free_growth(work)
        raise MemoryError()
    if not allocate_sample(s, sample):
        free_growth(work)
        free_sample(sample)
        raise MemoryError()
    draw_sample(s, None, 0, sample)
    sample.n = n_rows
    work.sample = sample
    set_root(work, &root)
    open_node(work, &root)
    work.open[0].node = 0
