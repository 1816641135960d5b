"""Boosting modes, continued fits and copies of gradient boosting."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_friedman1

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from tests.ensemble.boosting_data import BOTH, mixed
from tests.ensemble.boosting_data import one_thread_for_scikit_learn as one_thread_for_scikit_learn

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


@BOTH
def test_copies(cls, tmp_path):
    X, y = mixed()
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
