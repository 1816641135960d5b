# cython: cdivision=True
"""Root histograms of several trees, counted in one pass over the rows.

The trees of one round of a multiclass fit have the same rows and codes at their roots, and gradients that are all known
when the round starts. With the cells of up to eight outputs side by side, one vector addition takes the place of as
many single ones.
"""

from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from fastml._engine.runtime.tree_kernels cimport K
from fastml._engine.tree.histogram cimport OUTPUTS, HistogramLayout, complete, listed, row_parts

cdef enum:
    CELLS_PER_TASK = 1024  # when lines become histograms


cdef int line_cells(int n_outputs) noexcept nogil:
    """histogram_line of histogram.h"""
    return 4 if n_outputs <= 4 else OUTPUTS


cdef class SharedRoots:
    """
    Parameters
    ----------
    n_rows : int
        Of the matrix.
    """

    def __cinit__(self, Py_ssize_t n_rows):
        cdef int k
        for k in range(OUTPUTS):
            self.gh[k] = <uint32_t *> malloc((n_rows + 64) * sizeof(uint32_t))
            if self.gh[k] == NULL:
                raise MemoryError()

    def __dealloc__(self):
        cdef int k
        for k in range(OUTPUTS):
            free(self.gh[k])
            free(self.cells[k])
        free(self.lines)

    cdef int reserve(self, HistogramLayout layout, int64_t n_cells, int n_threads) except -1:
        """Makes room for histograms of n_cells cells and for the lines of all threads."""
        cdef int64_t part_cells = 0
        cdef int b, k
        for b in range(layout.n_blocks):
            part_cells = max(part_cells, OUTPUTS * (layout.block_cells[b + 1] - layout.block_cells[b]))
        if n_cells != self.n_cells:
            self.n_cells = 0
            for k in range(OUTPUTS):
                free(self.cells[k])
                self.cells[k] = <int64_t *> malloc(n_cells * sizeof(int64_t))
                if self.cells[k] == NULL:
                    raise MemoryError()
            self.n_cells = n_cells
        if part_cells > self.part_cells or n_threads > self.n_lines:
            free(self.lines)
            self.lines = <int64_t *> malloc((part_cells * n_threads + 1) * sizeof(int64_t))
            self.part_cells, self.n_lines = part_cells, n_threads
            if self.lines == NULL:
                self.part_cells = 0
                raise MemoryError()
        return 0

    cdef void add(self, HistogramLayout layout, int b, int64_t n, int64_t lo, int64_t hi, int n_outputs,
                  int64_t *lines) noexcept nogil:
        """Lines of one block from rows lo to hi - 1 of the n."""
        memset(lines, 0, (layout.block_cells[b + 1] - layout.block_cells[b]) * line_cells(n_outputs) * sizeof(int64_t))
        if listed(layout, b, n):
            K.row_cells_outputs(&layout.block_lists[b].lists, 0, <const uint32_t *const *> self.gh, n_outputs, lo, hi,
                                lines)
        elif layout.blocks[b].n_features > 0:
            K.histogram_outputs(&layout.blocks[b], 0, <const uint32_t *const *> self.gh, n_outputs, lo, hi, lines)

    cdef void spread(self, HistogramLayout layout, int b, int64_t lo, int64_t hi, int64_t *lines, int n_parts,
                     int n_outputs) noexcept nogil:
        """Cells lo to hi - 1 of a block, from the sum of the parts' lines to each output's histogram."""
        cdef int64_t *own[OUTPUTS]
        cdef int k
        for k in range(n_outputs):
            own[k] = self.cells[k] + layout.block_cells[b]
        K.histogram_spread(lines, n_parts, self.part_cells, n_outputs, lo, hi, own)

    cdef void count(self, HistogramLayout layout, int64_t n, int n_outputs, int n_threads) noexcept nogil:
        """Histograms of the first n_outputs outputs over all n rows of the matrix."""
        cdef int b, k, part, task, parts = row_parts(layout, n, n_threads)
        cdef int64_t n_cells
        cdef int64_t *lines
        if parts == 1:
            for b in prange(layout.n_blocks, num_threads=n_threads, schedule="dynamic", chunksize=1):
                lines = self.lines + threadid() * self.part_cells
                n_cells = layout.block_cells[b + 1] - layout.block_cells[b]
                self.add(layout, b, n, 0, n, n_outputs, lines)
                self.spread(layout, b, 0, n_cells, lines, 1, n_outputs)
        else:
            for b in range(layout.n_blocks):
                n_cells = layout.block_cells[b + 1] - layout.block_cells[b]
                for part in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                    self.add(layout, b, n, n * part // n_threads, n * (part + 1) // n_threads, n_outputs,
                             self.lines + part * self.part_cells)
                for task in prange((n_cells + CELLS_PER_TASK - 1) // CELLS_PER_TASK, num_threads=n_threads,
                                   schedule="static"):
                    self.spread(layout, b, task * CELLS_PER_TASK, min(n_cells, (task + 1) * CELLS_PER_TASK),
                                self.lines, n_threads, n_outputs)
        for task in prange(n_outputs * layout.n_blocks, num_threads=n_threads, schedule="static"):
            k = task // layout.n_blocks
            b = task - k * layout.n_blocks
            if listed(layout, b, n):
                complete(layout, b, self.cells[k])
        self.n_counted = n_outputs

    cdef void exchange_gradients(self, int k, uint32_t **gh) noexcept nogil:
        """Root k's packed gradients for an array as long."""
        self.gh[k], gh[0] = gh[0], self.gh[k]

    cdef void exchange_cells(self, int k, int64_t **cells) noexcept nogil:
        """Root k's histogram for one as large."""
        self.cells[k], cells[0] = cells[0], self.cells[k]
