"""Forests of extremely randomised trees."""

from __future__ import annotations

from typing import ClassVar

from fastml.ensemble.forest_kinds import ForestClassifier, ForestRegressor
from fastml.ensemble.forest_parameters import FOREST_TEXT
from fastml.tree import ExtraTreeClassifier, ExtraTreeRegressor
from fastml.tree.parameters import documented

__all__ = ["ExtraTreesClassifier", "ExtraTreesRegressor"]


@documented(FOREST_TEXT, bootstrap="False", limits='"sqrt"')
class ExtraTreesClassifier(ForestClassifier):
    """A forest of extremely randomised classification trees [1]_.

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
    sklearn.ensemble.ExtraTreesClassifier : The same interface in scikit-learn.

    Notes
    -----
    {forest_notes}

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel. "Extremely randomized trees." Machine Learning 63, 2006.

    Examples
    --------
    >>> from fastml.ensemble import ExtraTreesClassifier
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = ExtraTreesClassifier(random_state=0).fit(X, y)
    >>> float(model.score(X, y))
    1.0
    """

    _tree_class: ClassVar[type] = ExtraTreeClassifier
    _splitter: ClassVar[str] = "random"

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
        bootstrap=False,
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


@documented(FOREST_TEXT, bootstrap="False", limits="1.0")
class ExtraTreesRegressor(ForestRegressor):
    """A forest of extremely randomised regression trees [1]_.

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
    sklearn.ensemble.ExtraTreesRegressor : The same interface in scikit-learn.

    Notes
    -----
    {forest_notes}

    References
    ----------
    .. [1] P. Geurts, D. Ernst, L. Wehenkel. "Extremely randomized trees." Machine Learning 63, 2006.

    Examples
    --------
    >>> from fastml.ensemble import ExtraTreesRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ExtraTreesRegressor(random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    _tree_class: ClassVar[type] = ExtraTreeRegressor
    _splitter: ClassVar[str] = "random"

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
        bootstrap=False,
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
