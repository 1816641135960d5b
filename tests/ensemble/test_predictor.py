"""`predictor()`: the same bits as the methods, from many threads, on rows alone and on tables."""

import pickle
import threading

import numpy as np
import pytest
from sklearn.linear_model import Ridge

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
from fastml.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
X[:, 4] = RNG.integers(0, 9, 400)
X[RNG.random(X.shape) < 0.1] = np.nan
NUMBER = np.nan_to_num(X[:, 0]) + (X[:, 4] % 3 == 1)
OPTIONS = {"max_iter": 15, "random_state": 0, "n_jobs": 2}
TABLES = [X[:1], X[7:10], X[:16], X[:17], X[:300], np.asfortranarray(X[:9]), X[::-1][:5], X[::50]]


@pytest.fixture(scope="module")
def regressor():
    return GradientBoostingRegressor(loss="poisson", categorical_features=[4], **OPTIONS).fit(
        X, np.exp(NUMBER)
    )


@pytest.fixture(scope="module", params=[2, 3])
def classifier(request):
    labels = np.array(["a", "b", "c"])[np.digitize(NUMBER, [0.2, 0.8])]
    labels[labels == "c"] = "c" if request.param == 3 else "b"
    return GradientBoostingClassifier(**OPTIONS).fit(X, labels)


@pytest.mark.parametrize("k", range(len(TABLES)))
def test_equal_to_the_methods(k, regressor, classifier):
    table = TABLES[k]
    for rows in (table, table.astype(np.float32)):
        np.testing.assert_array_equal(regressor.predictor()(rows), regressor.predict(rows))
        np.testing.assert_array_equal(classifier.predictor()(rows), classifier.predict(rows))
        proba = classifier.predictor("predict_proba")(rows)
        np.testing.assert_array_equal(proba, classifier.predict_proba(rows))
        np.testing.assert_array_equal(classifier.predictor("raw")(rows), classifier._raw_predict(rows))


def test_one_row_and_no_row(regressor):
    predict = regressor.predictor()
    np.testing.assert_array_equal(predict(X[5]), regressor.predict(X[5:6]))
    assert predict(X[:0]).shape == (0,)


def test_many_threads(regressor):
    predict, results = regressor.predictor(), [None] * 4

    def work(k):
        results[k] = np.concatenate([predict(X[i]) for i in range(100 * k, 100 * (k + 1))])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.concatenate(results), regressor.predict(X))


def test_a_later_fit_changes_nothing():
    model = GradientBoostingRegressor(max_iter=5, warm_start=True).fit(X, NUMBER)
    predict, before = model.predictor(), model.predict(X)
    model.set_params(max_iter=9).fit(X, NUMBER)
    np.testing.assert_array_equal(predict(X), before)
    np.testing.assert_array_equal(predict(X[:3]), before[:3])
    assert not np.array_equal(model.predict(X), before)


def test_wrong_input(regressor, classifier):
    predict = regressor.predictor()
    with pytest.raises(ValueError, match="X has 5 features, but the model expects 6"):
        predict(X[:, :5])
    with pytest.raises(ValueError, match="X must have one or two dimensions, got 3"):
        predict(X[None])
    with pytest.raises(TypeError, match="X must hold native float64 or float32, got int64"):
        predict(np.zeros((1, 6), dtype=np.int64))
    with pytest.raises(TypeError, match="X must be an array of float64 or float32, got list"):
        predict([1.0] * 6)
    with pytest.raises(ValueError, match="kind must be one of"):
        regressor.predictor("predict_proba")
    with pytest.raises(ValueError, match="kind must be one of"):
        classifier.predictor("margin")
    text = np.array([["a"], ["b"]] * 60, dtype=object)
    model = GradientBoostingRegressor(max_iter=2, categorical_features=[0]).fit(text, np.arange(120.0))
    with pytest.raises(ValueError, match="columns of text"):
        model.predictor()


LABELS = np.array(["a", "b", "c"])[np.digitize(NUMBER, [0.2, 0.8])]
FOREST = {"n_estimators": 7, "random_state": 0}
CART = {
    "tree, two classes": lambda: DecisionTreeClassifier(random_state=0).fit(X, LABELS == "a"),
    "tree, three classes": lambda: ExtraTreeClassifier(random_state=0, min_samples_leaf=5).fit(X, LABELS),
    "tree, number": lambda: DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, NUMBER),
    "tree, two numbers": lambda: ExtraTreeRegressor(random_state=0).fit(
        X, np.stack([NUMBER, -NUMBER], axis=1)
    ),
    "tree, one leaf": lambda: DecisionTreeRegressor().fit(X, np.ones(400)),
    "forest, two classes": lambda: RandomForestClassifier(**FOREST).fit(X, LABELS == "a"),
    "forest, three classes": lambda: ExtraTreesClassifier(**FOREST, min_samples_leaf=5).fit(X, LABELS),
    "forest, one class": lambda: RandomForestClassifier(**FOREST).fit(X, np.zeros(400)),
    "forest, two labels": lambda: RandomForestClassifier(**FOREST).fit(
        X, np.stack([LABELS, LABELS == "b"], axis=1)
    ),
    "forest, number": lambda: RandomForestRegressor(**FOREST, categorical_features=[4]).fit(X, NUMBER),
    "forest, two numbers": lambda: ExtraTreesRegressor(**FOREST).fit(X, np.stack([NUMBER, -NUMBER], axis=1)),
    "shallow forest, number": lambda: RandomForestRegressor(70, max_depth=3, random_state=0).fit(X, NUMBER),
    "shallow forest, classes": lambda: ExtraTreesClassifier(70, max_depth=3, random_state=0).fit(X, LABELS),
    "votes, two classes": lambda: AdaBoostClassifier(**FOREST).fit(X, LABELS == "a"),
    "votes, three classes": lambda: AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), **FOREST).fit(
        X, LABELS
    ),
    "votes, one class": lambda: AdaBoostClassifier(**FOREST).fit(X, np.zeros(400)),
    "median": lambda: AdaBoostRegressor(**FOREST).fit(X, NUMBER),
}


def equal(found, expected):
    assert type(found) is type(expected)
    for one, other in zip(found, expected, strict=True) if isinstance(found, list) else [(found, expected)]:
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


@pytest.fixture(scope="module", params=CART)
def cart(request):
    return CART[request.param]()


@pytest.mark.parametrize("k", range(len(TABLES)))
def test_trees_equal_to_the_methods(k, cart):
    for rows in (TABLES[k], TABLES[k].astype(np.float32)):
        equal(cart.predictor()(rows), cart.predict(rows))
        if hasattr(cart, "predict_proba"):
            equal(cart.predictor("predict_proba")(rows), cart.predict_proba(rows))
        if hasattr(cart, "decision_function"):
            score = cart.predictor("raw")(rows)
            equal(score, cart.decision_function(rows))


def test_trees_one_row_and_no_row(cart):
    predict = cart.predictor()
    equal(predict(X[5]), cart.predict(X[5:6]))
    assert len(predict(X[:0])) == 0
    frozen = X[3:5].copy()
    frozen.flags.writeable = False
    equal(predict(frozen), cart.predict(frozen))


def test_trees_from_many_threads(cart):
    predict, results = cart.predictor(), [None] * 4

    def work(k):
        results[k] = np.concatenate([predict(X[i : i + 1]) for i in range(100 * k, 100 * (k + 1))])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(np.concatenate(results), cart.predict(X))


@pytest.mark.parametrize(
    "model",
    [RandomForestRegressor(n_estimators=3, warm_start=True), DecisionTreeRegressor(), AdaBoostRegressor()],
)
def test_a_later_fit_of_trees_changes_nothing(model):
    predict, before = model.fit(X, NUMBER).predictor(), model.predict(X)
    if hasattr(model, "warm_start"):
        model.set_params(n_estimators=9)
    model.fit(X, -NUMBER)
    np.testing.assert_array_equal(predict(X), before)
    np.testing.assert_array_equal(predict(X[:3]), before[:3])
    assert not np.array_equal(model.predict(X), before)


def test_trees_and_numbers_that_float32_does_not_tell_apart():
    close = 1.0 + 1e-9 * np.nan_to_num(X)
    model = RandomForestRegressor(**FOREST).fit(close, NUMBER)
    predict = model.predictor()
    np.testing.assert_array_equal(np.concatenate([predict(row) for row in close]), model.predict(close))
    odd = np.array([[np.inf, -np.inf, 1e300, -1e300, 5e-324, -0.0]])
    np.testing.assert_array_equal(predict(odd), model.predict(odd))


def test_what_trees_refuse(cart):
    predict = cart.predictor()
    for wrong in (X[:, :5], X[:1, :5], np.zeros(7)):
        with pytest.raises(ValueError, match=r"X has \d features, but the model expects 6"):
            predict(wrong)
    for wrong in (np.zeros((1, 6), dtype=int), np.zeros(6, dtype=">f8"), np.zeros(6, dtype=complex)):
        with pytest.raises(TypeError, match="X must hold native float64 or float32"):
            predict(wrong)
    for wrong in ([[0.0] * 6], None, "text", np.zeros((1, 6), dtype=object)):
        with pytest.raises(TypeError, match="X must "):
            predict(wrong)
    with pytest.raises(ValueError, match="one or two dimensions"):
        predict(np.float64(1.0))
    with pytest.raises(ValueError, match="kind must be one of"):
        cart.predictor("margin")
    with pytest.raises(TypeError, match="pickle the model"):
        pickle.dumps(predict)


def test_trees_that_have_no_predictor():
    text = np.array([["a"], ["b"]] * 60, dtype=object)
    tree = DecisionTreeRegressor(categorical_features=[0])
    for model in (tree, AdaBoostRegressor(tree, n_estimators=2)):
        with pytest.raises(ValueError, match="columns of text"):
            model.fit(text, np.arange(120.0)).predictor()
    with pytest.raises(ValueError, match="kind must be one of"):
        DecisionTreeRegressor().fit(X, NUMBER).predictor("predict_proba")
    with pytest.raises(ValueError, match="members are Ridges"):
        AdaBoostRegressor(Ridge(), n_estimators=2).fit(np.nan_to_num(X), NUMBER).predictor()
