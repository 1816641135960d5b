"""SHAP values of every estimator: what they add up to, shapes, tables, wrong input."""

import importlib.util
import sys

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError

from fastml.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.inspection import Explanation
from fastml.tree import (
    BinnedTable,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

BOOSTING = [GradientBoostingClassifier, GradientBoostingRegressor]
FORESTS = [ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor]
TREES = [DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor]


def data(n_rows=400, n_classes=0, missing=True, seed=0):
    """Numbers, few distinct numbers, a feature of categories, one of noise."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal(n_rows), rng.integers(0, 4, n_rows), rng.integers(0, 9, n_rows)
    X = np.stack([*columns, rng.standard_normal(n_rows)], axis=1)
    y = X[:, 0] * (X[:, 1] - 1.5) + np.isin(X[:, 2], [2, 3, 7]) + rng.standard_normal(n_rows) / 4
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    if n_classes:
        y = np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes))
    return X, y


def small(kind, **options):
    if kind in BOOSTING:
        options = {"max_iter": 8, "max_leaf_nodes": 12, **options}
    elif kind in FORESTS:
        options = {"n_estimators": 6, **options}
    return kind(random_state=0, **options)


def output_of(model, X):
    """What the values of a model add up to."""
    if hasattr(model, "decision_function"):
        return model.decision_function(X)
    return model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kind", BOOSTING + FORESTS + TREES)
def test_values_add_up_to_the_prediction(kind, n_classes):
    X, y = data(n_classes=n_classes if "Classifier" in kind.__name__ else 0)
    model = small(kind, categorical_features=[2]).fit(X, y)
    expected = output_of(model, X)
    values = model.shap_values(X)
    assert values.dtype == np.float64
    assert values.shape == (400, 4) + expected.shape[1:]
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, expected, rtol=0, atol=1e-12)
    assert np.shape(model.expected_value) == expected.shape[1:]
    pairs = model.shap_interaction_values(X[:50])
    assert pairs.shape == (50, 4, 4) + expected.shape[1:]
    np.testing.assert_allclose(pairs.sum(axis=2), values[:50], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(pairs, np.swapaxes(pairs, 1, 2))
    if kind not in TREES:
        model.n_jobs = 2
        assert values.tobytes() == model.shap_values(X).tobytes()


@pytest.mark.parametrize("kind", [RandomForestRegressor, DecisionTreeRegressor])
def test_several_targets(kind):
    X, y = data()
    model = small(kind).fit(X, np.c_[y, -y, y**2])
    values = model.shap_values(X)
    assert values.shape == (400, 4, 3)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, model.predict(X), atol=1e-12)


@pytest.mark.parametrize("kind", [RandomForestClassifier, ExtraTreeClassifier])
def test_several_outputs_of_a_classifier(kind):
    X, y = data(n_classes=3)
    model = small(kind).fit(X, np.c_[y, y > 0])
    parts, expected = model.shap_values(X), model.expected_value
    assert [part.shape for part in parts] == [(400, 4, 3), (400, 4, 2)]
    for part, mean, proba in zip(parts, expected, model.predict_proba(X), strict=True):
        np.testing.assert_allclose(part.sum(axis=1) + mean, proba, atol=1e-12)
    with pytest.raises(ValueError, match="2 outputs"):
        model.explain(X)


@pytest.mark.parametrize("kind", [RandomForestClassifier, GradientBoostingClassifier])
def test_only_class(kind):
    X, _ = data()
    model = small(kind).fit(X, np.ones(400, dtype=int))
    assert model.shap_values(X).shape == ((400, 4, 1) if kind is RandomForestClassifier else (400, 4))


def test_weights_count_as_rows_do():
    X, y = data(missing=False)
    weight = np.random.default_rng(1).integers(0, 3, 400)
    again = np.repeat(np.arange(400), weight)
    options = {"max_depth": 4, "random_state": 0}
    weighted = DecisionTreeRegressor(**options).fit(X, y, sample_weight=weight)
    repeated = DecisionTreeRegressor(**options).fit(X[again], y[again])
    np.testing.assert_allclose(weighted.shap_values(X), repeated.shap_values(X), atol=1e-12)


def test_expected_value_is_the_mean_over_training_rows():
    X, y = data()
    model = small(GradientBoostingRegressor).fit(X, y)
    assert model.expected_value == pytest.approx(model.predict(X).mean(), abs=1e-9)
    tree = DecisionTreeRegressor().fit(X, y)
    assert tree.expected_value == pytest.approx(y.mean(), abs=1e-9)


def test_losses_with_a_link():
    X, y = data()
    model = small(GradientBoostingRegressor, loss="poisson").fit(X, np.exp(y))
    raw = np.log(model.predict(X))
    np.testing.assert_allclose(model.shap_values(X).sum(axis=1) + model.expected_value, raw, atol=1e-9)


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, RandomForestRegressor])
def test_tables_of_other_kinds(kind):
    pd = pytest.importorskip("pandas")
    X, y = data(missing=False)
    model = small(kind).fit(X, y)
    values = model.shap_values(X)
    for other in (X.astype(np.float32).astype(np.float64), np.asfortranarray(X), sparse.csr_matrix(X)):
        np.testing.assert_allclose(model.shap_values(other), values, atol=1e-5)
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["c"] = pd.Categorical([f"level {int(c)}" for c in X[:, 2]])
    model = small(kind).fit(frame, y)
    values = model.shap_values(frame)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, model.predict(frame), atol=1e-12)
    with pytest.raises(ValueError, match="feature names"):
        model.shap_values(frame[["b", "a", "c", "d"]])


def test_binned_table():
    X, y = data()
    table = BinnedTable(X)
    model = RandomForestRegressor(4, random_state=0).fit(table, y)
    np.testing.assert_array_equal(model.shap_values(table), model.shap_values(X))
    assert model.explain(table).data is None


@pytest.mark.parametrize("kind", BOOSTING + FORESTS + TREES)
def test_wrong_input(kind):
    X, y = data(n_classes=2)
    unfitted = small(kind)
    for ask in (unfitted.shap_values, unfitted.shap_interaction_values, unfitted.explain):
        with pytest.raises(NotFittedError):
            ask(X)
    with pytest.raises(NotFittedError):
        unfitted.expected_value  # noqa: B018
    model = small(kind).fit(X, y)
    for ask in (model.shap_values, model.shap_interaction_values, model.explain):
        with pytest.raises(ValueError, match="features"):
            ask(X[:, :3])
        with pytest.raises(ValueError, match=r"0 sample|minimum of 1"):
            ask(X[:0])
        with pytest.raises(ValueError, match=r"2D array|1D array"):
            ask(X[0])


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, RandomForestRegressor])
def test_values_without_end(kind):
    X, y = data()
    model = small(kind).fit(X, y)
    odd = X[:6].copy()
    odd[:, 0] = [np.inf, -np.inf, np.nan, 1e308, -1e308, 0.0]
    values = model.shap_values(odd)
    np.testing.assert_allclose(values.sum(axis=1) + model.expected_value, model.predict(odd), atol=1e-12)


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, RandomForestRegressor, DecisionTreeRegressor])
def test_models_that_say_nothing(kind):
    X, _ = data()
    model = small(kind).fit(X, np.full(400, 7.5))
    assert not model.shap_values(X).any() and not model.shap_interaction_values(X).any()
    assert model.expected_value == pytest.approx(7.5)


def test_deep_tree():
    """One row after the other is split off: a path of 800 splits."""
    x = np.arange(801.0)
    y = 2.0 ** -np.arange(801.0)
    model = DecisionTreeRegressor().fit(np.c_[x, -x], y)
    values = model.shap_values(np.c_[x, -x])
    np.testing.assert_allclose(
        values.sum(axis=1) + model.expected_value, model.predict(np.c_[x, -x]), atol=1e-12
    )


def test_adaboost_has_no_shap_values():
    """Votes and weighted medians are no sums over trees."""
    assert not hasattr(AdaBoostClassifier, "shap_values")
    assert not hasattr(AdaBoostRegressor, "shap_values")


def test_explanation_of_a_frame(monkeypatch):
    pd = pytest.importorskip("pandas")
    monkeypatch.setitem(sys.modules, "shap", None)  # as if it were not installed
    X, y = data(n_classes=3)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    model = small(GradientBoostingClassifier).fit(frame, np.array(["x", "y", "z"])[y])
    e = model.explain(frame)
    assert isinstance(e, Explanation) and len(e) == 400 and e.shape == (400, 4, 3)
    assert e.feature_names == ["a", "b", "c", "d"] and e.output_names == ["x", "y", "z"]
    np.testing.assert_array_equal(e.data, X)
    np.testing.assert_array_equal(e.values, model.shap_values(frame))
    np.testing.assert_allclose(e.values.sum(axis=1) + e.base_values, model.decision_function(frame))
    one = e[:10, "c", "y"]
    np.testing.assert_array_equal(one.values, e.values[:10, 2, 1])
    np.testing.assert_array_equal(one.base_values, e.base_values[:10, 1])
    assert one.feature_names == "c" and one.output_names == "y"
    np.testing.assert_array_equal(e[..., 2].values, e.values[..., 2])
    np.testing.assert_array_equal(e[3].values, e.values[3])
    np.testing.assert_array_equal(e[[3, 5], 1:3].data, X[[3, 5]][:, 1:3])
    with pytest.raises(KeyError, match="feature 'e'"):
        e[:, "e"]
    assert repr(e) == "Explanation(shape=(400, 4, 3))"


@pytest.mark.skipif(importlib.util.find_spec("shap") is None, reason="shap is not installed")
@pytest.mark.parametrize("kind", [GradientBoostingRegressor, GradientBoostingClassifier])
def test_pictures_of_the_shap_package(kind):
    shap = pytest.importorskip("shap")
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, y = data(n_classes=2)
    e = small(kind).fit(X, y).explain(X)
    assert isinstance(e, shap.Explanation)
    for draw in (shap.plots.beeswarm, shap.plots.bar):
        draw(e, show=False)
        plt.close("all")
    shap.plots.waterfall(e[0], show=False)
    shap.plots.scatter(e[:, 0], show=False)
    plt.close("all")


@pytest.mark.skipif(importlib.util.find_spec("shap") is None, reason="shap is not installed")
def test_values_are_those_of_the_shap_package():
    shap = pytest.importorskip("shap")
    X, y = data(missing=False)
    model = DecisionTreeRegressor(max_depth=5, random_state=0).fit(X, y)
    tree = model.tree_
    same = {
        "children_left": tree.children_left,
        "children_right": tree.children_right,
        "children_default": tree.children_right,
        "features": tree.feature,
        "thresholds": tree.threshold,
        "values": tree.value[:, :, 0],
        "node_sample_weight": tree.weighted_n_node_samples,
    }
    explainer = shap.TreeExplainer({"trees": [same]})
    np.testing.assert_allclose(model.shap_values(X), explainer.shap_values(X), atol=1e-9)
    found = model.shap_interaction_values(X[:20])
    np.testing.assert_allclose(found, explainer.shap_interaction_values(X[:20]), atol=1e-9)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("kind", BOOSTING + FORESTS + TREES)
def test_values_against_a_background(kind, n_classes):
    X, y = data(n_classes=n_classes if "Classifier" in kind.__name__ else 0)
    model = small(kind, categorical_features=[2]).fit(X, y)
    expected, peers = output_of(model, X[:90]), output_of(model, X[300:]).mean(axis=0)
    values = model.shap_values(X[:90], background=X[300:])
    np.testing.assert_allclose(values.sum(axis=1), expected - peers, rtol=0, atol=1e-12)
    assert not model.shap_values(X[:1], background=X[[0, 0, 0]]).any()
    e = model.explain(X[:90], background=X[300:])
    np.testing.assert_array_equal(e.values, values)
    np.testing.assert_allclose(e.base_values, np.broadcast_to(peers, expected.shape), rtol=0, atol=1e-12)
    if kind not in TREES:
        model.n_jobs = 2
        assert values.tobytes() == model.shap_values(X[:90], background=X[300:]).tobytes()


def test_background_of_several_outputs_of_a_classifier():
    X, y = data(n_classes=3)
    model = small(RandomForestClassifier).fit(X, np.c_[y, y > 0])
    parts = model.shap_values(X[:40], background=X[40:100])
    for part, proba, mean in zip(
        parts, model.predict_proba(X[:40]), model.predict_proba(X[40:100]), strict=True
    ):
        np.testing.assert_allclose(part.sum(axis=1) + mean.mean(axis=0), proba, atol=1e-12)


def test_wrong_background():
    X, y = data()
    model = small(GradientBoostingRegressor).fit(X, y)
    with pytest.raises(ValueError, match=r"background: .*features"):
        model.shap_values(X, background=X[:, :3])
    with pytest.raises(ValueError, match=r"background: .*0 sample"):
        model.shap_values(X, background=X[:0])


def test_refuses_more_than_the_memory(monkeypatch):
    import os

    X, y = data()
    model = small(GradientBoostingRegressor).fit(X, y)
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 3}
    monkeypatch.setattr(os, "sysconf", pages.__getitem__, raising=False)
    with pytest.raises(MemoryError, match=r"interactions of 400 rows.* 48 would take half"):
        model.shap_interaction_values(X)
    with pytest.raises(MemoryError, match="SHAP values of 400 rows"):
        model.shap_values(X)
    assert model.shap_interaction_values(X[:48]).shape == (48, 4, 4)


@pytest.mark.skipif(importlib.util.find_spec("shap") is None, reason="shap is not installed")
def test_values_against_a_background_are_those_of_the_shap_package():
    shap = pytest.importorskip("shap")
    from sklearn.ensemble import RandomForestRegressor as TheirForest

    from fastml.io import from_sklearn

    X, y = data(missing=False)
    forest = TheirForest(10, random_state=0).fit(X, y)
    theirs = shap.TreeExplainer(forest, X[:30], feature_perturbation="interventional").shap_values(X)
    np.testing.assert_allclose(from_sklearn(forest).shap_values(X, background=X[:30]), theirs, atol=1e-6)
