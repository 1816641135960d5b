"""Prediction of single rows: everything is bound before the first one comes.

A call looks at the type and the width of a row and nothing else, takes no memory but the result's, and lets other
threads run. The work space comes from a stack of such, so any number of threads may call one predictor.
"""

import numpy as np

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from fastml._engine.runtime.tree_kernels cimport K, traverse_space
from fastml._engine.tree.binning cimport BinMapper
from fastml._engine.tree.pack cimport Pack
from fastml._engine.tree.single_row cimport RowCoder, SingleRowPack

from fastml._engine.tree.predict import pack_of
from fastml._engine.tree.single_row import single_row_pack_of

cdef extern from "tree/traverse.h":
    cdef enum:
        TRAVERSE_ROWS

cdef enum:
    FEW_ROWS = 16   # rows that are walked one by one


cdef class RowPredictor:
    """Raw predictions of a few rows at a time; more rows are given to a function.

    Made by its subclasses, which know the trees.

    Attributes
    ----------
    n_features : int
    """

    def __reduce__(self):
        raise TypeError("a predictor is bound to this process: pickle the model, and ask it for a predictor again")

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.n_free):
            free(self.free_rooms[i])
        free(self.free_rooms)

    cdef void *take_room(self) except NULL:
        """Work space for one call; under the GIL, as all of the stack's business."""
        cdef void **rooms
        cdef void *room
        if self.n_free:
            self.n_free -= 1
            return self.free_rooms[self.n_free]
        rooms = <void **> realloc(self.free_rooms, (self.n_rooms + 1) * sizeof(void *))
        if rooms == NULL:
            raise MemoryError()
        self.free_rooms = rooms
        room = malloc(self.room_size)
        if room == NULL:
            raise MemoryError()
        self.n_rooms += 1
        return room

    cdef void give_back(self, void *room) noexcept:
        self.free_rooms[self.n_free] = room
        self.n_free += 1

    cdef void one(self, const char *row, Py_ssize_t stride, bint is_f32, void *room, double *out) noexcept nogil:
        pass

    def __call__(self, X):
        """Predictions.

        Parameters
        ----------
        X : float64 or float32 array of shape (n_features,) or (n_rows, n_features)

        Returns
        -------
        array
            What ``finish`` makes of raw predictions, float64 of shape (n_rows, n_outputs); those if there is none.

        Raises
        ------
        TypeError
            If X is no array of native float64 or float32.
        ValueError
            If X has another number of features.
        """
        cdef Py_buffer view, result
        cdef Py_ssize_t n_rows, width, i, row_stride, stride
        cdef bint is_f32, is_f64
        cdef void *room
        try:
            PyObject_GetBuffer(X, &view, PyBUF_FORMAT | PyBUF_STRIDES)
        except (TypeError, BufferError, ValueError):
            raise TypeError(f"X must be an array of float64 or float32, got {type(X).__name__}") from None
        try:
            is_f32 = view.format[0] == c"f" and view.format[1] == 0
            is_f64 = view.format[0] == c"d" and view.format[1] == 0
            if not (is_f32 or is_f64):
                raise TypeError(f"X must hold native float64 or float32, got {getattr(X, 'dtype', None)}")
            if view.ndim == 1:
                n_rows, row_stride, width, stride = 1, 0, view.shape[0], view.strides[0]
            elif view.ndim == 2:
                n_rows, row_stride, width, stride = view.shape[0], view.strides[0], view.shape[1], view.strides[1]
            else:
                raise ValueError(f"X must have one or two dimensions, got {view.ndim}")
            if width != self.n_features:
                raise ValueError(f"X has {width} features, but the model expects {self.n_features}")
            if n_rows > FEW_ROWS or (<uintptr_t> view.buf | <uintptr_t> stride | <uintptr_t> row_stride) & (
                    3 if is_f32 else 7):
                out = self.many(X if view.ndim == 2 else X[None])
                return out if self.finish is None else self.finish(out)
            out = np.empty((n_rows, self.n_outputs))
            if n_rows == 0:
                return out if self.finish is None else self.finish(out)
            room = self.take_room()
            try:
                PyObject_GetBuffer(out, &result, PyBUF_STRIDES)
                with nogil:
                    for i in range(n_rows):
                        self.one(<const char *> view.buf + i * row_stride, stride, is_f32, room,
                                 <double *> result.buf + i * self.n_outputs)
                PyBuffer_Release(&result)
            finally:
                self.give_back(room)
            return out if self.finish is None else self.finish(out)
        finally:
            PyBuffer_Release(&view)


cdef class CodePredictor(RowPredictor):
    """Raw predictions of boosted trees, which compare codes.

    Parameters
    ----------
    forest : Forest
        Packed when the predictor is made; what is added to it later is not seen.
    mapper : BinMapper
        Of the planes that the forest splits on.
    planes : int32 array of shape (mapper.n_features,)
        Feature that each plane reads.
    n_features : int
    many : function (array) -> float64 array of shape (n_rows, n_outputs)
        Predicts more rows than a few.
    finish : function (float64 array of shape (n_rows, n_outputs)) -> array, optional
        Makes of raw predictions what is returned.

    Raises
    ------
    ValueError
        If the planes are not those of the mapper, or read a feature that is not there.
    """
    cdef Pack pack
    cdef SingleRowPack side_by_side   # None: the trees are walked
    cdef RowCoder coder
    cdef const double[::1] baseline
    cdef Py_ssize_t leaf_at

    def __init__(self, forest, BinMapper mapper not None, planes, n_features, many, finish=None):
        cdef Py_ssize_t tiles
        reads = np.ascontiguousarray(planes, dtype=np.int32)
        if len(reads) != mapper.n_features or len(reads) == 0 or reads.min() < 0 or reads.max() >= n_features:
            raise ValueError(f"planes must name features below {n_features}, one for each of the mapper's "
                             f"{mapper.n_features}")
        self.pack = pack_of(forest)
        self.n_outputs = self.pack.n_outputs
        self.n_features = n_features
        self.many, self.finish = many, finish
        self.baseline = forest.baseline
        used = self.pack.planes
        if len(used) and used.max() >= mapper.n_features:
            raise ValueError(f"the forest splits on plane {used.max()}, but the bins are those of {mapper.n_features}")
        self.side_by_side = single_row_pack_of(forest.arrays(), mapper, reads, self.pack.one_ns)
        if self.side_by_side is not None:
            self.coder = self.side_by_side.coder
            self.room_size = self.coder.table_size
        else:
            tiles = max(self.pack.n_planes, <Py_ssize_t> 1) * TRAVERSE_ROWS
            at = np.arange(len(used), dtype=np.int32) * TRAVERSE_ROWS
            self.coder = RowCoder(mapper, used, reads[used], at, np.full_like(at, -1), tiles)
            self.leaf_at = (self.coder.table_size + 63) // 64 * 64
            self.room_size = self.leaf_at + max(self.pack.n_trees, <Py_ssize_t> TRAVERSE_ROWS) * sizeof(uint32_t)
        self.room_size += 64

    cdef void one(self, const char *row, Py_ssize_t stride, bint is_f32, void *room, double *out) noexcept nogil:
        cdef uint8_t *codes = <uint8_t *> ((<uintptr_t> room + 63) // 64 * 64)
        cdef traverse_space space
        K.single_row_codes(&self.coder.c, row, stride, is_f32, codes)
        memcpy(out, &self.baseline[0], self.pack.n_outputs * sizeof(double))
        if self.side_by_side is not None:
            K.single_row_sums(&self.side_by_side.c, codes, out)
            return
        space.slots = NULL
        space.leaf = <uint32_t *> (codes + self.leaf_at)
        K.traverse_one(&self.pack.c, self.pack.n_trees, codes, &space, out)
