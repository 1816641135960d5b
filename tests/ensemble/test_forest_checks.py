"""scikit-learn's estimator checks of the forests.

Without bootstrap none is expected to fail. With it, two cannot hold, in scikit-learn's forests neither: they
ask that a row of weight 3 leads to the same random draws as three rows in another order. Here
`test_random_forest.py::test_weights_are_chances` holds the draws to the weights.
"""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

CLASSES = [ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor]


def cannot_hold(estimator):
    if not estimator.bootstrap:
        return {}
    why = "the bootstrap draws rows by number"
    return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        *(cls(n_estimators=9) for cls in CLASSES),
        RandomForestClassifier(n_estimators=5, bootstrap=False),
        RandomForestRegressor(n_estimators=5, bootstrap=False, max_leaf_nodes=10, ccp_alpha=0.01),
        RandomForestClassifier(n_estimators=5, class_weight="balanced_subsample", max_samples=0.8),
        ExtraTreesRegressor(n_estimators=5, bootstrap=True, oob_score=True),
    ],
    expected_failed_checks=cannot_hold,
)
def test_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", CLASSES)
def test_tags(cls):
    tags = cls().__sklearn_tags__()
    assert tags.input_tags.allow_nan and tags.input_tags.sparse and tags.target_tags.multi_output
    assert tags.target_tags.required and not tags.no_validation and not tags.non_deterministic
