"""Edges and codes against the reference and scikit-learn."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.quantile import stratified_rows, whole_weights
from tests.engine.tree.binning_checks import check, check_matrix, from_edges, mixed
from tests.reference import binning as reference


@pytest.mark.parametrize("max_bins", [2, 3, 15, 16, 17, 100, 255])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_agrees_with_reference(isa, dtype, max_bins):
    with np.errstate(over="ignore"):
        check(mixed(np.random.default_rng(0)).astype(dtype), max_bins)


@pytest.mark.parametrize("weights", ["whole", "real", "equal"])
def test_weights(isa, weights):
    rng = np.random.default_rng(1)
    X = mixed(rng)
    w = {
        "whole": rng.integers(0, 4, len(X)),
        "real": rng.exponential(size=len(X)),
        "equal": np.full(len(X), 2.5),
    }
    w = w[weights].astype(np.float64)
    if weights == "real":
        w[::3] = 0
        w = whole_weights(w)  # what the mapper makes of weights; the reference adds them in another order
    check(X, 32, sample_weight=w, n_threads=2)


def test_whole_weights_repeat_rows():
    rng = np.random.default_rng(2)
    X, w = mixed(rng), rng.integers(0, 4, 700)
    once, repeated = BinMapper(20).fit(X, w), BinMapper(20).fit(np.repeat(X, w, axis=0))
    for a, b in zip(once.edges_, repeated.edges_, strict=True):
        assert np.array_equal(a, b)


def test_scale_of_weights_is_free():
    rng = np.random.default_rng(3)
    X, w = mixed(rng), rng.exponential(size=700)
    expected = BinMapper(20).fit(X, w).edges_
    for scale in (0.25, 2.0**-900, 2.0**900):
        for a, b in zip(BinMapper(20).fit(X, w * scale).edges_, expected, strict=True):
            assert np.array_equal(a, b)


def test_one_bin_per_distinct_value_as_scikit_learn():
    X = np.random.default_rng(4).integers(-100, 100, (1000, 5)) * 0.37
    ours, theirs = BinMapper().fit(X), _BinMapper(n_bins=256).fit(X)
    for a, b in zip(ours.edges_, theirs.bin_thresholds_, strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(ours.codes(X), theirs.transform(X) + 1)


def test_distinct_values_are_counted_where_edges_are_placed():
    X = np.random.default_rng(4).integers(0, [[3, 300, 5000, 2**40]], (6000, 4)) / 4
    X[7] = np.nan
    counts = [len(np.unique(X[np.arange(6000) != 7, j])) for j in range(4)]
    assert BinMapper().fit(X).n_distinct_.tolist() == counts
    rows = sp.csr_array(X[8:])
    assert BinMapper().fit(rows).n_distinct_.tolist() == BinMapper().fit(X[8:]).n_distinct_.tolist()
    part = BinMapper(subsample=1000).fit(X).n_distinct_
    assert part[0] == 3 and (part[1:] <= np.minimum(counts[1:], 1000)).all() and (part[1:] > 255).all()
    assert BinMapper(categorical=[True, False, False, False]).fit(X).n_distinct_[0] == 0
    assert BinMapper().fit(np.full((5, 1), np.nan)).n_distinct_[0] == 0


def test_bins_of_continuous_values_are_equally_full():
    X = np.random.default_rng(5).normal(size=(50_000, 2))
    mapper = BinMapper().fit(X)
    for f in range(2):
        full = np.bincount(mapper.codes(X)[:, f], minlength=256)[1:]
        assert full.min() >= 195 and full.max() <= 197  # 50,000 / 255 = 196.08


@pytest.mark.parametrize("weighted", [False, True])
def test_values_that_differ_in_their_last_bits_only(isa, weighted):
    """The sort looks at the 33 highest bits that differ and has to mend what agrees in them."""
    rng = np.random.default_rng(23)
    near = 1 + rng.integers(0, 2000, 3000) * 2.0**-52
    x = rng.permutation(np.concatenate([near, near * 1e200, -near, rng.normal(size=1000)]))[:, None]
    w = rng.integers(1, 5, len(x)).astype(np.float64) if weighted else None
    found, sums = reference.distinct(x[:, 0].tolist(), None if w is None else w.tolist())
    expected = reference.edges(found, sums, 200)
    assert BinMapper(200).fit(x, w).edges_[0].tolist() == expected


def test_heavy_values_have_their_own_bin():
    rng = np.random.default_rng(6)
    x = np.where(rng.random(20_000) < 0.8, rng.integers(0, 3, 20_000), rng.normal(size=20_000))[:, None]
    codes = BinMapper(64).fit(x).codes(x)[:, 0]
    for value in (0.0, 1.0, 2.0):
        assert set(x[codes == codes[x[:, 0] == value][0], 0]) == {value}
    assert len(set(codes)) == 64


def test_rare_values_are_found_on_all_rows():
    """The sample of 1,000 of 100,000 rows cannot see a value that occurs once."""
    x = np.zeros((100_000, 2))
    x[::2] = 1.0
    x[777] = -5.0
    x[99_999] = 7.5
    for X in (x, np.asfortranarray(x), x.astype(np.float32), sp.csr_array(x), sp.csc_array(x)):
        for n_threads in (1, 3):
            mapper = BinMapper(subsample=1000, n_threads=n_threads).fit(X)
            assert mapper.edges_[0].tolist() == mapper.edges_[1].tolist() == [-2.5, 0.5, 4.25]
    w = np.ones(100_000)
    w[777] = 0
    assert BinMapper(subsample=1000).fit(x, w).edges_[0].tolist() == [0.5, 4.25]


def test_too_many_rare_values_leave_the_edges_of_the_sample():
    rng = np.random.default_rng(7)
    x = np.zeros((100_000, 1))
    x[rng.choice(100_000, 400, replace=False), 0] = np.arange(1, 401)
    a, b = BinMapper(subsample=1000).fit(x), BinMapper(subsample=1000, n_threads=2).fit(x)
    rows = stratified_rows(100_000, 1000, 0)
    assert a.edges_[0].tolist() == b.edges_[0].tolist() == BinMapper().fit(x[rows]).edges_[0].tolist()


def test_sample_is_stratified_and_depends_on_the_seed_only():
    rows = stratified_rows(10_007, 100, 5)
    assert np.array_equal(rows, stratified_rows(10_007, 100, 5))
    assert not np.array_equal(rows, stratified_rows(10_007, 100, 6))
    bounds = np.arange(101) * 10_007 // 100
    assert (bounds[:-1] <= rows).all() and (rows < bounds[1:]).all()


@pytest.mark.parametrize("n_rows", [1, 2, 15, 16, 17, 255, 256, 257, 2047, 2048, 2049, 5000])
def test_row_counts(isa, n_rows):
    X = np.random.default_rng(n_rows).normal(size=(n_rows, 3))
    mapper = BinMapper(40).fit(X)
    codes = np.stack([1 + np.searchsorted(e, X[:, f]) for f, e in enumerate(mapper.edges_)], axis=1)
    check_matrix(mapper.transform(X), codes)
    assert np.array_equal(mapper.codes(X), codes)


@pytest.mark.parametrize("n_features", [1, 15, 16, 17, 48, 63, 64, 65, 80, 200])
def test_feature_counts(isa, n_features):
    X = np.random.default_rng(n_features).normal(size=(150, n_features)).astype(np.float32)
    X[5, -1] = np.nan
    check(X, 10, n_threads=2)


def test_categories(isa):
    rng = np.random.default_rng(15)
    X = np.stack([rng.integers(0, 20, 500), rng.integers(-3, 3, 500) * 0.5, rng.normal(size=500)], axis=1)
    X[::11, 0] = np.nan
    mapper = check(X, 8, categorical=[True, True, False])
    assert mapper.categories_[2] is None and mapper.grouped_categories_[2] is None
    assert mapper.categories_[1].tolist() == [0.0, 0.5, 1.0]  # negative is missing
    unknown = np.array(
        [[20, 0.25, 0.0], [-1, 0.0, 0.0], [0.5, -1.5, 0.0], [np.inf, 1e300, 0.0], [1e18, -0.0, 0.0]]
    )
    assert mapper.codes(unknown)[:, :2].tolist() == [[0, 0], [0, 1], [0, 0], [0, 0], [0, 1]]


def test_many_categories_are_grouped(isa):
    rng = np.random.default_rng(16)
    X = rng.zipf(1.4, (6000, 2)).astype(np.float64) % 70_000
    X[:, 1] = X[:, 0] + 0.5  # no whole numbers
    w = rng.integers(0, 3, 6000).astype(np.float64)
    for weights in (None, w):
        with (
            pytest.warns(UserWarning, match="feature 'a' has .* the 253 most frequent"),
            pytest.warns(UserWarning, match="feature 'b' has"),
        ):
            mapper = BinMapper(categorical=[True, True]).fit(pd.DataFrame(X, columns=["a", "b"]), weights)
        codes, _, n_codes = reference.bin_table(X, 255, [True, True], weights)
        assert np.array_equal(mapper.codes(X), codes)
        assert mapper.n_codes_.tolist() == n_codes == [255, 255]


def test_exactly_254_categories_are_kept():
    X = np.arange(254.0)[:, None]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mapper = BinMapper(categorical=[True]).fit(X)
    assert mapper.codes(X)[:, 0].tolist() == list(range(1, 255))


def test_all_missing_and_constant():
    X = np.array([[np.nan, 1.0], [np.nan, 1.0]])
    mapper = BinMapper().fit(X)
    assert mapper.n_codes_.tolist() == [1, 2]
    # a value where training had none is no more than missing; codes stay below n_codes
    assert mapper.codes(np.array([[3.0, 5.0], [-np.inf, -5.0]])).tolist() == [[0, 1], [0, 1]]


def test_missing_in_rows_without_weight_only():
    X, w = np.array([[1.0], [np.nan], [2.0]]), np.array([0.0, 1.0, 0.0])
    assert BinMapper().fit(X, w).n_codes_.tolist() == [1]


largest, least = np.finfo(np.float64).max, 5e-324


@pytest.mark.parametrize(
    "values",
    [
        [-0.0, 0.0],
        [-least, -0.0, least, 2 * least],
        [largest, np.nextafter(largest, 0), -largest, 0.0],
        [np.inf, -np.inf],
        [np.inf, largest, -1.0],
        [-np.inf, np.nextafter(-largest, 0), np.inf],
        [1.0, 1 + 2.0**-52, 1 + 2.0**-51, 1 - 2.0**-53],
        [2.0**53, 2.0**53 + 2],
        [1e-45, 1e-44, 3e-45],
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_values(isa, values, dtype):
    with np.errstate(over="ignore"):
        X = np.repeat(np.array(values).astype(dtype), 20)[:, None]
    mapper = check(X)
    assert len(np.unique(mapper.codes(X))) == len(np.unique(X))


def test_minus_infinity_and_the_least_double_share_a_bin():
    """No finite edge lies between them."""
    X = np.array([[-np.inf], [-largest], [0.0]])
    assert check(X).codes(X)[:, 0].tolist() == [1, 1, 2]


def test_large_integers():
    X = np.array([[2**62, 2**64 - 1], [2**62 + 1024, 0]], dtype=np.uint64)
    assert BinMapper().fit(X).codes(X).tolist() == [[1, 2], [2, 1]]


@pytest.mark.parametrize("n_edges", [30, 31, 32, 100, 254])
@pytest.mark.parametrize(
    "spread",
    [
        lambda u: u,
        lambda u: -7 + 1e-3 * u**2,
        lambda u: np.log(u / (1 - u)),
        lambda u: np.round(1000 * u),
        lambda u: 1e15 + np.round(1e3 * u),
        lambda u: np.round(1e5 * u) * 5e-324,
        lambda u: (2 * u - 1) * 1.7e308,
        lambda u: (u - 0.5) * 1.7e308,
    ],
)
def test_codes_of_edges_over_equal_cells(isa, spread, n_edges):
    """One or two edges in a cell, wherever the range lies; at, between and beyond the edges."""
    u = (np.arange(n_edges) + np.random.default_rng(n_edges).random(n_edges) * 0.9) / n_edges
    edges = np.unique(spread(np.clip(u, 1e-3, 1 - 1e-3)))
    mapper = from_edges(edges)
    near = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    between = np.random.default_rng(0).choice(edges, (2, 300)) / 2
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(float).max, -np.finfo(float).max]
    values = np.concatenate([near, between.sum(axis=0), special])
    with np.errstate(over="ignore"):
        single = values.astype(np.float32)
    for X in (values, single):
        expected = [reference.code_numerical(float(v), edges.tolist(), 99) for v in X]
        assert mapper.codes(X[:, None])[:, 0].tolist() == expected


floats = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(-1e3, 1e3).map(np.float32).map(float),
    st.integers(-40, 40).map(float),
    st.floats(1e6, 1e6 + 1e-3),
)


@settings(max_examples=150, deadline=None)
@given(edges=st.lists(floats, max_size=254, unique_by=lambda v: v + 0.0), data=st.data())
@example(edges=[float(np.float32(0.1)), 0.1], data=None)
def test_codes_count_the_edges_below(edges, data):
    """Values at and around each edge, in float64 and float32, under every instruction set."""
    from fastml._engine.runtime import kernels

    edges = np.sort(np.array(edges, dtype=np.float64))
    mapper = from_edges(edges)
    more = [] if data is None else data.draw(st.lists(st.one_of(floats, st.floats()), max_size=50))
    with np.errstate(over="ignore"):
        near = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), more])
        rounded = near.astype(np.float32)
        single = np.concatenate([rounded, *(np.nextafter(rounded, np.float32(s * np.inf)) for s in (1, -1))])
    special = [0.0, -0.0, np.inf, -np.inf, np.nan]
    before = kernels.selected()
    try:
        for values in (np.append(near, special), np.append(single, special).astype(np.float32)):
            expected = [reference.code_numerical(float(v), edges.tolist(), 99) for v in values]
            for isa in kernels.available():
                kernels.select(isa)
                assert mapper.codes(values[:, None])[:, 0].tolist() == expected
    finally:
        kernels.select(before)


@settings(max_examples=150, deadline=None)
@given(
    X=hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=60), elements=st.floats()),
    max_bins=st.integers(2, 255),
    data=st.data(),
)
def test_any_table_agrees_with_reference(X, max_bins, data):
    w = data.draw(st.none() | hnp.arrays(np.float64, len(X), elements=st.integers(0, 9).map(float)))
    if w is not None and not w.any():
        w[0] = 1.0
    check(X, max_bins, sample_weight=w)


@settings(max_examples=200, deadline=None)
@given(
    weights=st.lists(st.one_of(st.integers(1, 5), st.integers(1, 500)), min_size=3, max_size=120),
    max_bins=st.integers(2, 40),
)
def test_edges_of_uneven_weights_agree_with_reference(weights, max_bins):
    X = np.arange(float(len(weights)))[:, None]
    check(X, max_bins, sample_weight=np.array(weights, dtype=np.float64))
    n_edges = len(BinMapper(max_bins).fit(X, weights).edges_[0])
    assert n_edges == min(max_bins, len(weights)) - 1 or max(weights) >= sum(weights) / max_bins
