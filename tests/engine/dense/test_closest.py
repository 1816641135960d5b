"""Distances to the nearest of the points chosen so far, against all of them."""

import numpy as np
import pytest
from scipy import sparse

from fastml._engine.dense.closest import Closest
from fastml._engine.dense.nearest import Rows


def rows_of(n=5000, d=7, dtype=np.float32, missing=False, seed=0):
    rng = np.random.default_rng(seed)
    X = (5 * rng.standard_normal((12, d))[rng.integers(0, 12, n)] + rng.standard_normal((n, d))).astype(dtype)
    if missing:
        X[rng.random(X.shape) < 0.2] = np.nan
        X[:, 0] = 1
    return X, rng.random(n), rng


def nearest_of(X, points):
    rows = Rows(X, 1)
    away = [rows.nearest(p[None], labels=np.zeros(len(X), dtype=np.int32))[1] for p in points]
    return np.min(away, axis=0).astype(np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["dense", "missing", "sparse"])
def test_distances_and_potentials(dtype, kind):
    X, weight, rng = rows_of(dtype=dtype, missing=kind == "missing")
    if kind == "sparse":
        X[:, 2:][rng.random((len(X), 5)) < 0.6] = 0
    closest = Closest(Rows(sparse.csr_matrix(X) if kind == "sparse" else X, 2), weight)
    points = np.nan_to_num(X[rng.choice(len(X), 30, replace=False)])
    for i, point in enumerate(points):
        if i:
            others = points[i : i + 4]
            with_each = [weight @ nearest_of(X, np.vstack([points[:i], p])) for p in others]
            np.testing.assert_allclose(closest.potentials(others), with_each, rtol=1e-12)
        total = closest.add(point)
        expected = nearest_of(X, points[: i + 1])
        np.testing.assert_array_equal(closest.distances, expected)
        np.testing.assert_allclose(total, weight @ expected, rtol=1e-12)


def test_far_from_zero_no_candidate_is_passed_over():
    X, weight, rng = rows_of(n=3000, d=3)
    X = (X + 30_000).astype(np.float32)
    closest = Closest(Rows(X, 1), weight)
    points = X[rng.choice(len(X), 20, replace=False)]
    for point in points:
        closest.add(point)
    np.testing.assert_array_equal(closest.distances, nearest_of(X, points))


def test_sums_do_not_depend_on_the_number_of_threads():
    X, weight, _ = rows_of(n=20_001, d=20)
    told = []
    for n_threads in (1, 2, 3, 7):
        closest = Closest(Rows(X, n_threads), weight)
        told.append([closest.add(X[5]), closest.add(X[500]), *closest.potentials(X[:6])])
    assert all(t == told[0] for t in told)
