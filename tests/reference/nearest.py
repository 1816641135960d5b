"""Nearest centroids, the slow and obvious way: every distance in float64."""

import numpy as np


def distances(X, centroids, metric="sqeuclidean", feature_weight=None):
    """Distances of rows to centroids, over the features that a row has: float64 array of shape (n, k)."""
    X = np.asarray(X, dtype=np.float64)
    known = ~np.isnan(X)
    weight = np.ones(X.shape[1]) if feature_weight is None else np.asarray(feature_weight)
    rows = np.where(known, X, 0.0)
    factor = weight.sum() / (weight * known).sum(axis=1)
    out = np.empty((len(X), len(centroids)))
    for j, centroid in enumerate(np.asarray(centroids, dtype=np.float64)):
        w = np.where(known, centroid, 0.0)
        if metric == "sqeuclidean":
            out[:, j] = factor * (weight * (rows - w) ** 2).sum(axis=1)
        elif metric == "manhattan":
            out[:, j] = factor * (weight * np.abs(rows - w)).sum(axis=1)
        elif metric == "chebyshev":
            out[:, j] = (weight * np.abs(rows - w)).max(axis=1)
        else:
            lengths = np.sqrt((weight * rows**2).sum(axis=1) * (weight * w**2).sum(axis=1))
            product = (weight * rows * w).sum(axis=1)
            out[:, j] = 1.0 - np.divide(product, lengths, out=np.zeros(len(X)), where=lengths > 0)
    return out


def nearest(X, centroids, metric="sqeuclidean", **options):
    """Labels of the nearest and the second nearest centroid, and the distance to the nearest.

    Distances are equal if they differ by no more than the rounding of their sums; the lowest number wins.
    """
    away = distances(X, centroids, metric, **options)
    rounding = (2 * np.shape(X)[1] + 16) * 2.0**-53

    def winner(skip):
        label, least = np.full(len(away), -1), np.full(len(away), np.inf)
        for j in range(away.shape[1]):
            bar = least - rounding if metric == "cosine" else least * (1 - rounding)
            closer = ((away[:, j] < bar) | (label < 0)) & (skip != j)
            label[closer], least[closer] = j, away[closer, j]
        return label

    first = winner(np.full(len(away), -1))
    second = winner(first) if len(centroids) > 1 else None
    return first, away[np.arange(len(away)), first], second


def accumulate(X, centroids, labels, sample_weight=None, **options):
    """Weights and sums of known values, shape (k, d) both, and weighted errors, shape (k,)."""
    X = np.asarray(X, dtype=np.float64)
    k = len(centroids)
    share = np.ones(len(X)) if sample_weight is None else sample_weight
    known = ~np.isnan(X)
    weights, sums, errors = np.zeros((k, X.shape[1])), np.zeros((k, X.shape[1])), np.zeros(k)
    np.add.at(weights, labels, share[:, None] * known)
    np.add.at(sums, labels, share[:, None] * np.where(known, X, 0.0))
    np.add.at(errors, labels, share * distances(X, centroids, **options)[np.arange(len(X)), labels])
    return weights, sums, errors
