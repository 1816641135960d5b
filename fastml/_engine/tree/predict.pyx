"""Prediction: rows to codes, codes to leaves, leaves to sums, in blocks of 512 rows.

A block is binned once into one plane of codes per feature that the forest looks at; the planes stay in the first- or
second-level cache while all trees pass over them (src_c/tree/traverse.c). Blocks are shared among threads. Every raw
prediction is the baseline plus the leaf values in the order of the trees, in double: neither the number of threads nor
the form of the trees nor the instruction set changes a bit.
"""

import time

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastml._engine.runtime cimport interrupt
from fastml._engine.runtime.tree_kernels cimport K, traverse_codes, traverse_space
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.binning cimport BinMapper, BinnedMatrix, CodeSource
from fastml._engine.tree.pack cimport Pack

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_ROWS

cdef enum:
    SMALL_BYTES = 256 << 10   # trees walked node by node that stay in the second-level cache together
    BLOCK_BYTES = 512 << 10   # codes and sums of a block that leave room there for one large tree
    MOST_TILES = 64

cdef double CHECK_SECONDS = 0.2     # between two looks at Ctrl-C
cdef double SERIAL_NS = 100e3       # work for which a second thread does not pay
cdef double CODE_NS = 2.0           # rough cost of binning one value


cdef inline Py_ssize_t aligned(Py_ssize_t size) noexcept nogil:
    return (size + 63) // 64 * 64


cdef class Work:
    # `room` holds, for each thread, the tiles of codes, slots, leaves and sums of a block.

    cdef int prepare(self, Py_ssize_t n_rows, Py_ssize_t n_planes, double row_ns, int n_threads) except -1:
        """Decide on threads and rows of a block, and make room. ``n_planes`` is 0 when codes lie elsewhere."""
        cdef uint8_t[::1] view
        cdef Py_ssize_t n_tiles = (n_rows + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS, tiles = 1, most
        cdef Py_ssize_t tile_sums = self.pack.n_outputs * TRAVERSE_ROWS * sizeof(double)
        self.n_rows = n_rows
        self.n_planes = n_planes
        self.row_ns = row_ns
        self.n_threads = 1
        if n_rows * row_ns > SERIAL_NS:
            self.n_threads = <int> max(<Py_ssize_t> 1, min(<Py_ssize_t> n_threads, n_tiles))
        if self.pack.walked_bytes:
            # A tree that is walked is fetched for every block: many rows at once, if they stay in the cache.
            tiles = 4
            if self.pack.walked_bytes > SMALL_BYTES:
                most = BLOCK_BYTES // (self.pack.n_planes * TRAVERSE_ROWS + tile_sums)
                tiles = max(tiles, min(most, <Py_ssize_t> MOST_TILES))
            tiles = max(<Py_ssize_t> 1, min(tiles, (n_tiles + self.n_threads - 1) // self.n_threads))
        self.block_rows = tiles * TRAVERSE_ROWS
        self.tiles_size = tiles * n_planes * TRAVERSE_ROWS
        self.slots_size = self.pack.n_slots * TRAVERSE_ROWS
        self.leaf_size = aligned(max(self.pack.n_trees, <Py_ssize_t> TRAVERSE_ROWS) * sizeof(uint32_t))
        self.room_size = self.tiles_size + self.slots_size + self.leaf_size + tiles * tile_sums + 64
        self.memory = np.empty(self.n_threads * self.room_size + 64, dtype=np.uint8)
        view = self.memory
        self.room = <uint8_t *> aligned(<Py_ssize_t> &view[0])
        return 0

    cdef uint8_t *tiles(self, int thread) noexcept nogil:
        return self.room + thread * self.room_size

    cdef traverse_space space(self, int thread) noexcept nogil:
        cdef traverse_space space
        space.slots = self.tiles(thread) + self.tiles_size
        space.leaf = <uint32_t *> (space.slots + self.slots_size)
        return space

    cdef double *sums(self, int thread) noexcept nogil:
        return <double *> (self.tiles(thread) + self.tiles_size + self.slots_size + self.leaf_size)

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        pass

    cdef int run(self) except -1:
        """All blocks, with a look at Ctrl-C now and then: after an estimated time first, then as measured."""
        cdef Py_ssize_t n_blocks = (self.n_rows + self.block_rows - 1) // self.block_rows, first = 0, last, i
        cdef Py_ssize_t rows = self.block_rows
        cdef double block_ns = (self.row_ns * rows + 1000) / self.n_threads, start = 0
        cdef bint is_long = n_blocks * block_ns > CHECK_SECONDS * 1e9 or self.progress is not None
        while first < n_blocks:
            last = first + max(<Py_ssize_t> self.n_threads, <Py_ssize_t> (CHECK_SECONDS * 1e9 / block_ns))
            last = min(last, n_blocks)
            if is_long:
                interrupt.check()
                start = time.monotonic()
            if self.n_threads == 1:
                with nogil:
                    for i in range(first, last):
                        self.block(i * rows, min(self.n_rows, (i + 1) * rows), 0)
            else:
                for i in prange(first, last, nogil=True, num_threads=self.n_threads, schedule="dynamic"):
                    self.block(i * rows, min(self.n_rows, (i + 1) * rows), thread_num())
            if is_long:
                block_ns = max(10.0, (time.monotonic() - start) * 1e9 / (last - first))
            first = last
            if self.progress is not None:
                self.progress(min(self.n_rows, first * rows), self.n_rows)
        return 0


cdef void code_tiles(BinMapper mapper, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *tiles) noexcept nogil:
    """Codes of rows [lo, hi) as tiles (see traverse.h), one plane per feature of source.features."""
    cdef Py_ssize_t j, n
    while lo < hi:
        n = min(<Py_ssize_t> TRAVERSE_ROWS, hi - lo)
        if source.source.is_sparse:
            for j in range(source.n_used):
                memset(tiles + j * TRAVERSE_ROWS, source.absent[j], n)
            K.binning_codes_csr(&source.source.csr, mapper.tables, source.slot, lo, n, tiles, 1, TRAVERSE_ROWS)
        else:
            K.binning_codes(source.source.columns, mapper.tables, source.features, <int32_t> source.n_used, lo, n,
                            tiles, TRAVERSE_ROWS)
        lo += n
        tiles += source.n_used * TRAVERSE_ROWS


cdef inline traverse_codes tiled(const uint8_t *tiles, Py_ssize_t n_planes, Py_ssize_t n_rows) noexcept nogil:
    cdef traverse_codes codes
    codes.tiles = tiles
    codes.stride = TRAVERSE_ROWS
    codes.tile_step = n_planes * TRAVERSE_ROWS
    codes.n_rows = n_rows
    return codes


def pack_of(forest, int stage=0):
    """The forest packed for prediction: made when first asked for, kept until the forest changes.

    Parameters
    ----------
    forest : Forest
    stage : int, default=0
        See `Pack`.

    Returns
    -------
    Pack
    """
    packs = forest._packs
    pack = packs.get(stage)
    if pack is None:
        pack = packs[stage] = Pack(forest.arrays(), None, stage)
    return pack


cdef Py_ssize_t trees_wanted(forest, n_trees) except -1:
    if n_trees is None:
        return forest.n_trees
    if not 0 <= n_trees <= forest.n_trees:
        raise ValueError(f"n_trees must be in [0, {forest.n_trees}], got {n_trees}")
    return n_trees


cdef CodeSource open_codes(BinMapper mapper, Pack pack, X):
    """The table, ready to be coded; None when it has no rows, which only fitting has to refuse."""
    if pack.n_planes and pack.planes[pack.n_planes - 1] >= mapper.n_features:
        raise ValueError(f"the forest splits on feature {pack.planes[pack.n_planes - 1]}, "
                         f"but the bins are those of {mapper.n_features} features")
    shape = getattr(X, "shape", ())
    if len(shape) == 2 and shape[0] == 0 and shape[1] == mapper.n_features:
        return None
    return mapper.open(X, pack.planes)


cdef inline Py_ssize_t n_rows_of(CodeSource source) noexcept:
    return 0 if source is None else source.n_rows


cdef class _Predict(Work):
    cdef BinMapper mapper
    cdef CodeSource source
    cdef Py_ssize_t n_trees
    cdef const double[::1] baseline
    cdef double[:, ::1] out

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        cdef Py_ssize_t n_outputs = self.pack.n_outputs, n = hi - lo, i, k
        cdef uint8_t *tiles = self.tiles(thread)
        cdef traverse_space space = self.space(thread)
        cdef traverse_codes codes = tiled(tiles, self.n_planes, n)
        cdef double *sums = self.sums(thread)
        cdef double *tile_sums
        cdef double *out = &self.out[lo, 0]
        code_tiles(self.mapper, self.source, lo, hi, tiles)
        # A few rows: tree by tree for a row costs less than a whole group of rows in steps.
        if n <= TRAVERSE_ROWS and n * self.pack.one_ns < aligned(n) * self.pack.row_ns:
            for i in range(n):
                memcpy(out + i * n_outputs, &self.baseline[0], n_outputs * sizeof(double))
                K.traverse_one(&self.pack.c, self.n_trees, tiles + i, &space, out + i * n_outputs)
            return
        for k in range((n + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS * n_outputs):
            for i in range(TRAVERSE_ROWS):
                sums[k * TRAVERSE_ROWS + i] = self.baseline[k % n_outputs]
        K.traverse_block(&self.pack.c, 0, self.n_trees, &codes, &space, sums)
        for i in range(n):
            tile_sums = sums + i // TRAVERSE_ROWS * n_outputs * TRAVERSE_ROWS + i % TRAVERSE_ROWS
            for k in range(n_outputs):
                out[i * n_outputs + k] = tile_sums[k * TRAVERSE_ROWS]


def predict_raw(forest, BinMapper mapper not None, X, int n_threads=1, n_trees=None, progress=None):
    """Baseline plus the values of the leaves that each row falls into.

    Parameters
    ----------
    forest : Forest
    mapper : BinMapper
        Fitted; the one that the forest's codes come from.
    X : table of numbers of shape (n_rows, n_features)
        Any container that the mapper reads.
    n_threads : int, default=1
    n_trees : int, optional
        Use the first so many trees; all when missing.
    progress : callable, optional
        Of rows that are done and rows of all: called several times a second, and at the end.

    Returns
    -------
    float64 array of shape (n_rows, n_outputs)

    Raises
    ------
    ValueError, TypeError
        If X is not readable or has another number of features than the mapper, the mapper has fewer features than the
        forest splits on, or there are fewer trees than ``n_trees``.
    KeyboardInterrupt
        After Ctrl-C, within half a second.
    """
    cdef _Predict work = _Predict()
    work.pack = pack_of(forest)
    work.progress = progress
    work.n_trees = trees_wanted(forest, n_trees)
    work.mapper = mapper
    work.source = open_codes(mapper, work.pack, X)
    work.baseline = forest.baseline
    out = np.empty((n_rows_of(work.source), work.pack.n_outputs))
    work.out = out
    work.prepare(len(out), work.pack.n_planes, work.pack.row_ns + CODE_NS * work.pack.n_planes, n_threads)
    work.run()
    return out


cdef class _Apply(Work):
    cdef BinMapper mapper
    cdef CodeSource source
    cdef Py_ssize_t n_trees
    cdef int32_t[:, ::1] out

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        cdef uint8_t *tiles = self.tiles(thread)
        cdef traverse_space space = self.space(thread)
        cdef traverse_codes codes = tiled(tiles, self.n_planes, hi - lo)
        code_tiles(self.mapper, self.source, lo, hi, tiles)
        K.traverse_apply(&self.pack.c, self.n_trees, &codes, &space, &self.out[lo, 0])


def apply(forest, BinMapper mapper not None, X, int n_threads=1, n_trees=None, progress=None):
    """Leaf that each row falls into, in each tree.

    Parameters and errors are those of `predict_raw`.

    Returns
    -------
    int32 array of shape (n_rows, n_trees)
        Number of the node inside its tree.
    """
    cdef _Apply work = _Apply()
    work.pack = pack_of(forest)
    work.progress = progress
    work.n_trees = trees_wanted(forest, n_trees)
    work.mapper = mapper
    work.source = open_codes(mapper, work.pack, X)
    out = np.empty((n_rows_of(work.source), work.n_trees), dtype=np.int32)
    if out.size:
        work.out = out
        work.prepare(len(out), work.pack.n_planes,
                     work.pack.row_ns + work.n_trees + CODE_NS * work.pack.n_planes, n_threads)
        work.run()
    return out


cdef class _Code(Work):
    # All codes of a table, as tiles
    cdef BinMapper mapper
    cdef CodeSource source
    cdef uint8_t *all_tiles

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        code_tiles(self.mapper, self.source, lo, hi, self.all_tiles + lo * self.pack.n_planes)


cdef class _Stage(Work):
    cdef const uint8_t *all_tiles
    cdef Py_ssize_t first, last
    cdef double[:, :, ::1] raw   # (n_tiles, n_outputs, TRAVERSE_ROWS)

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        cdef traverse_space space = self.space(thread)
        cdef traverse_codes codes = tiled(self.all_tiles + lo * self.pack.n_planes, self.pack.n_planes, hi - lo)
        K.traverse_block(&self.pack.c, self.first, self.last, &codes, &space, &self.raw[lo // TRAVERSE_ROWS, 0, 0])


def staged_predict_raw(forest, BinMapper mapper not None, X, int n_threads=1, n_trees=None, stage=None):
    """Raw predictions after each stage of trees.

    Parameters
    ----------
    forest, mapper, X, n_threads, n_trees
        As `predict_raw`.
    stage : int, optional
        Trees of a stage; ``forest.n_outputs`` when missing: one boosting round.

    Yields
    ------
    float64 array of shape (n_rows, n_outputs)
        A new array each time; equal to `predict_raw` with as many trees.

    Notes
    -----
    The codes of all rows are kept: n_rows x (features that the forest splits on) bytes.
    """
    cdef int step = forest.n_outputs if stage is None else stage
    if step < 1:
        raise ValueError(f"stage must be at least 1, got {stage}")
    cdef _Code code = _Code()
    code.pack = pack_of(forest, step)
    cdef Py_ssize_t used = trees_wanted(forest, n_trees), first
    code.mapper = mapper
    code.source = open_codes(mapper, code.pack, X)
    cdef Py_ssize_t n = n_rows_of(code.source), n_tiles = (n + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS
    # a tree without a split is a step, too, which looks at a plane that tells it nothing
    tiles = np.empty((n_tiles * code.pack.n_planes + 1) * TRAVERSE_ROWS + 64, dtype=np.uint8)
    cdef uint8_t[::1] view = tiles
    code.all_tiles = <uint8_t *> aligned(<Py_ssize_t> &view[0])
    code.prepare(n, 0, CODE_NS * code.pack.n_planes, n_threads)
    code.run()
    cdef _Stage work = _Stage()
    work.pack = code.pack
    work.all_tiles = code.all_tiles
    raw = np.tile(forest.baseline[:, None], (n_tiles, 1, TRAVERSE_ROWS))
    work.raw = raw
    work.prepare(n, 0, work.pack.row_ns * step / max(work.pack.n_trees, <Py_ssize_t> 1), n_threads)
    for first in range(0, used, step):
        interrupt.check()
        work.first = first
        work.last = min(used, first + step)
        work.run()
        yield raw.transpose(0, 2, 1).reshape(-1, work.pack.n_outputs)[:n].copy()


cdef class _Add(Work):
    cdef BinnedMatrix binned
    cdef const int32_t[::1] features
    cdef const uint32_t[::1] order
    cdef bint chosen     # some rows only: order
    cdef bint in_place   # whole columns are the planes
    cdef double[::1] raw

    cdef void block(self, Py_ssize_t lo, Py_ssize_t hi, int thread) noexcept nogil:
        cdef Py_ssize_t n = hi - lo, k, i, rows
        cdef uint8_t *tiles = self.tiles(thread)
        cdef traverse_space space = self.space(thread)
        cdef traverse_codes codes = tiled(tiles, self.n_planes, n)
        cdef double *sums = self.sums(thread)
        if self.in_place:
            codes.tiles = self.binned.columns + lo
            codes.stride = self.binned.column_stride
        k = 0
        while k < n and self.n_planes:
            rows = min(<Py_ssize_t> TRAVERSE_ROWS, n - k)
            K.traverse_gather(self.binned.columns, self.binned.column_stride, &self.features[0], self.n_planes,
                              &self.order[lo + k] if self.chosen else NULL, lo + k, <int32_t> rows,
                              tiles + k * self.n_planes)
            k += rows
        if self.chosen:
            for i in range(n):
                sums[i] = self.raw[self.order[lo + i]]
        elif n % TRAVERSE_ROWS == 0:
            sums = &self.raw[lo]
        else:
            memcpy(sums, &self.raw[lo], n * sizeof(double))
        K.traverse_block(&self.pack.c, 0, 1, &codes, &space, sums)
        if self.chosen:
            for i in range(n):
                self.raw[self.order[lo + i]] = sums[i]
        elif n % TRAVERSE_ROWS:
            memcpy(&self.raw[lo], sums, n * sizeof(double))


def add_tree(tree, tree_index, BinnedMatrix binned not None, double[::1] raw not None, rows=None, int n_threads=1,
             double factor=1.0):
    """Add ``factor`` times the values of one tree to the scores of rows that are already binned.

    Parameters
    ----------
    tree : Forest or mapping of str to array
        A forest, of which tree ``tree_index`` is taken; or the arrays of one tree, then ``tree_index`` is None.
    tree_index : int or None
    binned : BinnedMatrix of shape (n_rows, n_features)
    raw : float64 array of shape (n_rows,)
        Scores of the tree's output; changed in place.
    rows : uint32 array, optional
        Distinct rows to add to; all when missing.
    n_threads : int, default=1
    factor : float, default=1.0
        Each leaf value is multiplied by it once, then added.

    Raises
    ------
    ValueError
        If ``raw`` has another length than ``binned``, a row number is out of range, or the tree splits on a feature
        that ``binned`` does not have.
    """
    if tree_index is not None:
        tree = tree.tree(tree_index)
    if raw.shape[0] != binned.n_rows:
        raise ValueError(f"raw has {raw.shape[0]} entries, binned has {binned.n_rows} rows")
    cdef _Add work = _Add()
    cdef Py_ssize_t n = binned.n_rows
    work.chosen = rows is not None
    if work.chosen:
        work.order = rows
        n = work.order.shape[0]
        if n and int(np.max(rows)) >= binned.n_rows:
            raise ValueError(f"rows must be less than {binned.n_rows}, got {int(np.max(rows))}")
    if n == 0:
        return
    top = int(np.max(tree["feature"]))
    if top >= binned.n_features:
        raise ValueError(f"the tree splits on feature {top}, binned has {binned.n_features} features")
    arrays = dict(tree, tree_offsets=np.array([0, len(tree["left"])], dtype=np.int64),
                  tree_output=np.zeros(1, dtype=np.int32), baseline=np.zeros(1))
    if factor != 1.0:
        arrays["value"] = tree["value"] * factor
    # All rows through a small tree: blocks are read where they lie, and planes are the features themselves.
    if not work.chosen and top < 1 << 19:  # beyond, planes would not fit a node
        work.pack = Pack(arrays, np.arange(top + 1, dtype=np.int32))
        work.in_place = not work.pack.walked_bytes
    if not work.in_place:
        work.pack = Pack(arrays)
    work.binned = binned
    work.features = work.pack.planes
    work.raw = raw
    if work.in_place:
        work.prepare(n, 0, work.pack.row_ns, n_threads)
    else:
        work.prepare(n, work.pack.n_planes, work.pack.row_ns + CODE_NS * work.pack.n_planes, n_threads)
    work.run()
