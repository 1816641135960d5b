"""Trees that are fewer than threads: cut into pieces, yet the bytes of one thread's tree."""

import signal
import threading

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.cart import CartGrower
from tests.engine.tree.test_cart import ALL, binned_of, table, targets_of


def assert_same_bytes(expected, found):
    assert len(expected) == len(found)
    for one, other in zip(expected, found, strict=True):
        assert one.keys() == other.keys()
        for name, array in one.items():
            assert array.shape == other[name].shape and array.tobytes() == other[name].tobytes(), name


def grown(binned, values, y, options, n_threads, *, weights=None, n_trees=1, n_draws=None):
    grower = CartGrower(binned, values, n_threads=n_threads, **options)
    return grower.grow(y, weights, np.arange(n_trees, dtype=np.uint64), n_draws)


def check(X, y, options, *, categorical=None, **how):
    """Enough rows, features and levels for seven threads."""
    binned, values = binned_of(X, categorical)
    expected = grown(binned, values, y, options, 1, **how)
    for n_threads in (2, 3, 7):
        assert_same_bytes(expected, grown(binned, values, y, options, n_threads, **how))
    return expected[0]


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("splitter", ["best", "random"])
def test_one_tree(criterion, splitter):
    X, total, _ = table(n=16_000, d=20, missing=0.05, levels=30)
    X[:, 3] = np.floor(X[:, 3] / 2)
    y, options = targets_of(criterion, total)
    tree = check(X, y, {**options, "splitter": splitter}, categorical=np.arange(20) == 3)
    inner = np.flatnonzero(tree["left"] >= 0)
    assert len(inner) > 500 and (tree["category_set"] >= 0).sum() > 10
    assert (tree["left"][inner] == inner + 1).all() and (tree["right"][inner] > inner + 1).all()
    sets = tree["category_set"][tree["category_set"] >= 0]
    assert (sets == np.arange(len(sets))).all() and len(sets) == len(tree["category_sets"])


@pytest.mark.parametrize("n_trees", [1, 2, 3, 5, 9])
def test_fewer_trees_than_threads(n_trees):
    """Or a few left over: those before are each grown by one thread."""
    X, total, _ = table(n=16_000, d=20, levels=30)
    y, options = targets_of("gini5", total)
    check(X, y, {**options, "max_features": 15}, n_trees=n_trees, n_draws=16_000)


@pytest.mark.parametrize("criterion", ["gini2", "squared_error", "absolute_error"])
def test_more_of_everything(criterion):
    """Weights, several outputs, balanced classes, monotonic constraints, more than 64 features, limits."""
    X, total, rng = table(n=16_000, d=20, levels=30)
    y, options = targets_of(criterion, total)
    weights = rng.random(len(X)) * (rng.random(len(X)) < 0.8)
    check(X, y, options, weights=weights)
    check(X, y, {**options, "monotonic_cst": [1, -1] + [0] * 18})
    check(X, y, {**options, "max_depth": 9, "min_samples_leaf": 7, "min_impurity_decrease": 1e-5})
    if criterion == "gini2":
        check(X, y, {**options, "balance_classes": True}, n_draws=9_000)
    y, options = targets_of(criterion, total, n_outputs=2)
    check(X, y, options)
    X, total, _ = table(n=6_000, d=70, levels=30)
    y, options = targets_of(criterion, total)
    check(X, y, options)


def test_instruction_sets(isa):
    X, total, _ = table(n=16_000, d=20, missing=0.01, levels=30)
    y, options = targets_of("gini5", total)
    binned, values = binned_of(X)
    found = grown(binned, values, y, options, 3)
    kernels.select("serial")
    assert_same_bytes(grown(binned, values, y, options, 1), found)


def test_best_first_growth_knows_one_thread():
    X, total, _ = table(n=16_000, d=20, levels=30)
    y, options = targets_of("squared_error", total)
    tree = check(X, y, {**options, "max_leaf_nodes": 50})
    assert (tree["left"] < 0).sum() == 50


def test_deep_tree():
    """A row or two leave at every split: large nodes down to a depth at which no more are split apart."""
    n = 3000
    X = np.column_stack([(np.arange(n) >> s) & 255 for s in (0, 4, 8)]).astype(np.float64)
    X = np.hstack([X] + 110 * [X[:, :1] * 0])
    y = (2.0 ** np.minimum(np.arange(n) / 3.0, 900))[:, None]
    check(X, y, {"criterion": "squared_error"})


def test_a_tree_without_a_split():
    X = np.zeros((16_000, 20))
    y = np.arange(16_000, dtype=np.float64)[:, None]
    tree = check(X, y, {"criterion": "squared_error"})
    assert tree["left"].tolist() == [-1] and tree["value"][0, 0] == 7999.5


def test_interrupt():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60_000, 10))
    y = rng.normal(size=(60_000, 1))
    binned, values = binned_of(X)
    grower = CartGrower(binned, values, criterion="absolute_error", n_threads=2)
    timer = threading.Timer(0.05, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(10_000):
            grower.grow(y, None, [0])
    timer.join()
    assert len(CartGrower(binned, values, criterion="squared_error", n_threads=2).grow(y, None, [0])) == 1
