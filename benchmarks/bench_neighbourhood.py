"""Smoothing of a map's sums, by kind of map and neighbourhood."""

import numpy as np
import pytest

from fastml.cluster.som_grid import MapGrid
from fastml.cluster.som_neighbourhood import Smoother


@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
@pytest.mark.parametrize(("name", "radius"), [("gaussian", 5.0), ("mexican_hat", 5.0), ("epanechnikov", 5.0)])
@pytest.mark.parametrize(("side", "width"), [(20, 300), (50, 100)])
def bench_smoothing(benchmark, topology, name, radius, side, width):
    grid = MapGrid(side, side, topology)
    sums = np.random.default_rng(0).standard_normal((grid.n_nodes, width))
    smoother = Smoother(grid, name, radius)
    benchmark(lambda: smoother.apply(sums, 2))
