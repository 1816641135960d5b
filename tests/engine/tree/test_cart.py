"""The grower of classification and regression trees against the slow one of tests/reference/cart.py."""

import signal
import threading

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.tree import DecisionTreeClassifier

from fastml._engine.runtime import kernels
from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart import CartGrower, bootstrap_counts
from tests.reference import cart as reference

GOLDEN = 0x9E3779B97F4A7C15
BITS = (1 << 64) - 1


def mix(x):
    x &= BITS
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & BITS
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & BITS
    return x ^ (x >> 31)


class Reference(reference.CartGrower):
    """Draws features as the engine does, so that ties are broken alike."""

    def _best_split(self, node):
        self.path = 1
        for side in bin(node.path)[3:]:
            self.path = mix(self.path * 2 + int(side) + 1)
        return super()._best_split(node)

    def _drawn_features(self, node, rng):
        n = self.codes.shape[1]
        key = mix(self.seed ^ mix(self.path))
        varies = [len(np.unique(self._codes(node, f)[0])) > 1 for f in range(n)]
        if self.max_features >= n:
            places = next(p for p in range(max(2, n), 2 * n + 2) if all(p % q for q in range(2, p)))
            bits = mix(key + GOLDEN)
            first, step = (bits >> 32) * places >> 32, 1 + ((bits & 0xFFFFFFFF) * (places - 1) >> 32)
            order = [(first + j * step) % places for j in range(places)]
            return [f for f in order if f < n and varies[f]]
        order, drawn = list(range(n)), []
        for j in range(n):
            if j >= self.max_features and drawn:
                break
            pick = j + ((mix(key + (j + 1) * GOLDEN) >> 32) * (n - j) >> 32)
            order[j], order[pick] = order[pick], order[j]
            if varies[order[j]]:
                drawn.append(order[j])
        return drawn


def binned_of(X, categorical=None):
    mapper = BinMapper(max_bins=255, categorical=categorical)
    binned = mapper.fit(X).transform(X)
    return binned, BinValues(X, binned)


def table(n=300, d=5, seed=0, missing=0.0, levels=30):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, (n, d)).astype(np.float64)
    total = X[:, 0] + X[:, 1] + rng.integers(0, 20, n)
    X[rng.random((n, d)) < missing] = np.nan
    return X, total, rng


def targets_of(criterion, total, n_outputs=1):
    if criterion in ("gini2", "entropy2"):
        y = (total > 40).astype(np.int32)
    elif criterion in ("gini5", "entropy5"):
        y = np.clip(total // 15, 0, 4).astype(np.int32)
    else:
        y = total.astype(np.float64)
    y = np.column_stack([y, y[::-1]])[:, :n_outputs]
    if criterion[-1].isdigit():
        return y, {"criterion": criterion[:-1], "n_classes": (int(criterion[-1]),) * n_outputs}
    return y, {"criterion": criterion}


def assert_same(found, expected, rtol=1e-9):
    for name, values in expected.items():
        if values.dtype.kind == "f":
            np.testing.assert_allclose(found[name], values, rtol=rtol, atol=1e-12, err_msg=name)
        else:
            np.testing.assert_array_equal(found[name], values, err_msg=name)


def check(X, y, options, weights=None, categorical=None, seed=3):
    binned, values = binned_of(X, categorical)
    seeds = np.array([seed], dtype=np.uint64)
    found = CartGrower(binned, values, **options).grow(y, weights, seeds)[0]
    expected = Reference(binned, values, **options).grow(y, weights, seeds)[0]
    assert_same(found, expected)
    return found


ALL = ["gini2", "gini5", "entropy2", "entropy5", "squared_error", "poisson", "absolute_error"]
LIMITS = [
    {},
    {"min_samples_leaf": 5, "min_samples_split": 20},
    {"max_features": 2},
    {"max_leaf_nodes": 12},
    {"max_depth": 4, "min_weight_leaf": 6.0},
    {"min_impurity_decrease": 0.01},
    {"max_depth": 1},  # codes are read from the matrix, no row is moved
]


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_reference(criterion, missing, weighted):
    X, total, rng = table(n=200, missing=missing)
    y, options = targets_of(criterion, total)
    weights = rng.integers(0, 4, len(X)).astype(np.float64) if weighted else None
    for limits in LIMITS:
        check(X, y, {**options, **limits}, weights)


@pytest.mark.parametrize("n_classes", [256, 257, 300])
@pytest.mark.parametrize("weighted", [False, True])
def test_more_classes_than_a_byte_has(n_classes, weighted):
    rng = np.random.default_rng(0)
    y = np.concatenate([np.arange(n_classes), rng.integers(0, n_classes, 100)]).astype(np.int32)[:, None]
    X = np.column_stack([y[:, 0] + rng.normal(0, 30, len(y)), rng.normal(size=(len(y), 2))])
    weights = rng.integers(1, 4, len(y)).astype(np.float64) if weighted else None
    options = {"criterion": "gini", "n_classes": (n_classes,), "max_depth": 5}
    check(X, y, options, weights)
    # random thresholds: every node's impurity is that of the rows that reach it
    binned, values = binned_of(X)
    tree = CartGrower(binned, values, splitter="random", **options).grow(y, weights, [3])[0]
    at, weights = leaves_of(tree, binned), np.ones(len(y)) if weights is None else weights
    for leaf in np.unique(at):
        share = np.bincount(y[at == leaf, 0], weights[at == leaf], n_classes) / weights[at == leaf].sum()
        np.testing.assert_allclose(tree["value"][leaf], share, atol=1e-12)
        np.testing.assert_allclose(tree["impurity"][leaf], 1 - share @ share, atol=1e-12)


@pytest.mark.parametrize("n_classes", [256, 257, 300])
@pytest.mark.parametrize("splitter", ["best", "random"])
def test_classes_without_rows_change_nothing(n_classes, splitter):
    X, total, _ = table(n=500)
    y = total.astype(np.int32)[:, None]
    binned, values = binned_of(X)
    trees = [
        CartGrower(binned, values, criterion="gini", n_classes=(n,), splitter=splitter).grow(y, None, [3])[0]
        for n in (y.max() + 1, n_classes)
    ]
    for name, array in trees[0].items():
        found = trees[1][name]
        np.testing.assert_array_equal(found[:, : y.max() + 1] if name == "value" else found, array)


@pytest.mark.parametrize("criterion", ["gini2", "entropy5", "squared_error", "absolute_error"])
def test_many_outputs(criterion):
    X, total, _ = table(n=150, missing=0.1)
    y, options = targets_of(criterion, total, n_outputs=2)
    for limits in [*LIMITS[:4], *LIMITS[-1:]]:
        check(X, y, {**options, **limits})


@pytest.mark.parametrize("criterion", ["gini2", "entropy2", "squared_error"])
def test_categories(criterion):
    X, total, rng = table(n=250, missing=0.1)
    X[:, 1], X[:, 2] = rng.integers(0, 12, len(X)), rng.integers(0, 3, len(X))
    X[rng.random(len(X)) < 0.1, 1] = np.nan
    y, options = targets_of(criterion, total + 3 * X[:, 2])
    for limits in LIMITS:
        check(X, y, {**options, **limits}, categorical=[False, True, True, False, False])


def test_categories_of_five_classes():
    """Which order of categories is taken is a heuristic; what is taken must be consistent."""
    X, _, rng = table(n=500)
    X[:, 1] = rng.integers(0, 25, len(X))
    y = ((X[:, 1].astype(int) * 7) % 5).astype(np.int32)[:, None]
    binned, values = binned_of(X, [False, True, False, False, False])
    tree = CartGrower(binned, values, criterion="gini", n_classes=(5,)).grow(y, None, [0])[0]
    leaves = leaves_of(tree, binned)
    assert (tree["value"][leaves].argmax(axis=1) == y[:, 0]).all()
    assert len(tree["left"]) < 60


@pytest.mark.parametrize(
    ("criterion", "order"),
    [(c, {}) for c in ("gini2", "squared_error", "absolute_error")] + [("gini2", {"max_leaf_nodes": 15})],
)
def test_monotonic(criterion, order):
    X, total, _ = table(n=200, levels=12)
    y, options = targets_of(criterion, total)
    monotonic = np.array([1, -1, 0, 0, 1], dtype=np.int8)
    check(X, y, {**options, **order, "monotonic_cst": monotonic})


@pytest.mark.parametrize("n_features", [80, 70])
@pytest.mark.parametrize("criterion", ["gini2", "gini5", "squared_error"])
def test_wide(n_features, criterion):
    X, total, _ = table(n=120, d=n_features, levels=300)
    y, options = targets_of(criterion, total // 4 if criterion == "squared_error" else total // 6)
    check(X, y, {**options, "max_features": 11})
    check(X, y, options)


@pytest.mark.parametrize("n_features", [9, 16, 21, 40])
@pytest.mark.parametrize("heaviest", [1, 40, 300, 70_000])
@pytest.mark.parametrize("criterion", ["gini2", "gini5", "squared_error"])
def test_small_nodes(n_features, heaviest, criterion):
    """Up to sixteen slots sorted side by side; weights that fit beside a code, and those that do not."""
    X, total, rng = table(n=90, d=n_features, levels=60)
    y, options = targets_of(criterion, total // 3)
    weights = rng.integers(1, heaviest + 1, len(X)).astype(np.float64)
    for limits in ({}, {"max_features": 5, "min_samples_leaf": 2}):
        check(X, y, {**options, **limits}, weights)


def test_large_nodes():
    """Histograms of many rows."""
    X, total, _ = table(n=3000, levels=200, missing=0.02)
    for criterion in ("gini2", "gini5", "squared_error"):
        y, options = targets_of(criterion, total // 8)
        check(X, y, {**options, "max_depth": 4})


def test_balanced_classes():
    X, total, _ = table()
    y, options = targets_of("gini5", total)
    check(X, y, {**options, "balance_classes": True, "max_depth": 3})


def leaves_of(tree, binned):
    """Leaf of each row, by codes."""
    codes = np.asarray(binned.column_codes)
    at = np.zeros(codes.shape[1], dtype=np.int64)
    while (tree["left"][at] >= 0).any():
        rows = np.flatnonzero(tree["left"][at] >= 0)
        node = at[rows]
        code = codes[tree["feature"][node], rows]
        left = np.where(code == 0, tree["missing_left"][node] == 1, code <= tree["code"][node])
        sets = tree["category_set"][node]
        if (sets >= 0).any():
            bits = np.unpackbits(tree["category_sets"], axis=1, bitorder="little")
            left = np.where(sets >= 0, bits[sets, code] == 1, left)
        at[rows] = np.where(left, tree["left"][node], tree["right"][node])
    return at


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_digits])
def test_same_as_scikit_learn(load):
    """To purity, with one bin per value: as large as their tree, and right on every training row."""
    X, y = load(return_X_y=True)
    binned, values = binned_of(X)
    tree = CartGrower(binned, values, criterion="gini", n_classes=(int(y.max()) + 1,)).grow(
        y.astype(np.int32)[:, None], None, [0]
    )[0]
    at = leaves_of(tree, binned)
    assert (tree["value"][at].argmax(axis=1) == y).all()
    theirs = DecisionTreeClassifier(random_state=0).fit(X, y).tree_
    assert abs(len(tree["left"]) - theirs.node_count) <= max(4, 0.15 * theirs.node_count)
    np.testing.assert_array_equal(
        np.bincount(at, minlength=len(tree["left"]))[tree["left"] < 0], tree["count"][tree["left"] < 0]
    )


@pytest.mark.parametrize("splitter", ["best", "random"])
@pytest.mark.parametrize("criterion", ["gini2", "gini5", "entropy2", "squared_error", "absolute_error"])
@pytest.mark.parametrize("missing", [0.0, 0.02])
def test_same_bits(splitter, criterion, missing):
    """On any number of threads and any instruction set."""
    X, total, rng = table(n=2000, d=9, missing=missing, levels=400)
    y, options = targets_of(criterion, total // 10)
    binned, values = binned_of(X)
    weights = rng.random(len(X)) if criterion == "gini2" else None
    seeds, found = np.arange(7, dtype=np.uint64), []
    before = kernels.selected()
    try:
        for isa in kernels.available():
            kernels.select(isa)
            for n_threads in (1, 2, 7):
                grower = CartGrower(
                    binned, values, splitter=splitter, max_features=3, n_threads=n_threads, **options
                )
                found.append(grower.grow(y, weights, seeds, None if weights is not None else 2000))
    finally:
        kernels.select(before)
    for trees in found[1:]:
        for one, other in zip(found[0], trees, strict=True):
            for name, array in one.items():
                assert array.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("splitter", ["best", "random"])
def test_bootstrap(splitter):
    X, total, _ = table(n=1000, missing=0.05)
    X[:, 1] = np.floor(np.nan_to_num(X[:, 1]) / 3)
    y, options = targets_of("gini5", total)
    binned, values = binned_of(X, [False, True, False, False, False])
    trees = CartGrower(binned, values, splitter=splitter, max_features=2, **options).grow(
        y, None, [5, 6], n_draws=800
    )
    for seed, tree in zip((5, 6), trees, strict=True):
        counts = bootstrap_counts(seed, len(X), 800)
        assert tree["weight"][0] == 800 and tree["count"][0] == (counts > 0).sum()
        at = leaves_of(tree, binned)[counts > 0]
        assert (
            np.bincount(at, minlength=len(tree["left"]))[tree["left"] < 0] == tree["count"][tree["left"] < 0]
        ).all()
        inner = np.flatnonzero(tree["left"] >= 0)
        assert (tree["left"][inner] == inner + 1).all() and (tree["right"][inner] > inner).all()
        # thresholds and codes say the same of every row of the table
        for i in inner[tree["category_set"][inner] < 0][:200]:
            x, code = X[:, tree["feature"][i]], np.asarray(binned.column_codes)[tree["feature"][i]]
            np.testing.assert_array_equal(
                x[code > 0] <= tree["threshold"][i], code[code > 0] <= tree["code"][i]
            )


def test_random_thresholds_are_even():
    X = np.array([0.0, 1.0, 10.0] * 10)[:, None]
    y = np.arange(30, dtype=np.float64)[:, None]
    binned, values = binned_of(X)
    grower = CartGrower(binned, values, criterion="squared_error", splitter="random", max_depth=1)
    thresholds = np.array([tree["threshold"][0] for tree in grower.grow(y, None, np.arange(2000))])
    np.testing.assert_allclose(np.quantile(thresholds, [0.1, 0.5, 0.9]), [1, 5, 9], atol=0.4)


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("splitter", ["best", "random"])
def test_odd_data(criterion, splitter):
    """One row, constant and empty features, one class."""
    for X in (
        np.zeros((1, 1)),
        np.full((40, 2), np.nan),
        np.ones((40, 3)),
        np.column_stack([np.full(40, np.nan), np.arange(40) % 2, np.full(40, 3.0)]),
        np.column_stack(
            [np.where(np.arange(40) % 2, np.nan, 1.0), np.full(40, 1e308) * (-1.0) ** np.arange(40)]
        ),
    ):
        for total in (np.arange(len(X)) * 2.0, np.zeros(len(X))):
            y, options = targets_of(criterion, total)
            binned, values = binned_of(X)
            tree = CartGrower(binned, values, splitter=splitter, max_features=1, **options).grow(
                y, None, [0, 1]
            )[0]
            assert tree["count"][0] == len(X) and np.isfinite(tree["value"]).all()
            assert np.isfinite(tree["impurity"]).all() and (tree["impurity"] >= 0).all()


def test_deep_tree():
    """One row leaves at every split: as deep as there are rows."""
    n = 3000
    X = np.column_stack([(np.arange(n) >> s) & 255 for s in (0, 4, 8)]).astype(np.float64)
    y = (2.0 ** np.minimum(np.arange(n) / 3.0, 900))[:, None]
    binned, values = binned_of(X)
    tree = CartGrower(binned, values, criterion="squared_error").grow(y, None, [0])[0]
    assert tree["count"][0] == n


def test_real_targets_and_weights():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3))
    y = (X[:, 0] * 1e-3 + rng.normal(size=400) * 1e-4 + 7.25)[:, None]
    weights = rng.random(400)
    binned, values = binned_of(X)
    tree = CartGrower(binned, values, criterion="squared_error", max_depth=5).grow(y, weights, [0])[0]
    at = leaves_of(tree, binned)
    for leaf in np.unique(at):
        own = at == leaf
        np.testing.assert_allclose(
            tree["value"][leaf, 0], np.average(y[own, 0], weights=weights[own]), rtol=1e-12
        )
        np.testing.assert_allclose(tree["weight"][leaf], weights[own].sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"criterion": "mse"}, "criterion='mse' must be one of"),
        ({"criterion": "squared_error"}, "does not fit n_classes"),
        ({"splitter": "worst"}, "splitter='worst'"),
        ({"max_features": 0}, "max_features=0 must be at least 1"),
        ({"monotonic_cst": np.ones(3)}, "monotonic_cst has 3 entries"),
        ({"n_classes": ()}, "at least one class"),
    ],
)
def test_bad_options(options, message):
    binned, values = binned_of(np.arange(10.0).reshape(5, 2))
    with pytest.raises(ValueError, match=message):
        CartGrower(binned, values, **{"criterion": "gini", "n_classes": (2,), **options})


def test_bad_targets():
    binned, values = binned_of(np.arange(10.0).reshape(5, 2))
    grower = CartGrower(binned, values, criterion="gini", n_classes=(2,))
    y = np.array([[0], [1], [0], [1], [0]], dtype=np.int32)
    assert grower.grow(y, None, []) == []
    for targets, weights, message in (
        (y[:4], None, "targets has shape"),
        (y + 1, None, "integers from 0"),
        (y, np.zeros(5), "weights must be"),
        (y, -np.ones(5), "weights must be"),
        (y, np.ones(4), "weights has shape"),
    ):
        with pytest.raises(ValueError, match=message):
            grower.grow(targets, weights, [0])
    number = CartGrower(binned, values, criterion="poisson")
    with pytest.raises(ValueError, match="finite"):
        number.grow(np.full((5, 1), np.nan), None, [0])
    with pytest.raises(ValueError, match="not negative"):
        number.grow(np.full((5, 1), -1.0), None, [0])


def test_one_call_after_the_other():
    """Memory and targets of one call serve the next, whatever it asks for."""
    X, total, rng = table(n=500)
    binned, values = binned_of(X)
    weights = rng.random(len(X))
    for criterion in ("gini2", "gini5", "squared_error"):
        y, options = targets_of(criterion, total)
        grower = CartGrower(binned, values, n_threads=2, **options)
        calls = [
            (y, None, [1], None),
            (y, weights, [2], None),
            (y.copy(), np.round(4 * weights), [1, 2, 3], None),
        ]
        calls += [(y, weights, [4, 5], 300), (y[::-1].copy(), None, [1], None), calls[0]]
        for call in calls:
            fresh = CartGrower(binned, values, **options).grow(*call)
            for one, other in zip(fresh, grower.grow(*call), strict=True):
                for name, array in one.items():
                    assert array.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("criterion", ["gini2", "gini5", "squared_error", "absolute_error"])
def test_places(criterion):
    X, total, rng = table(n=500, missing=0.1)
    y, options = targets_of(criterion, total)
    binned, values = binned_of(X)
    grower, places = CartGrower(binned, values, **options), np.full(500, -7, dtype=np.int32)
    tree = grower.grow(y, rng.random(500), [1], places=places)[0]
    assert grower.placed
    np.testing.assert_array_equal(places, leaves_of(tree, binned))
    # not all rows are in the tree
    for weights, n_draws in ((np.where(np.arange(500) < 9, 0.0, rng.random(500)), None), (None, 500)):
        grower.grow(y, weights, [1], n_draws, places)
        assert not grower.placed
    with pytest.raises(ValueError, match="places has shape"):
        grower.grow(y, None, [1], places=places[:9])


def test_interrupt():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20_000, 10))
    y = rng.integers(0, 2, size=(20_000, 1)).astype(np.int32)
    binned, values = binned_of(X)
    grower = CartGrower(binned, values, criterion="gini", n_classes=(2,), n_threads=2)
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        grower.grow(y, None, np.arange(100_000))
    timer.join()
    assert len(grower.grow(y, None, [0])) == 1


@pytest.mark.parametrize("equal", [(3, 4), (0, 8), (3, 4, 5, 6, 7, 8), (1, 4, 7)])
@pytest.mark.parametrize("max_features", [None, 8])
def test_equal_features_are_chosen_equally_often(equal, max_features):
    """Constant features beside them favour none: they used to favour the feature behind them."""
    X = np.zeros((40, 9))
    X[:, equal] = np.arange(40)[:, None]
    y = (X[:, equal[:1]] > 20).astype(np.int32)
    binned, values = binned_of(X)
    grower = CartGrower(
        binned, values, criterion="gini", n_classes=(2,), max_depth=1, max_features=max_features
    )
    trees = grower.grow(y, None, np.random.default_rng(0).integers(2**63, size=2000, dtype=np.uint64))
    times = np.bincount([tree["feature"][0] for tree in trees], minlength=9)[list(equal)]
    assert times.sum() == 2000
    expected = 2000 / len(equal)
    assert (abs(times - expected) < (4 * expected**0.5 if len(equal) == 2 else 0.25 * expected)).all()
