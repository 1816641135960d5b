"""Labels of rows by centroids that have moved a little since the rows were labelled.

Of each row two numbers are kept: an upper bound of the distance to its own centroid, a lower bound of that to all
others. When centroids have moved, the bounds move by as much (Hamerly, "Making k-means even faster", SDM 2010,
section 3). A row whose bounds do not meet keeps its label without being read; one whose own distance, measured
again, is less than the other bound keeps it too; the rest is gathered into tiles and searched. The bounds hold for
the numbers as rounded, so labels are those of a search of all rows, on any number of threads.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdint cimport int32_t
from libc.string cimport memcpy

from fastml._engine.dense.nearest cimport Pass, Rows, aligned
from fastml._engine.runtime.openmp cimport thread_num

from fastml._engine.runtime.interrupt import check


cdef class Bounds:
    """Bounds of the distances of rows to centroids on their way.

    Parameters
    ----------
    rows : Rows
        Without missing values.

    Attributes
    ----------
    searched : float
        Share of the rows that the last call of `nearest` compared with all centroids.
    """

    cdef readonly double searched
    cdef Rows rows
    cdef object before
    cdef double[::1] upper, lower, drift
    cdef double most, second_most
    cdef Py_ssize_t farthest
    cdef int32_t[::1] labels
    cdef Py_ssize_t[::1] found

    def __init__(self, Rows rows):
        if rows.missing:
            raise ValueError("distances over known values have no triangle inequality: rows have missing values")
        self.rows = rows
        self.before = None
        self.upper, self.lower = np.full(rows.n, np.inf), np.zeros(rows.n)

    def nearest(self, centroids):
        """Nearest centroid of each row.

        Parameters
        ----------
        centroids : float64 array of shape (k, d), finite
            As many in each call, k at least 2.

        Returns
        -------
        int32 array of shape (n,)
        """
        # without a plane: estimates in it say too little of the distance to the others
        cdef Pass work = Pass(self.rows, centroids, "sqeuclidean", None, planes=False)
        cdef Py_ssize_t i, start, stop, window = work.window()
        cdef int n_threads = work.threads()
        cdef Py_ssize_t room = work.block_rows * (self.rows.d * self.rows.item + 64) + 256
        cdef char[:, ::1] buffers = np.empty((n_threads, room), dtype=np.int8)
        if work.c.k < 2:
            raise ValueError("bounds are between at least two centroids")
        if self.before is None:
            labels, moved = np.zeros(self.rows.n, dtype=np.int32), np.zeros(work.c.k)
        else:
            labels = np.array(self.labels)
            # up by what the sum and the root are rounded
            moved = np.sqrt(((centroids - self.before) ** 2).sum(axis=1)) * (1 + 1e-12 * self.rows.d)
        self.labels, self.drift, self.before = labels, moved, np.array(centroids, dtype=np.float64)
        self.farthest = np.argmax(moved)
        self.most, self.second_most = moved[self.farthest], np.delete(moved, self.farthest).max()
        self.found = np.zeros(work.n_chunks, dtype=np.intp)
        for start in range(0, work.n_chunks, window):
            check()
            stop = min(work.n_chunks, start + window)
            for i in prange(start, stop, nogil=True, num_threads=n_threads, schedule="dynamic"):
                self.chunk(work, i, thread_num(), &buffers[thread_num(), 0])
        self.searched = np.sum(self.found) / max(1, self.rows.n)
        return labels

    cdef void chunk(self, Pass work, Py_ssize_t i, int thread, char *buffer) noexcept nogil:
        """Rows of one chunk; those to be searched are gathered in `buffer`."""
        cdef Py_ssize_t lo = i * work.chunk_rows, hi = min(self.rows.n, lo + work.chunk_rows), n, r, row, waiting = 0
        cdef Py_ssize_t width = self.rows.d * self.rows.item
        cdef char *scratch = aligned(work.scratch) + thread * (work.scratch_size + work.dense_size)
        cdef char *tile = aligned(buffer)
        cdef Py_ssize_t *numbers = <Py_ssize_t *>(tile + (work.block_rows * width + 63) // 64 * 64)
        cdef const char *x
        while lo < hi:
            n = min(work.block_rows, hi - lo)
            x = self.rows.block(lo, n, scratch + work.scratch_size)
            for r in range(n):
                row = lo + r
                if self.stays(row) or self.stays_measured(work, x + r * width, row):
                    continue
                memcpy(tile + waiting * width, x + r * width, width)
                numbers[waiting] = row
                waiting += 1
                if waiting == work.block_rows:
                    self.search(work, tile, numbers, waiting, scratch)
                    self.found[i] += waiting
                    waiting = 0
            lo = lo + n
        self.search(work, tile, numbers, waiting, scratch)
        self.found[i] += waiting

    cdef inline bint stays(self, Py_ssize_t row) noexcept nogil:
        """Move the row's bounds by what the centroids have moved; whether they leave the label."""
        cdef int32_t label = self.labels[row]
        self.upper[row] = (self.upper[row] + self.drift[label]) * (1 + 1e-15)
        self.lower[row] = (self.lower[row] - (self.second_most if label == self.farthest else self.most)) * (1 - 1e-15)
        return self.upper[row] < self.lower[row]

    cdef inline bint stays_measured(self, Pass work, const char *x, Py_ssize_t row) noexcept nogil:
        """The same with the distance as it is now."""
        if not self.lower[row] > 0:
            return False
        self.measure(work, x, row)
        return self.upper[row] < self.lower[row]

    cdef inline void measure(self, Pass work, const char *x, Py_ssize_t row) noexcept nogil:
        """The upper bound from the distance to the row's own centroid."""
        cdef double distance
        work.measure(&work.c, x, self.rows.d, 1, &self.labels[row], NULL, &distance, NULL)
        if self.rows.item == 4:
            self.upper[row] = sqrt((<float *>&distance)[0]) * (1 + 1e-6)
        else:
            self.upper[row] = sqrt(distance) * (1 + 1e-15 * (self.rows.d + 8))

    cdef void search(self, Pass work, const char *tile, const Py_ssize_t *numbers, Py_ssize_t n,
                     char *scratch) noexcept nogil:
        """Label n gathered rows."""
        cdef double *others = <double *>(numbers + work.block_rows)
        cdef int32_t *labels = <int32_t *>(others + work.block_rows)
        cdef Py_ssize_t r, row
        if n == 0:
            return
        work.find(&work.c, tile, self.rows.d, n, labels, NULL, others, scratch)
        for r in range(n):
            row = numbers[r]
            # measured already if the row had bounds and stays
            if labels[r] != self.labels[row] or not self.lower[row] > 0:
                self.labels[row] = labels[r]
                self.measure(work, tile + r * self.rows.d * self.rows.item, row)
            self.lower[row] = others[r]
