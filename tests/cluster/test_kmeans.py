"""KMeans against the slow version and against scikit-learn."""

import io
import pickle

import numpy as np
import pytest
import sklearn.cluster
from scipy import sparse
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning

import fastml
from fastml.cluster import KMeans
from tests.reference import kmeans as reference


def blobs(n=600, d=5, k=7, *, seed=0, dtype=np.float64):
    X, _ = make_blobs(n_samples=n, n_features=d, centers=k, cluster_std=3.0, random_state=seed)
    return X.astype(dtype)


@pytest.mark.parametrize("kind", ["plain", "weights", "missing", "both"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_iteration_is_that_of_the_slow_version(kind, dtype):
    X = blobs(dtype=dtype)
    rng = np.random.default_rng(1)
    weight = rng.random(len(X)) if kind in ("weights", "both") else None
    if kind in ("missing", "both"):
        X[rng.random(X.shape) < 0.2] = np.nan
        X[np.isnan(X).all(axis=1)] = 0
    centers = np.nan_to_num(X[:7]).astype(np.float64)
    for n_iter in range(1, 6):
        model = KMeans(7, init=np.nan_to_num(X[:7]), max_iter=n_iter, tol=0).fit(X, sample_weight=weight)
        _, centers = reference.step(X, centers, weight)
        np.testing.assert_allclose(
            model.cluster_centers_, centers, rtol=1e-5 if dtype == np.float32 else 1e-10
        )
        kept = model.cluster_centers_.astype(np.float64)
        assert model.inertia_ == pytest.approx(reference.inertia(X, kept, weight), rel=1e-12)
        np.testing.assert_array_equal(model.labels_, reference.step(X, kept)[0])
        assert model.cluster_centers_.dtype == dtype


@pytest.mark.parametrize(
    "make", [lambda X: X, sparse.csr_matrix, sparse.csr_array], ids=["dense", "csr", "array"]
)
def test_iterations_agree_with_sklearn(make):
    X = load_digits().data
    # no start at whole numbers: rows between two of them would go either way by scikit-learn's rounding
    start = X[:20] + np.random.default_rng(1).random((20, 64))
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    for n_iter in (1, 2, 3, 5, 10, 300):
        options = {"n_clusters": 20, "init": start, "n_init": 1, "max_iter": n_iter}
        ours = KMeans(**options).fit(make(X), sample_weight=weight)
        theirs = sklearn.cluster.KMeans(**options).fit(make(X), sample_weight=weight)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-10, atol=1e-12)
        assert ours.n_iter_ == theirs.n_iter_
        assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-12)


@pytest.mark.parametrize("init", ["k-means++", "random"])
def test_same_start_as_sklearn_from_the_same_seed(init):
    X = blobs(seed=3)
    for seed in range(5):
        options = {"n_clusters": 7, "init": init, "random_state": seed, "n_init": 2}
        ours, theirs = KMeans(**options).fit(X), sklearn.cluster.KMeans(**options).fit(X)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)
        assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-12)


def test_empty_clusters_are_relocated_as_sklearn_does():
    X = blobs()
    start = np.vstack([X[:4], X[:3] + 1e3])
    for n_iter in (1, 2, 20):
        options = {"n_clusters": 7, "init": start, "n_init": 1, "max_iter": n_iter}
        ours, theirs = KMeans(**options).fit(X), sklearn.cluster.KMeans(**options).fit(X)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol=1e-10)
        np.testing.assert_array_equal(ours.labels_, theirs.labels_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
def test_same_bits_on_any_number_of_threads(dtype, missing):
    X = np.random.default_rng(5).normal(size=(20_000, 10)).astype(dtype)
    if missing:
        X[:, 3][X[:, 4] > 1] = np.nan
    models = [KMeans(12, random_state=0, max_iter=8, n_jobs=n_jobs).fit(X) for n_jobs in (1, 2, 3, 7)]
    for model in models[1:]:
        assert model.cluster_centers_.tobytes() == models[0].cluster_centers_.tobytes()
        assert model.labels_.tobytes() == models[0].labels_.tobytes()
        assert model.inertia_ == models[0].inertia_
        assert model.predict(X).tobytes() == models[0].predict(X).tobytes()


def test_a_weight_is_so_many_rows():
    X = blobs()
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    once = KMeans(7, init=X[:7]).fit(X, sample_weight=weight)
    repeated = KMeans(7, init=X[:7]).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(once.cluster_centers_, repeated.cluster_centers_, rtol=1e-9)
    assert once.inertia_ == pytest.approx(repeated.inertia_)


@pytest.mark.parametrize(("dtype", "far"), [(np.float32, 1e5), (np.float64, 1e8)])
def test_large_offsets(dtype, far):
    X = np.round(blobs(n=300)).astype(dtype)
    near = KMeans(7, init=X[:7]).fit(X)
    away = KMeans(7, init=X[:7] + dtype(far)).fit(X + dtype(far))
    np.testing.assert_array_equal(near.labels_, away.labels_)
    np.testing.assert_allclose(away.inertia_, near.inertia_, rtol=1e-3 if dtype == np.float32 else 1e-8)


def test_saved_and_loaded():
    X = blobs(dtype=np.float32)
    model = KMeans(7, init=X[:7]).fit(X)
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    for same in (fastml.load(file), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(same.predict(X), model.labels_)
        np.testing.assert_array_equal(same.cluster_centers_, model.cluster_centers_)
        assert same.cluster_centers_.dtype == np.float32
        assert same.inertia_ == model.inertia_
        np.testing.assert_array_equal(same.labels_, model.labels_)
        np.testing.assert_array_equal(same.get_params()["init"], model.init)


def test_bad_input_is_refused():
    X = blobs(n=20)
    with pytest.raises(ValueError, match="n_samples=20 should be >= n_clusters=21"):
        KMeans(21).fit(X)
    holes = X.copy()
    holes[4] = np.nan
    with pytest.raises(ValueError, match="1 rows without any known value, the first is row 4"):
        KMeans(3).fit(holes)
    holes = X.copy()
    holes[:, 2] = np.nan
    with pytest.raises(ValueError, match="1 features without any known value, the first is feature 2"):
        KMeans(3).fit(holes)
    with pytest.raises(ValueError, match="infinity"):
        KMeans(3).fit(np.where(X == X[0], np.inf, X))
    with pytest.raises(ValueError, match="Negative values"):
        KMeans(3).fit(X, sample_weight=-np.ones(20))
    with pytest.raises(ValueError, match=r"non-zero number|zero for all rows"):
        KMeans(3).fit(X, sample_weight=np.zeros(20))
    with pytest.raises(ValueError, match="0 sample"):
        KMeans(3).fit(X[:0])
    with pytest.raises(ValueError, match="only 2 rows have a weight"):
        KMeans(3, init="random").fit(X, sample_weight=[1, 1] + [0] * 18)
    with pytest.raises(ValueError, match="NaN"):
        KMeans(3, init=np.full((3, 5), np.nan)).fit(X)


def test_fewer_different_rows_than_clusters():
    X = np.repeat([[0.0, 1.0], [2.0, 3.0]], 10, axis=0)
    with pytest.warns(
        ConvergenceWarning, match=r"distinct clusters \(2\) found smaller than n_clusters \(4\)"
    ):
        model = KMeans(4, random_state=0).fit(X)
    assert model.inertia_ == 0
    assert np.isfinite(model.cluster_centers_).all()


@pytest.mark.parametrize("dtype", [np.float16, np.int8, np.uint64, bool, np.longdouble, object])
def test_other_types_become_float64(dtype):
    X = np.round(blobs(n=50)).clip(0, 1).astype(dtype)
    model = KMeans(2, random_state=0).fit(X)
    assert model.cluster_centers_.dtype == np.float64
    np.testing.assert_array_equal(model.predict(np.asfortranarray(X)), model.labels_)


def test_smallest_problem():
    model = KMeans(1).fit([[3.0]])
    assert model.cluster_centers_ == [[3.0]] and model.inertia_ == 0 and model.labels_ == [0]


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e-40), (np.float32, 1e36), (np.float64, 1e-150)])
def test_tiny_and_huge_values_are_clustered_alike(dtype, size):
    X = blobs(n=200)
    factor = 2.0 ** np.round(np.log2(size))
    usual = KMeans(7, init=X[:7], tol=0).fit(X)
    scaled = (X * factor).astype(dtype)
    other = KMeans(7, init=scaled[:7], tol=0).fit(scaled)
    assert (other.labels_ == usual.labels_).mean() > 0.95  # subnormal numbers have few digits


def test_squares_beyond_float64_are_refused():
    with pytest.raises(ValueError, match="too large for float64"):
        KMeans(3, random_state=0).fit(blobs(n=50) * 1e200)


def test_as_many_clusters_as_rows_and_weights_of_zero():
    X = blobs(n=30)
    assert KMeans(30, random_state=0).fit(X).inertia_ == pytest.approx(0, abs=1e-20)
    some = KMeans(3, random_state=0).fit(X, sample_weight=np.arange(30) < 3)
    assert some.inertia_ == pytest.approx(0, abs=1e-20)
    assert len(set(some.labels_[:3])) == 3
    tiny = KMeans(3, init=X[:3]).fit(X, sample_weight=np.full(30, 1e-300))
    np.testing.assert_array_equal(tiny.labels_, KMeans(3, init=X[:3]).fit(X).labels_)


def test_sparse_rows_with_wide_indices_and_without_entries():
    X = sparse.random(300, 50, 0.1, format="csr", random_state=0)
    wide = X.copy()
    wide.indices, wide.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    expected = KMeans(3, random_state=0).fit(X.toarray())
    for same in (X, wide, X.tocsc()):
        np.testing.assert_array_equal(KMeans(3, random_state=0).fit(same).labels_, expected.labels_)
    with pytest.warns(ConvergenceWarning):
        assert KMeans(3, random_state=0).fit(sparse.csr_matrix((20, 4))).inertia_ == 0


@pytest.mark.parametrize("kind", ["dense", "sparse", "weights", "missing"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bounds_change_no_bit(kind, dtype):
    rng = np.random.default_rng(0)
    middles = rng.standard_normal((30, 120))
    X = (middles[rng.integers(0, 30, 3000)] + rng.standard_normal((3000, 120))).astype(dtype)
    weight = rng.random(len(X)) if kind == "weights" else None
    if kind == "sparse":
        X[rng.random(X.shape) < 0.6] = 0
    if kind == "missing":
        X[rng.random(X.shape) < 0.1] = np.nan
    models = [
        KMeans(100, init="random", n_init=1, random_state=0, algorithm=algorithm, tol=0, n_jobs=n_jobs).fit(
            sparse.csr_matrix(X) if kind == "sparse" else X, sample_weight=weight
        )
        for algorithm, n_jobs in (("lloyd", 1), ("elkan", 1), ("elkan", 3), ("auto", 2), ("auto", 7))
    ]
    for model in models[1:]:
        np.testing.assert_array_equal(models[0].labels_, model.labels_)
        np.testing.assert_array_equal(models[0].cluster_centers_, model.cluster_centers_)
        assert models[0].inertia_ == model.inertia_ and models[0].n_iter_ == model.n_iter_
