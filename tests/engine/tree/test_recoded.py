"""Nodes of few values tell them apart, though they share a code: against the slow grower."""

import numpy as np
import pytest
from scipy import sparse

from fastml._engine.runtime import kernels
from fastml._engine.tree import value_ranks
from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart import CartGrower, bootstrap_counts
from fastml._engine.tree.cart_forest import CartForest
from fastml._engine.tree.code_walk import leaves_of_codes
from fastml._engine.tree.value_ranks import ValueRanks
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import leaves
from tests.engine.tree.test_cart import ALL, Reference, assert_same, table, targets_of
from tests.engine.tree.test_cart_pieces import assert_same_bytes
from tests.reference import cart as reference


def ranked(X, categorical=None, max_bins=255, weights=None):
    """Codes, values and ranks of a table."""
    binned = (mapper := BinMapper(max_bins, categorical)).fit(X, weights).transform(X)
    values = BinValues(X, binned, weights)
    return mapper, binned, values, ValueRanks(X, binned, values, weights)


def wide_table(n=1200, **options):
    """Some features of some thousand values, one of few."""
    X, total, rng = table(n=n, d=5, levels=5000, **options)
    X[:, 2] = np.floor(X[:, 2] / 500)
    return X, total // 100, rng


@pytest.mark.parametrize("criterion", ALL)
@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("weighted", [False, True])
def test_equals_reference(criterion, missing, weighted):
    """The root has too many values, its children try, theirs have few."""
    X, total, rng = wide_table(n=700, missing=missing)
    X[:, 3] = np.floor(X[:, 3] / 10)
    y, options = targets_of(criterion, total)
    weights = rng.integers(0, 4, len(X)).astype(np.float64) if weighted else None
    _, binned, values, ranks = ranked(X, max_bins=40)
    assert list(ranks.features) == [0, 1, 3, 4]
    slow = reference.ValueRanks(X, values)
    for limits in ({"max_depth": 4}, {"max_depth": 5, "max_features": 2, "min_samples_leaf": 5}):
        how = {**options, **limits}
        found = CartGrower(binned, values, ranks, **how).grow(y, weights, [3])[0]
        assert_same(found, Reference(binned, values, slow, **how).grow(y, weights, [3])[0])
        assert found["rank"].any()


@pytest.mark.parametrize("limit", [{}, {"max_depth": 1}, {"max_leaf_nodes": 12}])
def test_a_table_of_few_rows(limit):
    X, total, _ = wide_table(n=200)
    y, options = targets_of("squared_error", total)
    _, binned, values, ranks = ranked(X, max_bins=20)
    found = CartGrower(binned, values, ranks, **options, **limit).grow(y, None, [3])[0]
    slow = reference.ValueRanks(X, values)
    assert_same(found, Reference(binned, values, slow, **options, **limit).grow(y, None, [3])[0])
    assert found["rank"].any() == ("max_leaf_nodes" not in limit)


def test_categories_and_constraints_beside_them():
    X, total, rng = wide_table(n=400, missing=0.1)
    X[:, 1] = rng.integers(0, 12, len(X))
    y, options = targets_of("squared_error", total)
    categorical = np.array([False, True, False, False, False])
    _, binned, values, ranks = ranked(X, categorical)
    assert list(ranks.features) == [0, 3, 4]
    slow = reference.ValueRanks(X, values)
    for limits in ({}, {"monotonic_cst": np.array([1, 0, 0, -1, 0], dtype=np.int8)}):
        found = CartGrower(binned, values, ranks, **options, **limits).grow(y, None, [3])[0]
        assert_same(found, Reference(binned, values, slow, **options, **limits).grow(y, None, [3])[0])


@pytest.mark.parametrize("splitter", ["best", "random"])
@pytest.mark.parametrize("criterion", ["gini2", "gini5", "squared_error", "absolute_error", "many"])
def test_same_bytes(splitter, criterion):
    """On any number of threads and any instruction set, in pieces or not."""
    X, total, rng = wide_table(n=2500, missing=0.02)
    y, options = targets_of(
        "squared_error" if criterion == "many" else criterion, total, 1 + (criterion == "many")
    )
    _, binned, values, ranks = ranked(X)
    weights, found = rng.random(len(X)), []
    before = kernels.selected()
    try:
        for isa in kernels.available():
            kernels.select(isa)
            for n_threads in (1, 2, 7):
                grower = CartGrower(binned, values, ranks, splitter=splitter, n_threads=n_threads, **options)
                found.append(grower.grow(y, None, range(9), 2000) + grower.grow(y, weights, [1]))
    finally:
        kernels.select(before)
    assert found[0][0]["rank"].any()
    for other in found[1:]:
        assert_same_bytes(found[0], other)


@pytest.mark.parametrize("splitter", ["best", "random"])
@pytest.mark.parametrize("criterion", ["gini2", "gini5", "squared_error"])
@pytest.mark.parametrize("most", [100, 65535])
def test_every_way_to_a_leaf_is_the_same(splitter, criterion, most, monkeypatch):
    """By value, by code and rank, by a value of each rank; also where values must share a rank."""
    monkeypatch.setattr(value_ranks, "MOST_RANKS", most)
    X, total, _ = wide_table(n=3000, missing=0.05)
    y, options = targets_of(criterion, total)
    mapper, binned, values, ranks = ranked(X, max_bins=60)
    grower = CartGrower(binned, values, ranks, splitter=splitter, **options)
    for seed, tree in enumerate(grower.grow(y, None, range(3), 2000)):
        forest = CartForest(options["criterion"], options.get("n_classes"), 1)
        forest.append(tree)
        used = forest.used_features()
        by_value = leaves(forest, ValueRows(X, None, used))[:, 0]
        np.testing.assert_array_equal(by_value, leaves_of_codes(binned, tree, 1, ranks))
        known = ValueRows(binned, mapper, used, values.lower, ranks)
        np.testing.assert_array_equal(by_value, leaves(forest, known)[:, 0])
        leaf = tree["left"] < 0
        drawn = bootstrap_counts(seed, len(X), 2000) > 0
        count = np.bincount(by_value[drawn], minlength=leaf.size)
        np.testing.assert_array_equal(count[leaf], tree["count"][leaf])


def test_random_thresholds_are_even():
    X = np.array([0.0, 1.0, 2.0, 10.0] * 10)[:, None]
    y = np.arange(40, dtype=np.float64)[:, None]
    _, binned, values, ranks = ranked(X, max_bins=2)
    grower = CartGrower(binned, values, ranks, criterion="squared_error", splitter="random", max_depth=1)
    found = np.array([tree["threshold"][0] for tree in grower.grow(y, None, np.arange(2000), 40)])
    np.testing.assert_allclose(np.quantile(found, [0.1, 0.5, 0.9]), [1, 5, 9], atol=0.4)


def test_pure_to_the_last_row():
    """A tree to purity knows all targets of distinct rows."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((3000, 1))
    y = rng.standard_normal((3000, 1))
    _, binned, values, ranks = ranked(X)
    tree = CartGrower(binned, values, ranks, criterion="squared_error").grow(y, None, [0])[0]
    assert (tree["left"] < 0).sum() == 3000
    np.testing.assert_allclose(tree["value"][leaves_of_codes(binned, tree, 1, ranks)], y)


def test_nothing_is_told_apart_where_codes_do():
    X, total, _ = table(n=500, levels=255)
    y, options = targets_of("gini2", total)
    _, binned, values, ranks = ranked(X)
    assert not len(ranks.features)
    assert_same_bytes(
        CartGrower(binned, values, **options).grow(y, None, [0]),
        CartGrower(binned, values, ranks, **options).grow(y, None, [0]),
    )


@pytest.mark.parametrize("most", [7, 65535])
def test_ranks(most, monkeypatch):
    monkeypatch.setattr(value_ranks, "MOST_RANKS", most)
    rng = np.random.default_rng(0)
    X = np.round(rng.standard_normal((400, 3)), 2)
    X[:, 1] = np.round(X[:, 1])
    X[rng.random(X.shape) < 0.1] = np.nan
    X[0] = [-0.0, np.nan, np.inf]
    weights = (rng.random(400) < 0.7).astype(np.float64)
    for w in (None, weights):
        _, binned, values, ranks = ranked(X, max_bins=9, weights=w)
        sparse_ones = ValueRanks(sparse.csr_array(np.nan_to_num(X, posinf=9.0)), binned, values, w)
        assert sparse_ones.ranks.shape == (400, 2)
        assert list(ranks.features) == [0, 2] and list(ranks.slot) == [0, -1, 1]
        seen = np.ones(400, dtype=bool) if w is None or most > 400 else w > 0
        for j, f in enumerate((0, 2)):
            end = [*ranks.first, len(ranks.lower)][j + 1]
            lower, upper = ranks.lower[ranks.first[j] : end], ranks.upper[ranks.first[j] : end]
            x, rank = X[seen, f], ranks.ranks[seen, j]
            assert len(lower) - 1 == min(max(most, 9), len(np.unique(x[x == x])))
            np.testing.assert_array_equal(rank == 0, np.isnan(x))
            known = rank > 0
            assert (lower[rank[known]] <= x[known]).all() and (x[known] <= upper[rank[known]]).all()
            assert (upper[1:-1] < lower[2:]).all()
        some = ranks.take(np.array([5, 0, 5]))
        np.testing.assert_array_equal(some.ranks, ranks.ranks[[5, 0, 5]])


def test_refusals():
    X, total, _ = wide_table(n=300)
    y, options = targets_of("squared_error", total)
    _, binned, values, ranks = ranked(X, max_bins=20)
    with pytest.raises(ValueError, match="ranks has 3 rows"):
        CartGrower(binned, values, ranks.take(np.arange(3)), **options)
    tree = CartGrower(binned, values, ranks, **options).grow(y, None, [0])[0]
    for other in (None, ranks.take(np.arange(3))):
        with pytest.raises(ValueError, match="splits ranks"):
            leaves_of_codes(binned, tree, 1, other)


@pytest.mark.parametrize("limit", [{}, {"max_depth": 6}])
def test_places(limit):
    X, total, _ = wide_table(n=1500, missing=0.1)
    y, options = targets_of("squared_error", total)
    _, binned, values, ranks = ranked(X)
    grower, places = CartGrower(binned, values, ranks, **options, **limit), np.empty(1500, dtype=np.int32)
    tree = grower.grow(y, None, [1], places=places)[0]
    assert grower.placed and tree["rank"].any()
    np.testing.assert_array_equal(places, leaves_of_codes(binned, tree, 1, ranks))


def test_a_grower_makes_room_when_its_records_change():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 1000, (1000, 3)).astype(np.float64)
    _, binned, values, ranks = ranked(X)
    y = (X[:, :1] > 400).astype(np.int32)
    few = (np.arange(1000) < 200).astype(np.float64)
    grower = CartGrower(binned, values, ranks, criterion="gini", n_classes=(2,), max_depth=1)
    fresh = CartGrower(binned, values, ranks, criterion="gini", n_classes=(2,), max_depth=1)
    seeds = np.ones(1, dtype=np.uint64)
    grower.grow(y, rng.random(1000) + 0.1, seeds)
    after, expected = (g.grow(y, few, seeds)[0] for g in (grower, fresh))
    for name in expected:
        np.testing.assert_array_equal(after[name], expected[name])
