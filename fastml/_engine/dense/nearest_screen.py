"""Whether rows are better compared with centroids roughly first: in a plane that these lie close to, or by
products of pairs of int16.

The centroids of a map that was smoothed lie close to a plane of few dimensions, those of most real data to
one of a few dozen. Any plane gives the same labels (src_c/dense/nearest_screen_body.h), so do pairs
(nearest_pairs_body.h): what differs is how much work is left to exact distances, which some of the rows tell
beforehand.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

from fastml._engine.dense.neighbourhood import products

__all__ = ["PAIRS", "Screen", "Screener"]

RANKS = (8, 16, 32, 64)
PAIRS = "pairs"
LEAST_FEATURES, LEAST_CENTROIDS, LEAST_TERMS = 32, 64, 2e8  # smaller passes take less time than the choice
LEAST_PAIRED = 16  # features from which pairs may pay
SERIAL_TERMS = 4e6  # multiplications of a product for which a second thread does not pay
MOST_PAIRED = 1 << 14  # features that src_c/dense/nearest.h allows
SAMPLE = 48  # rows
# What a step costs, in multiplications of the kernel that multiplies tiles: comparing an estimate; an exact
# distance, and each of its features.
ESTIMATE, EXACT, EXACT_FEATURE = 6, 1400, 14
PAIRED_ESTIMATE, PAIRED_FEATURE = 8, 3  # an estimate from pairs; a feature of a row made one of a pair
WORTH = 0.8  # of the work without
STALE = 1.15  # times the work that the directions first promised
UNTRIED = 3  # times that directions are looked for anew after the last ones would not do


@cache
def _libraries():
    return ThreadpoolController()


class Screen:
    """A plane and the centroids in it.

    Attributes
    ----------
    basis : float64 array of shape (d, rank)
        Orthonormal columns, rounded to the rows' type.
    coordinates : float64 array of shape (k, rank)
    rest : float64 array of shape (k,)
        Sizes of the centroids outside the plane, rounded up.
    """

    def __init__(self, basis, coordinates, rest):
        self.basis = np.ascontiguousarray(basis)
        self.coordinates = np.ascontiguousarray(coordinates)
        self.rest = rest


class Screener:
    """Chooses the screen of each pass over the same rows; what a pass has found helps the next.

    Parameters
    ----------
    X : array of shape (n, d)
        Without missing values.
    n_threads : int
    pairs_speed : float, default=0.0
        Of products of pairs against products of reals; 0: there are none.
    """

    def __init__(self, X, n_threads, pairs_speed=0.0):
        self.X, self.n_threads = X, n_threads
        able = X.dtype == np.float32 and LEAST_PAIRED <= X.shape[1] <= MOST_PAIRED
        self._pairs_speed = pairs_speed if able else 0.0
        self._sample = X[:: max(1, len(X) // SAMPLE)][:SAMPLE].astype(np.float64)
        self._directions, self._work = None, 0.0  # orthonormal, the widest spread first; what they promised
        self._most = RANKS[-2]  # how many of them to look for
        self._pause, self._wait = 0, 0
        self._untried = 1  # times that new directions are looked for before the last ones are tried

    def choose(self, centroids, offset, planes=True):
        """A `Screen`, PAIRS, or None where neither pays.

        Parameters
        ----------
        centroids : float64 array of shape (k, d)
        offset : float64 array of shape (d,)
        planes : bool, default=True
            Whether it may be a `Screen`.
        """
        (n, d), k = self.X.shape, len(centroids)
        if float(n) * k * d < LEAST_TERMS:
            return None
        planes = planes and d >= LEAST_FEATURES and k >= LEAST_CENTROIDS
        if planes and self._wait:
            self._wait -= 1
            planes = False
        if not planes and not self._pairs_speed > 1:
            return None
        centred = centroids - offset
        with np.errstate(over="ignore", invalid="ignore"):
            norms = np.einsum("ij,ij->i", centred, centred)
            if not np.isfinite(norms.sum()):
                return None
            rows = self._sample - offset
            score = self._product(centred, np.ascontiguousarray(rows.T))  # centroids x rows
            np.subtract((norms / 2)[:, None], score, out=score)
            winners = score.min(axis=0)
            least, other = WORTH * k * (d + ESTIMATE), None
            if self._pairs_speed > 1:
                work = self._paired_work(rows, score, winners, norms)
                if work < least:
                    least, other = work, PAIRS
            if not planes:
                return other
            rank, along = self._plan(rows, winners, centred, norms, least)
        return self._plane(centred, norms, rank, along) if rank else self._no_plane(other)

    def _no_plane(self, other):
        """`other`, and look for a plane ever more seldom."""
        self._wait, self._pause = self._pause, min(2 * self._pause + 1, 63)
        self._untried, self._most = 1, RANKS[-1] if self._wait else RANKS[-2]
        return other

    def _plane(self, centred, norms, rank, along):
        """The screen of this rank, or None if its directions are not orthonormal enough."""
        d = centred.shape[1]
        self._pause, self._most = 0, min(2 * rank, RANKS[-1])
        basis, along = self._directions[:, :rank], along[:, :rank]
        gram = self._product(np.ascontiguousarray(basis.T), basis) - np.eye(rank)
        if np.abs(gram).sum(axis=0).max() > 8 * rank * np.finfo(self.X.dtype).eps / 2:
            return None
        # |w - Q Q'w|^2, with the rounding of its terms
        inside = np.einsum("ij,ij->i", along, along - self._product(along, gram))
        rest = np.sqrt(np.maximum(norms - inside, 0) + (d + 64) * 2.0**-50 * norms)
        return Screen(basis, along, rest)

    def _paired_work(self, rows, score, winners, norms):
        """The work with pairs: rows whose estimates leave one centroid are done with."""
        k, d = len(norms), rows.shape[1]
        reach = np.sqrt(np.einsum("ij,ij->i", rows, rows) * norms.max()) * 2 * np.sqrt(d) / 32700
        near = np.count_nonzero(score <= winners + reach, axis=0)
        exact = near[near > 1].sum() / len(rows) * (EXACT + EXACT_FEATURE * d)
        return PAIRED_FEATURE * d + k * (d / self._pairs_speed + PAIRED_ESTIMATE) + exact

    def _plan(self, rows, winners, centred, norms, least):
        """Rank of the screen, 0 without one, and the centroids' coordinates."""
        if not self._untried:
            along = self._product(centred, self._directions)
            rank, work = self._rank(rows, winners, norms, along, least)
            if rank and work < STALE * self._work:
                return rank, along
        # centroids that left directions behind will do so again: the next times they are not tried
        self._untried = self._untried - 1 if self._untried else UNTRIED
        self._spread(centred)
        along = self._product(centred, self._directions)
        rank, self._work = self._rank(rows, winners, norms, along, least)
        return rank, along

    def _product(self, a, b):
        """a @ b on our threads: those of BLAS would go on waiting for work while ours begin."""
        out = np.empty((1, a.shape[0], b.shape[1]))
        products(a[None], b[None], out, self.n_threads if a.size * b.shape[1] > SERIAL_TERMS else 1)
        return out[0]

    def _spread(self, centred):
        """Orthonormal directions in which the centroids spread most, the widest first: one step of subspace
        iteration (Halko, Martinsson, Tropp, "Finding structure with randomness", 2011, algorithm 4.4)."""
        d, steps = centred.shape[1], 1
        rank = min(self._most, d // 2 // RANKS[0] * RANKS[0])
        start = np.empty((d, 0)) if self._directions is None else self._directions[:, :rank]
        if start.shape[1] < rank:
            more = np.random.default_rng(0).standard_normal((d, rank - start.shape[1]))
            start, steps = np.hstack([start, more]), 2
        with _libraries().limit(limits=1, user_api="blas"):
            for _ in range(steps):
                inside = np.ascontiguousarray(self._product(centred, start).T)
                start = np.linalg.qr(self._product(inside, centred).T)[0]
            inside = self._product(centred, start)
            _, turn = np.linalg.eigh(self._product(np.ascontiguousarray(inside.T), inside))
        turn = np.ascontiguousarray(turn[:, ::-1])
        self._directions = self._product(start, turn).astype(self.X.dtype).astype(np.float64)

    def _rank(self, rows, winners, norms, along, least):
        """The rank with which less work than `least` is expected, by some rows, and that work; 0: none."""
        k, d = len(norms), rows.shape[1]
        across = self._product(rows, self._directions)
        row_norms = np.einsum("ij,ij->i", rows, rows)
        score = np.repeat(norms[:, None] / 2, len(rows), axis=1)
        reach, best, below = np.empty_like(score), 0, 0
        for rank in RANKS:
            if rank > along.shape[1]:
                break
            part = slice(below, rank)
            score -= self._product(along[:, part], np.ascontiguousarray(across[:, part].T))
            row_norms = row_norms - (across[:, part] ** 2).sum(axis=1)
            norms = norms - (along[:, part] ** 2).sum(axis=1)
            below = rank
            np.multiply(np.sqrt(np.maximum(norms, 0))[:, None], np.sqrt(np.maximum(row_norms, 0)), out=reach)
            near = np.count_nonzero(np.subtract(score, reach, out=reach) <= winners) / len(rows)
            work = rank * d + k * (rank + 2 + ESTIMATE) + near * (EXACT + EXACT_FEATURE * d)
            if work < least:
                best, least = rank, work
        return best, least
