import numpy as np
import pytest

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.histogram import HistogramLayout, histogram
from fastml.ensemble import GradientBoostingRegressor
from tests.reference import histogram as reference


def sparse(n, d, seed=0):
    """Most values of a feature are the same; what is left is many values, missing ones among them."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 300, size=(n, d)).astype(np.float32)
    X[rng.random((n, d)) < 0.9] = 7.0
    X[rng.random((n, d)) < 0.02] = np.nan
    X[:, 0] = 3.0
    return X


def few_codes(n, d, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, rng.integers(2, 12, size=d), size=(n, d)).astype(np.float32)
    X[:, ::3][rng.random(X[:, ::3].shape) < 0.1] = np.nan
    X[:, -1] = rng.integers(0, 300, size=n)
    return X


def make(maker, n, d):
    X = maker(n, d)
    binned = BinMapper(random_state=0).fit(X).transform(X)
    # sums must stay below 2**31
    gh = np.random.default_rng(1).integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32) & 0xFFFF3FFF
    return binned, gh


def check(binned, gh, rows, found):
    expected = reference.histogram(binned.column_codes.T, binned.n_codes, rows, gh)
    for feature, g, h, *_ in found:
        np.testing.assert_array_equal(g, expected[feature][0])
        np.testing.assert_array_equal(h, expected[feature][1])


@pytest.mark.parametrize("maker", [sparse, few_codes])
@pytest.mark.parametrize("d", [9, 20, 28, 71])
def test_equals_reference(isa, maker, d):
    binned, gh = make(maker, 20_000, d)
    assert HistogramLayout(binned).lists
    assert not HistogramLayout(binned, np.arange(d, dtype=np.int32)).lists
    check(binned, gh, np.arange(20_000), histogram(binned, gh, layout=HistogramLayout(binned, least_rows=0)))


@pytest.mark.parametrize("maker", [sparse, few_codes])
@pytest.mark.parametrize("n", [1, 2, 63, 1023])
def test_some_rows_counted_or_not(isa, maker, n):
    binned, gh = make(maker, 20_000, 17)
    rows = np.sort(np.random.default_rng(n).choice(20_000, n, replace=False)).astype(np.uint32)
    check(
        binned,
        gh[:n],
        rows,
        histogram(binned, gh[:n], rows=rows, layout=HistogramLayout(binned, least_rows=0)),
    )
    counted = histogram(binned, gh[:n], rows=rows, counted=True, layout=HistogramLayout(binned, least_rows=0))
    check(binned, gh[:n], rows, counted)
    for feature, _, _, count in counted:
        codes = binned.column_codes[feature][rows]
        np.testing.assert_array_equal(count, np.bincount(codes, minlength=count.size))


@pytest.mark.parametrize("maker", [sparse, few_codes])
@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_any_number_of_threads_and_order_of_rows(maker, n_threads):
    binned, gh = make(maker, 20_000, 30)
    order = np.random.default_rng(2).permutation(20_000).astype(np.uint32)
    binned.reorder(order, n_threads=n_threads)
    check(
        binned,
        gh,
        np.arange(20_000),
        histogram(binned, gh, n_threads=n_threads, layout=HistogramLayout(binned, least_rows=0)),
    )


@pytest.mark.parametrize("maker", [sparse, few_codes])
def test_rows_put_in_order_while_a_model_grows(maker):
    """The loop sorts 100,000 rows and more by leaves, and the lists with them."""
    X = maker(100_000, 12)
    y = np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, 5]) * (X[:, 3] > 5)
    options = {"max_iter": 12, "max_leaf_nodes": 15, "early_stopping": False, "random_state": 0}
    one = GradientBoostingRegressor(n_jobs=1, **options).fit(X, y)
    many = GradientBoostingRegressor(n_jobs=3, **options).fit(X, y)
    np.testing.assert_array_equal(one.predict(X), many.predict(X))
