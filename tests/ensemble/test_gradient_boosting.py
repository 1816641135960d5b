"""GradientBoostingClassifier and GradientBoostingRegressor, through their interface."""

import inspect

import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_friedman1
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.metrics import make_scorer, mean_pinball_loss
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.utils.validation import check_is_fitted

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from tests.ensemble.boosting_data import BOTH, mixed
from tests.ensemble.boosting_data import one_thread_for_scikit_learn as one_thread_for_scikit_learn

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
    X, y = mixed(200)
    model = GradientBoostingRegressor(max_iter=3).fit(X, y)
    text = model.dump()
    assert text.count("tree ") == 3 and " a <= " in text and "c in" in text
    assert '"feature_names"' in model.dump("json", trees=[0])
    with pytest.raises(ValueError, match="'text', 'json' or 'dot'"):
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
