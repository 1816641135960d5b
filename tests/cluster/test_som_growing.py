"""Growing maps: errors fall below their thresholds, hierarchies route rows, files and odd maps."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_digits, load_iris

import fastml
from fastml.cluster import GrowingSOM

X_IRIS = load_iris().data
X_DIGITS = load_digits().data


def mean_error(som, X):
    away = np.sqrt(som._nearest(X)[1])
    used = np.unique(som.bmu_)
    return np.mean([away[som.bmu_ == node].mean() for node in used])


def test_a_map_grows_until_its_error_is_small():
    spread = np.linalg.norm(X_IRIS - X_IRIS.mean(axis=0), axis=1).mean()
    sizes = []
    for threshold in (0.9, 0.3, 0.15):
        model = GrowingSOM(growth_threshold=threshold).fit(X_IRIS)
        (som,) = model.maps_
        assert mean_error(som, X_IRIS) <= threshold * spread
        sizes.append(len(som.codebook_))
    assert sizes[0] == 4 < sizes[1] < sizes[2]
    assert model.depth_.tolist() == [1] and model.parent_map_.tolist() == [-1]


def test_max_nodes_and_few_rows_end_the_growth():
    assert len(GrowingSOM(growth_threshold=1e-9, max_nodes=20).fit(X_IRIS).leaf_codebook_) <= 20
    tiny = GrowingSOM(growth_threshold=1e-9).fit([[0.0], [1.0], [5.0]])
    assert np.isfinite(tiny.leaf_codebook_).all()
    same = GrowingSOM(growth_threshold=0.1).fit(np.ones((10, 2)))
    assert len(same.maps_[0].codebook_) == 4


def test_hierarchy():
    flat = GrowingSOM(growth_threshold=0.8).fit(X_DIGITS)
    model = GrowingSOM(growth_threshold=0.8, depth_threshold=0.3, max_depth=3).fit(X_DIGITS)
    assert model.depth_.max() in (2, 3) and len(model.maps_) > 2
    assert model.quantization_error(X_DIGITS) < flat.quantization_error(X_DIGITS)
    assert model.leaf_codebook_.shape == (model.n_leaves_, 64)
    np.testing.assert_array_equal(model.predict(X_DIGITS), model.labels_)
    assert 0 <= model.labels_.min() and model.labels_.max() < model.n_leaves_
    for number in range(1, len(model.maps_)):
        above, node = model.parent_map_[number], model.parent_node_[number]
        assert model.child_map_[above][node] == number
        assert model.depth_[number] == model.depth_[above] + 1


@pytest.mark.parametrize("surface", ["planar", "cylindrical", "toroidal"])
@pytest.mark.parametrize("topology", ["rectangular", "hexagonal"])
def test_every_kind_of_map(topology, surface):
    model = GrowingSOM(growth_threshold=0.3, topology=topology, surface=surface).fit(X_IRIS)
    assert len(model.maps_[0].codebook_) > 4
    assert model.quantization_error(X_IRIS) < 0.8


def test_rows_with_missing_values_weights_and_sparse_ones():
    X = X_IRIS.copy()
    X[np.random.default_rng(0).random(X.shape) < 0.1] = np.nan
    X[np.isnan(X).all(axis=1)] = 1.0
    weight = np.arange(150) % 3
    model = GrowingSOM(growth_threshold=0.4, max_depth=2).fit(X, sample_weight=weight)
    assert model.quantization_error(X, weight) < 1.0
    dense = GrowingSOM(growth_threshold=0.8, max_depth=2).fit(X_DIGITS[:300])
    thin = GrowingSOM(growth_threshold=0.8, max_depth=2).fit(sparse.csr_matrix(X_DIGITS[:300]))
    np.testing.assert_array_equal(dense.labels_, thin.labels_)


def test_threads_change_nothing():
    one, three = (GrowingSOM(growth_threshold=0.6, max_depth=2, n_jobs=n).fit(X_DIGITS) for n in (1, 3))
    assert one.leaf_codebook_.tobytes() == three.leaf_codebook_.tobytes()


def test_file(tmp_path):
    model = GrowingSOM(growth_threshold=0.7, depth_threshold=0.2, max_depth=2).fit(X_DIGITS)
    model.save(tmp_path / "maps.fastml")
    same = fastml.load(tmp_path / "maps.fastml")
    np.testing.assert_array_equal(same.predict(X_DIGITS), model.labels_)
    for name in ("parent_map_", "parent_node_", "depth_", "n_leaves_", "n_iter_", "leaf_codebook_"):
        np.testing.assert_array_equal(getattr(same, name), getattr(model, name))


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("shapes", lambda a: a * 0),
        ("shapes", lambda a: a[:-1]),
        ("codebooks", lambda a: a * np.nan),
        ("hits", lambda a: -1 - a),
        ("children", lambda a: np.zeros_like(a)),
        ("children", lambda a: np.full_like(a, -1)),
        ("children", lambda a: np.full_like(a, 99)),
    ],
)
def test_hostile_state_is_refused(field, change):
    options = {"growth_threshold": 0.7, "depth_threshold": 0.2, "max_depth": 2}
    values, arrays = GrowingSOM(**options).fit(X_DIGITS)._get_model_state()
    with pytest.raises(ValueError, match=r"."):
        GrowingSOM(**options)._set_model_state(values, arrays | {field: change(arrays[field])})
