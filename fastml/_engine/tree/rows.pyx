"""Which rows lie in which node while a tree grows, and after."""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from fastml._engine.tree.frontier cimport Leaf


cdef class NodeRows:
    """Row numbers and packed gradients of all nodes, in two buffers.

    Parameters
    ----------
    n_rows : int
        Rows of the matrix.
    """

    def __cinit__(self, Py_ssize_t n_rows):
        cdef int t
        self.room = n_rows
        for t in range(2):
            self.rows[t] = <uint32_t *> malloc((n_rows + 64) * sizeof(uint32_t))
            self.gh[t] = <uint32_t *> malloc((n_rows + 64) * sizeof(uint32_t))
        if not (self.rows[0] and self.rows[1] and self.gh[0] and self.gh[1]):
            raise MemoryError()

    def __dealloc__(self):
        cdef int t
        for t in range(2):
            free(self.rows[t])
            free(self.gh[t])

    def start(self, rows=None):
        """Begin a tree on all rows, or on the listed ones (uint32, ascending)."""
        cdef const uint32_t[::1] chosen
        self.implicit_root = rows is None
        self.n = self.room
        if rows is not None:
            chosen = rows
            if chosen.shape[0] > self.room:
                raise ValueError(f"rows has {chosen.shape[0]} entries, the matrix has {self.room} rows")
            self.n = chosen.shape[0]
            if self.n > 0:
                memcpy(self.rows[0], &chosen[0], self.n * sizeof(uint32_t))
        if self.n == 0:
            raise ValueError("a tree needs at least one row")

    cdef const uint32_t *of(self, const Leaf *leaf) noexcept nogil:
        """Row numbers of a leaf, ascending; NULL: all rows in order."""
        if self.implicit_root and leaf.depth == 0:
            return NULL
        return self.rows[leaf.buffer] + leaf.start

    cdef uint32_t *gh_of(self, const Leaf *leaf) noexcept nogil:
        return self.gh[leaf.buffer] + leaf.start

    cdef void add_value(self, const Leaf *leaf, int64_t first, int64_t last, double value, double *raw) noexcept nogil:
        """raw += value for rows first to last - 1 of a leaf."""
        cdef const uint32_t *rows = self.of(leaf)
        cdef int64_t i
        if rows == NULL:
            for i in range(first, last):
                raw[i] += value
        else:
            for i in range(first, last):
                raw[rows[i]] += value


cdef enum:
    ROWS_PER_TASK = 16384


ctypedef fused Item:
    uint8_t
    uint16_t
    uint32_t
    uint64_t


cdef void gather_items(const Item[::1] values, const uint32_t[::1] order, Item[::1] out, int n_threads) noexcept nogil:
    cdef Py_ssize_t n = order.shape[0], task, i
    for task in prange((n + ROWS_PER_TASK - 1) // ROWS_PER_TASK, num_threads=n_threads, schedule="static"):
        for i in range(task * ROWS_PER_TASK, min(n, (task + 1) * ROWS_PER_TASK)):
            out[i] = values[order[i]]


def gather(values, const uint32_t[::1] order not None, int n_threads=1):
    """``values[order]`` by several threads and without a copy of the row numbers.

    Parameters
    ----------
    values : array of shape (n_rows,), of items of 1, 2, 4 or 8 bytes
    order : uint32 array of shape (n,), below n_rows

    Returns
    -------
    array of shape (n,)
    """
    out = np.empty(order.shape[0], dtype=values.dtype)
    if order.shape[0] and np.max(order) >= values.shape[0]:
        raise IndexError(f"row {np.max(order)} of {values.shape[0]}")
    item = f"u{values.itemsize}"
    if values.itemsize == 1:
        gather_items[uint8_t](values.view(item), order, out.view(item), n_threads)
    elif values.itemsize == 2:
        gather_items[uint16_t](values.view(item), order, out.view(item), n_threads)
    elif values.itemsize == 4:
        gather_items[uint32_t](values.view(item), order, out.view(item), n_threads)
    else:
        gather_items[uint64_t](values.view(item), order, out.view(item), n_threads)
    return out
