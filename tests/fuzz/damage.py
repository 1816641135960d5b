"""Damage to a model: lists of edits, chosen at random, that can be written down and applied again.

What is damaged is either the bytes of a file, or the values of a document and its arrays, so that one change
reaches the checks behind the parser. An edit is a list of JSON values::

    ["bytes", at, n_removed, hexadecimal]    bytes put in place of others
    ["put", path, value]                     a value of a document; path: keys and indices from the top
    ["drop", path]
    ["set", name, index, value]              an entry of an array, counted as if it were flat
    ["fill", name, value]
    ["swap", name, index, index]
    ["size", name, n]                        cut off or repeated
    ["type", name, dtype]
    ["shape", name, sizes]
    ["lose", name]                           the whole array
"""

import re

import numpy as np

__all__ = ["apply_to_bytes", "apply_to_values", "damage_bytes", "damage_values"]

_BYTES = b"\0\x01\x7f\x80\xff"
_NUMBERS = b"0 -1 1 2 255 65536 2147483647 4294967296 9e99 -9e99 nan NaN inf 1e-320 0.5".split()
_VALUES = [0, -1, 1, 2, 255, 2**31 - 1, 2**31, 2**63 - 1, 2**64, 0.5, -1e300, 1e-320, None, True, "", "0",
           "-1", "nan", "1e999", [], {}, [[]], [0], {"a": 0}]  # fmt: skip
_WHOLE = [
    0,
    -1,
    1,
    2,
    254,
    255,
    256,
    2**16,
    2**28 - 1,
    2**29,
    2**31 - 1,
    -(2**31),
    2**32 - 1,
    2**62,
    -(2**63),
]
_REAL = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-320, 1e300, -1e300, float("inf"), float("-inf"), float("nan")]
_DTYPES = ["bool", "int8", "uint8", "int32", "uint32", "int64", "float32", "float64", "uint16"]


def damage_bytes(content, rng):
    """One to four edits of bytes (random.Random)."""
    edits = []
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(content))
        choice = rng.randrange(6)
        if choice == 0:
            edits.append(["bytes", at, 1, bytes([rng.randrange(256)]).hex()])
        elif choice == 1:
            edits.append(["bytes", at, 1, bytes([rng.choice(_BYTES)]).hex()])
        elif choice == 2:
            edits.append(["bytes", at, rng.randrange(1, 40), ""])
        elif choice == 3:
            edits.append(["bytes", at, 0, bytes(content[at : at + rng.randrange(1, 40)]).hex()])
        elif choice == 4:
            size = rng.choice([1, 4, 8])
            edits.append(["bytes", at, size, rng.randbytes(size).hex()])
        else:
            found = list(re.finditer(rb"-?\d+(\.\d+)?", content[at : at + 100]))
            if found:
                one = rng.choice(found)
                new = rng.choice(_NUMBERS)
                edits.append(["bytes", at + one.start(), one.end() - one.start(), new.hex()])
    return edits


def apply_to_bytes(content, edits):
    """The content after edits of bytes."""
    content = bytearray(content)
    for _, at, n_removed, inserted in edits:
        content[at : at + n_removed] = bytes.fromhex(inserted)
    return bytes(content)


def damage_values(document, arrays, rng):
    """One to three edits of a document or of arrays (random.Random)."""
    return [
        _of_array(arrays, rng)
        if not document or (arrays and rng.random() < 0.75)
        else _of_document(document, rng)
        for _ in range(rng.randrange(1, 4))
    ]


def _of_document(value, rng):
    path = []
    while isinstance(value, (dict, list)) and value and (not path or rng.random() < 0.9):
        key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
        path.append(key)
        value = value[key]
    if path and rng.random() < 0.1:
        return ["drop", path]
    if isinstance(value, str) and rng.random() < 0.3:
        return ["put", path, value[: rng.randrange(len(value) + 1)]]
    if type(value) in (int, float) and rng.random() < 0.5:
        return ["put", path, value + rng.choice([-1, 1, 100, -100])]
    return ["put", path, rng.choice(_VALUES)]


def _of_array(arrays, rng):
    name = rng.choice(list(arrays))
    array = arrays[name]
    choice = rng.randrange(20)
    if choice == 0:
        return ["lose", name]
    if choice == 1:
        return ["type", name, rng.choice(_DTYPES)]
    if choice == 2:
        return ["size", name, rng.choice([0, 1, array.size - 1, array.size + 1, 2 * array.size]) % 100_000]
    if choice == 3:
        return ["shape", name, rng.choice([[1, -1], [-1, 1], [-1], [], [0, 5]])]
    value = _entry(array, rng)
    if choice == 4 or array.size == 0:
        return ["fill", name, value]
    at = rng.randrange(array.size)
    if choice < 8:
        return ["swap", name, at, rng.randrange(array.size)]
    return ["set", name, at, value]


def _entry(array, rng):
    """A number for an array: of its own, beside one of its own, or an extreme one."""
    if array.dtype.kind not in "biuf":
        return rng.choice(["", "x", "0", None])
    if array.size and rng.random() < 0.5:
        own = array.reshape(-1)[rng.randrange(array.size)].item()
        return own + rng.choice([0, 1, -1]) if array.dtype.kind != "b" else not own
    return rng.choice(_REAL if array.dtype.kind == "f" else _WHOLE)


def apply_to_values(document, arrays, edits):
    """Document and arrays after the edits; what they do not touch is not copied."""
    arrays = dict(arrays)
    for kind, where, *what in edits:
        if kind in ("put", "drop"):
            document = _changed(document, where, kind, *what)
        elif where in arrays:
            _change_array(arrays, where, kind, *what)
    return document, arrays


def _changed(value, path, kind, new=None):
    if not path:
        return new
    key, *rest = path
    if isinstance(value, list):
        known = isinstance(key, int) and key < len(value)
    else:
        known = isinstance(value, dict) and key in value
    if not known:  # an edit before this one took it away
        return value
    value = value.copy()
    if kind == "drop" and not rest:
        del value[key]
    else:
        value[key] = _changed(value[key], rest, kind, new)
    return value


def _change_array(arrays, name, kind, *what):
    array = arrays[name]
    if kind == "lose":
        del arrays[name]
    elif kind == "type":
        with np.errstate(all="ignore"):
            arrays[name] = array.astype(what[0]) if array.dtype.kind in "biuf" else array
    elif kind == "size":
        arrays[name] = np.resize(array, (max(what[0], 0), *array.shape[1:])) if array.ndim else array
    elif kind == "shape":
        if -1 in what[0] or (np.prod(what[0]) == array.size):
            arrays[name] = array.reshape(what[0])
    else:
        arrays[name] = array = array.copy()
        flat = array.reshape(-1)
        if kind == "swap":
            i, j = (k % max(flat.size, 1) for k in what)
            if flat.size:
                flat[[i, j]] = flat[[j, i]]
        elif kind == "fill":
            flat[:] = _cast(array, what[0])
        elif flat.size:
            flat[what[0] % flat.size] = _cast(array, what[1])


def _cast(array, value):
    """The value in the array's type; whole numbers wrap around."""
    if array.dtype.kind in "iu":
        value = value if isinstance(value, int) else 0
        return np.array(int(value) & (2 ** (8 * array.dtype.itemsize) - 1), dtype=np.uint64).astype(
            array.dtype
        )
    return value
