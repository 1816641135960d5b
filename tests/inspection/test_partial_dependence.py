"""Partial dependence: the weighted walk against its definition and scikit-learn's."""

import numpy as np
import pytest
from sklearn import inspection
from sklearn.ensemble import RandomForestRegressor as TheirForest
from sklearn.linear_model import LinearRegression

from fastml.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.inspection import partial_dependence
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor
from tests.inspection.test_shap import BOOSTING, FORESTS, TREES, data, output_of, small
from tests.reference.shap import known_value


def test_is_the_mean_value_of_known_features():
    X, y = data(missing=False)
    model = DecisionTreeRegressor(max_depth=4).fit(X, y)
    tree = model.tree_
    simple = {
        "left": tree.children_left.tolist(),
        "right": tree.children_right.tolist(),
        "feature": tree.feature.tolist(),
        "cover": [int(n) for n in tree.n_node_samples],
        "value": tree.value[:, 0, 0].tolist(),
    }
    found = partial_dependence(model, X, [0, 1], grid_resolution=5, method="recursion")
    for i, a in enumerate(found.grid_values[0]):
        for j, b in enumerate(found.grid_values[1]):
            row = np.array([a, b, 0.0, 0.0])
            decisions = [f >= 0 and row[f] <= t for f, t in zip(tree.feature, tree.threshold, strict=True)]
            assert found.average[0, i, j] == pytest.approx(
                float(known_value(simple, decisions, {0, 1})), abs=1e-12
            )


@pytest.mark.parametrize("kind", BOOSTING + FORESTS + TREES)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_estimator(kind, n_classes):
    X, y = data(n_classes=n_classes if "Classifier" in kind.__name__ else 0, missing=False)
    model = small(kind).fit(X, y)
    fast = partial_dependence(model, X, [0], grid_resolution=7)
    slow = inspection.partial_dependence(model, X, [0], grid_resolution=7)
    assert fast.average.shape == slow.average.shape
    np.testing.assert_array_equal(fast.grid_values[0], slow.grid_values[0])
    if kind not in BOOSTING or kind is GradientBoostingRegressor:
        np.testing.assert_allclose(
            fast.average, slow.average, atol=0.3
        )  # features do not depend on each other
    both = partial_dependence(model, X, [0], kind="both", grid_resolution=7)
    np.testing.assert_array_equal(both.average, slow.average)
    assert both.individual.shape[1:] == (400, 7)


def test_of_no_feature_that_matters_is_the_expected_value():
    X, y = data()
    X = np.c_[X, np.arange(400.0) % 2]
    model = small(GradientBoostingRegressor, max_iter=3, max_leaf_nodes=3).fit(X, y)
    found = partial_dependence(model, X, [4], method="recursion")
    np.testing.assert_allclose(found.average, model.expected_value, atol=1e-12)


def test_same_as_scikit_learns_recursion():
    X, y = data(200, missing=False)
    limits = {"max_depth": 4, "min_samples_leaf": 9}  # so that no two features split a node alike
    theirs = TheirForest(1, bootstrap=False, random_state=0, **limits).fit(X, y)
    ours = RandomForestRegressor(1, bootstrap=False, random_state=0, **limits).fit(X, y)
    grown = [model.estimators_[0].tree_.feature for model in (theirs, ours)]
    np.testing.assert_array_equal(*grown)
    for features in ([0], [1, 2]):
        a, b = (
            f(m, X, features)
            for f, m in ((inspection.partial_dependence, theirs), (partial_dependence, ours))
        )
        np.testing.assert_allclose(a.average, b.average, atol=1e-12)


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, RandomForestRegressor])
def test_frames_with_categories(kind):
    pd = pytest.importorskip("pandas")
    X, y = data(missing=False)
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    frame["c"] = pd.Categorical([f"level {int(c)}" for c in X[:, 2]])
    model = small(kind).fit(frame, y)
    found = partial_dependence(model, frame, ["c"], categorical_features=["c"], method="recursion")
    slow = inspection.partial_dependence(model, frame, ["c"], categorical_features=["c"])
    assert found.grid_values[0].tolist() == slow.grid_values[0].tolist()
    np.testing.assert_allclose(found.average, slow.average, atol=0.3)
    assert np.isfinite(partial_dependence(model, frame, ["a"], method="recursion").average).all()
    pair = partial_dependence(model, frame, ["a", "c"], categorical_features=["c"], grid_resolution=10)
    assert pair.average.shape == (1, 10, 9)


def test_scikit_learns_display_takes_our_estimators():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, y = data(n_classes=2)
    for kind in (
        GradientBoostingClassifier,
        RandomForestClassifier,
        DecisionTreeClassifier,
        AdaBoostClassifier,
    ):
        model = kind(random_state=0).fit(np.nan_to_num(X), y)
        inspection.PartialDependenceDisplay.from_estimator(
            model, np.nan_to_num(X), [0, (0, 1)], grid_resolution=4
        )
        plt.close("all")


def test_other_estimators_are_scikit_learns():
    X, y = data(missing=False)
    for model in (AdaBoostRegressor(n_estimators=3, random_state=0).fit(X, y), LinearRegression().fit(X, y)):
        a = partial_dependence(model, X, [0], grid_resolution=5)
        b = inspection.partial_dependence(model, X, [0], grid_resolution=5)
        np.testing.assert_array_equal(a.average, b.average)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "individual"}, "single rows"),
        ({"sample_weight": np.ones(400)}, "sample_weight"),
        ({"response_method": "predict_proba"}, "response_method"),
    ],
)
def test_recursion_that_is_not_possible(options, message):
    X, y = data(n_classes=2)
    model = small(GradientBoostingClassifier).fit(X, y)
    with pytest.raises(ValueError, match=message):
        partial_dependence(model, X, [0], method="recursion", **options)
    with pytest.raises(ValueError, match="not a sum over trees"):
        partial_dependence(AdaBoostClassifier(), X, [0], method="recursion")


def test_wrong_input():
    X, y = data()
    model = small(GradientBoostingRegressor)
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        partial_dependence(model, X, [0])
    model.fit(X, y)
    with pytest.raises(ValueError, match="all features must be in"):
        partial_dependence(model, X, [4])
    classifier = RandomForestClassifier(2).fit(X, np.c_[y > 0, y > 1])
    with pytest.raises(ValueError, match="several outputs"):
        partial_dependence(classifier, X, [0], method="recursion")
    assert output_of(model, X).shape == (400,)
