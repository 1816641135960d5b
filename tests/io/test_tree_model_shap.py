"""SHAP values of models of other libraries: what they add up to, and what the originals compute."""

import importlib.util

import numpy as np
import pytest
from sklearn import inspection
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier

from fastml.inspection import partial_dependence
from fastml.io import from_lightgbm, from_sklearn, from_xgboost


def data(n=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 5))
    X[:, 3] = rng.integers(0, 6, n)
    return X, X[:, 0] * X[:, 1] + np.isin(X[:, 3], [1, 4]) + X[:, 2] / 3


@pytest.mark.parametrize("kind", [GradientBoostingClassifier, RandomForestClassifier])
def test_values_add_up_to_the_score(kind):
    X, y = data()
    original = kind(n_estimators=9, random_state=0).fit(X, np.digitize(y, [-0.5, 0.5]))
    model = from_sklearn(original)
    score = original.decision_function(X) if hasattr(original, "decision_function") else None
    score = original.predict_proba(X) if score is None else score
    values = model.shap_values(X)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, score, rtol=0, atol=1e-12)
    pairs = model.shap_interaction_values(X[:20])
    np.testing.assert_allclose(pairs.sum(axis=2), values[:20], rtol=0, atol=1e-12)
    e = model.explain(X[:20], background=X[300:])
    np.testing.assert_allclose(e.values.sum(axis=1) + e.base_values, score[:20], rtol=0, atol=1e-12)
    assert e.feature_names == [f"x{j}" for j in range(5)]
    with pytest.raises(ValueError, match="no rows"):
        model.shap_values(X[:0])
    with pytest.raises(ValueError, match="4 features"):
        model.shap_values(X[:, :4])


def test_more_thresholds_than_codes():
    """A feature that is seen through several planes is one feature."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((4000, 3))
    y = np.sin(9 * X[:, 0]) + X[:, 1] * X[:, 2]
    original = GradientBoostingRegressor(n_estimators=60, max_depth=6, random_state=0).fit(X, y)
    model = from_sklearn(original)
    assert model._planes.size > 3
    values = model.shap_values(X[:50])
    raw = original.predict(X[:50])
    assert values.shape == (50, 3)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, raw, rtol=0, atol=1e-9)
    against = model.shap_values(X[:50], background=X[100:160])
    np.testing.assert_allclose(
        against.sum(axis=1), raw - original.predict(X[100:160]).mean(), rtol=0, atol=1e-9
    )
    # one column alone: partial dependence by the trees must know all planes of the feature
    found = partial_dependence(model, X, [0], grid_resolution=7)
    theirs = inspection.partial_dependence(original, X, [0], grid_resolution=7, method="recursion")
    shift = found.average - theirs.average
    np.testing.assert_allclose(shift, shift.mean(), rtol=0, atol=1e-9)


@pytest.mark.skipif(importlib.util.find_spec("lightgbm") is None, reason="lightgbm is not installed")
@pytest.mark.parametrize("categorical", [False, True])
def test_values_are_those_of_lightgbm(categorical):
    lightgbm = pytest.importorskip("lightgbm")
    X, y = data()
    X[::7, 0] = np.nan
    train = lightgbm.Dataset(X, y, categorical_feature=[3] if categorical else "auto")
    booster = lightgbm.train({"verbose": -1, "num_leaves": 63, "min_data_in_leaf": 3}, train, 20)
    model = from_lightgbm(booster)
    theirs = booster.predict(X, pred_contrib=True)
    np.testing.assert_allclose(model.shap_values(X), theirs[:, :-1], rtol=0, atol=1e-12)
    assert model.expected_value == pytest.approx(theirs[0, -1], abs=1e-12)


@pytest.mark.skipif(importlib.util.find_spec("xgboost") is None, reason="xgboost is not installed")
def test_values_are_those_of_xgboost():
    xgboost = pytest.importorskip("xgboost")
    X, y = data()
    X[::7, 0] = np.nan
    rows = xgboost.DMatrix(X, y)
    booster = xgboost.train({"max_depth": 5}, rows, 20)
    model = from_xgboost(booster)
    theirs = booster.predict(rows, pred_contribs=True)
    np.testing.assert_allclose(model.shap_values(X), theirs[:, :-1], rtol=0, atol=1e-4)
    theirs = booster.predict(rows, pred_interactions=True)[:, :-1, :-1]
    np.testing.assert_allclose(model.shap_interaction_values(X), theirs, rtol=0, atol=1e-4)
