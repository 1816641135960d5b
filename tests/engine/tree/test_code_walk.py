"""Rows to leaves by their codes, against prediction by value."""

import numpy as np
import pytest

from fastml._engine.tree.code_walk import leaves_of_codes
from fastml.tree import BinnedTable, DecisionTreeClassifier, DecisionTreeRegressor


def table(n_rows=3000):
    """Numbers, few distinct numbers, categories; a tenth of each is missing."""
    rng = np.random.default_rng(5)
    columns = rng.standard_normal(n_rows), rng.integers(0, 9, n_rows), rng.integers(0, 40, n_rows)
    X = np.stack(columns, axis=1)
    y = X[:, 0] + np.isin(X[:, 2], [3, 7, 31]) + (X[:, 1] == 4)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, y + rng.standard_normal(n_rows) / 4


@pytest.mark.parametrize("limit", [{"max_depth": 1}, {"max_depth": 4}, {"max_leaf_nodes": 12}, {}])
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_leaves_are_those_of_prediction(kind, limit):
    X, y = table()
    if kind == "classes":
        model, y = DecisionTreeClassifier(categorical_features=[2], random_state=1, **limit), y > 1
    else:
        model = DecisionTreeRegressor(categorical_features=[2], random_state=1, **limit)
    training = model._read_training(X, y, None)
    tree = model._grower(training, splitter="best")[0].grow(
        training.targets, None, np.ones(1, dtype=np.uint64)
    )[0]
    ranks = training.table._ranks
    found = leaves_of_codes(training.table._binned, tree, 1, ranks)
    assert np.array_equal(np.bincount(found, minlength=tree["left"].size)[tree["left"] < 0],
                          tree["count"][tree["left"] < 0])  # fmt: skip
    model._cart = model._grower(training, splitter="best")[1]
    model._cart.append(tree)
    assert np.array_equal(found, model.apply(X))
    for n_threads in (2, 7):
        assert np.array_equal(found, leaves_of_codes(training.table._binned, tree, n_threads, ranks))


def test_many_rows_on_threads():
    X = np.random.default_rng(0).standard_normal((530_001, 2))
    model = DecisionTreeRegressor(max_depth=3, random_state=0)
    training = model._read_training(X, X[:, 0] * X[:, 1], None)
    tree = model._grower(training, splitter="best")[0].grow(training.targets, None, np.zeros(1, np.uint64))[0]
    table = training.table
    one, three = (leaves_of_codes(table._binned, tree, n, table._ranks) for n in (1, 3))
    assert np.array_equal(one, three)
    assert np.array_equal(np.bincount(one)[tree["left"] < 0], tree["count"][tree["left"] < 0])


@pytest.mark.parametrize(
    ("name", "value"), [("feature", 2), ("feature", -1), ("left", 9), ("right", 0), ("category_set", 3)]
)
def test_a_tree_that_is_none(name, value):
    X = np.arange(20.0).reshape(10, 2)
    binned = BinnedTable(X)._binned
    tree = {
        "left": np.array([1, -1, -1], np.int32), "right": np.array([2, -1, -1], np.int32),
        "feature": np.array([0, -1, -1], np.int32), "category_set": np.full(3, -1, np.int32),
        "code": np.array([4, 0, 0], np.uint8), "rank": np.zeros(3, np.uint16),
        "missing_left": np.zeros(3, np.uint8),
        "category_sets": np.zeros((0, 32), np.uint8),
    }  # fmt: skip
    assert np.array_equal(leaves_of_codes(binned, tree), [1] * 4 + [2] * 6)
    tree[name] = tree[name].copy()
    tree[name][0] = value
    with pytest.raises(ValueError, match="node 0"):
        leaves_of_codes(binned, tree)
