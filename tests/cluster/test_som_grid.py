"""Maps: distances, neighbours, and the smoothing of sums over them."""

import itertools

import numpy as np
import pytest

from fastml.cluster.som_grid import SURFACES, TOPOLOGIES, MapGrid
from fastml.cluster.som_neighbourhood import NEIGHBOURHOODS, Smoother
from tests.reference import som as reference

SHAPES = [(1, 1), (1, 7), (6, 1), (2, 2), (4, 5), (6, 3), (8, 13)]
GRIDS = list(itertools.product(TOPOLOGIES, SURFACES))


@pytest.mark.parametrize(("topology", "surface"), GRIDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("chebyshev", [False, True])
def test_distances(topology, surface, shape, chebyshev):
    if topology == "hexagonal" and surface == "toroidal" and shape[0] % 2:
        with pytest.raises(ValueError, match="even number of rows"):
            MapGrid(*shape, topology, surface)
        return
    grid = MapGrid(*shape, topology, surface)
    expected = reference.map_distances(*shape, topology, surface, chebyshev)
    np.testing.assert_allclose(grid.distances(chebyshev=chebyshev), expected, atol=1e-12)


@pytest.mark.parametrize(("topology", "surface"), GRIDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (4, 5), (6, 3), (2, 2)])
def test_neighbours_are_the_nodes_within_reach(topology, surface, shape):
    if topology == "hexagonal" and surface == "toroidal" and shape[0] % 2:
        return
    grid = MapGrid(*shape, topology, surface)
    reach = {("rectangular", True): 1.5, ("rectangular", False): 1.01, ("hexagonal", True): 1.01}
    for diagonal in (True, False):
        limit = reach.get((topology, diagonal), 1.01)
        apart = reference.map_distances(*shape, topology, surface)
        expected = [(i, j) for i, j in np.argwhere(apart < limit).tolist() if i != j]
        assert [tuple(pair) for pair in grid.neighbours(diagonal).tolist()] == expected
        assert grid.graph(diagonal).nnz == len(expected)
    a, b = np.divmod(np.arange(grid.n_nodes**2), grid.n_nodes)
    touching = set(map(tuple, grid.neighbours().tolist()))
    assert grid.touch(a, b).tolist() == [i == j or (i, j) in touching for i, j in zip(a, b, strict=True)]


@pytest.mark.parametrize(("topology", "surface"), GRIDS)
@pytest.mark.parametrize("name", NEIGHBOURHOODS)
@pytest.mark.parametrize("chebyshev", [False, True])
@pytest.mark.parametrize("radius", [0.0, 0.3, 1.0, 2.5, 9.0])
def test_smoothing(topology, surface, name, chebyshev, radius):
    rng = np.random.default_rng(0)
    for shape in [(1, 1), (1, 7), (6, 1), (4, 5), (8, 13)]:
        if topology == "hexagonal" and surface == "toroidal" and shape[0] % 2:
            continue
        grid = MapGrid(*shape, topology, surface)
        sums = rng.standard_normal((grid.n_nodes, 5))
        apart = reference.map_distances(*shape, topology, surface, chebyshev)
        # an edge of the neighbourhood is not a matter of rounding
        apart = np.where(np.abs(apart - radius) < 1e-9, radius, apart)
        expected = reference.weights(name, apart, radius) @ sums
        smoother = Smoother(grid, name, radius, chebyshev)
        np.testing.assert_allclose(smoother.apply(sums), expected, atol=1e-12)
        np.testing.assert_allclose(smoother.matrix() @ sums, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["gaussian", "epanechnikov"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_smoothing_has_the_same_bits_on_any_number_of_threads(name, topology):
    grid = MapGrid(25, 14, topology)
    sums = np.random.default_rng(0).standard_normal((grid.n_nodes, 131))
    smoother = Smoother(grid, name, 3.0)
    one = smoother.apply(sums, 1)
    for n_threads in (2, 3, 7):
        assert smoother.apply(sums, n_threads).tobytes() == one.tobytes()


def test_somoclu_truncates_the_half_step_of_hexagonal_maps():
    grid = MapGrid(3, 3, "hexagonal")
    assert grid.distances()[1, 3] == pytest.approx(1.0)
    assert reference.somoclu_hexagonal_distance(0, 1, 1, 0) == pytest.approx(np.sqrt(1.75))


def test_gaussian_is_that_of_minisom_and_xpysom():
    grid = MapGrid(5, 4)
    weights = Smoother(grid, "gaussian", 1.7).matrix()
    for node in range(grid.n_nodes):
        expected = reference.minisom_gaussian(divmod(node, 4), 1.7, 5, 4)
        np.testing.assert_allclose(weights[node].reshape(5, 4), expected)
