"""Distances of rows to the nearest of the points that are chosen from them one after the other.

All candidates for the next point are measured while a block of rows is in cache. A candidate that is twice as far
from a row's chosen point as the row itself is no nearer to the row (Raff, "Exact acceleration of k-means++ and
k-means||", IJCAI 2021, section 4): such rows are not read.
"""

import numpy as np

from cython.parallel cimport prange
from libc.stdint cimport int32_t

from fastml._engine.dense.nearest cimport Pass, Rows, aligned
from fastml._engine.runtime.openmp cimport thread_num

cdef enum:
    CHUNK = 2048  # rows that are added up together, whatever the number of threads

cdef double SAFE = 1 - 1e-5  # covers what distances between rows are rounded


cdef class Closest:
    """Squared distances of the rows to the nearest point so far: infinite before there is one.

    Parameters
    ----------
    rows : Rows
    sample_weight : float64 array of shape (n,)

    Attributes
    ----------
    distances : float64 array of shape (n,)
    """

    cdef readonly object distances
    cdef Rows rows
    cdef object points
    cdef int32_t n_points
    cdef double[::1] closest
    cdef const double[::1] weight
    cdef int32_t[::1] label

    def __init__(self, Rows rows, sample_weight):
        self.rows = rows
        self.weight = np.ascontiguousarray(sample_weight, dtype=np.float64)
        self.distances = np.full(rows.n, np.inf)
        self.closest = self.distances
        self.label = np.zeros(rows.n, dtype=np.int32)
        self.points = np.empty((0, rows.d))

    def potentials(self, candidates):
        """What the weighted sum of the distances would be with each of some more points.

        Parameters
        ----------
        candidates : array of shape (m, d)

        Returns
        -------
        float64 array of shape (m,)
        """
        return self.sweep(candidates, False)

    def add(self, point):
        """Take a point; returns the weighted sum of the distances.

        Parameters
        ----------
        point : array of shape (d,)
        """
        total = self.sweep(point[None], True)[0]
        self.points = np.concatenate([self.points, point[None]])
        self.n_points += 1
        return total

    cdef object sweep(self, candidates, bint take):
        cdef Pass work = Pass(self.rows, candidates, "sqeuclidean", None, None, False)
        cdef Py_ssize_t i, n_chunks = (self.rows.n + CHUNK - 1) // CHUNK, m = work.c.k
        cdef int n_threads = min(self.rows.n_threads, <int>max(<Py_ssize_t>1, min(n_chunks, <Py_ssize_t>(1 << 16))))
        cdef double[:, ::1] gaps = self.gaps(work.values)
        cdef double[:, ::1] sums = np.zeros((n_chunks, m))
        cdef int32_t[:, ::1] label = np.repeat(np.arange(m, dtype=np.int32)[:, None], work.block_rows, axis=1)
        cdef char[:, ::1] buffers = np.empty((n_threads, work.block_rows * 8 + work.dense_size + 64), dtype=np.int8)
        for i in prange(n_chunks, nogil=True, num_threads=n_threads, schedule="dynamic"):
            self.chunk(work, i, gaps, label, &buffers[thread_num(), 0], take, &sums[i, 0])
        return np.sum(sums, axis=0)

    cdef object gaps(self, candidates):
        """A quarter of the squared distances between candidates and points (columns), rounded down."""
        points, candidates = self.points, np.asarray(candidates)
        if self.rows.missing or not len(points):
            return np.zeros((len(candidates), max(1, len(points))))
        with np.errstate(over="ignore", invalid="ignore"):
            sizes = (candidates**2).sum(axis=1)[:, None] + (points**2).sum(axis=1)
            gaps = sizes - 2 * (candidates @ points.T) - 1e-13 * (self.rows.d + 64) * sizes
        return np.ascontiguousarray(np.where(np.isfinite(gaps), gaps, 0) * (SAFE / 4))

    cdef void chunk(self, Pass work, Py_ssize_t i, double[:, ::1] gaps, int32_t[:, ::1] label, char *buffer, bint take,
                    double *sums) noexcept nogil:
        cdef Py_ssize_t lo = i * CHUNK, hi = min(self.rows.n, lo + CHUNK), n, j
        cdef char *distances = aligned(buffer)
        cdef const char *x
        while lo < hi:
            n = min(work.block_rows, hi - lo)
            x = self.rows.block(lo, n, distances + work.block_rows * 8)
            for j in range(work.c.k):
                sums[j] += self.block(work, x, lo, n, &gaps[j, 0], &label[j, 0], distances, take)
            lo = lo + n

    cdef double block(self, Pass work, const char *x, Py_ssize_t lo, Py_ssize_t n, const double *gap,
                      const int32_t *candidate, char *distances, bint take) noexcept nogil:
        """Weighted sum over some rows of the distance to one candidate or to the nearest point."""
        cdef Py_ssize_t r = 0, start, t
        cdef double total = 0, distance
        while r < n:
            if gap[self.label[lo + r]] >= self.closest[lo + r]:
                total += self.weight[lo + r] * self.closest[lo + r]
                r += 1
                continue
            start = r
            while r < n and not gap[self.label[lo + r]] >= self.closest[lo + r]:
                r += 1
            work.measure(&work.c, x + start * self.rows.d * self.rows.item, self.rows.d, r - start, candidate, NULL,
                         distances, NULL)
            for t in range(start, r):
                distance = (<float *>distances)[t - start] if self.rows.item == 4 else (<double *>distances)[t - start]
                if distance < self.closest[lo + t]:
                    if take:
                        self.closest[lo + t] = distance
                        self.label[lo + t] = self.n_points
                else:
                    distance = self.closest[lo + t]
                total += self.weight[lo + t] * distance
        return total
