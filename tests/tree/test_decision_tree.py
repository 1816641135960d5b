"""The tree estimators: the trees they grow, what they take, what they tell."""

import io
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, load_iris, load_wine
from sklearn.tree import DecisionTreeClassifier as SkClassifier
from sklearn.tree import DecisionTreeRegressor as SkRegressor

import fastml
from fastml.io import ModelFileError
from fastml.tree import (
    BinnedTable,
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

ALL = [DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor]


def node_rows(tree, X):
    rows = {0: np.arange(len(X))}
    for i in np.flatnonzero(tree.children_left >= 0):
        left = X[rows[i], tree.feature[i]] <= tree.threshold[i]
        rows[tree.children_left[i]], rows[tree.children_right[i]] = rows[i][left], rows[i][~left]
    return rows


@pytest.mark.parametrize(
    ("load", "ours", "theirs"),
    [
        (load_iris, DecisionTreeClassifier(), SkClassifier()),
        (load_wine, DecisionTreeClassifier(criterion="entropy"), SkClassifier(criterion="entropy")),
        (load_digits, DecisionTreeClassifier(), SkClassifier()),
        (load_diabetes, DecisionTreeRegressor(max_depth=6), SkRegressor()),
        (
            load_diabetes,
            DecisionTreeRegressor(criterion="poisson", max_depth=5),
            SkRegressor(criterion="poisson"),
        ),
        (
            load_diabetes,
            DecisionTreeRegressor(criterion="absolute_error", max_depth=5),
            SkRegressor(criterion="absolute_error"),
        ),
    ],
    ids=["iris", "wine entropy", "digits", "diabetes", "diabetes poisson", "diabetes absolute"],
)
def test_every_split_is_as_good_as_scikit_learns(load, ours, theirs):
    """In the rows of each node scikit-learn finds no better split: the same tree, ties aside."""
    X, y = load(return_X_y=True)
    X = X.astype(np.float32).astype(np.float64)
    tree = ours.fit(X, y).tree_
    stump = theirs.set_params(max_depth=1, random_state=0)
    rows = node_rows(tree, X)
    mass = tree.weighted_n_node_samples * tree.impurity
    for i in np.flatnonzero(tree.children_left >= 0):
        found = stump.fit(X[rows[i]], y[rows[i]]).tree_
        assert tree.n_node_samples[i] == len(rows[i])
        np.testing.assert_allclose(tree.impurity[i], found.impurity[0], rtol=1e-7)
        left, right = tree.children_left[i], tree.children_right[i]
        best = found.weighted_n_node_samples[1:] @ found.impurity[1:]
        np.testing.assert_allclose(mass[left] + mass[right], best, rtol=1e-7, atol=1e-7)
    if ours.max_depth is None:
        assert (tree.impurity[tree.children_left < 0] < 1e-12).all() and ours.score(X, y) == 1.0


def test_same_tree_as_scikit_learn_where_nothing_is_tied():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3)).astype(np.float32).astype(np.float64)
    y = X[:, 0] * X[:, 1] + 0.5 * rng.normal(size=200)
    weight = rng.integers(1, 4, 200).astype(float)
    for options in (
        {"max_depth": 3, "min_samples_leaf": 9},
        {"max_leaf_nodes": 8, "min_samples_leaf": 9},
        {"min_samples_leaf": 25},
    ):
        ours = DecisionTreeRegressor(**options).fit(X, y, weight).tree_
        theirs = SkRegressor(random_state=0, **options).fit(X, y, weight).tree_
        for name in (
            "children_left", "children_right", "feature", "threshold", "impurity", "n_node_samples",
            "weighted_n_node_samples", "value", "missing_go_to_left", "n_leaves", "max_depth", "node_count",
        ):  # fmt: skip
            have, want = getattr(ours, name), getattr(theirs, name)
            if name in ("threshold", "missing_go_to_left"):
                inner = theirs.children_left >= 0
                have, want = have[inner], want[inner]
            np.testing.assert_allclose(have, want, rtol=1e-6, atol=1e-9, err_msg=name)
        np.testing.assert_allclose(
            ours.compute_feature_importances(), theirs.compute_feature_importances(), rtol=1e-6
        )


@pytest.mark.parametrize("cls", ALL)
def test_containers_threads_and_files_agree(cls):
    X, y = load_iris(return_X_y=True)
    model = cls(random_state=0, max_depth=4, n_jobs=1).fit(X, y)
    expected = model.predict(X)
    frame = pd.DataFrame(X, columns=list("abcd"))
    for table in (X.astype(np.float64, order="F"), sparse.csr_array(X), BinnedTable(X), X.tolist()):
        np.testing.assert_array_equal(
            clone(model).set_params(n_jobs=3).fit(table, y).predict(table), expected
        )
    named = clone(model).fit(frame, y)
    assert named.feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(named.predict(frame), expected)
    file = io.BytesIO()
    for one in (model, named):
        file = io.BytesIO()
        one.save(file)
        loaded = fastml.load(io.BytesIO(file.getvalue()))
        assert type(loaded) is cls and repr(loaded) == repr(one.set_params(n_jobs=None))
        assert vars(loaded).keys() == vars(one).keys()
        np.testing.assert_array_equal(loaded.predict(frame if one is named else X), expected)
    same = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(same.predict(X), expected)
    np.testing.assert_array_equal(same.apply(X), model.apply(X))


@pytest.mark.parametrize("cls", ALL)
def test_damaged_files_are_refused(cls):
    X, y = load_iris(return_X_y=True)
    file = io.BytesIO()
    cls(random_state=0).fit(X, y).save(file)
    data = bytearray(file.getvalue())
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        try:
            model = fastml.load(io.BytesIO(bytes(damaged)))
        except ModelFileError:
            continue
        if model.n_features_in_ == 4:
            model.predict(X)


def test_missing_values_and_categories():
    rng = np.random.default_rng(0)
    colour = rng.choice(["red", "green", "blue", "grey"], 300)
    size = rng.normal(size=300)
    size[::5] = np.nan
    y = np.where(np.isin(colour, ["red", "grey"]), "warm", "cold").astype(object)
    y[np.isnan(size)] = "unknown"
    frame = pd.DataFrame({"colour": pd.Categorical(colour), "size": size})
    for cls in (DecisionTreeClassifier, ExtraTreeClassifier):
        model = cls(random_state=0).fit(frame, y)
        assert model.score(frame, y) == 1.0 and model.is_categorical_.tolist() == [True, False]
        assert model.tree_.left_categories
        file = io.BytesIO()
        model.save(file)
        loaded = fastml.load(io.BytesIO(file.getvalue()))
        np.testing.assert_array_equal(loaded.predict(frame), y)
        new = pd.DataFrame({"colour": pd.Categorical(["mauve", None]), "size": [0.5, np.nan]})
        assert set(loaded.predict(new)) <= {"warm", "cold", "unknown"}
    stump = DecisionTreeClassifier(max_depth=1).fit(frame, y)
    assert stump.tree_.node_count == 3


def test_several_outputs_with_text():
    X, y = load_iris(return_X_y=True)
    Y = np.stack([np.array(["a", "b", "c"])[y], np.where(X[:, 0] > 5.8, "long", "short")], axis=1)
    model = DecisionTreeClassifier().fit(X, Y)
    np.testing.assert_array_equal(model.predict(X), Y)
    shares = model.predict_proba(X)
    assert [part.shape for part in shares] == [(150, 3), (150, 2)]
    assert model.n_classes_.tolist() == [3, 2] and [len(c) for c in model.classes_] == [3, 2]
    both = DecisionTreeRegressor().fit(X, np.stack([y, X[:, 0]], axis=1))
    assert both.predict(X).shape == (150, 2) and both.tree_.value.shape[1:] == (2, 1)


def test_class_weight_moves_leaves():
    X, y = load_iris(return_X_y=True)
    X, y = X[50:], y[50:]
    plain = DecisionTreeClassifier(max_depth=1).fit(X, y)
    heavy = DecisionTreeClassifier(max_depth=1, class_weight={1: 1, 2: 50}).fit(X, y)
    assert (heavy.predict(X) == 2).sum() > (plain.predict(X) == 2).sum()
    balanced = DecisionTreeClassifier(class_weight="balanced").fit(X, y)
    np.testing.assert_array_equal(balanced.tree_.value[0, 0], [0.5, 0.5])


def test_pruning_path_is_scikit_learns():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    X, y = X[:400] + 1e-6 * rng.random((400, 64)), y[:400]
    ours = DecisionTreeClassifier(max_depth=5).fit(X, y)
    path = ours.cost_complexity_pruning_path(X, y)
    assert (np.diff(path.ccp_alphas) >= -1e-12).all() and (np.diff(path.impurities) >= 0).all()
    n_leaves = [
        clone(ours).set_params(ccp_alpha=alpha).fit(X, y).get_n_leaves() for alpha in path.ccp_alphas[::7]
    ]
    assert n_leaves == sorted(n_leaves, reverse=True)
    root = clone(ours).set_params(ccp_alpha=1.0).fit(X, y)
    assert root.get_n_leaves() == 1 and root.get_depth() == 0
    X, y = load_iris(return_X_y=True)
    ours, theirs = DecisionTreeClassifier(), SkClassifier(random_state=0)
    want = theirs.cost_complexity_pruning_path(X, y)
    have = ours.cost_complexity_pruning_path(X, y)
    np.testing.assert_allclose(have.ccp_alphas, want.ccp_alphas)
    np.testing.assert_allclose(have.impurities, want.impurities)


def test_exports(tmp_path):
    from sklearn.tree import export_text as theirs

    from fastml.tree import export_graphviz, export_text, plot_tree

    X, y = load_iris(return_X_y=True)
    ours = DecisionTreeClassifier(max_depth=2).fit(X, y)
    same = SkClassifier(max_depth=2, random_state=0).fit(X, y)
    names = ["a", "b", "c", "d"]
    assert export_text(ours, feature_names=names).count("class: 2") == theirs(same).count("class: 2")
    assert " <= " in export_graphviz(ours, feature_names=names)
    pytest.importorskip("matplotlib").use("agg")
    assert len(plot_tree(ours)) >= 5
    regressor = ExtraTreeRegressor(max_depth=2, random_state=0).fit(X, y)
    assert "value: [" in export_text(regressor)
    frame = pd.DataFrame({"x": pd.Categorical(["u", "v"] * 20)})
    with pytest.raises(ValueError, match="categories"):
        export_text(DecisionTreeClassifier().fit(frame, [0, 1] * 20))


def test_binned_table():
    X, y = load_iris(return_X_y=True)
    table = BinnedTable(X)
    assert table.shape == (150, 4) and len(table) == 150 and "150 rows" in repr(table)
    model = DecisionTreeClassifier(max_depth=3).fit(table, y)
    np.testing.assert_array_equal(model.predict(table), model.predict(X))
    half = table.take(np.arange(0, 150, 2))
    np.testing.assert_array_equal(model.predict(half), model.predict(X[::2]))
    np.testing.assert_array_equal(model.predict(table[y > 0]), model.predict(X[y > 0]))
    with pytest.raises(ValueError, match="mask of rows"):
        table.take([True])
    with pytest.raises(ValueError, match="other bins"):
        model.predict(BinnedTable(X * 2))
    from sklearn.model_selection import cross_val_score

    assert cross_val_score(DecisionTreeClassifier(), table, y).mean() > 0.9


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_tiny_scales(scale):
    X, y = load_iris(return_X_y=True)
    model = DecisionTreeClassifier(random_state=0).fit(X * scale, y)
    assert model.score(X * scale, y) == 1.0
    same = DecisionTreeClassifier(random_state=0).fit(X, y)
    np.testing.assert_array_equal(model.tree_.feature, same.tree_.feature)


def test_missing_values_in_sparse_rows():
    X, y = load_iris(return_X_y=True)
    X = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    dense = DecisionTreeClassifier(random_state=0).fit(X, y)
    model = DecisionTreeClassifier(random_state=0).fit(sparse.csc_array(X), y)
    np.testing.assert_array_equal(model.predict(sparse.csr_array(X)), dense.predict(X))


def test_zero_weights_remove_rows_and_classes():
    X, y = load_iris(return_X_y=True)
    weight = np.where(y == 2, 0.0, 1.0)
    model = DecisionTreeClassifier().fit(X, y, weight)
    assert model.tree_.n_node_samples[0] == 100 and model.classes_.tolist() == [0, 1, 2]
    assert (model.predict_proba(X)[:, 2] == 0).all()


@pytest.mark.parametrize(
    ("options", "y", "weight", "message"),
    [
        ({"criterion": "squared"}, None, None, "criterion"),
        ({"max_bins": 256}, None, None, "max_bins"),
        ({"monotonic_cst": [1]}, None, None, "monotonic_cst has shape 1"),
        ({"monotonic_cst": [1, 0, 0, 2]}, None, None, "-1, 0 or 1"),
        ({"monotonic_cst": [1, 0, 0, 0]}, None, None, "multiclass"),
        ({"class_weight": "unbalanced"}, None, None, "class_weight"),
        ({}, np.arange(3), None, "inconsistent numbers of samples"),
        ({}, np.linspace(0, 1, 150), None, "continuous"),
        ({}, np.full(150, np.nan), None, "NaN"),
        ({}, np.zeros((150, 2, 2)), None, "1d or 2d"),
        ({}, None, np.full(150, -1.0), "non-negative|must be non-negative"),
        ({}, None, np.zeros(150), "non-zero|not zero"),
        ({}, None, np.ones(3), "sample_weight"),
    ],
)
def test_bad_input(options, y, weight, message):
    X, classes = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match=message):
        DecisionTreeClassifier(**options).fit(X, classes if y is None else y, weight)


def test_bad_targets_of_regression():
    X, y = load_diabetes(return_X_y=True)
    with pytest.raises(ValueError, match="negative"):
        DecisionTreeRegressor(criterion="poisson").fit(X, -y)
    with pytest.raises(ValueError, match="Sum of y"):
        DecisionTreeRegressor(criterion="poisson").fit(X, 0 * y)
    with pytest.raises(ValueError, match="infinity"):
        DecisionTreeRegressor().fit(X, np.where(y == y[0], np.inf, y))


@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error", "poisson"])
def test_targets_that_cannot_be_summed(criterion):
    X, y = np.arange(8.0)[:, None], np.array([1e307, 1e308] * 4)
    with pytest.raises(ValueError, match=r"y is too large.*1e\+308"):
        DecisionTreeRegressor(criterion=criterion).fit(X, y)
    tree = DecisionTreeRegressor(criterion=criterion).fit(X, y / 1e160)
    np.testing.assert_allclose(tree.predict(X), y / 1e160)
