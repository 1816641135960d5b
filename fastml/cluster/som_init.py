"""Where the codebook of a self-organising map begins."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import LinearOperator, eigsh

__all__ = ["INITS", "initial_codebook"]

INITS = ("pca", "sample", "random")

_ROWS_OF_PCA = 10_000
_WIDTH_OF_EIGH = 200  # wider tables: two eigenvectors by Lanczos iterations


def initial_codebook(init, X, grid, sample_weight, random):
    """The first codebook.

    Parameters
    ----------
    init : {"pca", "sample", "random"} or array-like
        "pca": the plane of the first two principal components, one standard deviation to each side, the first
        along the longer side of the map (SOM Toolbox, som_lininit); of tables longer than 10,000 rows, those
        of as many rows drawn. "sample": rows drawn in proportion to their weights, without replacement as
        far as there are enough. "random": uniform between the features' least and greatest values. Or the
        codebook itself, of shape (n_nodes, n_features) or (n_rows, n_columns, n_features).
    X : float32 or float64 array of shape (n_samples, n_features), or CSR
        NaN: missing.
    grid : MapGrid
    sample_weight : float64 array of shape (n_samples,) or None
    random : RandomState

    Returns
    -------
    array of shape (n_nodes, n_features), of X's dtype, C order

    Raises
    ------
    ValueError
        If a given codebook has another shape or holds something that is not finite.
    """
    if not isinstance(init, str):
        codebook = np.array(init, dtype=np.float64)
        if codebook.shape == (*grid.shape, X.shape[1]):
            codebook = codebook.reshape(grid.n_nodes, X.shape[1])
        if codebook.shape != (grid.n_nodes, X.shape[1]):
            raise ValueError(
                f"init has shape {codebook.shape}, expected {(grid.n_nodes, X.shape[1])} or "
                f"{(*grid.shape, X.shape[1])}: a line for each node of the map"
            )
        if not np.isfinite(codebook).all():
            raise ValueError("init holds NaN or infinity, expected a finite codebook")
    elif init == "pca":
        codebook = _plane(X, grid, sample_weight, random)
    elif init == "sample":
        codebook = _drawn(X, grid.n_nodes, sample_weight, random)
    else:
        codebook = _uniform(X, grid.n_nodes, sample_weight, random)
    return np.ascontiguousarray(codebook, dtype=X.dtype)


def _drawn(X, n, sample_weight, random):
    """n rows; where a value is missing, the mean of its column."""
    candidates = np.arange(X.shape[0]) if sample_weight is None else np.flatnonzero(sample_weight)
    p = None
    if sample_weight is not None:
        p = sample_weight[candidates] / sample_weight[candidates].sum()
    n_once = min(n, candidates.size)
    chosen = random.choice(candidates, n_once, replace=False, p=p)
    if n > n_once:
        chosen = np.concatenate([chosen, random.choice(candidates, n - n_once, p=p)])
    rows = X[chosen]
    if sparse.issparse(rows):
        return rows.toarray()
    missing = np.isnan(rows)
    if missing.any():
        rows[missing] = np.broadcast_to(_means(X, sample_weight), rows.shape)[missing]
    return rows


def _means(X, sample_weight):
    known = ~np.isnan(X)
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    total = w @ known
    sums = w @ np.where(known, X, 0.0)
    return np.divide(sums, total, out=np.zeros(X.shape[1]), where=total > 0)


def _uniform(X, n, sample_weight, random):
    if sample_weight is not None:
        X = X[sample_weight > 0]
    if sparse.issparse(X):
        low, high = (extreme.toarray()[0] for extreme in (X.min(axis=0), X.max(axis=0)))
    else:
        low, high = np.nanmin(X, axis=0), np.nanmax(X, axis=0)
    low, high = low.astype(np.float64), high.astype(np.float64)
    return low + (high - low) * random.uniform(size=(n, X.shape[1]))


def _plane(X, grid, sample_weight, random):
    n_rows = X.shape[0]
    if n_rows > _ROWS_OF_PCA:
        some = np.sort(random.choice(n_rows, _ROWS_OF_PCA, replace=False))
        if sample_weight is None or sample_weight[some].any():
            X = X[some]
            sample_weight = None if sample_weight is None else sample_weight[some]
    w = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    w = w / w.sum()
    mean, values, vectors = _principal(X, w)
    places = grid.positions
    # the first component goes along the longer side
    axes = (0, 1) if np.ptp(places[:, 0]) >= np.ptp(places[:, 1]) else (1, 0)
    codebook = np.broadcast_to(mean, (grid.n_nodes, mean.size)).copy()
    for axis, value, vector in zip(axes, values, vectors.T, strict=False):
        extent = np.ptp(places[:, axis])
        if extent > 0:
            along = 2 * (places[:, axis] - places[:, axis].min()) / extent - 1
            codebook += np.sqrt(max(value, 0.0)) * along[:, None] * vector
    return codebook


def _principal(X, w):
    """Weighted mean, and the two greatest eigenvalues and eigenvectors of the covariance."""
    d = X.shape[1]
    if sparse.issparse(X):
        mean = np.asarray(X.T @ w).ravel().astype(np.float64)
        X = X.astype(np.float64)

        def times(vector):
            vector = np.ravel(vector)
            scores = w * (X @ vector - mean @ vector)
            return np.asarray(X.T @ scores).ravel() - mean * scores.sum()

    else:
        X = X.astype(np.float64)
        mean = _means(X, w)
        X -= mean
        X[np.isnan(X)] = 0.0  # a missing value says nothing: as if it were the mean

        def times(vector):
            return X.T @ (w * (X @ np.ravel(vector)))

    if d <= _WIDTH_OF_EIGH:
        columns = X - mean if sparse.issparse(X) else X
        columns = np.asarray(columns)
        values, vectors = np.linalg.eigh(columns.T @ (w[:, None] * columns))
    else:
        values, vectors = eigsh(
            LinearOperator((d, d), matvec=times, dtype=np.float64), k=2, v0=np.ones(d), tol=1e-6
        )
    order = np.argsort(values)[::-1][:2]
    values, vectors = values[order], vectors[:, order]
    # one sign of each: the entry of the greatest size is positive
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])])
    return mean, values, vectors
