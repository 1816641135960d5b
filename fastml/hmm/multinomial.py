"""Hidden Markov models with multinomial counts."""

from __future__ import annotations

from numbers import Integral
from typing import ClassVar

import numpy as np
from scipy.special import gammaln
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_random_state

from fastml.hmm.counts import CountHMM, finite_logs, log_factorials
from fastml.hmm.emission_table import EmissionTable
from fastml.hmm.parameters import normalized
from fastml.hmm.sequences import as_numbers, read_counts

__all__ = ["MultinomialHMM"]


class MultinomialHMM(EmissionTable, CountHMM):
    """Hidden Markov model with multinomial counts.

    Parameters
    ----------
    n_components : int, default=1
        Number of states.
    n_trials : int or array-like of int, optional
        Sum of each row's counts. Learned from the first X if it is None; a sample needs a single number.
    startprob_prior, transmat_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of `startprob_` and of the lines of `transmat_`.
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
    Counts must be integers, or floats where rows are missing (NaN).

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.hmm import MultinomialHMM
    >>> rng = np.random.default_rng(0)
    >>> X = np.concatenate([rng.multinomial(5, p, size=40) for p in ([0.8, 0.1, 0.1], [0.1, 0.1, 0.8])])
    >>> model = MultinomialHMM(n_components=2, n_iter=30, random_state=0).fit(X)
    >>> model.emissionprob_.max(axis=1).round(1).tolist()
    [0.8, 0.8]
    """

    _parameter_constraints: ClassVar[dict] = {
        **CountHMM._parameter_constraints,
        "n_trials": [Interval(Integral, 1, None, closed="left"), "array-like", None],
    }

    def __init__(
        self,
        n_components=1,
        n_trials=None,
        startprob_prior=1.0,
        transmat_prior=1.0,
        algorithm="viterbi",
        random_state=None,
        n_iter=10,
        tol=1e-2,
        verbose=False,
        params="ste",
        init_params="ste",
        implementation="log",
        *,
        learning_decay=0.7,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.n_trials = n_trials
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
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
        """Refuse what is no table of counts of the model's features and trials; learn what is not set.

        Raises
        ------
        ValueError
        """
        n_features = vars(self).get("n_features", X.shape[1])
        if X.shape[1] != n_features:
            raise ValueError(f"Unexpected number of dimensions, got {X.shape[1]} but expected {n_features}")
        if X.dtype.kind not in "iu" and not (X.dtype.kind == "f" and np.isnan(X).any()):
            raise ValueError("Symbol counts should be nonnegative integers")
        sums = X.sum(axis=1)
        known = ~np.isnan(sums)
        if X.dtype.kind in "iu" and X.size and X.min() < 0:
            raise ValueError("Symbol counts should be nonnegative integers")
        if self.n_trials is None:
            self.n_trials = sums[known].astype(np.int64) if known.all() else int(sums[known][0])
        trials = np.asarray(self.n_trials)
        if trials.ndim and len(trials) != len(sums):
            raise ValueError(f"n_trials has {len(trials)} numbers, X has {len(sums)} rows")
        if not (np.broadcast_to(trials, sums.shape)[known] == sums[known]).all():
            raise ValueError("Total count for each sample should add up to the number of trials")
        self.n_features = X.shape[1]

    def _read(self, X, reset):
        X = as_numbers(self._table(X, reset, None, ensure_all_finite="allow-nan"))
        if reset and hasattr(self, "n_features") and "e" in self.init_params:
            del self.n_features
        if X.dtype.kind not in "iuf" or (X.dtype.kind == "f" and not np.isnan(X).any()):
            raise ValueError("Symbol counts should be nonnegative integers")
        read = read_counts(X, "Symbol counts")
        if reset:
            self._check_and_set_n_features(X)
        elif X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} features, the model {self.n_features}")
        return read

    def _init(self, X, lengths=None):
        self.n_features = X.shape[1]
        super()._init(X, lengths)

    def _weights_of_counts(self):
        return np.zeros(self.n_components), finite_logs(self._emissions())

    def _constants_of_rows(self, X):
        return np.nan_to_num(gammaln(np.asarray(X, dtype=np.float64).sum(axis=1) + 1)) - log_factorials(X)

    def _update_densities(self, stats, notes):
        if "e" in self.params:
            some = (stats["obs"].sum(axis=1) > 0) & ~notes["unused"]
            self.emissionprob_ = np.where(some[:, None], normalized(stats["obs"]), self.emissionprob_)

    def _draw(self, states, rng):
        trials = np.unique([] if self.n_trials is None else self.n_trials)
        if len(trials) != 1:
            raise ValueError("For sampling, a single n_trials must be given")
        rng = check_random_state(rng)
        lines = self._emissions()
        return np.array([rng.multinomial(int(trials[0]), lines[k]) for k in states])
