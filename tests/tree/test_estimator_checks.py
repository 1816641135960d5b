"""scikit-learn's estimator checks; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

CLASSES = [DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor]


@parametrize_with_checks(
    [
        *(cls() for cls in CLASSES),
        DecisionTreeClassifier(criterion="entropy", max_leaf_nodes=8, min_impurity_decrease=0.01),
        DecisionTreeRegressor(criterion="absolute_error", max_depth=4, ccp_alpha=0.01),
        DecisionTreeRegressor(splitter="random", max_features=0.5),
    ]
)
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", CLASSES)
def test_tags(cls):
    tags = cls().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.sparse and tags.target_tags.multi_output
    assert tags.target_tags.required and not tags.no_validation and not tags.non_deterministic
