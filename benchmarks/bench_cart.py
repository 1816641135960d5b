"""Trees to purity on 28 features, by criterion, splitter, rows and threads; a round is four trees."""

import numpy as np
import pytest

from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart import CartGrower

TREES = 4


@pytest.fixture(scope="module", params=[10_000, 200_000], ids="{:,} rows".format)
def data(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(request.param, 28)).astype(np.float32)
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) * X[:, 3] + 0.3 * X[:, 7:15].sum(axis=1)
    score += rng.logistic(size=request.param)
    binned = BinMapper(n_threads=2).fit(X).transform(X)
    return binned, BinValues(X, binned, n_threads=2), score


def run(benchmark, data, n_classes, *, bootstrap=True, trees=TREES, **options):
    binned, values, score = data
    if n_classes:
        edges = np.quantile(score, np.arange(1, n_classes) / n_classes)
        targets = np.digitize(score, edges).astype(np.int32)[:, None]
        options.update(n_classes=(n_classes,))
    else:
        targets = score[:, None]
    grower = CartGrower(binned, values, **options)
    draws = len(score) if bootstrap else None
    benchmark.pedantic(lambda: grower.grow(targets, None, np.arange(trees), draws), rounds=3, warmup_rounds=1)


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_classes", [2, 10])
def bench_random_forest(benchmark, data, n_classes, n_threads):
    run(benchmark, data, n_classes, criterion="gini", max_features=5, n_threads=n_threads)


@pytest.mark.parametrize("n_classes", [2, 10])
def bench_extra_trees(benchmark, data, n_classes):
    run(benchmark, data, n_classes, criterion="gini", max_features=5, splitter="random", bootstrap=False)


def bench_entropy(benchmark, data):
    run(benchmark, data, 2, criterion="entropy", max_features=5)


def bench_regression(benchmark, data):
    run(benchmark, data, 0, criterion="squared_error", max_features=9)


@pytest.mark.parametrize("n_classes", [2, 0], ids=["classes", "numbers"])
def bench_single_tree(benchmark, data, n_classes):
    """All features at every node."""
    run(
        benchmark,
        data,
        n_classes,
        bootstrap=False,
        trees=1,
        criterion="gini" if n_classes else "squared_error",
    )
