"""Rows through the deep trees of a CartForest, by value: to the leaves, to sums of their values.

A block of rows, read once, goes through all trees; blocks are shared among threads. The values of a row are
added in the order of the trees, so the number of threads changes no bit.

Where it pays the trees are packed (key_pack.pyx) and rows walk by 32-bit keys; the few for which a key does not tell
walk again, by value. Both ways lead to the same leaf.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport K, walk_node, walk_tree
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.key_pack cimport KeyPack
from fastml._engine.tree.leaf_values cimport LeafValues
from fastml._engine.tree.value_rows cimport ValueRows

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.key_pack import key_pack_of

cdef enum:
    VALUE_BYTES = 256 << 10    # lines of a block, by value: they stay in the second-level cache beside one tree
    KEY_BYTES = 4 << 20        # by key: the more rows a tree that comes from memory serves, the better
    MOST_ROWS = 16384
    MOST_TREES = 2048
    WINDOW = 1 << 22           # rows times trees between two looks at the keyboard
    SERIAL_STEPS = 2000        # rows times trees for which a second thread does not pay
    FEW_ROWS = 8               # which go down many trees at once, one after the other
    READ_BYTES = 16 << 10      # values that are read before they become keys
    TWICE = 8                  # share of rows in doubt from which all rows walk again


cdef struct Block:
    Py_ssize_t lo, n
    const double *lines      # NULL until they are needed
    Py_ssize_t stride
    int told                 # of the keys
    int32_t *keys
    double *own_lines
    double *scratch          # (rows,)
    double *value            # (rows,)
    uint32_t *leaf           # (rows,)
    uint32_t *doubted        # (rows,) or (trees,)
    uint32_t *table          # (FEW_ROWS, trees): leaves of a few rows
    bint in_table


cdef inline Py_ssize_t aligned(Py_ssize_t size) noexcept nogil:
    return (size + 63) // 64 * 64


cdef class _Work:
    cdef ValueRows rows
    cdef KeyPack pack            # None: rows walk by value
    cdef walk_tree tree
    cdef const walk_node *nodes
    cdef const int64_t[::1] node_offsets
    cdef const int32_t[::1] numbers, pick
    cdef const uint8_t[:, ::1] sets
    cdef Py_ssize_t start, n_rows   # rows
    cdef Py_ssize_t first, last, lo_tree, hi_tree, block_rows, most_trees, key_stride, read_rows, room_size
    cdef char *room
    cdef int32_t n_keys
    cdef bint by_value
    cdef object _owner, progress     # progress: None, or told the rows that are done and the rows of all

    def __dealloc__(self):
        free(self.room)

    cdef int open(self, forest, ValueRows rows, Py_ssize_t first, last, bint by_value, int n_threads) except -1:
        cdef const uint8_t[::1] bytes_of_nodes
        arrays = forest.arrays()
        self.rows = rows
        self.n_rows = rows.n_rows
        self.first = first
        self.last = forest.n_trees if last is None else last
        if not 0 <= self.first <= self.last <= forest.n_trees:
            raise ValueError(f"trees {first} to {last} are not among the forest's {forest.n_trees}")
        self._owner = arrays["nodes"]
        if len(self._owner):
            bytes_of_nodes = self._owner.view(np.uint8)
            self.nodes = <const walk_node *>&bytes_of_nodes[0]
        self.node_offsets = arrays["node_offsets"]
        self.numbers = arrays["numbers"]
        self.sets = arrays["category_sets"]
        self.tree.sets = &self.sets[0, 0] if self.sets.shape[0] else NULL
        self.tree.slot = rows.slot
        self.by_value = by_value
        self.pack = key_pack_of(forest, by_value, rows.n_rows * (self.last - self.first), n_threads)
        if self.pack is not None:
            self._pick_features()
        return 0

    cdef int _pick_features(self) except -1:
        """Places in a line of values of the features whose keys are wanted; none if they are those of the keys."""
        cdef const int32_t[::1] used = self.pack.features
        cdef Py_ssize_t j
        cdef int32_t[::1] pick = np.empty(used.shape[0], dtype=np.int32)
        for j in range(used.shape[0]):
            pick[j] = used[j] if self.rows.slot == NULL else self.rows.slot[used[j]]
        if not np.array_equal(pick, np.arange(used.shape[0])):
            self.pick = pick
        self.n_keys = <int32_t> used.shape[0]
        self.key_stride = (self.pack.width + 7) // 8 * 8
        return 0

    # -- a block of rows

    cdef void work(self, Block *b) noexcept nogil:
        pass

    cdef void one(self, Py_ssize_t block, int thread) noexcept nogil:
        cdef Block b
        cdef char *room = self.room + thread * self.room_size
        memset(&b, 0, sizeof(b))
        b.lo = self.start + block * self.block_rows
        b.n = min(self.block_rows, self.start + self.n_rows - b.lo)
        b.keys = <int32_t *> room
        room += aligned(self.block_rows * self.key_stride * sizeof(int32_t))
        b.scratch = <double *> room
        room += aligned(self.block_rows * sizeof(double))
        b.value = <double *> room
        room += aligned(self.block_rows * sizeof(double))
        b.leaf = <uint32_t *> room
        room += aligned(self.block_rows * sizeof(uint32_t))
        b.doubted = <uint32_t *> room
        room += aligned(max(self.block_rows, self.most_trees) * sizeof(uint32_t))
        b.table = <uint32_t *> room
        room += aligned(FEW_ROWS * self.most_trees * sizeof(uint32_t))
        b.own_lines = <double *> room
        b.stride = self.rows.width
        if self.rows.direct != NULL:
            b.lines = self.rows.direct + b.lo * self.rows.direct_stride
            b.stride = self.rows.direct_stride
        if self.pack is None:
            self.read_lines(&b)
        else:
            self.read_keys(&b)
            b.in_table = b.n < FEW_ROWS
            if b.in_table:
                self.fill_table(&b)
        self.work(&b)

    cdef void read_lines(self, Block *b) noexcept nogil:
        if b.lines == NULL:
            self.rows.fill(b.lo, b.n, b.own_lines, b.scratch)
            b.lines = b.own_lines

    cdef void read_keys(self, Block *b) noexcept nogil:
        cdef Py_ssize_t i = 0, n
        cdef const double *lines
        cdef const int32_t *pick = &self.pick[0] if self.pick is not None else NULL
        while i < b.n:
            n = b.n - i
            if b.lines != NULL:
                lines = b.lines
            else:
                n = min(n, self.read_rows)
                self.rows.fill(b.lo + i, n, b.own_lines, b.scratch)
                lines = b.own_lines
            b.told |= K.key_walk_keys(lines, b.stride, pick, self.n_keys, n,
                                      b.keys + i * self.key_stride, self.key_stride)
            i += n

    cdef void fill_table(self, Block *b) noexcept nogil:
        """Leaves of a few rows in all trees; UINT32_MAX where the keys do not tell."""
        cdef Py_ssize_t i, k, n_trees = self.hi_tree - self.lo_tree
        cdef uint32_t *leaf
        for i in range(b.n):
            leaf = b.table + i * n_trees
            for k in range(K.key_walk_trees(&self.pack.c, self.lo_tree, n_trees, b.keys + i * self.key_stride, b.told,
                                            leaf, b.doubted)):
                leaf[b.doubted[k]] = <uint32_t> -1

    cdef Py_ssize_t walk_keys(self, Py_ssize_t t, Block *b) noexcept nogil:
        """Leaves in one tree, in the numbers of the pack. Returns how many rows of b.doubted have none yet."""
        cdef Py_ssize_t i, n_doubted = 0, n_trees = self.hi_tree - self.lo_tree
        if not b.in_table:
            return K.key_walk_rows(&self.pack.c, t, b.keys, self.key_stride, b.n, b.told, b.leaf, b.doubted)
        for i in range(b.n):
            b.leaf[i] = b.table[i * n_trees + t - self.lo_tree]
            if b.leaf[i] == <uint32_t> -1:
                b.leaf[i] = 0
                b.doubted[n_doubted] = <uint32_t> i
                n_doubted += 1
        return n_doubted

    cdef Py_ssize_t walk(self, Py_ssize_t t, Block *b, walk_tree *tree) noexcept nogil:
        """b.leaf by key, and how many rows are in doubt; or of all rows by value: -1."""
        cdef Py_ssize_t n_doubted = 0
        tree[0] = self.tree
        tree.nodes = self.nodes + self.node_offsets[t]
        if self.pack is not None:
            n_doubted = self.walk_keys(t, b)
        if self.pack is None or n_doubted:
            self.read_lines(b)
        if self.pack is None or TWICE * n_doubted > b.n:
            K.walk_rows(tree, b.lines, b.stride, b.n, b.leaf)
            return -1
        return n_doubted

    cdef uint32_t walk_again(self, const walk_tree *tree, Block *b, uint32_t row) noexcept nogil:
        """Place of the leaf of a row in doubt."""
        cdef uint32_t found
        K.walk_rows(tree, b.lines + row * b.stride, b.stride, 1, &found)
        return found

    cdef void find_places(self, Py_ssize_t t, Block *b) noexcept nogil:
        """b.leaf: place of each row's leaf in the forest's tree."""
        cdef walk_tree tree
        cdef Py_ssize_t i, n_doubted = self.walk(t, b, &tree)
        cdef const int32_t *place
        if n_doubted < 0:
            return
        place = &self.pack.place[2 * self.pack.first[t]]
        for i in range(b.n):
            b.leaf[i] = <uint32_t> place[b.leaf[i]]
        for i in range(n_doubted):
            b.leaf[b.doubted[i]] = self.walk_again(&tree, b, b.doubted[i])

    cdef void find_values(self, Py_ssize_t t, Block *b) noexcept nogil:
        """b.value: the number in each row's leaf."""
        cdef walk_tree tree
        cdef Py_ssize_t i, n_doubted = self.walk(t, b, &tree)
        cdef const double *value
        if n_doubted < 0:
            for i in range(b.n):
                b.value[i] = tree.nodes[b.leaf[i]].threshold
            return
        value = &self.pack.value[2 * self.pack.first[t]]
        for i in range(b.n):
            b.value[i] = value[b.leaf[i]]
        for i in range(n_doubted):
            b.value[b.doubted[i]] = tree.nodes[self.walk_again(&tree, b, b.doubted[i])].threshold

    # -- all blocks

    cdef int run(self, int n_threads) except -1:
        cdef Py_ssize_t n_rows = self.n_rows, n_trees = max(<Py_ssize_t>1, self.last - self.first)
        cdef Py_ssize_t rows, n_blocks, b, start, stop, window, done, width = max(self.rows.width, <Py_ssize_t>1)
        if n_rows * n_trees < SERIAL_STEPS:
            n_threads = 1
        rows = VALUE_BYTES // (8 * width) if self.pack is None else KEY_BYTES // (4 * self.key_stride)
        rows = min(rows, (n_rows + n_threads - 1) // n_threads)
        self.block_rows = max(<Py_ssize_t>8, min(rows, <Py_ssize_t>MOST_ROWS) // 8 * 8)
        self.most_trees = min(n_trees, min(<Py_ssize_t>MOST_TREES, WINDOW // self.block_rows))
        self.read_rows = max(<Py_ssize_t>1, READ_BYTES // (8 * width))
        n_blocks = (n_rows + self.block_rows - 1) // self.block_rows
        self.room_size = aligned(
            self.block_rows * (8 * self.rows.width + 4 * self.key_stride + 2 * sizeof(double) + 2 * sizeof(uint32_t))
            + (FEW_ROWS + 1) * self.most_trees * sizeof(uint32_t) + 7 * 64)
        self.room = <char *>malloc(n_threads * self.room_size)
        if self.room == NULL:
            raise MemoryError()
        window = max(<Py_ssize_t>n_threads, WINDOW // (self.block_rows * self.most_trees))
        self.lo_tree = self.first
        while self.lo_tree < self.last:
            self.hi_tree = min(self.last, self.lo_tree + self.most_trees)
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
                if self.progress is not None:
                    done = min(n_rows, stop * self.block_rows) * (self.hi_tree - self.lo_tree)
                    self.progress((n_rows * (self.lo_tree - self.first) + done) // n_trees, n_rows)
            self.lo_tree = self.hi_tree
        return 0


cdef class _Leaves(_Work):
    cdef int32_t[:, ::1] out
    cdef bint renumber

    cdef void work(self, Block *b) noexcept nogil:
        cdef Py_ssize_t t, i, lo = b.lo - self.start
        for t in range(self.lo_tree, self.hi_tree):
            self.find_places(t, b)
            if self.renumber:
                for i in range(b.n):
                    self.out[lo + i, t - self.first] = self.numbers[self.node_offsets[t] + b.leaf[i]]
            else:
                for i in range(b.n):
                    self.out[lo + i, t - self.first] = <int32_t>b.leaf[i]


def leaves(forest, ValueRows rows not None, Py_ssize_t first=0, last=None, int n_threads=1, bint places=False,
           Py_ssize_t start=0, stop=None, progress=None):
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
    start, stop : int
        Rows, all by default.
    progress : callable, optional
        Of rows that are done and rows of all: called again and again, and at the end.

    Returns
    -------
    int32 array of shape (stop - start, last - first)
    """
    cdef _Leaves work = _Leaves()
    work.open(forest, rows, first, last, False, n_threads)
    work.progress = progress
    work.start = start
    work.n_rows = (rows.n_rows if stop is None else stop) - start
    if not 0 <= start <= start + work.n_rows <= rows.n_rows:
        raise ValueError(f"rows {start} to {stop} are not among the {rows.n_rows}")
    out = np.empty((work.n_rows, work.last - work.first), dtype=np.int32)
    work.out = out
    work.renumber = work.numbers.shape[0] > 0 and not places
    work.run(n_threads)
    return out


cdef class _Add(_Work):
    cdef double[:, ::1] out
    cdef LeafValues held
    cdef const uint8_t[:, ::1] in_bag
    cdef int32_t[::1] n_used
    cdef bint choose

    cdef inline bint has_no_say(self, Py_ssize_t t, Py_ssize_t row) noexcept nogil:
        """Whether the tree was grown from the row; if not, it is counted."""
        if self.in_bag[t - self.first, row >> 3] >> (row & 7) & 1:
            return True
        self.n_used[row] += 1
        return False

    cdef void work(self, Block *b) noexcept nogil:
        cdef Py_ssize_t t, i, last = self.out.shape[1] - 1
        for t in range(self.lo_tree, self.hi_tree):
            if self.by_value:
                self.find_values(t, b)
                for i in range(b.lo, b.lo + b.n):
                    if not (self.choose and self.has_no_say(t, i)):
                        self.out[i, last] += b.value[i - b.lo]
            else:
                self.find_places(t, b)
                for i in range(b.lo, b.lo + b.n):
                    if not (self.choose and self.has_no_say(t, i)):
                        self.held.add(self.nodes + self.node_offsets[t] + b.leaf[i - b.lo], t, &self.out[i, 0])


def add_values(forest, ValueRows rows not None, out, Py_ssize_t first=0, last=None, in_bag=None, n_used=None,
               int n_threads=1, progress=None):
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
    progress : callable, optional
        Of rows that are done and rows of all: called again and again, and at the end.
    """
    cdef _Add work = _Add()
    work.held = LeafValues(forest)
    work.open(forest, rows, first, last, work.held.is_number, n_threads)
    work.out = out
    work.progress = progress
    if work.out.shape[0] != rows.n_rows or work.out.shape[1] != forest.width:
        raise ValueError(f"out has shape {np.shape(out)}, expected {(rows.n_rows, forest.width)}")
    work.choose = in_bag is not None
    if work.choose:
        work.in_bag, work.n_used = in_bag, n_used
        if work.in_bag.shape[0] != work.last - work.first or 8 * work.in_bag.shape[1] < rows.n_rows \
                or work.n_used.shape[0] != rows.n_rows:
            raise ValueError(f"in_bag has shape {np.shape(in_bag)}, n_used {np.shape(n_used)}: too small for "
                             f"{work.last - work.first} trees and {rows.n_rows} rows")
    work.run(n_threads)
