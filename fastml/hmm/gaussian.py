"""Hidden Markov models with Gaussian densities."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from fastml._engine.dense.hidden_markov import Model
from fastml.cluster import KMeans
from fastml.hmm.base import BaseHMM, unfold
from fastml.hmm.covariances import (
    LOG_2PI,
    as_matrices,
    check_covariances,
    check_positive,
    factors,
    packed,
    repaired,
)
from fastml.hmm.parameters import float_array

__all__ = ["GaussianHMM", "centre_of", "check_frames", "filled", "gaussian_logs", "pooled"]


class GaussianHMM(BaseHMM):
    """Hidden Markov model with Gaussian densities.

    Parameters
    ----------
    n_components : int, default=1
        Number of states.
    covariance_type : {"spherical", "diag", "full", "tied"}, default="diag"
        One variance for each state; one for each state and feature; a matrix for each state; one matrix for
        all.
    min_covar : float, default=1e-3
        Added to the variances at the start, and to those that collapse.
    startprob_prior, transmat_prior : float or array-like, default=1.0
        Parameters of the Dirichlet priors of `startprob_` and of the lines of `transmat_`.
    means_prior, means_weight : float or array-like, default=0
        Mean and precision of the normal prior of `means_`.
    covars_prior, covars_weight : float or array-like, default=1e-2, 1
        Parameters of the prior of the covariances: inverse gamma for "spherical" and "diag", inverse Wishart
        for "full" and "tied".
    algorithm : {"viterbi", "map"}, default="viterbi"
        What `decode` and `predict` do.
    random_state : int, RandomState or None, default=None
    n_iter : int, default=10
        Most iterations of EM.
    tol : float, default=1e-2
        EM stops when the log-likelihood grows by less.
    verbose : bool, default=False
        Print each iteration and the time left to standard error.
    params, init_params : str, default="stmc"
        What is learned, and what is initialized: s for `startprob_`, t for `transmat_`, m for `means_`, c for
        `covars_`.
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
    means_ : array of shape (n_components, n_features)
    covars_ : array of shape (n_components, n_features, n_features)
        Full matrices, whatever the type. To set them, hand in (n_components,), (n_components, n_features),
        (n_components, n_features, n_features) or, tied, (n_features, n_features).
    n_features : int
    n_features_in_ : int
    monitor_ : ConvergenceMonitor

    Notes
    -----
    Frames that are NaN in all features are missing. With "spherical" and "diag" single entries may be.
    float32 input is read as it is, all arithmetic is in float64, and the attributes are float32.

    References
    ----------
    L. R. Rabiner, A tutorial on hidden Markov models and selected applications in speech recognition,
    Proceedings of the IEEE 77 (1989).

    Examples
    --------
    >>> import numpy as np
    >>> from fastml.hmm import GaussianHMM
    >>> rng = np.random.default_rng(0)
    >>> states = np.repeat([0, 1, 0, 1], 50)
    >>> X = rng.normal(size=(200, 1)) + 5 * states[:, None]
    >>> model = GaussianHMM(n_components=2, random_state=0).fit(X)
    >>> np.sort(model.means_[:, 0]).round().tolist()
    [-0.0, 5.0]
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseHMM._parameter_constraints,
        "covariance_type": [StrOptions({"spherical", "diag", "full", "tied"})],
        "min_covar": [Interval(Real, 0, None, closed="left")],
        "means_prior": ["array-like", Real],
        "means_weight": ["array-like", Interval(Real, 0, None, closed="left")],
        "covars_prior": ["array-like", Real],
        "covars_weight": ["array-like", Real],
    }
    _letters: ClassVar[dict] = {**BaseHMM._letters, "m": "means_", "c": "covars_"}

    def __init__(
        self,
        n_components=1,
        covariance_type="diag",
        min_covar=1e-3,
        startprob_prior=1.0,
        transmat_prior=1.0,
        means_prior=0,
        means_weight=0,
        covars_prior=1e-2,
        covars_weight=1,
        algorithm="viterbi",
        random_state=None,
        n_iter=10,
        tol=1e-2,
        verbose=False,
        params="stmc",
        init_params="stmc",
        implementation="log",
        *,
        learning_decay=0.7,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.min_covar = min_covar
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.means_prior = means_prior
        self.means_weight = means_weight
        self.covars_prior = covars_prior
        self.covars_weight = covars_weight
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

    # -- parameters

    @property
    def covars_(self):
        """Covariances as full matrices."""
        if "_covars_" not in vars(self):
            raise AttributeError("covars_")
        return as_matrices(self._covars_, self.covariance_type, self.n_components, np.shape(self.means_)[1])

    @covars_.setter
    def covars_(self, covars):
        covars = np.array(covars)
        if self.covariance_type == "spherical" and covars.size == self.n_components:
            covars = covars.reshape(self.n_components)
        shape = self._covars_shape(covars.shape[-1] if covars.ndim > 1 else 1)
        covars = check_covariances(covars, shape, f"{self.covariance_type!r} covars")
        check_positive(covars, self._is_matrix(), f"{self.covariance_type!r} covars")
        self._covars_ = covars

    def _is_matrix(self):
        return self.covariance_type in ("full", "tied")

    def _covars_shape(self, d):
        n = self.n_components
        shapes = {"spherical": (n,), "diag": (n, d), "full": (n, d, d), "tied": (d, d)}
        if self.covariance_type not in shapes:
            raise ValueError(f"covariance_type must be one of {sorted(shapes)}, got {self.covariance_type!r}")
        return shapes[self.covariance_type]

    def _check_densities(self):
        self.means_ = float_array(self.means_, "means_")
        n = self.n_components
        if self.means_.ndim != 2 or len(self.means_) != n or self.means_.shape[1] < 1:
            raise ValueError(f"means_ must have shape ({n}, n_features), got {self.means_.shape}")
        self.n_features = self.means_.shape[1]
        shape = self._covars_shape(self.n_features)
        self._covars_ = check_covariances(self._covars_, shape)
        check_positive(self._covars_, self._is_matrix())

    def _get_n_fit_scalars_per_param(self):
        n, d = self.n_components, self.n_features
        sizes = {"spherical": n, "diag": n * d, "full": n * d * (d + 1) // 2, "tied": d * (d + 1) // 2}
        return {**super()._get_n_fit_scalars_per_param(), "m": n * d, "c": sizes[self.covariance_type]}

    def _read(self, X, reset):
        X = self._table(X, reset, [np.float64, np.float32], ensure_all_finite="allow-nan")
        if not reset and X.shape[1] != self.n_features:
            raise ValueError(
                f"Unexpected number of dimensions: X has {X.shape[1]} features, the model {self.n_features}"
            )
        if reset:
            self.n_features = X.shape[1]
        check_frames(X, self.covariance_type)
        return X

    def _init(self, X, lengths=None):
        self.n_features = X.shape[1]
        super()._init(X, lengths)

    def _init_densities(self, X, random_state):
        X = filled(X)
        if self._needs_init("m", "means_"):
            if len(X) < self.n_components:
                raise ValueError(
                    f"n_components={self.n_components}, but X has only {len(X)} frames to choose means from"
                )
            means = KMeans(self.n_components, random_state=self.random_state, n_init=10).fit(X)
            self.means_ = np.asarray(means.cluster_centers_, dtype=np.float64)
        if self._needs_init("c", "_covars_"):
            matrix = pooled(X, self.min_covar)
            n, d = self.n_components, X.shape[1]
            covars = {
                "spherical": np.full(n, matrix.mean()),
                "diag": np.tile(np.diag(matrix), (n, 1)),
                "full": np.tile(matrix, (n, 1, 1)),
                "tied": matrix,
            }[self.covariance_type]
            # "spherical" follows hmmlearn in the mean over the whole matrix, which need not be positive
            if self.covariance_type == "spherical" and covars[0] <= 0:
                covars = np.full(n, np.diag(matrix).mean())
            self._covars_ = repaired(
                covars if self.covariance_type != "tied" else covars[None], self._is_matrix(), self.min_covar
            )[0].reshape(self._covars_shape(d))

    # -- the engine's side

    def _centre(self, X):
        return centre_of(X)

    def _shapes_of_statistics(self):
        n, d = self.means_.shape
        second = {"obs*obs.T": (n, d, d)} if self._is_matrix() else {"obs**2": (n, d)}
        return {"obs": (n, d), "known": (n, d), "origin": (d,), **second}

    def _engine_model(self, frames, second=False):
        centre = np.asarray(frames.origin)
        start, moves = self._chain()
        n, d = self.means_.shape
        means = self.means_.astype(np.float64) - centre
        covars = self._covars_.astype(np.float64)
        options = {"n_features": d, "second": second, "missing": frames.has_missing}
        if self._is_matrix():
            upper = factors(covars.reshape(-1, d, d))
            logs = np.log(np.diagonal(upper, axis1=1, axis2=2)).sum(axis=1)
            upper, logs = np.broadcast_to(upper, (n, d, d)), np.broadcast_to(logs, n)
            offset = -np.einsum("ki,kij->kj", means, upper)
            constant = logs - 0.5 * d * LOG_2PI
            return Model(
                start, moves, "full", constant=constant, offset=offset, factor=packed(upper), **options
            )
        scale = np.broadcast_to((1 / np.sqrt(covars)).reshape(n, -1), (n, d))
        logs = np.log(scale) - 0.5 * LOG_2PI
        if frames.has_missing:
            return Model(
                start,
                moves,
                "entries",
                constant=np.zeros(n),
                scale=scale,
                offset=-means * scale,
                log_scale=logs,
                **options,
            )
        return Model(
            start, moves, "diagonal", constant=logs.sum(axis=1), scale=scale, offset=-means * scale, **options
        )

    def _log_densities(self, X):
        return gaussian_logs(np.asarray(X, dtype=np.float64), self.means_, self.covars_)

    def _statistics(self, model, passed, frames, X):
        n, d = self.means_.shape
        m, c, rows = model.n_padded, model.n_components_padded, model.n_rows
        at = m * m + 2 * m + c
        first = unfold(passed.cells[at : at + c * rows], c, rows)[:n]
        second = unfold(passed.cells[at + c * rows :], c, -(-model.n_pairs // 4) * 4)[:n, : model.n_pairs]
        stats = {"obs": first[:, :d].copy()}
        if model.entries:
            stats["known"] = first[:, d : 2 * d].copy()
        else:
            known = first[:, d] if frames.has_missing else passed.cells[m * m : m * m + n]
            stats["known"] = np.repeat(known[:, None], d, axis=1)
        if not self._is_matrix():
            stats["obs**2"] = second.copy()
        else:
            stats["obs*obs.T"] = matrices = np.empty((n, d, d))
            a, b = np.tril_indices(d)
            matrices[:, a, b] = matrices[:, b, a] = second
        return stats

    def _add_posteriors(self, stats, X, posteriors, frames):
        known = ~np.isnan(X)
        x = np.where(known, X - np.asarray(frames.origin), 0.0)
        stats["obs"] += posteriors.T @ x
        stats["known"] += posteriors.T @ known
        if self._is_matrix():
            stats["obs*obs.T"] += np.einsum("tk,ti,tj->kij", posteriors, x, x)
        else:
            stats["obs**2"] += posteriors.T @ x**2

    def _update_densities(self, stats, notes):
        """Huang, Acero and Hon, Spoken Language Processing (2001), p. 443-445, about the frames' mean."""
        used = ~notes["unused"]
        n, d = self.means_.shape
        origin = np.asarray(self._origin)
        known = stats["known"]
        prior_mean = _per_state(self.means_prior, n) - origin
        prior_weight = _per_state(self.means_weight, n)
        means = self.means_.astype(np.float64) - origin
        if "m" in self.params:
            weight = prior_weight + known
            some = weight > 0
            fresh = (prior_weight * prior_mean + stats["obs"]) / np.where(some, weight, 1)
            means = np.where(some & used[:, None], fresh, means)
            self.means_ = means + origin
        if "c" not in self.params:
            return
        apart = means - prior_mean
        old = self._covars_.astype(np.float64)
        if not self._is_matrix():
            squares = stats["obs**2"]
            spread = squares - 2 * means * stats["obs"] + means**2 * known
            spread = prior_weight * apart**2 + np.maximum(spread, 0)
            weight = np.maximum(_per_state(self.covars_weight, n) - 1, 0) + known
            fresh = (_per_state(self.covars_prior, n) + spread) / np.maximum(weight, 1e-5)
            if self.covariance_type == "spherical":
                fresh = fresh.mean(axis=1)
                covars = np.where(used, fresh, old)
            else:
                covars = np.where(used[:, None] & (known > 0), fresh, old)
        else:
            squares = np.diagonal(stats["obs*obs.T"], axis1=1, axis2=2)
            cross = stats["obs"][:, :, None] * means[:, None, :]
            spread = (
                np.broadcast_to(prior_weight, (n, d))[:, :1, None] * apart[:, :, None] * apart[:, None, :]
                + stats["obs*obs.T"]
                - cross
                - cross.transpose(0, 2, 1)
                + means[:, :, None] * means[:, None, :] * known[:, :1, None]
            )
            extra = np.maximum(np.asarray(self.covars_weight, dtype=np.float64) - d, 0)
            prior = np.asarray(self.covars_prior, dtype=np.float64)
            if self.covariance_type == "tied":
                covars = ((prior + spread.sum(axis=0)) / (extra + known[:, 0].sum()))[None]
            else:
                weight = extra.reshape(-1, 1, 1) + known[:, :1, None]
                fresh = (prior + spread) / np.where(weight > 0, weight, 1)
                covars = np.where(used[:, None, None], fresh, old)
        # what is left of squares about the frames' mean after a subtraction of equals
        with np.errstate(divide="ignore", invalid="ignore"):
            noise = np.nan_to_num(1e-14 * (means**2 + squares / known), nan=0.0, posinf=0.0)
        if self.covariance_type == "tied":
            noise = noise.max(axis=0, keepdims=True)
        elif self.covariance_type == "spherical":
            noise = noise.max(axis=1)
        covars, collapsed = repaired(covars, self._is_matrix(), self.min_covar, noise)
        self._covars_ = covars.reshape(self._covars_shape(d))
        notes["collapsed"] = collapsed if self.covariance_type != "tied" or not collapsed else set(range(n))

    def _draw(self, states, rng):
        d = self.means_.shape[1]
        X = np.empty((len(states), d))
        covars = self.covars_
        for k in np.unique(states):
            here = states == k
            X[here] = rng.multivariate_normal(self.means_[k], covars[k], size=int(here.sum()))
        return X


def check_frames(X, covariance_type):
    """Refuse missing values that the densities cannot leave out.

    Raises
    ------
    ValueError
        If every frame is missing, or, with matrices, if a part of a frame is.
    """
    if not np.isnan(X.sum()):  # much faster than looking at each
        return
    missing = np.isnan(X)
    if not missing.any():
        return
    whole = missing.all(axis=1)
    if whole.all():
        raise ValueError("every frame of X is missing (NaN): there is nothing to learn from or to say")
    part = missing.any(axis=1) & ~whole
    if covariance_type in ("full", "tied") and part.any():
        raise ValueError(
            f"row {int(np.argmax(part))} of X has NaN in some features: with "
            f"covariance_type={covariance_type!r} a frame is known or "
            "missing (NaN) as a whole; use 'diag' or 'spherical'"
        )


def centre_of(X):
    """Means of the known entries of each feature; 0 where there are none."""
    mean = X.mean(axis=0, dtype=np.float64)
    if np.isnan(mean).any():
        known = ~np.isnan(X)
        mean = np.where(known, X, 0).sum(axis=0, dtype=np.float64) / np.maximum(known.sum(axis=0), 1)
    return mean


def filled(X):
    """Frames that are not missing, in float64, with the features' means for missing entries."""
    missing = np.isnan(X)
    if not missing.any():
        return X
    X = np.asarray(X[~missing.all(axis=1)], dtype=np.float64)
    # a feature that is never known tells states apart no more than a constant
    known = ~np.isnan(X)
    means = np.where(known, X, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return np.where(known, X, means)


def pooled(X, min_covar):
    """The covariance matrix of all frames, min_covar added to its diagonal."""
    d = X.shape[1]
    matrix = np.cov(np.asarray(X, dtype=np.float64).T).reshape(d, d) if len(X) > 1 else np.zeros((d, d))
    return matrix + min_covar * np.eye(d)


def gaussian_logs(X, means, covars):
    """Log densities (n_frames, n_components); of the known entries where some are missing."""
    logs = np.zeros((len(X), len(means)))
    patterns, which = np.unique(~np.isnan(X), axis=0, return_inverse=True)
    for number, known in enumerate(patterns):
        if not known.any():
            continue
        rows = np.flatnonzero(which.reshape(-1) == number)
        part = np.asarray(covars, dtype=np.float64)[:, known][:, :, known]
        upper = factors(part)
        constant = np.log(np.diagonal(upper, axis1=1, axis2=2)).sum(axis=1) - 0.5 * known.sum() * LOG_2PI
        for k, mean in enumerate(means):
            y = (X[np.ix_(rows, known)] - mean[known]) @ upper[k]
            logs[rows, k] = constant[k] - 0.5 * (y**2).sum(axis=1)
    return logs


def _per_state(values, n):
    """A prior as an array that combines with (n, n_features)."""
    values = np.asarray(values, dtype=np.float64)
    return values[:, None] if values.shape == (n,) else values
