"""SOM: the batch rule against the slow one, data with known clusters, every kind of row, bad input."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.metrics import adjusted_rand_score

import fastml
from fastml.cluster import SOM
from fastml.cluster.som_schedule import scheduled
from fastml.io.errors import ModelFileError
from tests.reference import som as reference

X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def with_missing(X, share=0.2, seed=0):
    rng = np.random.default_rng(seed)
    X = X.copy()
    X[rng.random(X.shape) < share] = np.nan
    X[np.isnan(X).all(axis=1), 0] = 1.0
    return X


# -- the batch rule


@pytest.mark.parametrize("metric", ["sqeuclidean", "cosine", "manhattan", "chebyshev"])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
def test_batch_passes(metric, missing, weighted, topology):
    rng = np.random.default_rng(0)
    X = with_missing(rng.normal(3, 1, size=(50, 4)), 0.2 * missing)
    w = rng.integers(0, 4, len(X)).astype(float) if weighted else None
    f = np.array([1.0, 2.0, 0.5, 3.0]) if weighted else None
    start = rng.normal(3, 1, size=(12, 4))
    som = SOM(
        4, 3, topology=topology, metric=metric, init=start, max_iter=3, radius=1.7, radius_end=0.6, tol=0,
        feature_weight=f,
    ).fit(X, sample_weight=w)  # fmt: skip
    apart = reference.map_distances(4, 3, topology, "planar")
    expected = start
    for radius in 1.7 * (0.6 / 1.7) ** np.array([0, 0.5, 1]):
        h = reference.weights("gaussian", apart, radius)
        expected = reference.batch_update(X, expected, h, w, metric, f)
    np.testing.assert_allclose(som.codebook_, expected, atol=1e-9)
    best, _, _ = reference.winners(X, expected, metric, f)
    np.testing.assert_array_equal(som.bmu_, best)
    np.testing.assert_array_equal(som.labels_, best)
    np.testing.assert_array_equal(som.hits_.ravel(), np.bincount(best, w, minlength=12))


def test_radius_0_is_k_means():
    X = np.random.default_rng(0).standard_normal((300, 4))
    som = SOM(2, 5, init=X[:10] * 1.0, radius=0, radius_end=0, max_iter=100, tol=0).fit(X)
    kmeans = KMeans(10, init=X[:10], n_init=1, tol=0, max_iter=100).fit(X)
    np.testing.assert_allclose(som.codebook_, kmeans.cluster_centers_)
    np.testing.assert_array_equal(som.labels_, kmeans.labels_)


def test_nodes_without_any_weight_keep_their_place():
    start = np.array([[0.0], [50.0], [10.0]])
    som = SOM(1, 3, init=start, radius=0, radius_end=0).fit([[1.0], [9.0]])
    np.testing.assert_array_equal(som.codebook_, [[1.0], [50.0], [9.0]])


def test_online_is_kohonens_rule():
    start = X_IRIS[:12] * 1.0
    options = {"init": start, "training": "online", "max_iter": 2, "radius": 1.5, "tol": 0}
    som = SOM(3, 4, random_state=3, learning_rate_schedule="linear", **options).fit(X_IRIS)
    random = np.random.RandomState(3)
    order = np.concatenate([random.permutation(150), random.permutation(150)])
    progress = np.arange(300) / 299
    expected = reference.online_train(
        X_IRIS, start, order, 0.5 + (0.01 - 0.5) * progress, 1.5 * (1 / 1.5) ** progress,
        reference.map_distances(3, 4, "rectangular", "planar"), "gaussian",
    )  # fmt: skip
    np.testing.assert_allclose(som.codebook_, expected, rtol=1e-6)


def test_one_minibatch_of_all_rows_is_a_batch_pass():
    options = {"max_iter": 4, "tol": 0}
    batch = SOM(4, 4, **options).fit(X_IRIS)
    same = SOM(
        4, 4, training="minibatch", batch_size=150, learning_rate=1.0, learning_rate_end=1.0, **options
    )
    np.testing.assert_allclose(same.fit(X_IRIS).codebook_, batch.codebook_)


@pytest.mark.parametrize("training", ["batch", "minibatch", "online"])
@pytest.mark.parametrize("missing", [False, True])
def test_same_bits_on_any_number_of_threads(training, missing):
    X = np.tile(load_digits().data, (3, 1)).astype(np.float32)
    if missing:
        X = with_missing(X, 0.05)
    options = {"training": training, "max_iter": 3, "random_state": 0, "topology": "hexagonal"}
    one = SOM(9, 11, n_jobs=1, **options).fit(X)
    for n_jobs in (2, 3, 7):
        other = SOM(9, 11, n_jobs=n_jobs, **options).fit(X)
        assert other.codebook_.tobytes() == one.codebook_.tobytes()
        assert other.bmu_.tobytes() == one.bmu_.tobytes()


# -- clusters of known sets


@pytest.mark.parametrize(
    ("name", "surface", "least"),
    [
        ("chainlink", "toroidal", 0.95),
        ("hepta", "planar", 0.95),
        ("tetra", "planar", 0.9),
        ("lsun", "planar", 0.9),
    ],
)
def test_fundamental_clustering_problems(name, surface, least):
    folder = os.environ.get("FASTML_DATA")
    if not folder:
        pytest.skip("FASTML_DATA is not set: it names the directory of the real data sets")
    sets = np.load(Path(folder) / "clustering_suite.npz")
    X, y = sets[f"fcps/{name}/X"], sets[f"fcps/{name}/labels0"]
    from sklearn.cluster import AgglomerativeClustering

    n_clusters = np.unique(y[y > 0]).size
    single = AgglomerativeClustering(n_clusters, linkage="single")
    regions = single if name in ("chainlink", "lsun") else n_clusters
    som = SOM(
        20,
        30,
        topology="hexagonal",
        surface=surface,
        max_iter=60,
        radius=6,
        radius_end=0.3,
        n_clusters=regions,
    ).fit(X)
    assert adjusted_rand_score(y[y > 0], som.labels_[y > 0]) >= least


# -- kinds of rows


def test_sparse_rows_are_the_same_as_dense_ones():
    X = load_digits().data
    for training in ("batch", "minibatch", "online"):
        options = {"max_iter": 5, "random_state": 0, "training": training}
        dense, thin = SOM(5, 6, **options).fit(X), SOM(5, 6, **options).fit(sparse.csr_matrix(X))
        np.testing.assert_allclose(dense.codebook_, thin.codebook_, atol=1e-9)
        np.testing.assert_array_equal(dense.predict(X), thin.predict(sparse.csr_array(X)))
        np.testing.assert_allclose(dense.transform(X), thin.transform(sparse.csr_matrix(X)), atol=1e-6)


def test_float32_stays_float32():
    som = SOM(3, 3).fit(X_IRIS.astype(np.float32))
    assert som.codebook_.dtype == np.float32 == som.transform(X_IRIS).dtype
    np.testing.assert_allclose(som.codebook_, SOM(3, 3).fit(X_IRIS).codebook_, rtol=1e-4)


def test_feature_of_no_weight_is_learned_but_does_not_count():
    X = np.column_stack([X_IRIS, 1000 * X_IRIS[:, 0]])
    for training in ("batch", "minibatch", "online"):
        options = {"max_iter": 8, "random_state": 0, "training": training, "init": X[:12] * 1.0}
        som = SOM(4, 3, feature_weight=[1, 1, 1, 1, 0], **options).fit(X)
        plain = SOM(4, 3, **options | {"init": X_IRIS[:12] * 1.0}).fit(X_IRIS)
        np.testing.assert_allclose(som.codebook_[:, :4], plain.codebook_, rtol=1e-4)
        np.testing.assert_allclose(som.codebook_[:, 4], 1000 * plain.codebook_[:, 0], rtol=1e-4)


def test_partial_fit_comes_near_to_fit():
    X = load_digits().data
    som = SOM(6, 6, max_iter=60, random_state=0)
    rng = np.random.default_rng(0)
    for _ in range(60):
        som.partial_fit(X[rng.choice(len(X), 300, replace=False)])
    assert som.n_iter_ == len(som.errors_) == 60
    assert som.quantization_error(X) < 1.1 * SOM(6, 6).fit(X).quantization_error(X)
    online = SOM(6, 6, training="online", max_iter=3)
    for _ in range(3):
        online.partial_fit(X, sample_weight=np.arange(len(X)) % 2)
    assert online.quantization_error(X) < 1.2 * som.quantization_error(X)


def test_warm_start_goes_on():
    cold = SOM(4, 4, max_iter=20, tol=0).fit(X_IRIS)
    warm = SOM(4, 4, max_iter=20, tol=0, warm_start=True, radius=1.0).fit(X_IRIS)
    first = warm.errors_[-1]
    warm.fit(X_IRIS)
    assert warm.errors_[0] <= first * 1.0001
    assert warm.codebook_.shape == cold.codebook_.shape
    warm.set_params(n_columns=5).fit(X_IRIS)  # another map: a new start
    assert warm.codebook_.shape == (20, 4)


def test_training_ends_when_nothing_changes():
    som = SOM(3, 3, radius=0.5, radius_end=0.5, max_iter=500).fit(X_IRIS)
    assert som.n_iter_ < 200
    assert (
        SOM(3, 3, radius=0.5, radius_end=0.5, max_iter=60, tol=0, n_iter_no_change=99).fit(X_IRIS).n_iter_
        == 60
    )


def test_verbose_tells_radius_distance_and_time(capsys):
    SOM(3, 3, max_iter=2, verbose=2).fit(X_IRIS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and "radius" in lines[0] and "left" in lines[0]


# -- quality and views


def test_errors_of_rows():
    som = SOM(5, 4, topology="hexagonal").fit(X_IRIS)
    best, second, away = reference.winners(X_IRIS, som.codebook_)
    apart = reference.map_distances(5, 4, "hexagonal", "planar")
    assert som.quantization_error(X_IRIS) == pytest.approx(np.sqrt(away.min(axis=1)).mean())
    assert som.score(X_IRIS) == -som.quantization_error(X_IRIS)
    assert som.topographic_error(X_IRIS) == pytest.approx((apart[best, second] > 1.01).mean())
    h = reference.weights("gaussian", apart, 1.0)
    assert som.distortion(X_IRIS) == pytest.approx((h[best] * away).sum(axis=1).mean())
    w = np.arange(150.0)
    assert som.quantization_error(X_IRIS, w) == pytest.approx((np.sqrt(away.min(axis=1)) * w).sum() / w.sum())
    assert som.trustworthiness(X_IRIS) > 0.9


def test_distances_over_known_features():
    X = with_missing(X_IRIS)
    for metric in ("sqeuclidean", "cosine", "manhattan", "chebyshev"):
        f = [1.0, 2.0, 0.5, 3.0]
        som = SOM(3, 3, metric=metric, max_iter=3, feature_weight=f).fit(X)
        expected = reference_table(X, som.codebook_, metric, f)
        np.testing.assert_allclose(som.transform(X), expected, atol=1e-7)
        assert som.quantization_error(X) == pytest.approx(expected.min(axis=1).mean())


def reference_table(X, codebook, metric, f):
    known = ~np.isnan(X)
    share = known @ np.asarray(f) / np.sum(f)
    plain = known.mean(axis=1)
    table = reference.winners(X, codebook, metric, f)[2]
    if metric in ("sqeuclidean", "manhattan"):
        table *= (plain / share)[:, None]
    return np.sqrt(table) if metric == "sqeuclidean" else table


def test_topographic_product():
    rng = np.random.default_rng(0)
    som = SOM(6, 6, max_iter=1).fit(rng.random((50, 2)))
    som.codebook_ = som.grid_.positions.copy()
    assert abs(som.topographic_product()) < 1e-9  # the map itself: every order is preserved
    som.codebook_ = rng.random((36, 3))
    apart = reference.map_distances(6, 6, "rectangular", "planar")
    assert som.topographic_product() == pytest.approx(reference.topographic_product(som.codebook_, apart))


def test_views():
    som = SOM(2, 3, init=np.arange(6.0)[:, None], max_iter=1, radius=0, radius_end=0).fit(
        [[0.0], [1], [5], [5]]
    )
    np.testing.assert_array_equal(som.hits_, [[1, 1, 0], [0, 0, 2]])
    np.testing.assert_array_equal(som.activation_response([[5.0]]), [[0, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(som.component_planes(), [[[0, 1, 2], [3, 4, 5]]])
    np.testing.assert_allclose(
        som.u_matrix(), [[(1 + 3 + 4) / 3, (1 + 1 + 2 + 3 + 4) / 5, 2], [2, 2.2, 8 / 3]]
    )
    labels, votes = som.label_map([[0.0], [5], [5], [5]], ["b", "a", "c", "c"])
    assert labels.tolist() == [["b", None, None], [None, None, "c"]]
    np.testing.assert_array_equal(votes[:, 1, 2], [1, 0, 2])


def test_transform_and_back():
    som = SOM(5, 4, topology="hexagonal").fit(X_IRIS)
    np.testing.assert_array_equal(som.inverse_transform(som.transform(X_IRIS)), som.codebook_[som.bmu_])
    np.testing.assert_array_equal(som.inverse_transform(som.predict(X_IRIS)), som.codebook_[som.bmu_])
    som.set_params(transform_to="coordinates")
    assert som.transform(X_IRIS).shape == (150, 2)
    np.testing.assert_array_equal(som.inverse_transform(som.transform(X_IRIS)), som.codebook_[som.bmu_])
    assert len(som.get_feature_names_out()) == 2
    with pytest.raises(ValueError, match="numbers of nodes"):
        som.inverse_transform([20])
    with pytest.raises(ValueError, match="3 columns"):
        som.inverse_transform(np.ones((2, 3)))


def test_regions():
    som = SOM(8, 6, n_clusters=3).fit(X_IRIS)
    assert set(som.labels_) <= {0, 1, 2} and som.region_labels_.shape == (48,)
    np.testing.assert_array_equal(som.labels_, som.region_labels_[som.winners(X_IRIS)])
    np.testing.assert_array_equal(som.labels_, som.predict(X_IRIS))
    other = SOM(8, 6, n_clusters=KMeans(3, random_state=0, n_init=1)).fit(X_IRIS)
    assert adjusted_rand_score(Y_IRIS, other.labels_) > 0.6
    with pytest.raises(ValueError, match="more than the map's 4 nodes"):
        SOM(2, 2, n_clusters=5).fit(X_IRIS)


# -- files


def test_file(tmp_path):
    som = SOM(4, 3, topology="hexagonal", n_clusters=3, feature_weight=[1, 2, 3, 4.0]).fit(X_IRIS)
    som.save(tmp_path / "map.fastml")
    same = fastml.load(tmp_path / "map.fastml")
    np.testing.assert_array_equal(same.predict(X_IRIS), som.labels_)
    assert same.codebook_.tobytes() == som.codebook_.tobytes()
    assert same.quantization_error(X_IRIS) == som.quantization_error(X_IRIS)
    same.partial_fit(X_IRIS)


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("codebook", lambda a: a[:-1]),
        ("codebook", lambda a: a * np.nan),
        ("codebook", lambda a: a.astype(np.int64)),
        ("hits", lambda a: a.T.copy()),
        ("hits", lambda a: -a),
        ("errors", lambda a: a * np.inf),
        ("regions", lambda a: a[:-1]),
    ],
)
def test_hostile_state_is_refused(field, change):
    som = SOM(4, 3).fit(X_IRIS)
    values, arrays = som._get_model_state()
    arrays[field] = change(arrays[field])
    with pytest.raises(ValueError, match=r"."):
        SOM(4, 3)._set_model_state(values, arrays)


# -- bad input


@pytest.mark.parametrize(
    ("X", "options", "match"),
    [
        ([[1.0, np.inf], [1, 2]], {}, "infinity"),
        ([[np.nan, np.nan], [1, 2]], {}, "without any known value.*row 0"),
        ([[np.nan, 1], [np.nan, 2]], {}, "features without any known value.*feature 0"),
        ([[0.0, 0], [1, 2]], {"metric": "cosine"}, "row of zeros|rows of zeros.*row 0"),
        (sparse.csr_matrix([[0.0, 0], [1, 2]]), {"metric": "cosine"}, "rows of zeros.*row 0"),
        (sparse.csr_matrix([[np.nan, 0], [1, 2]]), {}, "NaN"),
        ([[1.0, 2]], {"feature_weight": [1.0]}, r"feature_weight has shape \(1,\)"),
        ([[1.0, 2]], {"feature_weight": [1.0, -1]}, "not negative"),
        ([[1.0, 2]], {"feature_weight": [0.0, 0]}, "above 0"),
        ([[1.0, 2]], {"init": np.ones((3, 2))}, r"init has shape \(3, 2\)"),
        ([[1.0, 2]], {"init": np.full((100, 2), np.nan)}, "finite codebook"),
        ([[1.0, 2]], {"topology": "hexagonal", "surface": "toroidal", "n_rows": 3}, "even number of rows"),
        ([[1.0, 2]], {"training": "online", "neighbourhood": "mexican_hat"}, "out of all bounds"),
        ([[1.0, 2]], {"radius_schedule": lambda p: -1.0}, "not negative"),
        ([[1.0, 2]], {"radius_schedule": lambda p: "wide"}, "returned 'wide'"),
        ([[1.0, 2]], {"learning_rate_schedule": lambda p: 2.0, "training": "online"}, "at most 1"),
        ([[1.0, 2]], {"radius": -1.0}, "radius"),
        ([[1.0, 2]], {"n_rows": 0}, "n_rows"),
        (np.empty((0, 2)), {}, "minimum of 1"),
        ([["a", "b"]], {}, "could not convert|Unable to convert"),
    ],
)
def test_wrong_input_is_told(X, options, match):
    with pytest.raises(ValueError, match=match):
        SOM(**options).fit(X)


def test_strange_but_right_input():
    one = SOM(1, 1).fit(X_IRIS)
    np.testing.assert_allclose(one.codebook_[0], X_IRIS.mean(axis=0))
    assert one.topographic_error(X_IRIS) == 0 and one.u_matrix().tolist() == [[0]]
    assert SOM(1, 1, n_clusters=1).fit(X_IRIS).labels_.max() == 0
    assert np.isfinite(SOM(10, 10).fit([[1.0, 2]]).codebook_).all()  # more nodes than rows
    assert np.isfinite(SOM(3, 3).fit(np.ones((20, 3))).codebook_).all()  # one point
    for init in ("sample", "random", "pca"):
        for surface in ("planar", "toroidal"):
            som = SOM(1, 6, init=init, surface=surface, random_state=0).fit(X_IRIS[:3])
            assert np.isfinite(som.codebook_).all()
    far = SOM(4, 4).fit((X_IRIS + 1e6).astype(np.float64))
    near = SOM(4, 4).fit(X_IRIS)
    np.testing.assert_allclose(far.codebook_ - 1e6, near.codebook_, atol=1e-5)


def test_all_missing_row_of_predict_is_refused():
    som = SOM(3, 3).fit(X_IRIS)
    with pytest.raises(ValueError, match="1 rows without any known value"):
        som.predict(np.full((1, 4), np.nan))


def test_negative_weights_are_refused():
    with pytest.raises(ValueError, match="Negative"):
        SOM(3, 3).fit(X_IRIS, sample_weight=-np.ones(150))


def test_mexican_hat_stays_within_bounds():
    X = load_digits().data
    for topology in ("rectangular", "hexagonal"):
        som = SOM(7, 7, neighbourhood="mexican_hat", topology=topology, max_iter=60, tol=0).fit(X)
        assert np.abs(som.codebook_).max() < 5 * X.max()
        assert som.quantization_error(X) < 40


def test_chebyshev_has_an_absolute_value():
    """MiniSom's has none: of nodes that are above a row, the farthest wins there."""
    codebook = np.array([[1.0, 1.0], [9.0, 9.0]])
    som = SOM(1, 2, init=codebook, metric="chebyshev", radius=0, radius_end=0, max_iter=1).fit(codebook)
    assert som.winners([[0.5, 0.5]])[0] == 0
    assert reference.minisom_chebyshev(np.array([0.5, 0.5]), codebook).argmin() == 1


@pytest.mark.parametrize("name", ["linear", "exponential", "inverse"])
def test_schedules(name):
    values = scheduled(name, 4.0, 0.5, np.linspace(0, 1, 5))
    assert values[0] == pytest.approx(4) and values[-1] == pytest.approx(0.5)
    assert (np.diff(values) < 0).all()
    assert scheduled(name, 4.0, 0.0, np.ones(1))[0] < 0.005
    assert scheduled(name, 0.0, 0.0, np.ones(1))[0] == 0
    assert scheduled(lambda p: 3 - p, 0, 0, np.array([0.0, 1.0])).tolist() == [3, 2]


@pytest.mark.parametrize("missing", [False, True])
def test_a_loaded_map_goes_on_as_the_unsaved_one(missing):
    X = X_IRIS.copy()
    if missing:
        X[::5, 1] = np.nan
    for begin in ("fit", "partial_fit"):
        som = SOM(3, 4, training="minibatch", max_iter=5, random_state=0)
        getattr(som, begin)(X[:60])
        file = io.BytesIO()
        som.save(file)
        other = fastml.load(io.BytesIO(file.getvalue()))
        for part in (X[60:90], X[90:]):
            som.partial_fit(part)
            other.partial_fit(part)
        np.testing.assert_array_equal(som.codebook_, other.codebook_)
        np.testing.assert_array_equal(som.errors_, other.errors_)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("statistics.weights", np.full(12, -1.0)),
        ("statistics.weights", np.zeros(11)),
        ("statistics.sums", np.full((12, 4), np.nan)),
        ("statistics.sums", np.zeros((12, 3))),
        ("statistics.offset", np.zeros(3)),
        ("statistics_error", float("inf")),
    ],
)
def test_hostile_statistics_of_a_map_are_refused(name, value):
    values, arrays = SOM(3, 4, random_state=0).partial_fit(X_IRIS)._get_model_state()
    (values if name in values else arrays)[name] = value
    with pytest.raises(ModelFileError):
        SOM(3, 4)._set_model_state(values, arrays)
