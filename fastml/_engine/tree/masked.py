"""Columns of numbers whose missing values are told by a mask, as in Arrow and pandas' nullable types."""

from __future__ import annotations

import numpy as np

__all__ = ["MaskedNumbers", "masked_from_arrow", "masked_from_pandas"]


class MaskedNumbers:
    """Numbers and a mask, both where the container has them. NumPy sees float64 with NaN for what is missing.

    Parameters
    ----------
    values : array of shape (n_rows,)
        Numbers; anything where missing.
    missing : bool array of shape (n_rows,) or None
        Whether a value is missing.
    valid : uint8 array or None
        Instead of `missing`: bit ``first + i``, least significant first, is set if value i is there.
    first : int, default=0
    """

    def __init__(self, values, missing=None, valid=None, first=0):
        self.values = values
        self.missing = missing
        self.valid = valid
        self.first = first
        self.shape = values.shape
        self.ndim = values.ndim
        self.dtype = values.dtype

    def __len__(self):
        return len(self.values)

    def is_missing(self) -> np.ndarray:
        """bool array of shape (n_rows,)"""
        if self.missing is not None:
            return self.missing
        bits = np.unpackbits(self.valid, count=self.first + len(self), bitorder="little")
        return bits[self.first :] == 0

    def __array__(self, dtype=None, copy=None):
        if copy is False:
            raise ValueError("a masked column has to be copied to become an array")
        array = self.values.astype(np.float64)
        array[self.is_missing()] = np.nan
        return array if dtype is None else array.astype(dtype, copy=False)


def masked_from_pandas(array):
    """A nullable extension array of numbers or booleans without a copy, None if it is stored otherwise."""
    values, missing = getattr(array, "_data", None), getattr(array, "_mask", None)
    if isinstance(values, np.ndarray) and isinstance(missing, np.ndarray) and missing.dtype == bool:
        return MaskedNumbers(values, missing=missing)
    return None


def masked_from_arrow(array, dtype):
    """An Arrow array of numbers with nulls without a copy.

    Parameters
    ----------
    array : pyarrow.Array
        Of integers or floats; not chunked.
    dtype : dtype
        NumPy's name of its type.
    """
    valid, values = array.buffers()
    values = np.frombuffer(values, dtype=dtype)[array.offset : array.offset + len(array)]
    return MaskedNumbers(values, valid=np.frombuffer(valid, dtype=np.uint8), first=array.offset)
