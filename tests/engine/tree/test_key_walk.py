"""Walks by key against walks by value: the same leaves, whatever the numbers look like."""

import numpy as np
import pytest

from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.key_pack import KeyPack, key_pack_of
from fastml._engine.tree.value_predictor import ValuePredictor
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values, leaves
from fastml.ensemble import ExtraTreesRegressor, RandomForestClassifier, RandomForestRegressor
from fastml.tree import DecisionTreeRegressor

NUMBERS = {
    "normal": lambda rng, X: X,
    "float32": lambda rng, X: X.astype(np.float32).astype(float),
    "integers": lambda rng, X: np.round(3 * X),
    "close together": lambda rng, X: 1.0 + 1e-7 * X,  # most lie between two float32
    "beyond float32": lambda rng, X: X * 1e300,
    "next to nothing": lambda rng, X: X * 1e-310,
    "missing": lambda rng, X: np.where(rng.random(X.shape) < 0.2, np.nan, X),
    "infinite": lambda rng, X: np.where(X > 1.5, np.inf, np.where(X < -1.5, -np.inf, X)),
    "signed zeros": lambda rng, X: np.where(X > 0.3, X, np.where(rng.random(X.shape) < 0.5, 0.0, -0.0)),
}


def rows_of(name):
    rng = np.random.default_rng(len(name))
    X = NUMBERS[name](rng, rng.normal(size=(1200, 5)))
    return X, rng.normal(size=len(X)) + (np.arange(len(X)) % 2)


def answers(forest, X, **options):
    """Leaves and sums, by key and by value."""
    told = []
    for by_key in (True, False):
        for by_value in (True, False):
            name = "keys to values" if by_value else "keys to places"
            forest.views[name] = None
            if by_key:
                del forest.views[name]
                assert key_pack_of(forest, by_value) is not None
        sums = np.zeros((len(X), forest.width))
        rows = ValueRows(X, None, forest.used_features())
        add_values(forest, rows, sums, **options)
        told.append((leaves(forest, rows, **options), sums))
    forest.views.clear()
    return told


@pytest.mark.parametrize("name", NUMBERS)
def test_same_leaves_by_key_and_by_value(isa, name):
    X, y = rows_of(name)
    models = [
        RandomForestRegressor(n_estimators=9, random_state=0).fit(X, y),
        ExtraTreesRegressor(n_estimators=9, random_state=0).fit(X, np.stack([y, -y], axis=1)),
        RandomForestClassifier(n_estimators=9, random_state=0, min_samples_leaf=3).fit(
            X, np.digitize(y, [0, 1])
        ),
    ]
    with np.errstate(over="ignore"):
        single = X.astype(np.float32)
    tables = [X, X[:1], X[:7], X[:8], X[::-3], np.asfortranarray(X), single]
    for model in models:
        for table in tables:
            by_key, by_value = answers(model._cart, table)
            np.testing.assert_array_equal(by_key[0], by_value[0])
            np.testing.assert_array_equal(by_key[1], by_value[1])


def test_threads_and_blocks_change_nothing():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40_000, 3))
    forest = RandomForestRegressor(n_estimators=3, random_state=0).fit(X[:5000], X[:5000, 0])._cart
    first = answers(forest, X)[1]
    for n_threads in (1, 2, 3, 7):
        found = answers(forest, X, n_threads=n_threads)[0]
        np.testing.assert_array_equal(found[0], first[0])
        np.testing.assert_array_equal(found[1], first[1])


def test_categories_and_missing_values():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.integers(0, 30, 3000).astype(float), rng.normal(size=3000)])
    X[rng.random(X.shape) < 0.1] = np.nan
    y = np.nan_to_num(X[:, 0] % 7 + X[:, 1])
    model = RandomForestRegressor(n_estimators=10, categorical_features=[0], random_state=0).fit(X, y)
    by_key, places = model.predict(X), model.apply(X)
    assert {"keys to values", "keys to places"} <= set(model._cart.views)
    model._cart.views.update({"keys to values": None, "keys to places": None})
    np.testing.assert_array_equal(model.predict(X), by_key)
    np.testing.assert_array_equal(model.apply(X), places)


def test_packed_when_it_pays_and_again_after_a_change():
    X, y = rows_of("normal")
    model = DecisionTreeRegressor().fit(X, y)
    forest = model._cart
    model.predict(X[:3])
    assert "keys to values" not in forest.views
    for _ in range(forest.n_nodes // 16 // 100 + 1):
        model.predict(X[:100])
    assert isinstance(forest.views["keys to values"], KeyPack)
    forest.append(forest.tree(0))
    assert not forest.views
    np.testing.assert_array_equal(answers(forest, X)[0][1], 2 * model.fit(X, y).predict(X)[:, None])


def test_trees_of_one_leaf():
    X = np.array([[np.nan], [np.inf], [-1.0], [0.1]] * 30)
    model = RandomForestRegressor(n_estimators=3, max_depth=3).fit(X, np.ones(120))
    for by_key in answers(model._cart, X):
        np.testing.assert_array_equal(by_key[1], 3.0)
        np.testing.assert_array_equal(by_key[0], 0)


def test_what_does_not_fit_the_links_walks_by_value():
    """A chain of 2^15 splits on 2^13 features: a place, a slot and the flags would take 33 bits."""
    n_inner, n_features = 1 << 15, 1 << 13
    n = 2 * n_inner + 1
    left, right, feature = (np.full(n, -1, dtype=np.int32) for _ in range(3))
    inner = np.arange(0, n - 1, 2)
    left[inner], right[inner], feature[inner] = inner + 1, inner + 2, np.arange(n_inner) % n_features
    tree = {"left": left, "right": right, "feature": feature, "threshold": np.zeros(n)}
    tree |= {"missing_left": np.zeros(n, dtype=np.uint8), "category_set": np.full(n, -1, dtype=np.int32)}
    tree |= {"category_sets": np.empty((0, 32), dtype=np.uint8), "count": np.ones(n, dtype=np.int64)}
    tree |= {"weight": np.ones(n), "value": np.arange(n, dtype=float)[:, None], "impurity": np.zeros(n)}
    forest = CartForest("squared_error", None, 1)
    forest.append(tree)
    with pytest.raises(ValueError, match="32768 splits on 8192 features do not fit"):
        KeyPack(forest, True)
    assert key_pack_of(forest, True) is None
    X = np.ones((3, n_features))
    X[1, 5] = -1.0
    rows, expected = ValueRows(X, None, forest.used_features()), [n - 1, inner[5] + 1, n - 1]
    np.testing.assert_array_equal(leaves(forest, rows)[:, 0], expected)
    predict = ValuePredictor(forest, None, n_features, np.zeros(1), 1.0, None)
    np.testing.assert_array_equal(predict(X)[:, 0], expected)
