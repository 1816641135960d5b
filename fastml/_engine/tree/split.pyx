"""The best split of a node over its features.

Searching one feature is ``src_c/tree/split.c``. Here the features are run through, and limits that the histogram's
sums cannot decide (exact rows when the hessian varies, sample weights) are settled: an unconstrained candidate is an
upper bound, so the best one is checked with exact counts and searched again under the limit until the best is a
checked one. The result is the best split that obeys every limit exactly.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from fastml._engine.runtime.tree_kernels cimport K, split_candidate, split_exact, split_node, split_params

cdef enum:
    CELLS_PER_THREAD = 256  # a search below it is over before a second thread has started


cdef class SplitSearch:

    cdef void search(self, Py_ssize_t j, int64_t *cells, const int64_t *sibling, const split_node *node, uint64_t path,
                     const split_exact *exact, double floor_score, split_candidate *found) noexcept nogil:
        """Best split on active feature j; with a sibling, the cells become the difference first.

        floor_score: a plain split with a score that is not above it need not be found.
        """
        cdef int32_t feature = self.layout.features[j], n_codes = self.layout.n_codes[j], only = 0
        cdef int64_t cell = self.layout.offset[j]
        cdef int64_t *own = cells + cell
        cdef int monotone = self.monotone[feature] if self.monotone != NULL else 0
        cdef bint categorical = self.categorical[feature] != 0
        cdef bint plain = self.params.plain and not categorical and not self.extra_random and exact == NULL
        cdef int64_t pairs[256]
        cdef split_exact counts
        if plain:
            K.split_numerical(own, sibling + cell if sibling != NULL else NULL, n_codes, &self.params, node,
                              floor_score, found)
        else:
            if sibling != NULL:
                K.histogram_subtract(own, sibling + cell, n_codes)
            if node.counted:
                K.split_expand(own, n_codes, pairs, &counts)
                own, exact = pairs, &counts
            if categorical:
                K.split_categorical(own, exact, n_codes, &self.params, node, found)
            else:
                if self.extra_random:
                    only = self.random_code(own, n_codes, path ^ mix(<uint64_t> feature + 1))
                    if only == 0:
                        found.gain = -1.0
                        found.feature = feature
                        return
                K.split_general(own, exact, n_codes, monotone, only, &self.params, node, found)
        found.feature = feature

    cdef int32_t random_code(self, const int64_t *cells, int32_t n_codes, uint64_t key) noexcept nogil:
        """A code drawn evenly from those between the smallest and the largest one present; 0: no choice."""
        cdef int32_t lo = 1, hi = n_codes - 1
        while lo < n_codes and cells[lo] == 0:
            lo += 1
        while hi > lo and cells[hi] == 0:
            hi -= 1
        if hi <= lo:
            # one code at most: the only choice is between it and the missing ones
            return lo if lo < n_codes and cells[0] != 0 else 0
        return lo + <int32_t> (mix(key ^ self.seed) % <uint64_t> (hi - lo))

    cdef void find(self, int64_t *cells, const int64_t *sibling, const split_node *node, const uint8_t *allowed,
                   uint64_t path, const uint32_t *rows, split_candidate *work, split_candidate *best,
                   int n_threads) noexcept nogil:
        """Best split by the histogram alone: an upper bound where exact limits may forbid it.

        allowed: by active feature; NULL: all. work: one candidate per active feature.
        """
        cdef Py_ssize_t j, n = self.layout.n_features
        cdef int t
        if self.exact_first:
            if sibling != NULL:
                for j in range(n):
                    K.histogram_subtract(cells + self.layout.offset[j], sibling + self.layout.offset[j],
                                         self.layout.n_codes[j])
            self.find_exact(cells, node, allowed, path, rows, work, best)
            return
        if n_threads > 1 and self.layout.n_searched >= 2 * CELLS_PER_THREAD:
            # a thread has the features whose cells it may have built
            for t in prange(n_threads, num_threads=n_threads, schedule="static", chunksize=1):
                self.search_range(n * t // n_threads, n * (t + 1) // n_threads, cells, sibling, node, allowed, path,
                                  work)
        else:
            self.search_range(0, n, cells, sibling, node, allowed, path, work)
        best.gain = -1.0
        for j in range(n):
            if work[j].gain > best.gain:
                best[0] = work[j]

    cdef void search_range(self, Py_ssize_t first, Py_ssize_t last, int64_t *cells, const int64_t *sibling,
                           const split_node *node, const uint8_t *allowed, uint64_t path,
                           split_candidate *work) noexcept nogil:
        """Candidates of active features first to last - 1; a numerical one that is no better than those before may
        be passed over."""
        cdef Py_ssize_t j
        cdef double floor_score = -1.0
        cdef bint plain = self.params.plain and not self.extra_random
        for j in range(first, last):
            self.search_allowed(j, cells, sibling, node, allowed, path, floor_score, work)
            if work[j].gain >= 0 and plain and not work[j].categorical:
                floor_score = work[j].score

    cdef void search_allowed(self, Py_ssize_t j, int64_t *cells, const int64_t *sibling, const split_node *node,
                             const uint8_t *allowed, uint64_t path, double floor_score,
                             split_candidate *work) noexcept nogil:
        if allowed == NULL or allowed[j]:
            self.search(j, cells, sibling, node, path, NULL, floor_score, work + j)
        else:
            work[j].gain = -1.0
            if sibling != NULL:
                K.histogram_subtract(cells + self.layout.offset[j], sibling + self.layout.offset[j],
                                     self.layout.n_codes[j])

    cdef void find_exact(self, int64_t *cells, const split_node *node, const uint8_t *allowed, uint64_t path,
                         const uint32_t *rows, split_candidate *work, split_candidate *best) noexcept nogil:
        """Best split that obeys the limits on rows and weights exactly."""
        cdef Py_ssize_t j, top, n = self.layout.n_features
        cdef split_exact exact
        cdef bint checked
        for j in range(n):
            if allowed != NULL and not allowed[j]:
                work[j].gain = -1.0
                continue
            checked = self.exact_first
            if checked:
                self.count(j, node, rows, &exact)
            self.search(j, cells, NULL, node, path, &exact if checked else NULL, -1.0, work + j)
            work[j].feature = <int32_t> (-1 - j if checked else j)  # negative: checked
        while True:
            top = -1
            for j in range(n):
                if work[j].gain >= 0 and (top < 0 or work[j].gain > work[top].gain):
                    top = j
            if top < 0:
                best.gain = -1.0
                return
            if work[top].feature < 0:
                best[0] = work[top]
                best.feature = self.layout.features[top]
                return
            self.count(top, node, rows, &exact)
            self.search(top, cells, NULL, node, path, &exact, -1.0, work + top)
            work[top].feature = <int32_t> (-1 - top)

    cdef void count(self, Py_ssize_t j, const split_node *node, const uint32_t *rows,
                    split_exact *exact) noexcept nogil:
        K.split_count(self.columns + self.layout.features[j] * self.column_stride, rows, node.n_rows, self.weights,
                      exact)


def best_split(cells, n_codes, *, double scale_g=1.0, double scale_h=1.0, double l2=0.0, int64_t min_h=1,
               int64_t n_rows=1 << 20, rows=None, int64_t min_rows=1):
    """Best plain split of one numerical feature, for tests and benchmarks.

    Parameters
    ----------
    cells : int64 array of shape (n_codes,)
        Packed sums: g * 2**32 + h.
    n_codes : int
    scale_g, scale_h, l2 : float
    min_h : int
    n_rows : int
        Rows of the node: with few, only the cells that are not empty are searched.
    rows : array of shape (n_codes,), optional
        Rows per code, their sum at most 1,023 and n_rows: the cells are counted ones then.
    min_rows : int
        Least number of rows of a child; taken notice of when ``rows`` are given.

    Returns
    -------
    gain : float
        Negative when there is no split.
    code : int
    missing_left : bool
    """
    cdef int32_t n = n_codes
    cdef int64_t[::1] own = np.zeros((n + 7) // 8 * 8, dtype=np.int64)
    np.asarray(own)[:n] = cells
    cdef split_params params
    cdef split_node node
    cdef split_candidate found
    params.scale_g, params.scale_h, params.l2 = scale_g, scale_h, l2
    params.l1 = params.max_delta_step = params.path_smooth = params.min_weight = 0
    params.min_rows, params.plain = min_rows, 1
    total = np.asarray(own)
    node.g, node.h = int((total >> 32).sum()), int((total & 0xFFFFFFFF).sum())
    node.n_rows, node.min_h, node.counted = n_rows, min_h, rows is not None
    if rows is not None:
        g, h = total >> 32, total & 0xFFFFFFFF
        total[...] = (g << 36) + (h << 10)
        total[:n] += rows
    K.split_numerical(&own[0], NULL, n, &params, &node, -1.0, &found)
    if found.gain < 0:
        return -1.0, 0, False
    return found.gain, found.code, bool(found.missing_left)


def time_search(int64_t[:, ::1] cells not None, int64_t n_rows, int repeats):
    """Searches the same node again and again, for benchmarks.

    Parameters
    ----------
    cells : int64 array of shape (n_features, n_codes), n_codes a multiple of 8
        Packed sums of each feature.
    n_rows : int
        Rows of the node.
    repeats : int

    Returns
    -------
    float
        The best gain.
    """
    cdef split_params params
    cdef split_node node
    cdef split_candidate found
    cdef double best = -1.0, floor_score
    cdef Py_ssize_t j, n_features = cells.shape[0]
    cdef int32_t n_codes = <int32_t> cells.shape[1]
    params.scale_g = params.scale_h = 1.0
    params.l1 = params.l2 = params.max_delta_step = params.path_smooth = params.min_weight = 0
    params.min_rows, params.plain = 1, 1
    if n_codes % 8 or n_features == 0:
        raise ValueError("cells must have at least one row and a multiple of 8 columns")
    total = np.asarray(cells)[0]
    node.g, node.h = int((total >> 32).sum()), int((total & 0xFFFFFFFF).sum())
    node.n_rows, node.min_h, node.counted = n_rows, 1, False
    with nogil:
        while repeats > 0:
            repeats -= 1
            floor_score = -1.0
            for j in range(n_features):
                K.split_numerical(&cells[j, 0], NULL, n_codes, &params, &node, floor_score, &found)
                if found.gain >= 0:
                    floor_score, best = found.score, found.gain
    return best
