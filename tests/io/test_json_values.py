"""Small values to JSON and back, and nothing else."""

import math

import numpy as np
import pytest

from fastml.io import CallableMarker, ModelFileError
from fastml.io.json_values import decode_value, dump_json_text, encode_value, parse_json_text


def through_text(value):
    return decode_value(parse_json_text(dump_json_text(encode_value(value, "v")), "text"), "v")


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**63),
        2**64 - 1,
        0.1,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        math.inf,
        -math.inf,
        "",
        "grün \x00 \U0001f333",
        [],
        [1, [2.5, None]],
        (),
        (1, (2,)),
        {3, 1, 2},
        {"a", None, 2},
        {"a": 1},
        {0: 0.5, 1: 2.0},
        {"$tuple": [1]},
        {("a", 1): {2}},
        [{0, 1}, (2, 3)],
    ],
)
def test_round_trip(value):
    result = through_text(value)
    assert result == value
    assert type(result) is type(value)
    if value == 0.0 and isinstance(value, float):
        assert math.copysign(1, result) == math.copysign(1, value)


def test_round_trip_of_nan():
    assert math.isnan(through_text(math.nan))


@pytest.mark.parametrize(
    "array",
    [
        np.array([True, False]),
        np.array([[1, -1]], dtype=np.int8),
        np.array([0.1, np.nan, -np.inf]),
        np.array([0.1], dtype=np.float32),
        np.array(["a", "long"]),
        np.array(["a", None, 3], dtype=object),
        np.array(3),
        np.empty((0, 2)),
    ],
)
def test_round_trip_of_arrays(array):
    result = through_text(array)
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array, strict=True)


def test_numpy_scalars_become_python_scalars():
    for scalar, value in [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
    ]:
        result = through_text(scalar)
        assert result == value
        assert type(result) is type(value)


def test_text_of_a_set_does_not_depend_on_its_order():
    texts = {dump_json_text(encode_value(set(items), "v")) for items in (["b", "a", "c"], ["c", "b", "a"])}
    assert len(texts) == 1


def test_callable_is_kept_as_its_name_and_raises_when_called():
    marker = through_text(math.hypot)
    assert marker == CallableMarker("math.hypot")
    assert through_text(marker) == marker
    with pytest.raises(TypeError, match=r"math\.hypot"):
        marker(1, 2)


def test_cycle_is_refused():
    cycle = []
    cycle.append(cycle)
    with pytest.raises(ModelFileError, match="nested"):
        encode_value(cycle, "v")


@pytest.mark.parametrize("value", [2**64, 1j, b"bytes", object(), int, "\ud800", np.array([1j]), {b"k": 1}])
def test_other_values_are_refused_with_their_place(value):
    with pytest.raises(ModelFileError, match=r"parameters\.x\[1\]"):
        encode_value([0, value], "parameters.x")


@pytest.mark.parametrize(
    "value",
    [
        {"$tuple": 1},
        {"$unknown": 1},
        {"$tuple": [], "more": 1},
        {"$set": [1, 1]},
        {"$set": [[1]]},
        {"$float": "1.0"},
        {"$float": []},
        {"$dict": [[1]]},
        {"$dict": [[[1], 2]]},
        {"$dict": [[1, 2], [1, 3]]},
        {"$dict": 5},
        {"$callable": 1},
        {"$array": []},
        {"$array": {"dtype": "float64", "shape": [2], "values": [1.0]}},
        {"$array": {"dtype": "float64", "shape": [-1], "values": [1.0]}},
        {"$array": {"dtype": "float64", "shape": [1], "values": [[1.0]]}},
        {"$array": {"dtype": "float64", "shape": [1], "values": ["x"]}},
        {"$array": {"dtype": "int8", "shape": [1], "values": [300]}},
        {"$array": {"dtype": "int8", "shape": [1], "values": [1.5]}},
        {"$array": {"dtype": "V8", "shape": [1], "values": [1]}},
        {"$array": {"dtype": ["int8"], "shape": [1], "values": [1]}},
        {"$array": {"dtype": "int8", "shape": [1] * 40, "values": [1]}},
        2**64,
    ],
)
def test_decode_refuses_what_encode_cannot_have_written(value):
    with pytest.raises(ModelFileError, match="v"):
        decode_value([value], "v")


def test_decode_refuses_deep_nesting():
    value = []
    for _ in range(100):
        value = [value]
    with pytest.raises(ModelFileError, match="deep"):
        decode_value(value, "v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":1,"a":2}', "'a' occurs twice"),
        ("NaN", "not JSON"),
        ("[1] 2", "not valid JSON"),
        ("", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        ("[" * 100_000, "nested too deep"),
        ("1" * 10_000, "not valid JSON"),
    ],
)
def test_parse_is_strict(text, message):
    with pytest.raises(ModelFileError, match=message):
        parse_json_text(text, "place")
