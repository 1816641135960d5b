"""Columns of a user's table, one at a time, without copying the table.

A table is a two-dimensional NumPy array, a pandas or Polars DataFrame, a pyarrow Table or RecordBatch. Each
column is read as an array of numbers or as `Labels` (text and categories). Nothing here knows about trees.
"""

from __future__ import annotations

import numpy as np

from fastml._engine.tree.masked import masked_from_arrow, masked_from_pandas

__all__ = ["Labels", "Table", "is_frame"]


class Labels:
    """A column of labels.

    Attributes
    ----------
    codes : integer array of shape (n_rows,)
        Index into ``values``, -1 where the label is missing.
    values : list
        Distinct labels.
    """

    def __init__(self, codes, values):
        self.codes = codes
        self.values = values


def is_frame(X) -> bool:
    """Whether X is a table with named, typed columns that `Table` can read."""
    return _library(X) is not None


def _library(X):
    if isinstance(X, np.ndarray):
        return None
    module = type(X).__module__.partition(".")[0]
    if module == "polars" and hasattr(X, "get_columns"):
        return "polars"
    if module == "pyarrow" and hasattr(X, "schema") and hasattr(X, "column"):
        return "pyarrow"
    if hasattr(X, "iloc") and hasattr(X, "columns"):  # pandas and what behaves like it (Modin, cuDF)
        return "pandas"
    return None


class Table:
    """Reader of the columns of a table.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns), pandas or Polars DataFrame, pyarrow Table or RecordBatch

    Attributes
    ----------
    shape : tuple of int
    names : list or None
        Column names, None for an array.
    """

    def __init__(self, X):
        self._X = X
        self._library = _library(X)
        self.shape = tuple(X.shape)
        if self._library == "pyarrow":
            self.names = list(X.schema.names)
        else:
            self.names = None if self._library is None else list(X.columns)
        self._types = list(X.dtypes) if self._library == "pandas" else []
        self._labels = {}  # columns that have been asked for and hold labels: they are asked for again

    def is_category(self, j: int) -> bool:
        """Whether the type of column j says that it holds categories."""
        if self._library == "pandas":
            return type(self._types[j]).__name__ == "CategoricalDtype"
        if self._library == "polars":
            return type(self._X.dtypes[j]).__name__ in ("Categorical", "Enum") or (
                getattr(self._X.dtypes[j], "__name__", "") in ("Categorical", "Enum")
            )
        if self._library == "pyarrow":
            return type(self._X.schema.field(j).type).__name__ == "DictionaryType"
        return False

    def title(self, j: int) -> str:
        """The column as an error message names it."""
        return f"at index {j}" if self.names is None else repr(self.names[j])

    def numeric_matrix(self):
        """The table as one array where that costs no conversion of single columns, else None.

        A pandas DataFrame whose columns have one NumPy number type is usually a view of one block.
        """
        if self._library is None:
            return self._X if self._X.dtype.kind in "biuf" else None
        if self._library == "pandas":
            kinds = set(self._types)
            if len(kinds) == 1 and isinstance(kind := next(iter(kinds)), np.dtype) and kind.kind in "biuf":
                matrix = self._X.to_numpy()
                return matrix if matrix.dtype == kind else None
        return None

    def column(self, j: int):
        """Column j as an array of numbers (NaN where missing) or as `Labels`.

        Raises
        ------
        ValueError
            If the column holds neither numbers nor labels (dates, lists, complex numbers).
        """
        if j in self._labels:
            return self._labels[j]
        if self._library == "pandas":
            column = _pandas_column(self._X.iloc[:, j])
        elif self._library == "polars":
            column = _polars_column(self._X.get_columns()[j])
        elif self._library == "pyarrow":
            column = _arrow_column(self._X.column(j))
        else:
            column = _array_column(self._X[:, j])
        if column is None:
            raise ValueError(
                f"Column {self.title(j)} of X holds values that are neither numbers nor categories "
                f"({self._type_name(j)}); convert it to numbers first."
            )
        if isinstance(column, Labels):
            self._labels[j] = column
        return column

    def numbers(self, j: int, used_as: str = "numeric") -> np.ndarray:
        """Column j as an array of numbers.

        Raises
        ------
        ValueError
            If the column holds text that is not a number.
        """
        column = self.column(j)
        if not isinstance(column, Labels):
            return column
        try:
            values = np.array([*column.values, np.nan], dtype=np.float64)
        except (TypeError, ValueError):
            example = next((v for v in column.values if not _is_number(v)), None)
            raise ValueError(
                f"Column {self.title(j)} of X is {used_as} but holds text, could not convert string to "
                f"float: {example!r}. List the column in categorical_features, give it a categorical dtype, "
                f"or encode it as numbers."
            ) from None
        return values[column.codes]

    def _type_name(self, j):
        if self._library == "pyarrow":
            return str(self._X.schema.field(j).type)
        if self._library is None:
            return str(self._X.dtype)
        return str(list(self._X.dtypes)[j])


def _is_number(value) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _pandas_column(series):
    dtype = series.dtype
    if type(dtype).__name__ == "CategoricalDtype":
        return Labels(series.array.codes, series.array.categories.tolist())
    if isinstance(dtype, np.dtype):
        return _array_column(series.to_numpy())
    if getattr(dtype, "_is_numeric", False) or getattr(dtype, "_is_boolean", False):
        if type(dtype).__name__ == "ArrowDtype":
            return _arrow_column(series.array.__arrow_array__())
        masked = masked_from_pandas(series.array)
        return series.to_numpy(dtype=np.float64, na_value=np.nan) if masked is None else masked
    return _array_column(series.to_numpy(dtype=object))


def _polars_column(series):
    import polars

    name = type(series.dtype).__name__
    if series.dtype in (polars.String, polars.Categorical) or name == "Enum":
        text = series.cast(polars.String)
        values = text.unique().drop_nulls().sort()
        codes = text.cast(polars.Enum(values)).to_physical().cast(polars.Int32).fill_null(-1)
        return Labels(codes.to_numpy(), values.to_list())
    if series.dtype == polars.Boolean:
        series = series.cast(polars.UInt8)
    if series.dtype == polars.Null or series.dtype.is_decimal():
        series = series.cast(polars.Float64)
    if not series.dtype.is_numeric():
        return None
    if series.null_count():
        try:
            return _arrow_column(series.to_arrow())
        except ImportError:  # Polars needs pyarrow for that
            series = series.cast(polars.Float64)
    return series.to_numpy()


def _arrow_column(array):
    import pyarrow

    kind = array.type
    if isinstance(array, pyarrow.ChunkedArray):
        array = array.combine_chunks() if array.num_chunks != 1 else array.chunk(0)
        if isinstance(array, pyarrow.ChunkedArray):  # a dictionary that differs from chunk to chunk
            array = array.unify_dictionaries().combine_chunks()
    if pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind):
        array = array.dictionary_encode()
    if pyarrow.types.is_dictionary(array.type):
        codes = array.indices
        if codes.null_count:
            codes = codes.cast(pyarrow.int64()).fill_null(-1)
        return Labels(codes.to_numpy(zero_copy_only=False), array.dictionary.to_pylist())
    if pyarrow.types.is_boolean(kind):
        array = array.cast(pyarrow.uint8())
    if pyarrow.types.is_null(kind) or pyarrow.types.is_decimal(kind):
        array = array.cast(pyarrow.float64())
    if not (pyarrow.types.is_integer(array.type) or pyarrow.types.is_floating(array.type)):
        return None
    if array.null_count:
        return masked_from_arrow(array, array.type.to_pandas_dtype())
    return array.to_numpy(zero_copy_only=False)


def _array_column(values):
    kind = values.dtype.kind
    if kind in "biuf":
        return values
    if kind in "US":
        distinct, codes = np.unique(values, return_inverse=True)
        return Labels(codes.astype(np.int32), distinct.tolist())
    if kind == "O":
        return _object_column(values)
    return None


def _object_column(values):
    """Labels of an array of Python objects; numbers alone become an array of numbers."""
    index: dict = {}
    codes = np.empty(values.size, dtype=np.int32)
    for i, value in enumerate(values.tolist()):
        if _is_missing(value):
            codes[i] = -1
            continue
        try:
            codes[i] = index.setdefault(value, len(index))
        except TypeError:
            raise TypeError(
                f"argument must be a string or a number: a column of X holds a {type(value).__name__}"
            ) from None
    distinct = list(index)
    if all(isinstance(v, (int, float, np.number, np.bool_)) for v in distinct):
        return np.array([*map(float, distinct), np.nan])[codes]
    if any(isinstance(v, (tuple, complex)) or hasattr(v, "year") for v in distinct):
        return None
    return Labels(codes, distinct)


def _is_missing(value) -> bool:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)
