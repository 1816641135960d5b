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
    matrices = covars.reshape(-1, *covars.shape[-2:]).astype(np.float64)
    # float32 matrices are symmetric and definite to their own digits
    tolerance = 1e-4 if covars.dtype == np.float32 else 1e-8
    largest = np.abs(matrices).max(axis=(1, 2), keepdims=True)
    turned = matrices.transpose(0, 2, 1)
    is_symmetric = (np.abs(matrices - turned) <= tolerance * (np.abs(turned) + largest)).all()
    if not is_symmetric or np.linalg.eigvalsh(matrices).min() <= 0:
        raise ValueError(f"{name} must be symmetric, positive-definite")


def factors(matrices):
    """Upper triangular P with P P' = inverse, of matrices of shape (n, d, d), in float64.

    Raises
    ------
    ValueError
        If one is not positive definite.
    """
    try:
        lower = np.linalg.cholesky(np.asarray(matrices, dtype=np.float64))
    except np.linalg.LinAlgError:
        raise ValueError("covars_ must be symmetric, positive-definite") from None
    one = np.eye(matrices.shape[-1])
    return np.stack([linalg.lapack.dtrtrs(factor, one, lower=1)[0].T for factor in lower])


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
    is_finite = np.isfinite(flat).all(axis=(1, 2))
    flat[is_finite] = (flat[is_finite] + flat[is_finite].transpose(0, 2, 1)) / 2
    is_sound = is_finite & (np.diagonal(flat, axis1=1, axis2=2) > least).all(axis=1)
    is_sound[is_sound] = _are_definite(flat[is_sound])
    for i in np.flatnonzero(~is_sound):
        matrix = flat[i]
        if is_finite[i]:
            values, vectors = linalg.eigh(matrix)
            floor = max(min_covar, 1e-10 * values.max())
            matrix[:] = (vectors * np.maximum(values, floor)) @ vectors.T
            matrix[:] = (matrix + matrix.T) / 2
        else:
            matrix[:] = min_covar * np.eye(len(matrix))
        collapsed.add(int(i) // each)
    return covars, collapsed


def _are_definite(matrices):
    """Which matrices of shape (n, d, d) have a Cholesky factor that is not all rounding."""
    try:
        lower = np.linalg.cholesky(matrices)
    except np.linalg.LinAlgError:
        if len(matrices) == 1:
            return np.array([False])
        return np.concatenate([_are_definite(matrix[None]) for matrix in matrices])
    squares = np.diagonal(lower, axis1=1, axis2=2) ** 2
    return (squares > 1e-14 * np.diagonal(matrices, axis1=1, axis2=2)).all(axis=1)


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
