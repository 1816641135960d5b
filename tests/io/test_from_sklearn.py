"""scikit-learn's trees and ensembles taken over, row by row."""

import numpy as np
import pytest
from sklearn import ensemble, tree
from sklearn.linear_model import LinearRegression

import fastml
from fastml.io import ModelFileError, from_sklearn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 5))
X[:, 2] = RNG.integers(0, 9, 300)
X[:, 4] *= 1e5
T = np.concatenate([RNG.normal(size=(150, 5)), X[:50]])
NUMBER = X[:, 0] + (X[:, 2] % 3 == 1) + 0.3 * RNG.normal(size=300)
TWO = np.where(NUMBER > 0.3, "yes", "no")
THREE = np.digitize(NUMBER, [-0.2, 0.8]) * 10
SEVERAL = np.stack([NUMBER, X[:, 1] * X[:, 3]], axis=1)

CLASSIFIERS = [
    tree.DecisionTreeClassifier(random_state=0),
    tree.ExtraTreeClassifier(max_depth=4, random_state=0),
    ensemble.RandomForestClassifier(20, random_state=0),
    ensemble.ExtraTreesClassifier(20, max_depth=5, random_state=0),
    ensemble.GradientBoostingClassifier(n_estimators=12, random_state=0),
    ensemble.HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=5),
    ensemble.AdaBoostClassifier(tree.DecisionTreeClassifier(max_depth=2), n_estimators=12, random_state=0),
]
REGRESSORS = [
    tree.DecisionTreeRegressor(random_state=0),
    ensemble.RandomForestRegressor(20, random_state=0),
    ensemble.ExtraTreesRegressor(20, max_depth=6, random_state=0),
    ensemble.GradientBoostingRegressor(n_estimators=12, loss="huber", random_state=0),
    ensemble.HistGradientBoostingRegressor(max_iter=12, min_samples_leaf=5),
]


def name(value):
    return type(value).__name__ if hasattr(value, "fit") else None


@pytest.mark.parametrize("y", [TWO, THREE], ids=["two", "three"])
@pytest.mark.parametrize("original", CLASSIFIERS, ids=name)
def test_classifiers(original, y, tmp_path):
    original.fit(X, y)
    model = from_sklearn(original)
    np.testing.assert_allclose(model.predict_proba(T), original.predict_proba(T), rtol=1e-12, atol=1e-15)
    np.testing.assert_array_equal(model.predict(T), original.predict(T))
    if hasattr(original, "decision_function") and not isinstance(original, ensemble.AdaBoostClassifier):
        np.testing.assert_allclose(
            model.predict_raw(T), original.decision_function(T), rtol=1e-12, atol=1e-14
        )
    if hasattr(original, "apply"):
        expected = original.apply(T).reshape(len(T), -1)
        np.testing.assert_array_equal(model.apply(T), expected)
    model.save(tmp_path / "model.fastml")
    np.testing.assert_array_equal(fastml.load(tmp_path / "model.fastml").predict(T), model.predict(T))


@pytest.mark.parametrize("original", REGRESSORS, ids=name)
def test_regressors(original):
    original.fit(X, NUMBER)
    np.testing.assert_allclose(from_sklearn(original).predict(T), original.predict(T), rtol=1e-12)


@pytest.mark.parametrize("loss", ["poisson", "gamma", "quantile", "absolute_error"])
def test_losses_of_histogram_boosting(loss):
    options = {"quantile": 0.3} if loss == "quantile" else {}
    original = ensemble.HistGradientBoostingRegressor(loss=loss, max_iter=10, **options)
    original.fit(X, np.exp(0.3 * NUMBER))
    np.testing.assert_allclose(from_sklearn(original).predict(T), original.predict(T), rtol=1e-12)


def test_exponential_loss():
    original = ensemble.GradientBoostingClassifier(loss="exponential", n_estimators=9).fit(X, TWO)
    np.testing.assert_allclose(from_sklearn(original).predict_proba(T), original.predict_proba(T), rtol=1e-12)


def test_several_outputs():
    original = ensemble.RandomForestRegressor(10, random_state=0).fit(X, SEVERAL)
    np.testing.assert_allclose(from_sklearn(original).predict(T), original.predict(T), rtol=1e-12)


def test_missing_values():
    with_nan = X.copy()
    with_nan[RNG.random(X.shape) < 0.2] = np.nan
    for original in (
        tree.DecisionTreeRegressor(random_state=0),
        ensemble.RandomForestRegressor(10, random_state=0),
        ensemble.HistGradientBoostingRegressor(max_iter=10),
    ):
        original.fit(with_nan, NUMBER)
        np.testing.assert_allclose(
            from_sklearn(original).predict(with_nan), original.predict(with_nan), rtol=1e-12
        )


@pytest.mark.parametrize("scale", [1, 7.5])
def test_categories_of_histogram_boosting(scale):
    own = X.copy()
    own[:, 2] *= scale
    own[:40, 2] = np.nan
    original = ensemble.HistGradientBoostingRegressor(
        categorical_features=[2], max_iter=20, min_samples_leaf=5
    )
    original.fit(own, NUMBER)
    rows = own.copy()
    rows[:5, 2] = [100, 0.5, -1, -0.5, 3.0]
    np.testing.assert_allclose(from_sklearn(original).predict(rows), original.predict(rows), rtol=1e-12)


def test_numbers_beside_thresholds():
    """float32(x) <= threshold is decided for doubles around every threshold as scikit-learn decides it."""
    original = tree.DecisionTreeRegressor(random_state=0).fit(X, NUMBER)
    threshold = original.tree_.threshold[original.tree_.children_left >= 0]
    near = threshold.astype(np.float32).astype(np.float64)
    middle = (near + np.nextafter(near.astype(np.float32), np.float32(np.inf))) / 2
    points = np.concatenate([threshold, near, middle, np.nextafter(middle, 9e9), np.nextafter(middle, -9e9)])
    rows = np.repeat(points[:, None], 5, axis=1)
    np.testing.assert_array_equal(from_sklearn(original).apply(rows)[:, 0], original.apply(rows))


def test_what_is_refused():
    with pytest.raises(TypeError, match="model must be one of scikit-learn's tree models"):
        from_sklearn(LinearRegression().fit(X, NUMBER))
    with pytest.raises(TypeError, match="not fitted"):
        from_sklearn(tree.DecisionTreeRegressor())
    with pytest.raises(ModelFileError, match="several outputs"):
        from_sklearn(tree.DecisionTreeClassifier().fit(X, np.stack([TWO == "no", THREE > 5], axis=1)))
    own = ensemble.GradientBoostingRegressor(init=LinearRegression(), n_estimators=2).fit(X, NUMBER)
    with pytest.raises(ModelFileError, match="init estimator"):
        from_sklearn(own)
