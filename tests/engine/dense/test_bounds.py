"""Labels by bounds: those of a search of all rows, whatever the centroids do in between."""

import numpy as np
import pytest
from scipy import sparse

from fastml._engine.dense.bounds import Bounds
from fastml._engine.dense.nearest import Rows


def rows_and_centroids(n, k, d, dtype, far=0.0, seed=0):
    rng = np.random.default_rng(seed)
    middles = 4 * rng.standard_normal((k, d)) + far
    X = middles[rng.integers(0, k, n)] + rng.standard_normal((n, d))
    return X.astype(dtype), middles + rng.standard_normal((k, d)), rng


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(400, 2, 1), (900, 12, 7), (700, 40, 600), (2000, 100, 40)], ids=str)
@pytest.mark.parametrize("far", [0.0, 1000.0])
def test_labels_of_moving_centroids(isa, dtype, shape, far):
    X, centroids, rng = rows_and_centroids(*shape, dtype, far)
    rows = Rows(X, 2)
    bounds, searched = Bounds(rows), []
    for step in (0.0, 1.0, 0.3, 0.1, 0.01, 0.001, 0.0, 3.0, 0.01):
        centroids = centroids + step * rng.standard_normal(centroids.shape) / np.sqrt(X.shape[1])
        expected, _ = rows.nearest(centroids, distances=False)
        np.testing.assert_array_equal(bounds.nearest(centroids), expected)
        searched.append(bounds.searched)
    assert searched[0] == 1.0
    assert searched[5] < 0.2 and searched[8] < 0.3, "bounds that hold but save nothing"


def test_one_centroid_that_moves_far_is_not_charged_with_its_own_movement():
    X, centroids, _ = rows_and_centroids(600, 10, 5, np.float32)
    bounds = Bounds(Rows(X, 1))
    bounds.nearest(centroids)
    for _ in range(3):
        centroids = centroids.copy()
        centroids[4] += 0.8
        expected, _ = Rows(X, 1).nearest(centroids, distances=False)
        np.testing.assert_array_equal(bounds.nearest(centroids), expected)


def test_ties_keep_the_lowest_number():
    X = np.repeat(np.eye(3, dtype=np.float32), 50, axis=0)
    bounds = Bounds(Rows(X, 1))
    for _ in range(3):
        assert bounds.nearest(np.zeros((4, 3))).tolist() == [0] * 150
    both = np.array([[0.5, 0, 0], [1.5, 0, 0], [9, 9, 9]])
    for _ in range(2):
        assert set(bounds_of(X, both)[:50]) == {0}


def bounds_of(X, centroids):
    bounds = Bounds(Rows(X, 1))
    bounds.nearest(centroids + 1e-3)
    return bounds.nearest(centroids).tolist()


def test_sparse_rows_and_any_number_of_threads():
    X, centroids, rng = rows_and_centroids(5000, 60, 30, np.float32)
    X[rng.random(X.shape) < 0.7] = 0
    several = [Bounds(Rows(X, n)) for n in (1, 2, 3, 7)] + [Bounds(Rows(sparse.csr_matrix(X), 2))]
    for _ in range(4):
        centroids = centroids + 0.05 * rng.standard_normal(centroids.shape)
        expected, _ = Rows(X, 1).nearest(centroids, distances=False)
        for bounds in several:
            np.testing.assert_array_equal(bounds.nearest(centroids), expected)
    assert len({bounds.searched for bounds in several[:4]}) == 1


def test_rows_whose_squares_overflow_are_searched():
    X, centroids, _ = rows_and_centroids(300, 8, 6, np.float32)
    scale = np.float32(2.0**63)
    bounds = Bounds(Rows(X * scale, 1))
    for step in (0.0, 0.1, 0.1):
        centroids = centroids + step
        expected, _ = Rows(X, 1).nearest(centroids.astype(np.float32), distances=False)
        np.testing.assert_array_equal(bounds.nearest(centroids.astype(np.float32) * float(scale)), expected)


def test_refuses_what_it_cannot_bound():
    X = np.array([[1.0, np.nan], [2.0, 3.0]])
    with pytest.raises(ValueError, match="missing values"):
        Bounds(Rows(X, 1))
    with pytest.raises(ValueError, match="at least two"):
        Bounds(Rows(X[1:], 1)).nearest(np.zeros((1, 2)))
