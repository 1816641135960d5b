"""Neighbourhood functions of a map, and the smoothing of sums over its nodes by them.

The batch rule needs, for every node, sums over all rows weighted by the neighbourhood between the node and
the row's winner. Rows of one winner share that weight, so the rows are summed by winner first, and the sums
are smoothed over the map: work of nodes times features, not of rows times nodes.

A Gaussian is a product of one along x and one along y: the sums are smoothed along the rows, then along the
columns. On a hexagonal map the gap along x depends on the parities of the two rows, so there is one smoothing
for each parity of the target. A closed axis only changes the gaps. The Mexican hat is a sum of two such
products, and a bubble of the larger of the two gaps is one. The rest (a circle does not separate) is a
convolution over the map: the weights between two rows of nodes depend on the gap of the rows alone, so one
matrix of 2 * n_rows - 1 blocks serves all rows, each through its own window.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from fastml._engine.dense.neighbourhood import products
from fastml._engine.dense.online import NEIGHBOURHOODS

__all__ = ["NEIGHBOURHOODS", "Smoother", "neighbourhood_value"]

# Smaller weights are nothing: a product of two is still a normal number, and no arithmetic is on subnormals.
_LEAST = 1e-140
# Nodes at the very edge are inside, however their distance is rounded (in online.h, too).
_EDGE = 1.00001


def neighbourhood_value(name, distance, radius):
    """The neighbourhood function.

    Parameters
    ----------
    name : {"gaussian", "cut_gaussian", "bubble", "mexican_hat", "triangle", "epanechnikov"}
        With u the distance in radii: exp(-u^2 / 2); the same within u <= 1; 1 within u <= 1;
        (1 - u^2) exp(-u^2 / 2); max(1 - u, 0); max(1 - u^2, 0).
    distance : float64 array
        On the map.
    radius : float
        Not negative. At 0 the function is 1 at distance 0 and 0 elsewhere, whatever its name.

    Returns
    -------
    float64 array of the shape of `distance`
    """
    if radius <= 0:
        return (distance == 0).astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        u2 = np.minimum((distance / radius) ** 2, 1e6)
        if name == "bubble":
            return (u2 <= _EDGE).astype(np.float64)
        if name == "triangle":
            return np.maximum(1 - np.sqrt(u2), 0)
        if name == "epanechnikov":
            return np.maximum(1 - u2, 0)
        bell = np.exp(-u2 / 2)
        if name == "cut_gaussian":
            bell[u2 > _EDGE] = 0
        elif name == "mexican_hat":
            bell *= 1 - u2
        elif name == "mexican_bound":  # not less than the size of the Mexican hat, and it separates
            bell *= 1 + u2
    bell[np.abs(bell) < _LEAST] = 0
    return bell


def _axis_terms(name, radius, chebyshev):
    """The function as a sum of products f(dx) g(dy): list of (f, g), or None if it is not one."""

    def along(gap):
        return neighbourhood_value("bubble" if name == "bubble" else "gaussian", gap, radius)

    def curved(gap):
        return (gap / radius) ** 2 * along(gap)

    if radius <= 0:
        return [(along, along)]
    if chebyshev:
        return [(along, along)] if name == "bubble" else None
    if name == "gaussian":
        return [(along, along)]
    if name == "mexican_hat":
        return [(lambda gap: along(gap) - curved(gap), along), (lambda gap: -along(gap), curved)]
    if name == "mexican_bound":
        return [(lambda gap: along(gap) + curved(gap), along), (along, curved)]
    return None


class Smoother:
    """Sums of nodes, smoothed over the map.

    Parameters
    ----------
    grid : MapGrid
    name : str
        Of the neighbourhood function.
    radius : float
    chebyshev : bool, default=False
        Whether distances on the map are the larger of dx and dy, else Euclidean.
    """

    def __init__(self, grid, name, radius, chebyshev=False):
        self.grid, self.name, self.radius, self.chebyshev = grid, name, float(radius), chebyshev
        self._terms = _axis_terms(name, self.radius, chebyshev)

    def matrix(self):
        """Weights between all nodes: float64 array of shape (n_nodes, n_nodes)."""
        return neighbourhood_value(self.name, self.grid.distances(chebyshev=self.chebyshev), self.radius)

    def apply(self, sums, n_threads=1):
        """Sums of the nodes, weighted by the neighbourhood.

        Parameters
        ----------
        sums : float64 array of shape (n_nodes, width), C order, finite
        n_threads : int, default=1

        Returns
        -------
        float64 array of shape (n_nodes, width)
        """
        rows, columns = self.grid.shape
        sums = np.ascontiguousarray(sums, dtype=np.float64).reshape(rows, columns, -1)
        if self._terms is None:
            return self._convolved(sums, n_threads).reshape(rows * columns, -1)
        out = self._separated(sums, *self._terms[0], n_threads)
        for along_x, along_y in self._terms[1:]:
            out += self._separated(sums, along_x, along_y, n_threads)
        return out.reshape(rows * columns, -1)

    def _separated(self, sums, along_x, along_y, n_threads):
        rows, columns, width = sums.shape
        weights_y = along_y(self.grid.gaps_y())
        out = np.empty_like(sums)
        between = np.empty_like(sums)
        if not self.grid.is_hexagonal:
            weights_x = np.broadcast_to(along_x(self.grid.gaps_x()), (rows, columns, columns))
            products(weights_x, sums, between, n_threads)
            lines = (1, rows, columns * width)
            products(weights_y[None], between.reshape(lines), out.reshape(lines), n_threads)
            return out
        for parity in (0, 1):
            shift = 0.5 * (np.arange(rows) % 2) - 0.5 * parity  # of the source row against the target's
            kinds = {s: along_x(self.grid.gaps_x(s)) for s in np.unique(shift)}
            products(np.stack([kinds[s] for s in shift]), sums, between, n_threads)
            targets = weights_y[parity::2]
            smooth = np.empty((1, len(targets), columns * width))
            products(targets[None], between.reshape(1, rows, columns * width), smooth, n_threads)
            out[parity::2] = smooth.reshape(-1, columns, width)
        return out

    def _convolved(self, sums, n_threads):
        rows, columns, width = sums.shape
        out = np.empty_like(sums)
        parities = (0, 1) if self.grid.is_hexagonal else (0,)
        everything = sums.reshape(1, rows * columns, width)
        for parity in parities:
            step = len(parities)
            targets = range(parity, rows, step)
            if not targets:
                continue
            blocks = self._blocks(parity)
            stride, item = blocks.strides
            for lo in range(0, len(targets), 64):
                some = targets[lo : lo + 64]
                # the window of target row r begins with source row 0, at the gap -r
                windows = as_strided(
                    blocks[:, (rows - 1 - some[0]) * columns :],
                    (len(some), columns, rows * columns),
                    (-step * columns * item, stride, item),
                    writeable=False,
                )
                smooth = np.empty((len(some), columns, width))
                sources = np.broadcast_to(everything, (len(some), rows * columns, width))
                products(windows, sources, smooth, n_threads)
                out[some[0] : some[-1] + 1 : step] = smooth
        return out

    def _blocks(self, parity):
        """Weights between a row of targets and source rows at gaps -(rows - 1) to rows - 1.

        Returns
        -------
        float64 array of shape (n_columns, (2 * n_rows - 1) * n_columns)
        """
        rows, columns = self.grid.shape
        gap = np.arange(1 - rows, rows)
        y = self.grid.gaps_y()[0][np.abs(gap)]
        x = np.stack([self.grid.gaps_x(shift) for shift in self._shifts(gap, parity)])
        y = np.broadcast_to(y[:, None, None], x.shape)
        distance = np.maximum(x, y) if self.chebyshev else np.hypot(x, y)
        weights = neighbourhood_value(self.name, distance, self.radius)
        return np.ascontiguousarray(weights.transpose(1, 0, 2)).reshape(columns, -1)

    def _shifts(self, gap, parity):
        if not self.grid.is_hexagonal:
            return np.zeros(gap.size)
        return 0.5 * ((gap + parity) % 2) - 0.5 * parity
