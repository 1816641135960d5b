"""Extremely randomised trees: thresholds are drawn, not searched."""

from __future__ import annotations

from fastml.tree.decision_tree import ClassifierTree, RegressorTree
from fastml.tree.parameters import documented

__all__ = ["ExtraTreeClassifier", "ExtraTreeRegressor"]


@documented(splitter="random", limits='"sqrt"')
class ExtraTreeClassifier(ClassifierTree):
    """An extremely randomised classification tree [1]_, of use in ensembles only.

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
    fastml.ensemble.ExtraTreesClassifier : Many of them.

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel. "Extremely randomized trees." Machine Learning 63, 2006.

    Examples
    --------
    >>> from fastml.tree import ExtraTreeClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> float(ExtraTreeClassifier(random_state=0).fit(X, y).score(X, y))
    1.0
    """

    def __init__(
        self,
        *,
        criterion="gini",
        splitter="random",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features="sqrt",
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


@documented(splitter="random", limits="1.0")
class ExtraTreeRegressor(RegressorTree):
    """An extremely randomised regression tree [1]_, of use in ensembles only.

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
    fastml.ensemble.ExtraTreesRegressor : Many of them.

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel. "Extremely randomized trees." Machine Learning 63, 2006.

    Examples
    --------
    >>> from fastml.tree import ExtraTreeRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> float(ExtraTreeRegressor(random_state=0).fit(X, y).score(X, y))
    1.0
    """

    def __init__(
        self,
        *,
        criterion="squared_error",
        splitter="random",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=1.0,
        random_state=None,
        min_impurity_decrease=0.0,
        max_leaf_nodes=None,
        ccp_alpha=0.0,
        monotonic_cst=None,
        n_jobs=None,
        categorical_features="from_dtype",
        max_bins=255,
        exact="auto",
    ):
        self._store_parameters(locals())
