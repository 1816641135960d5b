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
