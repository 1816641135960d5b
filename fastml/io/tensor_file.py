"""A safetensors file with one JSON document in its header, written in fixed bytes and read without trust.

Layout (the safetensors format, https://huggingface.co/docs/safetensors)::

    8 bytes      n, length of the header, little-endian
    n bytes      JSON: {"__metadata__": {"fastml": document}, name: {dtype, shape, data_offsets}, ...}
    the rest     the arrays, little-endian, C order, without gaps

`document` is again JSON. Its first field, ``sha256``, is the digest of the whole file with these 64 digits
replaced by zeros: it finds every damaged byte. It does not prove who wrote the file, so a reader that has
checked it still validates everything. The digest stands at a fixed place, so the bytes before it serve as
the file's magic number.

Files are written by the safetensors library. They are read here, because the reader is what stands
between a stranger's bytes and the program: every size is compared with the length of the file before
anything is allocated, and nothing is read beyond it.
"""

import hashlib
import math
import os

import numpy as np
import safetensors.numpy

from fastml.io.errors import ModelFileError
from fastml.io.json_values import dump_json_text, parse_json_text

__all__ = ["HEADER_LIMIT", "pack", "read_bytes", "unpack", "write_bytes"]

HEADER_LIMIT = 32 * 2**20
"""Longest header in bytes. JSON grows about thirtyfold when parsed, so this bounds the memory it can take."""

MAX_DIMENSIONS = 8
_DOCUMENT_KEY = "fastml"
_DIGEST_KEY = "sha256"
_NO_DIGEST = b"0" * 64
_MAGIC = rb'{"__metadata__":{"fastml":"{\"sha256\":\"'
_DIGEST_AT = 8 + len(_MAGIC)

_DTYPES = {
    "BOOL": np.dtype(bool),
    "U8": np.dtype("u1"),
    "I8": np.dtype("i1"),
    "U16": np.dtype("<u2"),
    "I16": np.dtype("<i2"),
    "F16": np.dtype("<f2"),
    "U32": np.dtype("<u4"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "U64": np.dtype("<u8"),
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
}


def pack(document, arrays):
    """Write a document and arrays as the bytes of a file.

    Parameters
    ----------
    document : dict
        JSON values, not empty. The key ``sha256`` is added.
    arrays : dict of str to ndarray
        Arrays of bool, integers or floats of at most 64 bits, any order and byte order.

    Returns
    -------
    bytearray
        The same for equal input, on every machine.

    Raises
    ------
    ModelFileError
        If an array has another dtype, or the header would be longer than `HEADER_LIMIT`.
    """
    tensors = {}
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        little = array.dtype.newbyteorder("<")
        if little not in _DTYPES.values():
            raise ModelFileError(f"array {name!r}: dtype {array.dtype} cannot be stored in a model file")
        tensors[name] = np.asarray(array, dtype=little, order="C")
    text = f'{{"{_DIGEST_KEY}":"{_NO_DIGEST.decode()}",{dump_json_text(document)[1:]}'
    # One metadata key only: the library keeps metadata in a hash map, so the order of several is random.
    content = bytearray(safetensors.numpy.save(tensors, {_DOCUMENT_KEY: text}))
    header_size = int.from_bytes(content[:8], "little")
    if header_size > HEADER_LIMIT:
        raise ModelFileError(f"the header would have {header_size} bytes, at most {HEADER_LIMIT} are allowed")
    content[_DIGEST_AT : _DIGEST_AT + 64] = digest_of(content).encode()
    return content


def digest_of(content):
    """Digest that the file with this content must state (bytes-like to 64 hexadecimal digits)."""
    content = memoryview(content)
    digest = hashlib.sha256(content[:_DIGEST_AT])
    digest.update(_NO_DIGEST)
    digest.update(content[_DIGEST_AT + 64 :])
    return digest.hexdigest()


def unpack(content):
    """Read the bytes of a file: the inverse of `pack`.

    Parameters
    ----------
    content : uint8 array (n_bytes,)
        The whole file.

    Returns
    -------
    document : dict
        Without the digest.
    arrays : dict of str to ndarray
        Views into `content` where its alignment allows, in native byte order.

    Raises
    ------
    ModelFileError
        If any byte is not as `pack` writes it.
    """
    header, data = _split(content)
    metadata = header.pop("__metadata__")
    if set(metadata) != {_DOCUMENT_KEY}:
        raise ModelFileError("the header's metadata has more than the fastml document")
    document = parse_json_text(metadata[_DOCUMENT_KEY], "the fastml document")
    stated = document.pop(_DIGEST_KEY)
    if stated != digest_of(content):
        raise ModelFileError("the file is damaged: its content does not have the sha256 that it states")
    return document, _tensors(header, data)


def _split(content):
    """Header (parsed) and data (bytes) of a file."""
    if content.size < 8:
        raise ModelFileError(f"the file has {content.size} bytes, too few for a model file")
    header_size = int.from_bytes(content[:8].tobytes(), "little")
    if header_size > content.size - 8:
        raise ModelFileError(
            f"the file is not a model file or is cut off: its header should have {header_size} bytes, "
            f"but only {content.size - 8} follow"
        )
    if header_size > HEADER_LIMIT:
        raise ModelFileError(f"the header has {header_size} bytes, at most {HEADER_LIMIT} are allowed")
    text = content[8 : 8 + header_size].tobytes()
    if not text.startswith(_MAGIC):
        if text.startswith(b"{"):
            raise ModelFileError("this is a safetensors file, but not a fastml model")
        raise ModelFileError("this is not a model file")
    return parse_json_text(text, "the header"), content[8 + header_size :]


def _tensors(header, data):
    """Check every entry of the header, then cut the data into arrays."""
    entries = sorted(
        (_check_entry(name, entry) for name, entry in header.items()), key=lambda entry: entry[1:3]
    )
    arrays, position = {}, 0
    for name, begin, end, dtype, shape in entries:
        if begin != position:
            raise ModelFileError(f"array {name!r}: starts at byte {begin} of the data, expected {position}")
        if end > data.size:
            raise ModelFileError(
                f"array {name!r}: ends at byte {end}, but the data has {data.size}; is the file cut off?"
            )
        arrays[name] = _view(name, data[begin:end], dtype, shape)
        position = end
    if position != data.size:
        raise ModelFileError(f"{data.size - position} bytes follow the last array")
    return arrays


def _check_entry(name, entry):
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise ModelFileError(f"array {name!r:.80}: expected exactly dtype, shape and data_offsets")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise ModelFileError(f"array {name!r:.80}: unknown dtype {entry['dtype']!r:.80}")
    shape, offsets = entry["shape"], entry["data_offsets"]
    for what, sizes in (("shape", shape), ("data_offsets", offsets)):
        if not isinstance(sizes, list) or not all(type(size) is int and 0 <= size < 2**62 for size in sizes):
            raise ModelFileError(f"array {name!r:.80}: {what} must be a list of sizes, found {sizes!r:.80}")
    if len(shape) > MAX_DIMENSIONS or len(offsets) != 2:
        raise ModelFileError(f"array {name!r:.80}: too many dimensions or offsets")
    begin, end = offsets
    if end - begin != math.prod(shape) * dtype.itemsize:
        raise ModelFileError(
            f"array {name!r:.80}: {end - begin} bytes cannot hold {entry['dtype']} of shape {shape!r:.80}"
        )
    return name, begin, end, dtype, tuple(shape)


def _view(name, raw, dtype, shape):
    if raw.size == 0:
        try:
            return np.empty(shape, dtype=dtype.newbyteorder("="))
        except ValueError as error:  # a dimension of zero beside ones whose product overflows
            raise ModelFileError(f"array {name!r:.80}: {error}") from None
    if dtype.kind == "b" and raw.max() > 1:
        raise ModelFileError(f"array {name!r:.80}: a bool must be 0 or 1")
    if raw.ctypes.data % dtype.itemsize:
        raw = raw.copy()
    array = raw.view(dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_bytes(source):
    """Whole content of a file as an aligned, writable uint8 array.

    Parameters
    ----------
    source : str, os.PathLike or binary file object

    Raises
    ------
    OSError
        If the file cannot be opened or read.
    """
    if hasattr(source, "read"):
        content = source.read()
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise TypeError("a model file is binary: open it with mode 'rb'")
        return np.frombuffer(content, dtype=np.uint8).copy()
    with open(os.fspath(source), "rb") as file:
        return np.fromfile(file, dtype=np.uint8)


def write_bytes(content, target):
    """Write the content so that a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    content : bytes-like
    target : str, os.PathLike or binary file object
    """
    if hasattr(target, "write"):
        target.write(content)
        return
    path = os.fsdecode(target)
    partial = f"{path}.{os.getpid()}.part"
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        if os.path.exists(partial):
            os.unlink(partial)
        raise
