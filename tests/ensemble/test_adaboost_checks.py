"""scikit-learn's estimator checks of AdaBoost.

Two cannot hold, in scikit-learn's neither, where rows are drawn: they ask that a row of weight 3 leads to the
same random draws as three rows in another order.
"""

import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.ensemble import AdaBoostClassifier, AdaBoostRegressor
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeRegressor


def cannot_hold(estimator):
    if not estimator.resample:
        return {}
    why = "rows are drawn by number"
    return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        AdaBoostClassifier(n_estimators=5),
        AdaBoostRegressor(DecisionTreeRegressor(max_depth=1), n_estimators=5),
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5, resample=True),
        AdaBoostRegressor(ExtraTreeRegressor(max_depth=4), n_estimators=5, loss="square"),
        AdaBoostRegressor(n_estimators=5, resample=False),
        AdaBoostClassifier(LogisticRegression(), n_estimators=5),
        AdaBoostRegressor(Ridge(), n_estimators=5),
    ],
    expected_failed_checks=cannot_hold,
)
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", [AdaBoostClassifier, AdaBoostRegressor])
def test_tags_are_those_of_the_members(cls):
    tags = cls().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.sparse
    tags = cls(LogisticRegression()).__sklearn_tags__()
    assert tags.input_tags.sparse and not tags.input_tags.allow_nan
