"""MiniBatchKMeans against scikit-learn and a step written out."""

import io

import numpy as np
import pytest
import sklearn.cluster
from scipy import sparse
from sklearn.datasets import make_blobs

import fastml
from fastml.cluster import KMeans, MiniBatchKMeans
from fastml.io.errors import ModelFileError
from tests.reference.nearest import distances


def blobs(n=2000, dtype=np.float64):
    X, _ = make_blobs(n_samples=n, n_features=6, centers=5, cluster_std=2.0, random_state=0)
    return X.astype(dtype)


@pytest.mark.parametrize("make", [lambda X: X, sparse.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_fit_agrees_with_sklearn(make, init):
    X = blobs()
    for seed in range(3):
        options = {"n_clusters": 5, "random_state": seed, "batch_size": 100, "init": init, "n_init": 2}
        ours = MiniBatchKMeans(**options).fit(make(X))
        theirs = sklearn.cluster.MiniBatchKMeans(**options).fit(make(X))
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-8)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert (ours.n_steps_, ours.n_iter_) == (theirs.n_steps_, theirs.n_iter_)
        assert ours.inertia_ == pytest.approx(theirs.inertia_)


def test_partial_fit_agrees_with_sklearn():
    X = blobs()
    weight = np.random.default_rng(0).random(len(X))
    ours = MiniBatchKMeans(5, random_state=0, reassignment_ratio=0)
    theirs = sklearn.cluster.MiniBatchKMeans(5, random_state=0, reassignment_ratio=0)
    for part in np.array_split(np.arange(len(X)), 7):
        ours.partial_fit(X[part], sample_weight=weight[part])
        theirs.partial_fit(X[part], sample_weight=weight[part])
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-8)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


def test_a_batch_with_missing_values_moves_what_it_knows():
    X = blobs(300)
    X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    X[np.isnan(X).all(axis=1)] = 0
    start = np.nan_to_num(X[:4])
    model = MiniBatchKMeans(4, init=start, n_init=1, reassignment_ratio=0)
    expected, seen = start.copy(), np.zeros(start.shape)
    for part in (X[:100], X[100:250], X[250:]):
        model.partial_fit(part)
        labels = distances(part, expected).argmin(axis=1)
        for j in range(4):
            rows = part[labels == j]
            known = ~np.isnan(rows)
            sums = np.where(known, rows, 0.0).sum(axis=0) + expected[j] * seen[j]
            seen[j] += known.sum(axis=0)
            expected[j] = np.where(seen[j] > 0, sums / np.maximum(seen[j], 1), expected[j])
        np.testing.assert_allclose(model.cluster_centers_, expected, rtol=1e-10)


def test_light_centres_are_drawn_again():
    X = blobs()
    start = np.vstack([X[:3], X[:2] + 1e4])
    model = MiniBatchKMeans(5, init=start, n_init=1, random_state=0).partial_fit(X)
    assert abs(model.cluster_centers_).max() < 1e3
    stays = MiniBatchKMeans(5, init=start, n_init=1, random_state=0, reassignment_ratio=0).partial_fit(X)
    np.testing.assert_allclose(stays.cluster_centers_[3:], start[3:])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_on_any_number_of_threads(dtype):
    X = blobs(20_000, dtype)
    models = [MiniBatchKMeans(9, random_state=0, batch_size=4000, n_jobs=n).fit(X) for n in (1, 2, 3, 7)]
    for model in models[1:]:
        assert model.cluster_centers_.tobytes() == models[0].cluster_centers_.tobytes()
        assert model.labels_.tobytes() == models[0].labels_.tobytes()


def test_saved_and_loaded_and_trained_on():
    X = blobs()
    model = MiniBatchKMeans(5, random_state=0, reassignment_ratio=0).partial_fit(X[:1000])
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    same = fastml.load(file)
    np.testing.assert_array_equal(same.predict(X), model.predict(X))
    model.partial_fit(X[1000:])
    same.partial_fit(X[1000:])
    np.testing.assert_array_equal(same.cluster_centers_, model.cluster_centers_)
    assert same.n_steps_ == model.n_steps_ == 2


def test_inertia_comes_near_that_of_kmeans():
    X = blobs(20_000)
    whole = KMeans(5, random_state=0).fit(X)
    for labels in (True, False):
        some = MiniBatchKMeans(5, random_state=0, compute_labels=labels).fit(X)
        assert some.inertia_ < 1.1 * whole.inertia_
        assert hasattr(some, "labels_") == labels


def test_a_batch_of_other_features_is_refused():
    model = MiniBatchKMeans(2).partial_fit(blobs(20))
    with pytest.raises(ValueError, match="features"):
        model.partial_fit(np.ones((5, 3)))


def test_what_was_seen_of_features_with_missing_values_is_in_the_file(tmp_path):
    X = blobs(n=100)
    X[::7, 1] = np.nan
    model = MiniBatchKMeans(3, random_state=0, batch_size=50).partial_fit(X[:50])
    assert model._counts.shape == (3, X.shape[1])
    model.save(tmp_path / "model.fastml")
    loaded = fastml.load(tmp_path / "model.fastml")
    np.testing.assert_array_equal(loaded._counts, model._counts)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_batch_that_is_refused_changes_nothing():
    X = blobs(n=100)
    model = MiniBatchKMeans(3, random_state=0).partial_fit(X)
    before, counts = vars(model).copy(), model._counts.copy()
    for bad, weight in ((X[:, :2], None), (X, -np.ones(100)), (X[:0], None)):
        with pytest.raises(ValueError, match=r"features|Negative|sample"):
            model.partial_fit(bad, sample_weight=weight)
    assert vars(model) == before
    np.testing.assert_array_equal(model._counts, counts)


def test_a_loaded_model_goes_on_as_the_unsaved_one():
    X = blobs(n=400)
    for begin in ("fit", "partial_fit"):
        model = MiniBatchKMeans(8, random_state=0, batch_size=30, reassignment_ratio=0.5)
        getattr(model, begin)(X[:50])
        file = io.BytesIO()
        model.save(file)
        other = fastml.load(io.BytesIO(file.getvalue()))
        for part in np.array_split(X[50:], 12):
            model.partial_fit(part)
            other.partial_fit(part)
        np.testing.assert_array_equal(model.cluster_centers_, other.cluster_centers_)
        assert model.n_steps_ == other.n_steps_


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("_batch_size", 0),
        ("random.place", 625),
        ("random.normal", float("inf")),
        ("random.words", np.zeros(623, dtype=np.uint32)),
        ("random.words", np.zeros(624)),
        ("_counts", np.zeros((3, 2))),
    ],
)
def test_hostile_streams_are_refused(name, value):
    values, arrays = MiniBatchKMeans(3, random_state=0).partial_fit(blobs(n=50))._get_model_state()
    (values if name in values else arrays)[name] = value
    with pytest.raises(ModelFileError):
        MiniBatchKMeans(3, random_state=0)._set_model_state(values, arrays)
