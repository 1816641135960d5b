"""GradientBoostingClassifier and GradientBoostingRegressor, through their interface."""

import copy
import inspect
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_friedman1
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

import fastml
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor


@pytest.fixture(autouse=True)
def _one_thread_for_scikit_learn():
    """Its fits of small data on busy cores take a hundred times longer on several threads."""
    with threadpool_limits(limits=1):
        yield


BOTH = pytest.mark.parametrize("cls", [GradientBoostingClassifier, GradientBoostingRegressor])


def _mixed(n_rows=600, seed=0):
    """Numbers with gaps and two categories; a score that depends on all."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "a": rng.standard_normal(n_rows),
            "b": rng.integers(0, 20, n_rows).astype(np.int16),
            "c": pd.Categorical(rng.choice(list("uvwxyz"), n_rows)),
            "d": np.where(rng.random(n_rows) < 0.2, np.nan, rng.random(n_rows)).astype(np.float32),
        }
    )
    score = X["a"] + 0.1 * X["b"] + X["c"].isin(["u", "x", "z"]) * 2.0 + np.where(X["d"].isna(), 1.0, X["d"])
    return X, (score + 0.1 * rng.standard_normal(n_rows)).to_numpy()


# -- the interface is scikit-learn's


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (GradientBoostingClassifier, HistGradientBoostingClassifier),
        (GradientBoostingRegressor, HistGradientBoostingRegressor),
    ],
)
def test_parameters_and_methods_of_scikit_learn(ours, theirs):
    defaults = ours().get_params()
    for name, value in theirs().get_params().items():
        assert name in defaults and defaults[name] == value, name
    for name in dir(theirs):
        if not name.startswith("_"):
            assert hasattr(ours, name), name
    own = inspect.signature(ours.fit).parameters
    assert list(inspect.signature(theirs.fit).parameters) == list(own)[: len(own) - 5]


@BOTH
def test_every_parameter_is_documented_and_checked(cls):
    for name in cls().get_params():
        assert f"\n{name} : " in cls.__doc__, name
        assert name in cls._parameter_constraints, name
    assert "{" not in cls.__doc__.replace("{'", "").replace("{bool", "")


CLASSIFICATION = {"cancer": load_breast_cancer, "iris": load_iris, "wine": load_wine}


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_as_accurate_as_scikit_learn_in_classification(name):
    X, y = CLASSIFICATION[name](return_X_y=True)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    ours, theirs = (
        cross_val_score(cls(max_iter=40), X, y, cv=folds, scoring="neg_log_loss", n_jobs=1)
        for cls in (GradientBoostingClassifier, HistGradientBoostingClassifier)
    )
    # the spread between folds is several times larger than any difference between two right programs
    assert ours.mean() > theirs.mean() - 0.5 * theirs.std()


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", "gamma", "quantile"])
def test_as_accurate_as_scikit_learn_in_regression(loss):
    X, y = make_friedman1(1500, random_state=0, noise=1.0)
    y = np.abs(y) + 0.1
    options = {"loss": loss, "max_iter": 60, "quantile": 0.3 if loss == "quantile" else None}
    scoring = {
        "squared_error": "r2",
        "absolute_error": "neg_mean_absolute_error",
        "poisson": "neg_mean_poisson_deviance",
        "gamma": "neg_mean_gamma_deviance",
        "quantile": make_scorer(mean_pinball_loss, greater_is_better=False, alpha=0.3),
    }[loss]
    folds = KFold(5, shuffle=True, random_state=0)
    ours, theirs = (
        cross_val_score(cls(**options), X, y, cv=folds, scoring=scoring, n_jobs=1)
        for cls in (GradientBoostingRegressor, HistGradientBoostingRegressor)
    )
    assert ours.mean() > theirs.mean() - 0.5 * theirs.std()


def test_first_round_is_scikit_learns():
    """One tree with leaves that are full: the same splits, the same values."""
    X, y = load_diabetes(return_X_y=True)
    options = {"max_iter": 1, "learning_rate": 1.0, "max_leaf_nodes": 8}
    ours = GradientBoostingRegressor(**options).fit(X, y).predict(X)
    theirs = HistGradientBoostingRegressor(**options).fit(X, y).predict(X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


# -- attributes


def test_attributes():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = GradientBoostingClassifier(max_iter=7).fit(X, y)
    assert model.n_iter_ == 7 and model.n_trees_per_iteration_ == 3
    assert model.n_features_in_ == 4 and model.feature_names_in_.tolist() == X.columns.tolist()
    assert model.classes_.tolist() == [0, 1, 2] and model.is_categorical_ is None
    assert model.do_early_stopping_ is False and model.evals_result_ == {}
    assert model.train_score_.size == model.validation_score_.size == 0
    check_is_fitted(model)


@BOTH
def test_unfitted(cls):
    model = cls()
    for name in ("predict", "apply", "staged_predict"):
        with pytest.raises(NotFittedError):
            list(getattr(model, name)(np.ones((2, 2))))
    with pytest.raises(NotFittedError):
        model.n_iter_  # noqa: B018
    with pytest.raises(NotFittedError):
        model.feature_importances_  # noqa: B018
    with pytest.raises(NotFittedError):
        model.dump()


def test_importance():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 4))
    y = 3 * X[:, 1] + X[:, 2]
    model = GradientBoostingRegressor(max_iter=20, max_leaf_nodes=6).fit(X, y)
    gain = model.feature_importances_
    assert gain.sum() == pytest.approx(1) and np.argsort(gain)[-2:].tolist() == [2, 1]
    trees = [model._forest.tree(i) for i in range(20)]
    splits = np.bincount(np.concatenate([t["feature"][t["feature"] >= 0] for t in trees]), minlength=4)
    np.testing.assert_array_equal(model.importance("split", normalize=False), splits)
    np.testing.assert_allclose(model.importance("split"), splits / splits.sum())
    # squared error: the hessian of a row is 1, so cover counts rows
    cover = sum(
        np.bincount(t["feature"][t["feature"] >= 0], t["count"][t["feature"] >= 0], minlength=4)
        for t in trees
    )
    np.testing.assert_allclose(model.importance("cover", normalize=False), cover, rtol=1e-3)
    permutation = model.importance("permutation", X, y, n_repeats=3, random_state=0)
    assert np.argsort(permutation)[-2:].tolist() == [2, 1] and permutation[1] > 0.5
    with pytest.raises(ValueError, match="needs X and y"):
        model.importance("permutation")
    with pytest.raises(ValueError, match="kind"):
        model.importance("weight")
    with pytest.raises(ValueError, match="kind='permutation'"):
        model.importance("gain", X, y)


def test_importance_without_splits_is_zero():
    model = GradientBoostingRegressor(max_iter=2).fit(np.ones((50, 3)), np.arange(50.0))
    np.testing.assert_array_equal(model.feature_importances_, np.zeros(3))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_apply_gives_the_leaves_that_predict(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], y[y < n_classes]
    model = GradientBoostingClassifier(max_iter=5).fit(X, y)
    leaves = model.apply(X)
    assert leaves.shape == ((len(X), 5) if n_classes == 2 else (len(X), 5, 3))
    raw = np.repeat(model._forest.baseline[None], len(X), axis=0)
    for i, column in enumerate(leaves.reshape(len(X), -1).T):
        tree = model._forest.tree(i)
        assert np.all(tree["left"][column] < 0)
        raw[:, i % raw.shape[1]] += tree["value"][column]
    np.testing.assert_allclose(model.decision_function(X), raw[:, 0] if n_classes == 2 else raw)


def test_dump_and_pictures():
    X, y = _mixed(200)
    model = GradientBoostingRegressor(max_iter=3).fit(X, y)
    text = model.dump()
    assert text.count("tree ") == 3 and " a <= " in text and "c in" in text
    assert '"feature_names"' in model.dump("json", trees=[0])
    with pytest.raises(ValueError, match="'text' or 'json'"):
        model.dump("xml")
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    assert model.plot_tree(1) is not None
    model.set_params(early_stopping=True, validation_fraction=0.2).fit(X, y)
    assert model.plot_learning_curve() is not None


# -- prediction


@pytest.mark.parametrize("n_classes", [2, 3])
def test_prediction_methods_agree(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], np.array(["x", "y", "z"])[y[y < n_classes]]
    model = GradientBoostingClassifier(max_iter=5).fit(X, y)
    proba, raw = model.predict_proba(X), model.decision_function(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    if n_classes == 2:
        np.testing.assert_allclose(proba[:, 1], expit(raw))
    else:
        np.testing.assert_allclose(
            np.log(proba), raw - np.log(np.exp(raw).sum(axis=1, keepdims=True)), atol=1e-9
        )
    np.testing.assert_array_equal(model.predict(X), model.classes_[proba.argmax(axis=1)])
    for name in ("predict", "predict_proba", "decision_function"):
        stages = list(getattr(model, f"staged_{name}")(X))
        assert len(stages) == 5
        np.testing.assert_array_equal(stages[-1], getattr(model, name)(X))


@BOTH
def test_same_bits_on_any_number_of_threads(cls):
    X, y = make_friedman1(3000, n_features=30, random_state=0)
    y = y > 14 if cls is GradientBoostingClassifier else y
    models = [
        cls(max_iter=5, n_jobs=n, subsample=0.8, colsample_bynode=0.5, random_state=0).fit(X, y)
        for n in (1, 2, 3, 7)
    ]
    for model in models[1:]:
        for name, array in models[0]._forest.arrays().items():
            np.testing.assert_array_equal(array, model._forest.arrays()[name], err_msg=name)
        np.testing.assert_array_equal(models[0].predict(X), model.predict(X))


@BOTH
def test_float32_and_float64_are_the_same_values(cls):
    X, y = load_breast_cancer(return_X_y=True)
    X = X.astype(np.float32)
    model = cls(max_iter=5).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), model.predict(X.astype(np.float64)))
    np.testing.assert_array_equal(model.predict(X), cls(max_iter=5).fit(X.astype(np.float64), y).predict(X))


# -- losses


def test_one_round_of_each_log_link_loss_is_exact():
    """One leaf-pure feature, learning rate 1, many rounds: the mean of each group is found."""
    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    y = np.concatenate([np.tile([1.0, 3.0], 25), np.tile([10.0, 30.0], 25)])
    for loss in ("squared_error", "poisson", "gamma", "tweedie"):
        model = GradientBoostingRegressor(loss=loss, learning_rate=1.0, max_iter=30).fit(X, y)
        np.testing.assert_allclose(model.predict([[0.0], [1.0]]), [2.0, 20.0], rtol=1e-3, err_msg=loss)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantiles(level):
    rng = np.random.default_rng(0)
    X = rng.random((4000, 1))
    y = X[:, 0] + rng.exponential(1 + X[:, 0])
    model = GradientBoostingRegressor(loss="quantile", quantile=level, max_iter=40, max_leaf_nodes=8).fit(
        X, y
    )
    # 4000 coins, and the model follows them a little
    assert abs(np.mean(y <= model.predict(X)) - level) < 0.02


def test_robust_losses_ignore_outliers():
    X = np.repeat(np.arange(10.0), 100)[:, None]
    y = X[:, 0].copy()
    y[::20] = 1e4
    for options in ({"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "huber", "huber_delta": 0.5}):
        model = GradientBoostingRegressor(max_iter=100, **options).fit(X, y)
        error = np.abs(model.predict(np.arange(10.0)[:, None]) - np.arange(10))
        assert error.max() < 1.5, options
    plain = GradientBoostingRegressor(max_iter=100).fit(X, y)
    assert np.abs(plain.predict(np.arange(10.0)[:, None]) - np.arange(10)).max() > 100


def test_focal_loss_of_zero_is_log_loss():
    X, y = load_wine(return_X_y=True)
    for rows in (slice(None), y < 2):
        focal = GradientBoostingClassifier(loss="focal", focal_gamma=0.0, max_iter=5).fit(X[rows], y[rows])
        plain = GradientBoostingClassifier(max_iter=5).fit(X[rows], y[rows])
        np.testing.assert_allclose(focal.predict_proba(X), plain.predict_proba(X), atol=1e-4)
        strong = GradientBoostingClassifier(loss="focal", focal_gamma=4.0, max_iter=20).fit(X[rows], y[rows])
        assert strong.score(X[rows], y[rows]) > 0.95
        assert np.abs(strong.predict_proba(X) - plain.predict_proba(X)).max() > 0.01


class _SquaredError:
    def __call__(self, y, raw):
        return raw - y, np.ones_like(y)

    def loss(self, y, raw):
        return 0.5 * (y - raw) ** 2

    def baseline(self, y, weight):
        return np.average(y, weights=weight)


class _LogLoss:
    def __call__(self, y, raw):
        p = expit(raw)
        return p - y, p * (1 - p)


def test_custom_loss():
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(0).random(len(y))
    plain = GradientBoostingRegressor(max_iter=20, early_stopping=True, random_state=0).fit(X, y, weight)
    own = GradientBoostingRegressor(
        loss=_SquaredError(), max_iter=20, early_stopping=True, random_state=0
    ).fit(X, y, weight)
    np.testing.assert_allclose(own.predict(X), plain.predict(X), rtol=1e-3)
    np.testing.assert_allclose(own.validation_score_, plain.validation_score_, rtol=1e-3)
    X, y = load_breast_cancer(return_X_y=True)
    own = GradientBoostingClassifier(loss=_LogLoss(), max_iter=100).fit(X, y)
    assert own.predict_proba(X).shape == (569, 2) and own.score(X, y) > 0.99


def test_custom_loss_without_loss_function_cannot_stop_early():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises(ValueError, match="no attribute 'loss'"):
        GradientBoostingClassifier(loss=_LogLoss(), early_stopping=True).fit(X, y)


# -- weights


def _repeated(seed=0, n_rows=2000):
    X, y = make_friedman1(n_rows, random_state=seed, noise=1.0)
    weight = np.random.default_rng(seed).integers(0, 4, n_rows)
    return X, y, weight


@pytest.mark.parametrize("kind", ["regression", "two classes", "three classes"])
def test_weights_are_repeats(kind):
    """A row of weight w counts as w rows. Gradients are rounded, so models agree as far as that lets them."""
    X, y, weight = _repeated()
    cls = GradientBoostingRegressor
    if kind != "regression":
        cls = GradientBoostingClassifier
        y = np.digitize(y, [14] if kind == "two classes" else [12, 16])
    # limits in rows would tell the two apart, limits in weight do not
    options = {"min_samples_leaf": 1, "min_weight_leaf": 20, "max_leaf_nodes": 6}

    def fit(n_rounds):
        weighted = cls(max_iter=n_rounds, **options).fit(X, y, sample_weight=weight)
        repeated = cls(max_iter=n_rounds, **options).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        return weighted, repeated, weighted._raw_predict(X), repeated._raw_predict(X)

    weighted, repeated, mine, other = fit(1)
    np.testing.assert_allclose(mine, other, rtol=1e-4)
    # later a split may differ where two are equally good, and then all that follows
    *_, mine, other = fit(20)
    assert np.mean((mine - other) ** 2) < 0.02 * mine.var()
    for name in ("edges", "edges_offsets", "n_codes"):
        np.testing.assert_array_equal(
            weighted._bin_mapper.get_state()[name], repeated._bin_mapper.get_state()[name]
        )


def test_rows_of_weight_zero_do_not_matter():
    X, y, _ = _repeated(n_rows=500)
    weight = (np.arange(500) % 2).astype(float)
    spoiled = y.copy()
    spoiled[weight == 0] = 1e6
    options = {"min_samples_leaf": 1, "min_weight_leaf": 10, "max_iter": 5}
    np.testing.assert_array_equal(
        GradientBoostingRegressor(**options).fit(X, y, weight).predict(X),
        GradientBoostingRegressor(**options).fit(X, spoiled, weight).predict(X),
    )


def test_scale_of_weights_does_not_matter():
    X, y, _ = _repeated(n_rows=500)
    weight = np.random.default_rng(1).random(500)
    options = {"min_sum_hessian": 0.0, "max_iter": 10}
    one = GradientBoostingRegressor(**options).fit(X, y, weight).predict(X)
    for factor in (2.0**-40, 2.0**40):
        np.testing.assert_allclose(
            GradientBoostingRegressor(**options).fit(X, y, factor * weight).predict(X), one, rtol=1e-6
        )


def test_class_weight():
    X, y = load_breast_cancer(return_X_y=True)
    by_class = GradientBoostingClassifier(max_iter=5, class_weight={0: 3.0, 1: 0.5}).fit(X, y)
    by_row = GradientBoostingClassifier(max_iter=5).fit(X, y, sample_weight=np.where(y == 0, 3.0, 0.5))
    np.testing.assert_array_equal(by_class.decision_function(X), by_row.decision_function(X))
    names = np.array(["no", "yes"])[y]
    by_name = GradientBoostingClassifier(max_iter=5, class_weight={"no": 3.0, "yes": 0.5}).fit(X, names)
    np.testing.assert_array_equal(by_name.decision_function(X), by_row.decision_function(X))


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
    X, y = _mixed()
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
    X, y = _mixed()
    model = GradientBoostingRegressor(max_iter=5).fit(X, y)
    other = X.assign(c=X["c"].cat.set_categories(["q", "z", "y", "x", "w", "v", "u"]))
    np.testing.assert_array_equal(model.predict(other), model.predict(X))


def test_unknown_categories_are_missing():
    X, y = _mixed()
    model = GradientBoostingRegressor(max_iter=5).fit(X, y)
    unknown = X.assign(c=pd.Categorical(["new"] * len(X)))
    missing = X.assign(c=pd.Categorical([None] * len(X), categories=["u"]))
    np.testing.assert_array_equal(model.predict(unknown), model.predict(missing))


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
    X, y = _mixed()
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


# -- base margin


def test_base_margin_of_a_model_continues_it():
    X, y = make_friedman1(1000, random_state=0)
    first = GradientBoostingRegressor(max_iter=20).fit(X, y)
    margin = first.predict(X)
    second = GradientBoostingRegressor(max_iter=20).fit(X, y, base_margin=margin)
    both = GradientBoostingRegressor(max_iter=40).fit(X, y)
    # the constant of the second is near zero: nothing is left for it to do
    assert abs(second._forest.baseline[0]) < 1e-6
    np.testing.assert_allclose(second.predict(X, base_margin=margin), both.predict(X), rtol=1e-2)
    np.testing.assert_allclose(second.predict(X, margin) - second.predict(X), margin, rtol=1e-9)


def test_base_margin_is_an_offset():
    rng = np.random.default_rng(0)
    exposure = rng.uniform(0.1, 10, 4000)
    X = rng.random((4000, 2))
    y = rng.poisson(exposure * np.exp(X[:, 0])).astype(float)
    model = GradientBoostingRegressor(loss="poisson", max_iter=60, max_leaf_nodes=6)
    model.fit(X, y, base_margin=np.log(exposure))
    rate = model.predict(X)  # of one unit of exposure
    np.testing.assert_allclose(model.predict(X, np.log(exposure)), rate * exposure)
    assert np.corrcoef(rate, np.exp(X[:, 0]))[0, 1] > 0.97
    assert np.sum(rate * exposure) == pytest.approx(y.sum(), rel=0.02)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_base_margin_in_classification(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[50 * (3 - n_classes) :], y[50 * (3 - n_classes) :]
    rng = np.random.default_rng(0)
    margin = rng.standard_normal(len(y) if n_classes == 2 else (len(y), 3))
    model = GradientBoostingClassifier(max_iter=5).fit(X, y, base_margin=margin)
    for name in ("predict", "predict_proba", "decision_function"):
        last = list(getattr(model, f"staged_{name}")(X, base_margin=margin))[-1]
        np.testing.assert_array_equal(last, getattr(model, name)(X, base_margin=margin))
    np.testing.assert_allclose(model.decision_function(X, margin), model.decision_function(X) + margin)
    empty = GradientBoostingClassifier(max_iter=1, min_samples_leaf=1000)
    plain = empty.fit(X, y, base_margin=np.zeros_like(margin)).decision_function(X[:1])
    without = empty.fit(X, y).decision_function(X[:1])
    np.testing.assert_allclose(plain - plain.mean(), without - without.mean(), atol=1e-6)


# -- boosting modes


@pytest.mark.parametrize(
    "options",
    [
        {"boosting": "dart"},
        {"boosting": "goss"},
        {"subsample": 0.5},
        {"colsample_bytree": 0.5},
        {"colsample_bylevel": 0.5},
        {"colsample_bynode": 0.5},
        {"max_features": 0.5},
        {"extra_random": True},
        {"growth": "level"},
        {"l1_regularization": 1.0},
        {"path_smooth": 1.0},
        {"max_delta_step": 0.5},
        {"min_split_gain": 1.0},
        {"max_depth": 4, "max_leaf_nodes": None},
    ],
)
def test_every_mode_learns(options):
    X, y = make_friedman1(1500, random_state=0, noise=1.0)
    train, test = slice(0, 1000), slice(1000, None)
    model = GradientBoostingRegressor(max_iter=150, random_state=0, **options).fit(X[train], y[train])
    again = clone(model).fit(X[train], y[train])
    np.testing.assert_array_equal(model.predict(X), again.predict(X))
    plain = GradientBoostingRegressor(max_iter=150).fit(X[train], y[train])
    # max_delta_step caps how far 150 rounds can go: 150 * 0.1 * 0.5
    assert model.score(X[test], y[test]) > 0.8
    assert np.any(model.predict(X) != plain.predict(X))


def test_seeds():
    X, y = make_friedman1(500, random_state=0)

    def fit(seed, **options):
        return GradientBoostingRegressor(max_iter=5, random_state=seed, **options).fit(X, y).predict(X)

    np.testing.assert_array_equal(fit(0), fit(1))  # nothing is drawn
    for options in ({"subsample": 0.5}, {"boosting": "goss", "learning_rate": 1.0}, {"extra_random": True}):
        np.testing.assert_array_equal(fit(0, **options), fit(0, **options))
        assert np.any(fit(0, **options) != fit(1, **options))
        rng = np.random.RandomState(0)
        first, second = fit(rng, **options), fit(rng, **options)
        assert np.any(first != second)


def test_limits_of_leaves():
    X, y = make_friedman1(1000, random_state=0)
    weight = np.random.default_rng(0).random(1000)
    model = GradientBoostingRegressor(
        max_iter=5, max_leaf_nodes=None, max_depth=4, min_samples_leaf=30, min_weight_leaf=25.0
    )
    leaves = model.fit(X, y, weight).apply(X)
    for column, i in zip(leaves.T, range(5), strict=True):
        assert np.bincount(column)[np.unique(column)].min() >= 30
        assert np.bincount(column, weight)[np.unique(column)].min() >= 25.0
        assert len(np.unique(column)) <= 16
        tree = model._forest.tree(i)
        np.testing.assert_array_equal(
            np.bincount(column, minlength=tree["left"].size)[tree["left"] < 0],
            tree["count"][tree["left"] < 0],
        )


# -- continuing, copying


@BOTH
@pytest.mark.parametrize("options", [{}, {"subsample": 0.6, "colsample_bytree": 0.6}, {"extra_random": True}])
def test_warm_start_is_one_long_fit(cls, options):
    X, y = load_breast_cancer(return_X_y=True)
    model = cls(max_iter=4, warm_start=True, random_state=0, **options).fit(X, y)
    model.set_params(max_iter=9).fit(X, y)
    whole = cls(max_iter=9, random_state=0, **options).fit(X, y)
    for name, array in whole._forest.arrays().items():
        np.testing.assert_array_equal(array, model._forest.arrays()[name], err_msg=name)


def test_warm_start_checks():
    X, y = load_iris(return_X_y=True)
    model = GradientBoostingClassifier(max_iter=4, warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="previously unseen labels"):
        model.set_params(max_iter=5).fit(X, y + 1)
    with pytest.raises(ValueError, match="3 features"):
        model.fit(X[:, :3], y)
    with pytest.raises(ValueError, match="loss='focal' or one of its parameters differs"):
        copy.copy(model).set_params(loss="focal").fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_warm_start_with_a_function_from_elsewhere(tmp_path):
    """A model file holds no function; it is given again to go on."""
    X, y = load_diabetes(return_X_y=True)
    whole = GradientBoostingRegressor(loss=_SquaredError(), max_iter=6, warm_start=True)
    whole.set_params(max_iter=3).fit(X, y).save(tmp_path / "three")
    whole.set_params(max_iter=6).fit(X, y)
    loaded = fastml.load(tmp_path / "three").set_params(max_iter=6)
    with pytest.raises(Exception, match="not part of the model file"):
        loaded.fit(X, y)
    loaded.set_params(loss=_SquaredError()).fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), whole.predict(X))


@BOTH
def test_copies(cls, tmp_path):
    X, y = _mixed()
    y = y > 2 if cls is GradientBoostingClassifier else y
    model = cls(max_iter=4).fit(X, y)
    want = model.predict(X)
    joblib.dump(model, tmp_path / "model.joblib")
    copies = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        copy.copy(model),
        joblib.load(tmp_path / "model.joblib"),
        joblib.load(tmp_path / "model.joblib", mmap_mode="r"),
    ]
    for other in copies:
        np.testing.assert_array_equal(other.predict(X), want)
        assert other.get_params() == model.get_params()
    assert not hasattr(clone(model), "_forest")


def test_several_threads_may_be_the_first_to_predict():
    X, y = load_iris(return_X_y=True)
    for _ in range(20):
        model = GradientBoostingClassifier(max_iter=10, max_leaf_nodes=4).fit(X, y)
        assert not model._forest._pending  # what threads share does not change any more
        with ThreadPoolExecutor(8) as pool:
            scores = list(pool.map(model.decision_function, [X] * 8))
        for score in scores[1:]:
            np.testing.assert_array_equal(score, scores[0])


def test_a_fitted_model_is_small():
    """No buffer of the training rows stays behind."""
    X, y = load_iris(return_X_y=True)
    for options in ({}, {"loss": "focal"}):
        few = GradientBoostingClassifier(max_iter=2, max_leaf_nodes=2, **options)
        sizes = [len(pickle.dumps(few.fit(np.repeat(X, n, axis=0), np.repeat(y, n)))) for n in (1, 50)]
        assert abs(sizes[1] - sizes[0]) < 1000


def test_probability_of_extreme_scores():
    X = np.array([[0.0], [1.0]] * 50)
    y = X[:, 0].astype(int)
    model = GradientBoostingClassifier(learning_rate=50.0, max_iter=30).fit(X, y)
    proba = model.predict_proba(X)
    assert np.isfinite(proba).all() and model.score(X, y) == 1.0
