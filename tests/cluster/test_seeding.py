"""Starts of k-means."""

import numpy as np
import pytest
import sklearn.cluster
from scipy import sparse
from sklearn.datasets import make_blobs

from fastml._engine.dense.nearest import Rows
from fastml.cluster import KMeans, MiniBatchKMeans
from fastml.cluster.seeding import draw_rows, kmeans_parallel_rows, kmeans_plusplus_rows

SEEDINGS = [kmeans_plusplus_rows, kmeans_parallel_rows]


def blobs(seed=0):
    return make_blobs(n_samples=400, n_features=4, centers=8, cluster_std=0.5, random_state=seed)


@pytest.mark.parametrize("seed", range(5))
def test_plusplus_draws_what_sklearn_draws(seed):
    X, _ = blobs(seed)
    weight = np.random.default_rng(seed).random(len(X))
    for share in (None, weight):
        _, expected = sklearn.cluster.kmeans_plusplus(X, 8, sample_weight=share, random_state=seed)
        for rows in (Rows(X, 2), Rows(sparse.csr_matrix(X), 2)):
            chosen = kmeans_plusplus_rows(rows, 8, share, np.random.RandomState(seed))
            np.testing.assert_array_equal(chosen, expected)


@pytest.mark.parametrize("seeding", SEEDINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_row_of_each_blob_is_chosen(seeding, dtype):
    X, y = blobs()
    for seed in range(5):
        chosen = seeding(Rows(X.astype(dtype), 2), 8, None, np.random.RandomState(seed))
        assert len(set(y[chosen])) == 8


@pytest.mark.parametrize("seeding", SEEDINGS)
def test_rows_without_weight_are_not_chosen(seeding):
    X, _ = blobs()
    weight = np.arange(len(X)) % 2.0
    chosen = seeding(Rows(X, 2), 20, weight, np.random.RandomState(0))
    assert (weight[chosen] > 0).all() and len(set(chosen)) == 20
    assert (weight[draw_rows(len(X), 200, weight, np.random.RandomState(0))] > 0).all()
    with pytest.raises(ValueError, match="only 200 rows have a weight"):
        draw_rows(len(X), 201, weight, np.random.RandomState(0))


@pytest.mark.parametrize("seeding", SEEDINGS)
def test_missing_values_and_duplicates(seeding):
    X, _ = blobs()
    X[::3, 1] = np.nan
    assert len(set(seeding(Rows(X, 2), 8, None, np.random.RandomState(0)))) == 8
    same = np.ones((30, 2))
    assert len(seeding(Rows(same, 2), 4, None, np.random.RandomState(0))) == 4


@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans])
@pytest.mark.parametrize("init", ["k-means++", "k-means||", "random"])
@pytest.mark.parametrize("missing", [False, True])
def test_all_starts_find_the_blobs(cls, init, missing):
    X, y = blobs()
    if missing:
        X[::5, 2] = np.nan
    model = cls(8, init=init, n_init=10, random_state=0).fit(X)
    pairs = np.unique(np.stack([model.labels_, y]), axis=1)
    assert pairs.shape[1] == 8 or init == "random"
    assert np.isfinite(model.cluster_centers_).all()
