"""The parameter `exact`: which features small nodes split between any two values."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from fastml.ensemble import (
    AdaBoostRegressor,
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.tree import BinnedTable, DecisionTreeRegressor


def table(n_values, n_rows=2000):
    rng = np.random.default_rng(0)
    X = rng.integers(0, n_values, (n_rows, 3)) / 8
    return X, np.sin(X[:, 0] / n_values * 80) + X[:, 1] / n_values + rng.normal(size=n_rows) / 9


@pytest.mark.parametrize("cls", [RandomForestRegressor, ExtraTreesRegressor, RandomForestClassifier])
def test_values_and_bins_say_the_same(cls):
    X, y = table(700)
    y = y > 0.5 if cls is RandomForestClassifier else y
    bins = BinnedTable(X)
    for exact in (True, False, "auto"):
        model = cls(30, random_state=0, exact=exact, bootstrap=True, oob_score=True).fit(X, y)
        same = cls(30, random_state=0, exact=exact, bootstrap=True, oob_score=True).fit(bins, y)
        np.testing.assert_array_equal(model.predict(X), same.predict(X))
        np.testing.assert_array_equal(same.predict(X), same.predict(bins))
        np.testing.assert_array_equal(same.predict(X[5:9]), same.predict(bins[5:9]))
        assert model.oob_score_ == same.oob_score_
    plain = BinnedTable(X, exact=False)
    with pytest.raises(ValueError, match="other bins"):
        same.predict(plain)


def test_auto_leaves_many_values_alone():
    kinds = {}
    for n_values in (200, 700, 10**9):
        X, y = table(n_values, 9000)
        for exact in (True, False, "auto"):
            kinds[exact] = DecisionTreeRegressor(random_state=0, exact=exact).fit(X, y).predict(X).tobytes()
        assert (kinds["auto"] == kinds[True]) == (n_values < 4096)
        assert (kinds["auto"] == kinds[False]) == (n_values != 700)


def test_a_tree_to_purity_knows_every_row():
    X, y = table(10**9)
    assert (DecisionTreeRegressor(exact=True).fit(X, y).predict(X) == y).all()
    assert (DecisionTreeRegressor(exact=False, max_bins=2).fit(X, y).predict(X) != y).any()


def test_limits_that_leave_no_use_for_it():
    X, y = table(700)
    for limit in ({"max_leaf_nodes": 50}, {"max_depth": 1}):
        trees = [DecisionTreeRegressor(random_state=0, exact=e, **limit).fit(X, y) for e in (True, False)]
        np.testing.assert_array_equal(trees[0].predict(X), trees[1].predict(X))
    X = np.hstack([X] * 22)
    trees = [DecisionTreeRegressor(random_state=0, exact=e).fit(X, y) for e in (True, False)]
    np.testing.assert_array_equal(trees[0].predict(X), trees[1].predict(X))


def test_adaboost_finds_the_leaves_of_its_rows():
    X, y = table(700)
    models = [
        AdaBoostRegressor(
            DecisionTreeRegressor(max_depth=7, exact=exact), n_estimators=5, random_state=0
        ).fit(X, y)
        for exact in (True, False)
    ]
    first = [np.sqrt(np.mean((model.predict(X) - y) ** 2)) for model in models]
    assert first[0] < 1.1 * first[1]


def test_a_table_knows_what_it_was_asked_for():
    X, _ = table(700)
    with pytest.raises(ValueError, match="exact='yes' must be True, False or 'auto'"):
        BinnedTable(X, exact="yes")
    assert BinnedTable(X, exact="auto")._mark(True) == BinnedTable(X, exact=True)._mark(True)
    assert BinnedTable(X, exact=False)._mark(True) == BinnedTable(X, exact=True)._mark(False)


def test_other_values_in_the_same_bins_are_read_as_they_are():
    X, y = table(10**9)
    bins = BinnedTable(X, exact=True)
    lower, upper = bins._values.lower, bins._values.upper
    moved = X.copy()
    for j in range(3):
        code = np.searchsorted(lower[j, 1:256], X[:, j], side="right")
        least, most = lower[j, code], upper[j, code]
        moved[:, j] = np.where((X[:, j] > least) & (X[:, j] < most), least + 0.9 * (most - least), X[:, j])
    other = BinnedTable(moved, exact=True)
    tree = DecisionTreeRegressor(random_state=0, exact=True).fit(bins, y)
    assert (tree.predict(moved) != y).any()
    np.testing.assert_array_equal(tree.predict(other), tree.predict(moved))


def test_ranks_that_values_share_are_not_taken_for_others():
    X = np.random.default_rng(0).permutation(200_000)[:, None] / 8.0
    bins = BinnedTable(X, exact=True)
    kept = np.isin(X, [bins._values.lower, bins._values.upper])
    moved = np.where(kept, X, np.floor(X * 4) / 4)
    other = BinnedTable(moved, exact=True)
    assert bins._mark(False) == other._mark(False)
    tree = DecisionTreeRegressor(random_state=0, exact=True, min_samples_leaf=5).fit(bins, np.sin(X[:, 0]))
    with pytest.raises(ValueError, match="other bins"):
        tree.predict(other)
    np.testing.assert_array_equal(tree.predict(bins[:500]), tree.predict(X[:500]))


@pytest.mark.parametrize("limits", [{"max_leaf_nodes": 20}, {"max_depth": 1}, {"exact": False}, {}])
def test_a_table_with_ranks_serves_trees_without(limits):
    X, y = table(700)
    tree = DecisionTreeRegressor(random_state=0, **limits).fit(X, y)
    np.testing.assert_array_equal(tree.predict(BinnedTable(X)), tree.predict(X))


@pytest.mark.parametrize("other", [{"exact": False}, {"max_leaf_nodes": 30}, {"max_bins": 7}])
def test_trees_of_a_warm_start_may_have_other_bins(other):
    X, y = table(700)
    parameters = {"bootstrap": True, "oob_score": True, "random_state": 0}
    forest = RandomForestRegressor(40, warm_start=True, leaf_targets=True, **parameters).fit(X, y)
    forest.set_params(n_estimators=41, **other).fit(X, y)
    counts = np.array([forest._counts(i) for i in range(41)])
    said = np.array([tree.predict(X) for tree in forest.estimators_])
    expected = (said * (counts == 0)).sum(axis=0) / (counts == 0).sum(axis=0)
    np.testing.assert_allclose(forest.oob_prediction_, expected, rtol=1e-12)
    assert np.isfinite(forest.predict_quantiles(X[:5], 0.5)).all()
    for exact in (True, False):
        with pytest.raises(ValueError, match="other bins"):
            forest.predict(BinnedTable(X, exact=exact))


@pytest.mark.parametrize("exact", [True, False])
def test_rows_without_weight_are_read_by_their_own_values(exact):
    X, y = table(10**9)
    w = (np.random.default_rng(1).random(len(y)) < 0.5) * 1.0
    forest = RandomForestRegressor(60, random_state=0, exact=exact, bootstrap=True, oob_score=True)
    forest.fit(X, y, w)
    np.testing.assert_allclose(forest.oob_prediction_[w == 0], forest.predict(X[w == 0]), rtol=1e-12)
    bins = BinnedTable(X, sample_weight=w, exact=True)
    tree = DecisionTreeRegressor(random_state=0, exact=True).fit(bins, y, w)
    np.testing.assert_array_equal(tree.apply(bins), tree.apply(X))
    np.testing.assert_array_equal(tree.predict(X), DecisionTreeRegressor(random_state=0, exact=True).fit(
        X[w > 0], y[w > 0]).predict(X))  # fmt: skip


def test_masked_values_are_missing():
    X = np.ma.masked_array([[1.0], [2.0], [3.0], [4.0]], mask=[[1], [0], [0], [1]])
    gaps = np.array([[np.nan], [2.0], [3.0], [np.nan]])
    for cls in (DecisionTreeRegressor, GradientBoostingRegressor):
        masked, plain = (cls(min_samples_leaf=1).fit(Z, [0, 1, 2, 3]) for Z in (X, gaps))
        np.testing.assert_array_equal(masked.predict(X), plain.predict(gaps))
    whole = np.ma.masked_array([[1], [2], [3], [4]], mask=[[1], [0], [0], [1]])
    tree = DecisionTreeRegressor().fit(whole, [0, 1, 2, 3])
    np.testing.assert_array_equal(tree.predict(whole), [1.5, 1, 2, 1.5])


def test_a_copy_of_a_table_is_the_same_table():
    X, y = table(700)
    X[::7, 1] = np.nan
    bins = BinnedTable(np.hstack([X, X[:, :1] // 300]), categorical_features=[3])
    for copied in (pickle.loads(pickle.dumps(bins)), copy.deepcopy(bins)[np.arange(len(y))]):
        assert copied._mark(True) == bins._mark(True)
        trees = [ExtraTreesRegressor(5, random_state=0).fit(Z, y) for Z in (bins, copied)]
        np.testing.assert_array_equal(trees[0].apply(bins), trees[1].apply(copied))
        np.testing.assert_array_equal(trees[0].apply(copied), trees[1].apply(bins))
    search = GridSearchCV(DecisionTreeRegressor(random_state=0), {"max_depth": [2, 9]}, cv=2, n_jobs=2)
    assert search.fit(bins, y).best_params_ == {"max_depth": 9}
