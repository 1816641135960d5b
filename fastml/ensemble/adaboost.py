"""AdaBoost: members that are fitted to what the members before them got wrong."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import numpy as np
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.extmath import softmax
from sklearn.utils.validation import check_is_fitted

from fastml._engine.tree.row_weights import weigh_errors
from fastml.ensemble.adaboost_base import BaseAdaBoost, Verdict
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor

__all__ = ["AdaBoostClassifier", "AdaBoostRegressor"]


class AdaBoostClassifier(ClassifierMixin, BaseAdaBoost):
    """An AdaBoost classifier [1]_, for several classes by SAMME [2]_.

    Each member is fitted to the training rows with weights. Rows that it gets wrong become heavier for the
    next one, and members vote with a weight that grows with their share of right answers.

    Parameters
    ----------
    estimator : estimator, default=None
        Member, cloned for each round. It must take ``sample_weight`` or `resample` must be True. None: a tree
        of one split, ``DecisionTreeClassifier(max_depth=1)``. Trees of :mod:`fastml.tree` of any depth are
        grown on one binned table; any other estimator is fitted from the rows again in each round.
    n_estimators : int, default=50
        Most rounds. Fewer are made if a member is perfect, or no better than guessing.
    learning_rate : float, default=1.0
        Factor of the members' weights, above 0. With a smaller one more rounds are needed, and rows become
        heavy more slowly.
    random_state : int, RandomState instance or None, default=None
        Seed of the members' random choices, and of the rows that are drawn with `resample`.
    resample : bool, default=False
        Whether to fit each member to as many rows, drawn with replacement in proportion to their weights,
        instead of to all rows with weights: the first version in the textbook, and the way to boost an
        estimator that takes no weights.
    n_jobs : int or None, default=None
        Threads for trees of :mod:`fastml.tree`; None means all cores. The number of threads never changes the
        model.

    Attributes
    ----------
    estimator_ : estimator
        The unfitted member.
    estimators_ : list of classifiers
        The fitted members.
    classes_ : ndarray of shape (n_classes,)
        Class labels.
    n_classes_ : int
    estimator_weights_, estimator_errors_ : float64 ndarrays of shape (n_estimators,)
        Weights of the members' votes, and their weighted errors; 0 and 1 for rounds that were not made.
    feature_importances_ : ndarray of shape (n_features,)
        If the members have such.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    sklearn.ensemble.AdaBoostClassifier : The same interface in scikit-learn.

    Notes
    -----
    For 2 classes SAMME is AdaBoost: a member of weighted error e votes with
    ``learning_rate * log((1 - e) / e)``, and the weights of rows that it got wrong are multiplied by the
    exponential of that. For K classes ``log(K - 1)`` is added, so that better than guessing is enough.

    References
    ----------
    .. [1] Y. Freund, R. Schapire. "A Decision-Theoretic Generalization of On-Line Learning and an Application
       to Boosting." Journal of Computer and System Sciences 55, 1997.
    .. [2] J. Zhu, H. Zou, S. Rosset, T. Hastie. "Multi-class AdaBoost." Statistics and Its Interface 2, 2009.

    Examples
    --------
    >>> from fastml.ensemble import AdaBoostClassifier
    >>> from sklearn.datasets import load_breast_cancer
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = AdaBoostClassifier(n_estimators=100, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.99)
    True
    """

    _estimator_type_name = "classifier"
    _asks_members = False

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        learning_rate=1.0,
        random_state=None,
        resample=False,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.resample = resample
        self.n_jobs = n_jobs

    def _default(self):
        return DecisionTreeClassifier(max_depth=1)

    def _judge(self, targets, predicted, weight, seen, first):
        wrong = predicted != targets
        total, of_wrong = weigh_errors(weight, wrong)
        error = of_wrong / total
        if error <= 0:
            return Verdict(0.0, 1.0, go_on=False)
        n_classes = self.n_classes_
        if error >= 1 - 1 / n_classes:
            if first:
                raise ValueError(
                    f"the first {type(self.estimator_).__name__} is worse than random: its weighted error "
                    f"{error:.4g} is not below {1 - 1 / n_classes:.4g}, that of guessing among {n_classes} "
                    "classes. AdaBoost needs a member that learns something."
                )
            return Verdict(error, 0.0, keep=False, go_on=False)
        vote = self.learning_rate * (np.log((1 - error) / error) + np.log(n_classes - 1))
        with np.errstate(over="ignore"):
            return Verdict(error, vote, wrong=wrong, factor=float(np.exp(vote)))

    # -- prediction

    def decision_function(self, X):
        """Weighted mean of the members' votes.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        score : float64 ndarray of shape (n_samples,) for two classes, else (n_samples, n_classes)
            For two classes from -2 to 2, positive for the second; else from ``-1 / (n_classes - 1)`` to 1, in
            the order of `classes_`. Zeros of shape (n_samples, 1) if there is but one class.
        """
        check_is_fitted(self)
        rows = self._members.read(self, X)
        if self.n_classes_ == 1:
            return np.zeros((self._members.n_rows(rows), 1))
        weights = self.estimator_weights_
        return self._scores(self._members.total(rows, weights), weights.sum())

    def staged_decision_function(self, X):
        """Decision function after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Yields
        ------
        score : float64 ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        check_is_fitted(self)
        rows = self._members.read(self, X)
        totals = np.cumsum(self.estimator_weights_)
        for sums, total in zip(self._members.stages(rows, self.estimator_weights_), totals, strict=False):
            yield self._scores(sums, total)

    def _finishes(self):
        """What `predictor` makes of sums of votes, by its kind; nothing that a later fit replaces."""
        kept = SimpleNamespace(classes_=self.classes_, n_classes_=self.n_classes_)
        total = self.estimator_weights_.sum()

        def score(sums):
            return (
                np.zeros_like(sums) if kept.n_classes_ == 1 else AdaBoostClassifier._scores(kept, sums, total)
            )

        return {
            "predict": lambda sums: AdaBoostClassifier._labels(kept, score(sums)),
            "predict_proba": lambda sums: AdaBoostClassifier._probabilities(kept, score(sums)),
            "raw": score,
        }

    def _scores(self, sums, total):
        if self.n_classes_ == 2:
            return 2 * (sums[:, 0] / total)
        return sums / total

    def _labels(self, score):
        if self.n_classes_ == 2:
            return self.classes_.take(score > 0, axis=0)
        return self.classes_.take(score.argmax(axis=1), axis=0)

    def _probabilities(self, score):
        """Zhu et al., equation 15: the softmax of the decision function over K - 1."""
        if self.n_classes_ == 1:
            return np.ones((len(score), 1))
        if self.n_classes_ == 2:
            return softmax(np.stack([-score, score], axis=1) / 2, copy=False)
        return softmax(score / (self.n_classes_ - 1), copy=False)

    def predict(self, X):
        """Predict the class.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        y : ndarray of shape (n_samples,)
        """
        return self._labels(self.decision_function(X))

    def predict_proba(self, X):
        """Predict the probabilities of the classes.

        They follow from the decision function and keep to the middle: boosting orders rows well but says
        little about how sure it is (see `sklearn.calibration`).

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        return self._probabilities(self.decision_function(X))

    def predict_log_proba(self, X):
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        p : float64 ndarray of shape (n_samples, n_classes)
        """
        return np.log(self.predict_proba(X))

    def staged_predict(self, X):
        """Predicted classes after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Yields
        ------
        y : ndarray of shape (n_samples,)
        """
        for score in self.staged_decision_function(X):
            yield self._labels(score)

    def staged_predict_proba(self, X):
        """Probabilities of the classes after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Yields
        ------
        p : float64 ndarray of shape (n_samples, n_classes)
        """
        for score in self.staged_decision_function(X):
            yield self._probabilities(score)

    def staged_score(self, X, y, sample_weight=None):
        """Accuracy after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Yields
        ------
        score : float
        """
        for predicted in self.staged_predict(X):
            yield accuracy_score(y, predicted, sample_weight=sample_weight)


class AdaBoostRegressor(RegressorMixin, BaseAdaBoost):
    """An AdaBoost regressor, R2 [1]_.

    Each member is fitted to rows that are drawn by their weights. Rows far from their targets become heavier,
    and the prediction is the median of the members', weighted by how well they did.

    Parameters
    ----------
    estimator : estimator, default=None
        Member, cloned for each round. None: ``DecisionTreeRegressor(max_depth=3)``. Trees of
        :mod:`fastml.tree` of any depth are grown on one binned table; any other estimator is fitted from the
        rows again in each round.
    n_estimators : int, default=50
        Most rounds. Fewer are made if a member is perfect, or its mean loss is 0.5 and more.
    learning_rate : float, default=1.0
        Factor of the members' weights, above 0.
    loss : {"linear", "square", "exponential"}, default="linear"
        Loss of a row as a function of its error over the greatest error of the round.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows that are drawn, and of the members' random choices.
    resample : bool, default=True
        Whether to fit each member to as many rows, drawn with replacement in proportion to their weights. If
        not, to all rows, with weights, which the member must take.
    n_jobs : int or None, default=None
        Threads for trees of :mod:`fastml.tree`; None means all cores. The number of threads never changes the
        model.

    Attributes
    ----------
    estimator_ : estimator
        The unfitted member.
    estimators_ : list of regressors
        The fitted members.
    estimator_weights_, estimator_errors_ : float64 ndarrays of shape (n_estimators,)
        Weights of the members, and their mean losses; 0 and 1 for rounds that were not made.
    feature_importances_ : ndarray of shape (n_features,)
        If the members have such.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.

    See Also
    --------
    sklearn.ensemble.AdaBoostRegressor : The same interface in scikit-learn.

    References
    ----------
    .. [1] H. Drucker. "Improving Regressors using Boosting Techniques." International Conference on Machine
       Learning, 1997.

    Examples
    --------
    >>> from fastml.ensemble import AdaBoostRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = AdaBoostRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.5)
    True
    """

    _estimator_type_name = "regressor"
    _asks_members = True

    _parameter_constraints: ClassVar[dict] = {
        **BaseAdaBoost._parameter_constraints,
        "loss": [StrOptions({"linear", "square", "exponential"})],
    }

    def __init__(
        self,
        estimator=None,
        *,
        n_estimators=50,
        learning_rate=1.0,
        loss="linear",
        random_state=None,
        resample=True,
        n_jobs=None,
    ):
        self.estimator = estimator
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.loss = loss
        self.random_state = random_state
        self.resample = resample
        self.n_jobs = n_jobs

    def _default(self):
        return DecisionTreeRegressor(max_depth=3)

    def _judge(self, targets, predicted, weight, seen, first):
        loss = np.abs(predicted - targets)
        loss[~seen] = 0.0
        greatest = loss.max()
        # the mean of equal targets may differ from them in the last bit: that is no error to learn from
        if greatest <= 4 * np.finfo(np.float64).eps * np.abs(targets).max(initial=0.0, where=seen):
            return Verdict(0.0, 1.0, go_on=False)
        loss /= greatest
        if self.loss == "square":
            loss *= loss
        elif self.loss == "exponential":
            loss = 1.0 - np.exp(-loss)
        error = float((weight * loss).sum())
        if error >= 0.5:
            # a first member that is useless stays, as there is no other
            return Verdict(1.0, 0.0, keep=first, go_on=False)
        beta = error / (1 - error)
        vote = float(self.learning_rate * np.log(1 / beta))
        # what is seen does not get lost by underflow
        return Verdict(error, vote, factor=np.maximum(np.exp(vote * (loss - 1)), 1e-290))

    # -- prediction

    def _finishes(self):
        """What `predictor` makes of the members' predictions."""
        weights = self.estimator_weights_
        return {"predict": lambda said: _weighted_medians(said, weights)}

    def predict(self, X):
        """Predict the target: the weighted median of the members' predictions.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Returns
        -------
        y : float64 ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        rows = self._members.read(self, X)
        out = np.empty(self._members.n_rows(rows))
        for lo, said in self._members.blocks(rows):
            out[lo : lo + len(said)] = _weighted_medians(said, self.estimator_weights_)
        return out

    def staged_predict(self, X):
        """Predictions after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable

        Yields
        ------
        y : float64 ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        said = np.concatenate([part for _, part in self._members.blocks(self._members.read(self, X))])
        for n_members in range(1, len(self) + 1):
            yield _weighted_medians(said[:, :n_members], self.estimator_weights_)

    def staged_score(self, X, y, sample_weight=None):
        """R2 after each round.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,), default=None

        Yields
        ------
        score : float
        """
        for predicted in self.staged_predict(X):
            yield r2_score(y, predicted, sample_weight=sample_weight)


def _weighted_medians(values, weights):
    """Of each line the first of its sorted values at which half of the weight is reached."""
    order = np.argsort(values, axis=1)
    reached = np.cumsum(weights[order], axis=1)
    place = (reached >= 0.5 * reached[:, -1:]).argmax(axis=1)
    lines = np.arange(len(values))
    return values[lines, order[lines, place]]
