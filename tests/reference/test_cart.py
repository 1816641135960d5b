"""The slow growth of trees against scikit-learn's trees."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from fastml._engine.tree.binning import BinMapper
from tests.reference.cart import BinValues, CartGrower, bootstrap_counts, place_threshold


def grower(X, criterion, **options):
    binned = BinMapper().fit(X).transform(X)
    return CartGrower(binned, BinValues(X, binned.column_codes.T), criterion=criterion, **options)


def grow(X, y, criterion, weight=None, **options):
    classification = criterion in ("gini", "entropy", "log_loss")
    y = y.reshape(len(y), -1).astype(np.int32 if classification else np.float64)
    if classification:
        options["n_classes"] = tuple(int(n) for n in y.max(axis=0) + 1)
    return grower(X, criterion, **options).grow(y, weight, np.array([0], dtype=np.uint64))[0]


def rows_of_nodes(tree, X):
    rows = {0: np.arange(len(X))}
    for i in np.flatnonzero(tree["left"] >= 0):
        x = X[rows[i], tree["feature"][i]]
        left = np.where(np.isnan(x), tree["missing_left"][i] == 1, x <= tree["threshold"][i])
        rows[tree["left"][i]], rows[tree["right"][i]] = rows[i][left], rows[i][~left]
    return rows


def check_every_split(tree, X, y, stump):
    """Each split lowers the impurity as much as the best one that scikit-learn finds in the node's rows."""
    rows = rows_of_nodes(tree, X)
    for i in np.flatnonzero(tree["left"] >= 0):
        assert len(rows[i]) == tree["count"][i]
        theirs = stump.fit(X[rows[i]], y[rows[i]]).tree_
        children = [tree["left"][i], tree["right"][i]]
        mine = tree["weight"][children] @ tree["impurity"][children]
        best = theirs.weighted_n_node_samples[1:] @ theirs.impurity[1:]
        np.testing.assert_allclose(tree["impurity"][i], theirs.impurity[0], rtol=1e-9)
        np.testing.assert_allclose(mine, best, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("load", [load_iris, load_wine])
def test_classification_splits(load, criterion):
    X, y = load(return_X_y=True)
    X = X.astype(np.float32).astype(np.float64)
    tree = grow(X, y, criterion)
    check_every_split(tree, X, y, DecisionTreeClassifier(criterion=criterion, max_depth=1))
    leaves = tree["left"] < 0
    assert (tree["impurity"][leaves] == 0).all() and tree["count"][leaves].sum() == len(X)


def test_first_split_of_digits():
    X, y = load_digits(return_X_y=True)
    X, y = X[:300], y[:300]
    tree = grow(X, y, "gini", max_depth=4)
    theirs = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y).tree_
    at_root = [tree[name][0] for name in ("feature", "threshold", "impurity", "count")]
    assert at_root == pytest.approx(
        [theirs.feature[0], theirs.threshold[0], theirs.impurity[0], theirs.n_node_samples[0]]
    )


@pytest.mark.parametrize("criterion", ["squared_error", "poisson", "absolute_error"])
def test_regression_splits(criterion):
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:120].astype(np.float32).astype(np.float64), y[:120]
    tree = grow(X, y, criterion, max_depth=4)
    check_every_split(tree, X, y, DecisionTreeRegressor(criterion=criterion, max_depth=1))


ARRAYS = {
    "left": "children_left",
    "right": "children_right",
    "feature": "feature",
    "threshold": "threshold",
    "count": "n_node_samples",
    "weight": "weighted_n_node_samples",
    "impurity": "impurity",
    "value": "value",
    "missing_left": "missing_go_to_left",
}


def assert_equal_trees(tree, theirs, n_values):
    inner = theirs.children_left >= 0
    for mine, name in ARRAYS.items():
        want = getattr(theirs, name)
        have = tree[mine]
        if mine in ("feature", "threshold", "missing_left"):
            have, want = have[inner], want[inner]
        if mine == "value":
            want = want.reshape(len(want), -1)[:, :n_values]
        np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.fixture
def noise():
    """No two splits of a node are equally good, but those that part the same rows."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(120, 3)).astype(np.float32).astype(np.float64)
    return X, X[:, 0] * X[:, 1] + rng.normal(size=120), rng.integers(1, 5, 120).astype(float)


LIMITS = [
    {"max_depth": 4},
    {"max_leaf_nodes": 9},
    {"min_samples_leaf": 7},
    {"min_samples_split": 15, "max_leaf_nodes": 12},
    {"min_impurity_decrease": 0.02},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error"])
def test_same_tree_as_scikit_learn(noise, limits, criterion):
    X, y, weight = noise
    theirs = DecisionTreeRegressor(criterion=criterion, random_state=0, **limits).fit(X, y, weight)
    assert_equal_trees(grow(X, y, criterion, weight, **limits), theirs.tree_, 1)


def test_two_outputs(noise):
    X, y, weight = noise
    Y = np.stack([y, X[:, 2] + 0.1 * y], axis=1)
    theirs = DecisionTreeRegressor(max_depth=3, random_state=0).fit(X, Y, weight)
    assert_equal_trees(grow(X, Y, "squared_error", weight, max_depth=3), theirs.tree_, 2)


def test_missing_values(noise):
    X, y, _ = noise
    X = X.copy()
    X[::4, 0] = np.nan
    y = y + np.isnan(X[:, 0])
    theirs = DecisionTreeRegressor(max_depth=4, random_state=0).fit(X, y)
    assert_equal_trees(grow(X, y, "squared_error", max_depth=4), theirs.tree_, 1)


@pytest.mark.parametrize("sign", [-1, 1])
def test_monotonic_constraint(noise, sign):
    X, y, _ = noise
    y = y + 2 * X[:, 0]
    theirs = DecisionTreeRegressor(monotonic_cst=[sign, 0, 0], max_leaf_nodes=6, random_state=0).fit(X, y)
    mine = grow(X, y, "squared_error", monotonic_cst=np.array([sign, 0, 0], np.int8), max_leaf_nodes=6)
    assert_equal_trees(mine, theirs.tree_, 1)
    z = (y > 0).astype(int)
    theirs = DecisionTreeClassifier(
        monotonic_cst=[sign, 0, 0], max_depth=2, min_samples_leaf=10, random_state=0
    ).fit(X, z)
    mine = grow(X, z, "gini", monotonic_cst=np.array([sign, 0, 0], np.int8), max_depth=2, min_samples_leaf=10)
    np.testing.assert_allclose(mine["value"], theirs.tree_.value[:, 0])


def test_categories_beat_thresholds():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 8, size=(200, 1)).astype(float)
    y = np.isin(X[:, 0], [1, 4, 6]).astype(np.int32)[:, None]
    binned = BinMapper(categorical=np.array([True])).fit(X).transform(X)
    values = BinValues(X, binned.column_codes.T, [True])
    for n_classes in ((2,), None):
        criterion = "gini" if n_classes else "squared_error"
        one = CartGrower(binned, values, criterion=criterion, n_classes=n_classes, max_depth=1)
        tree = one.grow(y if n_classes else y.astype(float), None, [0])[0]
        assert tree["category_set"].tolist() == [0, -1, -1] and (tree["impurity"][1:] == 0).all()
        left = np.unpackbits(tree["category_sets"][0], bitorder="little")[1:9]
        assert np.flatnonzero(left).tolist() in ([1, 4, 6], [0, 2, 3, 5, 7])


def test_bootstrap(noise):
    X, y, weight = noise
    seed = np.uint64(5)
    counts = bootstrap_counts(seed, len(X), 600, weight)
    assert counts.sum() == 600
    tree = grower(X, "squared_error", max_depth=2).grow(y[:, None], weight, [seed], n_draws=600)[0]
    theirs = DecisionTreeRegressor(max_depth=2, random_state=0).fit(X, y, counts)
    assert_equal_trees(tree, theirs.tree_, 1)


def test_threshold_is_never_inside_a_bin():
    upper = np.array([np.nan, 1.0, 9.0, 20.0])
    lower = np.array([np.nan, 1.0, 2.0, 20.0])
    assert place_threshold(lower, upper, 1, 2) == (1, 1.5)
    assert place_threshold(lower, upper, 1, 3) == (2, 10.5)
    upper[2] = 15.0
    assert place_threshold(lower, upper, 1, 3) == (1, 1.5)


def test_random_splits_are_between_the_ends(noise):
    X, y, _ = noise
    tree = grow(X, y, "squared_error", splitter="random")
    rows = rows_of_nodes(tree, X)
    for i in np.flatnonzero(tree["left"] >= 0):
        x = X[rows[i], tree["feature"][i]]
        assert x.min() <= tree["threshold"][i] < x.max()
    assert (tree["count"][tree["left"] < 0] == 1).all()
