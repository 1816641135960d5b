"""Online training, against the slow version, for every metric, neighbourhood, map and type."""

import numpy as np
import pytest

from fastml._engine.dense.online import METRICS, NEIGHBOURHOODS, OnlineCodebook
from tests.reference import som as reference


def train(X, codebook, order, rates, radii, shape, topology, surface, name, metric, chebyshev=False):
    places = np.array(reference.positions(*shape, topology))
    step = np.sqrt(0.75) if topology == "hexagonal" else 1.0
    periods = (shape[1] * (surface != "planar"), shape[0] * step * (surface == "toroidal"))
    online = OnlineCodebook(codebook, places, periods, metric, name, chebyshev)
    error = online.train(X, order, rates, radii, bool(np.isnan(X).any()))
    return online.codebook(), error


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("name", NEIGHBOURHOODS)
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize(
    ("shape", "topology", "surface"),
    [((5, 4), "rectangular", "planar"), ((6, 9), "hexagonal", "toroidal"), ((1, 1), "rectangular", "planar")],
)
def test_steps(dtype, metric, name, missing, shape, topology, surface):
    rng = np.random.default_rng(1)
    n_nodes, d = shape[0] * shape[1], 5
    X = rng.uniform(1, 2, size=(30, d)).astype(dtype)
    if missing:
        X[:, 2:][rng.random((30, d - 2)) < 0.4] = np.nan  # with one known value the cosines are all equal
    codebook = rng.uniform(1, 2, size=(n_nodes, d)).astype(dtype)
    order = rng.integers(0, 30, size=12)
    rates, radii = np.linspace(0.5, 0.1, 12), np.linspace(2.63, 0.41, 12)  # no node at an edge
    got, _ = train(X, codebook, order, rates, radii, shape, topology, surface, name, metric)
    expected = reference.online_train(
        X.astype(np.float64),
        codebook,
        order,
        rates,
        radii,
        reference.map_distances(*shape, topology, surface),
        name,
        metric,
    )
    np.testing.assert_allclose(got, expected, rtol=2e-4 if dtype == np.float32 else 1e-6)
    assert got.dtype == dtype


def test_error_is_the_sum_of_the_distances_to_the_winners():
    X = np.array([[0.0], [10.0]])
    codebook = np.array([[1.0], [12.0]])
    got, error = train(
        X,
        codebook,
        np.array([0, 1]),
        np.array([0.5, 0.5]),
        np.zeros(2),
        (1, 2),
        "rectangular",
        "planar",
        "gaussian",
        "sqeuclidean",
    )
    assert error == pytest.approx(1 + 4)
    np.testing.assert_allclose(got, [[0.5], [11.0]])


def test_wrong_rows_and_numbers_are_refused():
    online = OnlineCodebook(np.ones((2, 3)), np.zeros((2, 2)), (0, 0), "cosine", "bubble")
    one = np.ones(1)
    with pytest.raises(ValueError, match="not a row"):
        online.train(np.ones((2, 3)), np.array([2]), one, one, False)
    with pytest.raises(ValueError, match="width and dtype"):
        online.train(np.ones((2, 3), dtype=np.float32), np.array([0]), one, one, False)
    with pytest.raises(ValueError, match="equal length"):
        online.train(np.ones((2, 3)), np.array([0, 1]), one, one, False)
