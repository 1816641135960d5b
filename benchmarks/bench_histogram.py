"""Histogram kernel, one thread, every instruction set; extra_info has ns per row and feature, or per row."""

import numpy as np
import pytest

from benchmarks import datasets
from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.histogram import HistogramLayout, histogram

N, D = 1_000_000, 28


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.fixture(scope="module")
def binned():
    X = np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)
    return BinMapper(random_state=0, n_threads=2).fit(X).transform(X)


@pytest.mark.parametrize("step", [1, 16, 256], ids="every-{}".format)
def test_histogram(benchmark, isa, binned, step):
    """All rows in order, or one row of sixteen, or of 256: the nodes of a tree from root to leaf."""
    rng = np.random.default_rng(1)
    rows = None if step == 1 else np.sort(rng.choice(N, N // step, replace=False)).astype(np.uint32)
    n = N if rows is None else len(rows)
    gh = rng.integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32)
    benchmark.pedantic(lambda: histogram(binned, gh, rows=rows), rounds=5 + step // 4, warmup_rounds=1)
    benchmark.extra_info["ns_per_row_and_feature"] = round(benchmark.stats["min"] / (n * D) * 1e9, 3)


@pytest.mark.parametrize("cache", [2**30, None], ids=["whole", "parts"])
@pytest.mark.parametrize("step", [1, 4, 40], ids="every-{}".format)
def test_wide(benchmark, isa, cache, step):
    """64 features, whose cells are 135 KB, all at once and a part of them at a time."""
    n = 300_000 // step
    rng = np.random.default_rng(1)
    X = np.random.default_rng(0).normal(size=(300_000, 64)).astype(np.float32)
    wide = BinMapper(random_state=0, n_threads=2).fit(X).transform(X)
    rows = None if step == 1 else np.sort(rng.choice(len(X), n, replace=False)).astype(np.uint32)
    gh = rng.integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32)
    given = {"rows": rows, "layout": HistogramLayout(wide, cache=cache)}
    benchmark.pedantic(histogram, args=(wide, gh), kwargs=given, warmup_rounds=1, rounds=5 + step)
    benchmark.extra_info["ns_per_row_and_feature"] = round(benchmark.stats["min"] / (n * 64) * 1e9, 3)


@pytest.fixture(scope="module", params=["adult", "beijing_air", "fremtpl2-claim", "kddcup99", "mnist"])
def real(request):
    try:
        X = datasets.load(request.param, 0).X
    except FileNotFoundError as missing:
        pytest.skip(str(missing))
    if not isinstance(X, np.ndarray):
        columns = [X[c].cat.codes if X[c].dtype == "category" else X[c] for c in X.columns]
        X = np.column_stack([np.asarray(column, dtype=np.float32) for column in columns])
    return BinMapper(random_state=0, n_threads=2).fit(X).transform(X)


@pytest.mark.parametrize("least_rows", [2**62, 0], ids=["codes", "lists"])
@pytest.mark.parametrize("step", [1, 16], ids="every-{}".format)
def test_lists_of_cells(benchmark, real, step, least_rows):
    """Rows of codes against lists of cells, where lists pay at all; both without what is done once a fit."""
    layout = HistogramLayout(real, least_rows=least_rows)
    if not layout.lists:
        pytest.skip("lists of cells do not pay")
    n = real.n_rows // step
    rng = np.random.default_rng(1)
    rows = None if step == 1 else np.sort(rng.choice(real.n_rows, n, replace=False)).astype(np.uint32)
    gh = rng.integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32)
    given = {"rows": rows, "layout": layout}
    benchmark.pedantic(histogram, args=(real, gh), kwargs=given, warmup_rounds=1, rounds=5 + step)
    benchmark.extra_info["ns_per_row"] = round(benchmark.stats["min"] / n * 1e9, 2)
