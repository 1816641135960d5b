"""Walks down the trees of forests, one thread, every instruction set; extra_info has ns per row and tree.

Fully grown trees by value (src_c/tree/walk.h) and by key (src_c/tree/key_walk.h), shallow ones by key and
over codes (src_c/tree/traverse.h); reading the rows and adding up the values is included.
"""

from functools import cache

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.cart_sums import sum_values
from fastml._engine.tree.key_pack import KeyPack, key_pack_of
from fastml._engine.tree.value_rows import ValueRows
from fastml._engine.tree.walk import add_values
from fastml.ensemble import AdaBoostClassifier, RandomForestClassifier, RandomForestRegressor

N_FIT, N_TREES = 200_000, 20


@cache
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_FIT, 28))
    return X, X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + X[:, 3:8].sum(axis=1) + rng.normal(size=N_FIT)


@cache
def forest(name):
    """Two classes: 21,000 splits a tree; a number: 126,000."""
    X, y = data()
    if name == "classes":
        return RandomForestClassifier(N_TREES, random_state=0).fit(X, y > 0)._cart
    return RandomForestRegressor(N_TREES, max_features=9, random_state=0).fit(X, y)._cart


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.mark.parametrize("n_rows", [1, 100, 2_000, 100_000])
@pytest.mark.parametrize("by", ["value", "key"])
@pytest.mark.parametrize("name", ["classes", "number"])
def bench_walk(benchmark, isa, name, by, n_rows):
    trees = forest(name)
    trees.views["keys to values"] = None
    if by == "key":
        del trees.views["keys to values"]
        key_pack_of(trees, True)
    rows = ValueRows(np.random.default_rng(1).normal(size=(n_rows, 28)), None, trees.used_features())
    sums = np.zeros((n_rows, trees.width))
    benchmark.pedantic(lambda: add_values(trees, rows, sums), rounds=3, warmup_rounds=1)
    benchmark.extra_info["ns_per_row_and_tree"] = round(benchmark.stats["min"] / n_rows / N_TREES * 1e9, 1)


@cache
def shallow_forest(depth):
    """100 trees of a regression; 300 stumps of AdaBoost if the depth is 1."""
    X, y = data()
    if depth == 1:
        model = AdaBoostClassifier(n_estimators=300, random_state=0).fit(X[:20_000], y[:20_000] > 0)
        return model._members.votes
    return RandomForestRegressor(100, max_depth=depth, random_state=0).fit(X[:20_000], y[:20_000])._cart


@pytest.mark.parametrize("by", ["key", "code"])
@pytest.mark.parametrize("depth", [1, 3, 6, 8, 10])
def bench_shallow(benchmark, isa, depth, by):
    trees = shallow_forest(depth)
    trees.views = {"over codes": None} if by == "key" else {}
    key_pack_of(trees, True)
    rows = ValueRows(np.random.default_rng(1).normal(size=(100_000, 28)), None, trees.used_features())
    benchmark.pedantic(lambda: sum_values(trees, rows), rounds=3, warmup_rounds=3)
    benchmark.extra_info["over_codes"] = trees.views.get("over codes") is not None
    ns = benchmark.stats["min"] / rows.n_rows / trees.n_trees * 1e9
    benchmark.extra_info["ns_per_row_and_tree"] = round(ns, 2)


@pytest.mark.parametrize("name", ["classes", "number"])
def bench_pack(benchmark, isa, name):
    trees = forest(name)
    benchmark.pedantic(lambda: KeyPack(trees, True), rounds=3, warmup_rounds=1)
    benchmark.extra_info["ns_per_node"] = round(benchmark.stats["min"] / trees.n_nodes * 1e9, 2)
