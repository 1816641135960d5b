"""What forests of classification and of regression trees predict."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import type_of_target

from fastml.ensemble.forest import BaseForest
from fastml.tree.classes import labels_of_shares, logs, split_outputs
from fastml.tree.parameters import CLASSIFICATION, REGRESSION
from fastml.tree.targets import read_numbers

__all__ = ["ForestClassifier", "ForestRegressor"]


class ForestClassifier(ClassifierMixin, BaseForest):
    """What the two classifiers have in common."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseForest._parameter_constraints,
        **CLASSIFICATION,
        "class_weight": [StrOptions({"balanced", "balanced_subsample"}), dict, list, None],
    }

    def _balances_sample(self):
        return self.bootstrap and self._is_preset("balanced_subsample")

    def _is_preset(self, name):
        return isinstance(self.class_weight, str) and self.class_weight == name

    def _class_weight_of_rows(self):
        if self.warm_start and isinstance(self.class_weight, str):
            import warnings

            warnings.warn(
                'class_weight presets "balanced" or "balanced_subsample" are not recommended for warm_start '
                'if the fitted data differs from the full dataset. In order to use "balanced" weights, use '
                'compute_class_weight("balanced", classes=classes, y=y). In place of y you can use a large '
                "enough sample of the full training set target to properly estimate the class frequency "
                "distributions. Pass the resulting weights as the class_weight parameter.",
                stacklevel=6,
            )
        if self._is_preset("balanced_subsample"):
            return None if self.bootstrap else "balanced"
        return self.class_weight

    def predict(self, X):
        """Predict the class: the one with the greatest mean probability over the trees.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return labels_of_shares(self.predict_proba(X), self.classes_)

    def predict_proba(self, X):
        """Predict the probabilities of the classes: the mean over trees of their shares in the leaf.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes), or list of such for several outputs
            In the order of `classes_`.
        """
        self._check_fitted()
        return split_outputs(self._mean_values(X), self.n_classes_)

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes), or list of such for several outputs
        """
        return logs(self.predict_proba(X))

    def _default_score(self):
        return accuracy_score

    def _predicted_codes(self, values):
        parts = split_outputs(values, self.n_classes_)
        if not isinstance(parts, list):
            return parts.argmax(axis=1)
        return np.stack([part.argmax(axis=1) for part in parts], axis=1)

    def _encode_again(self, y):
        y = np.asarray(y)
        columns = y.reshape(len(y), -1)
        known = [self.classes_] if self.n_outputs_ == 1 else self.classes_
        if columns.shape[1] != len(known):
            raise ValueError(f"y has {columns.shape[1]} outputs, the model {len(known)}")
        codes = np.empty(columns.shape, dtype=np.int32)
        for k, classes in enumerate(known):
            place = {label: i for i, label in enumerate(classes.tolist())}
            try:
                codes[:, k] = [place[label] for label in columns[:, k].tolist()]
            except KeyError as error:
                raise ValueError(f"y contains a label that fit has not seen: {error}") from None
        return codes

    def _set_oob_score_and_attributes(self, training):
        kind = type_of_target(training.targets)
        if kind in ("unknown", "multiclass-multioutput"):
            raise ValueError(
                f"The type of target cannot be used to compute OOB estimates. Got {kind} while only the "
                "following are supported: continuous, continuous-multioutput, binary, multiclass, "
                "multilabel-indicator."
            )
        values = self._oob_values(training)
        predicted = self._predicted_codes(values)
        parts = split_outputs(values, self.n_classes_)
        self.oob_decision_function_ = np.stack(parts, axis=2) if isinstance(parts, list) else parts
        score = self.oob_score if callable(self.oob_score) else accuracy_score
        targets = training.targets
        self.oob_score_ = score(targets[:, 0] if self.n_outputs_ == 1 else targets, predicted)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class ForestRegressor(RegressorMixin, BaseForest):
    """What the two regressors have in common."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseForest._parameter_constraints,
        **REGRESSION,
        "leaf_targets": ["boolean"],
    }

    def predict(self, X):
        """Predict the target: the mean over the trees.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        y : float64 ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        self._check_fitted()
        return self._flat(self._mean_values(X))

    def predict_quantiles(self, X, quantiles=(0.1, 0.5, 0.9)):
        """Predict quantiles of the target [1]_.

        The distribution is that of the training targets that share leaves with the row, each tree's with
        equal weight.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        quantiles : float or sequence of floats, default=(0.1, 0.5, 0.9)
            Levels, from 0 to 1.

        Returns
        -------
        q : float64 ndarray of shape (n_samples,) for a number, else (n_samples, n_quantiles)

        Raises
        ------
        ValueError
            If the forest was fitted with ``leaf_targets=False`` or several outputs, or a level is outside
            [0, 1].

        References
        ----------
        .. [1] N. Meinshausen. "Quantile Regression Forests." JMLR 7, 2006.
        """
        self._check_fitted()
        if self._leaf_targets is None:
            raise ValueError(
                "predict_quantiles needs the training targets of the leaves: fit with leaf_targets=True"
            )
        levels = np.asarray(quantiles, dtype=np.float64)
        if levels.ndim > 1 or levels.size == 0 or not ((levels >= 0) & (levels <= 1)).all():
            raise ValueError(f"quantiles must be numbers from 0 to 1, got {quantiles!r}")
        found = self._leaf_targets.quantiles(self, X, np.atleast_1d(levels))
        return found[:, 0] if levels.ndim == 0 else found

    def _read_training(self, X, y, sample_weight):
        training = super()._read_training(X, y, sample_weight)
        if self.leaf_targets and self.n_outputs_ > 1:
            raise ValueError(f"leaf_targets=True is for one output, y has {self.n_outputs_}")
        return training

    def _flat(self, values):
        return values[:, 0] if self.n_outputs_ == 1 else values

    def _default_score(self):
        return r2_score

    def _predicted_codes(self, values):
        return self._flat(values)

    def _encode_again(self, y):
        return read_numbers(y, type(self).__name__, self.criterion)

    def _set_oob_score_and_attributes(self, training):
        self.oob_prediction_ = self._flat(self._oob_values(training))
        score = self.oob_score if callable(self.oob_score) else r2_score
        self.oob_score_ = score(self._flat(training.targets), self.oob_prediction_)
