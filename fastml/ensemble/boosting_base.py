"""Fitting of the boosting classifier and regressor: from what the user gives to the loop that grows trees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.metrics import check_scoring, get_scorer_names
from sklearn.model_selection import train_test_split
from sklearn.utils import _safe_indexing, check_random_state
from sklearn.utils.validation import check_consistent_length

from fastml._engine.runtime.threads import resolve_n_jobs
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.boosting import BoostingLoop, WatchedRows, margin_baseline
from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.dropout import Dropout
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.metric import make_metrics
from fastml._engine.tree.objective import make_objective
from fastml._engine.tree.predict import add_tree
from fastml._engine.tree.sampling import AllRows, GradientRows, RandomRows
from fastml._engine.tree.table import Labels, Table
from fastml.ensemble.boosting_model import BoostingModel
from fastml.ensemble.boosting_parameters import CONSTRAINTS
from fastml.ensemble.constraints import categorical_mask, interaction_groups, monotonic_directions
from fastml.ensemble.monitor import (
    EarlyStopping,
    EvaluationSet,
    Monitor,
    callback_list,
    no_improvement,
    small_sample,
)
from fastml.ensemble.progress import Progress
from fastml.ensemble.rows import Rows, named_sets
from fastml.ensemble.targets import check_margin, check_weight

__all__ = ["BaseGradientBoosting"]

_ROWS_FOR_EARLY_STOPPING = 10_000
# Values in X below which one thread ends before others have started.
_CELLS_FOR_THREADS = 1 << 16
_MOST_BINS = 255
_LEAST_WEIGHT = 1e-30
_MOST = 2**31 - 1


def _limited(number):
    """A limit as large as the grower's integers can hold; larger ones, or None, are no limit there."""
    return None if number is None else min(int(number), _MOST)


class BaseGradientBoosting(BoostingModel, BaseEstimator, ABC):
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

    def _read_training_rows(self, train, warm):
        """Check X, y and weights; learn features, categories and classes unless the fit is continued."""
        X = self._check_X(train.X, reset=not warm)
        table = Table(X)
        if not warm:
            self.is_categorical_ = categorical_mask(table, self.categorical_features)
            self._categories = CategoryEncoder().fit(table, self.is_categorical_)
        train.data = self._categories.transform(table)
        train.y = self._encode_y(train.y, reset=not warm)
        check_consistent_length(X if hasattr(X, "shape") else train.data[0], train.y)
        train.weight = self._finalize_sample_weight(check_weight(train.weight, train.y), train.y)
        if train.weight is not None and train.weight.max() < _LEAST_WEIGHT:
            raise ValueError(
                f"the largest sample weight is {train.weight.max():g}: gradients, which are float32, would "
                f"vanish; multiply the weights so that it is at least {_LEAST_WEIGHT:g}."
            )
        self._start_objective(warm)
        if not warm:
            self.n_trees_per_iteration_ = self._objective.n_outputs
            self._limit_categories(table, train.data)
        train.y = self._objective_target(train.y)
        train.margin = check_margin(train.margin, train.y.shape[0], self.n_trees_per_iteration_)

    def _start_objective(self, warm):
        """The loss; rounds of one loss cannot be continued with another."""
        spec = self._loss_options()
        if warm and not (callable(spec["loss"]) and callable(self._objective_spec["loss"])):
            if spec != self._objective_spec:
                raise ValueError(
                    f"loss={self.loss!r} or one of its parameters differs from that of the rounds which "
                    "warm_start=True would continue; set it back, or fit with warm_start=False."
                )
            return
        # a function of the user may be another object than before: a model file does not hold it
        self._objective_spec = spec
        self._objective = make_objective(**spec)

    def _limit_categories(self, table, data):
        """Refuse more than ``max_bins`` categories where the user has set a limit.

        At the default of 255 the BinMapper groups the rarest.
        """
        if self.is_categorical_ is None or self.max_bins >= _MOST_BINS:
            return
        for j in np.flatnonzero(self.is_categorical_):
            column = data[j] if isinstance(data, list) else Table(data).column(int(j))
            known = self._categories.categories_.get(int(j))
            if known is None and not isinstance(column, Labels):
                distinct = np.unique(column)
                known = distinct[(distinct >= 0) & ~np.isnan(distinct)]
            if len(known) > self.max_bins:
                raise ValueError(
                    f"Categorical feature {table.title(int(j))} is expected to have a cardinality <= "
                    f"{self.max_bins} but actually has a cardinality of {len(known)}."
                )

    def _check_validation_arguments(self, validation):
        if validation.X is None and validation.y is None:
            if validation.weight is not None or validation.margin is not None:
                raise ValueError(
                    "sample_weight_val and base_margin_val are for X_val, which was not provided."
                )
            return
        if validation.y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if validation.X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val and y_val are passed to fit while at the same time early_stopping is False. When "
                "passing X_val and y_val to fit, early_stopping should be set to either 'auto' or True."
            )

    def _read_other_rows(self, rows, name):
        """Check and encode rows beside the training rows, in place."""
        X = self._check_X(rows.X, reset=False)
        rows.data = self._categories.transform(Table(X))
        target = "y_val" if name == "X_val" else f"y of {name}"
        rows.y = self._objective_target(self._encode_y(rows.y, reset=False, name=target))
        check_consistent_length(X, rows.y)
        rows.weight = check_weight(rows.weight, rows.y, f"the sample weights of {name}")
        rows.margin = check_margin(rows.margin, rows.y.shape[0], self.n_trees_per_iteration_)

    def _bin(self, train, validation, evaluation, provided, warm, n_threads):
        """Codes of all rows; sets rows aside for early stopping.

        The rows set aside have no say in where bins end.
        """
        held_out = None
        if self.do_early_stopping_ and self.validation_fraction is not None and not provided:
            kept, held_out = self._split(train.y)
        seen = train.weight
        if held_out is not None:
            seen = np.ones(train.y.shape[0]) if seen is None else seen.copy()
            seen[held_out] = 0.0
        if not warm:
            self._bin_mapper = BinMapper(
                max_bins=self.max_bins,
                categorical=self.is_categorical_,
                random_state=self._random_seed,
                n_threads=n_threads,
            ).fit(train.data, seen)
        binned = self._bin_mapper.transform(train.data)
        if held_out is None:
            train.binned = binned
        else:
            X = train.X
            for rows, chosen in ((validation, held_out), (train, kept)):
                rows.binned = binned.take(chosen, n_threads=n_threads)
                rows.y, rows.weight, rows.margin = (
                    None if part is None else np.ascontiguousarray(part[..., chosen])
                    for part in (train.y, train.weight, train.margin)
                )
                rows.X = (X, chosen)
        for rows in ([validation] if provided else []) + list(evaluation.values()):
            rows.binned = self._bin_mapper.transform(rows.data)
        for rows in (train, validation, *evaluation.values()):
            rows.data = None

    def _split(self, y):
        """Rows to train on and rows to set aside; the same in every warm start."""
        return train_test_split(
            np.arange(y.shape[0]),
            test_size=self.validation_fraction,
            stratify=y if self._stratifies else None,
            random_state=self._random_seed,
        )

    def _start_forest(self, train, warm, n_threads):
        if warm:
            return
        objective = self._objective
        if train.margin is None or objective.name == "custom":
            baseline = objective.baseline(train.y, train.weight)
        else:
            baseline = margin_baseline(objective, train.y, train.weight, train.margin, n_threads)
        self._forest = Forest(objective.n_outputs, baseline)

    def _start_scores(self, rows, n_threads):
        """Scores of the rows under the forest as it is."""
        forest = self._forest
        rows.raw = np.empty((forest.n_outputs, rows.binned.n_rows))
        rows.raw[...] = forest.baseline[:, None]
        if rows.margin is not None:
            rows.raw += rows.margin
        for i in range(forest.n_trees):
            add_tree(forest, i, rows.binned, rows.raw[forest.output_of(i)], n_threads=n_threads)

    def _make_loop(self, train, watched, directions, groups, n_threads):
        sampler = self._row_sampler(train.binned.n_rows)
        constant_hessian = self._objective.constant_hessian and train.weight is None and not sampler.reweights
        grower = Grower(
            train.binned,
            edges=self._bin_mapper.edges_,
            n_threads=n_threads,
            max_leaf_nodes=_limited(self.max_leaf_nodes),
            max_depth=_limited(self.max_depth),
            growth=self.growth,
            min_samples_leaf=_limited(self.min_samples_leaf),
            min_weight_leaf=self.min_weight_leaf,
            min_sum_hessian=self.min_sum_hessian,
            min_split_gain=self.min_split_gain,
            l1=self.l1_regularization,
            l2=self.l2_regularization,
            max_delta_step=self.max_delta_step,
            path_smooth=self.path_smooth,
            cat_smooth=self.cat_smooth,
            cat_l2=self.cat_l2,
            max_cat_onehot=_limited(self.max_cat_onehot),
            monotonic_cst=directions,
            interaction_cst=groups,
            colsample_bylevel=self.colsample_bylevel,
            colsample_bynode=self.max_features * self.colsample_bynode,
            extra_random=self.extra_random,
            constant_hessian=constant_hessian,
        )
        dropout = None
        if self.boosting == "dart":
            dropout = Dropout(self.drop_rate, self.skip_drop, self.max_drop, self._random_seed + 2)
        return BoostingLoop(
            forest=self._forest,
            binned=train.binned,
            grower=grower,
            objective=self._objective,
            y=train.y,
            weight=train.weight,
            raw=train.raw,
            seed=self._random_seed,
            grower_seed=self._random_seed if self._grower_draws() else 0,
            n_threads=n_threads,
            constant_hessian=constant_hessian,
            row_sampler=sampler,
            dropout=dropout,
            feature_fraction=self.colsample_bytree,
            weigh_leaves=self.min_weight_leaf > 0,
            monotonic_cst=directions,
            watched=[WatchedRows(rows.binned, rows.raw) for rows in watched],
            moved=train.move if self._order_is_free() else None,
        )

    def _order_is_free(self):
        """Whether nobody but the loop looks at single training rows while the model grows."""
        return self._objective.name != "custom" and (not self.do_early_stopping_ or self.scoring == "loss")

    def _grower_draws(self):
        """Whether growing one tree involves chance."""
        return self.extra_random or self.max_features * self.colsample_bynode * self.colsample_bylevel < 1

    def _row_sampler(self, n_rows):
        seed = self._random_seed + 1
        if self.boosting == "goss":
            full_rounds = int(min(1 / self.learning_rate, _MOST))
            return GradientRows(n_rows, self.top_rate, self.other_rate, seed, full_rounds)
        return RandomRows(n_rows, self.subsample, seed) if self.subsample < 1 else AllRows()

    def _start_early_stopping(self, train, validation, warm):
        """The scores before the first round, and the object that computes those after each."""
        train_score = list(self.train_score_) if warm else []
        validation_score = list(self.validation_score_) if warm else []
        if not self.do_early_stopping_:
            return None
        if self.scoring == "loss":
            score_train = self._negative_loss(train)
            score_validation = None if validation.binned is None else self._negative_loss(validation)
        else:
            scorer = check_scoring(self, self.scoring)
            by_name = isinstance(self.scoring, str) and self.scoring in get_scorer_names()
            classes = train.y if self._stratifies else None
            chosen = small_sample(train.y.shape[0], classes, self._random_seed)
            score_train = self._scorer_of(train, scorer, by_name, chosen)
            score_validation = (
                None if validation.binned is None else self._scorer_of(validation, scorer, by_name)
            )
        stopping = EarlyStopping(
            score_train, score_validation, self.n_iter_no_change, self.tol, train_score, validation_score
        )
        if not warm or not train_score:
            stopping.check()
        return stopping

    def _negative_loss(self, rows):
        return lambda: -self._objective.loss(rows.y, rows.raw, rows.weight)

    def _scorer_of(self, rows, scorer, by_name, chosen=None):
        """A function that computes the scorer on the rows, or on the chosen ones of them."""
        y = self._decode_y(rows.y if chosen is None else rows.y[chosen])
        options = {}
        if rows.weight is not None:
            options["sample_weight"] = rows.weight if chosen is None else rows.weight[chosen]
        if by_name:

            def score():
                raw = rows.raw if chosen is None else rows.raw[:, chosen]
                with self._scores_given(raw.T):
                    return float(scorer(self, None, y, **options))

            return score

        X, kept = rows.X if isinstance(rows.X, tuple) else (rows.X, None)
        if chosen is not None:
            kept = chosen if kept is None else kept[chosen]
        if kept is not None:
            X = _safe_indexing(X if hasattr(X, "shape") else np.asarray(X), kept)
        return lambda: float(scorer(self, X, y, **options))

    def _finish(self, monitor):
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
