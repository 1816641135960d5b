"""Random forests."""

from __future__ import annotations

from typing import ClassVar

from fastml.ensemble.forest_kinds import ForestClassifier, ForestRegressor
from fastml.ensemble.forest_parameters import FOREST_TEXT
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor
from fastml.tree.parameters import documented

__all__ = ["RandomForestClassifier", "RandomForestRegressor"]


@documented(FOREST_TEXT, bootstrap="True", limits='"sqrt"')
class RandomForestClassifier(ForestClassifier):
    """A random forest of classification trees [1]_.

    Parameters
    ----------
    {n_estimators}
    {classification_criterion}
    {limits}
    {max_leaf_nodes}
    {bootstrap}
    {random_state}
    {run}
    {forest_class_weight}
    {pruning}
    {max_samples}
    {tables}

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of such for several outputs
        Class labels.
    n_classes_ : int, or ndarray of shape (n_outputs,)
    {forest_attributes}
    oob_decision_function_ : ndarray of shape (n_samples, n_classes) or (n_samples, n_classes, n_outputs)
        With `oob_score`: mean probabilities of the trees that have not seen a row; zeros where all have.

    See Also
    --------
    sklearn.ensemble.RandomForestClassifier : The same interface in scikit-learn.

    Notes
    -----
    {forest_notes}

    References
    ----------
    .. [1] L. Breiman. "Random Forests." Machine Learning 45, 2001.

    Examples
    --------
    >>> from fastml.ensemble import RandomForestClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = RandomForestClassifier(random_state=0).fit(X, y)
    >>> float(model.score(X, y))
    1.0
    """

    _tree_class: ClassVar[type] = DecisionTreeClassifier
    _splitter: ClassVar[str] = "best"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="gini",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features="sqrt",
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=True,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        class_weight=None,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        categorical_features="from_dtype",
        max_bins=255,
        exact="auto",
    ):
        self._store_parameters(locals())


@documented(FOREST_TEXT, bootstrap="True", limits="1.0")
class RandomForestRegressor(ForestRegressor):
    """A random forest of regression trees [1]_.

    Parameters
    ----------
    {n_estimators}
    {regression_criterion}
    {limits}
    {max_leaf_nodes}
    {bootstrap}
    {random_state}
    {run}
    {pruning}
    {max_samples}
    {tables}
    {leaf_targets}

    Attributes
    ----------
    {forest_attributes}
    oob_prediction_ : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        With `oob_score`: mean of the trees that have not seen a row; zero where all have.

    See Also
    --------
    sklearn.ensemble.RandomForestRegressor : The same interface in scikit-learn.

    Notes
    -----
    {forest_notes}

    References
    ----------
    .. [1] L. Breiman. "Random Forests." Machine Learning 45, 2001.

    Examples
    --------
    >>> from fastml.ensemble import RandomForestRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = RandomForestRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _tree_class: ClassVar[type] = DecisionTreeRegressor
    _splitter: ClassVar[str] = "best"

    def __init__(
        self,
        n_estimators=100,
        *,
        criterion="squared_error",
        max_depth=None,
        min_samples_split=2,
        min_samples_leaf=1,
        min_weight_fraction_leaf=0.0,
        max_features=1.0,
        max_leaf_nodes=None,
        min_impurity_decrease=0.0,
        bootstrap=True,
        oob_score=False,
        n_jobs=None,
        random_state=None,
        verbose=0,
        warm_start=False,
        ccp_alpha=0.0,
        max_samples=None,
        monotonic_cst=None,
        categorical_features="from_dtype",
        max_bins=255,
        exact="auto",
        leaf_targets=False,
    ):
        self._store_parameters(locals())
