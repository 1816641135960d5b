"""The kernel of nearest centroids, one thread, every instruction set; extra_info has GFLOP/s."""

import numpy as np
import pytest

from fastml._engine.dense.nearest import Rows
from fastml._engine.runtime import kernels

SHAPES = [(100_000, 8, 16), (50_000, 32, 64), (10_000, 128, 256), (6_000, 784, 100)]


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


def problem(shape, dtype=np.float32, share_missing=0.0):
    n, d, k = shape
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    centroids = X[:k].copy()
    if share_missing:
        X[rng.random(X.shape) < share_missing] = np.nan
        X[:, 0] = 0
    return Rows(X, 1, bool(share_missing)), centroids


def timed(benchmark, shape, function):
    benchmark.pedantic(function, rounds=7, warmup_rounds=1)
    benchmark.extra_info["gflops"] = round(2e-9 * np.prod(shape) / benchmark.stats["min"], 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_labels(benchmark, isa, shape, dtype):
    rows, centroids = problem(shape, dtype)
    timed(benchmark, shape, lambda: rows.nearest(centroids, distances=False))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_labels_and_sums(benchmark, isa, shape):
    rows, centroids = problem(shape)
    timed(benchmark, shape, lambda: rows.accumulate(centroids, errors=False))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def bench_sums_of_known_labels(benchmark, isa, shape):
    rows, centroids = problem(shape)
    labels, _ = rows.nearest(centroids, distances=False)
    timed(benchmark, shape, lambda: rows.accumulate(centroids, labels=labels, errors=False))


@pytest.mark.parametrize("metric", ["cosine", "manhattan", "chebyshev"])
def bench_metrics(benchmark, isa, metric):
    rows, centroids = problem((10_000, 128, 256))
    timed(benchmark, (10_000, 128, 256), lambda: rows.nearest(centroids, metric=metric, distances=False))


def bench_missing_values(benchmark, isa):
    rows, centroids = problem((10_000, 128, 256), share_missing=0.1)
    timed(benchmark, (10_000, 128, 256), lambda: rows.nearest(centroids, distances=False))


@pytest.mark.parametrize("screened", [True, False])
def bench_map(benchmark, isa, screened):
    """50 x 50 nodes near a curved sheet; weights of one turn the plane that is looked at first off."""
    rng = np.random.default_rng(0)
    across = rng.standard_normal((2, 100))
    place = rng.uniform(-1, 1, size=(20_000, 2)) @ across
    X = (place + 0.5 * np.sin(2 * place) + 0.3 * rng.standard_normal(place.shape)).astype(np.float32)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 50)] * 2), axis=-1).reshape(-1, 2) @ across
    nodes = grid + 0.5 * np.sin(2 * grid) + 0.02 * rng.standard_normal(grid.shape)
    rows, weight = Rows(X, 1, False), None if screened else np.ones(100)
    timed(
        benchmark, (20_000, 100, 2500), lambda: rows.nearest(nodes, feature_weight=weight, distances=False)
    )
