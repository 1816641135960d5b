"""The forest's bookkeeping, and the validator against every way in which arrays can be wrong."""

import copy
import pickle
import time

import numpy as np
import pytest

from fastml._engine.tree.forest import Forest
from fastml._engine.tree.validate import MAX_DEPTH, NODE_FIELDS, validate_forest, validate_tree
from tests.reference.predict import random_tree

N_CODES = np.array([256, 40, 3, 20], dtype=np.uint16)
IS_CATEGORICAL = np.array([0, 0, 0, 1])


def trees_of(seed, sizes=(31, 1, 8, 2)):
    rng = np.random.default_rng(seed)
    return [random_tree(rng, N_CODES, IS_CATEGORICAL, size) for size in sizes]


def forest_of(trees, n_outputs=1):
    forest = Forest(n_outputs, np.arange(n_outputs) + 0.5)
    for i, tree in enumerate(trees):
        forest.append(tree, i % n_outputs)
    return forest


def assert_same(a, b):
    a, b = a.arrays(), b.arrays()
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], strict=True)


def assert_holds(forest, trees):
    """Each tree of the forest is the one appended, its category sets included."""
    assert len(forest) == forest.n_trees == len(trees)
    assert forest.n_nodes == sum(len(tree["left"]) for tree in trees)
    for i, expected in enumerate(trees):
        tree = forest.tree(i)
        for name in NODE_FIELDS:
            if name != "category_set":
                np.testing.assert_array_equal(tree[name], expected[name])
        split = expected["category_set"] >= 0
        np.testing.assert_array_equal(tree["category_set"] >= 0, split)
        np.testing.assert_array_equal(
            tree["category_sets"][tree["category_set"][split]],
            expected["category_sets"][expected["category_set"][split]],
        )


def test_append_in_any_rhythm_gives_the_same_arrays():
    trees = trees_of(0, (31, 1, 8, 2, 64, 5))
    at_once = forest_of(trees, 2)
    assert_holds(at_once, trees)
    stepwise = Forest(2, [0.5, 1.5])
    for i, tree in enumerate(trees):
        stepwise.append(tree, i % 2)
        if i % 3:
            stepwise.arrays()
        assert_holds(stepwise, trees[: i + 1])
        assert stepwise.output_of(i) == i % 2
    assert_same(at_once, stepwise)
    validate_forest(at_once.arrays(), N_CODES)


def test_append_copies():
    tree = trees_of(1)[0]
    forest = forest_of([tree])
    before = forest.tree(0)["value"].copy()
    tree["value"][:] = 7
    np.testing.assert_array_equal(forest.tree(0)["value"], before)


def test_append_refuses():
    tree = trees_of(2)[0]
    forest = Forest(2)
    for output in (-1, 2):
        with pytest.raises(ValueError, match="output must be in"):
            forest.append(tree, output)
    with pytest.raises(ValueError, match="'gain' has shape"):
        forest.append({**tree, "gain": tree["gain"][:-1]})
    with pytest.raises(ValueError, match="at least one node"):
        forest.append({name: [] for name in NODE_FIELDS})
    with pytest.raises(ValueError, match="32 columns"):
        forest.append({**tree, "category_sets": np.zeros((3, 8), dtype=np.uint8)})
    assert forest.n_trees == 0


@pytest.mark.parametrize(
    "kwargs", [{"n_outputs": 0}, {"n_outputs": 2, "baseline": [1.0]}, {"baseline": [np.nan]}]
)
def test_constructor_refuses(kwargs):
    with pytest.raises(ValueError, match=r"n_outputs|baseline"):
        Forest(**kwargs)


def test_scale_and_truncate():
    trees = trees_of(3, (8, 31, 4, 16))
    for merged in (False, True):
        forest = forest_of(trees)
        if merged:
            forest.arrays()
        version = forest.version
        forest.scale(1, -0.5)
        assert forest.version > version
        expected = [dict(tree) for tree in trees]
        expected[1]["value"] = trees[1]["value"] * -0.5
        assert_holds(forest, expected)
        for n_trees in (3, 1, 0):
            forest.truncate(n_trees)
            assert_holds(forest, expected[:n_trees])
            validate_forest(forest.arrays(), N_CODES)
        forest.append(trees[2])
        assert_holds(forest, [trees[2]])
    with pytest.raises(ValueError, match="finite"):
        forest.scale(0, np.inf)
    with pytest.raises(ValueError, match="n_trees must be in"):
        forest.truncate(2)
    with pytest.raises(IndexError):
        forest.tree(1)
    with pytest.raises(IndexError):
        forest.output_of(-1)


def test_scale_of_read_only_arrays():
    forest = forest_of(trees_of(4))
    arrays = forest.arrays()
    for array in arrays.values():
        array.setflags(write=False)
    other = Forest.from_arrays(arrays)
    other.scale(0, 2.0)
    np.testing.assert_array_equal(other.tree(0)["value"], 2 * arrays["value"][: len(other.tree(0)["value"])])
    np.testing.assert_array_equal(forest.tree(0)["value"] * 2, other.tree(0)["value"])


@pytest.mark.parametrize("way", [lambda f: pickle.loads(pickle.dumps(f)), copy.deepcopy])
def test_round_trips(way):
    forest = forest_of(trees_of(5), 3)
    assert_same(way(forest), forest)
    assert_same(Forest.from_arrays(forest.arrays(), N_CODES), forest)
    assert_same(way(Forest()), Forest())


def test_depths():
    trees = trees_of(6, (31, 1, 200))
    depth = forest_of(trees).depths()
    for tree, own in zip(
        trees, np.split(depth, np.cumsum([len(t["left"]) for t in trees])[:-1]), strict=True
    ):
        assert own[0] == 0
        for child in ("left", "right"):
            inner = tree[child] >= 0
            np.testing.assert_array_equal(own[tree[child][inner]], own[inner] + 1)


def test_importance():
    trees = trees_of(7, (31, 1, 16))
    forest = forest_of(trees)
    assert forest.max_feature == 3
    for kind, field in (("gain", "gain"), ("cover", "weight"), ("split", None)):
        expected = np.zeros(5)
        for tree in trees:
            for node in np.flatnonzero(tree["left"] >= 0):
                expected[tree["feature"][node]] += 1 if field is None else tree[field][node]
        np.testing.assert_allclose(forest.importance(kind, 5), expected, rtol=1e-14)
    assert forest_of([]).importance("gain", 2).tolist() == [0, 0]
    assert Forest().max_feature == -1
    with pytest.raises(ValueError, match="kind must be"):
        forest.importance("weight", 5)
    with pytest.raises(ValueError, match="feature 3"):
        forest.importance("gain", 3)


def stump(**changes):
    """A forest of a tree that is a leaf, and one of five nodes: 0 splits a number, 2 a category."""
    arrays = {
        "tree_offsets": np.array([0, 1, 6]),
        "tree_output": np.array([0, 1]),
        "baseline": np.array([0.5, 0.25]),
        "left": np.array([-1, 1, -1, 3, -1, -1]),
        "right": np.array([-1, 2, -1, 4, -1, -1]),
        "feature": np.array([-1, 0, -1, 3, -1, -1]),
        "code": np.array([0, 200, 0, 0, 0, 0]),
        "threshold": np.array([np.nan, 1.5, np.nan, np.nan, np.nan, np.nan]),
        "missing_left": np.array([0, 1, 0, 0, 0, 0]),
        "category_set": np.array([-1, -1, -1, 0, -1, -1]),
        "value": np.arange(6.0),
        "gain": np.arange(6.0),
        "count": np.arange(6),
        "weight": np.arange(6.0),
        "category_sets": np.ones((1, 32), dtype=np.uint8),
    }
    return {**arrays, **changes}


def changed(name, at, value):
    array = stump()[name].copy()
    array[at] = value
    return {name: array}


def test_the_example_is_valid():
    checked = validate_forest(stump(), N_CODES)
    assert {name: checked[name].dtype for name in NODE_FIELDS} == {
        name: np.dtype(dtype) for name, dtype in NODE_FIELDS.items()
    }
    assert Forest.from_arrays(stump(), N_CODES).n_trees == 2


WRONG = {
    "offsets do not start at 0": ({"tree_offsets": np.array([1, 2, 6])}, "start with 0"),
    "no offsets": ({"tree_offsets": np.empty(0, dtype=np.int64)}, "start with 0"),
    "offsets descend": ({"tree_offsets": np.array([0, 7, 6])}, "tree_offsets.*ascend"),
    "an empty tree": ({"tree_offsets": np.array([0, 0, 6])}, "tree_offsets.*ascend"),
    "offsets beyond the nodes": ({"tree_offsets": np.array([0, 1, 7])}, "must end with the number of nodes"),
    "offsets that wrap": ({"tree_offsets": np.array([0, -(2**63), 6])}, "ascend"),
    "a tree per offset": ({"tree_output": np.array([0])}, "1 entries for 2 trees"),
    "output too large": (changed("tree_output", 0, 2), "tree_output.*in \\[0, 2\\)"),
    "output negative": (changed("tree_output", 1, -1), "tree_output"),
    "no outputs": ({"baseline": np.empty(0)}, "baseline"),
    "baseline not finite": ({"baseline": np.array([0.0, np.inf])}, "baseline.*finite"),
    "a field too short": ({"gain": np.zeros(5)}, "'gain' has 5 entries"),
    "two dimensions": ({"gain": np.zeros((6, 1))}, "'gain' must have 1 dimension"),
    "text": ({"gain": np.array(["a"] * 6)}, "'gain' must hold real numbers"),
    "fractions": ({"left": stump()["left"] + 0.0}, "'left' must hold integers"),
    "an index that wraps": ({"left": stump()["left"] + 2**32}, "outside the range of int32"),
    "a code that wraps": (changed("code", 1, 256), "outside the range of uint8"),
    "a child that is its own parent": (changed("left", 3, 2), "tree 1, node 2: a child must come after"),
    "a child before its parent": (changed("left", 3, 1), "must come after its parent"),
    "a negative child": (changed("left", 3, -2), "must come after its parent"),
    "a child outside": (changed("right", 3, 5), "outside the tree"),
    "one child only": (changed("right", 3, -1), "both children or none"),
    "a node reached twice": (changed("left", 1, 2), "exactly one node"),
    "a node never reached": ({**changed("left", 3, -1), **changed("right", 3, -1)}, "exactly one node"),
    "a leaf with a feature": (changed("feature", 2, 0), "tree 1, node 1: must be -1 in a leaf"),
    "a split without a feature": (changed("feature", 1, -1), "not be negative"),
    "feature too large": (changed("feature", 1, 4), "number of features, 4"),
    "code too large": ({**changed("feature", 1, 1)}, "number of codes"),
    "no code goes left": ({**changed("code", 1, 0), **changed("missing_left", 1, 0)}, "no row left"),
    "missing_left of 2": (changed("missing_left", 1, 2), "missing_left.*0 or 1"),
    "set too large": (changed("category_set", 3, 1), "number of sets, 1"),
    "set negative": (changed("category_set", 3, -2), "row of 'category_sets'"),
    "a leaf with a set": (changed("category_set", 2, 0), "must be -1 in a leaf"),
    "sets of 31 bytes": ({"category_sets": np.ones((1, 31), dtype=np.uint8)}, "32 columns"),
    "sets flat": ({"category_sets": np.ones(32, dtype=np.uint8)}, "2 dimension"),
    "threshold missing": (changed("threshold", 1, np.nan), "threshold.*must be a number"),
    "value not finite": (changed("value", 2, np.nan), "'value', tree 1, node 1: must be finite"),
    "gain not finite": (changed("gain", 1, np.inf), "'gain'.*finite"),
    "weight negative": (changed("weight", 0, -1.0), "'weight', tree 0, node 0"),
    "count negative": (changed("count", 0, -1), "'count'"),
}


@pytest.mark.parametrize("problem", WRONG)
def test_wrong_arrays_are_refused(problem):
    changes, message = WRONG[problem]
    with pytest.raises(ValueError, match=message):
        validate_forest(stump(**changes), N_CODES)
    if "feature too" not in problem and "code too" not in problem:  # these need to know the data
        with pytest.raises(ValueError, match=message):
            Forest.__new__(Forest).__setstate__(stump(**changes))


@pytest.mark.parametrize("name", stump())
def test_a_missing_array_is_named(name):
    arrays = stump()
    del arrays[name]
    with pytest.raises(ValueError, match=f"no array '{name}'"):
        validate_forest(arrays)


def test_state_of_another_kind_is_refused():
    for state in (None, [1, 2], "text"):
        with pytest.raises(ValueError, match="must be a dict"):
            Forest.__new__(Forest).__setstate__(state)


def test_features_can_be_checked_without_codes():
    validate_forest(stump(), n_features=4)
    with pytest.raises(ValueError, match="number of features, 3"):
        validate_forest(stump(), n_features=3)
    with pytest.raises(ValueError, match="feature"):
        validate_forest(stump(), n_codes=np.empty(0, dtype=np.uint16))
    with pytest.raises(ValueError, match="vector of integers"):
        validate_forest(stump(), n_codes=np.zeros(4))


def test_one_tree():
    tree = trees_of(8)[0]
    checked = validate_tree(tree, N_CODES)
    for name in NODE_FIELDS:
        np.testing.assert_array_equal(checked[name], tree[name])
    leaf = {name: array for name, array in trees_of(8)[1].items() if name != "category_sets"}
    assert validate_tree(leaf)["category_sets"].shape == (0, 32)
    with pytest.raises(ValueError, match="no array 'left'"):
        validate_tree({})


def chain(n_splits):
    """A tree that is one path: node 2k splits, node 2k + 1 is its leaf."""
    n = 2 * n_splits + 1
    inner = np.arange(n) % 2 == 0
    inner[-1] = False
    return {
        "left": np.where(inner, np.arange(n) + 1, -1),
        "right": np.where(inner, np.arange(n) + 2, -1),
        "feature": np.where(inner, 0, -1),
        "code": inner.astype(np.uint8),
        "threshold": np.where(inner, 0.0, np.nan),
        "missing_left": np.zeros(n, np.uint8),
        "category_set": np.full(n, -1),
        **{name: np.zeros(n) for name in ("value", "gain", "weight")},
        "count": np.zeros(n, np.int64),
    }


def test_paths_are_limited_and_the_cost_is_linear():
    validate_tree(chain(1000))
    start = time.perf_counter()
    with pytest.raises(ValueError, match=f"more than {MAX_DEPTH} splits"):
        validate_tree(chain(10 * MAX_DEPTH))
    assert time.perf_counter() - start < 30  # quadratic work would take hours


def test_random_damage_is_refused_or_harmless():
    rng = np.random.default_rng(9)
    valid = forest_of(trees_of(10, (31, 8, 1, 16)), 2).arrays()
    n_refused = 0
    for _ in range(2000):
        name = rng.choice(list(valid))
        array = valid[name].copy()
        flat = array.reshape(-1)
        at = rng.integers(flat.size)
        if array.dtype.kind == "f":
            flat[at] = rng.choice([np.nan, np.inf, -np.inf, 1e308, -1.0])
        else:
            limits = np.iinfo(array.dtype)
            flat[at] = rng.choice(np.array([limits.min, limits.max, -1 % 256, 0, 1, 2, 5], dtype=np.int64))
        try:
            forest = Forest.from_arrays({**valid, name: array}, N_CODES)
        except ValueError as error:
            assert name in str(error) or "node" in str(error) or "entries" in str(error)
            n_refused += 1
        else:  # what is accepted can be walked: every path ends
            forest.depths()
    assert n_refused > 500
