"""SHAP values of trees against their definition in rational numbers."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from fastml._engine.tree.flat_trees import flat_trees, used_features
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.shap import expected_values, shap_values
from fastml._engine.tree.shap_planes import CodePlanes
from fastml._engine.tree.shap_trees import ShapTrees, n_points, rule
from tests.engine.tree.shap_cases import (
    as_reference,
    chain,
    decisions,
    decisions_of,
    mapper_of,
    random_rows,
    random_tree,
)
from tests.reference import shap as reference


def explained(forest, X, mapper, interactions=False, n_threads=1):
    rows = CodePlanes(X, mapper, used_features(forest))
    return shap_values(forest, rows, X.shape[1], interactions, n_threads)


def close(found, expected, tolerance=1e-13):
    dense = np.zeros(len(found))
    for f, value in expected.items():
        dense[f] = float(value)
    np.testing.assert_allclose(found, dense, rtol=0, atol=tolerance)


@pytest.mark.parametrize("seed", range(6))
def test_reference_agrees_with_itself(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 8, 5)
    row, simple = decisions(tree, rng.integers(0, 16, 5)), as_reference(tree)
    exact = reference.by_subsets(simple, row)
    assert exact == reference.by_paths(simple, row)
    assert reference.interactions_by_subsets(simple, row) == reference.interactions_by_paths(simple, row)
    other = reference.lundberg(simple, row)
    assert all(abs(float(exact[f]) - other[f]) < 1e-12 for f in exact)


@pytest.mark.parametrize("n_inner", [1, 2, 3, 7, 15, 40])
def test_values_are_shapleys(n_inner, isa):
    rng = np.random.default_rng(n_inner)
    mapper, X = mapper_of(6), random_rows(rng, 21, 6)
    trees = [random_tree(rng, n_inner, 6) for _ in range(3)]
    forest = Forest(baseline=[0.25])
    for tree in trees:
        forest.append(tree)
    codes = mapper.codes(X)
    values, expected = explained(forest, X, mapper)
    for i in (0, 7, 15, 16, 20):
        total = dict.fromkeys(range(6), Fraction(0))
        for tree in trees:
            for f, value in reference.by_subsets(as_reference(tree), decisions(tree, codes[i])).items():
                total[f] += value
        close(values[i, :, 0], total)
    mean = sum(reference.known_value(as_reference(tree), None, set()) * 0 for tree in trees)
    mean += sum(np.average(t["value"][t["left"] < 0], weights=t["count"][t["left"] < 0]) for t in trees)
    np.testing.assert_allclose(expected, mean, atol=1e-14)
    np.testing.assert_array_equal(expected_values(forest), expected)


@pytest.mark.parametrize("n_inner", [1, 2, 6, 15, 40])
def test_interactions_are_shapleys(n_inner, isa):
    rng = np.random.default_rng(n_inner)
    mapper, X = mapper_of(6), random_rows(rng, 19, 6)
    tree = random_tree(rng, n_inner, 6)
    forest = Forest()
    forest.append(tree)
    codes = mapper.codes(X)
    pairs, _ = explained(forest, X, mapper, interactions=True)
    values, _ = explained(forest, X, mapper)
    np.testing.assert_allclose(pairs.sum(axis=2), values, atol=1e-13)
    np.testing.assert_array_equal(pairs, pairs.transpose(0, 2, 1, 3))
    for i in (0, 5, 18):
        exact = reference.interactions_by_subsets(as_reference(tree), decisions(tree, codes[i]))
        for (f, g), value in exact.items():
            assert abs(pairs[i, f, g, 0] - float(value)) < 1e-13


@pytest.mark.parametrize("interactions", [False, True])
def test_every_instruction_set_gives_the_same_bits(interactions):
    from fastml._engine.runtime import kernels

    rng = np.random.default_rng(4)
    mapper, X = mapper_of(9), random_rows(rng, 70, 9)
    forest = Forest(n_outputs=3)
    for k in range(9):
        forest.append(random_tree(rng, 30, 9, empty=0.1), output=k % 3)
    before, found = kernels.selected(), []
    try:
        for isa in kernels.available():
            kernels.select(isa)
            found.append(explained(forest, X, mapper, interactions))
    finally:
        kernels.select(before)
    for values, expected in found[1:]:
        np.testing.assert_array_equal(values, found[0][0])
        np.testing.assert_array_equal(expected, found[0][1])


@pytest.mark.parametrize("kind", ["even", "steep", "slow"])
@pytest.mark.parametrize("depth", [30, 125])
def test_long_paths(kind, depth):
    rng = np.random.default_rng(depth)
    if kind == "even":
        off = [int(n) for n in rng.integers(1, 20, depth)]
    elif kind == "steep":  # nine of ten rows leave at each of the first splits
        off = [max(1, int(1e12 * 0.1**i)) for i in range(depth)]
    else:  # nearly all rows go on: Lundberg's weights lose most here
        off = [1] * depth
        off[-1] = 10**6
    tree = chain(rng, depth, off)
    forest = Forest()
    forest.append(tree)
    mapper = mapper_of(depth)
    X = random_rows(rng, 4, depth)
    codes = mapper.codes(X)
    # one row that passes nearly all of the path
    for i in range(depth):
        wanted = tree["left"][2 * i] == 2 * i + 2
        fits = [c for c in range(16) if decisions_of(tree, 2 * i, c) == wanted]
        X[0, i] = (fits[0] - 1 if fits[0] else np.nan) if fits and i % 40 else X[0, i]
    codes = mapper.codes(X)
    values, _ = explained(forest, X, mapper)
    for i in range(1 if depth > 100 else 3):
        with localcontext(prec=300):
            exact = reference.by_paths(as_reference(tree), decisions(tree, codes[i]), Decimal)
        close(values[i, :, 0], exact, 1e-12)


def test_path_of_many_splits_on_few_features():
    rng = np.random.default_rng(8)
    tree = chain(rng, 4, [3] * 800, repeats=200)
    forest = Forest()
    forest.append(tree)
    mapper, X = mapper_of(4), random_rows(rng, 3, 4)
    values, _ = explained(forest, X, mapper)
    codes = mapper.codes(X)
    exact = reference.by_paths(as_reference(tree), decisions(tree, codes[0]))
    close(values[0, :, 0], exact)


@pytest.mark.parametrize("empty", [0.3, 1.0])
def test_leaves_without_rows(empty):
    rng = np.random.default_rng(3)
    mapper, X = mapper_of(5), random_rows(rng, 33, 5)
    for _ in range(20):
        forest = Forest()
        forest.append(random_tree(rng, 12, 5, empty=empty))
        pairs, expected = explained(forest, X, mapper, interactions=True)
        assert np.isfinite(pairs).all()
        raw = raw_of(forest, X, mapper)
        np.testing.assert_allclose(pairs.sum(axis=(1, 2)) + expected, raw, atol=1e-13)


def raw_of(forest, X, mapper):
    from fastml._engine.tree.predict import predict_raw

    return predict_raw(forest, mapper, X)


@pytest.mark.parametrize("interactions", [False, True])
def test_same_bits_on_any_number_of_threads(interactions):
    rng = np.random.default_rng(1)
    mapper, X = mapper_of(12), random_rows(rng, 1000, 12)
    forest = Forest(n_outputs=2)
    for k in range(20):
        forest.append(random_tree(rng, 40, 12), output=k % 2)
    alone = explained(forest, X, mapper, interactions)[0]
    for n_threads in (2, 3, 7):
        assert alone.tobytes() == explained(forest, X, mapper, interactions, n_threads)[0].tobytes()
    some = explained(forest, X[37:300], mapper, interactions)[0]
    assert some.tobytes() == alone[37:300].tobytes()


def test_batches_of_trees_add_up():
    rng = np.random.default_rng(2)
    mapper, X = mapper_of(7), random_rows(rng, 40, 7)
    forest = Forest()
    for _ in range(3):
        tree = random_tree(rng, 3000, 7)
        for _ in range(16):
            forest.append(tree)
    values, expected = explained(forest, X, mapper)
    raw = raw_of(forest, X, mapper)
    np.testing.assert_allclose(values.sum(axis=1) + expected, raw, atol=1e-11)


def test_trees_without_splits():
    rng = np.random.default_rng(0)
    mapper, X = mapper_of(3), random_rows(rng, 5, 3)
    forest = Forest(baseline=[1.0])
    assert not explained(forest, X, mapper)[0].any()
    forest.append(random_tree(rng, 0, 3))
    values, expected = explained(forest, X, mapper, interactions=True)
    assert values.shape == (5, 3, 3, 1) and not values.any()
    assert expected[0] == forest.tree(0)["value"][0]


def test_no_rows():
    rng = np.random.default_rng(0)
    forest = Forest()
    forest.append(random_tree(rng, 4, 3))
    mapper = mapper_of(3)
    source = np.zeros((1, 3))
    assert explained(forest, source, mapper)[0].shape == (1, 3, 1)


def test_refuses_planes_of_other_features():
    rng = np.random.default_rng(0)
    forest = Forest()
    forest.append(random_tree(rng, 30, 6))
    rows = CodePlanes(np.zeros((2, 6)), mapper_of(6), np.arange(2, dtype=np.int32))
    with pytest.raises(ValueError, match="planes"):
        shap_values(forest, rows, 6)
    with pytest.raises(ValueError, match="splits on feature 5"):
        CodePlanes(np.zeros((2, 4)), mapper_of(4), used_features(forest))


@pytest.mark.parametrize("d", [*range(1, 40), 60, 90, 101, 200, 400])
def test_points_are_enough(d):
    """The worst products: some factors t, some 1 - t; those between are means of these."""
    t, w = rule(n_points(d))
    assert abs(w.sum() - 1) < 1e-14 and (t > 0).all() and (t < 1).all()
    assert n_points(d) <= max(1, (d + 1) // 2)
    from scipy.special import beta

    for b in {0, min(1, d - 1), (d - 1) // 3, (d - 1) // 2}:
        a = d - 1 - b
        assert abs((w * t**a * (1 - t) ** b).sum() - beta(a + 1, b + 1)) < 5e-15  # the rounding of the points
    assert d < 60 or n_points(d) < 0.8 * d / 2


def test_points_are_chosen_per_tree():
    rng = np.random.default_rng(0)
    forest = Forest()
    for n_inner in (0, 1, 4):
        forest.append(random_tree(rng, n_inner, 5))
    forest.append(chain(rng, 125, [1] * 125))
    flat = flat_trees(forest, 0, 4)
    trees = ShapTrees(flat, np.arange(125, dtype=np.int32), np.arange(125, dtype=np.int32), False, 2)
    assert trees.points[0] == trees.points[1] == 1 and trees.points[2] <= 3
    assert trees.points[3] == n_points(125) > 30
