"""Roots counted together give the trees that roots counted one by one give."""

import numpy as np
import pytest

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.histogram import HistogramLayout
from fastml.ensemble import GradientBoostingClassifier

N_ROWS = 9_000


def dense(rng, d):
    X = rng.standard_normal((N_ROWS, d)).astype(np.float32)
    X[rng.random(X.shape) < 0.02] = np.nan
    return X


def sparse(rng, d):
    X = rng.integers(0, 300, size=(N_ROWS, d)).astype(np.float32)
    X[rng.random(X.shape) < 0.9] = 7.0
    return X


def few_codes(rng, d):
    return rng.integers(0, rng.integers(2, 12, size=d), size=(N_ROWS, d)).astype(np.float32)


def gradients(X, n_outputs):
    """Gradients that features explain, of different sizes."""
    rng = np.random.default_rng(1)
    first = np.nan_to_num(X[:, :3])
    found = []
    for k in range(n_outputs):
        g = (10.0**k * (first[:, k % 3] + rng.standard_normal(N_ROWS))).astype(np.float32)
        found.append((g, rng.random(N_ROWS, dtype=np.float32)))
    return found


def assert_same(tree, other):
    assert tree.keys() == other.keys()
    for name in tree:
        np.testing.assert_array_equal(
            np.ascontiguousarray(tree[name]).view(np.uint8),
            np.ascontiguousarray(other[name]).view(np.uint8),
            name,
        )


@pytest.mark.parametrize(
    ("maker", "d"), [(dense, 7), (dense, 70), (sparse, 20), (sparse, 70), (few_codes, 12)]
)
@pytest.mark.parametrize("n_outputs", [3, 5, 8])
def test_trees_are_those_of_roots_counted_alone(isa, maker, d, n_outputs):
    X = maker(np.random.default_rng(0), d)
    binned = BinMapper(random_state=0).fit(X).transform(X)
    assert bool(HistogramLayout(binned).lists) == (maker is not dense)
    given = gradients(X, n_outputs)
    alone = Grower(binned, max_leaf_nodes=8)
    expected = [alone.grow(g, h, seed=k) for k, (g, h) in enumerate(given)]
    assert all(tree["left"].size == 15 for tree in expected)
    for n_threads in (1, 2, 3, 7):
        grower = Grower(binned, max_leaf_nodes=8, n_threads=n_threads)
        assert grower.outputs_together(n_outputs) == n_outputs
        for _ in range(2):  # the second round finds memory that has been used
            for k, (g, h) in enumerate(given):
                grower.share_root(k, g, h, k, None)
            grower.count_roots(n_outputs)
            for k in range(n_outputs):
                assert_same(expected[k], grower.grow_shared(k, seed=k))


def test_how_many_are_counted_together():
    X = dense(np.random.default_rng(0), 4)
    grower = Grower(BinMapper(random_state=0).fit(X).transform(X))
    assert [grower.outputs_together(k) for k in (1, 2, 3, 8, 9, 23)] == [1, 2, 3, 8, 8, 8]
    few = Grower(BinMapper(random_state=0).fit(X[:500]).transform(X[:500]))
    assert few.outputs_together(5) == 1


def test_a_root_must_have_been_counted():
    X = dense(np.random.default_rng(0), 4)
    grower = Grower(BinMapper(random_state=0).fit(X).transform(X))
    with pytest.raises(IndexError, match="has not been counted"):
        grower.grow_shared(0)
    with pytest.raises(IndexError, match="root 8 of 8"):
        grower.share_root(8, np.zeros(N_ROWS, np.float32), None, 0, None)
    with pytest.raises(IndexError, match="3 roots"):
        grower.count_roots(3)


@pytest.mark.parametrize("n_classes", [3, 10])
def test_fit_is_the_same_without(monkeypatch, n_classes):
    rng = np.random.default_rng(2)
    X = sparse(rng, 20)
    y = (X[:, 0] + X[:, 1]).astype(np.int64) % n_classes

    def nodes(n_jobs):
        model = GradientBoostingClassifier(max_iter=3, max_leaf_nodes=6, early_stopping=False, n_jobs=n_jobs)
        return model.fit(X, y)._forest.arrays()

    together = [nodes(1), nodes(3)]
    monkeypatch.setattr("fastml._engine.tree.boosting.TOGETHER_MIN", n_classes + 1)
    alone = nodes(2)
    for other in together:
        assert_same(alone, other)
