"""The forests: what they share with scikit-learn's, and what they have beyond."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_friedman1
from sklearn.metrics import accuracy_score

import fastml
from fastml.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.io import ModelFileError
from fastml.tree import BinnedTable

ALL = [ExtraTreesClassifier, ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor]


def stored(model):
    return {name: array.tobytes() for name, array in model._cart.arrays().items()}


@pytest.mark.parametrize("cls", ALL)
def test_same_bytes_on_any_number_of_threads(cls):
    X, y = load_iris(return_X_y=True)
    models = [cls(n_estimators=9, random_state=0, n_jobs=n).fit(X, y) for n in (1, 2, 7)]
    assert stored(models[0]) == stored(models[1]) == stored(models[2])
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))


@pytest.mark.parametrize("cls", ALL)
def test_a_larger_forest_begins_with_the_smaller_one(cls):
    X, y = load_iris(return_X_y=True)
    small, large = (cls(n_estimators=n, random_state=3).fit(X, y) for n in (4, 11))
    for i in range(4):
        for name, array in small._cart.tree(i).items():
            if name not in ("category_set", "category_sets"):
                np.testing.assert_array_equal(array, large._cart.tree(i)[name])
    grown = clone(small).set_params(warm_start=True).fit(X, y)
    grown.set_params(n_estimators=11).fit(X, y)
    assert stored(grown) == stored(large)


@pytest.mark.parametrize("cls", ALL)
def test_trees_as_estimators(cls):
    X, y = load_iris(return_X_y=True)
    model = cls(n_estimators=5, random_state=0, max_depth=3).fit(X, y)
    trees = model.estimators_
    assert len(trees) == len(model) == 5 and len(trees[1:3]) == 2
    assert type(model.estimator_) is type(trees[0]) and trees[-1].max_depth == 3
    with pytest.raises(IndexError):
        trees[5]
    np.testing.assert_array_equal(model.apply(X), np.stack([tree.apply(X) for tree in trees], axis=1))
    if hasattr(model, "predict_proba"):
        mean = np.mean([tree.predict_proba(X) for tree in trees], axis=0)
        np.testing.assert_allclose(model.predict_proba(X), mean, atol=1e-12)
    else:
        np.testing.assert_allclose(model.predict(X), np.mean([tree.predict(X) for tree in trees], axis=0))
    gains = np.mean([tree.feature_importances_ for tree in trees], axis=0)
    np.testing.assert_allclose(model.feature_importances_, gains / gains.sum(), atol=1e-9)
    path, offsets = model.decision_path(X)
    assert path.shape == (150, offsets[-1]) and offsets[-1] == model._cart.n_nodes


@pytest.mark.parametrize("cls", ALL)
def test_files_and_pickles(cls):
    X, y = load_iris(return_X_y=True)
    model = cls(n_estimators=5, random_state=0, bootstrap=True, oob_score=True, min_samples_leaf=3)
    model.fit(X, y, np.linspace(1, 2, 150))
    file = io.BytesIO()
    model.save(file)
    for same in (fastml.load(io.BytesIO(file.getvalue())), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(same.predict(X), model.predict(X))
        np.testing.assert_array_equal(same.feature_importances_, model.feature_importances_)
        np.testing.assert_array_equal(same.oob_importances(X, y), model.oob_importances(X, y))
        assert same.oob_score_ == model.oob_score_ and vars(same).keys() == vars(model).keys()


@pytest.mark.parametrize("cls", [RandomForestRegressor, ExtraTreesClassifier])
def test_damaged_files_are_refused(cls):
    X, y = load_iris(return_X_y=True)
    options = {"leaf_targets": True, "oob_score": True} if cls is RandomForestRegressor else {}
    file = io.BytesIO()
    cls(n_estimators=12, random_state=0, max_depth=4, **options).fit(X, y).save(file)
    data = file.getvalue()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            model = fastml.load(io.BytesIO(bytes(damaged)))
        except ModelFileError:
            continue
        if model.n_features_in_ == 4:
            model.predict(X)
            if options:
                model.predict_quantiles(X)


def test_weights_are_chances():
    """With bootstrap rows are drawn in proportion to weights and count by their draws alone."""
    X, y = load_iris(return_X_y=True)
    weight = np.where(y == 0, 3.0, 1.0)
    weight[y == 1] = 0.0
    model = RandomForestClassifier(n_estimators=200, random_state=0, max_samples=500).fit(X, y, weight)
    counts = np.stack([np.bincount(rows, minlength=150) for rows in model.estimators_samples_])
    assert (counts.sum(axis=1) == 500).all() and (counts[:, y == 1] == 0).all()
    assert abs(counts[:, y == 0].sum() / counts.sum() - 0.75) < 0.01
    assert model.estimators_[0].tree_.weighted_n_node_samples[0] == 500
    assert model.estimators_[0].tree_.n_node_samples[0] == np.count_nonzero(counts[0])


def test_out_of_bag():
    X, y = load_digits(return_X_y=True)
    X, y = X[:500], y[:500]
    model = RandomForestClassifier(n_estimators=40, random_state=0, oob_score=True).fit(X, y)
    votes, n_votes = np.zeros((500, 10)), np.zeros(500)
    for tree, rows in zip(model.estimators_, model.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(500), rows)
        votes[unseen] += tree.predict_proba(X[unseen])
        n_votes[unseen] += 1
    np.testing.assert_allclose(model.oob_decision_function_, votes / n_votes[:, None], atol=1e-12)
    assert model.oob_score_ == accuracy_score(y, votes.argmax(axis=1))
    curve = model.oob_curve(X, y)
    assert curve.shape == (40,) and curve[-1] == model.oob_score_ and curve[0] < curve[-1]
    wrong = model.oob_curve(X, y, scoring=lambda true, predicted: float(np.mean(true != predicted)))
    np.testing.assert_allclose(wrong, 1 - curve)
    with pytest.raises(ValueError, match="training rows"):
        model.oob_curve(X[:10], y[:10])
    with pytest.raises(ValueError, match="bootstrap"):
        ExtraTreesClassifier(n_estimators=2).fit(X, y).oob_importances(X, y)


def test_out_of_bag_of_several_outputs():
    X, y = load_iris(return_X_y=True)
    Y = np.stack([y, X[:, 0]], axis=1)
    model = RandomForestRegressor(n_estimators=30, random_state=0, oob_score=True).fit(X, Y)
    sums, n_used = np.zeros((150, 2)), np.zeros((150, 1))
    for tree, rows in zip(model.estimators_, model.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(150), rows)
        sums[unseen] += tree.predict(X[unseen])
        n_used[unseen] += 1
    np.testing.assert_allclose(model.oob_prediction_, sums / n_used)
    assert model.oob_curve(X, Y)[-1] == pytest.approx(model.oob_score_)
    labels = np.stack([y == 0, y == 1], axis=1).astype(int)
    both = RandomForestClassifier(n_estimators=30, random_state=0, oob_score=True).fit(X, labels)
    assert both.oob_decision_function_.shape == (150, 2, 2) and both.oob_score_ > 0.85


@pytest.mark.parametrize("classify", [False, True])
def test_oob_importances_do_not_prefer_many_values(classify):
    rng = np.random.default_rng(0)
    X = np.stack([rng.integers(0, 2, 600), rng.normal(size=600), rng.normal(size=600)], axis=1)
    y = X[:, 0] + 0.7 * rng.normal(size=600)
    cls = RandomForestRegressor
    if classify:
        y, cls = (y > 0.5).astype(int), RandomForestClassifier
    model = cls(n_estimators=60, random_state=0, max_features=1).fit(X, y)
    biased, unbiased = model.feature_importances_, model.oob_importances(X, y)
    assert biased[1:].sum() > biased[0]
    assert abs(unbiased[1:]).max() < 0.15 * unbiased[0]


def test_quantiles():
    X, y = make_friedman1(n_samples=600, noise=1.0, random_state=0)
    model = RandomForestRegressor(
        n_estimators=50, min_samples_leaf=5, random_state=0, leaf_targets=True, max_features=0.5
    ).fit(X, y)
    levels = [0.05, 0.5, 0.95]
    found = model.predict_quantiles(X, levels)
    assert found.shape == (600, 3) and (np.diff(found, axis=1) >= 0).all()
    assert np.isin(found, y).all()
    # the definition: shares of the targets in the leaves of a row
    leaf, weight = model.apply(X), np.zeros((5, 600))
    for tree, rows in enumerate(model.estimators_samples_):
        drawn = np.bincount(rows, minlength=600)
        for i in range(5):
            inside = drawn * (leaf[:, tree] == leaf[i, tree])
            weight[i] += inside / inside.sum() / 50
    order = np.argsort(y)
    for i in range(5):
        reached = np.cumsum(weight[i][order])
        for k, level in enumerate(levels):
            assert found[i, k] == y[order][np.searchsorted(reached, level - 1e-9)]
    np.testing.assert_array_equal(model.predict_quantiles(X, 0.5), found[:, 1])
    new_X, new_y = make_friedman1(n_samples=600, noise=1.0, random_state=1)
    low, high = model.predict_quantiles(new_X, (0.1, 0.9)).T
    assert 0.7 < np.mean((low <= new_y) & (new_y <= high)) < 0.97
    file = io.BytesIO()
    model.save(file)
    loaded = fastml.load(io.BytesIO(file.getvalue()))
    np.testing.assert_array_equal(loaded.predict_quantiles(X, levels), found)
    with pytest.raises(ValueError, match="leaf_targets=True"):
        RandomForestRegressor(n_estimators=2).fit(X, y).predict_quantiles(X)
    with pytest.raises(ValueError, match="0 to 1"):
        model.predict_quantiles(X, 1.5)
    with pytest.raises(ValueError, match="one output"):
        RandomForestRegressor(leaf_targets=True).fit(X, np.stack([y, y], axis=1))


def test_quantiles_of_weighted_rows_without_bootstrap():
    X = np.zeros((4, 1))
    model = ExtraTreesRegressor(n_estimators=3, leaf_targets=True).fit(X, [1, 2, 3, 4], [1, 1, 1, 5])
    assert model.predict_quantiles(X[:1], [0.1, 0.3, 0.5, 1.0]).tolist() == [[1, 3, 4, 4]]


def test_proximities():
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(n_estimators=20, random_state=0).fit(X, y)
    leaf = model.apply(X)
    expected = (leaf[:, None] == leaf[None]).mean(axis=2)
    np.testing.assert_allclose(model.proximities(X).toarray(), expected)
    np.testing.assert_allclose(model.proximities(X[:7], X).toarray(), expected[:7])
    top = model.proximities(X, top=5)
    assert (np.diff(top.indptr) <= 5).all()
    np.testing.assert_allclose(np.sort(top.toarray(), axis=1)[:, -5:], np.sort(expected, axis=1)[:, -5:])
    with pytest.raises(ValueError, match="top must be"):
        model.proximities(X, top=0)


def test_a_binned_table_serves_many_fits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    table = BinnedTable(X)
    for cls in (RandomForestClassifier, ExtraTreesClassifier):
        model = cls(n_estimators=5, random_state=0)
        assert stored(clone(model).fit(table, y)) == stored(model.fit(X, y))
        np.testing.assert_array_equal(model.predict_proba(table), model.predict_proba(X))


def test_memory_is_at_most_a_third_of_scikit_learns():
    from sklearn.ensemble import RandomForestClassifier as SkClassifier
    from sklearn.ensemble import RandomForestRegressor as SkRegressor

    for load, ours, theirs, least in (
        (load_digits, RandomForestClassifier, SkClassifier, 1),
        (load_digits, RandomForestClassifier, SkClassifier, 5),
        (load_diabetes, RandomForestRegressor, SkRegressor, 1),
        (load_diabetes, RandomForestRegressor, SkRegressor, 5),
    ):
        X, y = load(return_X_y=True)
        options = {"n_estimators": 10, "random_state": 0, "min_samples_leaf": least}
        mine, other = ours(**options).fit(X, y), theirs(**options).fit(X, y)
        size = 0
        for tree in other.estimators_:
            state = tree.tree_.__getstate__()
            size += state["nodes"].nbytes + state["values"].nbytes
        per_node = size / sum(tree.tree_.node_count for tree in other.estimators_)
        assert mine._cart.n_bytes / mine._cart.n_nodes < per_node / 3


def test_categories_and_missing_values():
    rng = np.random.default_rng(0)
    kind = rng.choice(list("abcdefgh"), 400)
    x = rng.normal(size=400)
    x[rng.random(400) < 0.2] = np.nan
    y = np.isin(kind, list("aceg")) + np.nan_to_num(x, nan=-2.0)
    frame = pd.DataFrame({"kind": pd.Categorical(kind), "x": x})
    for cls in (RandomForestRegressor, ExtraTreesRegressor):
        model = cls(n_estimators=30, random_state=0, oob_score=True, bootstrap=True).fit(frame, y)
        assert model.oob_score_ > 0.8
        file = io.BytesIO()
        model.save(file)
        loaded = fastml.load(io.BytesIO(file.getvalue()))
        np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))


def test_ctrl_c_leaves_the_estimator_as_it_was(monkeypatch):
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(n_estimators=3, random_state=0).fit(X, y)
    before = stored(model)
    import fastml.ensemble.forest as module

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "check", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(n_estimators=50, warm_start=True).fit(X, y)
    assert stored(model) == before and model.predict(X).shape == (150,)


def test_verbose_tells_of_progress(capsys):
    X, y = load_iris(return_X_y=True)
    RandomForestClassifier(n_estimators=30, random_state=0, verbose=2).fit(X, y)
    assert "[30/30]" in capsys.readouterr().out
    RandomForestClassifier(n_estimators=30, random_state=0).fit(X, y)
    assert capsys.readouterr().out == ""


def test_warm_start_of_another_kind_is_refused():
    X, y = load_iris(return_X_y=True)
    model = RandomForestClassifier(n_estimators=3, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="n_classes"):
        model.set_params(n_estimators=5).fit(X, np.minimum(y, 1))
    with pytest.raises(ValueError, match="larger or equal"):
        model.set_params(n_estimators=2).fit(X, y)
