"""Gaussian mixtures by variational inference: a posterior of the parameters instead of a point."""

from __future__ import annotations

import math
from numbers import Real
from typing import ClassVar

import numpy as np
from scipy.special import betaln, digamma, gammaln
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions

from fastml.mixture.base import BaseMixture, check_shape
from fastml.mixture.covariances import (
    check_precisions,
    covariances_of,
    factors_of_covariances,
    log_determinants,
)

__all__ = ["BayesianGaussianMixture"]


class BayesianGaussianMixture(BaseMixture):
    """A mixture of Gaussian distributions, fitted by variational inference [1]_.

    Components that the data do not need get weights near zero: `n_components` is an upper limit.

    Parameters
    ----------
    n_components : int, default=1
    covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'
    tol : float, default=1e-3
        The fit ends when the lower bound changes by less.
    reg_covar : float, default=1e-6
        Added to the diagonal of empirical covariances.
    max_iter : int, default=100
    n_init : int, default=1
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}, default='kmeans'
    weight_concentration_prior_type : {'dirichlet_process', 'dirichlet_distribution'}, \
default='dirichlet_process'
        Stick-breaking with at most `n_components` sticks [2]_, or a symmetric Dirichlet distribution.
    weight_concentration_prior : float, default=None
        The lower, the fewer components have weight. None is 1 / n_components.
    mean_precision_prior : float, default=None
        Rows' worth of belief in `mean_prior`; None is 1.
    mean_prior : array-like of shape (n_features,), default=None
        None is the mean of the rows.
    degrees_of_freedom_prior : float, default=None
        Of the Wishart prior of precisions, greater than n_features - 1; None is n_features.
    covariance_prior : float or array-like, default=None
        (n_features, n_features) if 'full' or 'tied', (n_features,) if 'diag', a number if 'spherical'.
        None is the covariance of the rows.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
    verbose : int, default=0
    verbose_interval : int, default=10
    learning_decay : float, default=0.7
        Exponent of the step of `partial_fit`, above 0.5, at most 1.
    learning_offset : float, default=2.0
    n_jobs : int, default=None
        Threads; None or -1: all cores. Their number changes no bit of the result.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        Expected weights.
    means_ : ndarray of shape (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        See `GaussianMixture`.
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        On the model evidence, without constants. Of the whole data, not per row, as in scikit-learn.
    lower_bounds_ : list of float
    weight_concentration_prior_ : float
    weight_concentration_ : tuple of two ndarrays of shape (n_components,), or one
        Parameters of the Beta (process) or Dirichlet distributions.
    mean_precision_prior_ : float
    mean_precision_ : ndarray of shape (n_components,)
    mean_prior_ : ndarray of shape (n_features,)
    degrees_of_freedom_prior_ : float
    degrees_of_freedom_ : ndarray of shape (n_components,), or a number ('tied')
    covariance_prior_ : float or ndarray
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)

    See Also
    --------
    GaussianMixture : A point estimate, for a known number of components.

    References
    ----------
    .. [1] C. Bishop. "Pattern Recognition and Machine Learning." Springer, 2006, section 10.2.
    .. [2] D. Blei, M. Jordan. "Variational inference for Dirichlet process mixtures." Bayesian Analysis 1
       (2006) 121-143.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.mixture import BayesianGaussianMixture
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [4, 2], [12, 4], [10, 7]])
    >>> model = BayesianGaussianMixture(n_components=2, random_state=42).fit(X)
    >>> sorted(model.means_.round(2).tolist())
    [[2.49, 2.29], [8.45, 4.52]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMixture._parameter_constraints,
        "weight_concentration_prior_type": [StrOptions({"dirichlet_process", "dirichlet_distribution"})],
        "weight_concentration_prior": [None, Interval(Real, 0.0, None, closed="neither")],
        "mean_precision_prior": [None, Interval(Real, 0.0, None, closed="neither")],
        "mean_prior": [None, "array-like"],
        "degrees_of_freedom_prior": [None, Interval(Real, 0.0, None, closed="neither")],
        "covariance_prior": [None, "array-like", Interval(Real, 0.0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        n_components=1,
        covariance_type="full",
        tol=1e-3,
        reg_covar=1e-6,
        max_iter=100,
        n_init=1,
        init_params="kmeans",
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=None,
        mean_precision_prior=None,
        mean_prior=None,
        degrees_of_freedom_prior=None,
        covariance_prior=None,
        random_state=None,
        warm_start=False,
        verbose=0,
        verbose_interval=10,
        learning_decay=0.7,
        learning_offset=2.0,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weight_concentration_prior_type = weight_concentration_prior_type
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.learning_decay = learning_decay
        self.learning_offset = learning_offset
        self.n_jobs = n_jobs

    def _check_parameters(self, rows):
        d, kind = rows.X.shape[1], self.covariance_type
        self.weight_concentration_prior_ = (
            1.0 / self.n_components
            if self.weight_concentration_prior is None
            else float(self.weight_concentration_prior)
        )
        self.mean_precision_prior_ = (
            1.0 if self.mean_precision_prior is None else float(self.mean_precision_prior)
        )
        if self.mean_prior is None:
            self.mean_prior_ = rows.mean()
        else:
            self.mean_prior_ = check_array(self.mean_prior, dtype=np.float64, ensure_2d=False)
            check_shape(self.mean_prior_, (d,), "means")
        if self.degrees_of_freedom_prior is None:
            self.degrees_of_freedom_prior_ = float(d)
        elif self.degrees_of_freedom_prior > d - 1.0:
            self.degrees_of_freedom_prior_ = float(self.degrees_of_freedom_prior)
        else:
            raise ValueError(
                "The parameter 'degrees_of_freedom_prior' should be greater than "
                f"{d - 1}, but got {self.degrees_of_freedom_prior:.3f}."
            )
        if self.covariance_prior is None:
            # without bias, but for weights that count fewer rows than two: these may sum to 1 or less
            total = rows.total_weight
            covariance = rows.covariance() * (total / max(total - 1, total / 2))
            variances = np.diagonal(covariance)
            self.covariance_prior_ = {
                "full": covariance,
                "tied": covariance,
                "diag": variances.copy(),
                "spherical": float(variances.mean()),
            }[kind]
        elif kind == "spherical":
            if np.ndim(self.covariance_prior):
                raise ValueError("The parameter 'spherical covariance_prior' should be a number")
            self.covariance_prior_ = float(self.covariance_prior)
        else:
            prior = check_array(self.covariance_prior, dtype=np.float64, ensure_2d=False)
            check_shape(prior, (d,) if kind == "diag" else (d, d), f"{kind} covariance_prior")
            check_precisions(prior, kind)
            self.covariance_prior_ = prior

    def _start(self, rows, random_state):
        return self._update(self._first_statistics(rows, random_state), rows.shift, rows.X.dtype)

    def _update(self, stats, shift, dtype):
        weight = stats.weight + 10 * np.finfo(dtype).eps * stats.total_weight / stats.n_rows
        own = stats.first / weight[:, None]
        empirical = covariances_of(stats, weight, own, self.reg_covar)
        own = own + shift.astype(np.float64)
        precision = self.mean_precision_prior_ + weight
        means = (self.mean_precision_prior_ * self.mean_prior_ + weight[:, None] * own) / precision[:, None]
        freedom, covariances = self._wishart(weight, own - self.mean_prior_, empirical, precision)
        if self.weight_concentration_prior_type == "dirichlet_process":
            later = np.concatenate([np.cumsum(weight[::-1])[-2::-1], [0.0]])
            concentration = (1.0 + weight, self.weight_concentration_prior_ + later)
        else:
            concentration = self.weight_concentration_prior_ + weight
        return {
            "concentration": concentration,
            "precision": precision,
            "means": means,
            "freedom": freedom,
            "covariances": covariances,
            "factors": factors_of_covariances(covariances, self.covariance_type),
        }

    def _wishart(self, weight, away, empirical, precision):
        """Degrees of freedom, and covariances: scale over degrees of freedom [1, eq. 10.62-63]."""
        kind, k = self.covariance_type, len(weight)
        pull = self.mean_precision_prior_ / precision
        prior, freedom = self.covariance_prior_, self.degrees_of_freedom_prior_ + weight
        if kind == "full":
            outer = pull[:, None, None] * away[:, :, None] * away[:, None, :]
            return freedom, (prior + weight[:, None, None] * (empirical + outer)) / freedom[:, None, None]
        if kind == "tied":
            freedom = self.degrees_of_freedom_prior_ + weight.sum() / k
            outer = (weight * pull * away.T) @ away / k
            return freedom, (prior + empirical * weight.sum() / k + outer) / freedom
        if kind == "diag":
            return freedom, (prior + weight[:, None] * (empirical + pull[:, None] * away**2)) / freedom[
                :, None
            ]
        return freedom, (prior + weight * (empirical + pull * (away**2).mean(axis=1))) / freedom

    def _expected_log_weights(self, concentration):
        if self.weight_concentration_prior_type == "dirichlet_process":
            taken, later = concentration
            both = digamma(taken + later)
            rest = np.concatenate([[0.0], np.cumsum(digamma(later) - both)[:-1]])
            return digamma(taken) - both + rest
        return digamma(concentration) - digamma(concentration.sum())

    def _log_weights(self, parameters):
        d, freedom = parameters["means"].shape[1], parameters["freedom"]
        log_lambda = d * math.log(2.0)
        log_lambda = log_lambda + digamma(0.5 * (freedom - np.arange(d)[:, None])).sum(axis=0)
        log_weights = self._expected_log_weights(parameters["concentration"])
        log_weights = log_weights - 0.5 * d * np.log(freedom)
        return log_weights + 0.5 * (log_lambda - d / parameters["precision"])

    def _bound(self, stats, before, after):
        kind, (k, d) = self.covariance_type, after["means"].shape
        freedom = after["freedom"]
        log_det = log_determinants(after["factors"], kind, d) - 0.5 * d * np.log(freedom)
        halves = 0.5 * (freedom - np.arange(d)[:, None])
        log_wishart = -(freedom * (log_det + 0.5 * d * math.log(2.0)) + gammaln(halves).sum(axis=0))
        log_wishart = k * np.sum(log_wishart) if kind == "tied" else np.sum(log_wishart)
        concentration = after["concentration"]
        if self.weight_concentration_prior_type == "dirichlet_process":
            log_weight = -np.sum(betaln(*concentration))
        else:
            log_weight = gammaln(concentration.sum()) - gammaln(concentration).sum()
        return float(stats.entropy - log_wishart - log_weight - 0.5 * d * np.sum(np.log(after["precision"])))

    def _current(self):
        concentration = self.weight_concentration_
        if isinstance(concentration, tuple):
            concentration = tuple(part.astype(np.float64) for part in concentration)
        else:
            concentration = concentration.astype(np.float64)
        return {
            "concentration": concentration,
            "precision": self.mean_precision_.astype(np.float64),
            "means": self.means_.astype(np.float64),
            "freedom": np.asarray(self.degrees_of_freedom_, dtype=np.float64),
            "covariances": self.covariances_.astype(np.float64),
            "factors": self.precisions_cholesky_.astype(np.float64),
        }

    def _publish(self, parameters, dtype):
        concentration = parameters["concentration"]
        self.mean_precision_ = parameters["precision"].astype(dtype)
        self.means_ = parameters["means"].astype(dtype)
        freedom = parameters["freedom"]
        self.degrees_of_freedom_ = freedom.astype(dtype) if np.ndim(freedom) else dtype.type(freedom)
        if isinstance(concentration, tuple):
            taken, later = concentration
            self.weight_concentration_ = (taken.astype(dtype), later.astype(dtype))
            left = later / (taken + later)
            weights = taken / (taken + later) * np.concatenate([[1.0], np.cumprod(left[:-1])])
        else:
            self.weight_concentration_ = concentration.astype(dtype)
            weights = concentration
        self.weights_ = (weights / weights.sum()).astype(dtype)
        self._publish_precisions(parameters["factors"], parameters["covariances"], dtype)
