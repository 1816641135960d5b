"""scikit-learn's estimator checks; none is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor


@parametrize_with_checks(
    [
        GradientBoostingClassifier(),
        GradientBoostingRegressor(),
        GradientBoostingClassifier(boosting="dart", loss="focal", max_iter=20),
        GradientBoostingRegressor(boosting="goss", growth="level", path_smooth=1.0, l1_regularization=0.1),
    ]
)
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", [GradientBoostingClassifier, GradientBoostingRegressor])
def test_tags(cls):
    tags = cls().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.sparse
    assert tags.target_tags.required and not tags.no_validation and not tags.non_deterministic
