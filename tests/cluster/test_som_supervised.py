"""Maps with target planes: what they learn, with labels missing, on every kind of row."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.model_selection import cross_val_score

import fastml
from fastml.cluster import SOM, SOMClassifier, SOMRegressor

X_IRIS, Y_IRIS = load_iris(return_X_y=True)


def test_classes_of_digits():
    X, y = load_digits(return_X_y=True)
    score = cross_val_score(SOMClassifier(15, 15, radius_end=0.4), X, y, cv=3).mean()
    assert score > 0.9
    assert cross_val_score(SOMRegressor(5, 5), *load_diabetes(return_X_y=True), cv=3).mean() > 0.2


def test_text_labels_and_probabilities():
    names = np.array(["setosa", "versicolor", "virginica"])[Y_IRIS]
    som = SOMClassifier(8, 6, topology="hexagonal").fit(X_IRIS, names)
    assert som.score(X_IRIS, names) > 0.93
    p = som.predict_proba(X_IRIS)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert som.classes_[p.argmax(axis=1)].tolist() == som.predict(X_IRIS).tolist()
    assert som.target_planes().shape == (3, 8, 6)
    np.testing.assert_allclose(som.target_planes().sum(axis=0), 1)


def test_without_weight_of_labels_the_map_is_that_of_the_features():
    plain = SOM(5, 5, radius_end=0.5).fit(X_IRIS)
    som = SOMClassifier(5, 5, label_weight=0, init=X_IRIS[:25] * 1.0).fit(X_IRIS, Y_IRIS)
    same = SOM(5, 5, radius_end=0.5, init=X_IRIS[:25] * 1.0).fit(X_IRIS)
    np.testing.assert_allclose(som.codebook_, same.codebook_, atol=1e-9)
    assert som.quantization_error(X_IRIS) < 1.3 * plain.quantization_error(X_IRIS)


@pytest.mark.parametrize("label_weight", [0, 0.5])
def test_rows_without_label_teach_the_features(label_weight):
    rng = np.random.default_rng(0)
    y = Y_IRIS.astype(float)
    y[rng.random(150) < 0.7] = np.nan
    som = SOMClassifier(8, 6, label_weight=label_weight).fit(X_IRIS, y)
    assert som.score(X_IRIS, Y_IRIS) > 0.85
    names = np.array(["a", "b", "c"], dtype=object)[Y_IRIS]
    names[np.isnan(y)] = None
    same = SOMClassifier(8, 6, label_weight=label_weight).fit(X_IRIS, names)
    np.testing.assert_array_equal(same.codebook_, som.codebook_)
    numbers = SOMRegressor(8, 6, label_weight=label_weight).fit(X_IRIS, y)
    assert numbers.score(X_IRIS, Y_IRIS) > 0.7


def test_sparse_rows_and_several_outputs():
    X, y = load_digits(return_X_y=True)
    dense = SOMClassifier(6, 6, max_iter=5).fit(X, y)
    thin = SOMClassifier(6, 6, max_iter=5).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(thin.planes_, dense.planes_, atol=1e-6)
    two = np.column_stack([Y_IRIS, X_IRIS[:, 0]])
    som = SOMRegressor(6, 6).fit(X_IRIS, two)
    assert som.predict(X_IRIS).shape == (150, 2) and som.score(X_IRIS, two) > 0.8


def test_warm_start_goes_on():
    som = SOMClassifier(6, 6, warm_start=True, radius=0.6).fit(X_IRIS, Y_IRIS)
    last = som.errors_[-1]
    som.fit(X_IRIS, Y_IRIS)
    assert som.errors_[0] <= last * 1.01


@pytest.mark.parametrize("model", [SOMClassifier(4, 4), SOMRegressor(4, 4)])
def test_file(model, tmp_path):
    model.fit(X_IRIS, Y_IRIS)
    model.save(tmp_path / "map.fastml")
    same = fastml.load(tmp_path / "map.fastml")
    np.testing.assert_array_equal(same.predict(X_IRIS), model.predict(X_IRIS))
    values, arrays = model._get_model_state()
    for change in (lambda a: a[:-1], lambda a: a * np.nan, lambda a: a.astype(np.float32)):
        with pytest.raises(ValueError, match=r"."):
            type(model)(4, 4)._set_model_state(values, arrays | {"planes": change(arrays["planes"])})


def test_no_known_target_is_refused():
    for model in (SOMClassifier(), SOMRegressor()):
        with pytest.raises(ValueError, match="no known target"):
            model.fit(X_IRIS, np.full(150, np.nan))
    with pytest.raises(ValueError, match="infinity"):
        SOMClassifier().fit(X_IRIS, np.full(150, np.inf))
    with pytest.raises(ValueError, match="inconsistent"):
        SOMRegressor().fit(X_IRIS, Y_IRIS[:-1])
