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


def parts(X, y, size=50, turns=6, seed=0):
    """Rows and labels in parts, drawn anew."""
    rng = np.random.default_rng(seed)
    for _ in range(turns * len(X) // size):
        some = rng.choice(len(X), size, replace=False)
        yield X[some], y[some]


@pytest.mark.parametrize("training", ["batch", "online"])
def test_classes_learned_in_parts(training):
    som = SOMClassifier(8, 6, training=training, max_iter=18, random_state=0)
    for X, y in parts(X_IRIS, Y_IRIS):
        som.partial_fit(X, y, classes=[0, 1, 2])
    assert som.score(X_IRIS, Y_IRIS) > 0.9
    assert som.planes_.shape == (48, 3)
    assert som.n_iter_ == len(som.errors_) == 18


def test_numbers_learned_in_parts():
    X, y = load_diabetes(return_X_y=True)
    som = SOMRegressor(6, 6, max_iter=30, random_state=0)
    for some, targets in parts(X, y, size=88):
        som.partial_fit(some, targets)
    assert som.score(X, y) > 0.3
    with pytest.raises(ValueError, match="y has 2 targets, expected 1"):
        som.partial_fit(X, np.column_stack([y, y]))


def test_a_class_may_come_late_and_labels_may_stay_away():
    """The planes have room for all classes; parts without labels teach the features."""
    names = np.array(["a", "b", "c"], dtype=object)[Y_IRIS]
    som = SOMClassifier(4, 4, random_state=0, max_iter=10)
    early = Y_IRIS < 2
    som.partial_fit(X_IRIS[early], names[early], classes=["c", "b", "a"])
    assert set(som.predict(X_IRIS)) <= {"a", "b"}
    som.partial_fit(X_IRIS, np.full(150, None))
    for _ in range(8):
        som.partial_fit(X_IRIS, names)
    assert som.score(X_IRIS, names) > 0.85


def test_going_on_after_fit():
    som = SOMClassifier(8, 6, random_state=0).fit(X_IRIS, Y_IRIS)
    before = som.planes_
    som.partial_fit(X_IRIS, (Y_IRIS + 1) % 3)
    assert not np.array_equal(som.planes_, before)
    np.testing.assert_array_equal(som.classes_, [0, 1, 2])


def test_errors_of_partial_fit_leave_the_map_as_it_was():
    som = SOMClassifier(3, 3, random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        som.partial_fit(X_IRIS, Y_IRIS)
    with pytest.raises(ValueError, match="no known target"):
        som.partial_fit(X_IRIS, np.full(150, np.nan), classes=[0, 1, 2])
    assert not hasattr(som, "codebook_")
    som.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1, 2])
    codebook = som.codebook_.copy()
    with pytest.raises(ValueError, match=r"labels that are not among the classes of the first call: \[7\]"):
        som.partial_fit(X_IRIS, Y_IRIS + 7 * (Y_IRIS == 2) - 2 * (Y_IRIS == 2))
    with pytest.raises(ValueError, match="are not those of the first call"):
        som.partial_fit(X_IRIS, Y_IRIS, classes=[0, 1])
    with pytest.raises(ValueError, match="requires y"):
        som.partial_fit(X_IRIS, None)
    np.testing.assert_array_equal(som.codebook_, codebook)


@pytest.mark.parametrize(
    "model", [SOMClassifier(3, 4, random_state=0), SOMRegressor(3, 4, random_state=0)], ids=str
)
def test_a_loaded_map_goes_on_where_it_was(model, tmp_path):
    first = {"classes": [0, 1, 2]} if isinstance(model, SOMClassifier) else {}
    model.partial_fit(X_IRIS[::2], Y_IRIS[::2], **first)
    model.save(tmp_path / "som.fastml")
    loaded = fastml.load(tmp_path / "som.fastml")
    for som in (model, loaded):
        som.partial_fit(X_IRIS[1::2], Y_IRIS[1::2])
    np.testing.assert_array_equal(model.codebook_, loaded.codebook_)
    np.testing.assert_array_equal(model.planes_, loaded.planes_)


def test_parts_are_learned_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((6000, 12)).astype(np.float32)
    y = (X[:, 0] > 0).astype(int)
    maps = [SOMClassifier(6, 5, random_state=0, n_jobs=n) for n in (1, 2, 3, 7)]
    for som in maps:
        for lo in (0, 3000):
            som.partial_fit(X[lo : lo + 3000], y[lo : lo + 3000], classes=[0, 1])
    for som in maps[1:]:
        np.testing.assert_array_equal(som.codebook_, maps[0].codebook_)
        np.testing.assert_array_equal(som.planes_, maps[0].planes_)
