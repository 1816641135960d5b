"""Lloyd's iteration: label the rows, average those of a label."""

from __future__ import annotations

import time

import numpy as np

from fastml._engine.dense.bounds import Bounds
from fastml._engine.runtime.interrupt import check
from fastml.cluster.seeding import rows_at

__all__ = ["Clustering", "lloyd", "update"]


# Bounds pay where searching a row costs more than looking after its bounds, and few rows change.
_LEAST_TERMS = 8192  # centroids x features
_MOST_MOVED = 0.02  # of the rows


class Clustering:
    """What a run of k-means ends with.

    Attributes
    ----------
    centers : array of shape (n_clusters, n_features) of the rows' dtype
    labels : int32 array of shape (n_samples,)
    inertia : float
    n_iter : int
    """

    def __init__(self, centers, labels, inertia, n_iter):
        self.centers = centers
        self.labels = labels
        self.inertia = inertia
        self.n_iter = n_iter

    def is_same_as(self, other):
        """Whether the labels are the same up to their names."""
        name = np.full(len(self.centers), -1)
        name[self.labels] = other.labels
        names = name[name >= 0]
        return len(np.unique(names)) == len(names) and np.array_equal(name[self.labels], other.labels)


def update(accumulation, centers, rows=None, sample_weight=None):
    """Centroids from the statistics of the rows: the mean of each one's rows.

    Parameters
    ----------
    accumulation : Accumulation
    centers : float64 array of shape (k, d)
        What the rows were labelled with.
    rows : Rows, optional
        With them, a centroid without rows is moved to the row that is farthest from its own centroid, which
        loses the row. Without, it stays where it is.
    sample_weight : float64 array of shape (n_samples,), optional

    Returns
    -------
    float64 array of shape (k, d)
        What no row of a centroid knows stays as it is.
    """
    weights, sums = accumulation.weights, accumulation.shifted_sums
    if weights.ndim == 1:
        weights = weights[:, None]
    empty = np.flatnonzero(weights.max(axis=1) <= 0)
    biggest = -1
    if len(empty) and rows is not None:
        weights, sums = weights.copy(), sums.copy()
        _relocate(empty, weights, sums, accumulation, centers, rows, sample_weight)
        biggest = int(weights.max(axis=1).argmax())
    new = np.divide(sums, weights, out=np.zeros_like(sums), where=weights > 0)
    new += accumulation.offset
    new = np.where(weights > 0, new, centers)
    if biggest >= 0:
        still_empty = weights.max(axis=1) <= 0
        new[still_empty] = new[biggest]
    return new


def _relocate(empty, weights, sums, accumulation, centers, rows, sample_weight):
    """Give each empty centroid a far row, as scikit-learn does; changes `weights` and `sums`."""
    labels = accumulation.labels
    _, away = rows.nearest(centers, labels=labels)
    if not away.max() > 0:
        return  # as many centroids as different rows already
    farthest = np.argpartition(away, -len(empty))[: -len(empty) - 1 : -1]
    for to, i in zip(empty, farthest, strict=True):
        share = 1.0 if sample_weight is None else sample_weight[i]
        row = rows_at(rows.X, [i])[0].astype(np.float64) - accumulation.offset
        known = ~np.isnan(row)
        part = share * known if rows.missing else share
        sums[labels[i]] -= np.where(known, row * share, 0.0)
        sums[to] = np.where(known, row * share, 0.0)
        weights[labels[i]] -= part
        weights[to] = part


def lloyd(rows, centers, sample_weight, *, max_iter, tol, verbose, bounded=None):
    """Iterate until no label changes, the centroids hardly move, or `max_iter`.

    Parameters
    ----------
    rows : Rows
    centers : array of shape (k, d)
    sample_weight : float64 array of shape (n_samples,) or None
    max_iter : int
    tol : float
        Sum of the squared movements of all centroids that counts as none.
    verbose : int
    bounded : bool, optional
        Whether to search only rows that bounds leave open, where no value is missing; None: from when few
        rows change their label, if there is much to search. The result is the same.

    Returns
    -------
    Clustering
    """
    centers = np.asarray(centers, dtype=np.float64)
    labels, found = None, None
    able = not rows.missing and len(centers) > 1
    bounds = Bounds(rows) if bounded and able else None
    waits = bounded is None and able and centers.size >= _LEAST_TERMS
    start = time.perf_counter()
    for i in range(max_iter):
        check()
        # Most rows stay where they are; so do their sums. Not with weights: taking one off leaves a rounding.
        previous = found if sample_weight is None and not rows.missing else None
        known = None if bounds is None else bounds.nearest(centers)
        found = rows.accumulate(centers, sample_weight, labels=known, errors=bool(verbose), previous=previous)
        new = update(found, centers, rows, sample_weight)
        moved = float(((new - centers) ** 2).sum())
        if verbose:
            left = (time.perf_counter() - start) / (i + 1) * (max_iter - i - 1)
            print(f"Iteration {i}, inertia {found.inertia}, at most {left:.1f} s left.", flush=True)
        centers = new
        if labels is not None and np.array_equal(found.labels, labels):
            if verbose:
                print(f"Converged at iteration {i}: strict convergence.")
            break
        if moved <= tol:
            if verbose:
                print(f"Converged at iteration {i}: center shift {moved} within tolerance {tol}.")
            break
        if waits and labels is not None and np.mean(found.labels != labels) < _MOST_MOVED:
            bounds, waits = Bounds(rows), False
        labels = found.labels
    # labels and inertia belong to the centroids as they are kept, which is what `predict` sees
    kept = centers.astype(rows.dtype)
    return Clustering(kept, *rows.inertia(kept, sample_weight), i + 1)
