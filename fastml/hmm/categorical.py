"""Hidden Markov models with symbols."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from fastml._engine.dense.hidden_markov import Model
from fastml.hmm.emission_table import EmissionTable
from fastml.hmm.parameters import normalized
from fastml.hmm.sequences import as_numbers

__all__ = ["CategoricalHMM"]


class CategoricalHMM(EmissionTable):
    """Hidden Markov model with symbols.

    Parameters
    ----------
    n_components : int, default=1
        Number of states.
    startprob_prior, transmat_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of `startprob_` and of the lines of `transmat_`.
    emissionprob_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of the lines of `emissionprob_`.
    n_features : int, optional
        Number of symbols; learned from the first X if it is None.
    algorithm : {"viterbi", "map"}, default="viterbi"
        What `decode` and `predict` do.
    random_state : int, RandomState or None, default=None
    n_iter : int, default=10
        Most iterations of EM.
    tol : float, default=1e-2
        EM stops when the log-likelihood grows by less.
    verbose : bool, default=False
    params, init_params : str, default="ste"
        What is learned, and what is initialized: s for `startprob_`, t for `transmat_`, e for
        `emissionprob_`.
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
    emissionprob_ : array of shape (n_components, n_features)
        Probability of each symbol in each state.
    n_features : int
    n_features_in_ : int
    monitor_ : ConvergenceMonitor

    Notes
    -----
    X has one column of integers from 0 to n_features - 1; sklearn.preprocessing.OrdinalEncoder makes such
    from labels. Where symbols are missing, hand in floats with NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.hmm import CategoricalHMM
    >>> model = CategoricalHMM(n_components=2)
    >>> model.startprob_ = np.array([0.6, 0.4])
    >>> model.transmat_ = np.array([[0.7, 0.3], [0.4, 0.6]])
    >>> model.emissionprob_ = np.array([[0.1, 0.4, 0.5], [0.6, 0.3, 0.1]])
    >>> log_prob, states = model.decode([[0], [1], [2]])
    >>> float(np.exp(log_prob).round(5)), states.tolist()
    (0.01344, [1, 0, 0])
    """

    _parameter_constraints: ClassVar[dict] = {
        **EmissionTable._parameter_constraints,
        "emissionprob_prior": ["array-like", Interval(Real, None, None, closed="neither")],
        "n_features": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(
        self,
        n_components=1,
        startprob_prior=1.0,
        transmat_prior=1.0,
        *,
        emissionprob_prior=1.0,
        n_features=None,
        algorithm="viterbi",
        random_state=None,
        n_iter=10,
        tol=1e-2,
        verbose=False,
        params="ste",
        init_params="ste",
        implementation="log",
        learning_decay=0.7,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.emissionprob_prior = emissionprob_prior
        self.n_features = n_features
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

    def _check_and_set_n_features(self, X):
        """Refuse what are no symbols of the model; learn the number of symbols if it is not set.

        Raises
        ------
        ValueError
        """
        if X.dtype.kind == "f" and np.isnan(X).any():
            known = X[~np.isnan(X)]
            if len(known) == 0:
                raise ValueError("every symbol of X is missing (NaN)")
            if not np.array_equal(known, np.floor(known)):
                raise ValueError("Symbols should be integers")
        elif X.dtype.kind in "iu":
            known = X
        else:
            raise ValueError("Symbols should be integers")
        if known.min() < 0:
            raise ValueError("Symbols should be nonnegative")
        if self.n_features is None:
            if known.max() >= 2**31 - 1:
                raise ValueError(f"Symbols must be below 2**31 - 1, found {known.max()}")
            self.n_features = int(known.max()) + 1
        elif known.max() > self.n_features - 1:
            raise ValueError(
                f"Largest symbol is {known.max()} but the model only emits symbols up to "
                f"{self.n_features - 1}"
            )

    def _read(self, X, reset):
        X = as_numbers(self._table(X, reset, None, ensure_all_finite="allow-nan"))
        if X.shape[1] != 1:
            raise ValueError(f"symbols come as one column, shape (n_samples, 1); got {X.shape}")
        self._check_and_set_n_features(X)
        if X.dtype.kind == "f":
            X = np.where(np.isnan(X), -1, X)
        return np.ascontiguousarray(X[:, 0], dtype=np.int32)

    def _init(self, X, lengths=None):
        if self.n_features is None:
            self._check_and_set_n_features(np.asarray(X))
        super()._init(X, lengths)

    def _shapes_of_statistics(self):
        return {"obs": (self.n_components, self.n_features)}

    def _engine_model(self, frames, second=False):
        start, moves = self._chain()
        table = self._emissions().T
        return Model(start, moves, "symbols", n_features=1, table=np.ascontiguousarray(table))

    def _log_densities(self, X):
        with np.errstate(divide="ignore"):
            logs = np.log(self._emissions())
        return np.where((X < 0)[:, None], 0.0, logs.T[np.maximum(X, 0)])

    def _statistics(self, model, passed, frames, X):
        return {"obs": np.ascontiguousarray(passed.counts[:, : self.n_components].T)}

    def _add_posteriors(self, stats, X, posteriors, frames):
        known = X >= 0
        np.add.at(stats["obs"].T, X[known], posteriors[known])

    def _update_densities(self, stats, notes):
        if "e" in self.params:
            counts = np.maximum(np.asarray(self.emissionprob_prior) - 1 + stats["obs"], 0)
            some = counts.sum(axis=1) > 0
            self.emissionprob_ = np.where(some[:, None], normalized(counts), self.emissionprob_)

    def _draw(self, states, rng):
        limits = np.cumsum(self._emissions(), axis=1)
        # the last sum may fall short of 1 by a rounding
        limits[:, -1] = 1.0
        return (limits[states] > rng.rand(len(states), 1)).argmax(axis=1)[:, None]
