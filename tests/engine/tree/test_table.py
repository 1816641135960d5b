"""Columns of every kind of table: the same values, nothing copied that need not be."""

import datetime
import decimal

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastml._engine.tree.table import Labels, Table, is_frame

TEXTS = ["b", "a", None, "b"]


def _read(labels):
    return [None if code < 0 else labels.values[code] for code in labels.codes]


@pytest.mark.parametrize(
    ("frame", "library"),
    [
        (pd.DataFrame({"x": [1.0], "c": ["a"]}), True),
        (pl.DataFrame({"x": [1.0], "c": ["a"]}), True),
        (pa.table({"x": [1.0], "c": ["a"]}), True),
        (pa.table({"x": [1.0], "c": ["a"]}).to_batches()[0], True),
        (np.ones((1, 2)), False),
        ([[1.0, 2.0]], False),
    ],
)
def test_is_frame(frame, library):
    assert is_frame(frame) is library
    if library:
        table = Table(frame)
        assert table.names == ["x", "c"] and table.shape == (1, 2)
        np.testing.assert_array_equal(table.numbers(0), [1.0])
        assert _read(table.column(1)) == ["a"]


@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "?", ">f8", ">i4"]
)
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_views(dtype, order):
    X = np.asarray(np.arange(6).reshape(3, 2) % 2, dtype=dtype, order=order)
    table = Table(X)
    assert np.shares_memory(table.numeric_matrix(), X)
    assert np.shares_memory(table.column(1), X)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float32", "float64", "bool"])
def test_frames_of_one_type_are_views(dtype):
    X = np.arange(6).reshape(3, 2).astype(dtype)
    frame = pd.DataFrame(X)
    matrix = Table(frame).numeric_matrix()
    np.testing.assert_array_equal(matrix, X)
    assert np.shares_memory(matrix, frame.to_numpy())


def test_mixed_frames_are_read_by_column_without_a_copy():
    frame = pd.DataFrame({"a": np.arange(3, dtype=np.int16), "b": np.arange(3, dtype=np.float32)})
    table = Table(frame)
    assert table.numeric_matrix() is None
    assert table.column(0).dtype == np.int16 and table.column(1).dtype == np.float32
    assert np.shares_memory(table.column(1), frame["b"].to_numpy())
    arrow = pa.table({"a": pa.array([1, 2, 3], pa.int32())})
    assert np.shares_memory(Table(arrow).column(0), arrow.column(0).chunk(0).to_numpy())


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series([1.0, None, 3.0], dtype="Float32"),
        pd.Series([1.0, np.nan, 3.0]),
        pd.Series([1, None, 3], dtype=object),
        pd.Series(pd.arrays.ArrowExtensionArray(pa.array([1, None, 3]))),
        pl.Series([1, None, 3]),
        pl.Series([1, None, 3], dtype=pl.UInt8),
        pl.Series([decimal.Decimal(1), None, decimal.Decimal(3)]),
        pa.array([1, None, 3], pa.int8()),
        pa.array([1.0, None, 3.0], pa.float32()),
        pa.chunked_array([[1, None], [3]]),
        np.array([1, None, 3], dtype=object),
    ],
)
def test_missing_numbers_become_nan(column):
    np.testing.assert_array_equal(_table_of(column).numbers(0), [1.0, np.nan, 3.0])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, None, False], dtype="boolean"),
        pl.Series([True, None, False]),
        pa.array([True, None, False]),
        np.array([True, None, False], dtype=object),
    ],
)
def test_booleans_are_numbers(column):
    np.testing.assert_array_equal(_table_of(column).numbers(0), [1.0, np.nan, 0.0])


@pytest.mark.parametrize(
    ("column", "category"),
    [
        (pd.Series(pd.Categorical(TEXTS)), True),
        (pd.Series(pd.Categorical(TEXTS, categories=["z", "b", "a"], ordered=True)), True),
        (pd.Series(TEXTS, dtype=object), False),
        (pd.Series(TEXTS, dtype="string"), False),
        (pl.Series(TEXTS, dtype=pl.Categorical), True),
        (pl.Series(TEXTS, dtype=pl.Enum(["z", "b", "a"])), True),
        (pl.Series(TEXTS), False),
        (pa.array(TEXTS).dictionary_encode(), True),
        (pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0], pa.uint8()), pa.array(["b", "a"])), True),
        (
            pa.chunked_array(
                [pa.array(["b", "a"]).dictionary_encode(), pa.array([None, "b"]).dictionary_encode()]
            ),
            True,
        ),
        (pa.array(TEXTS), False),
        (pa.array(TEXTS, pa.large_string()), False),
        (np.array(TEXTS, dtype=object), False),
    ],
)
def test_labels(column, category):
    table = _table_of(column)
    assert table.is_category(0) is category
    assert table.numeric_matrix() is None
    assert _read(table.column(0)) == TEXTS
    with pytest.raises(ValueError, match=r"holds text, could not convert string to float: '[abz]'"):
        table.numbers(0)


def test_text_arrays():
    table = Table(np.array([["b", "1"], ["a", "2"]]))
    assert _read(table.column(0)) == ["b", "a"]
    np.testing.assert_array_equal(table.numbers(1), [1.0, 2.0])


def test_categories_that_are_numbers():
    series = pd.Series(pd.Categorical([20, 10, None]))
    np.testing.assert_array_equal(_table_of(series).numbers(0), [20.0, 10.0, np.nan])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(pd.to_datetime(["2020-01-01"])),
        pd.Series(pd.to_timedelta([1])),
        pd.Series([1j]),
        pd.Series([datetime.date(2020, 1, 1)]),
        pl.Series([datetime.date(2020, 1, 1)]),
        pl.Series([[1, 2]]),
        pa.array([datetime.date(2020, 1, 1)]),
        pa.array([[1, 2]]),
        np.array([(1, 2), None], dtype=object),
    ],
)
def test_what_is_neither_number_nor_label(column):
    with pytest.raises(ValueError, match=r"neither numbers nor categories"):
        _table_of(column).numbers(0)


def test_unhashable_values():
    with pytest.raises(TypeError, match="argument must be a string or a number: a column of X holds a dict"):
        Table(np.array([[{"a": 1}], [1]], dtype=object)).column(0)


def test_column_titles():
    assert Table(np.ones((1, 2))).title(1) == "at index 1"
    assert Table(pd.DataFrame({"x": [1]})).title(0) == "'x'"


def _table_of(column):
    if isinstance(column, np.ndarray):
        return Table(column[:, None])
    if isinstance(column, pd.Series):
        return Table(pd.DataFrame({"x": column}))
    if isinstance(column, pl.Series):
        return Table(pl.DataFrame({"x": column}))
    return Table(pa.table({"x": column}))


def test_labels_of_missing_kinds():
    values = np.array(["a", None, np.nan, pd.NA, pd.NaT, float("nan"), "a"], dtype=object)
    labels = Table(values[:, None]).column(0)
    assert isinstance(labels, Labels)
    assert labels.codes.tolist() == [0, -1, -1, -1, -1, -1, 0]
