"""Sums over codes of a byte: the bits of walks, whatever the trees, the rows, the threads."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from fastml._engine.tree import cart_sums
from fastml._engine.tree.cart_sums import sum_values
from fastml._engine.tree.value_predictor import ValuePredictor
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values
from fastml.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    ExtraTreesClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from fastml.tree import DecisionTreeRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3000, 5))
X[:, 3] = RNG.integers(0, 4, len(X))
X[RNG.random(X.shape) < 0.05] = np.nan
NUMBER = np.nan_to_num(X[:, 0] * X[:, 1] + np.where(X[:, 3] == 2, 1, 0)) + RNG.normal(size=len(X))
CLASSES = np.digitize(NUMBER, [-0.5, 0.3, 1.2])
WIDE = RNG.normal(size=(3000, 200))
SEVERAL = np.stack([NUMBER, X[:, 2] > 0], axis=1)
OPTIONS = {"random_state": 0, "n_jobs": 2}

FORESTS = {
    "number": RandomForestRegressor(30, max_depth=5, **OPTIONS).fit(X, NUMBER)._cart,
    # more thresholds than a plane has
    "many": RandomForestRegressor(60, max_depth=8, max_features=2, **OPTIONS).fit(X, NUMBER)._cart,
    "two classes": ExtraTreesClassifier(25, max_depth=4, **OPTIONS).fit(X, NUMBER > 0)._cart,
    "classes": RandomForestClassifier(40, max_depth=3, **OPTIONS).fit(X, CLASSES)._cart,
    "one class": RandomForestClassifier(12, max_depth=3, **OPTIONS).fit(X, np.zeros(len(X)))._cart,
    "several": RandomForestRegressor(40, max_depth=3, **OPTIONS).fit(X, SEVERAL)._cart,
    "votes": AdaBoostClassifier(n_estimators=50, random_state=0).fit(X, NUMBER > 0)._members.votes,
    "votes of classes": AdaBoostClassifier(n_estimators=50, random_state=0).fit(X, CLASSES)._members.votes,
    "regression": AdaBoostRegressor(n_estimators=20, random_state=0).fit(X, NUMBER)._members.tree._cart,
}
EDGES = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, 0.5, 1.0, 1.5, 2.5])


def on_thresholds(forest):
    """Rows of numbers at and beside thresholds."""
    nodes = forest.arrays()["nodes"]
    known = nodes["threshold"][nodes["feature"] >= 0]
    known = np.concatenate([known, np.nextafter(known, np.inf), np.nextafter(known, -np.inf), EDGES])
    return np.random.default_rng(1).choice(known, size=(1500, 5))


def rows_of(forest, table):
    return ValueRows(table, None, forest.used_features())


def walked(forest, table):
    sums = np.zeros((len(table), forest.width))
    add_values(forest, rows_of(forest, table), sums)
    return sums


@pytest.mark.parametrize("name", FORESTS)
def test_the_bits_of_walks(isa, name):
    forest = FORESTS[name]
    coded = cart_sums._over_codes(forest, np.inf)
    beside = on_thresholds(forest)
    with np.errstate(over="ignore"):
        narrow = beside.astype(np.float32)
    for table in (X, beside, narrow, X[:1]):
        expected = walked(forest, table)
        forest.views["over codes"] = coded
        for n_threads in (1, 2, 3, 7):
            np.testing.assert_array_equal(sum_values(forest, rows_of(forest, table), n_threads), expected)
        frame = pd.DataFrame(table)
        np.testing.assert_array_equal(sum_values(forest, rows_of(forest, frame)), expected)
    forest.views = {}


@pytest.mark.parametrize("name", FORESTS)
def test_single_rows(isa, monkeypatch, name):
    forest = FORESTS[name]
    monkeypatch.setattr(cart_sums, "_ALONE_TREE", 1e9)  # walking takes for ever
    most = np.diff(forest.arrays()["leaf_offsets"]).max()
    assert (cart_sums.single_row_sums(forest) is None) == (most > 64)
    predict = ValuePredictor(forest, None, 5, np.zeros(forest.width), 1.0, None)
    beside = on_thresholds(forest)[:200]
    with np.errstate(over="ignore"):
        narrow = beside.astype(np.float32)
    # of two classes the first one is told by the second
    told = slice(1, None) if forest.n_classes == (2,) else slice(None)
    for table in (X[:200], beside, narrow):
        found = np.concatenate([predict(row) for row in table])
        np.testing.assert_array_equal(found[:, told], walked(forest, table)[:, told])


def test_single_rows_of_trees_that_walk_faster(monkeypatch):
    model = RandomForestRegressor(5, max_depth=5, categorical_features=[3], **OPTIONS).fit(X, NUMBER)
    monkeypatch.setattr(cart_sums, "_ALONE_TREE", 1e9)
    assert cart_sums.single_row_sums(model._cart) is None
    monkeypatch.setattr(cart_sums, "_ALONE_TREE", -1e9)
    assert cart_sums.single_row_sums(FORESTS["number"]) is None


def test_planes_of_a_feature_with_many_thresholds():
    _, _, planes = cart_sums._over_codes(FORESTS["many"], np.inf)
    assert len(planes) > 5


def test_sparse_rows_walk():
    forest = FORESTS["number"]
    forest.views["over codes"] = ()  # would fail if it were looked at
    table = np.nan_to_num(X)
    found = sum_values(forest, rows_of(forest, sparse.csr_array(table)))
    np.testing.assert_array_equal(found, walked(forest, table))
    forest.views = {}


def test_the_choice(monkeypatch):
    model = RandomForestRegressor(50, max_depth=4, **OPTIONS).fit(X, NUMBER)
    forest = model._cart
    few = model.predict(X[:5])
    assert "over codes" not in forest.views  # packing has not paid yet
    many = model.predict(np.tile(X, (20, 1)))
    assert forest.views["over codes"] is not None
    np.testing.assert_array_equal(many[:5], few)
    np.testing.assert_array_equal(model.predict(X[:5]), few)
    forest.append(forest.tree(0))
    assert "over codes" not in forest.views  # a forest that grows is packed anew


@pytest.mark.parametrize(
    "model",
    [
        RandomForestRegressor(3, random_state=0).fit(X, NUMBER),  # deep trees
        DecisionTreeRegressor(max_depth=6).fit(WIDE, NUMBER),  # less than coding costs
        RandomForestRegressor(20, max_depth=3, categorical_features=[3], random_state=0).fit(X, NUMBER),
    ],
    ids=["deep", "one tree", "categories"],
)
def test_where_walks_are_quicker(model, monkeypatch):
    monkeypatch.setattr(cart_sums, "_PACK", 0.0)
    monkeypatch.setattr(cart_sums, "_PACK_NODE", 0.0)
    model.predict(WIDE if model.n_features_in_ == 200 else X)
    assert model._cart.views.get("over codes") is None
