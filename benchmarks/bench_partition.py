"""Partition kernels (mask and move), one thread, every instruction set; extra_info has ns per row."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.partition import partition

N = 1_000_000


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.mark.parametrize("step", [1, 16, 256], ids="every-{}".format)
def test_partition(benchmark, isa, step):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 1))
    binned = BinMapper(random_state=0).fit(X).transform(X)
    rows = None if step == 1 else np.sort(rng.choice(N, N // step, replace=False)).astype(np.uint32)
    gh = np.zeros(N // step, dtype=np.uint32)
    benchmark.pedantic(lambda: partition(binned, 0, gh, rows=rows, code=128), rounds=10, warmup_rounds=1)
    benchmark.extra_info["ns_per_row"] = round(benchmark.stats["min"] / len(gh) * 1e9, 2)
