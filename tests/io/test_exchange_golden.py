"""Models that other libraries wrote, and the predictions that they made (golden/make_foreign.py)."""

from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml.io import from_catboost, from_lightgbm, from_xgboost

GOLDEN = Path(__file__).parent / "golden"
LIGHTGBM = sorted(GOLDEN.glob("lightgbm_*.txt"))
XGBOOST = sorted([*GOLDEN.glob("xgboost_*.json"), *GOLDEN.glob("xgboost_*.ubj")])
CATBOOST = sorted(GOLDEN.glob("catboost_*.json"))
ALL = LIGHTGBM + XGBOOST + CATBOOST
READERS = {"lightgbm": from_lightgbm, "xgboost": from_xgboost, "catboost": from_catboost}


def read(path, **options):
    return READERS[path.stem.split("_")[0]](path, **options)


def test_there_are_models():
    assert len(LIGHTGBM) >= 4 and len(XGBOOST) >= 4 and len(CATBOOST) >= 3


@pytest.mark.parametrize("path", LIGHTGBM, ids=lambda path: path.stem)
def test_lightgbm(path):
    model, known = from_lightgbm(path), np.load(path.with_suffix(".npz"))
    np.testing.assert_array_equal(model.predict_raw(known["X"]), known["raw"])
    np.testing.assert_allclose(model.predict(known["X"]), known["prediction"], rtol=1e-14)
    np.testing.assert_array_equal(model.apply(known["X"]), known["leaves"])


@pytest.mark.parametrize("path", XGBOOST, ids=lambda path: path.stem)
def test_xgboost(path):
    model, known = from_xgboost(path), np.load(path.with_suffix(".npz"))
    np.testing.assert_array_equal(model.apply(known["X"]), known["leaves"])
    np.testing.assert_allclose(model.predict_raw(known["X"]), known["raw"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(model.predict(known["X"]), known["prediction"], rtol=2e-6)


@pytest.mark.parametrize("path", CATBOOST, ids=lambda path: path.stem)
def test_catboost(path):
    model, known = from_catboost(path), np.load(path.with_suffix(".npz"))
    if "lossguide" not in path.stem:  # CatBoost numbers the leaves of other trees by a rule of its own
        np.testing.assert_array_equal(model.apply(known["X"]), known["leaves"])
    np.testing.assert_allclose(model.predict_raw(known["X"]), known["raw"], rtol=1e-14)
    answer = model.predict_proba if hasattr(model, "classes_") else model.predict
    np.testing.assert_allclose(answer(known["X"]), known["prediction"], rtol=1e-13)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_round_trip(path, tmp_path):
    model, X = read(path), np.load(path.with_suffix(".npz"))["X"]
    model.save(tmp_path / "model.fastml")
    same = fastml.load(tmp_path / "model.fastml")
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    np.testing.assert_array_equal(same.apply(X), model.apply(X))
    assert repr(same) == repr(model)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_answer_does_not_depend_on_threads_or_rows(path):
    X = np.load(path.with_suffix(".npz"))["X"]
    all_rows = read(path).predict_raw(X)
    one_by_one = np.concatenate([read(path, n_jobs=1).predict_raw(X[i : i + 1]) for i in range(0, len(X), 7)])
    np.testing.assert_array_equal(all_rows[::7], one_by_one)
    np.testing.assert_array_equal(read(path).predict_raw(X.astype(np.float32).astype(np.float64)),
                                  read(path).predict_raw(X.astype(np.float32)))  # fmt: skip


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_predictor(path):
    model = read(path)
    X = np.load(path.with_suffix(".npz"))["X"]
    predict = model.predictor()
    np.testing.assert_array_equal(predict(X), model.predict(X))
    np.testing.assert_array_equal(np.concatenate([predict(row) for row in X]), model.predict(X))
    np.testing.assert_array_equal(model.predictor("raw")(X[:3]), np.atleast_2d(model.predict_raw(X[:3]).T).T)
    with pytest.raises(ValueError, match="kind must be one of"):
        model.predictor("margin")
