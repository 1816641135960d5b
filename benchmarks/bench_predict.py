"""Prediction by the engine, one thread, every instruction set; extra_info has ns per row and tree.

Binning is included. Trees are boosted on generated data, so that their shapes and the lengths of their paths
are those of real models.
"""

from functools import cache

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.predict import add_tree, apply, pack_of, predict_raw

N_FIT, N_FEATURES = 200_000, 28
SHAPES = {"300x31": (300, 31), "100x255": (100, 255), "1000x8": (1000, 8), "10x4000": (10, 4000)}


@cache
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_FIT, N_FEATURES)).astype(np.float32)
    y = X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2]) + np.abs(X[:, 3] + X[:, 4]) + rng.normal(size=N_FIT)
    mapper = BinMapper(random_state=0).fit(X)
    return X, y, mapper, mapper.transform(X)


@cache
def model(shape):
    """Boosted by squared error at rate 0.1."""
    n_trees, n_leaves = SHAPES[shape]
    _, y, _, binned = data()
    grower = Grower(binned, max_leaf_nodes=n_leaves, min_samples_leaf=5, constant_hessian=True)
    forest, raw = Forest(), np.zeros(N_FIT)
    for seed in range(n_trees):
        tree = grower.grow((raw - y).astype(np.float32), None, seed)
        tree["value"] = tree["value"] * 0.1
        forest.append(tree)
        grower.add_leaf_values(tree["value"][grower.leaf_nodes], raw)
    return forest


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.fixture(params=SHAPES)
def forest(request, isa):
    forest = model(request.param)
    forest.scale(0, 1.0)  # forget a pack made under another instruction set
    pack_of(forest)
    return forest


def timed(benchmark, function, n_rows, n_trees):
    benchmark.pedantic(function, rounds=7, warmup_rounds=1)
    benchmark.extra_info["ns_per_row_and_tree"] = round(benchmark.stats["min"] / n_rows / n_trees * 1e9, 3)


@pytest.mark.parametrize("n_rows", [1, 100, 10_000, 200_000])
def bench_predict(benchmark, forest, n_rows):
    X, _, mapper, _ = data()
    timed(benchmark, lambda: predict_raw(forest, mapper, X[:n_rows]), n_rows, forest.n_trees)


def bench_apply(benchmark, forest):
    X, _, mapper, _ = data()
    timed(benchmark, lambda: apply(forest, mapper, X[:50_000]), 50_000, forest.n_trees)


@pytest.mark.parametrize("chosen", [False, True], ids=["all rows", "half of the rows"])
def bench_add_tree(benchmark, forest, chosen):
    """Packing the tree is included."""
    *_, binned = data()
    rows = np.flatnonzero(np.random.default_rng(1).random(N_FIT) < 0.5).astype(np.uint32) if chosen else None
    raw = np.zeros(N_FIT)
    timed(
        benchmark,
        lambda: add_tree(forest, 0, binned, raw, rows=rows),
        N_FIT if rows is None else len(rows),
        1,
    )


def bench_pack(benchmark, forest):
    def run():
        forest.scale(0, 1.0)
        pack_of(forest)

    timed(benchmark, run, 1, forest.n_trees)
