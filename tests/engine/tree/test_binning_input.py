"""Kinds of tables that are binned where they lie."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.masked import MaskedNumbers
from fastml._engine.tree.table import Table
from tests.engine.tree.binning_checks import check, check_matrix, from_edges, mixed

DTYPES = [
    *("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"),
    *(">i2", ">i8", ">u4", ">f2", ">f4", ">f8", "g"),
]


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
