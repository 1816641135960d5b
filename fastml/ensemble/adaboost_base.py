"""AdaBoost's rounds: learn, judge, weigh the training rows anew."""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import _num_samples, check_consistent_length, check_is_fitted, column_or_1d

from fastml._engine.runtime.interrupt import check
from fastml._engine.tree.row_weights import divide_weights, raise_errors
from fastml.ensemble import adaboost_state
from fastml.ensemble.boosted_members import EstimatorMembers, TreeMembers, takes_missing, takes_sparse
from fastml.inspection.trees import ShownTrees
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor
from fastml.tree.targets import check_sample_weight

__all__ = ["BaseAdaBoost", "Verdict"]

# Grown on one binned table. A subclass may do other things in fit or predict: it counts as any estimator.
_OWN_TREES = {
    "classifier": (DecisionTreeClassifier, ExtraTreeClassifier),
    "regressor": (DecisionTreeRegressor, ExtraTreeRegressor),
}


# Weight of a row that is seen, at least: it does not get lost by underflow.
_LEAST = float(np.finfo(np.float64).eps)


class Verdict:
    """What a round comes to.

    Attributes
    ----------
    error : float
        Weighted error of the member.
    vote : float
        Its weight in the ensemble.
    keep, go_on : bool
        Whether the member stays, and whether another round follows.
    factor : float or float array of shape (n_rows,), or None
        What multiplies the weights of the rows.
    wrong : bool array of shape (n_rows,) or None
        The rows whose weights a single `factor` multiplies.
    """

    def __init__(self, error, vote, *, keep=True, go_on=True, factor=None, wrong=None):
        self.error = error
        self.vote = vote
        self.keep = keep
        self.go_on = go_on
        self.factor = factor
        self.wrong = wrong

    def weigh(self, weight):
        """Multiply the weights of the rows, in place; their sum."""
        if self.wrong is not None:
            return raise_errors(weight, self.wrong, self.factor)
        with np.errstate(over="ignore", invalid="ignore"):
            weight *= self.factor
            return weight.sum()


class BaseAdaBoost(ShownTrees, MetaEstimatorMixin, BaseEstimator, ABC):
    """Base class of the two AdaBoost estimators."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_estimators": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
        "resample": ["boolean"],
        "n_jobs": [Integral, None],
    }

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X, y, sample_weight=None):
        """Fit the members, one after the other.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
            With trees of this library as members: what they take (NaN, None and masked values are missing;
            text and categories in categorical columns). With other members: what they take as an array.
        y : array-like of shape (n_samples,)
            Class labels, or real numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights that the rows begin with, not negative. A row of weight 0 is not seen.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            For values that the members cannot learn from, for a member that does not take weights, and if the
            first member is no better than guessing.
        KeyboardInterrupt
            After Ctrl-C; the estimator is as it was before.
        """
        before = vars(self).copy()
        try:
            self._fit(X, y, sample_weight)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise
        return self

    def _fit(self, X, y, sample_weight):
        y = self._column(y)
        check_consistent_length(X, y)
        n_rows = _num_samples(X)
        weight = check_sample_weight(sample_weight, n_rows)
        weight = np.ones(n_rows) if weight is None else weight.copy()
        divide_weights(weight, weight.sum(), _LEAST)
        rng = check_random_state(self.random_state)
        members = self._new_members()
        for name in ("feature_names_in_", "classes_", "n_classes_"):
            vars(self).pop(name, None)
        members.begin(self, X, y, weight, rng)
        self.estimator_weights_ = np.zeros(self.n_estimators)
        self.estimator_errors_ = np.ones(self.n_estimators)
        self._boost(members, weight)
        members.finish()
        self._members = members

    def _column(self, y):
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        return column_or_1d(y, warn=True)

    def _new_members(self):
        self.estimator_ = estimator = self.estimator if self.estimator is not None else self._default()
        if type(estimator) in _OWN_TREES[self._estimator_type_name]:
            tree = type(estimator)(**estimator.get_params(deep=False))
            return TreeMembers(tree.set_params(n_jobs=self.n_jobs), self.resample)
        return EstimatorMembers(estimator, self.resample)

    def _boost(self, members, weight):
        """The rounds. `weight` has the sum 1; it is changed in place."""
        seen = weight > 0
        for index in range(self.n_estimators):
            check()
            predicted = members.learn(weight)
            verdict = self._judge(members.targets, predicted, weight, seen, first=index == 0)
            if verdict.keep:
                members.keep(verdict.vote)
                self.estimator_weights_[index] = verdict.vote
                self.estimator_errors_[index] = verdict.error
            if not verdict.go_on or index == self.n_estimators - 1:
                return
            total = verdict.weigh(weight)
            if not math.isfinite(total):
                warnings.warn(
                    f"Sample weights have reached infinite values, at iteration {index}, causing overflow. "
                    "Iterations stopped. Try lowering the learning rate.",
                    stacklevel=5,
                )
                return
            if total <= 0:
                return
            divide_weights(weight, total, _LEAST)

    @abstractmethod
    def _default(self):
        """The member where `estimator` is None."""

    @abstractmethod
    def _judge(self, targets, predicted, weight, seen, first) -> Verdict:
        """Weigh a member and the rows."""

    # -- members

    def __sklearn_is_fitted__(self):
        return hasattr(self, "_members")

    @property
    def estimators_(self):
        """The members, as a list of fitted estimators. Trees of this library are made on the first call."""
        check_is_fitted(self)
        made = vars(self).get("_estimators")
        if made is None:
            self._estimators = made = self._members.estimators()
        return made

    def __getstate__(self):
        state = super().__getstate__()
        state.pop("_estimators", None)
        return state

    def predictor(self, kind="predict"):
        """A function that predicts single rows in some microseconds.

        It checks the type and the width of what it is given and nothing else, takes little memory but the
        result's, and may be called from many threads at once, which then run at the same time. It keeps the
        model as it is now: a later fit does not change it.

        Parameters
        ----------
        kind : {'predict', 'predict_proba', 'raw'}, default='predict'
            The method whose answer is wanted; 'raw': the decision function. A regressor knows only 'predict'.

        Returns
        -------
        predict : callable
            Takes one argument, a native float64 or float32 array of shape (n_features,), which is a table
            of one row, or (n_rows, n_features), in any order and with any strides; NaN is missing,
            categories are given as numbers. Returns, equal to the method to the bit,

            - 'predict': labels of the dtype of ``classes_``, or float64, of shape (n_rows,);
            - 'predict_proba': float64 of shape (n_rows, n_classes);
            - 'raw': float64 of shape (n_rows, 1) for two classes and (n_rows, n_classes) for more.

            Calling it raises TypeError if the argument is no array of these types, and ValueError if it has
            another number of features or of dimensions. It cannot be pickled (TypeError): pickle the model.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        ValueError
            For an unknown kind; if the members are no trees of this library, or were fitted on columns of
            text: a row of numbers cannot hold it.
        """
        check_is_fitted(self)
        finish = self._finishes()
        if kind not in finish:
            raise ValueError(f"kind must be one of {', '.join(map(repr, finish))}, got {kind!r}")
        return self._members.predictor(finish[kind], self._asks_members)

    def __len__(self):
        """Number of members."""
        return len(self._members) if hasattr(self, "_members") else 0

    def __getitem__(self, index):
        return self.estimators_[index]

    def __iter__(self):
        return iter(self.estimators_)

    @property
    def feature_importances_(self):
        """Mean of the members' importances, weighted by their votes: float64 (n_features,).

        Decreases of the impurity: features with many distinct values come out too important, see
        `sklearn.inspection`'s `permutation_importance`.
        """
        check_is_fitted(self)
        weights = self.estimator_weights_
        return self._members.importances(weights) / weights.sum()

    def save(self, path):
        """Write the model to a file that :func:`fastml.load` reads, if its members are trees of this library.

        Parameters
        ----------
        path : str, os.PathLike or binary file object
        """
        from fastml.io import save

        save(self, path)

    def _describe_forest(self):
        return adaboost_state.describe_forest(self)

    def _get_model_state(self):
        return adaboost_state.get_state(self)

    def _set_model_state(self, values, arrays):
        adaboost_state.set_state(self, values, arrays)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        member = self.estimator if self.estimator is not None else self._default()
        tags.input_tags.sparse = takes_sparse(member)
        tags.input_tags.allow_nan = takes_missing(member)
        return tags
