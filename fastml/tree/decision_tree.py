"""Classification and regression trees."""

from __future__ import annotations

from typing import ClassVar

from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import metadata_routing

from fastml.tree.base import BaseTree
from fastml.tree.classes import labels_of_shares, logs, split_outputs
from fastml.tree.parameters import CLASSIFICATION, REGRESSION, documented

__all__ = ["ClassifierTree", "DecisionTreeClassifier", "DecisionTreeRegressor", "RegressorTree"]


class ClassifierTree(ClassifierMixin, BaseTree):
    """What the two classifiers have in common."""

    __metadata_request__predict_proba: ClassVar[dict] = {"check_input": metadata_routing.UNUSED}

    _parameter_constraints: ClassVar[dict] = {**BaseTree._parameter_constraints, **CLASSIFICATION}

    def predict(self, X, check_input=True):
        """Predict the class.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        check_input : bool, default=True
            Ignored.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return labels_of_shares(self.predict_proba(X), self.classes_)

    def predict_proba(self, X, check_input=True):
        """Predict the probabilities of the classes: their shares in the leaf.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        check_input : bool, default=True
            Ignored.

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

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class RegressorTree(RegressorMixin, BaseTree):
    """What the two regressors have in common."""

    _parameter_constraints: ClassVar[dict] = {**BaseTree._parameter_constraints, **REGRESSION}

    def predict(self, X, check_input=True):
        """Predict the target: the value of the leaf.

        Parameters
        ----------
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features), or BinnedTable
        check_input : bool, default=True
            Ignored.

        Returns
        -------
        y : float64 ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        self._check_fitted()
        value = self._mean_values(X)
        return value[:, 0] if self.n_outputs_ == 1 else value


@documented(splitter="best", limits="None")
class DecisionTreeClassifier(ClassifierTree):
    """A classification tree [1]_.

    Parameters
    ----------
    {classification_criterion}
    {splitter}
    {limits}
    {random_state}
    {max_leaf_nodes}
    {class_weight}
    {pruning}
    {tables}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such for several outputs
        Class labels.
    n_classes_ : int, or ndarray of shape (n_outputs,)
    feature_importances_ : ndarray of shape (n_features,)
    max_features_ : int
        Features looked at in a node.
    n_features_in_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.
    is_categorical_ : bool ndarray of shape (n_features,), or None
    tree_ : TreeArrays
        The tree, node by node.

    See Also
    --------
    sklearn.tree.DecisionTreeClassifier : The same interface in scikit-learn.

    Notes
    -----
    Among equally good splits of several features chance decides, by `random_state`, as in scikit-learn.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone. "Classification and Regression Trees." Wadsworth,
       1984.

    Examples
    --------
    >>> from fastml.tree import DecisionTreeClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> float(DecisionTreeClassifier().fit(X, y).score(X, y))
    1.0
    """

    def __init__(
        self,
        *,
        criterion="gini",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        class_weight=None,
        ccp_alpha=0.0,
        monotonic_cst=None,
        n_jobs=None,
        categorical_features="from_dtype",
        max_bins=255,
        exact="auto",
    ):
        self._store_parameters(locals())


@documented(splitter="best", limits="None")
class DecisionTreeRegressor(RegressorTree):
    """A regression tree [1]_.

    Parameters
    ----------
    {regression_criterion}
    {splitter}
    {limits}
    {random_state}
    {max_leaf_nodes}
    {pruning}
    {tables}

    Attributes
    ----------
    feature_importances_ : ndarray of shape (n_features,)
    max_features_ : int
        Features looked at in a node.
    n_features_in_, n_outputs_ : int
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names that are all text.
    is_categorical_ : bool ndarray of shape (n_features,), or None
    tree_ : TreeArrays
        The tree, node by node.

    See Also
    --------
    sklearn.tree.DecisionTreeRegressor : The same interface in scikit-learn.

    Notes
    -----
    Among equally good splits of several features chance decides, by `random_state`, as in scikit-learn.

    References
    ----------
    .. [1] L. Breiman, J. Friedman, R. Olshen, C. Stone. "Classification and Regression Trees." Wadsworth,
       1984.

    Examples
    --------
    >>> from fastml.tree import DecisionTreeRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> float(DecisionTreeRegressor().fit(X, y).score(X, y))
    1.0
    """

    def __init__(
        self,
        *,
        criterion="squared_error",
        splitter="best",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=None,
        random_state=None,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        ccp_alpha=0.0,
        monotonic_cst=None,
        n_jobs=None,
        categorical_features="from_dtype",
        max_bins=255,
        exact="auto",
    ):
        self._store_parameters(locals())
