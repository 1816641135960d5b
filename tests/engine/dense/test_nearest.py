"""The kernel of nearest centroids against the reference, under every instruction set."""

import numpy as np
import pytest
from scipy import sparse

from fastml._engine.dense.nearest import METRICS, Rows, accumulate, nearest
from tests.reference import nearest as reference

SHAPES = [(1, 1, 1), (50, 3, 2), (100, 9, 17), (333, 20, 33), (1000, 130, 5), (97, 12, 600), (500, 7, 16)]


def problem(n, k, d, dtype, *, missing=False, far=3.0, seed=0):
    rng = np.random.default_rng(seed)
    X = (rng.normal(size=(n, d)) + far).astype(dtype)
    centroids = (rng.normal(size=(k, d)) + far).astype(dtype)
    if missing and d > 2:
        X[rng.random((n, d)) < 0.2] = np.nan
        X[:, 0] = far  # no row is empty; of those with one value, all cosines are the same
    return X, centroids, rng


def tolerance(dtype):
    return {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["plain", "weighted features", "missing", "sparse", "all of it"])
def test_agrees_with_the_reference(isa, shape, metric, dtype, kind):
    n, k, d = shape
    X, centroids, rng = problem(n, k, d, dtype, missing=kind in ("missing", "all of it"))
    options = {"metric": metric}
    if kind in ("weighted features", "all of it"):
        options["feature_weight"] = rng.random(d) + 0.1
    if kind in ("sparse", "all of it"):
        X[:, 2:][rng.random((n, max(d - 2, 0))) < 0.7] = 0
    rows = Rows(sparse.csr_matrix(X) if kind in ("sparse", "all of it") else X, 2)
    expected, away, second = reference.nearest(X, centroids, **options)

    labels, distances, *runner_up = rows.nearest(centroids, second=k > 1, **options)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(distances, away, **tolerance(dtype))
    assert distances.dtype == dtype
    if k > 1:
        np.testing.assert_array_equal(runner_up[0], second)

    share = rng.random(n)
    found = rows.accumulate(centroids, share, **options)
    weights, sums, errors = reference.accumulate(X, centroids, expected, share, **options)
    np.testing.assert_array_equal(found.labels, expected)
    np.testing.assert_allclose(found.sums, sums, rtol=1e-10, atol=1e-10)
    held = found.weights if found.weights.ndim == 2 else np.repeat(found.weights[:, None], d, axis=1)
    np.testing.assert_allclose(held, weights, rtol=1e-12)
    np.testing.assert_allclose(found.errors, errors, rtol=1e-9, atol=1e-11)
    assert found.inertia == pytest.approx(errors.sum(), rel=1e-9, abs=1e-11)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(5000, 20, 33), (2000, 300, 500)], ids=str)
@pytest.mark.parametrize("missing", [False, True])
def test_same_bits_on_any_number_of_threads(shape, metric, missing):
    X, centroids, rng = problem(*shape, np.float32, missing=missing)
    share = rng.random(len(X))
    one = accumulate(X, centroids, share, metric=metric, n_threads=1)
    for n_threads in (2, 3, 7):
        other = accumulate(X, centroids, share, metric=metric, n_threads=n_threads)
        for name in ("labels", "weights", "shifted_sums", "errors"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@pytest.mark.parametrize("far", [1e4, 1e8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_offsets_lose_no_digits(isa, dtype, far):
    rng = np.random.default_rng(1)
    X = (rng.normal(0, 20, (2000, 12)) + far).astype(dtype)
    centroids = X[rng.choice(len(X), 25, replace=False)].astype(np.float64) + rng.normal(size=(25, 12))
    expected, away, _ = reference.nearest(X, centroids)
    labels, distances = nearest(X, centroids)
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_allclose(distances, away, rtol=1e-6)
    found = accumulate(X, centroids)
    weights, sums, _ = reference.accumulate(X - far, centroids - far, expected)
    with np.errstate(invalid="ignore"):
        means = found.shifted_sums / found.weights[:, None] + (found.offset - far)
        np.testing.assert_allclose(means, sums / weights, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", METRICS)
def test_the_lowest_of_equal_centroids_wins(isa, dtype, metric):
    X, centroids, rng = problem(300, 7, 9, dtype)
    doubled = np.vstack([centroids, centroids, centroids])
    order = rng.permutation(len(doubled))
    labels, _, second = nearest(X, doubled[order], metric=metric, second=True)
    group = order % 7
    for i, label in enumerate(labels):
        same = np.flatnonzero(group == group[label])
        assert label == same[0] and second[i] == same[1]
    # whole numbers: midpoints are equally far from both sides
    X = rng.integers(-4, 5, (500, 3)).astype(dtype)
    grid = rng.integers(-4, 5, (40, 3)).astype(dtype)
    if metric != "cosine":
        labels, _ = nearest(X, grid, metric=metric)
        np.testing.assert_array_equal(labels, reference.nearest(X, grid, metric=metric)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-30, 1e-41, 1e25, 1e36])
def test_tiny_and_huge_values(isa, dtype, size):
    rng = np.random.default_rng(2)
    X = (rng.normal(size=(200, 5)) * size).astype(dtype)
    centroids = X[:11].astype(np.float64)
    for metric in ("sqeuclidean", "manhattan", "chebyshev"):
        labels, _ = nearest(X, centroids, metric=metric)
        np.testing.assert_array_equal(labels, reference.nearest(X, centroids, metric=metric)[0])


def test_one_far_centroid_does_not_spoil_the_others(isa):
    X, centroids, _ = problem(500, 8, 20, np.float32)
    centroids[3] = 1e6
    labels, _ = nearest(X, centroids)
    np.testing.assert_array_equal(labels, reference.nearest(X, centroids)[0])


def test_zero_vectors_have_cosine_distance_one(isa):
    X = np.array([[0, 0], [1, 1], [2, 0]], dtype=np.float32)
    labels, distances = nearest(X, [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], metric="cosine")
    np.testing.assert_array_equal(labels, [0, 1, 1])
    np.testing.assert_allclose(distances, [1, 1 - np.sqrt(0.5), 0], atol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_inertia_is_that_of_the_pass_that_adds_up(weighted):
    X, centroids = problem(3000, 20, 33, np.float32)[:2]
    weight = np.random.default_rng(0).random(3000) if weighted else None
    labels, inertia = Rows(X, 2).inertia(centroids, weight)
    found = accumulate(X, centroids, weight)
    np.testing.assert_array_equal(labels, found.labels)
    assert inertia == found.inertia


def test_known_labels_are_added_up():
    X, centroids, rng = problem(400, 6, 10, np.float64)
    labels = rng.integers(0, 6, 400).astype(np.int32)
    found = accumulate(X, centroids, labels=labels)
    weights, sums, errors = reference.accumulate(X, centroids, labels)
    np.testing.assert_allclose(found.sums, sums, rtol=1e-12)
    np.testing.assert_allclose(found.errors, errors, rtol=1e-12)
    np.testing.assert_array_equal(found.weights, weights[:, 0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
def test_rows_that_moved_are_added_and_subtracted(isa, dtype, missing):
    X, centroids, rng = problem(3000, 12, 21, dtype, missing=missing)
    rows = Rows(X, 2)
    found = rows.accumulate(centroids)
    for _ in range(4):
        centroids = centroids + rng.normal(0, 0.1, centroids.shape)
        found = rows.accumulate(centroids, previous=found)
        fresh = rows.accumulate(centroids)
        np.testing.assert_array_equal(found.labels, fresh.labels)
        np.testing.assert_array_equal(found.weights, fresh.weights)
        np.testing.assert_allclose(found.sums, fresh.sums, rtol=1e-11, atol=1e-10)
        np.testing.assert_array_equal(found.errors, fresh.errors)


def test_merged_statistics_are_those_of_all_rows():
    X, centroids, _ = problem(400, 6, 10, np.float64)
    whole = accumulate(X, centroids)
    parts = accumulate(X[:150], centroids).merge(accumulate(X[150:], centroids + 0.0))
    np.testing.assert_allclose(parts.sums, whole.sums, rtol=1e-12)
    np.testing.assert_array_equal(parts.weights, whole.weights)
    assert parts.inertia == pytest.approx(whole.inertia, rel=1e-12)


def test_no_rows():
    labels, distances = nearest(np.empty((0, 3)), np.ones((2, 3)))
    assert labels.shape == distances.shape == (0,)
    assert accumulate(np.empty((0, 3)), np.ones((2, 3))).inertia == 0


def test_unusable_arguments_are_refused():
    X = np.ones((4, 3))
    with pytest.raises(ValueError, match="metric must be one of"):
        nearest(X, X, metric="hamming")
    with pytest.raises(ValueError, match=r"centroids must have shape \(k, 3\)"):
        nearest(X, np.ones((2, 4)))
    with pytest.raises(TypeError, match="float32 or float64"):
        nearest(X.astype(np.int64), X)
    with pytest.raises(ValueError, match="C-contiguous"):
        nearest(np.asfortranarray(X), X)
    with pytest.raises(ValueError, match="second nearest"):
        nearest(X, X[:1], second=True)
    with pytest.raises(ValueError, match="feature_weight must have shape"):
        nearest(X, X, feature_weight=np.ones(2))
    with pytest.raises(ValueError, match="sample_weight must have shape"):
        accumulate(X, X, np.ones(3))
