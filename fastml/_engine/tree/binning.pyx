"""Binning: a table of numbers becomes a matrix of uint8 codes, once for all trees.

Code 0 is a missing value, code 1 + c is category c of a categorical feature, code 1 + (number of edges below
x) is a number x. See src_c/tree/binning.h for the search, quantile.pyx for how edges are placed.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport INFINITY, nextafter
from libc.stdint cimport int32_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcpy, memset

from fastml._engine.runtime.tree_kernels cimport K
from fastml._engine.runtime.openmp cimport thread_num
from fastml._engine.tree.binned cimport BLOCK, ROWS, BinnedMatrix
from fastml._engine.tree.source cimport Source

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.quantile import MAX_CATEGORIES, find_categories, find_edges, whole_weights
from fastml._engine.tree.source import open_source

cdef extern from "tree/binning.h":
    cdef enum:
        BINNING_CELLS

cdef enum:
    CELLS_ROOM = (BINNING_CELLS + 8) // 8 * 8  # bytes of the cells of a feature
    STACK_ROWS = 128   # rows of one step of codes_rows, whose workspace is on the stack
    WINDOW = 1 << 27   # values between two looks at the keyboard


cdef class CodeSource:
    """A table opened by ``BinMapper.open`` for reading the codes of some features, row by row."""

    def __dealloc__(self):
        free(self.features)
        free(self.slot)
        free(self.absent)


cdef class BinMapper:
    """Finds the bins of each feature and maps values to codes.

    Parameters
    ----------
    max_bins : int, default=255
        Most bins of a numerical feature, missing values not counted: 2 to 255.
    categorical : bool array of shape (n_features,) or None, default=None
        Features whose values are categories: any numbers from 0; negative numbers are missing values.
    subsample : int or None, default=200_000
        Rows, drawn at random from equal stretches, that place the edges of features with more than `max_bins`
        distinct values. Whether there are more is decided on all rows. None: all rows.
    random_state : int, default=0
    n_threads : int, default=1
        Changes the time only, never a code.

    Attributes
    ----------
    edges_ : list of float64 arrays
        Ascending; x <= edges[0] has code 1. Empty for categorical features.
    categories_ : list of float64 arrays or None
        Ascending values of categories, category c has code c + 1; None for numerical features.
    grouped_categories_ : list of float64 arrays or None
        Categories that were too many: all have the code after those of ``categories_``.
    n_codes_ : uint16 array of shape (n_features,)
    is_categorical_ : uint8 array of shape (n_features,)
    n_distinct_ : int64 array of shape (n_features,)
        Distinct values among the rows that placed the edges; 0 for categorical features. Only `fit` knows it.
    """

    def __cinit__(self, *args, **kwargs):
        self.tables = NULL
        self._pool = NULL

    def __init__(self, max_bins=255, categorical=None, subsample=200_000, random_state=0, n_threads=1):
        if not 2 <= max_bins <= 255:
            raise ValueError(f"max_bins={max_bins} should be no smaller than 2 and no larger than 255.")
        if subsample is not None and subsample < 1:
            raise ValueError(f"subsample={subsample} must be at least 1, or None for all rows")
        if n_threads < 1:
            raise ValueError(f"n_threads={n_threads} must be at least 1")
        self.max_bins = max_bins
        self.categorical = categorical
        self.subsample = -1 if subsample is None else subsample
        self.random_state = random_state
        self.n_threads = n_threads

    def __dealloc__(self):
        free(self.tables)
        free(self._pool)

    def fit(self, X, sample_weight=None):
        """Place the edges and list the categories.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
            See ``open_source``.
        sample_weight : array of shape (n_rows,) or None
            Not negative. A row of weight 0 does not count at all.

        Returns
        -------
        BinMapper
            itself

        Raises
        ------
        TypeError, ValueError
            As ``open_source``; or if `sample_weight` or `categorical` do not fit X.
        """
        cdef Source source = open_source(X)
        cdef Py_ssize_t f
        is_categorical = np.zeros(source.n_features, dtype=np.uint8)
        if self.categorical is not None:
            if np.shape(self.categorical) != (source.n_features,):
                raise ValueError(f"categorical has shape {np.shape(self.categorical)}, expected "
                                 f"({source.n_features},) as X has {source.n_features} features")
            is_categorical[:] = self.categorical
        if sample_weight is not None:
            sample_weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
            if sample_weight.shape != (source.n_rows,):
                raise ValueError(
                    f"sample_weight has shape {sample_weight.shape}, expected ({source.n_rows},)"
                )
            if not (np.isfinite(sample_weight).all() and (sample_weight >= 0).all()):
                raise ValueError("sample_weight must be finite and not negative")
            if not sample_weight.any():
                raise ValueError("sample_weight is zero in every row")
        edges, n_distinct = find_edges(
            source, is_categorical, self.max_bins, None if self.subsample < 0 else self.subsample,
            self.random_state, sample_weight, self.n_threads,
        )
        categories, grouped, whole = [None] * source.n_features, [None] * source.n_features, None
        n_codes = np.empty(source.n_features, dtype=np.uint16)
        for f in range(source.n_features):
            if is_categorical[f]:
                edges[f] = np.empty(0)
                if whole is None and sample_weight is not None:
                    whole = whole_weights(sample_weight)
                categories[f], grouped[f] = find_categories(source, f, whole)
                n_codes[f] = 1 + len(categories[f]) + (len(grouped[f]) > 0)
            else:
                n_codes[f] = 2 + len(edges[f]) if n_distinct[f] else 1
        self._set(edges, categories, grouped, n_codes, is_categorical)
        self.n_distinct_ = n_distinct
        return self

    def _set(self, edges, categories, grouped, n_codes, is_categorical):
        self.n_features = len(edges)
        self.edges_, self.categories_, self.grouped_categories_ = edges, categories, grouped
        self.n_codes_, self.is_categorical_ = n_codes, is_categorical
        self._build_tables()

    cdef int _build_tables(self) except -1:
        cdef Py_ssize_t f, size = 0
        cdef const double[::1] edges
        cdef double lower[256]
        cdef char *room
        cdef Py_ssize_t n, i, slots
        cdef int depth
        free(self.tables)
        free(self._pool)
        self._pool = NULL
        self.tables = <binning_table *>calloc(self.n_features, sizeof(binning_table))
        if self.tables == NULL:
            raise MemoryError()
        known, codes, small = {}, {}, {}
        for f in range(self.n_features):
            if self.is_categorical_[f]:
                kept, rest = self.categories_[f], self.grouped_categories_[f]
                both = np.concatenate([kept, rest])
                code = np.concatenate([np.arange(1, len(kept) + 1), np.full(len(rest), len(kept) + 1)])
                order = np.argsort(both, kind="stable")
                known[f], codes[f] = both[order], code[order].astype(np.uint8)
                whole = (both >= 0) & (both < 65536) & (both == np.floor(both))
                small[f] = np.zeros(int(both[whole].max()) + 1 if whole.any() else 0, dtype=np.uint8)
                small[f][both[whole].astype(np.int64)] = code[whole]
                size += 9 * len(both) + len(small[f]) + 16
            else:
                n = self.n_codes_[f] - 1
                depth = 4
                while 1 << depth <= n:
                    depth += 1
                self.tables[f].depth = depth
                self.tables[f].n_lower = n
                size += (16 << depth) + CELLS_ROOM
        self._pool = malloc(size + 64)
        if self._pool == NULL:
            raise MemoryError()
        room = <char *>((<uintptr_t>self._pool + 63) // 64 * 64)
        for f in range(self.n_features):
            if self.is_categorical_[f]:
                continue
            n, depth = self.tables[f].n_lower, self.tables[f].depth
            slots = 1 << depth
            lower[0] = -INFINITY
            edges = self.edges_[f]
            for i in range(n - 1):
                lower[i + 1] = nextafter(edges[i], INFINITY)
            self.tables[f].lower = <const double *>room
            self.tables[f].tree32 = <const float *>(room + 8 * slots)
            self.tables[f].coarse = <const float *>(room + 12 * slots)
            if n > 1 and not K.binning_coarse_pays(lower, n, 0.0):
                self.tables[f].offset = lower[1 + n // 2 if n > 2 else 1]
            self.tables[f].coarse_pays = K.binning_coarse_pays(lower, n, self.tables[f].offset)
            K.binning_plant(lower, n, depth, self.tables[f].offset, <float *>(room + 8 * slots),
                            <float *>(room + 12 * slots), <double *>room)
            room += 16 * slots
            self.tables[f].cells = <const uint8_t *>room
            self.tables[f].most_in_cell = K.binning_cells(lower, n, &self.tables[f].cell_low,
                                                          &self.tables[f].cell_scale, <uint8_t *>room)
            if self.tables[f].most_in_cell:
                room += CELLS_ROOM
        for f in known:
            n = len(known[f])
            self.tables[f].is_categorical = 1
            self.tables[f].n_known = n
            self.tables[f].n_small = len(small[f])
            self.tables[f].known = <const double *>room
            for i in range(n):
                (<double *>room)[i] = known[f][i]
            room += 8 * n
            self.tables[f].known_code = <const uint8_t *>room
            for i in range(n):
                (<uint8_t *>room)[i] = codes[f][i]
            room += n
            self.tables[f].small_code = <const uint8_t *>room
            for i in range(len(small[f])):
                (<uint8_t *>room)[i] = small[f][i]
            room += (len(small[f]) + n + 7) // 8 * 8 - n
        return 0

    def _checked(self, X):
        if self.tables == NULL:
            raise ValueError("this BinMapper is not fitted; call fit first")
        source = open_source(X)
        if source.n_features != self.n_features:
            raise ValueError(
                f"X has {source.n_features} features, but the bins were made for {self.n_features}"
            )
        return source

    def transform(self, X):
        """Codes of all rows, in both layouts.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)

        Returns
        -------
        BinnedMatrix

        Raises
        ------
        TypeError, ValueError
            As ``open_source``; or if the number of features is not that of `fit`.
        """
        cdef Source source = self._checked(X)
        cdef BinnedMatrix binned = BinnedMatrix.__new__(BinnedMatrix)
        binned._allocate(source.n_rows, source.n_features)
        binned.n_codes[:] = self.n_codes_
        binned.is_categorical[:] = self.is_categorical_
        cdef Py_ssize_t n_chunks = (source.n_rows + ROWS - 1) // ROWS, n_blocks = binned.n_blocks, t, f, first, n
        cdef Py_ssize_t window = max(1, WINDOW // (ROWS * source.n_features))
        cdef int n_threads = min(self.n_threads, n_chunks * n_blocks)
        cdef uint8_t[:, ::1] missing = np.zeros((n_threads, source.n_features), dtype=np.uint8)
        cdef uint8_t[::1] absent = np.zeros(source.n_features, dtype=np.uint8)
        if source.is_sparse:
            for f in range(source.n_features):
                absent[f] = K.binning_code(self.tables + f, 0.0)
        for first in range(0, n_chunks, window):
            check()
            n = min(window, n_chunks - first)
            if source.is_sparse:
                for t in prange(n, nogil=True, num_threads=n_threads, schedule="dynamic"):
                    self._code_entries(source, binned, (first + t) * ROWS, &absent[0])
            for t in prange(n * n_blocks, nogil=True, num_threads=n_threads, schedule="dynamic"):
                self._code_block(source, binned, (first + t // n_blocks) * ROWS, t % n_blocks,
                                 &missing[thread_num(), 0])
        binned.has_missing[:] = np.asarray(missing).max(axis=0)
        return binned

    cdef void _code_entries(self, Source source, BinnedMatrix binned, Py_ssize_t lo,
                            const uint8_t *absent) noexcept nogil:
        """Column codes of ROWS rows of a sparse table."""
        cdef Py_ssize_t n = min(ROWS, source.n_rows - lo), f
        for f in range(source.n_features):
            memset(binned.columns + f * binned.column_stride + lo, absent[f], n)
        K.binning_codes_csr(&source.csr, self.tables, NULL, lo, n, binned.columns + lo, 1, binned.column_stride)

    cdef void _code_block(self, Source source, BinnedMatrix binned, Py_ssize_t lo, Py_ssize_t block,
                          uint8_t *missing) noexcept nogil:
        """Codes of ROWS rows of one block's features: columns (unless sparse: they are there), then rows."""
        cdef Py_ssize_t n = min(ROWS, source.n_rows - lo), f
        cdef int32_t first = binned.block_first_p[block], last = binned.block_first_p[block + 1]
        if not source.is_sparse:
            K.binning_codes(source.columns + first, self.tables + first, NULL, last - first, lo, n,
                            binned.columns + first * binned.column_stride + lo, binned.column_stride)
        binned._block_from_columns(block, lo, n)
        for f in range(first, last):
            missing[f] |= memchr(binned.columns + f * binned.column_stride + lo, 0, n) != NULL

    def open(self, X, features=None):
        """Prepare a table for ``codes_rows`` (see binning.pxd).

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
        features : int32 array of shape (n_used,) or None
            The features that are wanted, distinct, in the order wanted; None: all.

        Returns
        -------
        CodeSource
        """
        cdef CodeSource opened = CodeSource.__new__(CodeSource)
        cdef Py_ssize_t j
        opened.source = self._checked(X)
        opened.n_rows = opened.source.n_rows
        if features is None:
            features = np.arange(self.n_features)
        if len(features) and not (0 <= np.min(features) and np.max(features) < self.n_features):
            raise ValueError(f"features must be numbers from 0 to {self.n_features - 1}")
        opened.n_used = len(features)
        opened.features = <int32_t *>calloc(opened.n_used + 1, sizeof(int32_t))
        opened.slot = <int32_t *>calloc(self.n_features, sizeof(int32_t))
        opened.absent = <uint8_t *>calloc(opened.n_used + 1, 1)
        if opened.features == NULL or opened.slot == NULL or opened.absent == NULL:
            raise MemoryError()
        for j in range(self.n_features):
            opened.slot[j] = -1
        for j in range(opened.n_used):
            opened.features[j] = features[j]
            opened.slot[opened.features[j]] = j
            opened.absent[j] = K.binning_code(self.tables + opened.features[j], 0.0)
        return opened

    cdef void codes_rows(self, CodeSource source, Py_ssize_t lo, Py_ssize_t hi, uint8_t *out,
                         Py_ssize_t out_stride) noexcept nogil:
        cdef uint8_t columns[BLOCK * STACK_ROWS]
        cdef Py_ssize_t first = lo, n, j, width
        if source.source.is_sparse:
            for j in range(hi - lo):
                memcpy(out + j * out_stride, source.absent, source.n_used)
            K.binning_codes_csr(&source.source.csr, self.tables, source.slot, lo, hi - lo, out, out_stride, 1)
            return
        while first < hi:
            n = min(STACK_ROWS, hi - first)
            j = 0
            while j < source.n_used:
                width = min(BLOCK, source.n_used - j)
                K.binning_codes(source.source.columns, self.tables, source.features + j, width, first, n,
                                columns, STACK_ROWS)
                K.binning_transpose(columns, STACK_ROWS, width, width, n,
                                    out + (first - lo) * out_stride + j, out_stride)
                j += width
            first += n

    def codes(self, X, out=None):
        """Codes of all rows as one array, for prediction.

        Parameters
        ----------
        X : table of numbers of shape (n_rows, n_features)
        out : uint8 array of shape (n_rows, n_features) or None
            C-contiguous; None: a new one.

        Returns
        -------
        uint8 array of shape (n_rows, n_features)
        """
        cdef CodeSource source = self.open(X)
        cdef Py_ssize_t n = source.n_rows, t, first, last, n_tasks = (n + ROWS - 1) // ROWS
        cdef Py_ssize_t window = max(1, WINDOW // (ROWS * self.n_features))
        cdef uint8_t[:, ::1] view
        if out is None:
            out = np.empty((n, self.n_features), dtype=np.uint8)
        view = out
        if view.shape[0] != n or view.shape[1] != self.n_features:
            raise ValueError(f"out has shape {out.shape}, expected {(n, self.n_features)}")
        for first in range(0, n_tasks, window):
            check()
            last = min(first + window, n_tasks)
            for t in prange(first, last, nogil=True, num_threads=self.n_threads, schedule="static"):
                self.codes_rows(source, t * ROWS, min(n, (t + 1) * ROWS), &view[t * ROWS, 0], self.n_features)
        return out

    def get_state(self):
        """The fitted mapper as a dict of arrays, for ``from_state``.

        Returns
        -------
        dict of str to ndarray
            max_bins int64 (); is_categorical uint8, n_codes uint16 (n_features,); edges, categories, grouped
            float64, one feature after the other; edges_offsets, categories_offsets, grouped_offsets int64
            (n_features + 1,).
        """
        if self.tables == NULL:
            raise ValueError("this BinMapper is not fitted; call fit first")
        state = {
            "max_bins": np.array(self.max_bins, dtype=np.int64),
            "is_categorical": self.is_categorical_.copy(),
            "n_codes": self.n_codes_.copy(),
        }
        for name, lists in (("edges", self.edges_), ("categories", self.categories_),
                            ("grouped", self.grouped_categories_)):
            arrays = [np.empty(0) if array is None else array for array in lists]
            state[name] = np.concatenate(arrays)
            state[f"{name}_offsets"] = np.cumsum([0] + [len(array) for array in arrays], dtype=np.int64)
        return state

    @classmethod
    def from_state(cls, state, n_threads=1):
        """Make a mapper from arrays of unknown origin.

        Raises
        ------
        ValueError
            If an array is absent, has another dtype or shape, or values that no fit could give.
        """
        state = {name: np.asarray(state[name]) if name in state else _missing(name) for name in STATE}
        for name, (dtype, ndim) in STATE.items():
            if state[name].dtype != dtype or state[name].ndim != ndim:
                raise ValueError(
                    f"bins: {name} is {state[name].dtype} with {state[name].ndim} dimensions, expected "
                    f"{np.dtype(dtype)} with {ndim}"
                )
        is_categorical, n_codes = state["is_categorical"].copy(), state["n_codes"].copy()
        n_features = len(is_categorical)
        if n_features == 0 or len(n_codes) != n_features or is_categorical.max() > 1:
            raise ValueError(
                f"bins: is_categorical must be 0 or 1, n_codes must be as long (lengths {n_features}, "
                f"{len(n_codes)})"
            )
        mapper = cls(max_bins=int(state["max_bins"]), n_threads=n_threads)
        lists = {}
        for name in ("edges", "categories", "grouped"):
            values, offsets = state[name], state[f"{name}_offsets"]
            if len(offsets) != n_features + 1 or offsets[0] != 0 or offsets[n_features] != len(values) \
                    or (np.diff(offsets) < 0).any():
                raise ValueError(
                    f"bins: {name}_offsets must ascend from 0 to {len(values)} in {n_features} steps"
                )
            lists[name] = [values[offsets[f]:offsets[f + 1]].copy() for f in range(n_features)]
        for f in range(n_features):
            _check_feature(f, is_categorical[f], int(n_codes[f]), lists["edges"][f], lists["categories"][f],
                           lists["grouped"][f], mapper.max_bins)
            if not is_categorical[f]:
                lists["categories"][f] = lists["grouped"][f] = None
        mapper._set(lists["edges"], lists["categories"], lists["grouped"], n_codes, is_categorical)
        return mapper

    def __reduce__(self):
        if self.tables == NULL:
            subsample = None if self.subsample < 0 else self.subsample
            return BinMapper, (self.max_bins, self.categorical, subsample, self.random_state, self.n_threads)
        return BinMapper.from_state, (self.get_state(), self.n_threads)


STATE = {
    "max_bins": (np.int64, 0),
    "is_categorical": (np.uint8, 1),
    "n_codes": (np.uint16, 1),
    "edges": (np.float64, 1),
    "edges_offsets": (np.int64, 1),
    "categories": (np.float64, 1),
    "categories_offsets": (np.int64, 1),
    "grouped": (np.float64, 1),
    "grouped_offsets": (np.int64, 1),
}


def _missing(name):
    raise ValueError(f"bins: {name} is absent")


def _check_feature(f, is_categorical, n_codes, edges, categories, grouped, max_bins):
    for name, values in (("edges", edges), ("categories", categories), ("grouped categories", grouped)):
        if name == "edges" and not np.isfinite(values).all():
            raise ValueError(f"bins: {name} of feature {f} must be finite")
        if np.isnan(values).any() or (np.diff(values) <= 0).any():
            raise ValueError(f"bins: {name} of feature {f} must ascend")
        if name != "edges" and not ((values >= 0) & (values < np.inf)).all():
            raise ValueError(f"bins: {name} of feature {f} must be finite and not negative")
    if is_categorical:
        if len(edges) or len(categories) > MAX_CATEGORIES - (len(grouped) > 0):
            raise ValueError(
                f"bins: categorical feature {f} has {len(edges)} edges and {len(categories)} categories, "
                f"expected no edge and at most {MAX_CATEGORIES} categories"
            )
        if np.isin(grouped, categories).any():
            raise ValueError(f"bins: a category of feature {f} is both kept and grouped")
        expected = {1 + len(categories) + (len(grouped) > 0)}
    else:
        if len(categories) or len(grouped) or len(edges) > max_bins - 1:
            raise ValueError(
                f"bins: numerical feature {f} has {len(edges)} edges, expected at most {max_bins - 1} and "
                f"no categories"
            )
        expected = {2 + len(edges)} if len(edges) else {1, 2}
    if n_codes not in expected:
        raise ValueError(f"bins: feature {f} has {n_codes} codes, expected {' or '.join(map(str, expected))}")
