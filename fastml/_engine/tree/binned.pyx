"""The codes of a table, in the two layouts that training wants.

Histograms read rows: codes of a row lie side by side, in blocks of at most 64 features so that a block's row
is one cache line and a wide table's histograms can be built a few features at a time. Partition reads one
feature of many rows: the column-major copy.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy, memset

from fastml._engine.runtime.tree_kernels cimport K


cdef class BinnedMatrix:
    """Codes of a table, row-major in blocks of features and column-major.

    Made by ``BinMapper.transform``.

    Attributes
    ----------
    n_rows, n_features, n_blocks : int
    n_codes : uint16 array of shape (n_features,)
        Codes of each feature, 0 included: at most 256.
    is_categorical : uint8 array of shape (n_features,)
    has_missing : uint8 array of shape (n_features,)
        Whether code 0 occurs.
    version : int
        How often the rows have been put into another order.
    """

    def __dealloc__(self):
        free(self.blocks)
        free(self.block_first_p)
        free(self.block_stride_p)

    cdef int _allocate(self, Py_ssize_t n_rows, Py_ssize_t n_features) except -1:
        cdef Py_ssize_t b, width
        cdef uint16_t[::1] n_codes
        cdef uint8_t[::1] flags
        self.n_rows, self.n_features = n_rows, n_features
        self.n_blocks = (n_features + BLOCK - 1) // BLOCK
        self.n_codes = np.zeros(n_features, dtype=np.uint16)
        self.is_categorical = np.zeros(n_features, dtype=np.uint8)
        self.has_missing = np.zeros(n_features, dtype=np.uint8)
        n_codes = self.n_codes
        self.n_codes_p = &n_codes[0]
        flags = self.is_categorical
        self.is_categorical_p = &flags[0]
        flags = self.has_missing
        self.has_missing_p = &flags[0]
        self.blocks = <uint8_t **>calloc(self.n_blocks, sizeof(uint8_t *))
        self.block_first_p = <int32_t *>calloc(self.n_blocks + 1, sizeof(int32_t))
        self.block_stride_p = <int32_t *>calloc(self.n_blocks, sizeof(int32_t))
        if self.blocks == NULL or self.block_first_p == NULL or self.block_stride_p == NULL:
            raise MemoryError()
        self._block_memory = []
        self.column_stride = (n_rows + 63) // 64 * 64 + 64
        for b in range(self.n_blocks):
            width = min(BLOCK, n_features - b * BLOCK)
            self.block_first_p[b] = b * BLOCK
            self.block_stride_p[b] = (width + 15) // 16 * 16
            memory, address = _aligned(self._room(b))
            self.blocks[b] = <uint8_t *><uintptr_t>address
            memset(self.blocks[b] + n_rows * self.block_stride_p[b], 0, 64)
            self._block_memory.append(memory)
        self.block_first_p[self.n_blocks] = n_features
        self._column_memory, address = _aligned(
            self._room(0) if self.n_blocks == 1 else n_features * self.column_stride)
        self.columns = <uint8_t *><uintptr_t>address
        self._end_columns()
        return 0

    cdef Py_ssize_t _room(self, Py_ssize_t block) noexcept nogil:
        """Bytes of a block; of a single one so many that both copies of the codes fit, see `reorder`."""
        cdef Py_ssize_t size = self.n_rows * self.block_stride_p[block] + 64
        return max(size, self.n_features * self.column_stride) if self.n_blocks == 1 else size

    cdef void _end_columns(self) noexcept nogil:
        cdef Py_ssize_t f
        for f in range(self.n_features):
            memset(self.columns + f * self.column_stride + self.n_rows, 0, self.column_stride - self.n_rows)

    cdef void _block_from_columns(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t first = self.block_first_p[block], stride = self.block_stride_p[block]
        K.binning_transpose(self.columns + first * self.column_stride + lo, self.column_stride,
                            self.block_first_p[block + 1] - first, stride, n,
                            self.blocks[block] + lo * stride, stride)

    cdef void _columns_from_block(self, Py_ssize_t block, Py_ssize_t lo, Py_ssize_t n) noexcept nogil:
        cdef Py_ssize_t first = self.block_first_p[block], stride = self.block_stride_p[block]
        K.binning_transpose(self.blocks[block] + lo * stride, stride, n, n,
                            self.block_first_p[block + 1] - first,
                            self.columns + first * self.column_stride + lo, self.column_stride)

    @property
    def column_codes(self):
        """uint8 array of shape (n_features, n_rows): a read-only view of the column-major copy."""
        cdef uint8_t[:, ::1] view = <uint8_t[:self.n_features, :self.column_stride]>self.columns
        return _view(np.asarray(view)[:, :self.n_rows], self)

    def row_codes(self, Py_ssize_t block):
        """uint8 array of shape (n_rows, block_stride): a read-only view of a row-major block, padded."""
        if not 0 <= block < self.n_blocks:
            raise IndexError(f"block {block} of {self.n_blocks} blocks")
        cdef uint8_t[:, ::1] view = <uint8_t[:self.n_rows, :self.block_stride_p[block]]>self.blocks[block]
        return _view(np.asarray(view), self)

    @property
    def block_first(self):
        """int32 array of shape (n_blocks + 1,): block b holds the features from block_first[b] to
        block_first[b + 1], excluded."""
        return np.array([self.block_first_p[b] for b in range(self.n_blocks + 1)], dtype=np.int32)

    @property
    def block_stride(self):
        """int32 array of shape (n_blocks,): bytes from row to row in each block."""
        return np.array([self.block_stride_p[b] for b in range(self.n_blocks)], dtype=np.int32)

    @classmethod
    def from_columns(cls, codes, n_codes, is_categorical):
        """The matrix of these codes.

        Parameters
        ----------
        codes : uint8 array of shape (n_features, n_rows)
        n_codes : uint16 array of shape (n_features,)
        is_categorical : uint8 array of shape (n_features,)

        Returns
        -------
        BinnedMatrix

        Raises
        ------
        ValueError
            If there is no code, a code is not below `n_codes`, or the lengths differ.
        """
        cdef BinnedMatrix matrix = BinnedMatrix.__new__(BinnedMatrix)
        cdef const uint8_t[:, ::1] view = np.ascontiguousarray(codes, dtype=np.uint8)
        cdef Py_ssize_t n = view.shape[1], f, b, lo
        if not view.size or not np.shape(n_codes) == np.shape(is_categorical) == (view.shape[0],):
            raise ValueError(f"codes has shape {np.shape(codes)}, n_codes {np.shape(n_codes)} and is_categorical "
                             f"{np.shape(is_categorical)}")
        if (np.max(codes, axis=1) >= np.minimum(n_codes, 256)).any():
            raise ValueError("a code is not below n_codes")
        matrix._allocate(n, view.shape[0])
        matrix.n_codes[:], matrix.is_categorical[:] = n_codes, is_categorical
        for f in range(view.shape[0]):
            memcpy(matrix.columns + f * matrix.column_stride, &view[f, 0], n)
            matrix.has_missing_p[f] = memchr(&view[f, 0], 0, n) != NULL
        for b in range(matrix.n_blocks):
            for lo in range(0, n, ROWS):
                matrix._block_from_columns(b, lo, min(ROWS, n - lo))
        return matrix

    def __reduce__(self):
        return BinnedMatrix.from_columns, (np.array(self.column_codes), self.n_codes, self.is_categorical)

    def take(self, rows, int n_threads=1):
        """The matrix of some rows, in their order; rows may repeat.

        Parameters
        ----------
        rows : uint32 array of shape (n,)
        n_threads : int, default=1

        Returns
        -------
        BinnedMatrix

        Raises
        ------
        ValueError
            If there is no row, or a row number is not below ``n_rows``.
        """
        cdef const uint32_t[::1] order = _row_numbers(rows, self.n_rows)
        cdef BinnedMatrix other = BinnedMatrix.__new__(BinnedMatrix)
        cdef Py_ssize_t n = order.shape[0], b, t, lo, n_tasks = (n + ROWS - 1) // ROWS, stride
        other._allocate(n, self.n_features)
        other.n_codes[:] = self.n_codes
        other.is_categorical[:] = self.is_categorical
        for t in prange(n_tasks, nogil=True, num_threads=n_threads, schedule="static"):
            lo = t * ROWS
            for b in range(self.n_blocks):
                stride = self.block_stride_p[b]
                K.binning_take(self.blocks[b], stride, &order[lo], min(ROWS, n - lo),
                               other.blocks[b] + lo * stride)
                other._columns_from_block(b, lo, min(ROWS, n - lo))
        for b in range(self.n_features):
            other.has_missing_p[b] = memchr(other.columns + b * other.column_stride, 0, n) != NULL
        return other

    def reorder(self, perm, int n_threads=1):
        """Put row perm[i] in place i, in both copies.

        With at most 64 features the rows are written over the columns, which are then made again where the rows
        were. Otherwise the first call allocates one spare block of rows, which later calls use again.

        Parameters
        ----------
        perm : uint32 array of shape (n_rows,)
            A permutation of the row numbers; that no number is missing is the caller's word.
        n_threads : int, default=1

        Raises
        ------
        ValueError
            If a row number is not below ``n_rows`` or there are not n_rows of them.
        """
        cdef const uint32_t[::1] order = _row_numbers(perm, self.n_rows)
        cdef Py_ssize_t b
        if order.shape[0] != self.n_rows:
            raise ValueError(f"perm has {order.shape[0]} row numbers, expected {self.n_rows}")
        self.version += 1
        if self.n_blocks == 1:
            memory = self._column_memory, <uintptr_t>self.columns
            self._column_memory, self.columns = self._block_memory[0], self.blocks[0]
            self._reorder_block(0, order, memory, n_threads)
            self._end_columns()
            return
        if self._spare is None:
            self._spare = _aligned(self.n_rows * self.block_stride_p[0] + 64)
        for b in range(self.n_blocks):
            old = self._block_memory[b], <uintptr_t>self.blocks[b]
            self._reorder_block(b, order, self._spare, n_threads)
            self._spare = old
        if self.block_stride_p[self.n_blocks - 1] < self.block_stride_p[0]:
            self._spare = None  # the memory of a narrower last block is too small for the next call

    cdef _reorder_block(self, Py_ssize_t b, const uint32_t[::1] order, memory, int n_threads):
        """Moves a block's rows to other memory, (owner, address), in a new order, and makes its columns."""
        cdef Py_ssize_t n = self.n_rows, t, lo, n_tasks = (n + ROWS - 1) // ROWS, stride = self.block_stride_p[b]
        cdef uint8_t *old = self.blocks[b]
        cdef uint8_t *new = <uint8_t *><uintptr_t>memory[1]
        memset(new + n * stride, 0, 64)
        for t in prange(n_tasks, nogil=True, num_threads=n_threads, schedule="static"):
            lo = t * ROWS
            K.binning_take(old, stride, &order[lo], min(ROWS, n - lo), new + lo * stride)
        self.blocks[b], self._block_memory[b] = new, memory[0]
        for t in prange(n_tasks, nogil=True, num_threads=n_threads, schedule="static"):
            self._columns_from_block(b, t * ROWS, min(ROWS, n - t * ROWS))


cdef _aligned(Py_ssize_t size):
    """(owner, address) of uninitialised memory that starts a cache line."""
    cdef uint8_t[::1] view
    memory = np.empty(size + 64, dtype=np.uint8)
    view = memory
    return memory, (<uintptr_t>&view[0] + 63) // 64 * 64


cdef _view(array, owner):
    """A read-only array that keeps its owner alive."""
    interface = dict(array.__array_interface__)
    interface["data"] = (interface["data"][0], True)
    return np.asarray(_Interface(interface, owner))


class _Interface:
    def __init__(self, interface, owner):
        self.__array_interface__ = interface
        self.owner = owner


def _row_numbers(rows, Py_ssize_t n_rows):
    rows = np.ascontiguousarray(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or len(rows) == 0:
        raise ValueError(
            f"row numbers must be a one-dimensional array of at least one integer, got {rows.dtype} of shape "
            f"{rows.shape}"
        )
    if rows.min() < 0 or rows.max() >= n_rows:
        raise ValueError(f"row numbers run from {rows.min()} to {rows.max()}, expected 0 to {n_rows - 1}")
    return rows.astype(np.uint32, copy=False)
