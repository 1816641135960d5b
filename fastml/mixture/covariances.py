"""Covariances of the four types: from sums, to triangular factors of precisions and back."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

__all__ = [
    "as_matrices",
    "check_precisions",
    "covariances_of",
    "factors_of_covariances",
    "factors_of_precisions",
    "log_determinants",
    "precisions_of",
    "shape_of",
]

ILL_DEFINED = (
    "Fitting the mixture model failed because some components have ill-defined empirical covariance (for "
    "instance caused by singleton or collapsed samples). Try to decrease the number of components, increase "
    "reg_covar, or scale the input data."
)


def shape_of(covariance_type, k, d):
    """Shape of covariances, precisions and factors."""
    return {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}[covariance_type]


def covariances_of(stats, weight, means, reg_covar):
    """Weighted covariances about the weighted means.

    Parameters
    ----------
    stats : Statistics
    weight : float64 array of shape (k,)
        What the sums are divided by.
    means : float64 array of shape (k, d)
        ``stats.first / weight``, about the shift.
    reg_covar : float
        Added to variances.
    """
    kind = stats.covariance_type
    if kind == "full":
        covariances = stats.second / weight[:, None, None] - means[:, :, None] * means[:, None, :]
        np.einsum("kaa->ka", covariances)[...] += reg_covar
    elif kind == "tied":
        covariances = (stats.second - (weight * means.T) @ means) / weight.sum()
        covariances[np.diag_indices(len(covariances))] += reg_covar
    else:
        covariances = stats.second / weight[:, None] - means**2 + reg_covar
        if kind == "spherical":
            covariances = covariances.mean(axis=1)
    return covariances


def factors_of_covariances(covariances, covariance_type):
    """U with precision U U', upper triangular ("full", "tied"), or roots of precisions.

    Raises
    ------
    ValueError
        If a covariance is not positive definite; the message says of which components.
    """
    if covariance_type in ("full", "tied"):
        stack = covariances.reshape(-1, *covariances.shape[-2:])
        factors = np.empty_like(stack)
        bad = []
        for j, matrix in enumerate(stack):
            lower, failed = lapack.dpotrf(matrix, lower=1, clean=1)
            if failed or not np.isfinite(lower).all():
                bad.append(j)
                continue
            inverse, failed = lapack.dtrtri(lower, lower=1)
            if failed or not np.isfinite(inverse).all():
                bad.append(j)
                continue
            factors[j] = inverse.T
        factors = factors.reshape(covariances.shape)
    else:
        wrong = ~(np.isfinite(covariances) & (covariances > 0))
        bad = np.unique(np.nonzero(wrong)[0]).tolist()
        with np.errstate(invalid="ignore", divide="ignore"):
            factors = 1.0 / np.sqrt(covariances)
    if bad:
        which = (
            "" if covariance_type == "tied" else f" Components concerned: {', '.join(map(str, bad[:10]))}."
        )
        raise ValueError(f"{ILL_DEFINED}{which} A covariance_prior keeps every component from collapsing.")
    return factors


def factors_of_precisions(precisions, covariance_type):
    """The same from precisions, by a Cholesky decomposition from the last row up."""
    if covariance_type in ("full", "tied"):
        flipped = precisions[..., ::-1, ::-1]
        return np.ascontiguousarray(np.linalg.cholesky(flipped)[..., ::-1, ::-1])
    return np.sqrt(precisions)


def precisions_of(factors, covariance_type):
    """Precisions from their factors."""
    if covariance_type in ("full", "tied"):
        return factors @ np.swapaxes(factors, -1, -2)
    return factors**2


def covariances_of_factors(factors, covariance_type):
    """Covariances from the factors of their inverses."""
    if covariance_type in ("full", "tied"):
        inverse = np.linalg.inv(factors)
        return np.swapaxes(inverse, -1, -2) @ inverse
    return 1.0 / factors**2


def log_determinants(factors, covariance_type, d):
    """Log determinants of the factors: (k,), or a number ("tied")."""
    if covariance_type in ("full", "tied"):
        return np.log(np.diagonal(factors, axis1=-2, axis2=-1)).sum(axis=-1)
    return np.log(factors).sum(axis=1) if covariance_type == "diag" else d * np.log(factors)


def as_matrices(covariances, covariance_type, k, d):
    """Covariances of any type as (k, d, d)."""
    if covariance_type == "full":
        return covariances
    if covariance_type == "tied":
        return np.broadcast_to(covariances, (k, d, d))
    variances = covariances if covariance_type == "diag" else np.repeat(covariances[:, None], d, axis=1)
    return variances[:, :, None] * np.eye(d)


def check_precisions(precisions, covariance_type, name="precision"):
    """Refuse matrices that are not symmetric and positive definite, and numbers that are not positive.

    Raises
    ------
    ValueError
    """
    if covariance_type in ("diag", "spherical"):
        if np.any(precisions <= 0.0):
            raise ValueError(f"'{covariance_type} {name}' should be positive")
        return
    for matrix in precisions.reshape(-1, *precisions.shape[-2:]):
        if not (np.allclose(matrix, matrix.T) and np.all(np.linalg.eigvalsh(matrix) > 0.0)):
            raise ValueError(f"'{covariance_type} {name}' should be symmetric, positive-definite")
