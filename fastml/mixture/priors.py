"""Conjugate priors of a Gaussian mixture, and the update of EM under them (none is a prior too)."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_array

from fastml.mixture.covariances import (
    check_precisions,
    covariances_of,
    log_determinants,
    precisions_of,
)

__all__ = ["Prior"]


class Prior:
    """Dirichlet of the weights, normal of the means, inverse Wishart (gamma) of the covariances.

    The density, up to a constant, is the product of ``weights ** (concentration - 1)``, of normal densities
    of the means with the components' covariances divided by `precision`, and of ``|C| **
    (-(freedom + d + 1) / 2) exp(-tr(scale / C) / 2)``, or of ``v ** (-(freedom + 2) / 2) exp(-scale / (2
    v))`` for variances.

    Parameters
    ----------
    covariance_type : str
    concentration : float
        At least 1, which is none.
    precision : float
        0: no prior of means.
    mean : float64 array of shape (d,)
    freedom : float
    scale : float64 array, or None
        None: no prior of covariances.
    """

    def __init__(self, covariance_type, concentration, precision, mean, freedom, scale):
        self.covariance_type = covariance_type
        self.concentration, self.precision, self.mean = concentration, precision, mean
        self.freedom, self.scale = freedom, scale

    @classmethod
    def of(cls, model, rows):
        """The prior that a model's parameters describe, for these rows.

        Raises
        ------
        ValueError
            For a wrong shape, matrices that are not positive definite, too few degrees of freedom.
        """
        kind, k, d = model.covariance_type, model.n_components, rows.X.shape[1]
        concentration = 1.0 if model.weight_concentration_prior is None else model.weight_concentration_prior
        scale = freedom = None
        if model.covariance_prior is not None:
            size = d if kind in ("full", "tied") else 1
            freedom = size + 2.0
            if model.degrees_of_freedom_prior is not None:
                freedom = float(model.degrees_of_freedom_prior)
                if freedom <= size - 1:
                    raise ValueError(
                        f"The parameter 'degrees_of_freedom_prior' should be greater than {size - 1}, but "
                        f"got {freedom:.3f}."
                    )
            scale = _scale(model, rows, k, d)
        some = model.mean_precision_prior is not None or model.mean_prior is not None or scale is not None
        precision = 0.0
        mean = np.zeros(d)
        if some:
            precision = 0.01 if model.mean_precision_prior is None else float(model.mean_precision_prior)
            mean = rows.mean()
            if model.mean_prior is not None:
                mean = _checked(model.mean_prior, (d,), "means")
        return cls(kind, float(concentration), precision, mean, freedom, scale)

    def update(self, stats, shift, reg_covar, dtype):
        """Weights, means and covariances of the largest posterior density given the statistics.

        Parameters
        ----------
        stats : Statistics
        shift : array of shape (d,)
        reg_covar : float
            Added to variances if there is no prior of covariances.
        dtype : dtype
            Of the rows: a component without rows keeps 10 eps of one, so that nothing is divided by zero.

        Returns
        -------
        dict with "weights", "means", "covariances", float64
        """
        shift = shift.astype(np.float64)
        weight = stats.weight + 10 * np.finfo(dtype).eps * stats.total_weight / stats.n_rows
        own = stats.first / weight[:, None]
        counts = weight + self.concentration - 1
        if not self.precision and self.scale is None:
            covariances, means = covariances_of(stats, weight, own, reg_covar), own
        else:
            prior = self.mean - shift
            means = (self.precision * prior + stats.first) / (self.precision + weight)[:, None]
            covariances = self._covariances(stats, weight, own, own - prior, reg_covar)
        return {"weights": counts / counts.sum(), "means": means + shift, "covariances": covariances}

    def _covariances(self, stats, weight, own, away, reg_covar):
        kind, (k, d) = self.covariance_type, own.shape
        scatter = covariances_of(stats, weight, own, 0.0)
        pull = self.precision * weight / (self.precision + weight)
        means = float(self.precision > 0)
        freedom = 0.0 if self.scale is None else self.freedom + 1 + (d if kind in ("full", "tied") else 1)
        scale = 0.0 if self.scale is None else self.scale
        if kind == "full":
            sums = weight[:, None, None] * scatter + pull[:, None, None] * away[:, :, None] * away[:, None, :]
            covariances = (scale + sums) / (weight + means + freedom)[:, None, None]
        elif kind == "tied":
            sums = weight.sum() * scatter + (pull * away.T) @ away
            covariances = (scale + sums) / (weight.sum() + k * means + freedom)
        elif kind == "diag":
            sums = weight[:, None] * scatter + pull[:, None] * away**2
            covariances = (scale + sums) / (weight + means + freedom)[:, None]
        else:
            sums = d * weight * scatter + pull * (away**2).sum(axis=1)
            covariances = (scale + sums) / (d * weight + d * means + freedom)
        if self.scale is None:
            if kind == "full":
                np.einsum("kaa->ka", covariances)[...] += reg_covar
            elif kind == "tied":
                covariances[np.diag_indices(d)] += reg_covar
            else:
                covariances += reg_covar
        return covariances

    def log_density(self, parameters):
        """Log density of parameters, up to a constant."""
        kind, (k, d) = self.covariance_type, parameters["means"].shape
        log_density = 0.0
        if self.concentration != 1:
            log_density += (self.concentration - 1) * np.log(parameters["weights"]).sum()
        if not self.precision and self.scale is None:
            return log_density
        factors = parameters["factors"]
        log_det = np.broadcast_to(log_determinants(factors, kind, d), (k,))
        if self.precision:
            away = parameters["means"] - self.mean
            if kind in ("full", "tied"):
                white = np.einsum("ka,kab->kb", away, np.broadcast_to(factors, (k, d, d)))
            else:
                white = away * (factors if kind == "diag" else factors[:, None])
            log_density += log_det.sum() - 0.5 * self.precision * (white**2).sum()
        if self.scale is not None:
            precisions = precisions_of(factors, kind)
            each = (self.freedom + (d + 1 if kind in ("full", "tied") else 2)) * log_det
            if kind == "spherical":
                each = each / d
            log_density += each[0] if kind == "tied" else each.sum()
            log_density -= 0.5 * (self.scale * precisions).sum()
        return float(log_density)


def _scale(model, rows, k, d):
    """Scale of the prior of covariances, of its full shape."""
    kind = model.covariance_type
    shape = {"full": (d, d), "tied": (d, d), "diag": (d,), "spherical": ()}[kind]
    if isinstance(model.covariance_prior, str):
        covariance = rows.covariance() / k ** (2 / d)
        covariance[np.diag_indices(d)] += max(model.reg_covar, 1e-10)
        if kind in ("full", "tied"):
            return covariance
        variances = np.diagonal(covariance).copy()
        return variances if kind == "diag" else np.float64(variances.mean())
    scale = _checked(model.covariance_prior, shape, f"{kind} covariance_prior")
    check_precisions(scale, kind, "covariance_prior")
    return scale


def _checked(array, shape, name):
    array = check_array(np.atleast_1d(array), dtype=np.float64, ensure_2d=False, input_name=name)
    if shape == ():
        array = array.reshape(()) if array.size == 1 else array
    if array.shape != shape:
        raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")
    return array
