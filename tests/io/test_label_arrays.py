"""Labels of any storable dtype come back equal; what cannot be stored is named."""

import numpy as np
import pytest

from fastml.io import ModelFileError
from fastml.io.label_arrays import decode_arrays, encode_arrays


@pytest.mark.parametrize(
    "array",
    [
        np.array([0, 1, 2]),
        np.array([-1, 1], dtype=np.int8),
        np.array([0.5, np.nan]),
        np.array([0.5], dtype=np.float16),
        np.array([False, True]),
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype="U40"),
        np.array(["größer", "\x00nul", ""], dtype=object),
        np.array([["a", "b"]], dtype=object),
        np.array(["a", 3, 2.5, None, True], dtype=object),
        np.array([], dtype=object),
        np.array([], dtype="U3"),
    ],
)
def test_round_trip(array):
    table, tensors = encode_arrays({"labels": array})
    assert tensors["labels"].dtype.kind in "biuf"
    result = decode_arrays(table, tensors)["labels"]
    assert result.dtype == array.dtype
    np.testing.assert_array_equal(result, array, strict=True)
    assert [type(item) for item in result.ravel().tolist()] == [type(item) for item in array.ravel().tolist()]


@pytest.mark.parametrize(
    "array",
    [
        np.array([b"a"]),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.array([1j]),
        np.array([{"a": 1}], dtype=object),
        np.array([(1, 2), None], dtype=object),
        np.array([print], dtype=object),
        np.array([object()], dtype=object),
    ],
)
def test_other_labels_are_refused_by_name(array):
    with pytest.raises(ModelFileError, match="classes_"):
        encode_arrays({"classes_": array})


def stored(text, entry):
    return {"labels": entry}, {"labels": np.frombuffer(text.encode(), dtype=np.uint8)}


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ('["a"]', {"dtype": "object", "shape": [2]}),
        ('["a"]', {"dtype": "object", "shape": [-1]}),
        ('["a"]', {"dtype": "object", "shape": "1"}),
        ('["a"]', {"dtype": "object"}),
        ('["a"]', []),
        ('{"a":1}', {"dtype": "object", "shape": [1]}),
        ('[["a"]]', {"dtype": "object", "shape": [1]}),
        ('[{"$callable":"f"}]', {"dtype": "object", "shape": [1]}),
        ('["a"', {"dtype": "object", "shape": [1]}),
        ('["abc"]', {"dtype": "U2", "shape": [1]}),
        ("[1]", {"dtype": "U2", "shape": [1]}),
        ('["a"]', {"dtype": "O", "shape": [1]}),
        ('["a"]', {"dtype": "U", "shape": [1]}),
        ('["a"]', {"dtype": ["U1"], "shape": [1]}),
        ('["a"]', {"dtype": "U99999999", "shape": [1]}),
        ('["a"]', {"dtype": "U99999999999999999", "shape": [1]}),
    ],
)
def test_malformed_text_arrays_are_refused(text, entry):
    with pytest.raises(ModelFileError):
        decode_arrays(*stored(text, entry))


def test_table_that_names_a_missing_or_numeric_array_is_refused():
    with pytest.raises(ModelFileError, match="missing"):
        decode_arrays({"other": {"dtype": "object", "shape": [1]}}, {})
    with pytest.raises(ModelFileError, match="uint8"):
        decode_arrays({"labels": {"dtype": "object", "shape": [1]}}, {"labels": np.zeros(1)})
