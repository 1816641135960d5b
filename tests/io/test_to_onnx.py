"""ONNX models run in onnxruntime: every row in the leaf that our model gives, the same predictions."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor

import fastml
from fastml import ensemble, tree
from fastml.io import from_catboost, from_lightgbm, from_sklearn, from_xgboost, to_onnx
from fastml.io.described import describe_forest

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
runtime = pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")
GOLDEN = Path(__file__).parent / "golden"
DTYPES = (np.float32, np.float64)


def run(model, X, **options):
    """Outputs of the exported model, checked, in onnxruntime."""
    exported = to_onnx(model, dtype=X.dtype, **options)
    onnx.checker.check_model(exported, full_check=True)
    settings = runtime.SessionOptions()
    settings.intra_op_num_threads = 2
    session = runtime.InferenceSession(exported.SerializeToString(), settings)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X}), strict=True))


def table(n_rows, seed=0):
    """Numbers with missing values; column 2 has few whole numbers, column 3 fractions as categories."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    X[:, 2] = rng.integers(0, 40, n_rows)
    X[:, 3] = rng.choice([0.1, 0.25, 1e-3, 7.0], n_rows)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def hard_rows(model, dtype, n_features):
    """Numbers on and beside every threshold, extreme ones, missing ones, known and unknown categories."""
    forest, rng = describe_forest(model), np.random.default_rng(0)
    numbers = [[-1.0, 0.5, 7.0, 99.0, 0.1, 0.25] for _ in range(n_features)]
    for index in range(min(forest.n_trees, 20)):
        one = forest.tree(index)
        for node in np.flatnonzero(one["left"] >= 0):
            threshold = one["threshold"][node]
            if np.isfinite(threshold):
                numbers[one["feature"][node]] += [threshold]
    with np.errstate(over="ignore"):
        columns = []
        for own in numbers:
            near = np.array(own, dtype=dtype)
            near = np.concatenate(
                [near, np.nextafter(near, dtype(-np.inf)), np.nextafter(near, dtype(np.inf))]
            )
            extreme = np.array([0.0, -0.0, 1e-45, np.inf, -np.inf, 3e38, -3e38, np.nan], dtype=dtype)
            columns.append(rng.choice(np.concatenate([near, extreme, np.arange(42, dtype=dtype)]), 4000))
    return np.stack(columns, axis=1)


def leaves_of(model, X):
    if not hasattr(model, "apply"):  # AdaBoost
        return np.stack([member.apply(X) for member in model.estimators_], axis=1)
    return np.asarray(model.apply(X)).reshape(len(X), -1)


def check(model, X):
    """Leaves of all rows, then predictions as near as sums in float32 are."""
    np.testing.assert_array_equal(run(model, X, kind="apply")["leaf"], leaves_of(model, X))
    known = run(model, X)
    if hasattr(model, "classes_"):
        p = model.predict_proba(X)
        np.testing.assert_allclose(known["probabilities"], p, rtol=0, atol=2e-6)
        sure = np.sort(p, axis=1)[:, -1] - np.sort(p, axis=1)[:, -2] > 1e-5
        assert sure.mean() > 0.5
        np.testing.assert_array_equal(known["label"][sure], model.predict(X)[sure])
    else:
        expected = np.asarray(model.predict(X))
        assert known["prediction"].shape == expected.shape
        assert known["prediction"].dtype == np.float32
        scale = np.abs(expected[np.isfinite(expected)]).max()
        np.testing.assert_allclose(known["prediction"], expected, rtol=4e-6, atol=2e-6 * scale)


def targets():
    X = table(600)
    clean = np.nan_to_num(X)
    y = clean[:, 0] + (clean[:, 2] % 3 == 1) + 2.0 * (clean[:, 3] == 0.25) + 0.1 * clean[:, 4]
    return X, y, np.array(["low", "middle", "high"])[np.digitize(y, [0.5, 1.5])]


GBR, GBC = ensemble.GradientBoostingRegressor, ensemble.GradientBoostingClassifier
STUMPS = tree.DecisionTreeClassifier(max_depth=3, categorical_features=[2])
MODELS = {
    "boosting": lambda X, y, c: GBR(max_iter=15, categorical_features=[2, 3]).fit(X, y),
    "poisson": lambda X, y, c: GBR(max_iter=15, loss="poisson").fit(X, np.abs(y)),
    "boosting, two classes": lambda X, y, c: GBC(max_iter=15, categorical_features=[2]).fit(X, y > 0.5),
    "boosting, three classes": lambda X, y, c: GBC(max_iter=10).fit(X, c),
    "tree": lambda X, y, c: tree.DecisionTreeRegressor().fit(X, y),
    "tree of categories": lambda X, y, c: tree.DecisionTreeClassifier(categorical_features=[2, 3]).fit(X, c),
    "extra tree, two classes": lambda X, y, c: tree.ExtraTreeClassifier().fit(X, (y > 0.5).astype(int)),
    "forest": lambda X, y, c: ensemble.RandomForestClassifier(10, random_state=0).fit(X, c),
    "forest of two targets": lambda X, y, c: ensemble.ExtraTreesRegressor(
        10, random_state=0, categorical_features=[3]
    ).fit(X, np.stack([y, -y], axis=1)),
    "AdaBoost": lambda X, y, c: ensemble.AdaBoostClassifier(n_estimators=10, random_state=0).fit(X, c),
    "AdaBoost, two classes": lambda X, y, c: ensemble.AdaBoostClassifier(STUMPS).fit(X, y > 0.5),
    "AdaBoost of numbers": lambda X, y, c: ensemble.AdaBoostRegressor(n_estimators=9).fit(X, y),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", MODELS)
def test_our_models(name, dtype):
    model = MODELS[name](*targets())
    check(model, hard_rows(model, dtype, 5))
    check(model, table(50, seed=1).astype(dtype)[:1])


FOREIGN = [*GOLDEN.glob("lightgbm_*.txt"), *GOLDEN.glob("xgboost_*.json"), *GOLDEN.glob("xgboost_*.ubj"),
           *GOLDEN.glob("catboost_*.json")]  # fmt: skip
READERS = {"lightgbm": from_lightgbm, "xgboost": from_xgboost, "catboost": from_catboost}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", sorted(FOREIGN), ids=lambda path: path.stem)
def test_models_of_other_libraries(path, dtype):
    model = READERS[path.stem.split("_")[0]](path)
    check(model, hard_rows(model, dtype, 5))


def test_models_of_sklearn():
    X, y, c = targets()
    known = HistGradientBoostingClassifier(max_iter=8, categorical_features=[2]).fit(X, c)
    for model in (
        from_sklearn(known),
        from_sklearn(RandomForestRegressor(4, random_state=0).fit(X, np.stack([y, y**2], axis=1))),
    ):
        for dtype in DTYPES:
            check(model, hard_rows(model, dtype, 5))


def test_missing_number_and_zero():
    model = from_xgboost(GOLDEN / "xgboost_dart.json", missing=7.0)
    check(model, hard_rows(model, np.float32, 5))


def test_labels_are_taken_as_numbers():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"city": rng.choice(["Bern", "Oslo", "Rome", "Wien"], 300), "age": rng.normal(size=300)}
    )
    frame["city"] = frame["city"].astype("category")
    y = frame["city"].isin(["Oslo", "Wien"]) * 2.0 + frame["age"]
    model = ensemble.GradientBoostingRegressor(max_iter=10).fit(frame, y)
    exported = to_onnx(model)
    (entry,) = exported.metadata_props
    labels = json.loads(entry.value)["0"]
    assert entry.key == "categories" and labels == ["Bern", "Oslo", "Rome", "Wien"]
    X = np.stack([[labels.index(city) for city in frame["city"]], frame["age"]], axis=1)
    np.testing.assert_allclose(run(model, X)["prediction"], model.predict(frame), rtol=1e-5)
    frame.loc[:, "city"], X[:, 0] = np.nan, -1
    np.testing.assert_allclose(run(model, X)["prediction"], model.predict(frame), rtol=1e-5)


def test_model_without_trees():
    model = from_lightgbm(GOLDEN / "lightgbm_poisson.txt", start_iteration=3)
    assert model.n_trees_ == 0
    X = np.zeros((3, 5), dtype=np.float32)
    np.testing.assert_array_equal(run(model, X)["prediction"], model.predict(X))
    with pytest.raises(ValueError, match="without trees"):
        to_onnx(model, kind="apply")


def test_golden_models_of_trees_can_be_exported():
    for path in GOLDEN.glob("v1_*.fastml"):
        model = fastml.load(path)
        if hasattr(model, "dump"):
            onnx.checker.check_model(to_onnx(model), full_check=True)


class Doubled:
    def __call__(self, y, raw):
        return raw - y, np.ones_like(raw)

    def inverse_link(self, raw):
        return 2 * raw


def test_what_cannot_be_exported():
    X, y, c = targets()
    custom = ensemble.GradientBoostingRegressor(max_iter=2, loss=Doubled()).fit(X, y)
    with pytest.raises(ValueError, match="a function of the user"):
        to_onnx(custom)
    assert run(custom, X, kind="apply")["leaf"].shape == (600, 2)
    several = tree.DecisionTreeClassifier().fit(X, np.stack([c, c], axis=1))
    with pytest.raises(ValueError, match="several outputs of classes"):
        to_onnx(several)
    with pytest.raises(ValueError, match="one class only"):
        to_onnx(tree.DecisionTreeClassifier().fit(X, np.zeros(len(X))))
    mixed = tree.DecisionTreeClassifier(max_depth=2).fit(X, y > 0)
    mixed.classes_ = np.array([1, "a"], dtype=object)
    with pytest.raises(ValueError, match="labels must be all text or all numbers, got int, str"):
        to_onnx(mixed)
    model = tree.DecisionTreeRegressor().fit(X, y)
    with pytest.raises(ValueError, match="kind must be"):
        to_onnx(model, kind="proba")
    with pytest.raises(ValueError, match="dtype must be"):
        to_onnx(model, dtype=np.float16)
    with pytest.raises(TypeError, match="expected a fitted tree model"):
        to_onnx(3)


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    X, y, _ = targets()
    with pytest.raises(ImportError, match=r"pip install fastml\[onnx\]"):
        to_onnx(tree.DecisionTreeRegressor().fit(X, y))
