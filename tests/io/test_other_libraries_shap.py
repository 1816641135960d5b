"""Where SHAP values of other libraries are not ours: by the definition, in rational numbers, and by theirs.

Either side of each difference is written down as an exact calculation, so that it is known and not guessed
where it comes from. CatBoost and shap are asked where they are installed.
"""

import importlib.util
import json
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestRegressor

import fastml
from fastml.io import from_catboost, from_sklearn
from tests.reference.shap import against_background, by_paths

GOLDEN = Path(__file__).parent / "golden"
SPLITS = ("left", "right", "feature")


def is_installed(name):
    return importlib.util.find_spec(name) is not None


def given_by_json(document, output):
    """The trees of a model of CatBoost for one output, as the reference takes them."""
    trees = [_nested(tree) for tree in document.get("trees", [])]
    for tree in document.get("oblivious_trees", []):
        n_leaves = len(tree["leaf_weights"])
        width = len(tree["leaf_values"]) // n_leaves
        leaves = [
            {"weight": weight, "value": tree["leaf_values"][width * k + output]}
            for k, weight in enumerate(tree["leaf_weights"])
        ]
        for split in tree["splits"]:
            leaves = [
                {"split": split, "left": a, "right": b}
                for a, b in zip(leaves[::2], leaves[1::2], strict=True)
            ]
        trees.append(_nested(leaves[0]))
    return trees


def _nested(root):
    tree = {name: [] for name in ("left", "right", "feature", "border", "cover", "value")}

    def visit(own):
        at = len(tree["left"])
        for entries in tree.values():
            entries.append(-1)
        if "split" not in own:
            tree["cover"][at], tree["value"][at] = own["weight"], own["value"]
            return at
        tree["feature"][at] = own["split"]["float_feature_index"]
        tree["border"][at] = own["split"]["border"]
        tree["left"][at], tree["right"][at] = visit(own["left"]), visit(own["right"])
        tree["cover"][at] = sum(tree["cover"][tree[side][at]] for side in ("left", "right"))
        return at

    visit(root)
    return tree


def decisions(tree, row):
    """What a row decides at each node: CatBoost's numbers are float32."""
    return [np.float32(row[f]) <= border for f, border in zip(tree["feature"], tree["border"], strict=True)]


def sums(trees, row, explain, n_features):
    values = [explain(tree, decisions(tree, row)) for tree in trees]
    return [float(sum(own.get(f, Fraction(0)) for own in values)) for f in range(n_features)]


def by_catboost(tree, row):
    """What CatBoost computes of a tree that is not symmetric.

    A leaf beside a split counts as if it were the node above: its path ends one split too early, and beside
    the root it counts nothing, neither value nor rows.
    """
    cover = list(tree["cover"])
    left, right = tree["left"], tree["right"]
    sides = [(left, right), (right, left)]
    for own, other in sides:
        if left[0] >= 0 and left[own[0]] < 0 <= left[other[0]]:
            cover[0] -= cover[own[0]]
    values = dict.fromkeys({f for f in tree["feature"] if f >= 0}, Fraction(0))
    for leaf, way in _ways(tree):
        node, side = way[-1]
        if left[sides[1 - side][0][node]] >= 0:
            way = way[:-1]
        path = {}
        for node, side in way:
            child = sides[side][0][node]
            passed, share = path.get(tree["feature"][node], (True, Fraction(1)))
            share *= Fraction(cover[child], cover[node]) if cover[node] else Fraction(1, 2)
            path[tree["feature"][node]] = passed and row[node] == (side == 0), share
        for f, value in _of_leaf(Fraction(tree["value"][leaf]), path).items():
            values[f] += value
    return values


def _ways(tree):
    """Each leaf, and the (node, side) of its path."""
    stack = [(0, [])]
    while stack:
        node, way = stack.pop()
        if tree["left"][node] < 0:
            yield node, way
        else:
            stack += [(tree["left"][node], [*way, (node, 0)]), (tree["right"][node], [*way, (node, 1)])]


def _of_leaf(value, path):
    """A leaf alone, through the reference: a chain of the features of its path, and zero elsewhere."""
    if (False, 0) in path.values():
        return {}
    chain = {name: [] for name in ("left", "right", "feature", "cover", "value")}
    whole = Fraction(1)
    for _, share in path.values():
        whole *= share.denominator
    row, n = [], len(path)
    for k, (f, (passed, share)) in enumerate(path.items()):
        for name, entry in zip(SPLITS, (2 * k + 2, 2 * k + 1, f), strict=True):
            chain[name].append(entry)
        chain["cover"].append(whole)
        chain["value"].append(0)
        row.append(passed)
        for name in SPLITS:
            chain[name].append(-1)
        chain["cover"].append(whole - whole * share)
        chain["value"].append(0)
        row.append(None)
        whole *= share
    if n:
        for name in SPLITS:
            chain[name].append(-1)
        chain["cover"].append(whole)
        chain["value"].append(value)
        row.append(None)
    return by_paths(chain, row) if n else {}


@pytest.mark.parametrize("name", ["catboost_classes", "catboost_lossguide", "catboost_poisson"])
def test_catboost_models_are_explained_by_the_definition(name):
    """Leaves without a training row have no share, however the model is laid out."""
    content = (GOLDEN / f"{name}.json").read_bytes()
    model, X = from_catboost(content), np.load(GOLDEN / f"{name}.npz")["X"][:6]
    document = json.loads(content)
    found = model.shap_values(X).reshape(len(X), X.shape[1], -1)
    expected = np.atleast_1d(model.expected_value)
    bias = np.atleast_1d(document["scale_and_bias"][1])
    for k in range(found.shape[2]):
        trees = given_by_json(document, k)
        for row, values in zip(X, found[..., k], strict=True):
            if not np.isnan(row).any():
                np.testing.assert_allclose(values, sums(trees, row, by_paths, X.shape[1]), rtol=0, atol=1e-12)
        means = [
            sum(c * v for c, v, left in zip(t["cover"], t["value"], t["left"], strict=True) if left < 0)
            / t["cover"][0]
            for t in trees
        ]
        assert expected[k] == pytest.approx(bias[k] + sum(means), abs=1e-12)


def test_golden_models_have_empty_leaves():
    """Of the test above: there is something to tell."""
    document = json.loads((GOLDEN / "catboost_classes.json").read_bytes())
    assert any(0 in tree["leaf_weights"] for tree in document["oblivious_trees"])


def test_empty_leaves_pass_files_and_dumps(tmp_path):
    model = from_catboost(GOLDEN / "catboost_classes.json")
    X = np.load(GOLDEN / "catboost_classes.npz")["X"]
    model.save(tmp_path / "model.fastml")
    same = fastml.load(tmp_path / "model.fastml")
    np.testing.assert_array_equal(same.shap_values(X), model.shap_values(X))
    for index in range(model.n_trees_):
        assert np.isfinite(model._forest.tree(index)["value"]).all()


def data(n=400, seed=0):
    X = np.random.default_rng(seed).standard_normal((n, 3))
    return X, X[:, 0] * X[:, 1] + np.sin(3 * X[:, 2])


@pytest.mark.skipif(not is_installed("catboost"), reason="catboost is not installed")
@pytest.mark.parametrize("options", [
    {"grow_policy": "Lossguide", "max_leaves": 5, "depth": 4},
    {"grow_policy": "Lossguide", "max_leaves": 9, "depth": 6},
    {"grow_policy": "Depthwise", "depth": 5, "min_data_in_leaf": 20},
])  # fmt: skip
def test_catboost_cuts_the_path_of_a_leaf_beside_a_split(options):
    import catboost

    X, y = data()
    model = catboost.CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False, **options)
    theirs = model.fit(X, y).get_feature_importance(catboost.Pool(X[:20]), type="ShapValues")
    score = model.predict(X[:20])
    ours = from_catboost(model)
    # by the definition the values add up to the score; theirs do not
    np.testing.assert_allclose(ours.shap_values(X[:20]).sum(axis=1) + ours.expected_value, score, atol=1e-12)
    assert np.abs(theirs.sum(axis=1) - score).max() > 1e-3
    trees = given_by_json(_document(model), 0)
    expected = [sums(trees, row, by_catboost, 3) for row in X[:20]]
    np.testing.assert_allclose(theirs[:, :-1], expected, rtol=0, atol=1e-12)


def _document(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save_model(Path(folder) / "model.json", format="json")
        return json.loads((Path(folder) / "model.json").read_bytes())


@pytest.mark.skipif(not is_installed("catboost"), reason="catboost is not installed")
@pytest.mark.parametrize("loss", ["MultiClass", "MultiClassOneVsAll"])
def test_values_are_those_of_catboost_for_symmetric_trees(loss):
    import catboost

    X, y = data()
    y = np.digitize(y, [-0.5, 0.5])
    model = catboost.CatBoostClassifier(
        iterations=9, depth=6, loss_function=loss, verbose=False, allow_writing_files=False
    ).fit(X, y)
    theirs = model.get_feature_importance(catboost.Pool(X), type="ShapValues").transpose(0, 2, 1)
    ours = from_catboost(model)
    np.testing.assert_allclose(ours.shap_values(X), theirs[:, :-1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ours.expected_value, theirs[0, -1], rtol=0, atol=1e-12)


def of_scikit_learn(model, output, rounded):
    """Trees of HistGradientBoosting for one output; thresholds as they are, or as shap keeps them."""
    trees = []
    for predictors in model._predictors:
        nodes = predictors[output].nodes
        leaf = nodes["is_leaf"] > 0
        threshold = nodes["num_threshold"].astype(np.float32) if rounded else nodes["num_threshold"]
        trees.append({
            "left": np.where(leaf, -1, nodes["left"].astype(int)).tolist(),
            "right": np.where(leaf, -1, nodes["right"].astype(int)).tolist(),
            "feature": np.where(leaf, -1, nodes["feature_idx"]).tolist(),
            "threshold": threshold.astype(np.float64),
            "value": nodes["value"].tolist(),
        })  # fmt: skip
    return trees


def interventional(trees, row, background, n_features):
    def decided(tree, x):
        return [x[f] <= t for f, t in zip(tree["feature"], tree["threshold"], strict=True)]

    values = [against_background(t, decided(t, row), [decided(t, z) for z in background]) for t in trees]
    return [float(sum(own.get(f, Fraction(0)) for own in values)) for f in range(n_features)]


def test_rows_on_thresholds_of_hist_gradient_boosting():
    """scikit-learn takes numbers of the training rows as thresholds: to round one sends such a row elsewhere.

    The shap package keeps thresholds in float32 where it compares with a background.
    """
    X, y = data(600)
    y = np.digitize(y, [-0.5, 0.5])
    original = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=5, early_stopping=False).fit(X, y)
    thresholds = {t for p in original._predictors for own in p for t in own.nodes["num_threshold"].tolist()}
    on = np.flatnonzero([any(x in thresholds for x in row) for row in X.tolist()])
    assert on.size
    rows, background = X[on[:8]], X[:5]
    model = from_sklearn(original)
    found = model.shap_values(rows, background=background)
    score = original.decision_function(rows) - original.decision_function(background).mean(axis=0)
    np.testing.assert_allclose(found.sum(axis=1), score, rtol=0, atol=1e-12)
    rounded = np.empty_like(found)
    for k in range(3):
        for i, row in enumerate(rows):
            exact = interventional(of_scikit_learn(original, k, False), row, background, 3)
            np.testing.assert_allclose(found[i, :, k], exact, rtol=0, atol=1e-12)
            rounded[i, :, k] = interventional(of_scikit_learn(original, k, True), row, background, 3)
    assert np.abs(found - rounded).max() > 1e-3
    if is_installed("shap"):
        import shap

        theirs = shap.TreeExplainer(original, background).shap_values(rows, check_additivity=False)
        np.testing.assert_allclose(theirs, rounded, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [GradientBoostingRegressor, RandomForestRegressor])
@pytest.mark.parametrize("max_depth", [3, 12])
def test_covers_of_scikit_learn_are_weights(kind, max_depth):
    """A forest's draws and the user's weights count, whatever the layout: as in scikit-learn and shap."""
    X, y = data()
    weight = np.random.default_rng(1).integers(1, 5, len(X)) / 2
    original = kind(n_estimators=3, max_depth=max_depth, random_state=0).fit(X, y, sample_weight=weight)
    model = from_sklearn(original)
    means = []
    for tree in (estimator.tree_ for estimator in np.ravel(original.estimators_)):
        leaf = tree.children_left < 0
        means.append(np.average(tree.value[leaf, 0, 0], weights=tree.weighted_n_node_samples[leaf]))
    expected = np.mean(means)
    if kind is GradientBoostingRegressor:
        expected = original.init_.constant_.item() + 0.1 * np.sum(means)
    assert model.expected_value == pytest.approx(expected, abs=1e-12)
    if is_installed("shap"):
        import shap

        explainer = shap.TreeExplainer(original, feature_perturbation="tree_path_dependent")
        rows = X[:30].astype(np.float32).astype(np.float64)
        theirs = explainer.shap_values(rows, check_additivity=False)
        np.testing.assert_allclose(model.shap_values(rows), theirs, rtol=0, atol=1e-10)
