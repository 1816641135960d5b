"""Arrays of class labels, feature names and categories, stored without pickle.

Numbers and bools are stored as they are. Fixed-width text and object arrays (whose items are texts,
64-bit integers, floats, bools or None) are stored as the UTF-8 text of a JSON list in a uint8 array; a
table in the document says which arrays those are and what dtype they had::

    {"classes_": {"dtype": "object", "shape": [3]}}
"""

import math

import numpy as np

from fastml.io.errors import ModelFileError
from fastml.io.json_values import decode_value, dump_json_text, encode_value, parse_json_text

__all__ = ["decode_arrays", "encode_arrays"]

# A fixed-width array takes the width of its longest item for every item. More than this many times the
# stored text is refused, so that a small file cannot ask for a huge array.
MAX_WIDENING = 64


def encode_arrays(arrays):
    """Separate arrays into tensors and a table of those that were turned into text.

    Parameters
    ----------
    arrays : dict of str to ndarray

    Returns
    -------
    table : dict of str to dict
    tensors : dict of str to ndarray
        Only bool, integers and floats.

    Raises
    ------
    ModelFileError
        For a dtype or an item that cannot be stored.
    """
    table, tensors = {}, {}
    for name, array in arrays.items():
        array = np.asarray(array)
        if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8:
            tensors[name] = array
        elif array.dtype.kind in "UO":
            table[name] = {"dtype": _text_dtype(array), "shape": list(array.shape)}
            tensors[name] = _to_text(name, array)
        else:
            raise ModelFileError(
                f"{name}: values of dtype {array.dtype} cannot be stored in a model file; "
                f"convert them to numbers or text before fitting"
            )
    return table, tensors


def _text_dtype(array):
    return "object" if array.dtype.kind == "O" else f"U{array.dtype.itemsize // 4}"


def _to_text(name, array):
    items = []
    for i, item in enumerate(array.ravel().tolist()):
        encoded = encode_value(item, f"{name}[{i}]")
        if isinstance(encoded, (list, dict)) and not (isinstance(encoded, dict) and "$float" in encoded):
            raise ModelFileError(
                f"{name}[{i}]: an item of type {type(item).__name__} cannot be stored in a model file"
            )
        items.append(encoded)
    return np.frombuffer(dump_json_text(items).encode("ascii"), dtype=np.uint8)


def decode_arrays(table, tensors):
    """Inverse of `encode_arrays`.

    Raises
    ------
    ModelFileError
        If the table or a text is not as `encode_arrays` writes it.
    """
    if not isinstance(table, dict):
        raise ModelFileError("the table of text arrays must be a JSON object")
    arrays = dict(tensors)
    for name, entry in table.items():
        if name not in tensors:
            raise ModelFileError(f"the table of text arrays mentions {name!r:.80}, which is missing")
        arrays[name] = _from_text(name, entry, tensors[name])
    return arrays


def _from_text(name, entry, tensor):
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape"}:
        raise ModelFileError(f"{name:.80}: expected exactly dtype and shape")
    dtype, shape = entry["dtype"], entry["shape"]
    if tensor.dtype != np.uint8 or tensor.ndim != 1:
        raise ModelFileError(f"{name:.80}: a text must be stored in one dimension of uint8")
    items = parse_json_text(tensor.tobytes(), f"{name:.80}")
    if (
        not isinstance(items, list)
        or not isinstance(shape, list)
        or not all(type(n) is int and n >= 0 for n in shape)
    ):
        raise ModelFileError(f"{name:.80}: expected a list of items and a list of sizes")
    if len(shape) > 8 or math.prod(shape) != len(items):
        raise ModelFileError(f"{name:.80}: {len(items)} items do not have shape {shape!r:.80}")
    items = [decode_value(item, f"{name:.80}[{i}]") for i, item in enumerate(items)]
    if any(isinstance(item, (list, dict, tuple, set)) or callable(item) for item in items):
        raise ModelFileError(f"{name:.80}: an item is neither a text nor a number")
    if dtype != "object":
        _check_width(name, dtype, items, tensor.size)
    result = np.empty(len(items), dtype=object)
    result[:] = items
    try:
        return result.reshape(shape) if dtype == "object" else result.astype(dtype).reshape(shape)
    except (ValueError, TypeError) as error:
        raise ModelFileError(f"{name:.80}: {error}") from None


def _check_width(name, dtype, items, stored):
    if not (
        isinstance(dtype, str)
        and dtype[:1] == "U"
        and dtype[1:].isascii()
        and dtype[1:].isdigit()
        and len(dtype) < 12
    ):
        raise ModelFileError(f"{name:.80}: unknown dtype {dtype!r:.80}")
    width = int(dtype[1:])
    if not all(isinstance(item, str) and len(item) <= width for item in items):
        raise ModelFileError(f"{name:.80}: an item is not a text of at most {width} characters")
    if width * len(items) * 4 > MAX_WIDENING * stored + 4096:
        raise ModelFileError(f"{name:.80}: {len(items)} texts of width {width} would take too much memory")
