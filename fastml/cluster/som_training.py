"""Training of a self-organising map: accumulate, merge, update; and row by row.

Whole passes (batch), parts of the rows (minibatch) and calls of ``partial_fit`` are the same three steps. The
statistics are the weight and the sum of the rows of each node. A batch pass takes the place of the statistics
before it; of smaller parts each counts for its share, the learning rate, and what was before fades (Cappe and
Moulines, "On-line expectation-maximization algorithm for latent data models", 2009, section 2.2).
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from fastml._engine.dense.online import OnlineCodebook
from fastml._engine.runtime.interrupt import check
from fastml.cluster.som_neighbourhood import Smoother
from fastml.cluster.som_rows import weighted_features

__all__ = ["MapStatistics", "Progress", "accumulate", "train_online", "update"]

_DENSE_ROWS = 4096  # sparse rows that online training unpacks at once


@dataclass
class MapStatistics:
    """Weights and sums of the rows that each node has won.

    Attributes
    ----------
    weights : float64 array of shape (n_nodes,), or (n_nodes, n_features) if rows have missing values
    sums : float64 array of shape (n_nodes, n_features)
        Weighted sums of the known values less `offset`.
    offset : float64 array of shape (n_features,)
    error : float
        Weighted mean distance to the winners.
    """

    weights: np.ndarray
    sums: np.ndarray
    offset: np.ndarray
    error: float

    def merge(self, other, share):
        """Statistics of which `other` makes up this share, and these the rest."""
        if share >= 1:
            return other
        mine, theirs = (_by_feature(part.weights) for part in (self, other))
        shifted = self.sums + mine * (self.offset - other.offset)
        weights, more = self.weights, other.weights
        if weights.ndim != more.ndim:
            weights, more = np.broadcast_arrays(mine, theirs)
        return MapStatistics(
            (1 - share) * weights + share * more,
            (1 - share) * shifted + share * other.sums,
            other.offset,
            (1 - share) * self.error + share * other.error,
        )


def _by_feature(weights):
    return weights if weights.ndim == 2 else weights[:, None]


def accumulate(rows, codebook, sample_weight, metric, feature_weight):
    """Statistics of rows, each counted for the nearest node.

    Parameters
    ----------
    rows : Rows
    codebook : array of shape (n_nodes, n_features)
    sample_weight : float64 array of shape (n,) or None
    metric : str
    feature_weight : float64 array of shape (n_features,) or None
    """
    found = rows.accumulate(codebook, sample_weight, metric=metric, feature_weight=feature_weight)
    total = rows.n if sample_weight is None else sample_weight.sum()
    return MapStatistics(
        found.weights, found.shifted_sums, found.offset, found.inertia / total if total else 0.0
    )


def update(statistics, codebook, smoother, n_threads):
    """The codebook after a step of the batch rule.

    Each node goes to the mean of the rows, weighted by the neighbourhood between it and their winners, in
    each feature over the rows that know it. A node that no row has any weight for keeps its place. Where the
    neighbourhood has negative weights the mean's denominator may vanish; the node then makes a step,
    sum(h (x - m)) / sum(|h|) with a bound of the latter, which leads to the mean where nothing is negative;
    one that is pushed more than it is pulled keeps its place, else it would be pushed out of all bounds.

    Returns
    -------
    array like `codebook`
    """
    weights = np.ascontiguousarray(_by_feature(statistics.weights))
    below, above = smoother.apply(weights, n_threads), smoother.apply(statistics.sums, n_threads)
    if smoother.name == "mexican_hat":
        start = codebook.astype(np.float64)
        shift = above - below * (start - statistics.offset)
        bound = Smoother(smoother.grid, "mexican_bound", smoother.radius, smoother.chebyshev)
        pulled = below > 0
        below = np.where(pulled, bound.apply(weights, n_threads), 0.0)
    else:
        shift, start = above, statistics.offset
    known = below > 0
    if known.all():  # nearly always, and half of the time
        shift /= below
        shift += start
        return shift.astype(codebook.dtype)
    step = np.divide(shift, below, out=np.zeros_like(shift), where=np.broadcast_to(known, shift.shape))
    return np.where(known, start + step, codebook).astype(codebook.dtype)


def train_online(X, codebook, order, rates, radii, grid, settings):
    """Move the codebook for one row after the other.

    Parameters
    ----------
    X : array of shape (n, n_features) or CSR
    codebook : array of shape (n_nodes, n_features), of X's dtype
    order : int64 array of shape (n_steps,)
        Numbers of rows.
    rates, radii : float64 arrays of shape (n_steps,)
    grid : MapGrid
    settings : SOM
        Its metric, weights of features, neighbourhood.

    Returns
    -------
    codebook : array
    error : float
        Mean distance of the rows to their winners on the way.
    """
    metric = settings.metric
    weight = settings._feature_weight
    if weight is not None:
        # a feature that does not count for the winner is learned nevertheless: nearly without weight
        weight = np.maximum(weight, weight.max() * 1e-12)
    online = OnlineCodebook(
        np.ascontiguousarray(weighted_features(codebook, weight, metric)),
        grid.positions,
        grid.periods,
        metric,
        settings.neighbourhood,
        settings.map_distance == "chebyshev",
    )
    error = 0.0
    for lo in range(0, len(order), _DENSE_ROWS):
        part = slice(lo, lo + _DENSE_ROWS)
        chosen = order[part]
        rows = X[chosen].toarray() if sparse.issparse(X) else X[chosen]
        rows = np.ascontiguousarray(weighted_features(rows, weight, metric))
        steps = np.arange(len(chosen), dtype=np.int64)
        has_missing = bool(np.isnan(rows.sum()))
        error += online.train(rows, steps, rates[part], radii[part], has_missing)
    trained = online.codebook()
    if weight is not None:
        ones = np.ones((1, codebook.shape[1]))
        trained = (trained / weighted_features(ones, weight, metric)).astype(codebook.dtype)
    return trained, error / max(1, len(order))


def batches(n_rows, size, random):
    """Numbers of rows, cut into parts of about `size` after shuffling."""
    order = random.permutation(n_rows)
    n_batches = max(1, -(-n_rows // size))
    return [np.sort(part) for part in np.array_split(order, n_batches)]


class Progress:
    """Lines about the passes of a fit, with an estimate of the time left.

    Parameters
    ----------
    verbose : int
        0: silent; 1: at most a line a second, and the last one; 2 and more: a line for every pass.
    n_passes : int
    """

    def __init__(self, verbose, n_passes):
        self.verbose, self.n_passes = verbose, n_passes
        self.start = self._shown = time.perf_counter()

    def done(self, n, radius, error):
        """Tell about pass n, counted from 1; lets Ctrl-C through."""
        check()
        now = time.perf_counter()
        if not self.verbose or (self.verbose < 2 and now - self._shown < 1.0 and n < self.n_passes):
            return
        self._shown = now
        spent = now - self.start
        left = spent / n * (self.n_passes - n)
        print(
            f"[{n:{len(str(self.n_passes))}}/{self.n_passes}] radius {radius:.3g}, mean distance {error:.6g}"
            f", {spent:.1f} s, {left:.1f} s left",
            flush=True,
        )
