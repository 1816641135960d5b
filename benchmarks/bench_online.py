"""Steps of online training; each round makes 2,000."""

import numpy as np
import pytest

from fastml._engine.dense.online import OnlineCodebook
from fastml.cluster.som_grid import MapGrid


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("shape", "width"), [((25, 15), 300), ((50, 50), 100), ((40, 40), 3)])
def bench_steps(benchmark, dtype, shape, width):
    rng = np.random.default_rng(0)
    grid = MapGrid(*shape)
    X = rng.standard_normal((2000, width)).astype(dtype)
    codebook = rng.standard_normal((grid.n_nodes, width)).astype(dtype)
    online = OnlineCodebook(codebook, grid.positions, grid.periods, "sqeuclidean", "gaussian")
    order, rates, radii = np.arange(2000), np.full(2000, 0.1), np.full(2000, 3.0)
    benchmark(lambda: online.train(X, order, rates, radii, False))
