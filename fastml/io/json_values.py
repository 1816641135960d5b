"""Small Python values to JSON and back, exactly, and only the ones on the list.

JSON has no tuple, no set, no NaN, no dictionary with integer keys. Parameters of estimators use all of
them, so each is written as an object with a single key that starts with ``$``::

    (1, 2)                 {"$tuple": [1, 2]}
    {3, 1}                 {"$set": [1, 3]}
    float("nan")           {"$float": "nan"}
    {0: 1.0, 1: 2.5}       {"$dict": [[0, 1.0], [1, 2.5]]}
    np.array([1, 0])       {"$array": {"dtype": "int64", "values": [1, 0], "shape": [2]}}
    a function             {"$callable": "package.module.name"}

Floats are written with the shortest text that reads back as the same double. A callable is written as
its name only; it comes back as a `CallableMarker`, never as the function: a file must not be able to
choose what code runs.
"""

import json
import math

import numpy as np

from fastml.io.errors import ModelFileError

__all__ = ["CallableMarker", "decode_value", "dump_json_text", "encode_value", "parse_json_text"]

MAX_DEPTH = 32
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1
_ARRAY_DTYPES = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                 "float16", "float32", "float64", "object", "str")  # fmt: skip


class CallableMarker:
    """Stands where a function stood before its model was saved.

    A model file is data, so it keeps the function's name and not its code. A model with a marker
    predicts as before; what would need the function (another `fit`) raises.

    Parameters
    ----------
    name : str
        Qualified name of the function that was not stored.
    """

    def __init__(self, name):
        self.name = name

    def __call__(self, *args, **kwargs):
        raise TypeError(
            f"the function {self.name!r} is not part of the model file that this model was loaded from; "
            f"give it again with set_params before using it"
        )

    def __repr__(self):
        return f"CallableMarker({self.name!r})"

    def __eq__(self, other):
        return isinstance(other, CallableMarker) and other.name == self.name

    def __hash__(self):
        return hash((CallableMarker, self.name))


def callable_name(function):
    """Name under which a callable is mentioned in a file."""
    if isinstance(function, CallableMarker):
        return function.name
    owner = function if hasattr(function, "__qualname__") else type(function)
    return f"{getattr(owner, '__module__', None) or '?'}.{owner.__qualname__}"


def encode_value(value, where):
    """Turn a value into what `json.dumps` writes, or say why it cannot be stored.

    Parameters
    ----------
    value : object
        None, bool, int of 64 bits, float, str, NumPy scalar, list, tuple, set, frozenset, dict, small
        NumPy array, callable (kept as its name), nested at most 32 deep.
    where : str
        Name of the value in error messages, such as ``params.monotonic_cst``.

    Raises
    ------
    ModelFileError
        For any other type, with `where` in the message.
    """
    return _encode(value, where, 0)


def _encode(value, where, depth):
    if depth > MAX_DEPTH:
        raise ModelFileError(f"{where}: nested more than {MAX_DEPTH} deep (or contains itself)")
    if isinstance(value, np.generic) and value.dtype.kind in "biufU":
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not _INT_MIN <= value <= _INT_MAX:
            raise ModelFileError(f"{where}: the integer {value} does not fit in 64 bits")
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return {"$float": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, str):
        return _check_text(str(value), where)
    if isinstance(value, list):
        return [_encode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if isinstance(value, tuple):
        return {"$tuple": [_encode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]}
    if isinstance(value, (set, frozenset)):
        # A set has no order of its own; the file's bytes must not depend on the hash seed.
        items = [_encode(item, f"{where} (item of a set)", depth + 1) for item in value]
        return {"$set": sorted(items, key=dump_json_text)}
    if isinstance(value, dict):
        return _encode_dict(value, where, depth)
    if isinstance(value, np.ndarray):
        return _encode_array(value, where, depth)
    if callable(value) and not isinstance(value, type):
        return {"$callable": _check_text(callable_name(value), where)}
    raise ModelFileError(f"{where}: a value of type {type(value).__name__} cannot be stored in a model file")


def _check_text(text, where):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelFileError(f"{where}: the text {text!r} has no UTF-8 form") from None
    return text


def _encode_dict(value, where, depth):
    plain = all(isinstance(key, str) and not key.startswith("$") for key in value)
    pairs = [
        (_encode(key, f"{where} (key)", depth + 1), _encode(item, f"{where}[{key!r}]", depth + 1))
        for key, item in value.items()
    ]
    return dict(pairs) if plain else {"$dict": [list(pair) for pair in pairs]}


def _encode_array(value, where, depth):
    name = "str" if value.dtype.kind == "U" else value.dtype.name
    if name not in _ARRAY_DTYPES:
        raise ModelFileError(f"{where}: an array of dtype {value.dtype} cannot be stored in a model file")
    flat = [_encode(item, f"{where}[{i}]", depth + 2) for i, item in enumerate(value.ravel().tolist())]
    return {"$array": {"dtype": name, "shape": list(value.shape), "values": flat}}


def decode_value(value, where):
    """Inverse of `encode_value`; anything that it cannot have written is refused.

    Raises
    ------
    ModelFileError
        With `where` in the message.
    """
    return _decode(value, where, 0)


def _decode(value, where, depth):
    if depth > MAX_DEPTH:
        raise ModelFileError(f"{where}: nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return [_decode(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    if not isinstance(value, dict):
        if type(value) is int and not _INT_MIN <= value <= _INT_MAX:
            raise ModelFileError(f"{where}: an integer does not fit in 64 bits")
        return value
    tags = [key for key in value if key.startswith("$")]
    if not tags:
        return {key: _decode(item, f"{where}[{key!r}]", depth + 1) for key, item in value.items()}
    if len(value) != 1 or tags[0] not in _DECODERS:
        raise ModelFileError(f"{where}: unknown kind of value, keys {sorted(value)[:4]}")
    tag = tags[0]
    return _DECODERS[tag](value[tag], where, depth + 1)


def _decode_items(items, where, depth):
    if not isinstance(items, list):
        raise ModelFileError(f"{where}: expected a list, found {type(items).__name__}")
    return [_decode(item, f"{where}[{i}]", depth) for i, item in enumerate(items)]


def _decode_tuple(items, where, depth):
    return tuple(_decode_items(items, where, depth))


def _decode_set(items, where, depth):
    items = _decode_items(items, where, depth)
    try:
        result = set(items)
    except TypeError:
        raise ModelFileError(f"{where}: a set holds something that cannot be in a set") from None
    if len(result) != len(items):
        raise ModelFileError(f"{where}: a set holds the same item twice")
    return result


def _decode_float(text, where, depth):
    if text not in ("nan", "inf", "-inf"):
        raise ModelFileError(f"{where}: expected nan, inf or -inf")
    return float(text)


def _decode_dict(pairs, where, depth):
    result = {}
    for pair in _decode_items(pairs, where, depth):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ModelFileError(f"{where}: expected a list of [key, value]")
        try:
            if pair[0] in result:
                raise ModelFileError(f"{where}: the key {pair[0]!r} occurs twice")
            result[pair[0]] = pair[1]
        except TypeError:
            raise ModelFileError(f"{where}: a key cannot be of type {type(pair[0]).__name__}") from None
    return result


def _decode_array(content, where, depth):
    if not isinstance(content, dict) or set(content) != {"dtype", "shape", "values"}:
        raise ModelFileError(f"{where}: an array needs exactly dtype, shape and values")
    name, shape = content["dtype"], content["shape"]
    if name not in _ARRAY_DTYPES:
        raise ModelFileError(f"{where}: an array cannot have dtype {name!r}")
    if (
        not isinstance(shape, list)
        or not all(type(n) is int and n >= 0 for n in shape)
        or len(shape) > MAX_DEPTH
    ):
        raise ModelFileError(f"{where}: the shape of an array is a list of sizes, found {shape!r:.80}")
    values = _decode_items(content["values"], where, depth)
    if math.prod(shape) != len(values) or not all(_is_scalar(item) for item in values):
        raise ModelFileError(
            f"{where}: an array of shape {shape!r:.80} cannot hold the {len(values)} given values"
        )
    result = np.empty(len(values), dtype=object)
    result[:] = values
    try:
        if name == "object":
            return result.reshape(shape)
        converted = result.astype(name)
        if converted.tolist() != values and not name.startswith("float"):
            raise ValueError("a value changed")
        return converted.reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise ModelFileError(f"{where}: the values are not of dtype {name}: {error}") from None


def _is_scalar(value):
    return value is None or isinstance(value, (bool, int, float, str))


def _decode_callable(name, where, depth):
    if not isinstance(name, str):
        raise ModelFileError(f"{where}: the name of a callable is a text")
    return CallableMarker(name)


_DECODERS = {
    "$tuple": _decode_tuple,
    "$set": _decode_set,
    "$float": _decode_float,
    "$dict": _decode_dict,
    "$array": _decode_array,
    "$callable": _decode_callable,
}


def dump_json_text(value):
    """JSON with sorted keys and no spaces: the same value is always the same text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def parse_json_text(text, where):
    """Parse JSON strictly: no duplicate keys, no NaN or Infinity, nothing after the value.

    Parameters
    ----------
    text : str or bytes
        bytes are UTF-8.
    where : str
        Name of the text in error messages.

    Raises
    ------
    ModelFileError
        If the text is not such JSON.
    """
    try:
        if not isinstance(text, str):
            text = bytes(text).decode("utf-8")
        return json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError:
        raise ModelFileError(f"{where}: nested too deep") from None
    except ModelFileError as error:
        raise ModelFileError(f"{where}: {error}") from None
    except ValueError as error:  # UnicodeDecodeError, JSONDecodeError, integers of thousands of digits
        raise ModelFileError(f"{where}: not valid JSON: {error}") from None


def _unique_keys(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise ModelFileError(f"the key {key!r:.80} occurs twice")
        result[key] = value
    return result


def _no_constant(name):
    raise ModelFileError(f"{name} is not JSON")
