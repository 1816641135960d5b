"""AdaBoost: the rounds, members of two kinds, kinds of input, what can be wrong."""

import pickle

import numpy as np
import pytest
import sklearn.ensemble
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier as TheirTree

import fastml
from fastml.ensemble import AdaBoostClassifier, AdaBoostRegressor
from fastml.tree import BinnedTable, DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier


class PlainTree(DecisionTreeClassifier):
    """A subclass is fitted as any estimator is."""


class PlainRegressor(DecisionTreeRegressor):
    pass


@pytest.mark.parametrize("load", [load_iris, load_wine, load_digits])
def test_rounds_are_scikit_learns(load):
    """Few distinct values: the same stumps, errors and votes."""
    X, y = load(return_X_y=True)
    own = AdaBoostClassifier(n_estimators=15, random_state=0).fit(X, y)
    theirs = sklearn.ensemble.AdaBoostClassifier(n_estimators=15, random_state=0).fit(X, y)
    assert own.estimator_errors_ == pytest.approx(theirs.estimator_errors_, abs=1e-12)
    assert own.estimator_weights_ == pytest.approx(theirs.estimator_weights_, abs=1e-9)
    if load is not load_iris:  # where two features split alike either may be chosen
        assert np.abs(own.decision_function(X) - theirs.decision_function(X)).max() < 1e-9
        assert own.feature_importances_ == pytest.approx(theirs.feature_importances_, abs=1e-9)


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
def test_regression_is_as_good_as_scikit_learns(loss):
    X, y = load_diabetes(return_X_y=True)
    train = np.arange(len(y)) % 3 > 0
    scores = {}
    for cls in (AdaBoostRegressor, sklearn.ensemble.AdaBoostRegressor):
        models = [cls(loss=loss, random_state=seed).fit(X[train], y[train]) for seed in range(5)]
        scores[cls] = np.mean([model.score(X[~train], y[~train]) for model in models])
    own, theirs = scores.values()
    assert abs(own - theirs) < 0.05


@pytest.mark.parametrize("depth", [1, 3, None])
@pytest.mark.parametrize("load", [load_wine, load_breast_cancer])
def test_threads_change_nothing(load, depth):
    X, y = load(return_X_y=True)
    member = DecisionTreeClassifier(max_depth=depth, min_samples_leaf=5)
    models = [
        AdaBoostClassifier(member, n_estimators=8, random_state=3, n_jobs=n).fit(X, y) for n in (1, 2, 7)
    ]
    for model in models[1:]:
        assert np.array_equal(model.estimator_weights_, models[0].estimator_weights_)
        assert np.array_equal(model.decision_function(X), models[0].decision_function(X))


def test_the_fast_way_is_the_slow_way():
    """Trees on one binned table are those that are fitted from the rows in each round."""
    X, y = load_wine(return_X_y=True)
    weight = np.random.default_rng(0).integers(0, 4, len(y))
    for options in ({"max_depth": 1}, {"max_depth": 3, "class_weight": "balanced", "ccp_alpha": 0.01}):
        fast = AdaBoostClassifier(DecisionTreeClassifier(**options), n_estimators=10, random_state=0)
        slow = AdaBoostClassifier(PlainTree(**options), n_estimators=10, random_state=0)
        fast.fit(X, y, sample_weight=weight), slow.fit(X, y, sample_weight=weight)
        assert type(slow.estimators_[0]) is PlainTree
        assert np.array_equal(fast.estimator_errors_, slow.estimator_errors_)
        assert fast.decision_function(X) == pytest.approx(slow.decision_function(X), abs=1e-12)
        for own, other in zip(fast.estimators_, slow.estimators_, strict=True):
            assert own.random_state == other.random_state
            assert np.array_equal(own.tree_.threshold, other.tree_.threshold)


def test_the_fast_way_is_the_slow_way_in_regression():
    X, y = load_diabetes(return_X_y=True)
    fast, slow = (
        AdaBoostRegressor(cls(max_depth=4), n_estimators=10, random_state=0, resample=False).fit(X, y)
        for cls in (DecisionTreeRegressor, PlainRegressor)
    )
    assert np.array_equal(fast.estimator_errors_, slow.estimator_errors_)
    assert np.array_equal(fast.predict(X), slow.predict(X))


def test_stages_are_shorter_ensembles():
    X, y = load_wine(return_X_y=True)
    whole = AdaBoostClassifier(n_estimators=6, random_state=0).fit(X, y)
    stages = list(whole.staged_decision_function(X))
    for n in (1, 4, 6):
        short = AdaBoostClassifier(n_estimators=n, random_state=0).fit(X, y)
        assert np.array_equal(short.decision_function(X), stages[n - 1])
    assert [*whole.staged_score(X, y)][-1] == whole.score(X, y)
    assert all(p.sum(axis=1) == pytest.approx(1) for p in whole.staged_predict_proba(X))
    X, y = load_diabetes(return_X_y=True)
    whole = AdaBoostRegressor(n_estimators=6, random_state=0).fit(X, y)
    short = AdaBoostRegressor(n_estimators=3, random_state=0).fit(X, y)
    stages = list(whole.staged_predict(X))
    assert len(stages) == 6 and np.array_equal(stages[2], short.predict(X))
    assert [*whole.staged_score(X, y)][-1] == whole.score(X, y)


def test_members_tell_what_the_ensemble_does():
    X, y = load_wine(return_X_y=True)
    labels = np.array(["red", "rosé", "white"])[y]
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=9, random_state=0)
    model.fit(X, labels)
    assert len(model) == len(model.estimators_) == 9 and model[0] is model.estimators_[0]
    assert len({member.random_state for member in model}) == 9
    votes = sum(
        weight * (member.predict(X)[:, None] == model.classes_)
        for weight, member in zip(model.estimator_weights_, model.estimators_, strict=True)
    )
    assert np.array_equal(model.classes_[votes.argmax(axis=1)], model.predict(X))
    assert model.estimators_[0].get_depth() == 2
    importances = [m.feature_importances_ for m in model]
    expected = np.average(importances, axis=0, weights=model.estimator_weights_)
    assert model.feature_importances_ == pytest.approx(expected)


@pytest.mark.parametrize("member", [None, DecisionTreeClassifier(max_depth=3), TheirTree(max_depth=2)])
def test_resampling(member):
    X, y = load_breast_cancer(return_X_y=True)
    train = np.arange(len(y)) % 2 > 0
    model = AdaBoostClassifier(member, resample=True, random_state=1).fit(X[train], y[train])
    assert model.score(X[~train], y[~train]) > 0.93
    again = AdaBoostClassifier(member, resample=True, random_state=1).fit(X[train], y[train])
    assert np.array_equal(model.decision_function(X), again.decision_function(X))


def test_members_without_weights():
    X, y = load_wine(return_X_y=True)
    with pytest.raises(ValueError, match=r"doesn't support sample_weight\. Pass resample=True"):
        AdaBoostClassifier(KNeighborsClassifier()).fit(X, y)
    model = AdaBoostClassifier(KNeighborsClassifier(), resample=True, n_estimators=5, random_state=0)
    assert model.fit(X, y).score(X, y) > 0.6
    with pytest.raises(AttributeError, match="feature_importances_"):
        model.feature_importances_  # noqa: B018


def test_rows_without_weight_are_not_seen():
    X, y = load_wine(return_X_y=True)
    seen = np.arange(len(y)) % 4 > 0
    weighted = AdaBoostClassifier(n_estimators=10, random_state=0).fit(X, y, sample_weight=seen * 2.5)
    fewer = AdaBoostClassifier(n_estimators=10, random_state=0).fit(X[seen], y[seen])
    assert np.array_equal(weighted.predict(X), fewer.predict(X))
    assert weighted.decision_function(X) == pytest.approx(fewer.decision_function(X), abs=1e-9)


def test_a_perfect_member_ends_the_rounds():
    X, y = load_iris(return_X_y=True)
    model = AdaBoostClassifier(DecisionTreeClassifier(), random_state=0).fit(X, y)
    assert len(model) == 1 and model.estimator_errors_[0] == 0 and model.estimator_weights_[0] == 1
    assert model.score(X, y) == 1
    model = AdaBoostRegressor(DecisionTreeRegressor(), resample=False).fit(X, X[:, 0])
    assert len(model) == 1 and model.score(X, X[:, 0]) == 1


def test_a_useless_member_ends_the_rounds():
    noise = np.random.default_rng(0).integers(0, 2, 400)
    model = AdaBoostClassifier(DummyClassifier(strategy="most_frequent"), random_state=0)
    model.fit(np.zeros((400, 1)), noise)
    assert 1 <= len(model) < 50 and not model.estimator_weights_[len(model) :].any()
    with pytest.raises(ValueError, match=r"DecisionTreeClassifier is worse than random.*0\.5 is not below"):
        AdaBoostClassifier().fit(np.zeros((4, 1)), [0, 1, 0, 1])
    model = AdaBoostRegressor(random_state=0).fit(np.zeros((4, 1)), [0.0, 1.0, 0.0, 1.0])
    assert np.isfinite(model.predict(np.zeros((2, 1)))).all()


def test_missing_values_categories_and_sparse():
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c", "d"], 500)
    x = np.where(rng.random(500) < 0.3, np.nan, rng.standard_normal(500))
    y = np.isin(kind, ["b", "d"]) ^ np.isnan(x)
    frame = pandas.DataFrame({"kind": pandas.Categorical(kind), "x": x})
    model = AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), random_state=0).fit(frame, y)
    assert model.score(frame, y) == 1
    assert list(model.feature_names_in_) == ["kind", "x"] and model.n_features_in_ == 2
    dense = np.where(rng.random((300, 5)) < 0.6, 0, rng.standard_normal((300, 5)))
    y = dense[:, 0] + dense[:, 1] > 0.1
    models = [AdaBoostClassifier(random_state=0).fit(X, y) for X in (dense, sparse.csr_matrix(dense))]
    assert np.array_equal(models[0].decision_function(dense), models[1].decision_function(dense))
    assert np.array_equal(models[0].predict(dense), models[0].predict(sparse.csc_matrix(dense)))
    with pytest.raises(ValueError, match="NaN"):
        AdaBoostClassifier(LogisticRegression()).fit(frame[["x"]], y[:1].repeat(500))


def test_a_binned_table_gives_the_same_model():
    X, y = load_wine(return_X_y=True)
    table = BinnedTable(X)
    models = [AdaBoostClassifier(random_state=0).fit(rows, y) for rows in (X, table)]
    for rows in (X, table):
        assert np.array_equal(models[0].decision_function(X), models[1].decision_function(rows))


def test_random_thresholds():
    X, y = load_wine(return_X_y=True)
    model = AdaBoostClassifier(ExtraTreeClassifier(max_depth=2), random_state=0).fit(X, y)
    other = AdaBoostClassifier(ExtraTreeClassifier(max_depth=2), random_state=1).fit(X, y)
    assert model.score(X, y) > 0.95
    assert not np.array_equal(model.estimator_errors_, other.estimator_errors_)


def test_one_class():
    X = np.arange(6.0).reshape(3, 2)
    model = AdaBoostClassifier().fit(X, ["a", "a", "a"])
    assert list(model.predict(X)) == ["a"] * 3
    assert np.array_equal(model.predict_proba(X), np.ones((3, 1)))
    assert np.array_equal([*model.staged_predict_proba(X)][-1], np.ones((3, 1)))


def test_copies_by_pickle():
    X, y = load_wine(return_X_y=True)
    for model in (AdaBoostClassifier(n_estimators=4), AdaBoostRegressor(n_estimators=4)):
        model.fit(X, y)
        assert len(model.estimators_) == 4
        again = pickle.loads(pickle.dumps(model))
        assert np.array_equal(model.predict(X), again.predict(X)) and len(again.estimators_) == 4


@pytest.mark.parametrize(
    "model",
    [
        AdaBoostClassifier(random_state=0),
        AdaBoostClassifier(DecisionTreeClassifier(max_leaf_nodes=5, class_weight={"a": 2.0}), n_estimators=4),
        AdaBoostClassifier(
            ExtraTreeClassifier(max_depth=3), resample=True, n_estimators=7, learning_rate=0.5
        ),
        AdaBoostRegressor(n_estimators=5),
        AdaBoostRegressor(DecisionTreeRegressor(criterion="absolute_error", max_depth=2), n_estimators=3),
    ],
)
def test_model_files(model, tmp_path):
    X, y = load_wine(return_X_y=True)
    if isinstance(model, AdaBoostClassifier):
        y = np.array(["a", "b", "c"])[y]
    model.fit(X, y).save(tmp_path / "m.fastml")
    again = fastml.load(tmp_path / "m.fastml")
    assert type(again) is type(model) and repr(again.estimator) == repr(model.estimator)
    for ask in ("predict", "decision_function"):
        if hasattr(model, ask):
            assert np.array_equal(getattr(model, ask)(X), getattr(again, ask)(X))
    assert np.array_equal(model.feature_importances_, again.feature_importances_)
    assert np.array_equal(model.estimator_errors_, again.estimator_errors_)
    assert np.array_equal(model[1].predict(X), again[1].predict(X))
    again.save(tmp_path / "n.fastml")
    assert (tmp_path / "m.fastml").read_bytes() == (tmp_path / "n.fastml").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, a: a.update(estimator_weights_=-a["estimator_weights_"]), "votes must be"),
        (lambda v, a: a.update(estimator_weights_=0 * a["estimator_weights_"]), "there must be votes"),
        (lambda v, a: a.update(estimator_weights_=a["estimator_weights_"][:1]), "shape"),
        (lambda v, a: a.update(estimator_errors_=a["estimator_errors_"] + np.inf), "finite"),
        (lambda v, a: a.update(said=a["said"] + np.int32(3)), "class that is not there"),
        (lambda v, a: a.update(said=a["said"][1:]), "shape"),
        (lambda v, a: a.update(numbers=a["numbers"] - 2**40), "random states"),
        (lambda v, a: a.update(extra=a["numbers"]), "unexpected"),
        (lambda v, a: v.update(n_outputs=2), "classes.1"),
        (lambda v, a: a.pop("cart.nodes.right"), "right"),
    ],
)
def test_a_false_state_is_refused(change, message):
    X, y = load_wine(return_X_y=True)
    model = AdaBoostClassifier(n_estimators=3).fit(X, y)
    values, arrays = model._get_model_state()
    change(values, arrays)
    with pytest.raises(ValueError, match=message):
        AdaBoostClassifier(n_estimators=3)._set_model_state(values, arrays)


def test_models_that_no_file_can_hold(tmp_path):
    X, y = load_wine(return_X_y=True)
    for member in (LogisticRegression(max_iter=5000), PlainTree()):
        with pytest.raises(fastml.io.ModelFileError, match=type(member).__name__):
            AdaBoostClassifier(member, n_estimators=2).fit(X, y).save(tmp_path / "m.fastml")


def test_a_fit_that_fails_leaves_the_model_as_it_was():
    X, y = load_wine(return_X_y=True)
    model = AdaBoostClassifier(n_estimators=4, random_state=0).fit(X, y)
    before = model.predict(X)
    with pytest.raises(ValueError, match="worse than random"):
        model.fit(np.zeros((4, 1)), [0, 1, 0, 1])
    assert np.array_equal(model.predict(X), before) and model.n_classes_ == 3

    class Interrupted(TheirTree):
        def fit(self, X, y, sample_weight=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.set_params(estimator=Interrupted()).fit(X, y)
    assert np.array_equal(model.predict(X), before)


@pytest.mark.parametrize(
    ("options", "y", "weight", "message"),
    [
        ({"n_estimators": 0}, [0, 1, 0], None, "n_estimators"),
        ({"learning_rate": 0.0}, [0, 1, 0], None, "learning_rate"),
        ({"estimator": "stump"}, [0, 1, 0], None, "estimator"),
        ({"n_jobs": 0}, [0, 1, 0], None, "n_jobs"),
        ({}, [0, 1], None, "inconsistent numbers of samples"),
        ({}, [[0, 1], [1, 0], [0, 0]], None, "1d array"),
        ({}, None, None, "y is None"),
        ({}, [0.5, 1.5, 0.25], None, "continuous"),
        ({}, [0, 1, 0], [1, -1, 1], "Negative values in data passed to `sample_weight`"),
        ({}, [0, 1, 0], [0, 0, 0], "at least one non-zero"),
        ({}, [0, 1, 0], [1, 1], "sample_weight.shape"),
        ({}, [0, 1, 0], [1, np.nan, 1], "NaN"),
    ],
)
def test_bad_input(options, y, weight, message):
    X = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match=message):
        AdaBoostClassifier(**options).fit(X, y, sample_weight=weight)


def test_not_fitted():
    X = np.zeros((2, 2))
    for ask in ("predict", "decision_function", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(AdaBoostClassifier(), ask)(X)
    with pytest.raises(NotFittedError):
        AdaBoostRegressor().predict(X)
    with pytest.raises(NotFittedError):
        AdaBoostRegressor().estimators_  # noqa: B018
    assert len(AdaBoostRegressor()) == 0
