"""Prediction: rows to codes, codes to leaves, leaves to sums, in blocks of 256 rows.

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
from fastml._engine.runtime.kernels cimport K, traverse_space
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.binning cimport BinMapper, BinnedMatrix, CodeSource
from fastml._engine.tree.pack cimport Pack

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_ROWS
        TRAVERSE_GROUP

cdef double CHECK_SECONDS = 0.2     # between two looks at Ctrl-C
cdef double SERIAL_NS = 100e3       # work for which a second thread does not pay
cdef double CODE_NS = 2.0           # rough cost of binning one value


cdef inline Py_ssize_t aligned(Py_ssize_t size) noexcept nogil:
    return (size + 63) // 64 * 64


cdef inline int32_t rows_of(Py_ssize_t block, Py_ssize_t n) noexcept nogil:
    return <int32_t> min(<Py_ssize_t> TRAVERSE_ROWS, n - block * TRAVERSE_ROWS)


cdef class Work:
    # `room` holds, for each thread, planes of codes, slots, leaves and sums of a block.

    cdef int prepare(self, Py_ssize_t n_rows, Py_ssize_t n_planes, double row_ns, int n_threads) except -1:
        cdef uint8_t[::1] view
        cdef Py_ssize_t n_blocks = (n_rows + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS
        self.n_rows = n_rows
        self.row_ns = row_ns
        self.n_threads = 1
        if n_rows * row_ns > SERIAL_NS:
            self.n_threads = <int> max(<Py_ssize_t> 1, min(<Py_ssize_t> n_threads, n_blocks))
        self.tile_size = n_planes * TRAVERSE_ROWS
        self.slots_size = self.pack.n_slots * TRAVERSE_ROWS
        self.leaf_size = aligned(max(self.pack.n_trees, <Py_ssize_t> TRAVERSE_ROWS) * sizeof(uint32_t))
        self.room_size = (self.tile_size + self.slots_size + self.leaf_size
                          + self.pack.n_outputs * TRAVERSE_ROWS * sizeof(double) + 64)
        self.memory = np.empty(self.n_threads * self.room_size + 64, dtype=np.uint8)
        view = self.memory
        self.room = <uint8_t *> aligned(<Py_ssize_t> &view[0])
        return 0

    cdef uint8_t *tile(self, int thread) noexcept nogil:
        return self.room + thread * self.room_size

    cdef traverse_space space(self, int thread) noexcept nogil:
        cdef traverse_space space
        space.slots = self.room + thread * self.room_size + self.tile_size
        space.leaf = <uint32_t *> (space.slots + self.slots_size)
        return space

    cdef double *sums(self, int thread) noexcept nogil:
        return <double *> (self.room + thread * self.room_size + self.tile_size + self.slots_size + self.leaf_size)

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        pass

    cdef int run(self) except -1:
        """All blocks, with a look at Ctrl-C now and then: after an estimated time first, then as measured."""
        cdef Py_ssize_t n_blocks = (self.n_rows + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS, lo = 0, hi, i
        cdef double block_ns = (self.row_ns * TRAVERSE_ROWS + 1000) / self.n_threads, start = 0
        cdef bint is_long = n_blocks * block_ns > CHECK_SECONDS * 1e9
        while lo < n_blocks:
            hi = min(n_blocks, lo + max(<Py_ssize_t> self.n_threads, <Py_ssize_t> (CHECK_SECONDS * 1e9 / block_ns)))
            if is_long:
                interrupt.check()
                start = time.monotonic()
            if self.n_threads == 1:
                with nogil:
                    for i in range(lo, hi):
                        self.block(i, 0)
            else:
                for i in prange(lo, hi, nogil=True, num_threads=self.n_threads, schedule="dynamic"):
                    self.block(i, thread_num())
            if is_long:
                block_ns = max(10.0, (time.monotonic() - start) * 1e9 / (hi - lo))
            lo = hi
        return 0


cdef void code_planes(BinMapper mapper, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *out,
                      Py_ssize_t stride) noexcept nogil:
    """Codes of rows [lo, hi) as planes: out[j * stride + i - lo] for feature source.features[j]."""
    cdef Py_ssize_t j
    if not source.source.is_sparse:
        K.binning_codes(source.source.columns, mapper.tables, source.features, <int32_t> source.n_used, lo, hi - lo,
                        out, stride)
        return
    for j in range(source.n_used):
        memset(out + j * stride, source.absent[j], hi - lo)
    K.binning_codes_csr(&source.source.csr, mapper.tables, source.slot, lo, hi - lo, out, 1, stride)


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

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        cdef Py_ssize_t lo = index * TRAVERSE_ROWS, n_outputs = self.pack.n_outputs, i, k
        cdef int32_t rows = rows_of(index, self.n_rows)
        cdef uint8_t *tile = self.tile(thread)
        cdef traverse_space space = self.space(thread)
        cdef double *sums = self.sums(thread)
        cdef double *out = &self.out[lo, 0]
        code_planes(self.mapper, self.source, lo, lo + rows, tile, TRAVERSE_ROWS)
        # A few rows: tree by tree for a row costs less than a whole group of rows in steps.
        if rows * self.pack.one_ns < aligned(rows) * self.pack.row_ns:
            for i in range(rows):
                memcpy(out + i * n_outputs, &self.baseline[0], n_outputs * sizeof(double))
                K.traverse_one(&self.pack.c, self.n_trees, tile + i, TRAVERSE_ROWS, &space, out + i * n_outputs)
            return
        for k in range(n_outputs):
            for i in range(TRAVERSE_ROWS):
                sums[k * TRAVERSE_ROWS + i] = self.baseline[k]
        K.traverse_block(&self.pack.c, 0, self.n_trees, tile, TRAVERSE_ROWS, rows, &space, sums)
        for k in range(n_outputs):
            for i in range(rows):
                out[i * n_outputs + k] = sums[k * TRAVERSE_ROWS + i]


def predict_raw(forest, BinMapper mapper not None, X, int n_threads=1, n_trees=None):
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

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        cdef Py_ssize_t lo = index * TRAVERSE_ROWS
        cdef int32_t rows = rows_of(index, self.n_rows)
        cdef traverse_space space = self.space(thread)
        code_planes(self.mapper, self.source, lo, lo + rows, self.tile(thread), TRAVERSE_ROWS)
        K.traverse_apply(&self.pack.c, self.n_trees, self.tile(thread), TRAVERSE_ROWS, rows, &space,
                         &self.out[lo, 0], self.n_trees)


def apply(forest, BinMapper mapper not None, X, int n_threads=1, n_trees=None):
    """Leaf that each row falls into, in each tree.

    Parameters and errors are those of `predict_raw`.

    Returns
    -------
    int32 array of shape (n_rows, n_trees)
        Number of the node inside its tree.
    """
    cdef _Apply work = _Apply()
    work.pack = pack_of(forest)
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
    # All codes of a table, as planes `stride` apart
    cdef BinMapper mapper
    cdef CodeSource source
    cdef uint8_t *planes
    cdef Py_ssize_t stride

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        cdef Py_ssize_t lo = index * TRAVERSE_ROWS
        code_planes(self.mapper, self.source, lo, lo + rows_of(index, self.n_rows), self.planes + lo, self.stride)


cdef class _Stage(Work):
    cdef const uint8_t *planes
    cdef Py_ssize_t stride, first, last
    cdef double[:, ::1] raw   # (n_outputs, stride)

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        cdef Py_ssize_t lo = index * TRAVERSE_ROWS, k
        cdef int32_t rows = rows_of(index, self.n_rows)
        cdef traverse_space space = self.space(thread)
        cdef double *sums = self.sums(thread)
        for k in range(self.pack.n_outputs):
            memcpy(sums + k * TRAVERSE_ROWS, &self.raw[k, lo], TRAVERSE_ROWS * sizeof(double))
        K.traverse_block(&self.pack.c, self.first, self.last, self.planes + lo, self.stride, rows, &space, sums)
        for k in range(self.pack.n_outputs):
            memcpy(&self.raw[k, lo], sums + k * TRAVERSE_ROWS, TRAVERSE_ROWS * sizeof(double))


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
    cdef Py_ssize_t n = n_rows_of(code.source)
    code.stride = (n + TRAVERSE_ROWS - 1) // TRAVERSE_ROWS * TRAVERSE_ROWS
    planes = np.empty(code.pack.n_planes * code.stride + 64, dtype=np.uint8)
    cdef uint8_t[::1] view = planes
    code.planes = <uint8_t *> aligned(<Py_ssize_t> &view[0])
    code.prepare(n, 0, CODE_NS * code.pack.n_planes, n_threads)
    code.run()
    cdef _Stage work = _Stage()
    work.pack = code.pack
    work.planes = code.planes
    work.stride = code.stride
    raw = np.repeat(forest.baseline[:, None], code.stride, axis=1)
    work.raw = raw
    work.prepare(n, 0, work.pack.row_ns * step / max(work.pack.n_trees, <Py_ssize_t> 1), n_threads)
    for first in range(0, used, step):
        interrupt.check()
        work.first = first
        work.last = min(used, first + step)
        work.run()
        yield np.ascontiguousarray(raw[:, :n].T)


cdef class _Add(Work):
    cdef BinnedMatrix binned
    cdef const int32_t[::1] features
    cdef const uint32_t[::1] order
    cdef bint chosen
    cdef double[::1] raw

    cdef void block(self, Py_ssize_t index, int thread) noexcept nogil:
        cdef Py_ssize_t lo = index * TRAVERSE_ROWS, stride = self.binned.column_stride, i
        cdef int32_t rows = rows_of(index, self.n_rows)
        cdef uint8_t *tile = self.tile(thread)
        cdef traverse_space space = self.space(thread)
        cdef double *sums = self.sums(thread)
        if self.chosen:
            if self.pack.n_planes:
                K.traverse_gather(self.binned.columns, stride, &self.features[0], self.pack.n_planes,
                                  &self.order[lo], rows, tile)
            for i in range(rows):
                sums[i] = self.raw[self.order[lo + i]]
            K.traverse_block(&self.pack.c, 0, 1, tile, TRAVERSE_ROWS, rows, &space, sums)
            for i in range(rows):
                self.raw[self.order[lo + i]] = sums[i]
        elif rows == TRAVERSE_ROWS:
            K.traverse_block(&self.pack.c, 0, 1, self.binned.columns + lo, stride, rows, &space, &self.raw[lo])
        else:
            memcpy(sums, &self.raw[lo], rows * sizeof(double))
            K.traverse_block(&self.pack.c, 0, 1, self.binned.columns + lo, stride, rows, &space, sums)
            memcpy(&self.raw[lo], sums, rows * sizeof(double))


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
    # All rows: blocks are read where they lie, and planes are the features themselves.
    work.pack = Pack(arrays, None if work.chosen else np.arange(top + 1, dtype=np.int32))
    work.binned = binned
    work.features = work.pack.planes
    work.raw = raw
    if work.chosen:
        work.prepare(n, work.pack.n_planes, work.pack.row_ns + CODE_NS * work.pack.n_planes, n_threads)
    else:
        work.prepare(n, 0, work.pack.row_ns, n_threads)
    work.run()
