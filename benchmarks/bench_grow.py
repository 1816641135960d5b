"""Growth of one tree of 255 or 31 leaves on binned data, by rows and threads."""

import numpy as np
import pytest

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.grow import Grower


@pytest.fixture(scope="module", params=[10_000, 1_000_000], ids="{:,} rows".format)
def data(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(request.param, 28)).astype(np.float32)
    p = 1 / (1 + np.exp(-(X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) * X[:, 3])))
    g, h = p - (rng.random(request.param) < p), p * (1 - p)
    return (
        BinMapper(random_state=0, n_threads=2).fit(X).transform(X),
        g.astype(np.float32),
        h.astype(np.float32),
    )


@pytest.mark.parametrize("leaves", [31, 255])
@pytest.mark.parametrize("n_threads", [1, 2])
def test_grow(benchmark, data, leaves, n_threads):
    binned, g, h = data
    grower = Grower(binned, n_threads=n_threads, max_leaf_nodes=leaves)
    benchmark.pedantic(lambda: grower.grow(g, h, 0), rounds=10, warmup_rounds=2)
