"""Rows through the deep trees of a CartForest, by value: to the leaves, to sums of their values.

A block of rows, read once, goes through all trees; blocks are shared among threads. The values of a row are
added in the order of the trees, so the number of threads changes no bit.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from fastml._engine.runtime.tree_kernels cimport K, walk_node, walk_tree
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.value_rows cimport ValueRows

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.cart_forest import LeafKind

cdef enum:
    BLOCK_BYTES = 256 << 10    # lines of a block that stay in the second-level cache beside one tree
    MOST_ROWS = 2048
    WINDOW = 1 << 22           # rows times trees between two looks at the keyboard
    SERIAL_STEPS = 2000        # rows times trees for which a second thread does not pay


cdef class _Work:
    cdef ValueRows rows
    cdef walk_tree tree
    cdef const walk_node *nodes
    cdef const int64_t[::1] node_offsets, leaf_offsets
    cdef const int32_t[::1] numbers
    cdef const uint8_t[:, ::1] sets
    cdef Py_ssize_t first, last, block_rows, room_size
    cdef char *room
    cdef object _owner

    def __dealloc__(self):
        free(self.room)

    cdef int open(self, forest, ValueRows rows, Py_ssize_t first, last) except -1:
        cdef const uint8_t[::1] bytes_of_nodes
        arrays = forest.arrays()
        self.rows = rows
        self.first = first
        self.last = forest.n_trees if last is None else last
        if not 0 <= self.first <= self.last <= forest.n_trees:
            raise ValueError(f"trees {first} to {last} are not among the forest's {forest.n_trees}")
        self._owner = arrays["nodes"]
        if len(self._owner):
            bytes_of_nodes = self._owner.view(np.uint8)
            self.nodes = <const walk_node *>&bytes_of_nodes[0]
        self.node_offsets, self.leaf_offsets = arrays["node_offsets"], arrays["leaf_offsets"]
        self.numbers = arrays["numbers"]
        self.sets = arrays["category_sets"]
        self.tree.sets = &self.sets[0, 0] if self.sets.shape[0] else NULL
        self.tree.slot = rows.slot
        return 0

    cdef void block(self, Py_ssize_t lo, Py_ssize_t n, const double *lines, Py_ssize_t stride,
                    uint32_t *leaf) noexcept nogil:
        pass

    cdef void one(self, Py_ssize_t block, int thread) noexcept nogil:
        cdef Py_ssize_t lo = block * self.block_rows, n = min(self.block_rows, self.rows.n_rows - lo)
        cdef double *lines = <double *>(self.room + thread * self.room_size)
        cdef double *scratch = lines + self.block_rows * self.rows.width
        cdef uint32_t *leaf = <uint32_t *>(scratch + self.block_rows)
        if self.rows.direct != NULL:
            self.block(lo, n, self.rows.direct + lo * self.rows.direct_stride, self.rows.direct_stride, leaf)
        else:
            self.rows.fill(lo, n, lines, scratch)
            self.block(lo, n, lines, self.rows.width, leaf)

    cdef int run(self, int n_threads) except -1:
        cdef Py_ssize_t n_rows = self.rows.n_rows, n_trees = max(<Py_ssize_t>1, self.last - self.first)
        cdef Py_ssize_t rows, n_blocks, b, start, stop, window
        if n_rows * n_trees < SERIAL_STEPS:
            n_threads = 1
        rows = BLOCK_BYTES // (8 * max(self.rows.width, <Py_ssize_t>1))
        rows = min(rows, (n_rows + n_threads - 1) // n_threads)
        self.block_rows = max(<Py_ssize_t>8, min(rows, <Py_ssize_t>MOST_ROWS) // 8 * 8)
        n_blocks = (n_rows + self.block_rows - 1) // self.block_rows
        self.room_size = (self.block_rows * (8 * self.rows.width + 16) + 127) // 64 * 64
        self.room = <char *>malloc(n_threads * self.room_size)
        if self.room == NULL:
            raise MemoryError()
        window = max(<Py_ssize_t>n_threads, WINDOW // (self.block_rows * n_trees))
        for start in range(0, n_blocks, window):
            check()
            stop = min(n_blocks, start + window)
            if n_threads == 1 or stop - start == 1:
                with nogil:
                    for b in range(start, stop):
                        self.one(b, 0)
            else:
                for b in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    self.one(b, thread_num())
        return 0


cdef class _Leaves(_Work):
    cdef int32_t[:, ::1] out
    cdef bint renumber

    cdef void block(self, Py_ssize_t lo, Py_ssize_t n, const double *lines, Py_ssize_t stride,
                    uint32_t *leaf) noexcept nogil:
        cdef Py_ssize_t t, i
        cdef walk_tree tree = self.tree
        for t in range(self.first, self.last):
            tree.nodes = self.nodes + self.node_offsets[t]
            K.walk_rows(&tree, lines, stride, n, leaf)
            if self.renumber:
                for i in range(n):
                    self.out[lo + i, t - self.first] = self.numbers[self.node_offsets[t] + leaf[i]]
            else:
                for i in range(n):
                    self.out[lo + i, t - self.first] = <int32_t>leaf[i]


def leaves(forest, ValueRows rows not None, Py_ssize_t first=0, last=None, int n_threads=1, bint places=False):
    """Leaf that each row falls into.

    Parameters
    ----------
    forest : CartForest
    rows : ValueRows
    first, last : int
        Trees, all by default.
    n_threads : int, default=1
    places : bool, default=False
        Places in the storage instead of the numbers that users see.

    Returns
    -------
    int32 array of shape (n_rows, last - first)
    """
    cdef _Leaves work = _Leaves()
    work.open(forest, rows, first, last)
    out = np.empty((rows.n_rows, work.last - work.first), dtype=np.int32)
    work.out = out
    work.renumber = work.numbers.shape[0] > 0 and not places
    work.run(n_threads)
    return out


cdef class _Add(_Work):
    cdef double[:, ::1] out
    cdef const double[:, ::1] vector
    cdef const int64_t[::1] mixed_offsets
    cdef const int32_t[::1] mixed_class
    cdef const double[::1] mixed_share
    cdef const uint8_t[:, ::1] in_bag
    cdef int32_t[::1] n_used
    cdef bint is_number, is_vector, choose

    cdef inline void add(self, const walk_node *node, Py_ssize_t t, Py_ssize_t row) noexcept nogil:
        cdef Py_ssize_t k, width = self.out.shape[1]
        cdef int64_t m
        cdef double *sums = &self.out[row, 0]
        if self.is_number:
            sums[width - 1] += node.threshold
        elif self.is_vector:
            for k in range(width):
                sums[k] += self.vector[self.leaf_offsets[t] + node.right, k]
        elif node.threshold >= 0:
            sums[<Py_ssize_t>node.threshold] += 1.0
        else:
            m = <int64_t>(-1.0 - node.threshold)
            for k in range(self.mixed_offsets[m], self.mixed_offsets[m + 1]):
                sums[self.mixed_class[k]] += self.mixed_share[k]

    cdef void block(self, Py_ssize_t lo, Py_ssize_t n, const double *lines, Py_ssize_t stride,
                    uint32_t *leaf) noexcept nogil:
        cdef Py_ssize_t t, i, row
        cdef walk_tree tree = self.tree
        for t in range(self.first, self.last):
            tree.nodes = self.nodes + self.node_offsets[t]
            K.walk_rows(&tree, lines, stride, n, leaf)
            if not self.choose:
                for i in range(n):
                    self.add(tree.nodes + leaf[i], t, lo + i)
                continue
            for i in range(n):
                row = lo + i
                if not self.in_bag[t - self.first, row >> 3] >> (row & 7) & 1:
                    self.n_used[row] += 1
                    self.add(tree.nodes + leaf[i], t, row)


def add_values(forest, ValueRows rows not None, out, Py_ssize_t first=0, last=None, in_bag=None, n_used=None,
               int n_threads=1):
    """Add the values of the leaves that each row falls into.

    Parameters
    ----------
    forest : CartForest
    rows : ValueRows
    out : float64 array of shape (n_rows, width)
        Changed in place. Of two classes only the second one's shares are added, to the last column.
    first, last : int
        Trees, all by default.
    in_bag : uint8 array of shape (last - first, ceil(n_rows / 8)), optional
        Bits (the lowest is the first row) of rows that a tree was grown from and has no say about.
    n_used : int32 array of shape (n_rows,)
        With `in_bag`: grows by the number of trees that had a say.
    n_threads : int, default=1
    """
    cdef _Add work = _Add()
    work.open(forest, rows, first, last)
    arrays = forest.arrays()
    work.out = out
    if work.out.shape[0] != rows.n_rows or work.out.shape[1] != forest.width:
        raise ValueError(f"out has shape {np.shape(out)}, expected {(rows.n_rows, forest.width)}")
    work.is_number = forest.leaf_kind == LeafKind.NUMBER
    work.is_vector = forest.leaf_kind == LeafKind.VECTOR
    if work.is_vector:
        work.vector = arrays["leaf_vector"]
    elif not work.is_number:
        work.mixed_offsets = arrays["mixed_offsets"]
        work.mixed_class, work.mixed_share = forest.mixed()
    work.choose = in_bag is not None
    if work.choose:
        work.in_bag, work.n_used = in_bag, n_used
        if work.in_bag.shape[0] != work.last - work.first or 8 * work.in_bag.shape[1] < rows.n_rows \
                or work.n_used.shape[0] != rows.n_rows:
            raise ValueError(f"in_bag has shape {np.shape(in_bag)}, n_used {np.shape(n_used)}: too small for "
                             f"{work.last - work.first} trees and {rows.n_rows} rows")
    work.run(n_threads)
