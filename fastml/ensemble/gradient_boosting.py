"""Gradient boosting of histogram trees: the two estimators."""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions

from fastml._engine.tree.objective import make_objective
from fastml._input.targets import check_target, encode_classes, encode_known_classes
from fastml.ensemble.boosting_base import BaseGradientBoosting
from fastml.ensemble.boosting_parameters import documented

__all__ = ["GradientBoostingClassifier", "GradientBoostingRegressor"]

_REGRESSION_SPEC = {"loss", "quantile", "delta", "huber_quantile", "power"}
_CLASSIFICATION_SPEC = {"loss", "n_classes", "focal_gamma"}


@documented
class GradientBoostingRegressor(RegressorMixin, BaseGradientBoosting):
    """Gradient boosting of histogram trees for regression [1]_.

    Parameters
    ----------
    loss : {{'squared_error', 'absolute_error', 'huber', 'quantile', 'poisson', 'gamma', 'tweedie'}} or \
            callable, default='squared_error'
        What is minimised. 'squared_error', 'poisson', 'gamma' and 'tweedie' are half the squared error and
        half deviances; the last three model the log of the mean, need ``y >= 0`` (gamma: ``y > 0``), and
        their predictions are positive. For 'absolute_error', 'huber' and 'quantile' the values of the leaves
        are medians and quantiles of residuals. A callable takes ``(y, raw)`` and returns gradient and hessian
        of each row; see :class:`fastml._engine.tree.objective_custom.Custom`.
    quantile : float or None, default=None
        Level of the quantile loss, between 0 and 1.
    huber_delta : float or None, default=None
        Residual beyond which the Huber loss is linear. None: in each round the `huber_quantile` quantile of
        the absolute residuals.
    huber_quantile : float, default=0.9
        See `huber_delta`.
    tweedie_power : float, default=1.5
        Power of the mean that the variance grows with: from 1 (Poisson) to 2 (gamma).
    {parameters}

    Attributes
    ----------
    {attributes}

    See Also
    --------
    sklearn.ensemble.HistGradientBoostingRegressor : The same interface in scikit-learn.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> from fastml.ensemble import GradientBoostingRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = GradientBoostingRegressor().fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseGradientBoosting._parameter_constraints,
        "loss": [
            StrOptions(
                {"squared_error", "absolute_error", "huber", "quantile", "poisson", "gamma", "tweedie"}
            ),
            callable,
        ],
        "quantile": [Interval(Real, 0, 1, closed="both"), None],
        "huber_delta": [Interval(Real, 0, None, closed="neither"), None],
        "huber_quantile": [Interval(Real, 0, 1, closed="neither")],
        "tweedie_power": [Interval(Real, 1, 2, closed="both")],
    }

    def __init__(
        self,
        loss="squared_error",
        *,
        quantile=None,
        huber_delta=None,
        huber_quantile=0.9,
        tweedie_power=1.5,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        growth="leaf",
        min_samples_leaf=20,
        min_weight_leaf=0.0,
        min_sum_hessian=1e-3,
        min_split_gain=0.0,
        l1_regularization=0.0,
        l2_regularization=0.0,
        max_delta_step=0.0,
        path_smooth=0.0,
        boosting="gbdt",
        drop_rate=0.1,
        skip_drop=0.5,
        max_drop=50,
        top_rate=0.2,
        other_rate=0.1,
        subsample=1.0,
        colsample_bytree=1.0,
        colsample_bylevel=1.0,
        colsample_bynode=1.0,
        max_features=1.0,
        extra_random=False,
        max_bins=255,
        categorical_features="from_dtype",
        cat_smooth=10.0,
        cat_l2=10.0,
        max_cat_onehot=4,
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-7,
        n_jobs=None,
        verbose=0,
        random_state=None,
    ):
        self._store_parameters(locals())

    def predict(self, X, base_margin=None):
        """Predict the target.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,), default=None
            Added to the scores before the link function.

        Returns
        -------
        y : float64 ndarray of shape (n_samples,)
        """
        raw = self._raw_predict(X, base_margin)
        return self._objective.inverse_link(raw.T)

    def staged_predict(self, X, base_margin=None):
        """Predict the target after every round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,), default=None

        Yields
        ------
        y : float64 ndarray of shape (n_samples,)
        """
        for raw in self._staged_raw_predict(X, base_margin):
            yield self._objective.inverse_link(raw.T)

    def _encode_y(self, y, reset, name="y"):
        return check_target(y, name)

    def _decode_y(self, y):
        return y

    def _loss_options(self):
        return {
            "loss": self.loss,
            "quantile": self.quantile,
            "delta": self.huber_delta,
            "huber_quantile": self.huber_quantile,
            "power": self.tweedie_power,
        }

    def _checked_objective(self, spec, classes):
        if not isinstance(spec, dict) or set(spec) != _REGRESSION_SPEC or classes is not None:
            raise ValueError(f"the objective of a regressor must have the fields {sorted(_REGRESSION_SPEC)}")
        return make_objective(**spec)


@documented
class GradientBoostingClassifier(ClassifierMixin, BaseGradientBoosting):
    """Gradient boosting of histogram trees for classification [1]_.

    Two classes have one score, the log odds of the second; more have one score each, and a tree per class in
    every round.

    Parameters
    ----------
    loss : {{'log_loss', 'focal'}} or callable, default='log_loss'
        What is minimised. 'focal' plays down rows that are classified well already. A callable takes
        ``(y, raw)``, y being class numbers, and returns gradient and hessian of each row; see
        :class:`fastml._engine.tree.objective_custom.Custom`.
    focal_gamma : float, default=2.0
        Exponent of the focal loss; 0 is log loss.
    {parameters}
    class_weight : dict or 'balanced' or None, default=None
        Weight of each class, multiplied with `sample_weight`. 'balanced': inverse to the number of rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    {attributes}

    See Also
    --------
    sklearn.ensemble.HistGradientBoostingClassifier : The same interface in scikit-learn.

    Notes
    -----
    {notes}

    Examples
    --------
    >>> from fastml.ensemble import GradientBoostingClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = GradientBoostingClassifier().fit(X, y)
    >>> float(model.score(X, y))
    1.0
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseGradientBoosting._parameter_constraints,
        "loss": [StrOptions({"log_loss", "focal"}), callable],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "class_weight": [dict, StrOptions({"balanced"}), None],
    }
    _stratifies = True

    def __init__(
        self,
        loss="log_loss",
        *,
        focal_gamma=2.0,
        learning_rate=0.1,
        max_iter=100,
        max_leaf_nodes=31,
        max_depth=None,
        growth="leaf",
        min_samples_leaf=20,
        min_weight_leaf=0.0,
        min_sum_hessian=1e-3,
        min_split_gain=0.0,
        l1_regularization=0.0,
        l2_regularization=0.0,
        max_delta_step=0.0,
        path_smooth=0.0,
        boosting="gbdt",
        drop_rate=0.1,
        skip_drop=0.5,
        max_drop=50,
        top_rate=0.2,
        other_rate=0.1,
        subsample=1.0,
        colsample_bytree=1.0,
        colsample_bylevel=1.0,
        colsample_bynode=1.0,
        max_features=1.0,
        extra_random=False,
        max_bins=255,
        categorical_features="from_dtype",
        cat_smooth=10.0,
        cat_l2=10.0,
        max_cat_onehot=4,
        monotonic_cst=None,
        interaction_cst=None,
        warm_start=False,
        early_stopping="auto",
        scoring="loss",
        validation_fraction=0.1,
        n_iter_no_change=10,
        tol=1e-7,
        n_jobs=None,
        verbose=0,
        random_state=None,
        class_weight=None,
    ):
        self._store_parameters(locals())

    def predict(self, X, base_margin=None):
        """Predict the class.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores.

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self._most_likely(self._raw_predict(X, base_margin))

    def staged_predict(self, X, base_margin=None):
        """Predict the class after every round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None

        Yields
        ------
        y : ndarray of shape (n_samples,)
        """
        for raw in self._staged_raw_predict(X, base_margin):
            yield self._most_likely(raw)

    def predict_proba(self, X, base_margin=None):
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores.

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._probabilities(self._raw_predict(X, base_margin))

    def staged_predict_proba(self, X, base_margin=None):
        """Predict the probabilities of the classes after every round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None

        Yields
        ------
        p : float64 ndarray of shape (n_samples, n_classes)
        """
        for raw in self._staged_raw_predict(X, base_margin):
            yield self._probabilities(raw)

    def decision_function(self, X, base_margin=None):
        """Scores before the link function.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None
            Added to the scores.

        Returns
        -------
        scores : float64 ndarray of shape (n_samples,), or (n_samples, n_classes) for more than two classes
        """
        return _flat(self._raw_predict(X, base_margin))

    def staged_decision_function(self, X, base_margin=None):
        """Scores after every round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
        base_margin : array-like of shape (n_samples,) or (n_samples, n_classes), default=None

        Yields
        ------
        scores : float64 ndarray of shape (n_samples,), or (n_samples, n_classes) for more than two classes
        """
        for raw in self._staged_raw_predict(X, base_margin):
            yield _flat(raw)

    def _most_likely(self, raw):
        # At a score of exactly 0 both classes are equally likely; argmax would say the first.
        codes = (raw[:, 0] > 0).astype(np.intp) if raw.shape[1] == 1 else raw.argmax(axis=1)
        return self.classes_[codes]

    def _probabilities(self, raw):
        p = self._objective.inverse_link(raw.T)
        return np.ones((p.shape[0], 1)) if self.classes_.size == 1 else p

    def _encode_y(self, y, reset, name="y"):
        if not reset:
            return encode_known_classes(y, self.classes_, name)
        self.classes_, codes = encode_classes(y)
        return codes

    def _decode_y(self, y):
        return self.classes_[y.astype(np.intp, copy=False)]

    def _loss_options(self):
        # One class alone is the first of two: its score falls to where the other's probability is nil.
        return {"loss": self.loss, "n_classes": max(2, self.classes_.size), "focal_gamma": self.focal_gamma}

    def _checked_objective(self, spec, classes):
        if not isinstance(spec, dict) or set(spec) != _CLASSIFICATION_SPEC:
            raise ValueError(
                f"the objective of a classifier must have the fields {sorted(_CLASSIFICATION_SPEC)}"
            )
        if classes is None or classes.size == 0 or spec["n_classes"] != max(2, classes.size):
            raise ValueError("the number of classes_ does not fit the objective")
        return make_objective(**spec)

    def _finalize_sample_weight(self, sample_weight, y):
        if self.class_weight is None:
            return sample_weight
        if self.class_weight != "balanced":
            for label, weight in self.class_weight.items():
                if not (isinstance(weight, Real) and 0 <= weight < np.inf):
                    raise ValueError(
                        f"class_weight[{label!r}] must be a finite number that is not negative, "
                        f"got {weight!r}."
                    )
        expanded = compute_sample_weight(self.class_weight, self._decode_y(y))
        weight = expanded if sample_weight is None else sample_weight * expanded
        if not weight.any():
            raise ValueError("class_weight and sample_weight leave every row with a weight of zero.")
        return weight


def _flat(raw):
    return raw[:, 0] if raw.shape[1] == 1 else raw
