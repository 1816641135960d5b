"""Which rows lie in which node while a tree grows, and after."""

from libc.stdint cimport int64_t, uint32_t
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
