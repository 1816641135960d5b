"""The grower against the slow tree of tests/reference/grow.py, and its promises."""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.grow import Grower
from tests.reference import grow as reference

FIELDS = ("left", "right", "feature", "code", "missing_left", "count")


def make(n=600, d=5, seed=0, missing=0.1, levels=40):
    """Binned data with gradients that fixed point holds exactly."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, size=(n, d)).astype(np.float64)
    if missing:
        X[rng.random((n, d)) < missing] = np.nan
    g = rng.integers(-50, 50, size=n) + np.where(X[:, 0] > levels / 2, 25, -25)
    h = rng.integers(1, 5, size=n)
    mapper = BinMapper(max_bins=255, random_state=0)
    binned = mapper.fit(X).transform(X)
    return binned, mapper, g.astype(np.float32), h.astype(np.float32)


def as_rows(nodes):
    return [
        tuple(int(node[name]) for name in FIELDS[:2])
        + (node["feature"],)
        + ((node["code"], int(node["missing_left"])) if node["left"] >= 0 else (0, 0))
        + (len(node["rows"]),)
        for node in nodes
    ]


def grown_rows(tree):
    return [tuple(int(tree[name][i]) for name in FIELDS) for i in range(len(tree["left"]))]


@pytest.mark.parametrize("isa", kernels.available())
@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {"min_samples_leaf": 20, "min_sum_hessian": 1e-3, "l2": 0.0, "max_leaf_nodes": 31},
        {"min_samples_leaf": 1, "min_sum_hessian": 5.0, "l2": 3.0, "max_leaf_nodes": None, "max_depth": 4},
        {"min_samples_leaf": 7, "min_sum_hessian": 1e-3, "l2": 1.0, "max_leaf_nodes": 12},
    ],
)
@pytest.mark.parametrize("missing", [0.0, 0.15])
def test_equals_reference(isa, n_threads, options, missing):
    binned, _, g, h = make(missing=missing)
    kernels.select(isa)
    try:
        tree = Grower(binned, n_threads=n_threads, **options).grow(g, h, seed=3)
    finally:
        kernels.select(kernels.available()[-1])
    expected = reference.grow(binned.column_codes.T, binned.n_codes, g, h, **options)
    assert grown_rows(tree) == as_rows(expected)
    np.testing.assert_allclose(tree["value"], [node["value"] for node in expected], rtol=1e-12)


def test_constant_hessian_equals_unit_hessian():
    binned, _, g, h = make()
    one = Grower(binned, constant_hessian=True, l2=1.0).grow(g, None, seed=1)
    other = Grower(binned, l2=1.0).grow(g, np.ones_like(h), seed=1)
    assert grown_rows(one) == grown_rows(other)
    np.testing.assert_array_equal(one["value"], other["value"])


@pytest.mark.parametrize("n_threads", [2, 3, 7])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_samples_leaf": 60},
        {"growth": "level", "max_leaf_nodes": 40},
        {"min_samples_leaf": 1, "max_leaf_nodes": 6, "min_weight_leaf": 4.0},
    ],
)
def test_same_rows_on_any_number_of_threads(n_threads, options):
    """Splits tried ahead of their turn must leave no trace, nor those that turn out to be unlawful."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(6000, 6))
    p = 1 / (1 + np.exp(-3 * X[:, 0] * X[:, 1] - X[:, 2]))
    g, h = (p - (rng.random(6000) < p)).astype(np.float32), (p * (1 - p)).astype(np.float32)
    mapper = BinMapper(random_state=0)
    binned = mapper.fit(X).transform(X)
    options = {"max_leaf_nodes": 100, "edges": mapper.edges_, **options}
    one, many = Grower(binned, n_threads=1, **options), Grower(binned, n_threads=n_threads, **options)
    # the fewer leaves, the more trials are in vain
    for seed in range(5 if options["max_leaf_nodes"] > 6 else 40):
        expected, found = one.grow(g, h, seed=seed), many.grow(g, h, seed=seed)
        assert expected["count"][expected["feature"] < 0].min() >= options.get("min_samples_leaf", 20)
        for name, values in expected.items():
            np.testing.assert_array_equal(found[name], values, err_msg=name)
        for k in range(len(one.leaf_nodes)):
            np.testing.assert_array_equal(many.leaf_rows(k), one.leaf_rows(k))


def test_leaf_rows_and_values():
    binned, _, g, h = make()
    grower = Grower(binned, l2=1.0)
    tree = grower.grow(g, h)
    rows = [grower.leaf_rows(k) for k in range(len(grower.leaf_nodes))]
    np.testing.assert_array_equal([len(own) for own in rows], tree["count"][grower.leaf_nodes])
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(g)))
    np.testing.assert_array_equal(np.sort(grower.row_order()), np.arange(len(g)))
    for own, node in zip(rows, grower.leaf_nodes, strict=True):
        np.testing.assert_allclose(tree["value"][node], -g[own].sum() / (h[own].sum() + 1.0), rtol=1e-6)
    raw = np.zeros(len(g))
    grower.add_leaf_values(tree["value"][grower.leaf_nodes], raw)
    for own, node in zip(rows, grower.leaf_nodes, strict=True):
        np.testing.assert_array_equal(raw[own], tree["value"][node])


def test_interaction_and_monotone_constraints():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(2000, 4))
    g = -(X[:, 0] + np.sin(6 * X[:, 1]) + X[:, 2] * X[:, 3]).astype(np.float32)
    mapper = BinMapper(random_state=0)
    binned = mapper.fit(X).transform(X)
    tree = Grower(binned, constant_hessian=True, interaction_cst=[{0, 1}, {2, 3}]).grow(g)
    parent = {}
    for i in range(len(tree["left"])):
        if tree["left"][i] >= 0:
            parent[tree["left"][i]] = parent[tree["right"][i]] = i
    for i in np.flatnonzero(tree["feature"] < 0):
        used = set()
        while i in parent:
            i = parent[i]
            used.add(int(tree["feature"][i]))
        assert used <= {0, 1} or used <= {2, 3}
    monotone = np.array([0, -1, 0, 0], dtype=np.int8)
    grower = Grower(binned, constant_hessian=True, monotonic_cst=monotone)
    tree = grower.grow(g)
    assert (tree["feature"] == 1).any()
    lowest, highest = tree["value"].copy(), tree["value"].copy()
    for i in range(len(tree["left"]) - 1, -1, -1):
        if tree["left"][i] >= 0:
            a, b = tree["left"][i], tree["right"][i]
            lowest[i], highest[i] = min(lowest[a], lowest[b]), max(highest[a], highest[b])
            if tree["feature"][i] == 1:
                assert lowest[a] >= highest[b]


def test_min_weight_leaf_is_exact():
    binned, _, g, h = make()
    weights = np.random.default_rng(2).random(len(g))
    grower = Grower(binned, min_samples_leaf=1, min_weight_leaf=9.0)
    grower.grow(g, h, weights=weights)
    assert len(grower.leaf_nodes) > 5
    for k in range(len(grower.leaf_nodes)):
        assert weights[grower.leaf_rows(k)].sum() >= 9.0


@pytest.mark.parametrize("option", ["colsample_bynode", "colsample_bylevel"])
def test_sampled_features_depend_on_the_seed_only(option):
    binned, _, g, h = make()
    trees = [Grower(binned, n_threads=t, **{option: 0.4}).grow(g, h, seed=5) for t in (1, 3)]
    np.testing.assert_array_equal(trees[0]["feature"], trees[1]["feature"])
    other = Grower(binned, **{option: 0.4}).grow(g, h, seed=6)
    assert not np.array_equal(trees[0]["feature"], other["feature"])


def test_bad_arguments():
    binned, _, g, h = make()
    with pytest.raises(ValueError, match="growth must be"):
        Grower(binned, growth="breadth")
    with pytest.raises(ValueError, match="monotonic_cst must have shape"):
        Grower(binned, monotonic_cst=np.ones(3, dtype=np.int8))
    with pytest.raises(ValueError, match="g has 599 entries"):
        Grower(binned).grow(g[:-1], h)
    with pytest.raises(ValueError, match="at least one row"):
        Grower(binned).grow(g, h, rows=np.empty(0, dtype=np.uint32))
    bad = g.copy()
    bad[3] = np.nan
    with pytest.raises(ValueError):
        Grower(binned).grow(bad, h)
