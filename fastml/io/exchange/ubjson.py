"""Universal Binary JSON, as XGBoost writes it: read without trust.

https://ubjson.org, draft 12; integers and floats are big-endian.
"""

from __future__ import annotations

import struct

import numpy as np

from fastml.io.errors import ModelFileError

__all__ = ["parse_ubjson"]

MAX_DEPTH = 64
_NUMBERS = {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}
_ARRAYS = {b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8"}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}
_INTEGERS = frozenset(b"iUIlL")


def parse_ubjson(content):
    """The value that the bytes hold.

    Arrays of one number type become NumPy arrays; all else what `json.loads` would return.

    Parameters
    ----------
    content : bytes

    Raises
    ------
    ModelFileError
        If a size goes beyond the content, a type is not known, a key comes twice or the nesting is too deep.
    """
    reader = _Reader(content)
    value = reader.value(reader.take(1), 0)
    if reader.at != len(content):
        raise ModelFileError(f"{len(content) - reader.at} bytes follow the model")
    return value


class _Reader:
    def __init__(self, content):
        self.content, self.at = content, 0

    def take(self, size):
        end = self.at + size
        if size < 0 or end > len(self.content):
            raise ModelFileError(f"the file ends at byte {len(self.content)}, but {end} are announced")
        taken = self.content[self.at : end]
        self.at = end
        return taken

    def number(self, kind):
        return struct.unpack(_NUMBERS[kind], self.take(struct.calcsize(_NUMBERS[kind])))[0]

    def size(self):
        kind = self.take(1)
        if kind[0] not in _INTEGERS:
            raise ModelFileError(f"a size has type {kind!r}")
        size = self.number(kind)
        if size < 0:
            raise ModelFileError(f"a size is {size}")
        return size

    def text(self):
        return self.take(self.size()).decode("utf-8")

    def value(self, kind, depth):
        if depth > MAX_DEPTH:
            raise ModelFileError(f"values are nested more than {MAX_DEPTH} deep")
        if kind in _NUMBERS:
            return self.number(kind)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == b"S":
            return self.text()
        if kind == b"C":
            return self.take(1).decode("ascii")
        if kind == b"[":
            return self.array(depth + 1)
        if kind == b"{":
            return self.object(depth + 1)
        raise ModelFileError(f"unknown type {kind!r} at byte {self.at - 1}")

    def peek(self):
        return self.content[self.at : self.at + 1]

    def form(self):
        """Type of all entries and their number, None where they are not announced."""
        kind = size = None
        if self.peek() == b"$":
            self.take(1)
            kind = self.take(1)
            if self.peek() != b"#":
                raise ModelFileError("a type is announced without a number")
        if self.peek() == b"#":
            self.take(1)
            size = self.size()
        return kind, size

    def array(self, depth):
        kind, size = self.form()
        if kind in _ARRAYS:
            dtype = np.dtype(_ARRAYS[kind])
            return np.frombuffer(self.take(size * dtype.itemsize), dtype=dtype).astype(
                dtype.newbyteorder("=")
            )
        values = []
        if size is None:
            while (mark := self.take(1)) != b"]":
                values.append(self.value(mark, depth))
            return values
        if kind in _CONSTANTS:
            raise ModelFileError("an array of constants takes no bytes")
        for _ in range(size):
            values.append(self.value(kind or self.take(1), depth))
        return values

    def object(self, depth):
        kind, size = self.form()
        if kind in _CONSTANTS:
            raise ModelFileError("an object of constants")
        values = {}
        while True:
            if size is None and self.peek() == b"}":
                self.take(1)
                return values
            if size is not None and len(values) == size:
                return values
            key = self.text()
            if key in values:
                raise ModelFileError(f"the key {key!r:.80} comes twice")
            values[key] = self.value(kind or self.take(1), depth)
