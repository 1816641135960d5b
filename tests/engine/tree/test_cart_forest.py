"""What goes into the compact storage comes out again; and rows find their leaves in it."""

import pickle
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_iris

from fastml._engine.tree import cart
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values, leaves
from tests.reference.cart import BinValues, CartGrower


def data(kind):
    rng = np.random.default_rng(0)
    if kind.startswith("iris"):
        X, y = load_iris(return_X_y=True)
        y = y[:, None].astype(np.int32)
        if kind == "iris two":
            y = np.minimum(y, 1)
        elif kind == "iris multi":
            y = np.concatenate([y, rng.integers(0, 2, y.shape, dtype=np.int32)], axis=1)
        return X, y
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:150], y[:150, None]
    if kind == "diabetes multi":
        y = np.concatenate([y, rng.normal(size=y.shape)], axis=1)
    if kind == "categories":
        X = rng.integers(0, 12, (150, 3)).astype(float)
        X[rng.random(X.shape) < 0.1] = np.nan
        y = (X[:, :1] % 3 == 1) + 0.1 * rng.normal(size=(150, 1))
        y[np.isnan(y)] = 0.0
    return X, y


CASES = [
    ("iris", "gini", {}),
    ("iris", "entropy", {"max_leaf_nodes": 5}),
    ("iris", "gini", {"min_samples_leaf": 9}),
    ("iris two", "gini", {"max_depth": 3}),
    ("iris multi", "gini", {"max_depth": 4}),
    ("diabetes", "squared_error", {}),
    ("diabetes", "squared_error", {"max_leaf_nodes": 12}),
    ("diabetes", "poisson", {"min_samples_leaf": 5}),
    ("diabetes", "absolute_error", {"max_depth": 4}),
    ("diabetes multi", "squared_error", {"max_depth": 4}),
    ("categories", "squared_error", {"max_depth": 6}),
]


class Case:
    def __init__(self, kind, criterion, options, weighted, bootstrap=False):
        self.X, y = data(kind)
        categorical = np.ones(self.X.shape[1], dtype=bool) if kind == "categories" else None
        self.mapper = BinMapper(categorical=categorical).fit(self.X)
        self.binned = self.mapper.transform(self.X)
        self.values = BinValues(self.X, self.binned.column_codes.T, categorical)
        classes = tuple(int(n) for n in y.max(axis=0) + 1) if kind.startswith("iris") else None
        grower = CartGrower(self.binned, self.values, criterion=criterion, n_classes=classes, **options)
        weight = np.random.default_rng(1).random(len(y)) if weighted else None
        self.trees = grower.grow(y, weight, [3, 4, 5], len(y) if bootstrap else None)
        self.forest = CartForest(criterion, classes, y.shape[1], explicit=criterion == "absolute_error")
        self.forest.append(self.trees[0])
        self.forest.arrays()
        self.forest.append(self.trees[1])
        self.forest.append(self.trees[2])
        shown = self.values.lower.copy()
        shown[self.binned.is_categorical.astype(bool)] = np.arange(256)
        self.shown = shown

    def rows(self, X=None):
        used = self.forest.used_features()
        if X is None:
            return ValueRows(self.binned, self.mapper, used, self.shown)
        return ValueRows(X, self.mapper, used)


@pytest.fixture(params=[False, True], ids=["plain", "weighted"])
def weighted(request):
    return request.param


@pytest.fixture(params=CASES, ids=lambda case: " ".join(map(str, case)))
def case(request, weighted):
    kind, criterion, options = request.param
    return grown(kind, criterion, tuple(options.items()), weighted)


@cache
def grown(kind, criterion, options, weighted):
    return Case(kind, criterion, dict(options), weighted)


def test_tree_comes_out_as_it_went_in(case):
    for i, tree in enumerate(case.trees):
        out = case.forest.tree(i)
        sets = [t["category_sets"] for t in (tree, out)]
        for name in tree:
            if name == "category_set":
                np.testing.assert_array_equal(out[name] >= 0, tree[name] >= 0)
                chosen = tree[name] >= 0
                np.testing.assert_array_equal(sets[1][out[name][chosen]], sets[0][tree[name][chosen]])
            elif name in ("weight", "impurity", "value"):
                np.testing.assert_allclose(out[name], tree[name], rtol=1e-9, atol=1e-12, err_msg=name)
            elif name not in ("code", "rank", "category_sets"):
                np.testing.assert_array_equal(out[name], tree[name], err_msg=name)


def find_leaves(tree, X, codes):
    found = np.zeros(len(X), dtype=int)
    for i in range(len(X)):
        node = 0
        while tree["left"][node] >= 0:
            f = tree["feature"][node]
            if tree["category_set"][node] >= 0:
                bits = np.unpackbits(tree["category_sets"][tree["category_set"][node]], bitorder="little")
                left = bits[codes[i, f]]
            else:
                x = X[i, f]
                left = tree["missing_left"][node] if np.isnan(x) else x <= tree["threshold"][node]
            node = tree["left" if left else "right"][node]
        found[i] = node
    return found


@pytest.mark.parametrize("n_threads", [1, 3])
def test_leaves_and_values(case, n_threads):
    codes = case.binned.column_codes.T
    expected = np.stack([find_leaves(tree, case.X, codes) for tree in case.trees], axis=1)
    containers = [None, case.X, np.asfortranarray(case.X)]
    if not np.isnan(case.X).any():
        containers.append(sparse.csr_array(case.X))
    total = sum(tree["value"][leaf] for tree, leaf in zip(case.trees, expected.T, strict=True))
    for X in containers:
        rows = case.rows(X)
        np.testing.assert_array_equal(leaves(case.forest, rows, n_threads=n_threads), expected)
        out = np.zeros((len(case.X), case.forest.width))
        add_values(case.forest, rows, out, n_threads=n_threads)
        if case.forest.leaf_kind == "number":
            out, total = out[:, -1], total[:, -1]
            np.testing.assert_allclose(out, total)
            total = np.stack([total] * case.forest.width, axis=1)
        else:
            np.testing.assert_allclose(out, total)


@pytest.mark.parametrize("min_samples_leaf", [1, 100], ids=["few", "none"])
def test_most_features_are_not_looked_at(min_samples_leaf):
    """They, the first among them, have no place in a row."""
    options = (("max_depth", 1), ("min_samples_leaf", min_samples_leaf))
    test_leaves_and_values(grown("diabetes", "squared_error", options, False), 1)


def test_some_trees_and_rows_in_the_bag(case):
    n = len(case.X)
    in_bag = np.random.default_rng(0).random((2, n)) < 0.5
    n_used = np.zeros(n, dtype=np.int32)
    out = np.zeros((n, case.forest.width))
    bits = np.packbits(in_bag, axis=1, bitorder="little")
    add_values(case.forest, case.rows(), out, 1, 3, in_bag=bits, n_used=n_used, n_threads=2)
    np.testing.assert_array_equal(n_used, (~in_bag).sum(axis=0))
    place = leaves(case.forest, case.rows())
    want = sum(~in_bag[k, :, None] * case.trees[k + 1]["value"][place[:, k + 1]] for k in range(2))
    np.testing.assert_allclose(out[:, -1], want[:, -1], atol=1e-12)


def test_pickle_and_validation(case):
    same = pickle.loads(pickle.dumps(case.forest))
    for name, array in case.forest.arrays().items():
        np.testing.assert_array_equal(same.arrays()[name], array)
    arrays = dict(case.forest.arrays())
    for name in arrays:
        broken = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(ValueError, match=name):
            rebuild(case.forest, broken)
    for field, value in (("right", 0), ("right", 2**31), ("feature", 99), ("threshold", np.nan)):
        nodes = arrays["nodes"].copy()
        nodes[field][0] = value
        with pytest.raises(ValueError, match="nodes"):
            rebuild(case.forest, arrays | {"nodes": nodes})
    with pytest.raises(ValueError, match="unknown"):
        rebuild(case.forest, arrays | {"more": np.zeros(1)})


def rebuild(forest, arrays):
    return CartForest.from_arrays(
        arrays, forest.criterion, forest.n_classes, forest.n_outputs, forest.explicit, n_features=20
    )


def test_random_damage_is_refused_or_harmless(case):
    rng = np.random.default_rng(0)
    arrays = case.forest.arrays()
    for _ in range(300):
        name = rng.choice([key for key, value in arrays.items() if value.size])
        damaged = arrays[name].copy()
        raw = damaged.reshape(-1).view(np.uint8)
        raw[rng.integers(raw.size)] = rng.integers(256)
        try:
            forest = rebuild(case.forest, arrays | {name: damaged})
            rows = ValueRows(case.X, case.mapper, np.arange(case.X.shape[1], dtype=np.int32))
        except ValueError:
            continue
        if forest.used_features().max(initial=-1) < case.X.shape[1]:
            assert leaves(forest, rows).max() < forest.n_nodes


def test_counts_of_a_bootstrap_are_kept_as_integers():
    case = Case("iris", "gini", {}, weighted=False, bootstrap=True)
    assert case.forest.arrays()["leaf_weight"].dtype == np.uint8
    case = Case("iris", "gini", {}, weighted=False)
    assert case.forest.arrays()["leaf_weight"].size == 0
    assert repr(case.forest) == "CartForest(criterion='gini', n_trees=3)"


def test_copy_and_take(case):
    other = case.forest.copy()
    other.append(case.trees[0])
    assert case.forest.n_trees == 3 and other.n_trees == 4
    one = case.forest.take(1)
    assert one.n_trees == 1
    for name, array in one.tree(0).items():
        if name not in ("category_set", "category_sets"):
            np.testing.assert_allclose(array, case.forest.tree(1)[name], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["two classes", "five classes", "numbers"])
@pytest.mark.parametrize("max_leaf_nodes", [None, 900])
def test_trees_packed_together_by_many_threads(kind, max_leaf_nodes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 5))
    y = rng.integers(0, 5 if kind == "five classes" else 2, size=(4000, 1)).astype(np.int32)
    if kind == "numbers":
        y = rng.normal(size=(4000, 1))
    classes = None if kind == "numbers" else (int(y.max()) + 1,)
    criterion = "squared_error" if classes is None else "gini"
    binned = BinMapper().fit(X).transform(X)
    values = BinValues(X, binned.column_codes.T)
    options = {"criterion": criterion, "n_classes": classes, "max_leaf_nodes": max_leaf_nodes}
    trees = cart.CartGrower(binned, values, max_features=2, **options).grow(y, None, range(8), 4000)
    assert sum(len(tree["left"]) for tree in trees) > 1 << 13  # enough for more than one thread
    alone = CartForest(criterion, classes, 1)
    for tree in trees:
        alone.append(tree)
        alone.arrays()
    for n_threads in (1, 2, 3, 7):
        forest = CartForest(criterion, classes, 1)
        forest.extend(trees, n_threads)
        assert len(forest) == 8
        for name, array in alone.arrays().items():
            assert forest.arrays()[name].dtype == array.dtype, name
            np.testing.assert_array_equal(forest.arrays()[name], array, err_msg=name)


def test_other_leaves_over_the_same_splits():
    case = grown("iris", "gini", (("max_leaf_nodes", 6),), False)
    n_leaves = case.forest.arrays()["leaf_count"].size
    values = np.random.default_rng(0).normal(size=(n_leaves, 2))
    other = case.forest.with_leaves(values)
    first = 0
    for index in range(3):
        own, tree = case.forest.tree(index), other.tree(index)
        for name in ("left", "right", "feature", "threshold", "count", "weight"):
            np.testing.assert_array_equal(tree[name], own[name], err_msg=name)
        where = find_order(own)
        np.testing.assert_array_equal(tree["value"][where], values[first : first + len(where)])
        first += len(where)


def find_order(tree, node=0):
    """Leaves, depth first."""
    if tree["left"][node] < 0:
        return [node]
    return find_order(tree, tree["left"][node]) + find_order(tree, tree["right"][node])
