"""The parameter `exact`: which features small nodes split between any two values."""

import numpy as np
import pytest

from fastml.ensemble import (
    AdaBoostRegressor,
    ExtraTreesRegressor,
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
