"""Rows compared with centroids by products of pairs of int16 first: the same winners as without."""

import numpy as np
import pytest

from fastml._engine.dense import nearest_screen
from fastml._engine.dense.bounds import Bounds
from fastml._engine.dense.nearest import Rows
from fastml._engine.dense.nearest_screen import PAIRS, Screen, Screener

SHAPES = [(1, 1, 1), (100, 2, 1), (130, 7, 3), (200, 12, 17), (300, 100, 32), (90, 33, 513), (60, 20, 1000)]


@pytest.fixture
def pairs(monkeypatch):
    """Every search by pairs, where the processor has them."""
    monkeypatch.setattr(nearest_screen, "LEAST_PAIRED", 1)
    monkeypatch.setattr(Screener, "choose", lambda self, *_: PAIRS if self._pairs_speed else None)


def two_nearest(X, centroids):
    """Numbers of the nearest and the second nearest, from differences in float64."""
    X, centroids = X.astype(np.float64), centroids.astype(np.float64)
    order = [np.argsort(((centroids - x) ** 2).sum(axis=1), kind="stable")[:2] for x in X]
    return np.array(order, dtype=np.int32).T


def problem(n, k, d, kind):
    rng = np.random.default_rng(n + k + d)
    X, centroids = rng.standard_normal((n, d)), rng.standard_normal((k, d))
    if kind == "far":
        X, centroids = 1e-2 * X + 1000, 1e-2 * centroids + 1000
    elif kind == "near ties":
        centroids = X[0] + 1e-3 * centroids
    elif kind == "equal":
        X, centroids = np.round(X), np.round(centroids)
        centroids[-1] = X[n // 2] = centroids[0]
    elif kind == "one is far":
        centroids[-1] += 1e6
    return X.astype(np.float32), centroids.astype(np.float32)


@pytest.mark.parametrize("kind", ["plain", "far", "near ties", "equal", "one is far"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_winners_are_those_of_float64(isa, pairs, shape, kind):
    X, centroids = problem(*shape, kind)
    rows = Rows(X, 2)
    if shape[1] == 1:
        assert not rows.nearest(centroids, distances=False)[0].any()
        return
    expected, second = two_nearest(X, centroids)
    np.testing.assert_array_equal(rows.nearest(centroids, distances=False)[0], expected)
    labels, _, runner_up = rows.nearest(centroids, distances=False, second=True)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(runner_up, second)


@pytest.mark.parametrize("size", [1e-41, 1e-30, 1e-18, 1e15, 1e18])
def test_tiny_and_huge_values(isa, pairs, size):
    X, centroids = problem(200, 12, 17, "plain")
    expected = two_nearest(X * np.float32(size), centroids * np.float32(size))[0]
    labels, _ = Rows(X * np.float32(size), 1).nearest(centroids * np.float32(size), distances=False)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("ratio", [1e12, 1e20, 1e-12, 1e-20])
def test_sizes_that_have_nothing_in_common(isa, pairs, ratio):
    """Pairs tell centroids apart whose distances are one number in float64: the lowest wins all the same."""
    X, centroids = problem(200, 12, 17, "plain")
    X = X * np.float32(ratio)
    labels, _ = Rows(X, 1).nearest(centroids, distances=False)
    wide = Rows(X.astype(np.float64), 1)  # there are no pairs of these
    plain = wide.nearest(centroids, distances=False)[0]
    np.testing.assert_array_equal(labels, plain)


def test_rows_at_the_middle_of_the_centroids(isa, pairs):
    X, centroids = problem(100, 8, 20, "plain")
    centroids[:4] = -centroids[4:]
    X[:50] = 0
    expected = two_nearest(X, centroids)[0]
    np.testing.assert_array_equal(Rows(X, 1).nearest(centroids, distances=False)[0], expected)


def test_bounds_of_the_other_centroids_hold(isa, pairs):
    rng = np.random.default_rng(3)
    X, centroids = problem(900, 12, 30, "plain")
    bounds, centroids = Bounds(Rows(X, 2)), 0.2 * centroids.astype(np.float64)
    for _ in range(6):
        np.testing.assert_array_equal(bounds.nearest(centroids), two_nearest(X, centroids)[0])
        centroids = centroids + 0.003 * rng.standard_normal(centroids.shape)
    assert bounds.searched < 0.9


def test_a_pass_is_the_same_on_any_number_of_threads(pairs):
    X, centroids = problem(20_000, 50, 40, "plain")
    one, *others = (Rows(X, n).accumulate(centroids) for n in (1, 2, 3, 7))
    for other in others:
        np.testing.assert_array_equal(one.labels, other.labels)
        np.testing.assert_array_equal(one.shifted_sums, other.shifted_sums)
        np.testing.assert_array_equal(one.errors, other.errors)


def choice(X, centroids, speed=2.0, planes=True):
    return Screener(X, 1, speed).choose(centroids.astype(np.float64), np.zeros(X.shape[1]), planes)


def test_pairs_are_chosen_where_they_pay():
    X, centroids = problem(3000, 1100, 64, "plain")
    assert choice(X, centroids) == PAIRS
    assert choice(X, centroids, planes=False) == PAIRS
    assert choice(X, centroids, speed=1.0) is None
    assert choice(X.astype(np.float64), centroids) is None
    assert choice(X, 1e-4 * centroids + 1) is None  # all of them alike: every row would be left open
    assert choice(X[:100], centroids) is None  # sooner done than decided


def test_a_plane_of_few_dimensions_comes_before_pairs():
    rng = np.random.default_rng(0)
    across = rng.standard_normal((4, 64))
    X = (rng.standard_normal((3000, 4)) @ across).astype(np.float32)
    centroids = rng.standard_normal((1100, 4)) @ across
    assert isinstance(choice(X, centroids), Screen)
    assert choice(X, centroids, planes=False) in (PAIRS, None)
