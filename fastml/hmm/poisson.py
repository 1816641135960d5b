"""Hidden Markov models with Poisson counts."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from fastml.hmm.base import BaseHMM
from fastml.hmm.counts import CountHMM, finite_logs, log_factorials
from fastml.hmm.parameters import float_array
from fastml.hmm.sequences import read_counts

__all__ = ["PoissonHMM"]


class PoissonHMM(CountHMM):
    """Hidden Markov model with Poisson counts.

    Parameters
    ----------
    n_components : int, default=1
        Number of states.
    startprob_prior, transmat_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of `startprob_` and of the lines of `transmat_`.
    lambdas_prior, lambdas_weight : float or array-like, default=0.0
        Shape and rate of the gamma prior of `lambdas_`, as hmmlearn counts them.
    algorithm : {"viterbi", "map"}, default="viterbi"
        What `decode` and `predict` do.
    random_state : int, RandomState or None, default=None
    n_iter : int, default=10
        Most iterations of EM.
    tol : float, default=1e-2
        EM stops when the log-likelihood grows by less.
    verbose : bool, default=False
    params, init_params : str, default="stl"
        What is learned, and what is initialized: s for `startprob_`, t for `transmat_`, l for `lambdas_`.
    implementation : {"log", "scaling"}, default="log"
        Taken for hmmlearn's sake. There is one implementation: scaled, exact over any range.
    learning_decay : float in [0.5, 1], default=0.7
        How fast `partial_fit` forgets.
    n_jobs : int or None, default=None
        Threads; None for all cores. Results do not depend on it.

    Attributes
    ----------
    startprob_ : array of shape (n_components,)
    transmat_ : array of shape (n_components, n_components)
    lambdas_ : array of shape (n_components, n_features)
        Mean counts.
    n_features : int
    n_features_in_ : int
    monitor_ : ConvergenceMonitor

    Notes
    -----
    Rows with NaN are missing. Counts must be whole and not negative.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.hmm import PoissonHMM
    >>> X = np.random.default_rng(0).poisson(np.repeat([2, 20, 2], 50))[:, None]
    >>> model = PoissonHMM(n_components=2, n_iter=50, random_state=1).fit(X)
    >>> np.sort(model.lambdas_[:, 0]).round().tolist()
    [2.0, 20.0]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseHMM._parameter_constraints,
        "lambdas_prior": ["array-like", Interval(Real, 0, None, closed="left")],
        "lambdas_weight": ["array-like", Interval(Real, 0, None, closed="left")],
    }
    _letters: ClassVar[dict] = {**BaseHMM._letters, "l": "lambdas_"}

    def __init__(
        self,
        n_components=1,
        startprob_prior=1.0,
        transmat_prior=1.0,
        lambdas_prior=0.0,
        lambdas_weight=0.0,
        algorithm="viterbi",
        random_state=None,
        n_iter=10,
        tol=1e-2,
        verbose=False,
        params="stl",
        init_params="stl",
        implementation="log",
        *,
        learning_decay=0.7,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.lambdas_prior = lambdas_prior
        self.lambdas_weight = lambdas_weight
        self.algorithm = algorithm
        self.random_state = random_state
        self.n_iter = n_iter
        self.tol = tol
        self.verbose = verbose
        self.params = params
        self.init_params = init_params
        self.implementation = implementation
        self.learning_decay = learning_decay
        self.n_jobs = n_jobs

    def _read(self, X, reset):
        X = read_counts(
            self._table(X, reset, [np.float64, np.float32], ensure_all_finite="allow-nan"), "Poisson counts"
        )
        if not reset and X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} features, the model {self.n_features}")
        if reset:
            self.n_features = X.shape[1]
        return X

    def _init(self, X, lengths=None):
        self.n_features = X.shape[1]
        super()._init(X, lengths)

    def _init_densities(self, X, random_state):
        if self._needs_init("l", "lambdas_"):
            # a gamma distribution with the mean and the variance of all counts
            mean, variance = float(np.nanmean(X)), float(np.nanvar(X))
            size = (self.n_components, self.n_features)
            if mean == 0:
                self.lambdas_ = np.full(size, 1e-3)
            elif variance == 0:
                self.lambdas_ = np.full(size, mean)
            else:
                self.lambdas_ = random_state.gamma(shape=mean**2 / variance, scale=variance / mean, size=size)

    def _check_densities(self):
        self.lambdas_ = np.atleast_2d(float_array(self.lambdas_, "lambdas_"))
        shape = (self.n_components, vars(self).get("n_features", self.lambdas_.shape[1]))
        if self.lambdas_.shape != shape or shape[1] < 1:
            raise ValueError(
                f"lambdas_ must have shape (n_components, n_features)={shape}, got {self.lambdas_.shape}"
            )
        if (self.lambdas_ < 0).any():
            raise ValueError("lambdas_ must not be negative")
        self.n_features = shape[1]

    def _get_n_fit_scalars_per_param(self):
        return {**super()._get_n_fit_scalars_per_param(), "l": self.n_components * self.n_features}

    def _weights_of_counts(self):
        rates = self.lambdas_.astype(np.float64)
        return -rates.sum(axis=1), finite_logs(rates)

    def _constants_of_rows(self, X):
        return -log_factorials(X)

    def _update_densities(self, stats, notes):
        """Hyvönen and Tolonen, Bayesian Inference (2019), section 3.2."""
        if "l" not in self.params:
            return
        known = stats["known"]
        means = stats["obs"] / np.where(known > 0, known, 1)[:, None]
        total = known.sum()
        fresh = (np.asarray(self.lambdas_prior) + total * means) / (np.asarray(self.lambdas_weight) + total)
        keep = notes["unused"] | (known <= 1e-10)
        self.lambdas_ = np.where(keep[:, None], self.lambdas_, fresh)

    def _draw(self, states, rng):
        return rng.poisson(self.lambdas_[states])
