"""The container: fixed bytes, readable by the safetensors library, every damage found."""

import json

import numpy as np
import pytest
import safetensors.numpy

from fastml.io import ModelFileError
from fastml.io.tensor_file import digest_of, pack, unpack

DOCUMENT = {"format": "test", "n": 3}
ARRAYS = {
    "a": np.arange(6, dtype=np.float64).reshape(2, 3),
    "b": np.array([True, False, True]),
    "c": np.arange(5, dtype=np.uint8),
    "d": np.array(7, dtype=np.int32),
    "empty": np.empty((0, 4), dtype=np.float32),
}


def packed(document=DOCUMENT, arrays=ARRAYS):
    return np.frombuffer(bytes(pack(document, arrays)), dtype=np.uint8)


def rewrite(content, change_header=None, change_data=None):
    """Change parsed pieces of a file and give it the digest that it then should have."""
    content = bytes(content)
    size = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + size].decode(), content[8 + size :]
    header = change_header(header) if change_header else header
    data = change_data(data) if change_data else data
    result = bytearray(len(header.encode()).to_bytes(8, "little") + header.encode() + data)
    at = result.index(b'{\\"sha256\\":\\"') + 14
    result[at : at + 64] = digest_of(result).encode()
    return np.frombuffer(bytes(result), dtype=np.uint8)


def test_round_trip_keeps_values_dtypes_and_shapes():
    document, arrays = unpack(packed())
    assert document == DOCUMENT
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_file_is_read_by_the_safetensors_library():
    tensors = safetensors.numpy.load(bytes(packed()))
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(tensors[name], array)


def test_bytes_do_not_depend_on_order_layout_or_byte_order():
    other = {
        name: np.array(array, dtype=array.dtype.newbyteorder(">"), order="F")
        for name, array in ARRAYS.items()
    }
    assert bytes(packed(dict(reversed(DOCUMENT.items())), dict(reversed(other.items())))) == bytes(packed())


@pytest.mark.parametrize(
    "array", [np.array(["a"]), np.array([1j]), np.array([None]), np.array(["2020"], "M8[D]")]
)
def test_pack_refuses_other_dtypes(array):
    with pytest.raises(ModelFileError, match="array 'x': dtype"):
        pack(DOCUMENT, {"x": array})


def test_text_that_looks_like_the_digest_does_no_harm():
    document = {"sha": {"sha256": "0" * 64}, "text": '{"sha256":"' + "0" * 64}
    assert unpack(packed(document))[0] == document


def test_every_truncation_is_refused():
    content = packed()
    for size in range(content.size):
        with pytest.raises(ModelFileError):
            unpack(content[:size])


def test_every_changed_byte_is_refused():
    content = packed()
    rng = np.random.default_rng(0)
    for position in range(content.size):
        damaged = content.copy()
        damaged[position] ^= rng.integers(1, 256, dtype=np.uint8)
        with pytest.raises(ModelFileError):
            unpack(damaged)


def test_appended_bytes_are_refused_even_with_the_right_digest():
    with pytest.raises(ModelFileError, match="follow the last array"):
        unpack(rewrite(packed(), change_data=lambda data: data + b"\0"))


def replaced(old, new):
    def change(header):
        assert header.count(old) == 1, header
        return header.replace(old, new)

    return change


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[2,4]', "cannot hold"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[-2,-3]', "list of sizes"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[2.0,3]', "list of sizes"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[true,6]', "list of sizes"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":6', "list of sizes"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[4611686018427387905,4]', "list of sizes"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[2305843009213693953,8]', "cannot hold"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","shape":[1,1,1,1,1,1,1,2,3]', "dimensions"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"BF16","shape":[8,3]', "unknown dtype"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":[],"shape":[2,3]', "unknown dtype"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","dtype":"F64","shape":[2,3]', "occurs twice"),
        ('"dtype":"F64","shape":[2,3]', '"dtype":"F64","extra":1,"shape":[2,3]', "expected exactly"),
        ('"data_offsets":[0,48]', '"data_offsets":[8,56]', "starts at byte"),
        ('"data_offsets":[0,48]', '"data_offsets":[48,0]', "cannot hold"),
        ('"data_offsets":[0,48]', '"data_offsets":[0,48,48]', "offsets"),
        ('"data_offsets":[0,48]', '"data_offsets":[1e0,48]', "list of sizes"),
        ('"dtype":"F32","shape":[0,4]', '"dtype":"F32","shape":[0,4611686018427387903,16]', "array 'empty'"),
        ('"c":{', '"b":{', "occurs twice"),
        ('"c":{', '"c":NaN,"e":{', "not JSON"),
        ('"c":{', '"c":' + "[" * 100_000 + "]" * 100_000 + ',"e":{', "nested too deep"),
        ('"c":{', '"c":' + "9" * 10_000 + ',"e":{', "not valid JSON"),
        ('"c":{', '"c":3,"e":{', "expected exactly"),
    ],
)
def test_malformed_header_with_the_right_digest_is_refused(old, new, message):
    with pytest.raises(ModelFileError, match=message):
        unpack(rewrite(packed(), replaced(old, new)))


def test_array_that_ends_beyond_the_data_is_refused():
    with pytest.raises(ModelFileError, match="cut off"):
        unpack(rewrite(packed(), change_data=lambda data: data[:-1]))


def test_bool_other_than_0_and_1_is_refused():
    content = pack(DOCUMENT, {"b": np.array([1, 0, 2], dtype=np.uint8)})
    with pytest.raises(ModelFileError, match="0 or 1"):
        unpack(rewrite(content, replaced('"dtype":"U8"', '"dtype":"BOOL"')))


@pytest.mark.parametrize("size", [0, 2**63, 2**64 - 1, 33 * 2**20])
def test_header_size_is_checked_before_it_is_used(size):
    content = packed().copy()
    content[:8] = np.frombuffer(size.to_bytes(8, "little"), dtype=np.uint8)
    with pytest.raises(ModelFileError):
        unpack(content)


def test_header_limit_holds_for_a_file_long_enough():
    content = np.zeros(34 * 2**20, dtype=np.uint8)
    content[:8] = np.frombuffer((33 * 2**20).to_bytes(8, "little"), dtype=np.uint8)
    with pytest.raises(ModelFileError, match="at most"):
        unpack(content)


def test_other_safetensors_files_are_told_apart():
    content = safetensors.numpy.save({"x": np.zeros(3)}, {"format": "pt"})
    with pytest.raises(ModelFileError, match="safetensors file, but not a fastml model"):
        unpack(np.frombuffer(content, dtype=np.uint8))
    with pytest.raises(ModelFileError, match="not a model file"):
        unpack(np.frombuffer(b"\x03" + bytes(7) + json.dumps("a").encode(), dtype=np.uint8))
