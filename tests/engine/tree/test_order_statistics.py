"""Order statistics against NumPy's and scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn.utils.stats import _weighted_percentile

from fastml._engine.tree.order_statistics import map_leaves, mean, quantile


@pytest.mark.parametrize("level", [0.05, 0.3, 0.5, 0.77, 1 / 3])
@pytest.mark.parametrize("n", [1, 2, 3, 10, 101, 1000])
def test_plain_quantile_is_numpy_s(n, level):
    values = np.random.default_rng(n).normal(size=n)
    expected = np.median(values) if level == 0.5 else np.percentile(values, 100 * level)
    assert quantile(values.copy(), level) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("level", [0.05, 0.3, 0.5, 0.77])
@pytest.mark.parametrize("kind", ["uniform", "integers", "zeros", "huge", "tiny"])
def test_weighted_quantile_is_scikit_learn_s(level, kind):
    rng = np.random.default_rng(0)
    for n in (1, 2, 7, 500):
        values = rng.integers(-20, 20, n).astype(float) if n == 500 else rng.normal(size=n)
        weight = {
            "uniform": rng.random(n) + 1e-9,
            "integers": rng.integers(1, 5, n).astype(float),
            "zeros": rng.random(n) * (np.arange(n) % 2 == 0),
            "huge": rng.random(n) * 1e300,
            "tiny": rng.random(n) * 1e-300,
        }[kind]
        expected = _weighted_percentile(values, weight, 100 * level)
        assert quantile(values.copy(), level, weight) == expected


def test_weights_that_repeat_rows():
    rng = np.random.default_rng(1)
    values, weight = rng.normal(size=200), rng.integers(0, 4, 200)
    repeated = np.sort(np.repeat(values, weight))
    for level in (0.1, 0.5, 0.9):
        expected = repeated[math.ceil(level * repeated.size) - 1]
        assert quantile(values.copy(), level, weight.astype(float)) == expected


def test_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    values, weight = rng.integers(0, 5, 10_000).astype(float), rng.random(10_000)
    for _ in range(5):
        order = rng.permutation(values.size)
        assert quantile(values[order], 0.4, weight[order]) == quantile(values.copy(), 0.4, weight)


def test_no_weight_no_quantile():
    assert math.isnan(quantile(np.ones(3), 0.5, np.zeros(3)))


def test_weights_whose_sum_overflows():
    values = np.arange(11.0)
    assert quantile(values.copy(), 0.5, np.full(11, 1.7e308)) == 5.0
    assert mean(values, np.full(11, 1.7e308)) == pytest.approx(5.0)


def test_mean():
    rng = np.random.default_rng(3)
    values, weight = rng.normal(size=1000), rng.random(1000)
    assert mean(values) == values.mean()
    assert mean(values, weight) == pytest.approx(np.average(values, weights=weight), rel=1e-13)
    assert mean(np.full(10, 1.7e308)) == 1.7e308
    with pytest.raises(ValueError, match="sums to zero"):
        mean(values, np.zeros(1000))


def test_leaves_on_several_threads():
    rng = np.random.default_rng(4)
    values = rng.normal(size=200_000)
    leaves = np.array_split(rng.permutation(values.size).astype(np.uint32), 37)
    expected = [np.median(values[rows]) for rows in leaves]
    for n_threads in (1, 2, 7):
        found = map_leaves(lambda rows: quantile(values[rows], 0.5), leaves, n_threads)
        np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert map_leaves(len, [], 4).shape == (0,)
