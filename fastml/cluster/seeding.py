"""Where k-means starts: k-means++ and rows drawn at random."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from fastml._engine.runtime.interrupt import check

__all__ = ["draw_rows", "kmeans_plusplus_rows", "rows_at"]


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
    closest = _distances(rows, chosen[:1])[0]
    potential = closest @ weight
    for c in range(1, n_clusters):
        check()
        drawn = random_state.uniform(size=n_local_trials) * potential
        candidates = np.searchsorted(np.cumsum(weight * closest), drawn)
        np.clip(candidates, None, n_samples - 1, out=candidates)
        away = np.minimum(closest, _distances(rows, candidates))
        potentials = away @ weight
        best = int(np.argmin(potentials))
        potential, closest, chosen[c] = potentials[best], away[best], candidates[best]
    return chosen


def _distances(rows, indices):
    """Squared distances of all rows to some of them."""
    points = np.nan_to_num(rows_at(rows.X, indices))
    return np.stack([rows.nearest(point[None])[1].astype(np.float64) for point in points])
