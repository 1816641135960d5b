# cython: cdivision=True
"""Bootstrap samples as how often each row is drawn, never as copied rows."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset

from fastml._engine.tree.split cimport mix


cdef class RowLottery:
    """Draws row numbers with replacement.

    Parameters
    ----------
    n_rows : int
    weights : float64 array of shape (n_rows,), optional
        A row is drawn with a probability in proportion to its weight; all alike when not given. Alias method
        (Walker 1977; Vose 1991).
    """

    def __init__(self, Py_ssize_t n_rows, weights=None):
        cdef double[::1] share
        cdef int32_t[::1] other, stack
        self.n_rows = n_rows
        self.share = NULL
        if weights is None:
            return
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        if weights.shape != (n_rows,):
            raise ValueError(f"weights has shape {weights.shape}, expected ({n_rows},)")
        greatest, least = (weights.max(), weights.min()) if n_rows else (0.0, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            self._share = weights / greatest
        total = self._share.sum()
        if not 0 < total < np.inf or least < 0:
            raise ValueError("weights must be finite, not negative and not all 0")
        if greatest == least:
            return
        self._share *= n_rows / total
        share = self._share
        self._other = other = np.empty(n_rows, dtype=np.int32)
        stack = np.empty(n_rows, dtype=np.int32)
        self.share, self.other = &share[0], &other[0]
        pair_rows(n_rows, &share[0], &other[0], &stack[0], np.argmax(weights))

    cdef void draw(self, uint64_t seed, int64_t n_draws, uint32_t *counts) noexcept nogil:
        """counts[i] = how often row i is drawn; depends on the seed alone."""
        cdef int64_t i
        cdef uint64_t bits, key = mix(seed + 0x5851F42D4C957F2Du), n = <uint64_t> self.n_rows
        cdef uint64_t row, gives
        memset(counts, 0, self.n_rows * sizeof(uint32_t))
        if self.share == NULL:
            for i in range(n_draws // 2):
                bits = mix(key + <uint64_t> i * 0x9E3779B97F4A7C15u)
                counts[(bits >> 32) * n >> 32] += 1
                counts[(bits & 0xFFFFFFFFu) * n >> 32] += 1
            if n_draws % 2:
                bits = mix(key + <uint64_t> (n_draws // 2) * 0x9E3779B97F4A7C15u)
                counts[(bits >> 32) * n >> 32] += 1
            return
        for i in range(n_draws):
            bits = mix(key + <uint64_t> i * 0x9E3779B97F4A7C15u)
            row = (bits >> 32) * n >> 32
            # without a branch, which would be a coin's toss
            gives = -<uint64_t> (<double> (mix(bits + 1) >> 11) * (1.0 / 9007199254740992.0) >= self.share[row])
            counts[row ^ ((row ^ <uint64_t> self.other[row]) & gives)] += 1


cdef void pair_rows(Py_ssize_t n, double *share, int32_t *other, int32_t *stack, Py_ssize_t heaviest) noexcept nogil:
    """Every row gives the part of its place that it does not fill to another one.

    stack: rows of less than a place from the bottom, the others from the top, the last of each to be taken next.
    """
    cdef Py_ssize_t i, n_small = 0, n_large = 0
    cdef int32_t a, b
    cdef double rest
    cdef bint is_large
    for i in range(n):
        other[i] = <int32_t> i
        is_large = not share[i] < 1
        # at both ends, of which one advances: to choose would be a coin's toss
        stack[n_small] = stack[n - 1 - n_large] = <int32_t> i
        n_large += is_large
        n_small += not is_large
    while n_small and n_large:
        b = stack[n - n_large]
        rest = share[b]
        while n_small and rest >= 1:
            n_small -= 1
            a = stack[n_small]
            other[a] = b
            rest -= 1 - share[a]
        share[b] = rest
        if rest < 1:
            n_large -= 1
            stack[n_small] = b
            n_small += 1
    # what rounding leaves over keeps its own place; a row of weight 0 must not
    for i in range(n_small):
        a = stack[i]
        if share[a] > 0:
            share[a] = 2
        else:
            other[a] = <int32_t> heaviest


def bootstrap_counts(seed, Py_ssize_t n_rows, Py_ssize_t n_draws, weights=None):
    """How often each row is drawn into the sample of a tree.

    Parameters
    ----------
    seed : int
        The tree's seed, 0 to 2**64 - 1.
    n_rows : int
    n_draws : int
    weights : float64 array of shape (n_rows,), optional
        Rows are drawn with a probability in proportion to it; all alike when not given.

    Returns
    -------
    int32 array of shape (n_rows,)
        Its sum is n_draws.

    Raises
    ------
    ValueError
        If there is no row, n_draws is not between 0 and 2**31 - 1, or the weights are negative, not finite or all 0.
    """
    if n_rows < 1 or not 0 <= n_draws < 2**31:
        raise ValueError(f"n_rows={n_rows} must be at least 1, n_draws={n_draws} from 0 to 2**31 - 1")
    cdef RowLottery lottery = RowLottery(n_rows, weights)
    cdef uint32_t[::1] counts = np.empty(n_rows, dtype=np.uint32)
    lottery.draw(seed, n_draws, &counts[0])
    return np.asarray(counts).view(np.int32)
