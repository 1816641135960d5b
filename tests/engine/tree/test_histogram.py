import numpy as np
import pytest

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.histogram import HistogramLayout, histogram
from tests.reference import histogram as reference


def make(n, d, seed=0, levels=300):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, size=(n, d)).astype(np.float32)
    X[:, 0] = 1.0
    X[rng.random((n, d)) < 0.1] = np.nan
    if d > 2:
        X[:, 2] = np.nan  # never counted: it has one code
    gh = rng.integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32)
    return BinMapper(random_state=0).fit(X).transform(X), gh


@pytest.mark.parametrize("d", [1, 3, 28, 67, 130])
@pytest.mark.parametrize("n", [1, 2, 63, 501])
def test_equals_reference(isa, n, d):
    binned, gh = make(n, d)
    codes = binned.column_codes.T
    expected = reference.histogram(codes, binned.n_codes, np.arange(n), gh)
    found = histogram(binned, gh)
    constant = binned.n_codes - (binned.has_missing == 0) < 2
    assert [feature for feature, _, _ in found] == list(np.flatnonzero(~constant))
    for feature, g, h in found:
        np.testing.assert_array_equal(g, expected[feature][0])
        np.testing.assert_array_equal(h, expected[feature][1])


@pytest.mark.parametrize("d", [17, 28, 64, 67])
@pytest.mark.parametrize("n", [63, 64, 575, 1100])
@pytest.mark.parametrize("levels", [300, 20])
@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("some", [False, True])
def test_in_parts_that_fit_the_cache(isa, d, n, levels, listed, some):
    binned, gh = make(3 * n // 2 if listed else n, d, levels=levels)
    features = np.flatnonzero(np.arange(d) % 7 != 3).astype(np.int32) if some else None
    given = {"counted": n <= 1023}
    if listed:
        gh = gh[:n]
        rows = np.random.default_rng(1).choice(binned.n_rows, n, replace=False)
        given["rows"] = np.sort(rows).astype(np.uint32)
    whole, parts = (HistogramLayout(binned, features, cache=cache) for cache in (1 << 30, 4 << 10))
    expected, found = (histogram(binned, gh, layout=layout, **given) for layout in (whole, parts))
    np.testing.assert_equal(found, expected)


def test_rows_and_features(isa):
    binned, gh = make(700, 70)
    rows = np.sort(np.random.default_rng(1).choice(700, 333, replace=False)).astype(np.uint32)
    features = np.array([1, 5, 6, 64, 69], dtype=np.int32)
    expected = reference.histogram(binned.column_codes.T, binned.n_codes, rows, gh[:333])
    found = histogram(binned, gh[:333], rows=rows, features=features)
    assert [feature for feature, _, _ in found] == list(features)
    for feature, g, h in found:
        np.testing.assert_array_equal(g, expected[feature][0])
        np.testing.assert_array_equal(h, expected[feature][1])


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("n", "d", "levels"), [(20_000, 100, 300), (20_000, 60, 300), (20_000, 60, 20), (40_000, 5, 300)]
)  # cut by blocks, by features, by features that have few codes, by rows
@pytest.mark.parametrize("some", [False, True])
def test_same_on_any_number_of_threads(isa, n_threads, n, d, levels, some):
    binned, gh = make(n, d, levels=levels)
    features = np.arange(3, d, 1 + d // 50, dtype=np.int32) if some else None
    one, many = (histogram(binned, gh, features=features, n_threads=t) for t in (1, n_threads))
    for (_, g, h), (_, g2, h2) in zip(one, many, strict=True):
        np.testing.assert_array_equal(g, g2)
        np.testing.assert_array_equal(h, h2)


def test_cut_by_features_equals_reference(isa):
    rng = np.random.default_rng(3)
    X, gh = rng.random((3000, 30)), rng.integers(0, 2**32, size=3000, dtype=np.uint64).astype(np.uint32)
    binned = BinMapper(random_state=0).fit(X).transform(X)
    expected = reference.histogram(binned.column_codes.T, binned.n_codes, np.arange(3000), gh)
    for feature, g, h in histogram(binned, gh, n_threads=3):
        np.testing.assert_array_equal(g, expected[feature][0])
        np.testing.assert_array_equal(h, expected[feature][1])


def test_bad_rows():
    binned, gh = make(50, 3)
    with pytest.raises(ValueError, match="rows"):
        histogram(binned, gh[:2], rows=np.array([0, 50], dtype=np.uint32))
    with pytest.raises(ValueError, match="gh has 49 entries"):
        histogram(binned, gh[:49])


def test_counted_cells(isa):
    binned, gh = make(2000, 9)
    rows = np.arange(3, 1026, dtype=np.uint32)
    plain = histogram(binned, gh[rows], rows=rows)
    for (feature, g, h), (same, g2, h2, count) in zip(
        plain, histogram(binned, gh[rows], rows=rows, counted=True), strict=True
    ):
        assert feature == same
        np.testing.assert_array_equal((g, h), (g2, h2))
        expected = np.bincount(binned.column_codes[feature][rows], minlength=count.size)
        np.testing.assert_array_equal(count, expected)
    with pytest.raises(ValueError, match="1023"):
        histogram(binned, gh[:1024], rows=np.arange(1024, dtype=np.uint32), counted=True)
