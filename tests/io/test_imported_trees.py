"""Trees of imported models, read as scikit-learn's: ``estimators_`` and ``tree_``."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import ensemble, tree

import fastml
from fastml.io import TreeModel, from_catboost, from_lightgbm, from_sklearn, from_xgboost
from fastml.tree import export_text

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4)).astype(np.float32).astype(float)
X[RNG.random(X.shape) < 0.1] = np.nan
NUMBER = np.nan_to_num(X[:, 0]) + np.nan_to_num(X[:, 1] * X[:, 2])
LABELS = np.array(["a", "b", "c"])[np.digitize(NUMBER, [0.0, 0.8])]
T = RNG.normal(size=(200, 4))
T[RNG.random(T.shape) < 0.1] = np.nan


def same_nodes(found, expected):
    np.testing.assert_array_equal(found.children_left, expected.children_left)
    np.testing.assert_array_equal(found.children_right, expected.children_right)
    np.testing.assert_array_equal(found.feature, expected.feature)
    np.testing.assert_array_equal(found.n_node_samples, expected.n_node_samples)
    np.testing.assert_allclose(found.threshold, expected.threshold, rtol=1e-6)
    inner = expected.children_left >= 0
    np.testing.assert_array_equal(found.missing_go_to_left[inner], expected.missing_go_to_left[inner])
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-12, atol=1e-12)
    assert (found.node_count, found.n_leaves, found.max_depth) == (
        expected.node_count,
        expected.n_leaves,
        expected.max_depth,
    )


@pytest.mark.parametrize("y", [LABELS == "a", LABELS], ids=["two", "three"])
def test_a_classification_tree(y):
    original = tree.DecisionTreeClassifier(max_depth=6, random_state=0).fit(X, y)
    model = from_sklearn(original)
    same_nodes(model.tree_, original.tree_)
    np.testing.assert_allclose(model.tree_.impurity, original.tree_.impurity, rtol=1e-9, atol=1e-12)
    member = model.estimators_[0]
    np.testing.assert_array_equal(member.predict(T), original.predict(T))
    np.testing.assert_array_equal(member.apply(T), original.apply(T))
    np.testing.assert_array_equal(
        member.decision_path(T).toarray(), original.decision_path(T.astype(np.float32)).toarray()
    )


def test_a_regression_tree():
    original = tree.DecisionTreeRegressor(random_state=0).fit(X, NUMBER)
    model = from_sklearn(original)
    same_nodes(model.tree_, original.tree_)
    # a leaf of a fully grown tree has one target, so that even the impurities are those of the rows
    np.testing.assert_allclose(model.tree_.impurity, original.tree_.impurity, rtol=1e-9, atol=1e-12)
    assert export_text(model.estimators_[0], max_depth=3) == tree.export_text(original, max_depth=3)


def test_several_outputs():
    y = np.stack([NUMBER, X[:, 3] > 0], axis=1)
    original = ensemble.RandomForestRegressor(3, max_depth=4, random_state=0).fit(X, y)
    model = from_sklearn(original)
    for member, theirs in zip(model.estimators_, original.estimators_, strict=True):
        np.testing.assert_allclose(member.predict(T), theirs.predict(T), rtol=1e-12)
        assert member.tree_.value.shape == theirs.tree_.value.shape
    with pytest.raises(AttributeError, match="3 trees has no tree_"):
        _ = model.tree_


def test_forest_of_classifiers():
    original = ensemble.RandomForestClassifier(4, random_state=0, bootstrap=False, max_features=2).fit(
        X, LABELS
    )
    model = from_sklearn(original)
    for member, theirs in zip(model.estimators_, original.estimators_, strict=True):
        same_nodes(member.tree_, theirs.tree_)
        np.testing.assert_allclose(member.predict_proba(T), theirs.predict_proba(T), rtol=1e-12)
        np.testing.assert_array_equal(member.classes_, original.classes_)


def test_histogram_boosting():
    original = ensemble.HistGradientBoostingClassifier(max_iter=4, min_samples_leaf=5).fit(X, LABELS)
    model = from_sklearn(original)
    trees = model.estimators_
    assert len(trees) == len(trees[:]) == 12
    sums = np.stack([sum(member.predict(T) for member in trees[k::3]) for k in range(3)], axis=1)
    np.testing.assert_allclose(sums + model._baseline, original.decision_function(T), rtol=1e-12)
    assert trees[-1].tree_.n_node_samples[0] == len(X)
    assert repr(trees).startswith("<12 trees of <TreeModel of scikit-learn")
    with pytest.raises(IndexError, match="12"):
        trees[12]
    with pytest.raises(TypeError, match="integer"):
        trees[0.5]


def golden(reader, name):
    path = next(p for p in GOLDEN.glob(f"{name}.*") if p.suffix != ".npz")
    return reader(path)


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (from_lightgbm, "lightgbm_forest"),
        (from_lightgbm, "lightgbm_poisson"),
        (from_xgboost, "xgboost_gamma"),
        (from_catboost, "catboost_lossguide"),
        (from_catboost, "catboost_classes"),
    ],
)
def test_trees_add_up_to_the_score(reader, name):
    model = golden(reader, name)
    rows = np.random.default_rng(1).normal(size=(500, model.n_features_in_)) * 3
    rows[::7, 0] = np.nan
    sums = np.tile(model._baseline, (len(rows), 1))
    for k, member in enumerate(model.estimators_):
        own = member.predict(rows)
        if own.ndim == 2:  # CatBoost's leaves have a number for each class
            sums += own
        else:
            sums[:, k % model.n_outputs_] += own
        nodes = member.tree_
        assert nodes.weighted_n_node_samples[0] > 0
        assert np.isfinite(nodes.value).all()
        assert (nodes.impurity >= 0).all()
    np.testing.assert_array_equal(sums, model._scores(rows))


@pytest.mark.parametrize("name", ["lightgbm_categories", "lightgbm_zero_is_missing"])
def test_what_no_threshold_tells_is_refused(name):
    model = golden(from_lightgbm, name)
    with pytest.raises(ValueError, match=r"tree \d+ cannot be told by thresholds: a split on feature \d+"):
        model.estimators_[:]


def test_leaves_that_are_no_shares_are_refused():
    model = fastml.load(GOLDEN / "v1_TreeModel_shares.fastml")
    state = model.__getstate__()
    leaves = state["arrays"]["cart.leaf_vector"].copy()
    leaves[-1] = 0.0
    state["arrays"] = {**state["arrays"], "cart.leaf_vector": leaves}
    changed = TreeModel.__new__(TreeModel)
    changed.__setstate__(state)
    assert np.isfinite(changed.predict_raw(np.zeros((3, changed.n_features_in_)))).all()
    with pytest.raises(
        ValueError, match=r"tree \d+ cannot be told by shares of the classes: those of leaf \d+"
    ):
        changed.estimators_[:]
