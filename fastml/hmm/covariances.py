"""Covariance matrices of the four types: shapes, checks, factors for the engine."""

from __future__ import annotations

import numpy as np
from scipy import linalg

__all__ = ["LOG_2PI", "as_matrices", "check_covariances", "factors", "packed", "repaired"]

LOG_2PI = float(np.log(2 * np.pi))
# The least variance whose reciprocal root and logarithm still have all their digits.
_LEAST = 1e-290


def check_covariances(covars, shape, name="covars_"):
    """Variances or matrices of this shape, as floats.

    Raises
    ------
    ValueError
        If the shape is another, or if they are not positive (definite), symmetric and finite.
    """
    covars = np.asarray(covars)
    if covars.dtype not in (np.float32, np.float64):
        covars = covars.astype(np.float64)
    if covars.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {covars.shape}")
    if not np.isfinite(covars).all():
        raise ValueError(f"{name} must be finite")
    return covars


def check_positive(covars, is_matrix, name="covars_"):
    """Refuse variances that are not positive, matrices that are not symmetric and positive definite."""
    if not is_matrix:
        if (covars <= 0).any():
            raise ValueError(f"{name} must be positive")
        return
    for matrix in covars.reshape(-1, *covars.shape[-2:]):
        # float32 matrices are symmetric and definite to their own digits
        tolerance = 1e-4 if covars.dtype == np.float32 else 1e-8
        if not np.allclose(matrix, matrix.T, rtol=tolerance, atol=tolerance * np.abs(matrix).max()):
            raise ValueError(f"{name} must be symmetric, positive-definite")
        if linalg.eigvalsh(np.asarray(matrix, dtype=np.float64)).min() <= 0:
            raise ValueError(f"{name} must be symmetric, positive-definite")


def factors(matrices):
    """Upper triangular P with P P' = inverse, of matrices of shape (n, d, d), in float64.

    Raises
    ------
    ValueError
        If one is not positive definite.
    """
    out = np.empty(matrices.shape)
    one = np.eye(matrices.shape[-1])
    for i, matrix in enumerate(matrices):
        try:
            lower = linalg.cholesky(np.asarray(matrix, dtype=np.float64), lower=True)
        except linalg.LinAlgError:
            raise ValueError("covars_ must be symmetric, positive-definite") from None
        out[i] = linalg.solve_triangular(lower, one, lower=True).T
    return out


def packed(upper):
    """Columns of upper triangular matrices (n, d, d), one after the other: (n, d (d + 1) / 2)."""
    d = upper.shape[-1]
    columns, rows = np.tril_indices(d)
    return np.ascontiguousarray(upper[:, rows, columns])


def repaired(covars, is_matrix, min_covar, rounding=0.0):
    """Covariances with min_covar in place of what has collapsed, and which have (numbers of the first axis).

    `rounding` says which variances are no more than rounding errors: it broadcasts with the variances.
    """
    covars = covars.copy()
    collapsed = set()
    min_covar = max(min_covar, _LEAST * 1e10)
    least = np.maximum(_LEAST, rounding)
    if not is_matrix:
        bad = ~(covars > least) | ~np.isfinite(covars)
        covars[bad] = min_covar
        return covars, set(np.flatnonzero(bad.reshape(len(covars), -1).any(axis=1)).tolist())
    flat = covars.reshape(-1, *covars.shape[-2:])
    each = len(flat) // len(covars)
    variances = np.diagonal(covars, axis1=-2, axis2=-1)
    least = np.broadcast_to(least, variances.shape).reshape(len(flat), -1)
    for i, matrix in enumerate(flat):
        if np.isfinite(matrix).all():
            matrix[:] = (matrix + matrix.T) / 2
            if (np.diag(matrix) > least[i]).all() and _is_definite(matrix):
                continue
            values, vectors = linalg.eigh(matrix)
            floor = max(min_covar, 1e-10 * values.max())
            matrix[:] = (vectors * np.maximum(values, floor)) @ vectors.T
            matrix[:] = (matrix + matrix.T) / 2
        else:
            matrix[:] = min_covar * np.eye(len(matrix))
        collapsed.add(i // each)
    return covars, collapsed


def _is_definite(matrix):
    """Whether a matrix has a Cholesky factor that is not all rounding."""
    try:
        diagonal = np.diag(linalg.cholesky(matrix, lower=True))
    except linalg.LinAlgError:
        return False
    return bool((diagonal**2 > 1e-14 * np.diag(matrix)).all())


def as_matrices(covars, covariance_type, n_components, n_features):
    """Full matrices of shape (n_components, n_features, n_features)."""
    if covariance_type == "full":
        return covars
    if covariance_type == "tied":
        return np.tile(covars, (n_components, 1, 1))
    eye = np.eye(n_features, dtype=covars.dtype)
    if covariance_type == "diag":
        return covars[:, :, None] * eye
    return covars.reshape(-1, 1, 1) * eye
