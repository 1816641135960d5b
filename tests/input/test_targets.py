"""Targets, weights and margins: the quick ways give what NumPy's slow ones give."""

import numpy as np
import pytest

from fastml._input.targets import (
    check_margin,
    check_target,
    check_weight,
    encode_classes,
    encode_known_classes,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "y",
    [
        RNG.integers(0, 5, 100),
        RNG.integers(-300, 300, 1000).astype(np.int16),
        RNG.integers(0, 3, 100).astype(np.float32),
        RNG.integers(0, 2, 100).astype(bool),
        RNG.integers(250, 256, 100).astype(np.uint8),
        np.array([2**62, 2**62 + 1, 2**62]),
        np.array([2**64 - 1, 0], dtype=np.uint64),
        np.array([-(2**40), 2**40, 0]),
        np.array([2.0**53, -(2.0**53), 2.0**60]),
        RNG.choice(["a", "bb"], 50),
        RNG.choice(np.array(["a", "bb"], dtype=object), 50),
        np.array([3]),
    ],
    ids=lambda y: f"{y.dtype}-{y.size}",
)
def test_encode_classes(y):
    classes, codes = encode_classes(y)
    want, want_codes = np.unique(y, return_inverse=True)
    np.testing.assert_array_equal(classes, want)
    assert classes.dtype == y.dtype and codes.dtype == np.int32
    np.testing.assert_array_equal(codes, want_codes)
    np.testing.assert_array_equal(encode_known_classes(y[::-1], classes), want_codes[::-1])


def test_unknown_classes():
    with pytest.raises(ValueError, match=r"y_val contains previously unseen labels: \[7\]"):
        encode_known_classes(np.array([1, 7]), np.array([1, 2]), "y_val")
    assert encode_known_classes(np.array([2, 2]), np.array([1, 2])).tolist() == [1, 1]


def test_column_vectors_are_accepted_with_a_warning():
    with pytest.warns(UserWarning, match="1d array was expected"):
        assert check_target(np.ones((3, 1))).shape == (3,)
    with pytest.warns(UserWarning, match="1d array was expected"):
        assert encode_classes(np.ones((3, 1)))[1].shape == (3,)


def test_targets_are_not_copied():
    y = RNG.random(10)
    assert check_target(y) is y or np.shares_memory(check_target(y), y)
    weight = RNG.random(10)
    assert np.shares_memory(check_weight(weight, y), weight)
    assert check_weight(None, y) is None
    assert check_weight(2, y).tolist() == [2.0] * 10


def test_margins():
    assert check_margin(None, 3, 1) is None
    assert check_margin([1, 2, 3], 3, 1).tolist() == [[1.0, 2.0, 3.0]]
    assert check_margin(np.ones((3, 1)), 3, 1).shape == (1, 3)
    two = check_margin(np.arange(6).reshape(3, 2), 3, 2)
    assert two.flags.c_contiguous and two.tolist() == [[0, 2, 4], [1, 3, 5]]
    with pytest.raises(ValueError, match=r"base_margin must have shape \(3, 2\), got \(3,\)"):
        check_margin(np.ones(3), 3, 2)
    with pytest.raises(ValueError, match=r"my margin must have shape \(3,\), got \(2,\)"):
        check_margin(np.ones(2), 3, 1, "my margin")


def test_text_of_variable_width():
    y = np.array(["b", "a", "b"], dtype=np.dtypes.StringDType())
    classes, codes = encode_classes(y)
    assert classes.tolist() == ["a", "b"] and classes.dtype == object
    assert codes.tolist() == [1, 0, 1]
