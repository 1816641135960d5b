"""Online training of a self-organising map: rows one after the other, on one thread."""

import numpy as np

from libc.stdint cimport int64_t

from fastml._engine.runtime.dense_kernels cimport D, ONLINE_NODES, online_map, online_steps

from fastml._engine.runtime.interrupt import check

METRICS = ("sqeuclidean", "cosine", "manhattan", "chebyshev")
NEIGHBOURHOODS = ("gaussian", "cut_gaussian", "bubble", "mexican_hat", "triangle", "epanechnikov")

cdef enum:
    WINDOW = 1 << 27  # nodes times features times steps between two looks at the keyboard

cdef double LEAST_RADIUS = 1e-3  # beside it no other node is near, and nothing overflows


cdef class OnlineCodebook:
    """A codebook laid out for training, see src_c/dense/online.h.

    Parameters
    ----------
    codebook : float32 or float64 array of shape (n_nodes, n_features)
        Copied.
    positions : float64 array of shape (n_nodes, 2)
        Of the nodes on the map, x and y.
    periods : (float, float)
        Length of the map along x and y if it is closed there, else 0.
    metric : one of METRICS
    neighbourhood : one of NEIGHBOURHOODS
    is_chebyshev : bool
        Whether distances on the map are the larger of dx and dy, else Euclidean.
    """

    cdef online_map map
    cdef readonly object panels
    cdef object x, y
    cdef Py_ssize_t n_nodes

    def __init__(self, codebook, positions, periods, metric, neighbourhood, bint is_chebyshev=False):
        dtype = codebook.dtype
        self.n_nodes, n_features = codebook.shape
        n_panels = (self.n_nodes + ONLINE_NODES - 1) // ONLINE_NODES
        node = np.arange(n_panels * ONLINE_NODES)
        node[self.n_nodes:] = 0
        panels = codebook[node].reshape(n_panels, ONLINE_NODES, n_features)
        self.panels = np.ascontiguousarray(panels.transpose(0, 2, 1))
        self.x = np.ascontiguousarray(positions[node, 0], dtype=dtype)
        self.y = np.ascontiguousarray(positions[node, 1], dtype=dtype)
        self.map.n_panels, self.map.n_features = n_panels, n_features
        self.map.period_x, self.map.period_y = periods
        self.map.metric, self.map.neighbourhood = METRICS.index(metric), NEIGHBOURHOODS.index(neighbourhood)
        self.map.is_chebyshev = is_chebyshev

    def codebook(self):
        """The codebook, an array of shape (n_nodes, n_features)."""
        n_features = self.panels.shape[1]
        return self.panels.transpose(0, 2, 1).reshape(-1, n_features)[:self.n_nodes].copy()

    def train(self, rows, const int64_t[::1] order, const double[::1] rate, const double[::1] radius,
              bint has_missing):
        """Take one step for each number of `order`.

        Parameters
        ----------
        rows : array of shape (n_rows, n_features), C order, of the codebook's dtype
        order : int64 array of shape (n_steps,)
            Numbers of rows.
        rate, radius : float64 arrays of shape (n_steps,)
        has_missing : bool
            Whether rows may have missing values; none may be missing altogether.

        Returns
        -------
        float
            Sum of the winners' distances.
        """
        cdef online_steps steps
        cdef Py_ssize_t first, n = order.shape[0], most
        cdef double error = 0.0
        cdef float[:, :, ::1] panels32
        cdef double[:, :, ::1] panels64
        cdef const float[::1] x32, y32
        cdef const double[::1] x64, y64
        cdef const float[:, ::1] rows32
        cdef const double[:, ::1] rows64
        cdef bint is_single = self.panels.dtype == np.float32
        if rate.shape[0] != n or radius.shape[0] != n:
            raise ValueError("order, rate and radius must be of equal length")
        if rows.shape[1] != self.map.n_features or rows.dtype != self.panels.dtype:
            raise ValueError("rows must be of the codebook's width and dtype")
        if n and (np.min(order) < 0 or np.max(order) >= rows.shape[0]):
            raise ValueError("order has a number that is not a row's")
        cdef const double[::1] reach = np.maximum(radius, LEAST_RADIUS)
        if is_single:
            panels32, x32, y32, rows32 = self.panels, self.x, self.y, rows
        else:
            panels64, x64, y64, rows64 = self.panels, self.x, self.y, rows
        self.map.has_missing = has_missing
        most = max(<Py_ssize_t>1, WINDOW // max(<Py_ssize_t>1, self.map.n_panels * ONLINE_NODES * self.map.n_features))
        for first in range(0, n, most):
            check()
            steps.n = min(most, n - first)
            steps.row, steps.rate, steps.radius = &order[first], &rate[first], &reach[first]
            with nogil:
                if is_single:
                    error += D.online_train_f32(&self.map, &x32[0], &y32[0], &panels32[0, 0, 0], &rows32[0, 0], &steps)
                else:
                    error += D.online_train_f64(&self.map, &x64[0], &y64[0], &panels64[0, 0, 0], &rows64[0, 0], &steps)
        return error
