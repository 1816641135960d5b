"""Lists of cells instead of rows of codes, where they are shorter: what is listed, and the lists themselves.

Two kinds of lists serve two kinds of tables. Where most features have one code in most rows, the lists of a block name
all cells but those of each feature's commonest code. Where features have few codes, the lists name cells of tables that
two features share; all are of one length.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free

from fastml._engine.runtime.tree_kernels cimport K, ROW_CELLS_NONE, ROW_CELLS_SPARE
from fastml._engine.tree.binned cimport ROWS
from fastml._engine.tree.binning cimport BinnedMatrix

# Seconds of a row times 1e9, on the machine of docs/fast/histogram.md: of each code or listed cell, and beside them.
_CODE, _CODES = 0.29, 0.2
_CELL, _EQUAL_LISTS, _UNEQUAL_LISTS = 0.27, 0.4, 1.2
_PAYS = 0.85             # of the time with codes: a smaller gain is not worth the memory
_FILLING = 1.5           # entries that fill up a list, on average
_SAMPLE = 4096           # rows by which frequencies are judged
_MOST_CELLS = 4096       # of all tables of a block: they share the first-level cache with the cells of features
_ROWS_OF_A_CELL = 16     # least number of the matrix's rows for each cell of a table
_TABLES = 1024, 512, 256, 1536  # cells of a table, tried in turn: the largest only where it makes more pairs
_LEAST_ROWS = 64         # of a node; a node smaller than this reads codes
_NUMBERS = 1 << 16       # of cells that a list can name


cdef class RowCells:
    """Lists of cells of one block of features; `plan` says where they pay.

    Parameters
    ----------
    binned : BinnedMatrix
    block : int
    groups : list of tuple
        (a, b, first, n_a, n_b, low_a, low_b, cells_a, cells_b, omitted), the fields of ``row_cells_group``.
    total : int
        First of the ``ROW_CELLS_SPARE`` cells after all tables, from the block's first cell.
    n_cells : int
        Cells of the tables and the spare ones.
    least_rows : int
    """

    def __cinit__(self, BinnedMatrix binned not None, Py_ssize_t block, groups, int32_t total, int32_t n_cells,
                  int64_t least_rows):
        cdef Py_ssize_t k
        cdef row_cells_group *own
        self.binned, self.block = binned, block
        self.own.n_groups = <int32_t> len(groups)
        self.own.groups = <row_cells_group *> calloc(self.own.n_groups + 1, sizeof(row_cells_group))
        if self.own.groups == NULL:
            raise MemoryError()
        for k in range(self.own.n_groups):
            own = self.own.groups + k
            (own.a, own.b, own.first, own.n_a, own.n_b, own.low_a, own.low_b, own.cells_a, own.cells_b,
             own.omitted) = groups[k]
            self.filled = self.filled or own.omitted != ROW_CELLS_NONE
        self.own.lists.total, self.own.lists.length = total, self.own.n_groups
        self.n_cells, self.own.least_rows = n_cells, least_rows
        self.version = -1

    def __dealloc__(self):
        free(self.own.groups)

    cdef refresh(self, int n_threads):
        """Makes the lists if they are not those of the matrix as it is."""
        cdef BinnedMatrix binned = self.binned
        cdef Py_ssize_t n = binned.n_rows, t, n_tasks = (n + ROWS - 1) // ROWS
        cdef int64_t stride = binned.block_stride_p[self.block]
        cdef const uint8_t *codes = binned.blocks[self.block]
        cdef const row_cells_group *groups = self.own.groups
        cdef int32_t n_groups = self.own.n_groups, total = self.own.lists.total
        cdef bint filled = self.filled
        cdef int64_t[::1] begin
        cdef uint32_t[::1] starts
        cdef uint16_t[::1] memory
        cdef uint32_t *start = NULL
        if self.version == binned.version:
            return
        self.version = binned.version
        begin = np.minimum(np.arange(n_tasks + 1) * ROWS, n) * n_groups
        if filled:
            for t in prange(n_tasks, nogil=True, num_threads=n_threads, schedule="static"):
                begin[t + 1] = K.row_cells_fill(codes + t * ROWS * stride, stride, min(ROWS, n - t * ROWS), groups,
                                                n_groups, total, True, 0, NULL, NULL)
            np.cumsum(begin, out=np.asarray(begin))
            if self.starts is None:
                self.starts = np.empty(n + 1, dtype=np.uint32)
            starts = self.starts
            start = &starts[0]
            starts[n] = <uint32_t> (begin[n_tasks] // 4)
        if self.memory is None:  # the number of entries does not depend on the order of rows
            self.memory = np.empty(begin[n_tasks] + 1, dtype=np.uint16)
        memory = self.memory
        for t in prange(n_tasks, nogil=True, num_threads=n_threads, schedule="static"):
            K.row_cells_fill(codes + t * ROWS * stride, stride, min(ROWS, n - t * ROWS), groups, n_groups, total,
                             filled, begin[t], start + t * ROWS if start != NULL else NULL, &memory[0] + begin[t])
        self.own.lists.cells = &memory[0]
        self.own.lists.start = start


def plan(BinnedMatrix binned not None, Py_ssize_t block, features, cells, Py_ssize_t n_cells, double most_bytes,
         least_rows=None):
    """The lists of a block, not made yet, or None where reading codes is as fast.

    Parameters
    ----------
    binned : BinnedMatrix
    block : int
    features : int32 array of shape (n_features,)
        Features of the block that are counted, ascending.
    cells : int32 array of shape (n_features,)
        First cell of each, from the first of the block.
    n_cells : int
        Cells of the block.
    most_bytes : float
        That lists may take for each row.
    least_rows : int, optional
        Least number of rows of a node that is counted by lists; by default as many as pay.

    Returns
    -------
    lists : RowCells or None
    bytes : float
        Taken for each row.
    """
    n_features = len(features)
    if n_features < 2 or n_cells + _MOST_CELLS + ROW_CELLS_SPARE > _NUMBERS:
        return None, 0.0
    step = max(1, binned.n_rows // _SAMPLE)
    sample = binned.column_codes[features[0]:features[n_features - 1] + 1, ::step]
    low = (binned.has_missing[features] == 0).astype(np.int64)
    position = np.asarray(features) - binned.block_first[block]
    counts = [np.bincount(sample[f - features[0]], minlength=1) for f in features]
    listed = sum(1.0 - own.max() / sample.shape[1] for own in counts)
    limit = _PAYS * (_CODE * n_features + _CODES)

    width = binned.n_codes[features] - low
    budget = min(_MOST_CELLS, binned.n_rows // _ROWS_OF_A_CELL)
    pairs, n_paired = _pairs(width, budget)
    unequal = _CELL * (listed + _FILLING) + _UNEQUAL_LISTS, 2 * (listed + _FILLING) + 4
    equal = _CELL * (n_features - len(pairs)) + _EQUAL_LISTS, 2.0 * (n_features - len(pairs))
    seconds, used = min(own if own[1] <= most_bytes else (np.inf, 0.0) for own in (unequal, equal))
    if seconds > limit or (seconds == unequal[0] and binned.n_rows * (n_features + 3) >= 2**34):
        return None, 0.0
    if seconds == unequal[0]:
        groups = [(position[i], -1, cells[i], binned.n_codes[features[i]], 1, 0, 0, cells[i], 0,
                   cells[i] + int(counts[i].argmax())) for i in range(n_features)]
        pays, total = _LEAST_ROWS, n_cells
    else:
        alone = set(range(n_features)).difference(*pairs) if pairs else range(n_features)
        groups = [(position[i], -1, cells[i], binned.n_codes[features[i]], 1, 0, 0, cells[i], 0, ROW_CELLS_NONE)
                  for i in alone]
        first = n_cells
        for a, b in pairs:  # the inner loop over the wider one
            groups.append((position[a], position[b], first, width[a], width[b], low[a], low[b], cells[a], cells[b],
                           ROW_CELLS_NONE))
            first += width[a] * width[b]
        pays, total = max(_LEAST_ROWS, n_paired), (first + 7) // 8 * 8
    lists = RowCells(binned, block, groups, total, total + ROW_CELLS_SPARE - n_cells,
                     pays if least_rows is None else least_rows)
    return lists, used


def _pairs(width, budget):
    """As many pairs of features as tables within the budget can have, (narrow, wide), and the number of their cells."""
    order, best = np.argsort(width, kind="stable"), ([], 0)
    for most in _TABLES:
        tables = []
        i, j = 0, len(order) - 1
        while i < j:
            size = int(width[order[i]] * width[order[j]])
            if size <= most:
                tables.append((size, int(order[i]), int(order[j])))
                i += 1
            j -= 1
        sizes = np.cumsum(sorted(size for size, _, _ in tables))
        n_pairs = int(np.searchsorted(sizes, budget, side="right"))
        if n_pairs > len(best[0]):
            best = [(a, b) for _, a, b in sorted(tables)[:n_pairs]], int(sizes[n_pairs - 1])
    return best
