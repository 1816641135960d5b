"""Fitting of the boosting classifier and regressor: `fit`, and the order of its parts.

The parts are in `boosting_input` (rows), `boosting_rounds` (forest, loop, early stopping) and `monitor`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state

from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.metric import make_metrics
from fastml._engine.tree.objective import make_objective
from fastml._input.constraints import interaction_groups, monotonic_directions
from fastml.ensemble.boosting_input import BoostingInput
from fastml.ensemble.boosting_model import BoostingModel
from fastml.ensemble.boosting_parameters import CONSTRAINTS
from fastml.ensemble.boosting_rounds import BoostingRounds
from fastml.ensemble.monitor import (
    EvaluationSet,
    Monitor,
    callback_list,
    no_improvement,
)
from fastml.ensemble.progress import Progress
from fastml.ensemble.rows import Rows, named_sets

__all__ = ["BaseGradientBoosting"]

_ROWS_FOR_EARLY_STOPPING = 10_000
# Values in X below which one thread ends before others have started.
_CELLS_FOR_THREADS = 1 << 16


class BaseGradientBoosting(BoostingInput, BoostingRounds, BoostingModel, BaseEstimator, ABC):
    """Base class of the gradient boosting estimators."""

    _parameter_constraints: ClassVar[dict] = CONSTRAINTS

    def _store_parameters(self, given):
        """Keep what ``__init__`` was given, unchecked and unchanged, as scikit-learn's rules want it."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X,
        y,
        sample_weight=None,
        *,
        X_val=None,
        y_val=None,
        sample_weight_val=None,
        base_margin=None,
        base_margin_val=None,
        eval_set=None,
        eval_metric=None,
        callbacks=None,
    ):
        """Fit the model.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Numbers (NaN, None and masked values are missing), and text or categories in categorical columns.
            NumPy arrays, memory maps, pandas, Polars, pyarrow tables and SciPy sparse matrices (absent
            values are zeros). Read in place where possible, never modified.
        y : array-like of shape (n_samples,)
            Target.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative.
        X_val, y_val, sample_weight_val : array-like, default=None
            Rows for early stopping, instead of a part of the training rows.
        base_margin, base_margin_val : array-like of shape (n_samples,) or (n_samples, n_classes)
            Scores (before the link function) that the model is added to, an offset such as the log of an
            exposure. The constant that the model starts from is fitted with the offset in place. Pass the
            margin to the prediction methods, too.
        eval_set : dict, tuple or list of tuples, default=None
            Rows whose metrics are recorded after each round: name to ``(X, y)``, ``(X, y, sample_weight)`` or
            ``(X, y, sample_weight, base_margin)``. In a list, sets are named eval_0, eval_1, ...
        eval_metric : str, callable or list of these, default=None
            Metrics of the evaluation sets; by default 'loss'. Regression: 'mse', 'rmse', 'mae', 'mape', 'r2',
            'poisson_deviance', 'gamma_deviance', 'tweedie_deviance', 'quantile', 'huber'. Classification:
            'logloss', 'error', 'accuracy', 'balanced_accuracy', 'auc', 'average_precision', 'brier'. A
            callable takes ``(y, prediction, sample_weight)`` and returns a number; the prediction of a
            classifier are the probabilities, and y class numbers.
        callbacks : callable or list of callables, default=None
            Called after each round with a :class:`~fastml.ensemble.monitor.RoundInfo`: what the metrics are,
            and the estimator, which predicts with the rounds so far. May stop the fit (``info.stop()``, or
            return True) and set ``info.learning_rate``.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For values that the model cannot learn from; the message says which and why.
        KeyboardInterrupt
            After Ctrl-C; the complete rounds are kept.
        """
        before = vars(self).copy()
        monitor = None
        try:
            monitor = self._start(
                Rows(X, y, sample_weight, base_margin),
                Rows(X_val, y_val, sample_weight_val, base_margin_val),
                named_sets(eval_set),
                eval_metric,
                callbacks,
            )
            monitor.run()
        except BaseException:
            if monitor is None or self._forest.n_trees == 0:
                vars(self).clear()
                vars(self).update(before)
            else:
                self._finish(monitor)
            raise
        self._finish(monitor)
        return self

    # -- the parts of a fit, in order

    def _start(self, train, validation, evaluation, eval_metric, callbacks):
        """Everything before the first round; returns the Monitor that runs the rounds."""
        warm = self.warm_start and hasattr(self, "_forest")
        callbacks = callback_list(callbacks)
        self._check_parameters_together(warm)
        self._read_training_rows(train, warm)
        self._check_validation_arguments(validation)
        provided = validation.X is not None
        n_rows = train.y.shape[0]
        if isinstance(self.early_stopping, str):  # "auto"
            self.do_early_stopping_ = n_rows > _ROWS_FOR_EARLY_STOPPING or provided
        else:
            self.do_early_stopping_ = bool(self.early_stopping)
        if not warm:
            rng = check_random_state(self.random_state)
            self._random_seed = int(rng.randint(np.iinfo(np.uint32).max, dtype="u8"))
        n_threads = resolve_n_jobs(self.n_jobs)
        if n_rows * self.n_features_in_ < _CELLS_FOR_THREADS:
            n_threads = 1
        constraints = self._check_constraints()
        progress = Progress(int(self.verbose), self.n_iter_ if warm else 0, self.max_iter)

        if provided:
            self._read_other_rows(validation, "X_val")
        for name, rows in evaluation.items():
            self._read_other_rows(rows, f"eval_set {name!r}")
        self._bin(train, validation, evaluation, provided, warm, n_threads)
        progress.note("Bins and codes")

        self._start_forest(train, warm, n_threads)
        watched = [rows for rows in (validation, *evaluation.values()) if rows.binned is not None]
        for rows in (train, *watched):
            self._start_scores(rows, n_threads)
        loop = self._make_loop(train, watched, *constraints, n_threads)
        metrics = make_metrics(eval_metric, self._objective) if evaluation else []
        return Monitor(
            self,
            loop,
            max_iter=self.max_iter,
            learning_rate=float(self.learning_rate),
            early_stopping=self._start_early_stopping(train, validation, warm),
            sets=[
                EvaluationSet(name, rows, rows.y, rows.weight, metrics) for name, rows in evaluation.items()
            ],
            callbacks=callbacks,
            progress=progress,
        )

    def _check_parameters_together(self, warm):
        """What the range of a single parameter cannot say."""
        if warm and self.max_iter < self.n_iter_:
            raise ValueError(
                f"max_iter={self.max_iter} must be larger than or equal to n_iter_={self.n_iter_} when "
                "warm_start==True"
            )
        if self.boosting == "goss" and self.top_rate + self.other_rate >= 1:
            raise ValueError(
                f"top_rate + other_rate must be below 1, got {self.top_rate} + {self.other_rate}."
            )
        if self.boosting == "goss" and self.subsample < 1:
            raise ValueError(
                "boosting='goss' draws rows itself; it cannot be combined with subsample below 1."
            )

    def _check_constraints(self):
        """Direction of each feature, and sets of features that may interact; None where free."""
        directions = monotonic_directions(
            self.monotonic_cst,
            self.n_features_in_,
            getattr(self, "feature_names_in_", None),
            self.is_categorical_,
            type(self).__name__,
        )
        if directions is not None and self.n_trees_per_iteration_ > 1:
            raise ValueError("monotonic constraints are not supported for multiclass classification.")
        return directions, self._check_interaction_cst(self.n_features_in_)

    def _finish(self, monitor):
        self._forest.arrays()  # in one piece: several threads may be the first to predict
        stopping = monitor.early_stopping
        self.train_score_ = np.asarray([] if stopping is None else stopping.train_score, dtype=np.float64)
        self.validation_score_ = np.asarray(
            [] if stopping is None else stopping.validation_score, dtype=np.float64
        )
        self.evals_result_ = {s.name: s.history for s in monitor.sets}
        self._objective = make_objective(**self._objective_spec)  # without the buffers of the fit

    # -- what scikit-learn's estimators of the same job have under these names

    def _check_interaction_cst(self, n_features):
        return interaction_groups(self.interaction_cst, n_features)

    def _should_stop(self, scores):
        return no_improvement(scores, self.n_iter_no_change, self.tol)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.sparse = True
        return tags

    # -- what differs between classification and regression

    _stratifies = False

    @abstractmethod
    def _encode_y(self, y, reset, name="y"):
        """The target as numbers; learns the classes if ``reset``."""

    @abstractmethod
    def _decode_y(self, y):
        """The target as the user gave it."""

    @abstractmethod
    def _loss_options(self):
        """Arguments of `make_objective`."""

    def _objective_target(self, y):
        return self._objective.check_y(y)

    def _finalize_sample_weight(self, sample_weight, y):
        return sample_weight
