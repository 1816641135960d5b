"""`predictor()`: the same bits as the methods, from many threads, on rows alone and on tables."""

import threading

import numpy as np
import pytest

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

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
