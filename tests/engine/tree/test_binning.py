import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.ensemble._hist_gradient_boosting.binning import _BinMapper

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.masked import MaskedNumbers
from fastml._engine.tree.quantile import stratified_rows, whole_weights
from fastml._engine.tree.source import open_source
from fastml._engine.tree.table import Table
from tests.reference import binning as reference

DTYPES = [
    *("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"),
    *(">i2", ">i8", ">u4", ">f2", ">f4", ">f8", "g"),
]


def check_matrix(binned, codes):
    """Both layouts hold the codes, padding is zero."""
    assert (binned.n_rows, binned.n_features) == codes.shape
    assert np.array_equal(binned.column_codes, codes.T)
    assert np.array_equal(binned.has_missing, (codes == 0).any(axis=0))
    for b in range(binned.n_blocks):
        first, last = binned.block_first[b : b + 2]
        rows = binned.row_codes(b)
        assert rows.shape[1] == binned.block_stride[b] >= last - first <= 64
        assert np.array_equal(rows[:, : last - first], codes[:, first:last])
        assert not rows[:, last - first :].any()


def check(X, max_bins=255, categorical=None, sample_weight=None, n_threads=1):
    """fit, transform and codes against the reference."""
    mapper = BinMapper(max_bins, categorical, n_threads=n_threads).fit(X, sample_weight)
    codes, edges, n_codes = reference.bin_table(np.asarray(X), max_bins, categorical, sample_weight)
    for f, expected in enumerate(edges):
        if expected is not None:
            assert mapper.edges_[f].tolist() == expected
    assert mapper.n_codes_.tolist() == n_codes
    check_matrix(mapper.transform(X), codes)
    assert np.array_equal(mapper.codes(X), codes)
    return mapper


def mixed(rng, n=700):
    """Columns of every sort: continuous, few values, constant, all missing, half missing, huge, ties."""
    X = rng.normal(size=(n, 12))
    X[:, 1] = rng.integers(0, 9, n)
    X[:, 2] = 3.5
    X[:, 3] = np.nan
    X[rng.random(n) < 0.5, 4] = np.nan
    X[:, 5] *= 1e300
    X[:, 6] = np.where(rng.random(n) < 0.9, 0.0, X[:, 6])
    X[:, 7] = 1e6 + X[:, 7] * 1e-3
    X[:, 8] = np.round(np.exp(3 * X[:, 8]), 1)
    X[:, 9] = np.where(rng.random(n) < 0.1, np.inf, np.where(rng.random(n) < 0.1, -np.inf, X[:, 9]))
    X[:, 10] *= 1e-310
    X[:, 11] = rng.integers(0, 256, n)
    return X


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


def test_same_bits_for_every_container_instruction_set_and_number_of_threads(isa):
    rng = np.random.default_rng(8)
    X = np.nan_to_num(np.clip(mixed(rng, 5000), -1e30, 1e30).astype(np.float32), nan=-1.0)
    X[rng.random(X.shape) < 0.3] = 0
    X[::50, 0] = np.nan
    w = rng.exponential(size=len(X))
    w[::7] = 0
    expected = BinMapper(categorical=[False, True] + [False] * 10, subsample=800).fit(X, w)
    codes = expected.codes(X)
    names = [f"x{f}" for f in range(X.shape[1])]
    wide = np.zeros((len(X), 30), np.float32)
    wide[:, 3:27:2] = X
    containers = [
        *(
            X,
            X.astype(np.float64),
            X.astype(">f4"),
            np.asfortranarray(X),
            X[::-1].copy()[::-1],
            wide[:, 3:27:2],
        ),
        *(pd.DataFrame(X), pl.DataFrame(X), pa.table(list(X.T.copy()), names=names)),
        *(sp.csr_matrix(X), sp.csc_matrix(X), sp.csr_array(X), sp.csc_array(X), sp.coo_array(X)),
        list(X.T),
    ]
    for container in containers:
        for n_threads in (1, 2, 3, 7):
            mapper = BinMapper(
                categorical=[False, True] + [False] * 10, subsample=800, n_threads=n_threads
            ).fit(container, w)
            for a, b in zip(mapper.edges_, expected.edges_, strict=True):
                assert a.tobytes() == b.tobytes()
            assert np.array_equal(mapper.categories_[1], expected.categories_[1])
            check_matrix(mapper.transform(container), codes)
            assert np.array_equal(mapper.codes(container), codes)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("order", ["C", "F"])
def test_dtypes(dtype, order):
    rng = np.random.default_rng(9)
    X = rng.integers(0, 2 if dtype == "?" else 120, (300, 5))
    if np.dtype(dtype).kind == "f":
        X = X / 8
    X = np.asarray(X.astype(dtype), order=order)
    X.flags.writeable = False
    before = X.copy()
    mapper = check(X, 50)
    doubles = X.astype(np.float64)
    assert np.array_equal(mapper.codes(doubles), mapper.codes(X))
    assert X.tobytes() == before.tobytes()


def test_whole_range_of_half_precision(isa):
    bits = np.arange(65536, dtype=np.uint16)
    halves = bits.view(np.float16)[:, None]
    edges = np.linspace(-70_000, 70_000, 254)
    edges[120:130] = np.linspace(-1e-6, 1e-6, 10)
    mapper = from_edges(np.unique(edges))
    assert np.array_equal(mapper.codes(halves), mapper.codes(halves.astype(np.float64)))


def test_unaligned_and_overlapping_memory():
    packed = np.zeros(100, dtype=[("a", "i1"), ("x", "f4"), ("y", "f8")])
    packed["x"], packed["y"] = np.random.default_rng(10).normal(size=(2, 100))
    columns = [packed["x"], packed["y"], np.broadcast_to(np.float64(4.0), 100)]
    check_columns(columns)
    check(np.broadcast_to(np.arange(7.0), (50, 7)))
    flat = np.random.default_rng(11).normal(size=200)
    check(np.lib.stride_tricks.sliding_window_view(flat, 5))


def check_columns(columns):
    table = np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)
    assert np.array_equal(BinMapper().fit(columns).codes(columns), BinMapper().fit(table).codes(table))


def test_memory_map(tmp_path):
    X = np.random.default_rng(12).normal(size=(500, 3))
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.array_equal(BinMapper().fit(mapped).codes(mapped), BinMapper().fit(X).codes(X))


def test_data_frames_with_missing_values():
    rng = np.random.default_rng(13)
    numbers, flags = rng.integers(-5, 5, 400), rng.random(400) < 0.5
    missing = rng.random(400) < 0.2
    doubles = np.where(missing, np.nan, numbers)
    expected = np.stack([doubles, np.where(missing, np.nan, flags), numbers], axis=1)
    objects = [None if m else int(v) for m, v in zip(missing, numbers, strict=True)]
    booleans = [None if m else bool(v) for m, v in zip(missing, flags, strict=True)]
    frames = [
        pd.DataFrame({"a": pd.array(objects, "Int16"), "b": pd.array(booleans, "boolean"), "c": numbers}),
        pd.DataFrame({"a": pd.array(objects, "Float32"), "b": pd.array(booleans, "boolean"), "c": numbers}),
        pl.DataFrame({"a": objects, "b": booleans, "c": numbers}),
        pa.table({"a": objects, "b": booleans, "c": numbers}),
        pa.concat_tables(
            [
                pa.table({"a": objects[i : i + 100], "b": booleans[i : i + 100], "c": numbers[i : i + 100]})
                for i in range(0, 400, 100)
            ]
        ),
    ]
    codes = BinMapper().fit(expected).codes(expected)
    assert (codes[:, 0] == 0).sum() == missing.sum()
    for frame in frames:
        mapper = BinMapper().fit(frame)
        assert np.array_equal(mapper.codes(frame), codes)
        check_matrix(mapper.transform(frame), codes)


@pytest.mark.parametrize("dtype", ["Int8", "UInt16", "Int32", "Int64", "Float32", "Float64"])
def test_nullable_columns_are_read_in_place(isa, dtype):
    numbers = np.random.default_rng(21).integers(0, 100, 500)
    missing = np.random.default_rng(22).random(500) < 0.3
    series = pd.array([None if m else v for m, v in zip(missing, numbers, strict=True)], dtype=dtype)
    arrow = pa.array(series)
    polars = pl.Series(arrow)
    expected = np.where(missing, np.nan, numbers)[7:, None]
    frame = pd.DataFrame({"a": series[7:]})
    tables = [
        (frame, frame["a"].array._data),
        (
            pd.DataFrame({"a": pd.arrays.ArrowExtensionArray(arrow[7:])}),
            np.frombuffer(arrow.buffers()[1], np.uint8),
        ),
        (pa.table({"a": arrow[7:]}), np.frombuffer(arrow.buffers()[1], np.uint8)),
        (pl.DataFrame({"a": polars})[7:], np.frombuffer(polars.to_arrow().buffers()[1], np.uint8)),
    ]
    codes = BinMapper().fit(expected).codes(expected)
    for table, memory in tables:
        column = Table(table).numbers(0)
        assert isinstance(column, MaskedNumbers) and np.shares_memory(column.values, memory)
        assert np.array_equal(np.asarray(column), expected[:, 0], equal_nan=True)
        assert np.array_equal(BinMapper().fit(table).codes(table), codes)


@pytest.mark.parametrize("make", [sp.csr_matrix, sp.csc_matrix, sp.csr_array])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse(isa, make, index):
    rng = np.random.default_rng(14)
    X = np.where(rng.random((900, 130)) < 0.05, rng.normal(size=(900, 130)), 0.0)
    X[rng.random(X.shape) < 0.01] = np.nan
    X[:, 7] = 0.0
    X[:, 8] = 2.0
    S = make(X)
    S.indices, S.indptr = S.indices.astype(index), S.indptr.astype(index)
    mapper = BinMapper(20, n_threads=2).fit(S)
    dense = BinMapper(20).fit(X)
    for a, b in zip(mapper.edges_, dense.edges_, strict=True):
        assert np.array_equal(a, b)
    check_matrix(mapper.transform(S), dense.codes(X))
    assert np.array_equal(mapper.codes(S), dense.codes(X))


def test_sparse_with_duplicates_and_unsorted_indices():
    S = sp.csr_matrix((np.array([1.0, 2.0, 4.0]), np.array([2, 0, 2]), np.array([0, 3, 3])), shape=(2, 3))
    before = S.data.copy(), S.indices.copy()
    mapper = BinMapper().fit(S)
    assert [e.tolist() for e in mapper.edges_] == [[1.0], [], [2.5]]
    assert mapper.codes(S).tolist() == [[2, 1, 2], [1, 1, 1]]
    assert np.array_equal(S.data, before[0]) and np.array_equal(S.indices, before[1])


def test_sparse_without_entries():
    check_matrix(
        BinMapper().fit(sp.csr_matrix((5, 3))).transform(sp.csr_matrix((5, 3))), np.ones((5, 3), np.uint8)
    )


def test_sparse_with_wrong_indices_is_refused():
    S = sp.csr_matrix(np.eye(3))
    S.indices[1] = 7
    with pytest.raises(ValueError):
        BinMapper().fit(S)


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


def from_edges(edges, max_bins=255):
    edges = np.asarray(edges, dtype=np.float64)
    return BinMapper.from_state(
        {
            "max_bins": np.int64(max_bins),
            "is_categorical": np.zeros(1, np.uint8),
            "n_codes": np.array([len(edges) + 2], np.uint16),
            "edges": edges,
            "edges_offsets": np.array([0, len(edges)]),
            **{f"{name}": np.empty(0) for name in ("categories", "grouped")},
            **{f"{name}_offsets": np.zeros(2, np.int64) for name in ("categories", "grouped")},
        }
    )


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


def test_take_and_reorder(isa):
    rng = np.random.default_rng(17)
    X = mixed(rng, 3000)
    X = np.concatenate([X] * 7, axis=1)
    mapper = BinMapper().fit(X)
    binned, codes = mapper.transform(X), mapper.codes(X)
    for rows in (rng.integers(0, 3000, 4500), np.arange(5), np.array([7])):
        taken = binned.take(rows.astype(np.uint32), n_threads=2)
        check_matrix(taken, codes[rows])
        assert np.array_equal(taken.n_codes, binned.n_codes)
    for _ in range(3):
        perm = rng.permutation(3000).astype(np.uint32)
        binned.reorder(perm, n_threads=2)
        codes = codes[perm]
        check_matrix(binned, codes)


@pytest.mark.parametrize("rows", [[3], [-1], [], [[0]], [0.5]])
def test_wrong_row_numbers(rows):
    binned = BinMapper().fit(np.eye(3)).transform(np.eye(3))
    with pytest.raises(ValueError, match="row numbers"):
        binned.take(np.array(rows))
    with pytest.raises(ValueError, match="row numbers"):
        binned.reorder(np.array(rows))


def test_views_are_read_only_and_keep_the_matrix_alive():
    columns = BinMapper().fit(np.eye(3)).transform(np.eye(3)).column_codes
    assert columns.tolist() == [[2, 1, 1], [1, 2, 1], [1, 1, 2]]
    with pytest.raises(ValueError):
        columns[0, 0] = 9


def test_codes_into_an_array():
    X = np.random.default_rng(18).normal(size=(40, 3))
    mapper = BinMapper().fit(X)
    out = np.zeros((40, 3), np.uint8)
    assert mapper.codes(X, out) is out and np.array_equal(out, mapper.codes(X))
    with pytest.raises(ValueError, match="out has shape"):
        mapper.codes(X, np.zeros((40, 4), np.uint8))


def test_opened_source():
    X = np.random.default_rng(19).normal(size=(40, 5))
    mapper = BinMapper().fit(X)
    opened = mapper.open(X, np.array([3, 1], np.int32))
    assert (opened.n_rows, opened.n_used) == (40, 2)
    assert open_source(X).names is None and open_source(pd.DataFrame(X, columns=list("abcde"))).names == list(
        "abcde"
    )
    for features in ([5], [-1]):
        with pytest.raises(ValueError, match="features must be"):
            mapper.open(X, np.array(features))


def test_state():
    rng = np.random.default_rng(20)
    X = mixed(rng)
    X[:, 8] = np.arange(700)
    with pytest.warns(UserWarning):
        mapper = BinMapper(33, categorical=np.arange(12) % 8 == 0).fit(np.nan_to_num(X))
    state = mapper.get_state()
    assert all(isinstance(array, np.ndarray) and array.dtype != object for array in state.values())
    codes = mapper.codes(X)
    for other in (BinMapper.from_state(state), pickle.loads(pickle.dumps(mapper))):
        assert np.array_equal(other.codes(X), codes)
        assert other.max_bins == 33 and len(other.get_state()) == len(state)
        for name, array in other.get_state().items():
            assert array.dtype == state[name].dtype and np.array_equal(array, state[name])
    assert pickle.loads(pickle.dumps(BinMapper(7, subsample=None))).max_bins == 7


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("edges", np.array([0.0, np.inf, 1.0]), "finite"),
        ("edges", np.array([1.0, 0.0, 2.0]), "ascend"),
        ("edges", np.array([0.0, 0.0, 2.0]), "ascend"),
        ("edges", np.array([0.0, np.nan, 2.0]), "finite"),
        ("edges", np.array([0.0, 1.0]), "edges_offsets"),
        ("edges", np.array([0, 1, 2]), "edges is int64"),
        ("edges", np.zeros((3, 1)), "2 dimensions"),
        ("edges_offsets", np.array([0, 4, 3]), "edges_offsets"),
        ("edges_offsets", np.array([1, 3, 3]), "edges_offsets"),
        ("edges_offsets", np.array([0, 3]), "edges_offsets"),
        ("edges_offsets", np.array([0, 1, 3]), "feature 0 has 5 codes"),
        ("n_codes", np.array([4, 4], np.uint16), "feature 0 has 4 codes"),
        ("n_codes", np.array([5, 300], np.uint16), "feature 1 has 300 codes"),
        ("n_codes", np.array([5], np.uint16), "n_codes"),
        ("is_categorical", np.array([0, 2], np.uint8), "is_categorical"),
        ("is_categorical", np.zeros(0, np.uint8), "is_categorical"),
        ("max_bins", np.array(256), "max_bins"),
        ("max_bins", np.array(3), "at most 2"),
        ("categories", np.array([1.0, np.nan, 3.0]), "ascend"),
        ("categories", np.array([1.0, 1.0, 3.0]), "ascend"),
        ("categories_offsets", np.array([0, 3, 3]), "numerical feature 0"),
    ],
)
def test_wrong_state_is_refused(name, value, message):
    X = np.array([[0, 1], [1, 2], [2, 3], [3, 1.0]])
    state = BinMapper(categorical=[False, True]).fit(X).get_state()
    BinMapper.from_state(state)
    with pytest.raises(ValueError, match=message):
        BinMapper.from_state({**state, name: value})
    del state[name]
    with pytest.raises(ValueError, match=f"{name} is absent"):
        BinMapper.from_state(state)


def test_too_many_categories_in_state_are_refused():
    state = BinMapper(categorical=[True]).fit(np.arange(254.0)[:, None]).get_state()
    state["categories"] = np.arange(255.0)
    state["categories_offsets"] = np.array([0, 255])
    state["n_codes"] = np.array([256], np.uint16)
    with pytest.raises(ValueError, match="at most 254"):
        BinMapper.from_state(state)
    state["grouped"], state["grouped_offsets"] = np.array([3.0]), np.array([0, 1])
    state["categories"], state["categories_offsets"] = np.arange(253.0), np.array([0, 253])
    state["n_codes"] = np.array([255], np.uint16)
    with pytest.raises(ValueError, match="both kept and grouped"):
        BinMapper.from_state(state)


@pytest.mark.parametrize("max_bins", [1, 0, -5, 256])
def test_wrong_max_bins(max_bins):
    with pytest.raises(ValueError, match="max_bins"):
        BinMapper(max_bins)


@pytest.mark.parametrize(
    "X, error, message",
    [
        (np.zeros((0, 3)), ValueError, "no rows"),
        (np.zeros((3, 0)), ValueError, "no features"),
        (np.zeros(3), ValueError, "two dimensions"),
        (np.zeros((2, 2, 2)), ValueError, "two dimensions"),
        (np.zeros((2, 2), complex), TypeError, "dtype complex128"),
        (np.array([["a", "b"]]), TypeError, "dtype <U1"),
        (np.zeros((2, 2), object), TypeError, "dtype object"),
        (np.zeros((2, 2), "M8[s]"), TypeError, "dtype datetime64"),
        ([np.zeros(3), np.array(["x", "y", "z"])], TypeError, "column 1 of X has dtype <U1"),
        ([np.zeros(3), np.zeros(4)], ValueError, r"column 1 of X has shape \(4,\)"),
        (sp.csr_matrix((0, 3)), ValueError, "no rows"),
        (sp.csr_matrix(np.eye(2) * 1j), TypeError, "dtype complex128"),
        (np.broadcast_to(np.float32(0), (2**31, 1)), ValueError, "2147483648 rows"),
    ],
)
def test_wrong_tables(X, error, message):
    with pytest.raises(error, match=message):
        BinMapper().fit(X)


def test_text_column_of_a_frame_is_named():
    with pytest.raises((TypeError, ValueError), match="'city'"):
        BinMapper().fit(pd.DataFrame({"n": [1.0, 2.0], "city": ["Rome", "Oslo"]}))


def test_wrong_arguments():
    X = np.eye(3)
    with pytest.raises(ValueError, match="not fitted"):
        BinMapper().transform(X)
    with pytest.raises(ValueError, match="not fitted"):
        BinMapper().get_state()
    with pytest.raises(ValueError, match="X has 2 features, but the bins were made for 3"):
        BinMapper().fit(X).codes(X[:, :2])
    with pytest.raises(ValueError, match="categorical has shape"):
        BinMapper(categorical=[True]).fit(X)
    for weights, message in [
        ([1.0], "shape"),
        ([1, -1, 1], "not negative"),
        ([1, np.nan, 1], "finite"),
        ([0, 0, 0], "zero in every row"),
    ]:
        with pytest.raises(ValueError, match=message):
            BinMapper().fit(X, weights)
    for argument in ({"subsample": 0}, {"n_threads": 0}):
        with pytest.raises(ValueError, match=next(iter(argument))):
            BinMapper(**argument)
