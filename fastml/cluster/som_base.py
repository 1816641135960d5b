"""What every self-organising map of one grid does: read rows, train, find nodes."""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastml._engine.dense.nearest import Rows
from fastml._engine.dense.online import METRICS, NEIGHBOURHOODS
from fastml._engine.runtime.threads import resolve_n_jobs
from fastml.cluster.som_grid import SURFACES, TOPOLOGIES, MapGrid
from fastml.cluster.som_init import INITS, initial_codebook
from fastml.cluster.som_neighbourhood import Smoother
from fastml.cluster.som_quality import MapQuality
from fastml.cluster.som_rows import check_feature_weight, read_rows
from fastml.cluster.som_schedule import SCHEDULES, scheduled
from fastml.cluster.som_training import Progress, accumulate, batches, train_online, update

__all__ = ["BaseSOM"]

_TRAINABLE_BITS = 2**31  # nodes are numbered in int32


class BaseSOM(MapQuality, BaseEstimator):
    """Base class of maps of one grid."""

    _parameter_constraints: ClassVar[dict] = {
        "n_rows": [Interval(Integral, 1, None, closed="left")],
        "n_columns": [Interval(Integral, 1, None, closed="left")],
        "topology": [StrOptions(set(TOPOLOGIES))],
        "surface": [StrOptions(set(SURFACES))],
        "neighbourhood": [StrOptions(set(NEIGHBOURHOODS))],
        "map_distance": [StrOptions({"euclidean", "chebyshev"})],
        "training": [StrOptions({"batch", "online", "minibatch"})],
        "metric": [StrOptions(set(METRICS))],
        "feature_weight": ["array-like", None],
        "init": [StrOptions(set(INITS)), "array-like"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "radius": [Interval(Real, 0, None, closed="left"), None],
        "radius_end": [Interval(Real, 0, None, closed="left")],
        "radius_schedule": [StrOptions(set(SCHEDULES)), callable],
        "learning_rate": [Interval(Real, 0, 1, closed="right")],
        "learning_rate_end": [Interval(Real, 0, 1, closed="right")],
        "learning_rate_schedule": [StrOptions(set(SCHEDULES)), callable],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    # -- the map

    @property
    def grid_(self):
        """The map: `MapGrid`, with positions, distances and neighbours of the nodes."""
        return MapGrid(self.n_rows, self.n_columns, self.topology, self.surface)

    def _start_radius(self):
        """A quarter of the longer side, at least 1: the start along principal components is in order."""
        return max(1.0, max(self.n_rows, self.n_columns) / 4) if self.radius is None else float(self.radius)

    def _radii(self, progress):
        return scheduled(
            self.radius_schedule, self._start_radius(), float(self.radius_end), progress, "radius_schedule"
        )

    def _rates(self, progress):
        rates = scheduled(
            self.learning_rate_schedule,
            float(self.learning_rate),
            float(self.learning_rate_end),
            progress,
            "learning_rate_schedule",
        )
        if np.max(rates, initial=0.0) > 1:
            raise ValueError(f"learning_rate_schedule returned {np.max(rates):.6g}: rates are at most 1")
        return rates

    def _smoother(self, radius):
        return Smoother(self.grid_, self.neighbourhood, radius, self.map_distance == "chebyshev")

    # -- fit

    def _check_parameters(self):
        if self.training == "online" and self.neighbourhood == "mexican_hat":
            raise ValueError(
                'neighbourhood="mexican_hat" pushes nodes away, row by row out of all bounds: use '
                'training="batch" or "minibatch"'
            )

    def _begin(self, X, sample_weight, grid):
        """Forget or keep the codebook; ready to train on checked rows."""
        self._feature_weight = self._weight_of_features(X.shape[1])
        self._random = check_random_state(self.random_state)
        kept = self._kept_codebook() if self.warm_start else None
        if kept is not None and kept.shape == (grid.n_nodes, X.shape[1]):
            self.codebook_ = kept.astype(X.dtype)
        else:
            self.codebook_ = self._first_codebook(X, grid, sample_weight)
        self._statistics, self._n_calls = None, 0

    def _weight_of_features(self, n_features):
        return check_feature_weight(self.feature_weight, n_features)

    def _first_codebook(self, X, grid, sample_weight):
        return initial_codebook(self.init, X, grid, sample_weight, self._random)

    def _kept_codebook(self):
        return getattr(self, "codebook_", None)

    def _train(self, rows, sample_weight):
        grid = self.grid_
        self._check_parameters()
        if grid.n_nodes >= _TRAINABLE_BITS:
            raise ValueError(f"the map has {grid.n_nodes} nodes, expected fewer than {_TRAINABLE_BITS}")
        self._begin(rows.X, sample_weight, grid)
        passes = {
            "batch": self._batch_passes,
            "minibatch": self._minibatch_passes,
            "online": self._online_passes,
        }
        progress = Progress(self.verbose, self.max_iter)
        errors, still = [], 0
        for radius, error in passes[self.training](rows, sample_weight):
            errors.append(error)
            progress.done(len(errors), radius, error)
            if len(errors) > 1:
                still = still + 1 if abs(errors[-2] - error) <= self.tol * errors[-2] else 0
            if still == self.n_iter_no_change:
                break
        self.n_iter_ = len(errors)
        self.errors_ = np.array(errors)
        self._check_finite()

    def _check_finite(self):
        if not (np.isfinite(self.codebook_).all() and np.isfinite(self.errors_).all()):
            raise ValueError(
                f"the codebook or its errors are no longer finite: init, targets or weights are too large "
                f"for {self.codebook_.dtype}. Scale them down."
            )

    def _batch_passes(self, rows, sample_weight):
        for radius in self._radii(_progress(self.max_iter)):
            statistics = accumulate(rows, self.codebook_, sample_weight, self.metric, self._feature_weight)
            self.codebook_ = update(statistics, self.codebook_, self._smoother(radius), rows.n_threads)
            yield radius, statistics.error

    def _minibatch_passes(self, rows, sample_weight):
        n_parts = max(1, -(-rows.n // self.batch_size))
        steps = _progress(self.max_iter * n_parts)
        radii, rates = self._radii(steps), self._rates(steps)
        for turn in range(self.max_iter):
            error = 0.0
            for i, part in enumerate(batches(rows.n, self.batch_size, self._random), turn * n_parts):
                weight = None if sample_weight is None else sample_weight[part]
                if weight is not None and not weight.any():
                    continue
                error += self._step(self._rows(rows.X[part]), weight, radii[i], rates[i])
            yield radii[(turn + 1) * n_parts - 1], error / n_parts

    def _step(self, rows, sample_weight, radius, rate):
        """Merge the statistics of some rows with what is left of those before; returns their error."""
        new = accumulate(rows, self.codebook_, sample_weight, self.metric, self._feature_weight)
        error = new.error
        if self._statistics is not None:
            new = self._statistics.merge(new, rate)
        self._statistics = new
        self.codebook_ = update(new, self.codebook_, self._smoother(radius), rows.n_threads)
        return error

    def _go_on(self, rows, sample_weight, first):
        """A call of ``partial_fit``: one step, or one online turn."""
        if first:
            self._begin(rows.X, sample_weight, self.grid_)
        progress = np.array([min(1.0, self._n_calls / max(1, self.max_iter - 1))])
        if self.training == "online":
            chosen = np.arange(rows.n) if sample_weight is None else np.flatnonzero(sample_weight)
            error = self._online_turn(rows.X, chosen, np.repeat(progress, len(chosen)))[1]
        else:
            error = self._step(rows, sample_weight, self._radii(progress)[0], self._rates(progress)[0])
        self._n_calls += 1
        self.n_iter_ = self._n_calls
        self.errors_ = np.append(self.errors_ if self._n_calls > 1 else [], error)
        self._check_finite()

    def _online_passes(self, rows, sample_weight):
        n_rows = rows.n
        chance = None if sample_weight is None else sample_weight / sample_weight.sum()
        for turn in range(self.max_iter):
            # rows of weight w are drawn w times as often
            order = (
                self._random.permutation(n_rows)
                if chance is None
                else self._random.choice(n_rows, n_rows, p=chance)
            )
            steps = (turn * n_rows + np.arange(n_rows)) / max(1, self.max_iter * n_rows - 1)
            yield self._online_turn(rows.X, order, steps)

    def _online_turn(self, X, order, steps):
        radii = self._radii(steps)
        self.codebook_, error = train_online(
            X, self.codebook_, order.astype(np.int64), self._rates(steps), radii, self.grid_, self
        )
        return radii[-1], error

    def _finish(self, rows, sample_weight):
        """Winners of the rows by the final codebook."""
        self.bmu_, _ = rows.nearest(
            self.codebook_, metric=self.metric, feature_weight=self._feature_weight, distances=False
        )
        counts = np.bincount(self.bmu_, sample_weight, minlength=len(self.codebook_))
        self.hits_ = counts.astype(np.float64).reshape(self.n_rows, self.n_columns)

    # -- nodes of rows

    def _read(self, X):
        check_is_fitted(self)
        return read_rows(self, X, reset=False, metric=self.metric, dtype=self.codebook_.dtype)

    def _rows(self, X):
        """X as the engine reads it."""
        return Rows(X, resolve_n_jobs(self.n_jobs))

    def _nearest(self, X, second=False):
        return self._rows(X).nearest(
            self.codebook_, metric=self.metric, second=second, feature_weight=self._feature_weight
        )

    def winners(self, X):
        """Node that each row belongs to, the best matching unit.

        Parameters
        ----------
        X : array-like or CSR matrix of shape (n_samples, n_features)
            NaN is a missing value: the distance is over the known features.

        Returns
        -------
        node : int32 ndarray of shape (n_samples,)
            ``row * n_columns + column``.
        """
        return self._nearest(self._read(X))[0]

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        return tags


def _progress(n):
    """From 0 to 1 in n steps."""
    return np.arange(n) / max(1, n - 1)
