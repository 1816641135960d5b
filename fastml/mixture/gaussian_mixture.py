"""Gaussian mixtures of maximum likelihood, or of the largest posterior density."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions

from fastml._input.targets import check_weight
from fastml.mixture.base import BaseMixture, check_shape
from fastml.mixture.covariances import (
    check_precisions,
    covariances_of_factors,
    factors_of_covariances,
    factors_of_precisions,
    shape_of,
)
from fastml.mixture.priors import Prior

__all__ = ["GaussianMixture"]


class GaussianMixture(BaseMixture):
    """A mixture of Gaussian distributions, fitted by expectation maximization [1]_.

    Parameters
    ----------
    n_components : int, default=1
    covariance_type : {'full', 'tied', 'diag', 'spherical'}, default='full'
        Each component has its own matrix; all share one; each has a variance for each feature; each has one
        variance.
    tol : float, default=1e-3
        EM ends when the lower bound (per row) changes by less.
    reg_covar : float, default=1e-6
        Added to the diagonal of covariances, unless there is a `covariance_prior`.
    max_iter : int, default=100
    n_init : int, default=1
        Starts, of which the best is kept.
    init_params : {'kmeans', 'k-means++', 'random', 'random_from_data'}, default='kmeans'
        First assignment of rows to components.
    weights_init : array-like of shape (n_components,), default=None
    means_init : array-like of shape (n_components, n_features), default=None
    precisions_init : array-like, default=None
        Of the shape of `precisions_`. What is given replaces what the first assignment leads to.
    random_state : int, RandomState instance or None, default=None
    warm_start : bool, default=False
        Whether another `fit` goes on where the last one ended.
    verbose : int, default=0
    verbose_interval : int, default=10
        Iterations from line to line.
    weight_concentration_prior : float, default=None
        Of a Dirichlet prior of the weights, at least 1; None is 1, which is none.
    mean_precision_prior : float, default=None
        Rows' worth of belief in `mean_prior`. None: 0.01 if there is another prior of means or covariances,
        otherwise there is no prior of the means.
    mean_prior : array-like of shape (n_features,), default=None
        None is the mean of the rows.
    degrees_of_freedom_prior : float, default=None
        Of the inverse Wishart prior of covariances; None is n_features + 2 ('full', 'tied') or 3.
    covariance_prior : 'empirical', float or array-like, default=None
        Scale of that prior: (n_features, n_features) if 'full' or 'tied', (n_features,) if 'diag', a number
        if 'spherical'. 'empirical' is the covariance of all rows over ``n_components ** (2 / n_features)``
        [2]_. With it no component can collapse.
    learning_decay : float, default=0.7
        Exponent of the step of `partial_fit`, above 0.5, at most 1.
    learning_offset : float, default=2.0
        Batches that the first steps of `partial_fit` are smaller by.
    n_jobs : int, default=None
        Threads; None or -1: all cores. Their number changes no bit of the result.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
    means_ : ndarray of shape (n_components, n_features)
    covariances_, precisions_, precisions_cholesky_ : ndarray
        (n_components, n_features, n_features) if 'full', (n_features, n_features) if 'tied', (n_components,
        n_features) if 'diag', (n_components,) if 'spherical'. The precision is U U' of the upper triangular
        ``precisions_cholesky_``, or its square.
    converged_ : bool
    n_iter_ : int
    lower_bound_ : float
        Mean log-likelihood of the rows in the last iteration; with priors their log density is added.
    lower_bounds_ : list of float
        Of every iteration.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    BayesianGaussianMixture : Variational inference, which finds the number of components too.
    select_mixture : Number of components and type of covariance by BIC.

    Notes
    -----
    Memory of a fit beside the rows: at most 32 MiB and about six times the model, however many rows.

    References
    ----------
    .. [1] C. Bishop. "Pattern Recognition and Machine Learning." Springer, 2006, section 9.2.
    .. [2] C. Fraley, A. Raftery. "Bayesian regularization for normal mixture estimation and model-based
       clustering." Journal of Classification 24 (2007) 155-181.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.mixture import GaussianMixture
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> model = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> sorted(model.means_.round(6).tolist())
    [[1.0, 2.0], [10.0, 2.0]]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseMixture._parameter_constraints,
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "weight_concentration_prior": [None, Interval(Real, 1.0, None, closed="left")],
        "mean_precision_prior": [None, Interval(Real, 0.0, None, closed="neither")],
        "mean_prior": [None, "array-like"],
        "degrees_of_freedom_prior": [None, Interval(Real, 0.0, None, closed="neither")],
        "covariance_prior": [
            None,
            "array-like",
            Interval(Real, 0.0, None, closed="neither"),
            StrOptions({"empirical"}),
        ],
    }

    def __init__(
        self,
        n_components=1,
        *,
        covariance_type="full",
        tol=1e-3,
        reg_covar=1e-6,
        max_iter=100,
        n_init=1,
        init_params="kmeans",
        weights_init=None,
        means_init=None,
        precisions_init=None,
        random_state=None,
        warm_start=False,
        verbose=0,
        verbose_interval=10,
        weight_concentration_prior=None,
        mean_precision_prior=None,
        mean_prior=None,
        degrees_of_freedom_prior=None,
        covariance_prior=None,
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
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval
        self.weight_concentration_prior = weight_concentration_prior
        self.mean_precision_prior = mean_precision_prior
        self.mean_prior = mean_prior
        self.degrees_of_freedom_prior = degrees_of_freedom_prior
        self.covariance_prior = covariance_prior
        self.learning_decay = learning_decay
        self.learning_offset = learning_offset
        self.n_jobs = n_jobs

    def _check_parameters(self, rows):
        k, d = self.n_components, rows.X.shape[1]
        self._given = {
            "weights": None if self.weights_init is None else _checked_weights(self.weights_init, k),
            "means": _checked(self.means_init, (k, d), "means"),
            "precisions": _checked(
                self.precisions_init,
                shape_of(self.covariance_type, k, d),
                f"{self.covariance_type} precision",
            ),
        }
        if self._given["precisions"] is not None:
            check_precisions(self._given["precisions"], self.covariance_type)
        self._prior = Prior.of(self, rows)

    def _start(self, rows, random_state):
        given = self._given
        parameters = {}
        if any(array is None for array in given.values()):
            stats = self._first_statistics(rows, random_state)
            parameters = self._prior.update(stats, rows.shift, self.reg_covar, rows.X.dtype)
            parameters["weights"] = parameters["weights"] * (stats.weight.sum() / rows.total_weight)
        if given["weights"] is not None:
            parameters["weights"] = given["weights"]
        if given["means"] is not None:
            parameters["means"] = given["means"]
        if given["precisions"] is not None:
            parameters["factors"] = factors_of_precisions(given["precisions"], self.covariance_type)
            parameters["covariances"] = covariances_of_factors(parameters["factors"], self.covariance_type)
        else:
            parameters["factors"] = factors_of_covariances(parameters["covariances"], self.covariance_type)
        return parameters

    def _update(self, stats, shift, dtype):
        parameters = self._prior.update(stats, shift, self.reg_covar, dtype)
        parameters["factors"] = factors_of_covariances(parameters["covariances"], self.covariance_type)
        return parameters

    def _bound(self, stats, before, after):
        return (stats.log_likelihood + self._prior.log_density(before)) / stats.total_weight

    def _log_weights(self, parameters):
        with np.errstate(divide="ignore"):
            return np.log(parameters["weights"])

    def _current(self):
        return {
            "weights": self.weights_.astype(np.float64),
            "means": self.means_.astype(np.float64),
            "covariances": self.covariances_.astype(np.float64),
            "factors": self.precisions_cholesky_.astype(np.float64),
        }

    def _publish(self, parameters, dtype):
        self.weights_ = np.array(parameters["weights"], dtype=dtype)
        self.means_ = np.array(parameters["means"], dtype=dtype)
        self._publish_precisions(parameters["factors"], parameters["covariances"], dtype)

    def _n_parameters(self):
        """Number of free parameters of the mixture."""
        k, d = self.means_.shape
        covariance = {"full": k * d * (d + 1) // 2, "tied": d * (d + 1) // 2, "diag": k * d, "spherical": k}
        return covariance[self.covariance_type] + k * d + k - 1

    def _total(self, X, sample_weight):
        """Log-likelihood of all rows, in float64, and their number or weight."""
        log_prob = self.score_samples(X).astype(np.float64, copy=False)
        if sample_weight is None:
            return log_prob.sum(), len(log_prob)
        weight = check_weight(sample_weight, log_prob)
        return log_prob @ weight, weight.sum()

    def bic(self, X, sample_weight=None):
        """Bayesian information criterion of the mixture for the rows: the lower, the better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        sample_weight : array-like of shape (n_samples,), optional
            The number of rows is the sum of weights.

        Returns
        -------
        float
        """
        log_likelihood, n = self._total(X, sample_weight)
        return float(self._n_parameters() * np.log(n) - 2 * log_likelihood)

    def aic(self, X, sample_weight=None):
        """Akaike information criterion of the mixture for the rows: the lower, the better.

        Parameters
        ----------
        X, sample_weight
            As in `bic`.

        Returns
        -------
        float
        """
        log_likelihood, _ = self._total(X, sample_weight)
        return float(2 * self._n_parameters() - 2 * log_likelihood)


def _checked(array, shape, name):
    """An array of the user as float64, of this shape; None stays."""
    if array is None:
        return None
    array = check_array(
        array, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=True, input_name=name
    )
    check_shape(array, shape, name)
    return array.astype(np.float64)


def _checked_weights(weights, k):
    weights = check_array(weights, dtype=[np.float64, np.float32], ensure_2d=False, input_name="weights")
    check_shape(weights, (k,), "weights")
    if (weights < 0.0).any() or (weights > 1.0).any():
        raise ValueError(
            f"The parameter 'weights' should be in the range [0, 1], but got max value {weights.max():.5f}, "
            f"min value {weights.min():.5f}"
        )
    if abs(1.0 - weights.sum()) > (1e-6 if weights.dtype == np.float32 else 1e-8):
        raise ValueError(
            f"The parameter 'weights' should be normalized, but got sum(weights) = {weights.sum():.5f}"
        )
    return weights.astype(np.float64)
