"""Fitting and asking of a mixture: accumulate, merge, update, until the bound stands still."""

from __future__ import annotations

import warnings
from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, DensityMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from fastml._engine.dense.gaussian import Components
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._input.targets import check_weight
from fastml._rollback import rollback
from fastml.mixture.covariances import precisions_of
from fastml.mixture.initialization import first_statistics
from fastml.mixture.progress import Progress
from fastml.mixture.rows import Rows
from fastml.mixture.state import get_state, set_state

__all__ = ["BaseMixture", "check_shape"]


def check_shape(array, shape, name):
    """Refuse an array of another shape."""
    if array.shape != shape:
        raise ValueError(f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}")


class BaseMixture(DensityMixin, BaseEstimator, metaclass=ABCMeta):
    """What the two mixtures have in common.

    A subclass keeps the parameters of a fit in a dict of float64 arrays with at least ``means`` and
    ``factors``, and says how to start, update and bound them.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"kmeans", "random", "random_from_data", "k-means++"})],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
        "learning_decay": [Interval(Real, 0.5, 1.0, closed="right")],
        "learning_offset": [Interval(Real, 1.0, None, closed="left")],
    }

    # -- what a subclass says

    @abstractmethod
    def _check_parameters(self, rows):
        """Check parameters of the constructor against the rows; what the fit needs of them."""

    @abstractmethod
    def _start(self, rows, random_state):
        """Parameters to start from."""

    @abstractmethod
    def _update(self, stats, shift, dtype):
        """Parameters from statistics."""

    @abstractmethod
    def _bound(self, stats, before, after):
        """Lower bound per unit of weight, from statistics under the parameters `before`."""

    @abstractmethod
    def _log_weights(self, parameters):
        """What is added to the Gaussian log densities of the components."""

    @abstractmethod
    def _current(self):
        """The fitted parameters, as a fit keeps them."""

    @abstractmethod
    def _publish(self, parameters, dtype):
        """Set the fitted attributes."""

    # -- fitting

    def fit(self, X, y=None, sample_weight=None):
        """Fit the mixture by EM.

        The best of `n_init` starts is kept. Each iterates until the bound changes by less than `tol`, or
        `max_iter` times, after which a ``ConvergenceWarning`` is given.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            float32 or float64 stay as they are, and what is fitted has the same type. NaN is a missing value:
            EM looks at what is known of a row only, exactly [1]_.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional
            Not negative. A row of weight 2 counts as two rows.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X is infinite, has fewer rows (of positive weight) than components, or rows or features without
            any known value; or if a component collapses (see `reg_covar`).

        References
        ----------
        .. [1] Z. Ghahramani, M. Jordan. "Supervised learning from incomplete data via an EM approach." NIPS 6
           (1994) 120-127.
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self

    def fit_predict(self, X, y=None, sample_weight=None):
        """Fit the mixture, return the component of each row.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        labels : int64 ndarray of shape (n_samples,)
        """
        with rollback(self):
            self._fit(X, sample_weight)
        return self.predict(X)

    @_fit_context(prefer_skip_nested_validation=True)
    def _fit(self, X, sample_weight):
        rows = self._read(X, sample_weight, reset=True)
        random_state = check_random_state(self.random_state)
        cold = not (self.warm_start and hasattr(self, "converged_"))
        best = None
        progress = Progress(self.verbose, self.verbose_interval, self.max_iter)
        for init in range(self.n_init if cold else 1):
            progress.begin(init)
            start = self._start(rows, random_state) if cold else self._current()
            run = _Run(self, rows, start, -np.inf if cold else self.lower_bound_, progress)
            if best is None or run.bound > best.bound:
                best = run
        if self.max_iter > 0 and not best.converged:
            warnings.warn(
                "Best performing initialization did not converge. Try different init parameters, or increase "
                "max_iter, tol, or check for degenerate data.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.converged_ = best.converged
        self._publish(best.parameters, rows.X.dtype)
        self.n_iter_ = len(best.bounds)
        self.lower_bound_ = best.bound
        self.lower_bounds_ = best.bounds
        self._stream = None if best.stats is None else (best.stats.scaled(1.0), rows.shift, 0)

    def _read(self, X, sample_weight, *, reset):
        """Check the rows of a fit."""
        dtype = [np.float64, np.float32] if reset else self.means_.dtype
        X = validate_data(
            self,
            X,
            dtype=dtype,
            order="C",
            ensure_all_finite="allow-nan",
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        weight = check_weight(sample_weight, X)
        n_rows = len(X) if weight is None else np.count_nonzero(weight)
        if reset and n_rows < self.n_components:
            of = "" if weight is None else " (of positive weight)"
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {n_rows}{of}"
            )
        shift = None if reset or getattr(self, "_stream", None) is None else self._stream[1]
        rows = Rows(X, weight, self.covariance_type, self.n_components, resolve_n_jobs(self.n_jobs), shift)
        if not np.isfinite(rows.shift).all():
            raise ValueError("the mean of X is too large for its dtype: rescale the rows")
        if reset:
            self._check_parameters(rows)
        return rows

    def _components(self, parameters, shift, dtype):
        return Components(
            self.covariance_type,
            parameters["means"],
            parameters["factors"],
            self._log_weights(parameters),
            shift,
            dtype,
        )

    def _first_statistics(self, rows, random_state):
        return first_statistics(rows, self.init_params, random_state)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X, y=None, sample_weight=None):
        """Take one step of stepwise EM with a batch of rows [1]_.

        The statistics of the batch, per unit of weight, replace a part ``(t + learning_offset) **
        -learning_decay`` of those before, t counting the batches; then the parameters are updated. The first
        batch of an unfitted model is where it starts, as in `fit` with one iteration. After `fit` the
        statistics of its rows are those before. Model files hold the statistics.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The first batch needs at least `n_components` rows.
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        self

        References
        ----------
        .. [1] O. Cappé, E. Moulines. "On-line expectation-maximization algorithm for latent data models."
           Journal of the Royal Statistical Society B 71 (2009) 593-613.
        """
        with rollback(self):
            self._partial_fit(X, sample_weight)
        return self

    def _partial_fit(self, X, sample_weight):
        first = getattr(self, "_stream", None) is None
        rows = self._read(X, sample_weight, reset=not hasattr(self, "means_"))
        if first:
            self._check_parameters(rows)
        if hasattr(self, "means_"):
            before = self._current()
        else:
            before = self._start(rows, check_random_state(self.random_state))
        components = self._components(before, rows.shift, rows.X.dtype)
        stats = rows.accumulate(components)
        _refuse_infinite(stats.log_likelihood)
        bound, batches, weight = stats, 0, stats.total_weight
        stats = stats.scaled(1.0 / weight)
        if not first:
            old, _, batches = self._stream
            weight += old.total_weight
            step = (batches + self.learning_offset) ** -self.learning_decay
            kept = old.scaled((1.0 - step) / old.total_weight)
            stats = stats.scaled(step).merge(kept)
        stats = stats.scaled(weight / stats.total_weight)
        after = self._update(stats, rows.shift, rows.X.dtype)
        self.lower_bound_ = self._bound(bound, before, after)
        self.lower_bounds_ = [*getattr(self, "lower_bounds_", []), self.lower_bound_]
        self.n_iter_ = len(self.lower_bounds_)
        self.converged_ = False
        self._publish(after, rows.X.dtype)
        self._stream = (stats, rows.shift, batches + 1)

    def _publish_precisions(self, factors, covariances, dtype):
        self.covariances_ = _cast(covariances, dtype)
        self.precisions_cholesky_ = _cast(factors, dtype)
        self.precisions_ = precisions_of(self.precisions_cholesky_, self.covariance_type)

    # -- asking

    def _score(self, X, **wanted):
        """What `score` of the engine fills, as arrays by name; True: with a column for each component.

        Raises
        ------
        ValueError
            If the density of a row is beyond what its type can hold.
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, dtype=[np.float64, np.float32], order="C", ensure_all_finite="allow-nan", reset=False
        )
        parameters = self._current()
        shift = self.weights_.astype(np.float64) @ parameters["means"]
        rows = Rows(X, None, self.covariance_type, len(self.means_), resolve_n_jobs(self.n_jobs), shift)
        out = {}
        for name, is_wide in wanted.items():
            shape = (len(X), rows.n_components) if is_wide else len(X)
            out[name] = np.empty(shape, dtype=np.int64 if name == "labels" else X.dtype)
        components = self._components(parameters, rows.shift, X.dtype)
        rows.score(components, **out)
        for name, array in out.items():
            bad = array < 0 if name == "labels" else ~np.isfinite(array)
            if bad.any():
                raise ValueError(
                    f"row {np.argwhere(bad)[0][0]} of X is so large, or so far from the components, that its "
                    f"log density is not a number of {X.dtype}"
                    f"{': hand in float64' if X.dtype == np.float32 else ''}"
                )
        return out

    def score_samples(self, X):
        """Log density of each row under the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        log_prob : ndarray of shape (n_samples,), in nats
        """
        return self._score(X, log_likelihood=False)["log_likelihood"]

    def score(self, X, y=None, sample_weight=None):
        """Mean log density of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), optional

        Returns
        -------
        float, in nats
        """
        log_prob = self.score_samples(X)
        return float(np.average(log_prob, weights=check_weight(sample_weight, log_prob)))

    def predict(self, X):
        """Component of each row: that of the largest responsibility.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        labels : int64 ndarray of shape (n_samples,)
        """
        return self._score(X, labels=False)["labels"]

    def predict_proba(self, X):
        """Responsibilities of the components for each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        resp : ndarray of shape (n_samples, n_components)
            Rows sum to 1; what is below exp(-600) times the largest (float32: exp(-69)) is 0.
        """
        return self._score(X, resp=True)["resp"]

    def sample(self, n_samples=1):
        """Draw rows from the mixture.

        Parameters
        ----------
        n_samples : int, default=1

        Returns
        -------
        X : float64 ndarray of shape (n_samples, n_features)
            Ordered by component.
        y : int64 ndarray of shape (n_samples,)
            Their components.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(
                f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample."
            )
        random_state = check_random_state(self.random_state)
        k, d = self.means_.shape
        weights = self.weights_.astype(np.float64)
        counts = random_state.multinomial(n_samples, weights / weights.sum())
        parts = []
        for j, count in enumerate(counts):
            if self.covariance_type in ("full", "tied"):
                covariance = self.covariances_[j] if self.covariance_type == "full" else self.covariances_
                parts.append(random_state.multivariate_normal(self.means_[j], covariance, int(count)))
            else:
                scale = np.sqrt(self.covariances_[j])
                parts.append(self.means_[j] + random_state.standard_normal(size=(count, d)) * scale)
        return np.vstack(parts).astype(np.float64), np.repeat(np.arange(k), counts)

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "means_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _get_model_state(self):
        return get_state(self)

    def _set_model_state(self, values, arrays):
        set_state(self, values, arrays)


class _Run:
    """EM from one start.

    Attributes
    ----------
    parameters : dict
    bound : float
    bounds : list of float
    converged : bool
    stats : Statistics or None
        Of the last iteration.
    """

    def __init__(self, model, rows, start, bound, progress):
        self.parameters, self.bound, self.bounds = start, bound, []
        self.converged, self.stats = False, None
        for n_iter in range(1, model.max_iter + 1):
            components = model._components(self.parameters, rows.shift, rows.X.dtype)
            self.stats = rows.accumulate(components)
            _refuse_infinite(self.stats.log_likelihood)
            after = model._update(self.stats, rows.shift, rows.X.dtype)
            bound, last = model._bound(self.stats, self.parameters, after), self.bound
            self.parameters, self.bound = after, bound
            self.bounds.append(bound)
            progress.iteration(n_iter, bound - last)
            if abs(bound - last) < model.tol:
                self.converged = True
                break
        if model.max_iter > 0:
            progress.end(self.bound, self.converged)


def _refuse_infinite(log_likelihood):
    if not np.isfinite(log_likelihood):
        raise ValueError(
            "the log-likelihood of the rows is not finite: their values are too large, or too far from the "
            "components, for their dtype. Rescale the rows or give other initial parameters."
        )


def _cast(array, dtype):
    return np.ascontiguousarray(array, dtype=dtype)
