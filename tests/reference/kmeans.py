"""Lloyd's iteration, the slow and obvious way: distances, argmin and means in float64."""

import numpy as np

from tests.reference.nearest import distances


def step(X, centers, sample_weight=None):
    """Labels by `centers`, and the means of the rows of each; a centre without rows stays."""
    X = np.asarray(X, dtype=np.float64)
    share = np.ones(len(X)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    labels = distances(X, centers).argmin(axis=1)
    new = np.array(centers, dtype=np.float64)
    for j in range(len(centers)):
        rows, w = X[labels == j], share[labels == j][:, None]
        known = ~np.isnan(rows)
        total = (w * known).sum(axis=0)
        sums = (w * np.where(known, rows, 0.0)).sum(axis=0)
        new[j] = np.where(total > 0, sums / np.where(total > 0, total, 1.0), new[j])
    return labels, new


def inertia(X, centers, sample_weight=None):
    """Weighted sum of squared distances to the nearest centre."""
    share = np.ones(len(X)) if sample_weight is None else sample_weight
    return float((share * distances(X, centers).min(axis=1)).sum())
