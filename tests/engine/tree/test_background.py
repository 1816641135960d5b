"""SHAP values against a background set, against their definition in rational numbers."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.background import background_values
from fastml._engine.tree.background_trees import BackgroundTrees
from fastml._engine.tree.flat_trees import flat_trees, used_features
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.predict import predict_raw
from fastml._engine.tree.shap_planes import CodePlanes
from fastml._engine.tree.shap_trees import ShapTrees
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


def planes(forest, X, mapper):
    return CodePlanes(X, mapper, used_features(forest))


def explained(forest, X, Z, mapper, n_threads=1):
    rows, others = planes(forest, X, mapper), planes(forest, Z, mapper)
    return background_values(forest, rows, others, X.shape[1], n_threads)


def forest_of(*trees):
    forest = Forest()
    for tree in trees:
        forest.append(tree)
    return forest


def shares(forest, n_others, n_features):
    """Leaves with a table, trees with leaves that have none."""
    every = np.arange(n_features, dtype=np.int32)
    trees = ShapTrees(flat_trees(forest, 0, forest.n_trees), every, every, False, 1)
    plan = BackgroundTrees(trees, n_features, n_others)
    plan.make(1)
    return plan.shares


def exact(trees, codes, others, n_features):
    total = np.zeros((len(codes), n_features))
    for tree in trees:
        background = [decisions(tree, other) for other in others]
        for i, row in enumerate(codes):
            found = reference.against_background_by_leaves(
                as_reference(tree), decisions(tree, row), background
            )
            for f, value in found.items():
                total[i, f] += float(value)
    return total


@pytest.mark.parametrize("seed", range(4))
def test_reference_agrees_with_itself(seed):
    rng = np.random.default_rng(seed)
    tree = random_tree(rng, 9, 5)
    row = decisions(tree, rng.integers(0, 16, 5))
    background = [decisions(tree, rng.integers(0, 16, 5)) for _ in range(4)]
    by_subsets = reference.against_background(as_reference(tree), row, background)
    assert by_subsets == reference.against_background_by_leaves(as_reference(tree), row, background)


@pytest.mark.parametrize("n_others", [1, 5, 16, 40])
@pytest.mark.parametrize("n_inner", [1, 2, 3, 7, 15, 40])
def test_values_are_shapleys(n_inner, n_others, isa):
    rng = np.random.default_rng(n_inner)
    mapper, X, Z = mapper_of(6), random_rows(rng, 19, 6), random_rows(rng, n_others, 6)
    trees = [random_tree(rng, n_inner, 6) for _ in range(3)]
    forest = forest_of(*trees)
    values, expected = explained(forest, X, Z, mapper)
    picked = [0, 7, 16, 18]
    wanted = exact(trees, mapper.codes(X)[picked], mapper.codes(Z), 6)
    np.testing.assert_allclose(values[picked, :, 0], wanted, rtol=0, atol=1e-14)
    np.testing.assert_allclose(expected, predict_raw(forest, mapper, Z).mean(axis=0), rtol=0, atol=1e-14)
    tables, with_pairs = shares(forest, n_others, 6)
    assert tables == 3 * (n_inner + 1) and with_pairs == 0


def test_trees_with_both_kinds_of_leaves():
    rng = np.random.default_rng(5)
    mapper, X, Z = mapper_of(20), random_rows(rng, 70, 20), random_rows(rng, 5, 20)
    trees = [random_tree(rng, 120, 20) for _ in range(4)]
    forest = forest_of(*trees)
    tables, with_pairs = shares(forest, 5, 20)
    assert tables and with_pairs
    values, _ = explained(forest, X, Z, mapper)
    wanted = exact(trees, mapper.codes(X)[:2], mapper.codes(Z), 20)
    np.testing.assert_allclose(values[:2, :, 0], wanted, rtol=0, atol=1e-14)


@pytest.mark.parametrize("depth", [30, 125])
def test_long_paths(depth):
    rng = np.random.default_rng(depth)
    tree = chain(rng, depth, [1] * depth)
    mapper, forest = mapper_of(depth), forest_of(tree)
    X, Z = random_rows(rng, 3, depth), random_rows(rng, 4, depth)
    # rows that pass nearly all of the path, each by features of its own
    for i in range(depth):
        wanted = tree["left"][2 * i] == 2 * i + 2
        fits = [c for c in range(16) if decisions_of(tree, 2 * i, c) == wanted]
        own = X if i % 2 else Z
        own[0, i] = (fits[0] - 1 if fits[0] else np.nan) if fits else own[0, i]
        if fits and i % 5:
            X[0, i] = Z[0, i] = own[0, i]
    values, _ = explained(forest, X, Z, mapper)
    wanted = exact([tree], mapper.codes(X), mapper.codes(Z), depth)
    np.testing.assert_allclose(values[..., 0], wanted, rtol=0, atol=1e-15)
    difference = predict_raw(forest, mapper, X) - predict_raw(forest, mapper, Z).mean(axis=0)
    np.testing.assert_allclose(values.sum(axis=1), difference, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n_rows", "n_others"), [(1, 1), (16, 200), (17, 3), (1000, 100)])
def test_same_bits_everywhere(n_rows, n_others):
    rng = np.random.default_rng(4)
    mapper, X, Z = mapper_of(14), random_rows(rng, n_rows, 14), random_rows(rng, n_others, 14)
    forest = Forest(n_outputs=3)
    for k in range(12):
        forest.append(random_tree(rng, 40, 14, empty=0.1), output=k % 3)
    alone = explained(forest, X, Z, mapper)
    before = kernels.selected()
    try:
        for isa in kernels.available():
            kernels.select(isa)
            for n_threads in (1, 2, 3, 7):
                found = explained(forest, X, Z, mapper, n_threads)
                assert found[0].tobytes() == alone[0].tobytes()
                assert found[1].tobytes() == alone[1].tobytes()
    finally:
        kernels.select(before)
    some = explained(forest, X[-1:], Z, mapper)[0]  # a row alone, as among others
    assert some.tobytes() == alone[0][-1:].tobytes()
    difference = predict_raw(forest, mapper, X) - predict_raw(forest, mapper, Z).mean(axis=0)
    np.testing.assert_allclose(alone[0].sum(axis=1), difference, rtol=0, atol=1e-12)


def test_paths_of_more_features_than_a_table_takes():
    """Up to twenty features in tables, beyond by pairs; a large background for both."""
    rng = np.random.default_rng(8)
    trees = [chain(rng, n, [1] * n) for n in (17, 20, 26)]
    mapper, X, Z = mapper_of(26), random_rows(rng, 20, 26), random_rows(rng, 20_000, 26)
    forest = forest_of(*trees)
    tables, with_pairs = shares(forest, len(Z), 26)
    assert 18 + 21 < tables < 18 + 21 + 27 and with_pairs == 1
    values, expected = explained(forest, X, Z, mapper, 2)
    raw = predict_raw(forest, mapper, X)
    np.testing.assert_allclose(values.sum(axis=1) + expected, raw, rtol=0, atol=1e-12)
    wanted = exact(trees, mapper.codes(X)[:1], mapper.codes(Z)[:40], 26)
    found = explained(forest, X[:1], Z[:40], mapper)[0]
    np.testing.assert_allclose(found[..., 0], wanted, rtol=0, atol=1e-13)


def test_chunks_of_rows():
    """More rows than are held at once."""
    rng = np.random.default_rng(6)
    mapper, Z = mapper_of(200, 8), random_rows(rng, 3, 200, 8)
    forest = forest_of(*[random_tree(rng, 150, 200, 8) for _ in range(2)])
    X = random_rows(rng, 45_000, 200, 8)
    values, expected = explained(forest, X, Z, mapper, 2)
    raw = predict_raw(forest, mapper, X)
    np.testing.assert_allclose(values.sum(axis=1) + expected, raw, rtol=0, atol=1e-12)


def test_trees_without_splits():
    rng = np.random.default_rng(0)
    mapper, X = mapper_of(3), random_rows(rng, 5, 3)
    forest = Forest(baseline=[1.0])
    assert not explained(forest, X, X, mapper)[0].any()
    forest.append(random_tree(rng, 0, 3))
    values, expected = explained(forest, X, X, mapper)
    assert values.shape == (5, 3, 1) and not values.any()
    assert expected[0] == forest.tree(0)["value"][0]


def test_refuses_planes_of_other_features():
    rng = np.random.default_rng(0)
    forest, mapper, X = forest_of(random_tree(rng, 30, 6)), mapper_of(6), np.zeros((2, 6))
    few = CodePlanes(X, mapper, np.arange(2, dtype=np.int32))
    with pytest.raises(ValueError, match="planes"):
        background_values(forest, few, planes(forest, X, mapper), 6)
    with pytest.raises(ValueError, match="planes"):
        background_values(forest, planes(forest, X, mapper), few, 6)
