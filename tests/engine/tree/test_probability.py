"""Probabilities of classes, against scipy's."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.special import softmax as reference

from fastml._engine.tree.probability import sigmoid, softmax


@pytest.mark.parametrize("n_classes", [1, 2, 3, 10, 257])
def test_equal_to_scipy(n_classes):
    raw = np.random.default_rng(n_classes).normal(size=(300, n_classes)) * ([[1], [30], [400]] * 100)
    np.testing.assert_allclose(softmax(raw), reference(raw, axis=1), rtol=1e-13, atol=0)


def test_rows_alone_strides_and_threads_change_nothing():
    raw = np.random.default_rng(0).normal(size=(5000, 7))
    expected = softmax(raw)
    for n_threads in (2, 3, 7):
        assert softmax(raw, n_threads).tobytes() == expected.tobytes()
    assert softmax(np.asfortranarray(raw), 2).tobytes() == expected.tobytes()
    assert softmax(raw[::-3, ::2]).tobytes() == softmax(raw[::-3, ::2].copy()).tobytes()
    assert np.concatenate([softmax(row[None]) for row in raw]).tobytes() == expected.tobytes()


def test_numbers_without_end():
    raw = np.array([[np.nan, 0.0], [0.0, np.nan], [np.inf, 0.0], [-np.inf, 0.0], [1e308, -1e308]])
    found = softmax(raw)
    assert np.isnan(found[:3]).all()
    np.testing.assert_array_equal(found[3:], [[0.0, 1.0], [1.0, 0.0]])


def test_no_rows_and_no_classes():
    assert softmax(np.empty((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="at least one class"):
        softmax(np.empty((3, 0)))


@pytest.mark.parametrize("scale", [1.0, 0.3, 2.0])
def test_sigmoid(scale):
    raw = np.random.default_rng(0).normal(size=(9000, 2)) * [1, 300]
    raw[:3] = [[np.inf, -np.inf], [np.nan, 0.0], [1e308, -1e308]]
    found = sigmoid(raw, scale)
    with np.errstate(over="ignore"):
        expected = expit(scale * raw)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=0)
    for n_threads in (2, 3, 7):
        assert sigmoid(raw, scale, n_threads).tobytes() == found.tobytes()
    assert np.concatenate([sigmoid(row[None], scale) for row in raw[:500]]).tobytes() == found[:500].tobytes()
    assert sigmoid(np.asfortranarray(raw), scale).tobytes() == found.tobytes()
