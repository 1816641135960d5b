"""Rows in the order of their labels, and sums of rows that are added in it."""

import itertools

import numpy as np
import pytest

from fastml._engine.dense.label_order import order_by_label
from fastml._engine.dense.nearest import Rows

N, K, D = 3000, 300, 150  # so many that each thread adds up some of the centroids


@pytest.mark.parametrize("k", [1, 7, 70_000])
def test_rows_of_each_label_are_in_their_order(k):
    labels = np.random.default_rng(0).integers(0, k, 500).astype(np.int32)
    order, start = order_by_label(labels, None, k)
    assert start[0] == 0 and start[-1] == len(order) == len(labels)
    for label in np.unique(labels):
        assert order[start[label] : start[label + 1]].tolist() == np.flatnonzero(labels == label).tolist()


def test_rows_that_move_are_taken_from_where_they_were():
    before, labels = np.array([0, 1, 2, 0], dtype=np.int32), np.array([0, 2, 1, 1], dtype=np.int32)
    order, start = order_by_label(labels, before, 4)
    parts = [sorted(order[lo:hi].tolist()) for lo, hi in itertools.pairwise(start)]
    assert parts == [[-1 - 3], [-1 - 1, 2, 3], [-1 - 2, 1], []]
    assert len(order_by_label(labels, labels, 4)[0]) == 0


def problem(dtype, missing):
    rng = np.random.default_rng(1)
    X = (rng.standard_normal((N, D)) + 3).astype(dtype)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    return X, rng.standard_normal((K, D)) + 3, rng.random(N)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_and_errors_by_label(isa, dtype, missing, weighted):
    X, centroids, share = problem(dtype, missing)
    found = Rows(X, 2).accumulate(centroids, share if weighted else None)
    share = share if weighted else np.ones(N)
    known = ~np.isnan(X)
    filled = np.where(known, X, 0.0).astype(np.float64)
    sums, weights, errors = np.zeros((K, D)), np.zeros((K, D)), np.zeros(K)
    np.add.at(sums, found.labels, share[:, None] * filled)
    np.add.at(weights, found.labels, share[:, None] * known)
    gap = np.where(known, filled - centroids[found.labels], 0.0)
    np.add.at(errors, found.labels, share * (gap**2).sum(axis=1) * D / known.sum(axis=1))
    np.testing.assert_allclose(found.sums, sums, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.errors, errors, rtol=1e-9)
    np.testing.assert_allclose(found.weights, weights if missing else weights[:, 0], rtol=1e-9)


@pytest.mark.parametrize("missing", [False, True])
def test_same_bits_on_any_number_of_threads(isa, missing):
    X, centroids, share = problem(np.float32, missing)
    one = Rows(X, 1).accumulate(centroids, share)
    for n_threads in (2, 3, 7):
        other = Rows(X, n_threads).accumulate(centroids, share)
        for name in ("labels", "weights", "shifted_sums", "errors"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


def test_moved_rows_alone_give_the_same_sums(isa):
    X, centroids, _ = problem(np.float32, False)
    rows = Rows(X, 2)
    found = rows.accumulate(centroids)
    moved = centroids + 0.3 * np.random.default_rng(2).standard_normal(centroids.shape)
    step, afresh = rows.accumulate(moved, previous=found), rows.accumulate(moved)
    assert (step.labels != found.labels).any()
    np.testing.assert_array_equal(step.weights, afresh.weights)
    np.testing.assert_allclose(step.sums, afresh.sums, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(step.errors, afresh.errors, rtol=1e-9)
