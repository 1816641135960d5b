"""Hidden Markov models with mixtures of Gaussians."""

from __future__ import annotations

import logging
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from fastml._engine.dense.hidden_markov import Model
from fastml.cluster import KMeans
from fastml.hmm.base import BaseHMM, unfold
from fastml.hmm.covariances import LOG_2PI, check_covariances, check_positive, factors, packed, repaired
from fastml.hmm.gaussian import centre_of, check_frames, filled, gaussian_logs, pooled
from fastml.hmm.parameters import check_distributions, float_array, normalized

__all__ = ["GMMHMM"]

_log = logging.getLogger(__name__)


class GMMHMM(BaseHMM):
    """Hidden Markov model whose states have mixtures of Gaussians.

    Parameters
    ----------
    n_components : int, default=1
        Number of states.
    n_mix : int, default=1
        Gaussians of a state.
    min_covar : float, default=1e-3
        Added to the variances at the start, and to those that collapse.
    startprob_prior, transmat_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of `startprob_` and of the lines of `transmat_`.
    weights_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of the lines of `weights_`.
    means_prior, means_weight : float or array-like, default=0.0
        Mean and precision of the normal prior of `means_`.
    covars_prior, covars_weight : float or array-like, optional
        Parameters of the prior of the covariances: inverse gamma for "spherical" and "diag", inverse Wishart
        for "full" and "tied". None stands for a prior that says nothing.
    algorithm : {"viterbi", "map"}, default="viterbi"
        What `decode` and `predict` do.
    covariance_type : {"spherical", "diag", "full", "tied"}, default="diag"
        "tied": one matrix for all Gaussians of a state.
    random_state : int, RandomState or None, default=None
    n_iter : int, default=10
        Most iterations of EM.
    tol : float, default=1e-2
        EM stops when the log-likelihood grows by less.
    verbose : bool, default=False
    params, init_params : str, default="stmcw"
        What is learned, and what is initialized: s for `startprob_`, t for `transmat_`, m for `means_`, c for
        `covars_`, w for `weights_`.
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
    weights_ : array of shape (n_components, n_mix)
    means_ : array of shape (n_components, n_mix, n_features)
    covars_ : array
        (n_components, n_mix), (n_components, n_mix, n_features), (n_components, n_mix, n_features,
        n_features) or, tied, (n_components, n_features, n_features).
    n_features : int
    n_features_in_ : int
    monitor_ : ConvergenceMonitor

    Notes
    -----
    Missing values as in :class:`GaussianHMM`. Covariances are those about the new means, as EM asks for;
    hmmlearn takes the means before the step, and its likelihood may fall.

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.hmm import GMMHMM
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(400, 1)) + rng.choice([-9, 9], size=(400, 1))
    >>> model = GMMHMM(n_components=1, n_mix=2, random_state=0).fit(X)
    >>> np.sort(model.means_[0, :, 0]).round().tolist()
    [-9.0, 9.0]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseHMM._parameter_constraints,
        "n_mix": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"spherical", "diag", "full", "tied"})],
        "min_covar": [Interval(Real, 0, None, closed="left")],
        "weights_prior": ["array-like", Real],
        "means_prior": ["array-like", Real],
        "means_weight": ["array-like", Interval(Real, 0, None, closed="left")],
        "covars_prior": ["array-like", Real, None],
        "covars_weight": ["array-like", Real, None],
    }
    _letters: ClassVar[dict] = {**BaseHMM._letters, "m": "means_", "c": "covars_", "w": "weights_"}

    def __init__(
        self,
        n_components=1,
        n_mix=1,
        min_covar=1e-3,
        startprob_prior=1.0,
        transmat_prior=1.0,
        weights_prior=1.0,
        means_prior=0.0,
        means_weight=0.0,
        covars_prior=None,
        covars_weight=None,
        algorithm="viterbi",
        covariance_type="diag",
        random_state=None,
        n_iter=10,
        tol=1e-2,
        verbose=False,
        params="stmcw",
        init_params="stmcw",
        implementation="log",
        *,
        learning_decay=0.7,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.n_mix = n_mix
        self.min_covar = min_covar
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.weights_prior = weights_prior
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
        self.algorithm = algorithm
        self.covariance_type = covariance_type
        self.random_state = random_state
        self.n_iter = n_iter
        self.tol = tol
        self.verbose = verbose
        self.params = params
        self.init_params = init_params
        self.implementation = implementation
        self.learning_decay = learning_decay
        self.n_jobs = n_jobs

    # -- parameters

    def _is_matrix(self):
        return self.covariance_type in ("full", "tied")

    def _covars_shape(self):
        n, m, d = self.n_components, self.n_mix, self.n_features
        shapes = {"spherical": (n, m), "diag": (n, m, d), "full": (n, m, d, d), "tied": (n, d, d)}
        if self.covariance_type not in shapes:
            raise ValueError(f"covariance_type must be one of {sorted(shapes)}, got {self.covariance_type!r}")
        return shapes[self.covariance_type]

    def _check_densities(self):
        self.means_ = float_array(self.means_, "means_")
        if self.means_.ndim != 3:
            raise ValueError(
                f"means_ must have shape (n_components, n_mix, n_features), got {self.means_.shape}"
            )
        n, m, d = self.n_components, self.n_mix, vars(self).get("n_features", self.means_.shape[2])
        self.n_features = d
        if self.means_.shape != (n, m, d):
            raise ValueError(f"means_ must have shape {(n, m, d)}, got {self.means_.shape}")
        self.weights_ = float_array(self.weights_, "weights_")
        if self.weights_.shape != (n, m):
            raise ValueError(f"weights_ must have shape {(n, m)}, got {self.weights_.shape}")
        check_distributions(self.weights_, "weights_")
        self.covars_ = check_covariances(self.covars_, self._covars_shape())
        check_positive(self.covars_, self._is_matrix())

    def _get_n_fit_scalars_per_param(self):
        n, m, d = self.n_components, self.n_mix, self.n_features
        half = d * (d + 1) // 2
        sizes = {"spherical": n * m, "diag": n * m * d, "full": n * m * half, "tied": n * half}
        return {
            **super()._get_n_fit_scalars_per_param(),
            "m": n * m * d,
            "c": sizes[self.covariance_type],
            "w": n * (m - 1),
        }

    def _read(self, X, reset):
        X = self._table(X, reset, [np.float64, np.float32], ensure_all_finite="allow-nan")
        check_frames(X, self.covariance_type)
        if reset:
            self.n_features = X.shape[1]
        elif X.shape[1] != self.n_features:
            raise ValueError(f"X has {X.shape[1]} features, the model {self.n_features}")
        return X

    def _init(self, X, lengths=None):
        self.n_features = X.shape[1]
        super()._init(X, lengths)

    def _init_densities(self, X, random_state):
        X = filled(X)
        n, m = self.n_components, self.n_mix
        if self._needs_init("w", "weights_"):
            self.weights_ = np.full((n, m), 1.0 / m)
        if self._needs_init("m", "means_"):
            if len(X) < n:
                raise ValueError(f"n_components={n}, but X has only {len(X)} frames to choose means from")
            labels = KMeans(n, random_state=self.random_state, n_init=10).fit_predict(X)
            # a state without frames, as where there are fewer different frames than states, begins with all
            parts = [X[labels == k] if (labels == k).any() else X for k in range(n)]
            self.means_ = np.stack([self._means_of_state(part, random_state) for part in parts])
        if self._needs_init("c", "covars_"):
            matrix = pooled(X, self.min_covar)
            self.covars_ = np.empty(self._covars_shape())
            if self.covariance_type == "spherical":
                mean = matrix.mean()
                self.covars_[:] = mean if mean > 0 else np.diag(matrix).mean()
            else:
                self.covars_[:] = matrix if self._is_matrix() else np.diag(matrix)
            self.covars_, _ = repaired(self.covars_, self._is_matrix(), self.min_covar)

    def _means_of_state(self, X, random_state):
        if len(X) >= self.n_mix:
            means = KMeans(self.n_mix, random_state=self.random_state, n_init=10).fit(X)
            return np.asarray(means.cluster_centers_, dtype=np.float64)
        # fewer frames than Gaussians: some begin at the same frame, a little apart
        chosen = np.asarray(X[np.arange(self.n_mix) % len(X)], dtype=np.float64)
        return chosen + 1e-3 * X.std(axis=0) * random_state.standard_normal(chosen.shape)

    # -- the engine's side

    def _centre(self, X):
        return centre_of(X)

    def _shapes_of_statistics(self):
        c, d = self.n_components * self.n_mix, self.n_features
        squares = d * (d + 1) // 2 if self._is_matrix() else d
        return {"mix_obs": (c, d), "mix_known": (c, d), "mix_squares": (c, squares), "origin": (d,)}

    def _matrices(self):
        """Covariances of all components as full matrices (n_components * n_mix, d, d)."""
        n, m, d = self.means_.shape
        covars = self.covars_.astype(np.float64)
        if self.covariance_type == "full":
            return covars.reshape(n * m, d, d)
        if self.covariance_type == "tied":
            return np.repeat(covars, m, axis=0)
        return covars.reshape(n * m, -1)[:, :, None] * np.eye(d)

    def _engine_model(self, frames, second=False):
        n, m, d = self.means_.shape
        start, moves = self._chain()
        means = self.means_.astype(np.float64).reshape(n * m, d) - np.asarray(frames.origin)
        with np.errstate(divide="ignore"):
            weights = np.maximum(np.log(normalized(self.weights_.astype(np.float64))).reshape(n * m), -1e300)
        options = {"n_features": d, "n_mix": m, "second": second, "missing": frames.has_missing}
        if self._is_matrix():
            upper = factors(self._matrices())
            logs = np.log(np.diagonal(upper, axis1=1, axis2=2)).sum(axis=1)
            return Model(
                start,
                moves,
                "full",
                constant=weights + logs - 0.5 * d * LOG_2PI,
                offset=-np.einsum("ki,kij->kj", means, upper),
                factor=packed(upper),
                **options,
            )
        covars = self.covars_.astype(np.float64).reshape(n * m, -1)
        scale = np.broadcast_to(1 / np.sqrt(covars), (n * m, d))
        logs = np.log(scale) - 0.5 * LOG_2PI
        if frames.has_missing:
            options["log_scale"] = logs
            constant, kind = weights, "entries"
        else:
            constant, kind = weights + logs.sum(axis=1), "diagonal"
        return Model(start, moves, kind, constant=constant, scale=scale, offset=-means * scale, **options)

    def _component_logs(self, X):
        n, m, d = self.means_.shape
        X = np.asarray(X, dtype=np.float64)
        with np.errstate(divide="ignore"):
            weights = np.log(normalized(self.weights_.astype(np.float64))).reshape(n * m)
        return (gaussian_logs(X, self.means_.reshape(n * m, d), self._matrices()) + weights).reshape(
            len(X), n, m
        )

    def _log_densities(self, X):
        logs = self._component_logs(X)
        return np.logaddexp.reduce(logs, axis=2)

    def _statistics(self, model, passed, frames, X):
        c, d = self.n_components * self.n_mix, self.n_features
        m, padded, rows = model.n_padded, model.n_components_padded, model.n_rows
        cells = passed.cells
        at = m * m + 2 * m + padded
        first = unfold(cells[at : at + padded * rows], padded, rows)[:c]
        second = unfold(cells[at + padded * rows :], padded, -(-model.n_pairs // 4) * 4)[:c, : model.n_pairs]
        if model.entries:
            known = first[:, d : 2 * d].copy()
        else:
            begin = m * m if self.n_mix == 1 else m * m + 2 * m
            one = first[:, d] if frames.has_missing else cells[begin : begin + c]
            known = np.repeat(one[:, None], d, axis=1)
        return {"mix_obs": first[:, :d].copy(), "mix_known": known, "mix_squares": second.copy()}

    def _add_posteriors(self, stats, X, posteriors, frames):
        logs = self._component_logs(X)
        shares = np.exp(logs - np.logaddexp.reduce(logs, axis=2, keepdims=True))
        shares = (posteriors[:, :, None] * np.nan_to_num(shares)).reshape(len(X), -1)
        known = ~np.isnan(X)
        x = np.where(known, X - np.asarray(frames.origin), 0.0)
        stats["mix_obs"] += shares.T @ x
        stats["mix_known"] += shares.T @ known
        if self._is_matrix():
            a, b = np.tril_indices(x.shape[1])
            stats["mix_squares"] += shares.T @ (x[:, a] * x[:, b])
        else:
            stats["mix_squares"] += shares.T @ x**2

    def _update_densities(self, stats, notes):
        n, m, d = self.means_.shape
        known = stats["mix_known"].reshape(n, m, d)
        obs, squares = stats["mix_obs"].reshape(n, m, d), stats["mix_squares"].reshape(n, m, -1)
        total = known.max(axis=2)
        used = (total > 1e-10) & ~notes["unused"][:, None]
        if "w" in self.params:
            weights = np.maximum(total + np.broadcast_to(self.weights_prior, (n, m)) - 1, 0)
            some = (weights.sum(axis=1) > 0) & ~notes["unused"]
            self.weights_ = np.where(some[:, None], normalized(weights), self.weights_)
        origin = np.asarray(self._origin)
        prior_mean = np.broadcast_to(np.asarray(self.means_prior, dtype=np.float64), (n, m, d)) - origin
        prior_weight = np.broadcast_to(np.asarray(self.means_weight, dtype=np.float64), (n, m))[:, :, None]
        means = self.means_.astype(np.float64) - origin
        if "m" in self.params:
            weight = prior_weight + known
            fresh = (prior_weight * prior_mean + obs) / np.where(weight > 0, weight, 1)
            means = np.where(used[:, :, None] & (weight > 0), fresh, means)
            self.means_ = means + origin
        if "c" in self.params:
            self._update_covars(means, prior_weight, means - prior_mean, known, obs, squares, used, notes)

    def _covar_priors(self):
        """covars_prior and covars_weight; the defaults leave the maximum of the likelihood where it is."""
        m, d = self.n_mix, self.n_features
        priors = {"full": 0.0, "tied": 0.0, "diag": -1.5, "spherical": -(m + 2.0) / 2.0}
        weights = {"full": -(1.0 + d + 1.0), "tied": -(m + d + 1.0), "diag": 0.0, "spherical": 0.0}
        prior, weight = self.covars_prior, self.covars_weight
        return (
            np.asarray(priors[self.covariance_type] if prior is None else prior, dtype=np.float64),
            np.asarray(weights[self.covariance_type] if weight is None else weight, dtype=np.float64),
        )

    def _update_covars(self, means, prior_weight, apart, known, obs, squares, used, notes):
        n, m, d = means.shape
        prior, weight = self._covar_priors()
        old = self.covars_.astype(np.float64)
        if self._is_matrix():
            moments = np.empty((n, m, d, d))
            a, b = np.tril_indices(d)
            moments[..., a, b] = moments[..., b, a] = squares
            squares = np.diagonal(moments, axis1=2, axis2=3)
            one = known[..., :1, None]
            cross = obs[..., :, None] * means[..., None, :]
            spread = (
                moments - cross - np.swapaxes(cross, 2, 3) + means[..., :, None] * means[..., None, :] * one
            )
            spread = spread + prior_weight[..., None] * apart[..., :, None] * apart[..., None, :]
            if self.covariance_type == "full":
                top = spread + np.swapaxes(np.broadcast_to(prior, (n, m, d, d)), 2, 3)
                below = one + (np.broadcast_to(weight, (n, m)) + d + 2)[..., None, None]
                keep = ~used[..., None, None]
            else:
                top = spread.sum(axis=1) + np.swapaxes(np.broadcast_to(prior, (n, d, d)), 1, 2)
                below = one.sum(axis=1) + (np.broadcast_to(weight, n) + m + d + 1)[:, None, None]
                keep = ~used.any(axis=1)[:, None, None]
        else:
            spread = np.maximum(squares - 2 * means * obs + means**2 * known, 0) + prior_weight * apart**2
            if self.covariance_type == "diag":
                top = spread + 2 * np.broadcast_to(weight, (n, m, d))
                below = known + 1 + 2 * (np.broadcast_to(prior, (n, m, d)) + 1)
                keep = ~used[..., None] | (known <= 0)
            else:
                top = spread.sum(axis=2) + 2 * np.broadcast_to(weight, (n, m))
                below = known.sum(axis=2) + d + 2 * (np.broadcast_to(prior, (n, m)) + 1)
                keep = ~used
        keep = keep | (below <= 0)
        covars = np.where(keep, old, top / np.where(below > 0, below, 1))
        noise = 1e-14 * (means**2 + squares / np.maximum(known, 1e-300)) * (known > 1e-10)
        if self.covariance_type == "tied":
            noise = noise.max(axis=1)
        elif self.covariance_type == "spherical":
            noise = noise.max(axis=2)
        self.covars_, notes["collapsed"] = repaired(covars, self._is_matrix(), self.min_covar, noise)

    def _draw(self, states, rng):
        n, m, d = self.means_.shape
        matrices = self._matrices().reshape(n, m, d, d)
        X = np.empty((len(states), d))
        limits = np.cumsum(normalized(self.weights_.astype(np.float64)), axis=1)
        limits[:, -1] = 1.0
        which = (limits[states] > rng.rand(len(states), 1)).argmax(axis=1)
        for k in range(n):
            for i in range(m):
                here = (states == k) & (which == i)
                if here.any():
                    X[here] = rng.multivariate_normal(self.means_[k, i], matrices[k, i], size=int(here.sum()))
        return X
