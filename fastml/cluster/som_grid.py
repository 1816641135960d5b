"""The map of a self-organising map: where its nodes lie, how far apart they are, which are neighbours."""

from __future__ import annotations

import numpy as np
from scipy import sparse

__all__ = ["SURFACES", "TOPOLOGIES", "MapGrid"]

TOPOLOGIES = ("rectangular", "hexagonal")
SURFACES = ("planar", "cylindrical", "toroidal")

_ROW_STEP = {"rectangular": 1.0, "hexagonal": float(np.sqrt(0.75))}


class MapGrid:
    """Nodes of a map, numbered row by row.

    A node of column c lies at x = c, of the odd rows of a hexagonal map at x = c + 1/2; rows are 1 apart,
    those of a hexagonal map sqrt(3)/2, so that the six neighbours of a node are all at distance 1. A
    cylindrical map is closed along x, a toroidal one along y too.

    Parameters
    ----------
    n_rows, n_columns : int
    topology : {"rectangular", "hexagonal"}
    surface : {"planar", "cylindrical", "toroidal"}

    Raises
    ------
    ValueError
        If a hexagonal torus has an odd number of rows: the last and the first would not fit together.
    """

    def __init__(self, n_rows, n_columns, topology="rectangular", surface="planar"):
        if topology == "hexagonal" and surface == "toroidal" and n_rows % 2:
            raise ValueError(
                f"a hexagonal toroidal map needs an even number of rows, as every other row is shifted: got "
                f"n_rows={n_rows}"
            )
        self.n_rows, self.n_columns = int(n_rows), int(n_columns)
        self.topology, self.surface = topology, surface

    @property
    def n_nodes(self):
        return self.n_rows * self.n_columns

    @property
    def is_hexagonal(self):
        return self.topology == "hexagonal"

    @property
    def shape(self):
        return self.n_rows, self.n_columns

    @property
    def row_step(self):
        """Distance of two rows."""
        return _ROW_STEP[self.topology]

    @property
    def periods(self):
        """Length of the map along x and y, 0 where it has edges."""
        x = float(self.n_columns) if self.surface != "planar" else 0.0
        return x, self.n_rows * self.row_step if self.surface == "toroidal" else 0.0

    @property
    def positions(self):
        """float64 array of shape (n_nodes, 2): x and y of the nodes."""
        row, column = np.divmod(np.arange(self.n_nodes), self.n_columns)
        shift = 0.5 * (row % 2) if self.is_hexagonal else 0.0
        return np.column_stack([column + shift, row * self.row_step])

    def gaps_x(self, shift=0.0):
        """Distances along x of a column and a column shifted by `shift`: array (n_columns, n_columns)."""
        column = np.arange(self.n_columns, dtype=np.float64)
        return closed_gap(np.abs(column[:, None] - column - shift), self.periods[0])

    def gaps_y(self):
        """Distances along y of two rows: float64 array of shape (n_rows, n_rows)."""
        y = np.arange(self.n_rows) * self.row_step
        return closed_gap(np.abs(y[:, None] - y), self.periods[1])

    def distances(self, nodes=slice(None), chebyshev=False):
        """Distances on the map between the chosen nodes and all.

        Returns
        -------
        float64 array of shape (n_chosen, n_nodes)
        """
        places = self.positions
        chosen = places[nodes]
        gaps = [
            closed_gap(np.abs(chosen[:, None, axis] - places[:, axis]), period)
            for axis, period in enumerate(self.periods)
        ]
        return np.maximum(*gaps) if chebyshev else np.hypot(*gaps)

    def neighbours(self, diagonal=True):
        """Pairs of nodes that touch: 6 of an inner node on a hexagonal map, 8 (`diagonal`) or 4 on the other.

        Returns
        -------
        int64 array of shape (n_pairs, 2)
            Both orders of each pair, sorted; no node is its own neighbour.
        """
        row, column = np.divmod(np.arange(self.n_nodes), self.n_columns)
        pairs = []
        for down, right in self._steps(diagonal):
            # the neighbour in the next row of a hexagonal map is shifted by one in odd rows
            other_column = column + right + (row % 2 if self.is_hexagonal and down else 0)
            other_row = row + down
            if self.surface != "planar":
                other_column %= self.n_columns
            if self.surface == "toroidal":
                other_row %= self.n_rows
            inside = (other_column >= 0) & (other_column < self.n_columns)
            inside &= (other_row >= 0) & (other_row < self.n_rows)
            other = other_row * self.n_columns + other_column
            pairs.append(np.column_stack([np.arange(self.n_nodes), other])[inside])
        pairs = np.concatenate(pairs) if pairs else np.empty((0, 2), dtype=np.int64)
        pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
        return pairs[pairs[:, 0] != pairs[:, 1]].astype(np.int64)

    def _steps(self, diagonal):
        """Half of the steps to neighbours (down, right); the others are the same backwards."""
        if self.is_hexagonal:
            return [(0, 1), (1, -1), (1, 0)]
        return [(0, 1), (1, 0), (1, 1), (1, -1)] if diagonal else [(0, 1), (1, 0)]

    def graph(self, diagonal=False):
        """The neighbours as a CSR matrix of shape (n_nodes, n_nodes), 1 where two nodes touch."""
        pairs = self.neighbours(diagonal)
        ones = np.ones(len(pairs))
        return sparse.csr_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(self.n_nodes, self.n_nodes))

    def touch(self, a, b):
        """Whether nodes a[i] and b[i] are neighbours (or the same)."""
        keys = self.neighbours() @ np.array([self.n_nodes, 1])
        wanted = np.asarray(a, dtype=np.int64) * self.n_nodes + np.asarray(b, dtype=np.int64)
        return np.isin(wanted, keys) | (np.asarray(a) == np.asarray(b))


def closed_gap(gap, period):
    """The shorter way round, if the axis is closed."""
    return np.minimum(gap, np.abs(period - gap)) if period else gap
