"""Constraints, categories and kinds of input of gradient boosting."""


import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from tests.ensemble.boosting_data import mixed
from tests.ensemble.boosting_data import one_thread_for_scikit_learn as one_thread_for_scikit_learn

# -- constraints and categories


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "quantile"])
@pytest.mark.parametrize("by_name", [False, True])
def test_monotonic(loss, by_name):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.random((1500, 3)), columns=["up", "down", "free"])
    y = np.exp(X["up"] - X["down"] + np.sin(9 * X["up"]) + np.sin(9 * X["down"]) + np.sin(9 * X["free"]))
    y = (y + 0.1 * rng.random(1500)).to_numpy()
    cst = {"up": 1, "down": -1} if by_name else [1, -1, 0]
    model = GradientBoostingRegressor(loss=loss, quantile=0.6, monotonic_cst=cst, max_iter=50).fit(X, y)
    for name, direction in (("up", 1), ("down", -1), ("free", 0)):
        grid = X.sample(30, random_state=1).loc[lambda rows: rows.index.repeat(60)]
        grid[name] = np.tile(np.linspace(0, 1, 60), 30)
        steps = np.diff(model.predict(grid).reshape(30, 60))
        if direction:
            assert np.all(direction * steps >= 0), name
        else:
            assert (steps > 0).any() and (steps < 0).any()


def test_monotonic_in_several_classes():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="not supported for multiclass"):
        GradientBoostingClassifier(monotonic_cst=[1, 0, 0, 0]).fit(X, y)


def test_interactions():
    rng = np.random.default_rng(0)
    X = rng.random((1500, 4))
    y = X[:, 0] * X[:, 1] * 5 + X[:, 2] * X[:, 3] * 5
    model = GradientBoostingRegressor(interaction_cst=[{0, 1}], max_iter=30).fit(X, y)
    for i in range(30):
        tree = model._forest.tree(i)
        paths = {0: frozenset()}
        for node in np.flatnonzero(tree["left"] >= 0):
            used = paths[node] | {int(tree["feature"][node])}
            assert used <= {0, 1} or used <= {2, 3}
            paths[tree["left"][node]] = paths[tree["right"][node]] = used


def test_categories_in_any_container():
    X, y = mixed()
    codes = X["c"].cat.codes.to_numpy()
    numbers = np.column_stack([X["a"], X["b"], codes, X["d"]])
    want = GradientBoostingRegressor(max_iter=10, categorical_features=[2]).fit(numbers, y)
    arrow = pa.Table.from_pandas(X, preserve_index=False)
    mask = [False, False, True, False]
    for frame, spec in (
        (X, "from_dtype"),
        (X, ["c"]),
        (X.astype({"c": object}), ["c"]),
        (X.astype({"c": "string"}), [2]),
        (pl.from_pandas(X), "from_dtype"),
        (pl.from_pandas(X).with_columns(pl.col("c").cast(pl.String)), mask),
        (arrow, "from_dtype"),
        (X.astype(object).to_numpy(), mask),
        (sparse.csr_array(numbers), mask),
        (X.assign(c=codes), ["c"]),
    ):
        model = GradientBoostingRegressor(max_iter=10, categorical_features=spec).fit(frame, y)
        np.testing.assert_array_equal(model.is_categorical_, mask)
        np.testing.assert_array_equal(model.predict(frame), want.predict(numbers))
        assert "c" not in getattr(model, "feature_names_in_", []) or model.dump().count(" c in") > 0
    assert (
        GradientBoostingRegressor(categorical_features=None, max_iter=1).fit(numbers, y).is_categorical_
        is None
    )


def test_order_of_categories_in_the_dtype_does_not_matter():
    X, y = mixed()
    model = GradientBoostingRegressor(max_iter=5).fit(X, y)
    other = X.assign(c=X["c"].cat.set_categories(["q", "z", "y", "x", "w", "v", "u"]))
    np.testing.assert_array_equal(model.predict(other), model.predict(X))


def test_unknown_categories_are_missing():
    X, y = mixed()
    model = GradientBoostingRegressor(max_iter=5).fit(X, y)
    unknown = X.assign(c=pd.Categorical(["new"] * len(X)))
    missing = X.assign(c=pd.Categorical([None] * len(X), categories=["u"]))
    np.testing.assert_array_equal(model.predict(unknown), model.predict(missing))


@pytest.mark.parametrize(("onehot", "penalty"), [(4, 32.0), (8, 2.0)])
def test_leaves_of_sorted_categories_take_their_penalty(onehot, penalty):
    """Outputs of one split are G / (H + l2), and G / (H + l2 + cat_l2) where categories are sorted."""
    codes = np.random.default_rng(0).integers(0, 8, 400)
    y = np.where(np.isin(codes, [1, 4, 6]), 3.0, -1.0)
    model = GradientBoostingRegressor(
        categorical_features=[0], max_iter=1, max_leaf_nodes=2, learning_rate=1.0,
        l2_regularization=2.0, cat_l2=30.0, max_cat_onehot=onehot,
    )  # fmt: skip
    got = model.fit(codes[:, None], y).predict(np.arange(8)[:, None])
    left = got == got[0]
    assert left.sum() == (5 if onehot == 4 else 7)
    for side in (left, ~left):
        rows = side[codes]
        want = y.mean() + (y[rows] - y.mean()).sum() / (rows.sum() + penalty)
        np.testing.assert_allclose(got[side], want, rtol=1e-4)


def test_many_categories_are_grouped():
    rng = np.random.default_rng(0)
    c = np.concatenate([np.repeat(np.arange(200), 20), np.arange(200, 500)])
    X = pd.DataFrame({"city": pd.Categorical([f"city {i}" for i in c])})
    y = (c % 2) + 0.1 * rng.standard_normal(c.size)
    with pytest.warns(UserWarning, match="500 categories"):
        model = GradientBoostingRegressor(max_iter=50, min_samples_leaf=5, cat_smooth=1.0, cat_l2=0.0).fit(
            X, y
        )
    kept = c < 200
    assert np.corrcoef(model.predict(X)[kept], y[kept])[0, 1] > 0.95
    # those that share a code share a prediction
    assert len(np.unique(model.predict(X[c >= 300]))) == 1
    with pytest.raises(
        ValueError, match=r"Categorical feature 'city' is expected to have a cardinality <= 100"
    ):
        GradientBoostingRegressor(max_bins=100).fit(X, y)


def test_missing_values_have_a_side():
    rng = np.random.default_rng(0)
    X = rng.random((400, 1))
    X[rng.random(400) < 0.5] = np.nan
    y = np.isnan(X[:, 0]).astype(float)
    model = GradientBoostingRegressor(max_iter=50, learning_rate=0.5).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, atol=1e-3)


def test_missing_values_that_training_has_not_seen():
    """They go where most rows go."""
    X = np.concatenate([np.zeros(30), np.ones(70)])[:, None]
    y = X[:, 0] * 5
    model = GradientBoostingRegressor(max_iter=1, learning_rate=1.0).fit(X, y)
    assert model.predict([[np.nan]])[0] == model.predict([[1.0]])[0]


# -- kinds of input


def test_containers_give_the_same_model(tmp_path):
    X, y = load_diabetes(return_X_y=True)
    want = GradientBoostingRegressor(max_iter=5).fit(X, y).predict(X)
    path = tmp_path / "X.npy"
    np.save(path, X)
    wide = np.empty((2 * len(X), 20))
    wide[::2, ::2] = X
    frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(10)])
    for other in (
        np.asfortranarray(X),
        wide[::2, ::2],
        X.astype(">f8"),
        X.astype(np.longdouble),
        X.astype(object),
        X.tolist(),
        np.load(path, mmap_mode="r"),
        frame,
        frame.astype({"x1": "Float64", "x2": object}),
        pl.from_pandas(frame),
        pa.Table.from_pandas(frame),
        pa.Table.from_pandas(frame).to_batches(max_chunksize=100)[0]
        if False
        else pa.Table.from_pandas(frame),
        sparse.csr_matrix(X),
        sparse.csc_array(X),
        sparse.coo_array(X),
    ):
        model = GradientBoostingRegressor(max_iter=5).fit(other, y)
        np.testing.assert_array_equal(model.predict(other), want, err_msg=type(other).__name__)


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int8, np.int32, np.uint64, np.float16])
def test_types_of_numbers(dtype):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2 if dtype is np.bool_ else 100, (300, 3)).astype(dtype)
    y = X.astype(float) @ [1.0, 2.0, 3.0]
    model = GradientBoostingRegressor(max_iter=5).fit(X, y)
    other = GradientBoostingRegressor(max_iter=5).fit(X.astype(np.float64), y)
    np.testing.assert_array_equal(model.predict(X), other.predict(X.astype(np.float64)))


@pytest.mark.parametrize("container", [pd.Series, pl.Series, pa.array, list, np.asarray])
def test_kinds_of_target(container):
    X, y = load_iris(return_X_y=True)
    for labels in (y, y.astype(float), y - 5, np.array(["a", "b", "c"])[y], y > 0):
        model = GradientBoostingClassifier(max_iter=3).fit(X, container(labels.tolist()))
        np.testing.assert_array_equal(model.classes_, np.unique(labels))
        assert np.mean(model.predict(X) == labels) > 0.95
    model = GradientBoostingRegressor(max_iter=3).fit(X, container(y.astype(float).tolist()))
    np.testing.assert_array_equal(
        model.predict(X), GradientBoostingRegressor(max_iter=3).fit(X, y).predict(X)
    )


def test_input_is_left_alone():
    X, y = mixed()
    weight = np.random.default_rng(0).random(len(y))
    margin = np.zeros(len(y))
    before = X.copy(), y.copy(), weight.copy(), margin.copy()
    for array in (y, weight, margin):
        array.setflags(write=False)
    model = GradientBoostingRegressor(max_iter=3, boosting="goss", learning_rate=1.0)
    model.fit(X, y, weight, base_margin=margin, eval_set=[(X, y, weight, margin)])
    model.predict(X, margin)
    pd.testing.assert_frame_equal(X, before[0])
    for array, old in zip((y, weight, margin), before[1:], strict=True):
        np.testing.assert_array_equal(array, old)
