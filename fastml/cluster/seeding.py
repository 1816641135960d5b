"""Where k-means starts: k-means++ and rows drawn at random."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from fastml._engine.dense.closest import Closest
from fastml._engine.dense.nearest import Rows
from fastml._engine.runtime.interrupt import check

__all__ = ["draw_rows", "kmeans_parallel_rows", "kmeans_plusplus_rows", "rows_at"]


def rows_at(X, indices):
    """Rows as a dense array of X's dtype."""
    taken = X[indices]
    return np.ascontiguousarray(taken.toarray() if sparse.issparse(taken) else taken)


def draw_rows(n_samples, n_clusters, sample_weight, random_state):
    """Rows drawn at random without replacement, by weight."""
    p = None if sample_weight is None else sample_weight / sample_weight.sum()
    if p is None:
        p = np.full(n_samples, 1.0 / n_samples)
    elif np.count_nonzero(p) < n_clusters:
        raise ValueError(f"only {np.count_nonzero(p)} rows have a weight, fewer than n_clusters={n_clusters}")
    return random_state.choice(n_samples, size=n_clusters, replace=False, p=p)


def kmeans_plusplus_rows(rows, n_clusters, sample_weight, random_state, n_local_trials=None):
    """Numbers of rows chosen by greedy k-means++.

    Each next row is drawn with a probability in proportion to its squared distance from the nearest one
    chosen so far; of `n_local_trials` rows drawn so, the one that lowers the sum of these distances most is
    taken. The random numbers are used as scikit-learn uses them.

    Parameters
    ----------
    rows : Rows
    n_clusters : int
    sample_weight : float64 array of shape (n_samples,) or None
    random_state : RandomState
    n_local_trials : int, optional
        2 + log(n_clusters) by default.

    Returns
    -------
    int64 array of shape (n_clusters,)

    References
    ----------
    D. Arthur, S. Vassilvitskii. "k-means++: the advantages of careful seeding." SODA 2007, section 2.2 and
    the greedy variant of section 7.
    """
    n_samples = rows.n
    weight = np.ones(n_samples) if sample_weight is None else sample_weight
    if n_local_trials is None:
        n_local_trials = 2 + int(np.log(n_clusters))
    chosen = np.empty(n_clusters, dtype=np.int64)
    chosen[0] = random_state.choice(n_samples, p=weight / weight.sum())
    closest = Closest(rows, weight)
    potential = closest.add(_points(rows, chosen[:1])[0])
    for c in range(1, n_clusters):
        check()
        drawn = random_state.uniform(size=n_local_trials) * potential
        shares = closest.distances if sample_weight is None else weight * closest.distances
        candidates = np.searchsorted(np.cumsum(shares), drawn)
        np.clip(candidates, None, n_samples - 1, out=candidates)
        points = _points(rows, candidates)
        best = int(np.argmin(closest.potentials(points)))
        potential, chosen[c] = closest.add(points[best]), candidates[best]
    return chosen


def kmeans_parallel_rows(rows, n_clusters, sample_weight, random_state, n_rounds=5):
    """Numbers of rows chosen by k-means||: a few passes instead of one for each cluster.

    In each of `n_rounds` passes every row is drawn with a probability in proportion to its squared distance
    from the rows drawn before, about 2 * n_clusters in all; the rows drawn, each weighted with the rows
    that are nearest to it, are thinned out by greedy k-means++.

    Parameters
    ----------
    rows, n_clusters, sample_weight, random_state
        As for `kmeans_plusplus_rows`.
    n_rounds : int, default=5

    Returns
    -------
    int64 array of shape (n_clusters,)

    References
    ----------
    B. Bahmani et al. "Scalable k-means++." Proceedings of the VLDB Endowment 5, 2012, algorithm 2.
    """
    weight = np.ones(rows.n) if sample_weight is None else sample_weight
    chosen = [np.array([random_state.choice(rows.n, p=weight / weight.sum())])]
    everyone = np.zeros(rows.n, dtype=np.int32)
    closest = rows.nearest(_points(rows, chosen[0]), labels=everyone)[1]
    for _ in range(n_rounds):
        check()
        share = weight * closest
        potential = share.sum()
        if not potential > 0:
            break
        drawn = np.flatnonzero(random_state.uniform(size=rows.n) * potential < 2 * n_clusters * share)
        if len(drawn):
            points = _points(rows, drawn)
            closest = np.minimum(closest, rows.nearest(points)[1])
            chosen.append(drawn)
    candidates = np.unique(np.concatenate(chosen))
    if len(candidates) < n_clusters:  # fewer different rows than clusters, or an unlikely draw
        rest = np.setdiff1d(np.flatnonzero(weight), candidates)
        more = random_state.permutation(rest)[: n_clusters - len(candidates)]
        candidates = np.concatenate([candidates, more])
    if len(candidates) < n_clusters:
        raise ValueError(f"only {len(candidates)} rows have a weight, fewer than n_clusters={n_clusters}")
    points = rows_at(rows.X, candidates)
    held = rows.accumulate(np.nan_to_num(points), sample_weight, errors=False).weights
    held = held if held.ndim == 1 else held.max(axis=1)
    some = Rows(points, rows.n_threads, rows.missing)
    return candidates[kmeans_plusplus_rows(some, n_clusters, held, random_state)]


def _points(rows, indices):
    """Rows to measure distances to: what is missing is zero, and left out where it is missing in both."""
    return np.nan_to_num(rows_at(rows.X, indices))
