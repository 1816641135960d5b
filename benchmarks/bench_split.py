"""Search of one numerical feature, every instruction set; rows is the number of rows in the node."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.split import time_search


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


@pytest.mark.parametrize("rows", [60, 20_000])
def test_search(benchmark, isa, rows):
    """28 features of 256 codes, as a node of the tree has them; extra_info has microseconds a node."""
    rng = np.random.default_rng(0)
    cells = np.zeros((28, 256), dtype=np.int64)
    g, h = rng.integers(-10_000, 10_000, rows), rng.integers(1000, 4000, rows)
    for own in cells:
        np.add.at(own, rng.integers(1, 256, rows), (g << 32) + h)
    benchmark.pedantic(lambda: time_search(cells, rows, 100), rounds=10, warmup_rounds=1)
    benchmark.extra_info["us_per_node"] = round(benchmark.stats["min"] / 100 * 1e6, 2)
