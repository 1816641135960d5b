"""Histograms of packed gradient and hessian sums, built by several threads.

The loop over rows and features is ``src_c/tree/histogram.c``; here it is shared out. Work is cut by features where that
pays (nothing to merge), else by blocks of them and, when there are fewer blocks than threads, by rows; integer sums
make every cut give the same cells.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport K, histogram_block
from fastml._engine.tree.binning cimport BinnedMatrix
from fastml._engine.tree.row_cells cimport BlockLists, RowCells

from fastml._engine.runtime.cache import first_level_bytes
from fastml._engine.tree.row_cells import plan

cdef enum:
    PAD = 8                 # HISTOGRAM_PAD of histogram.h
    FULL = 264              # HISTOGRAM_FULL
    LISTS_BYTES = 24        # of a row that lists of cells may take, beside half a byte for each feature
    NARROW = 16             # features that may have FULL cells each, however few their codes: they fit the L1 cache
    ROWS_PER_THREAD = 1024  # below it a second thread costs more than it brings
    FEATURES_PER_THREAD = 4
    ROWS_PER_CELL = 8       # above it adding up the threads' cells is not worth a thought
    MIN_SLOTS = 8

cdef Py_ssize_t POOL_BYTES = 512 << 20  # beyond it, open leaves give up their histograms


cdef int32_t features_at_once(Py_ssize_t n_features, int64_t n_cells, int64_t cache_cells) noexcept nogil:
    """How many features are counted at a time, so that their cells stay in the first-level cache."""
    cdef int64_t parts = 1
    if n_cells > 2 * cache_cells:  # less beyond it costs no more than reading rows twice
        parts = (n_cells + cache_cells - 1) // cache_cells
    return <int32_t> (((n_features + parts - 1) // parts + 3) // 4 * 4)


cdef class HistogramLayout:
    """Which features are counted, where their codes lie and where their cells go.

    Parameters
    ----------
    binned : BinnedMatrix
    features : int32 array, optional
        Features to count, ascending; all when not given. Those in which all rows have one code cannot be split and
        are left out.
    least_rows : int, optional
        Least number of rows that are counted by lists of cells; by default as many as pay, and all blocks read codes
        when ``features`` are given: lists would be made for one tree only.
    cache : int, optional
        Bytes of the first-level cache, which cells of features that are counted together should fit; by default the
        processor's.
    """

    def __cinit__(self, BinnedMatrix binned not None, features=None, least_rows=None, cache=None):
        cdef uint16_t[::1] n_codes = np.ascontiguousarray(binned.n_codes, dtype=np.uint16)
        cdef int32_t[::1] wanted
        cdef Py_ssize_t i, j
        cdef int32_t f, b
        cdef int64_t cell = 0
        cdef int64_t cache_cells = max(1, (first_level_bytes() if cache is None else cache) // sizeof(int64_t))
        cdef bint narrow, wide, whole = features is None
        cdef double most_bytes = LISTS_BYTES + 0.5 * binned.n_features, used
        if whole:
            features = np.arange(binned.n_features)
        features = np.ascontiguousarray(features, dtype=np.int32)
        features = features[binned.n_codes[features] - (binned.has_missing[features] == 0) >= 2]
        wanted = features
        self.binned = binned
        self.n_features = wanted.shape[0]
        self.n_blocks = binned.n_blocks
        cdef Py_ssize_t room = self.n_features + 1
        self.blocks = <histogram_block *> calloc(self.n_blocks + 1, sizeof(histogram_block))
        self.block_cells = <int64_t *> calloc(2 * self.n_blocks + 1, sizeof(int64_t))
        self.block_lists = <BlockLists **> calloc(self.n_blocks + 1, sizeof(BlockLists *))
        self.lists = []
        self.features = <int32_t *> calloc(4 * room, sizeof(int32_t))
        if self.blocks == NULL or self.block_cells == NULL or self.block_lists == NULL or self.features == NULL:
            raise MemoryError()
        self.block_tables = self.block_cells + self.n_blocks + 1
        self.n_codes = self.features + room
        self.position = self.features + 2 * room
        self.offset = self.features + 3 * room
        i = 0
        for b in range(self.n_blocks):
            self.block_cells[b] = cell
            self.blocks[b].codes = binned.blocks[b]
            self.blocks[b].stride = binned.block_stride_p[b]
            self.blocks[b].position = NULL
            self.blocks[b].offset = self.offset + i
            j = i
            while j < self.n_features and wanted[j] < binned.block_first_p[b + 1]:
                j += 1
            # constant distances between features' cells are worth more than the few lines of cache that they cost
            narrow = j - i <= NARROW
            self.blocks[b].full = 1
            j = i
            while j < self.n_features and wanted[j] < binned.block_first_p[b + 1]:
                f = wanted[j]
                self.features[j] = f
                self.n_codes[j] = n_codes[f]
                self.position[j] = f - binned.block_first_p[b]
                self.offset[j] = <int32_t> cell
                wide = narrow or 2 * n_codes[f] > FULL
                cell += FULL if wide else (n_codes[f] + PAD - 1) // PAD * PAD
                if not wide or self.position[j] != j - i:
                    self.blocks[b].full = 0
                if self.position[j] != j - i:
                    self.blocks[b].position = self.position + i
                j += 1
            self.blocks[b].n_features = <int32_t> (j - i)
            self.blocks[b].at_once = features_at_once(j - i, cell - self.block_cells[b], cache_cells)
            self.block_tables[b] = cell
            if whole and j > i:
                own, used = plan(binned, b, features[i:j], np.asarray(<int32_t[:j - i]> (self.offset + i))
                                 - self.block_cells[b], cell - self.block_cells[b], most_bytes, least_rows)
                if own is not None:
                    self.lists.append(own)
                    self.block_lists[b] = &(<RowCells> own).own
                    cell += (<RowCells> own).n_cells
                    most_bytes -= used
            for i in range(i, j):
                self.n_searched += self.n_codes[i]
            i = j
        self.block_cells[self.n_blocks] = cell
        self.n_cells = cell

    cdef refresh(self, int n_threads):
        """Looks up where the codes lie now, and makes lists of cells anew if the rows are in another order."""
        cdef int b
        cdef RowCells lists
        for b in range(self.n_blocks):
            self.blocks[b].codes = self.binned.blocks[b]
        for lists in self.lists:
            lists.refresh(n_threads)

    def __dealloc__(self):
        free(self.blocks)
        free(self.block_cells)
        free(self.block_lists)
        free(self.features)

    def cells_of(self, Py_ssize_t j):
        """First cell and number of codes of active feature ``j``."""
        return self.offset[j], self.n_codes[j]


cdef class HistogramPool:
    """Histograms to be taken and given back; memory is kept from tree to tree."""

    def __dealloc__(self):
        cdef Py_ssize_t s
        for s in range(self.n_slots):
            free(self.slots[s])
        free(self.slots)
        free(self.free_slots)

    cdef int resize(self, Py_ssize_t cells) except -1:
        """Slots of at least so many cells; all are free afterwards."""
        cdef Py_ssize_t s
        cells = max(cells, <Py_ssize_t> PAD)
        if cells > self.cells:
            for s in range(self.n_slots):
                free(self.slots[s])
            self.n_slots = 0
            self.cells = cells
        self.most = max(<Py_ssize_t> MIN_SLOTS, POOL_BYTES // (self.cells * <Py_ssize_t> sizeof(int64_t)))
        self.release_all()
        return 0

    cdef bint full(self) noexcept nogil:
        """Whether the next slot would go beyond POOL_BYTES."""
        return self.n_free == 0 and self.n_slots >= self.most

    cdef int reserve(self, Py_ssize_t slots) except -1:
        """Makes room in the table for so many slots; it moves here only."""
        cdef void *grown
        if slots <= self.room:
            return 0
        grown = realloc(self.slots, slots * sizeof(int64_t *))
        if grown == NULL:
            raise MemoryError()
        self.slots = <int64_t **> grown
        grown = realloc(self.free_slots, slots * sizeof(int32_t))
        if grown == NULL:
            raise MemoryError()
        self.free_slots = <int32_t *> grown
        self.room = slots
        return 0

    cdef int32_t take(self) noexcept nogil:
        """A histogram, -1: no memory. The table must have room for it."""
        if self.n_free > 0:
            self.n_free -= 1
            return self.free_slots[self.n_free]
        if self.n_slots == self.room:
            return -1
        self.slots[self.n_slots] = <int64_t *> malloc(self.cells * sizeof(int64_t))
        if self.slots[self.n_slots] == NULL:
            return -1
        self.n_slots += 1
        return <int32_t> (self.n_slots - 1)

    cdef void release(self, int32_t slot) noexcept nogil:
        if slot >= 0:
            self.free_slots[self.n_free] = slot
            self.n_free += 1

    cdef void release_all(self) noexcept nogil:
        cdef Py_ssize_t s
        self.n_free = 0
        for s in range(self.n_slots):
            # the slots used first are taken first: they are likelier to be in the cache
            self.release(<int32_t> (self.n_slots - 1 - s))


cdef int row_parts(HistogramLayout layout, int64_t n, int n_threads) noexcept nogil:
    """Into how many parts the rows are cut: 1 when the feature blocks alone keep all threads busy."""
    cdef int parts = (n_threads + layout.n_blocks - 1) // layout.n_blocks
    cdef int64_t most = n // ROWS_PER_THREAD
    if parts > most:
        parts = <int> most
    return parts if parts > 1 else 1


cdef bint listed(HistogramLayout layout, int b, int64_t n) noexcept nogil:
    """Whether n rows are counted by lists of cells."""
    return layout.block_lists[b] != NULL and n >= layout.block_lists[b].least_rows


cdef inline bint by_features(HistogramLayout layout, int64_t n, int n_threads) noexcept nogil:
    """Whether each thread counts all rows of a node and a part of the features.

    Its cells, which the search wants next, then stay in its cache, and there is nothing to add up; but each thread
    reads all rows.
    """
    return (layout.n_blocks == 1 and layout.n_features >= FEATURES_PER_THREAD * n_threads
            and n < ROWS_PER_CELL * layout.n_cells and not listed(layout, 0, n))


cdef void clear(HistogramLayout layout, const histogram_block *block, int64_t *cells) noexcept nogil:
    """Zeroes the cells that codes of a block can have, and those that fill up vectors."""
    cdef Py_ssize_t i, first = block.offset - layout.offset
    for i in range(first, first + block.n_features):
        memset(cells + layout.offset[i], 0, (layout.n_codes[i] + PAD - 1) // PAD * PAD * sizeof(int64_t))


cdef void clear_tables(HistogramLayout layout, int b, int64_t *cells) noexcept nogil:
    cdef int64_t first = layout.block_tables[b]
    memset(cells + first, 0, (layout.block_cells[b + 1] - first) * sizeof(int64_t))


cdef void add_cells(HistogramLayout layout, int b, bint tables, const int64_t *other, int64_t *cells) noexcept nogil:
    """cells += other where `clear` and, with tables, `clear_tables` zero."""
    cdef Py_ssize_t i, first = layout.blocks[b].offset - layout.offset
    cdef int64_t last = layout.block_tables[b]
    for i in range(first, first + layout.blocks[b].n_features):
        K.histogram_add(cells + layout.offset[i], other + layout.offset[i], layout.n_codes[i])
    if tables:
        K.histogram_add(cells + last, other + last, layout.block_cells[b + 1] - last)


cdef void one_part(HistogramLayout layout, int b, bint by_lists, const uint32_t *rows, int64_t first,
                   const uint32_t *gh, int64_t lo, int64_t hi, int64_t *cells, bint counted) noexcept nogil:
    clear(layout, &layout.blocks[b], cells)
    if by_lists:
        clear_tables(layout, b, cells)
        K.row_cells_add(&layout.block_lists[b].lists, counted, rows + lo if rows != NULL else NULL,
                        first + lo, gh + lo, hi - lo, cells + layout.block_cells[b])
    elif layout.blocks[b].n_features > 0:
        K.histogram_rows(&layout.blocks[b], counted, rows + lo if rows != NULL else NULL, first + lo, gh + lo, hi - lo,
                         cells)


cdef void some_features(HistogramLayout layout, Py_ssize_t first_feature, Py_ssize_t last_feature,
                        const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n, int64_t *cells,
                        bint counted) noexcept nogil:
    """All rows, but only features from first_feature to last_feature - 1 of the one block that there is."""
    cdef histogram_block some = layout.blocks[0]
    if some.position != NULL:
        some.position += first_feature
    else:
        some.codes += first_feature
    some.offset += first_feature
    some.n_features = <int32_t> (last_feature - first_feature)
    clear(layout, &some, cells)
    K.histogram_rows(&some, counted, rows, first, gh, n, cells)


cdef void complete(HistogramLayout layout, int b, int64_t *cells) noexcept nogil:
    """The cells that lists have left out."""
    cdef const BlockLists *own = layout.block_lists[b]
    K.row_cells_complete(own.groups, own.n_groups, own.lists.total, cells + layout.block_cells[b])


cdef void build_histogram(HistogramLayout layout, const uint32_t *rows, int64_t first, const uint32_t *gh, int64_t n,
                          int64_t *cells, bint counted, int64_t *scratch, int n_threads) noexcept nogil:
    """Fills ``cells`` from n rows (``rows``, or first, first + 1, ... when NULL) and their packed gradients.

    counted: whether the cells are to hold the rows as well; scratch: (n_threads - 1) x n_cells cells, used when the
    rows are cut.
    """
    cdef int b, part, task
    cdef int parts = row_parts(layout, n, n_threads)
    cdef int n_tasks = parts * layout.n_blocks
    cdef int64_t lo, hi, d = layout.n_features
    if n_threads == 1 or n_tasks == 1 or n < ROWS_PER_THREAD:
        for b in range(layout.n_blocks):
            one_part(layout, b, listed(layout, b, n), rows, first, gh, 0, n, cells, counted)
            if listed(layout, b, n):
                complete(layout, b, cells)
        return
    if by_features(layout, n, n_threads):
        for task in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
            some_features(layout, d * task // n_threads, d * (task + 1) // n_threads, rows, first, gh, n, cells,
                          counted)
        return
    for task in prange(n_tasks, num_threads=n_threads, schedule="dynamic", chunksize=1):
        b = task // parts
        part = task - b * parts
        lo = n * part // parts
        hi = n * (part + 1) // parts
        one_part(layout, b, listed(layout, b, n), rows, first, gh, lo, hi,
                 cells if part == 0 else scratch + (part - 1) * layout.n_cells, counted)
    for b in range(layout.n_blocks):
        for part in range(1, parts):
            add_cells(layout, b, listed(layout, b, n), scratch + (part - 1) * layout.n_cells, cells)
        if listed(layout, b, n):
            complete(layout, b, cells)


def histogram(BinnedMatrix binned not None, uint32_t[::1] gh, rows=None, features=None, int n_threads=1,
              bint counted=False, HistogramLayout layout=None):
    """Histogram of a set of rows, for tests and benchmarks.

    Parameters
    ----------
    binned : BinnedMatrix
    gh : uint32 array of shape (n,)
        Packed gradients, in the order of ``rows``.
    rows : uint32 array of shape (n,), optional
        Row numbers; 0, 1, ... when not given.
    features : int32 array, optional
    n_threads : int
    counted : bool
        Count the rows as well; at most 1,023.
    layout : HistogramLayout, optional
        Of `binned`, instead of one that is made from ``features`` for this call.

    Returns
    -------
    list of (feature, g, h) or (feature, g, h, rows)
        Sums per code, int64 arrays of length n_codes, in fixed point.
    """
    cdef int64_t[::1] cells, scratch
    cdef uint32_t[::1] chosen
    cdef const uint32_t *chosen_p = NULL
    cdef int64_t n = gh.shape[0]
    if rows is not None:
        chosen = np.ascontiguousarray(rows, dtype=np.uint32)
        if chosen.shape[0] != n or (n > 0 and np.max(chosen) >= binned.n_rows):
            raise ValueError("rows must have one row number below n_rows for each entry of gh")
        if n > 0:
            chosen_p = &chosen[0]
    elif n != binned.n_rows:
        raise ValueError(f"gh has {n} entries, expected one per row ({binned.n_rows})")
    if counted and n > COUNTED:
        raise ValueError(f"counted cells are for at most {COUNTED} rows, got {n}")
    if layout is None:
        layout = HistogramLayout(binned, features)
    layout.refresh(n_threads)
    cells = np.zeros(max(1, layout.n_cells), dtype=np.int64)
    scratch = np.zeros(max(1, layout.n_cells * (n_threads - 1)), dtype=np.int64)
    if n > 0 and layout.n_cells > 0:
        with nogil:
            build_histogram(layout, chosen_p, 0, &gh[0], n, &cells[0], counted, &scratch[0], n_threads)
    found = []
    flat = np.asarray(cells)
    for j in range(layout.n_features):
        own = flat[layout.offset[j]:layout.offset[j] + layout.n_codes[j]]
        if counted:
            found.append((layout.features[j], own >> 36, own >> 10 & 0x3FFFFFF, own & 0x3FF))
        else:
            found.append((layout.features[j], own >> 32, own & 0xFFFFFFFF))
    return found
