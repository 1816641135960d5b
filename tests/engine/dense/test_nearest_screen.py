"""Rows compared with centroids in a plane first: the same winners as without."""

import numpy as np
import pytest

from fastml._engine.dense.nearest import Rows
from fastml._engine.dense.nearest_screen import Screener

N, D, SIDE = 1300, 64, 50  # so many terms that a screen is looked for


def curved_map(dtype, far=0.0, seed=0):
    """Rows around a curved sheet, and the nodes of a map of it: two of them are the same."""
    rng = np.random.default_rng(seed)
    across = rng.standard_normal((2, D))
    place = rng.uniform(-2, 2, size=(N, 2)) @ across
    X = place + 0.3 * np.sin(2 * place) + 0.3 * rng.standard_normal((N, D)) + far
    grid = np.stack(np.meshgrid(*[np.linspace(-2, 2, SIDE)] * 2), axis=-1).reshape(-1, 2) @ across
    nodes = grid + 0.3 * np.sin(2 * grid) + 0.01 * rng.standard_normal(grid.shape) + far
    nodes[7] = nodes[2000]
    X[3] = nodes[7]
    return X.astype(dtype), nodes.astype(dtype)


def two_nearest(X, centroids):
    """Numbers of the nearest and the second nearest, from differences in float64."""
    X, centroids = X.astype(np.float64), centroids.astype(np.float64)
    order = [np.argsort(((centroids - x) ** 2).sum(axis=1), kind="stable")[:2] for x in X]
    return np.array(order, dtype=np.int32).T


def screen_of(X, centroids):
    offset = centroids.astype(np.float64).mean(axis=0).astype(X.dtype).astype(np.float64)
    return Screener(X, 1).choose(centroids.astype(np.float64), offset), offset


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_winners_are_those_of_float64(isa, dtype, far):
    X, nodes = curved_map(dtype, far)
    assert screen_of(X, nodes)[0] is not None
    expected, second = two_nearest(X, nodes)
    assert expected[3] == 7
    labels, _ = Rows(X, 2).nearest(nodes, distances=False)
    np.testing.assert_array_equal(labels, expected)
    labels, _, runner_up = Rows(X, 2).nearest(nodes, distances=False, second=True)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(runner_up, second)
    assert runner_up[3] == 2000


def test_estimates_in_the_plane_leave_few_nodes_open():
    """Most of the work is saved: a bound that holds always but says nothing fails."""
    X, nodes = curved_map(np.float32)
    screen, offset = screen_of(X, nodes)
    rows = X.astype(np.float64) - offset
    size = np.linalg.norm(rows - rows @ screen.basis @ screen.basis.T, axis=1)
    norms = ((nodes.astype(np.float64) - offset) ** 2).sum(axis=1)
    score = norms / 2 - rows @ screen.basis @ screen.coordinates.T
    reach = size[:, None] * screen.rest
    near = (score - reach <= (score + reach).min(axis=1)[:, None]).sum(axis=1)
    assert near.mean() < len(nodes) / 20


def test_sizes_outside_the_plane_are_not_too_small():
    X, nodes = curved_map(np.float32)
    screen, offset = screen_of(X, nodes)
    centred = nodes.astype(np.float64) - offset
    rest = np.linalg.norm(centred - centred @ screen.basis @ screen.basis.T, axis=1)
    assert (screen.rest >= rest).all()
    np.testing.assert_allclose(screen.rest, rest, rtol=1e-4)


def test_a_pass_is_the_same_on_any_number_of_threads():
    X, nodes = curved_map(np.float32)
    X = np.concatenate([X] * 10)
    one, *others = (Rows(X, n).accumulate(nodes) for n in (1, 2, 3, 7))
    for other in others:
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.shifted_sums, other.shifted_sums)
        np.testing.assert_array_equal(one.errors, other.errors)


def test_centroids_that_follow_earlier_ones_are_screened_too():
    """The directions of the pass before are used again, and renewed when they have become bad."""
    X, nodes = curved_map(np.float32)
    rows = Rows(X, 1)
    for turn in range(4):
        moved = np.roll(nodes, 9 * turn, axis=1) + nodes
        np.testing.assert_array_equal(rows.nearest(moved, distances=False)[0], two_nearest(X, moved)[0])


def test_centroids_in_all_directions_get_no_screen_and_are_asked_ever_more_seldom():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((N, D)).astype(np.float32)
    centroids = rng.standard_normal((SIDE**2, D))
    screener = Screener(X, 1)
    looked = []
    for _ in range(16):
        waits = screener._wait > 0
        assert screener.choose(centroids, np.zeros(D)) is None
        looked.append(not waits)
    assert np.flatnonzero(looked).tolist() == [0, 1, 3, 7, 15]


def test_values_near_the_largest_float32_do_not_mislead():
    X, nodes = curved_map(np.float32)
    scale = np.float32(2.0**62)
    labels, _ = Rows(X * scale, 1).nearest(nodes * scale, distances=False)
    np.testing.assert_array_equal(labels, two_nearest(X, nodes)[0])
