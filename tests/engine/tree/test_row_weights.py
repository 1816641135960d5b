"""Weights between rounds of boosting: against numpy, and the same bits on every instruction set."""


import numpy as np
import pytest

from fastml._engine.tree.code_walk import take_at
from fastml._engine.tree.row_weights import divide_weights, raise_errors, weigh_errors
from fastml.ensemble import AdaBoostClassifier
from fastml.tree import DecisionTreeClassifier

SIZES = [1, 7, 16, 17, 1000]


def draw(n):
    rng = np.random.default_rng(n)
    weight = rng.random(n)
    weight[::5] = 0.0
    return weight, rng.random(n) < 0.4


@pytest.mark.parametrize("n", SIZES)
def test_weigh_errors(n):
    weight, wrong = draw(n)
    assert weigh_errors(weight, wrong) == pytest.approx((weight.sum(), weight[wrong].sum()), rel=1e-14)


@pytest.mark.parametrize("n", SIZES)
def test_raise_errors(n):
    weight, wrong = draw(n)
    expected = np.where(wrong, weight * 3.5, weight)
    total = raise_errors(weight, wrong, 3.5)
    np.testing.assert_array_equal(weight, expected)
    assert total == pytest.approx(expected.sum(), rel=1e-14)


def test_raise_errors_by_infinity():
    weight, wrong = np.array([1.0, 0.0, 2.0]), np.array([True, True, False])
    assert raise_errors(weight, wrong, np.inf) == np.inf
    np.testing.assert_array_equal(weight, [np.inf, 0.0, 2.0])


@pytest.mark.parametrize("n", SIZES)
def test_divide_weights(n):
    weight, _ = draw(n)
    expected = np.where(weight > 0, np.maximum(weight / 0.7, 0.3), 0.0)
    divide_weights(weight, 0.7, 0.3)
    np.testing.assert_array_equal(weight, expected)


def test_divide_weights_keeps_what_is_seen():
    weight = np.array([1e-300, 0.0, 1.0])
    divide_weights(weight, 1e300, 1e-16)
    np.testing.assert_array_equal(weight, [1e-16, 0.0, 1e-16])


@pytest.mark.parametrize("function", [weigh_errors, lambda *two: raise_errors(*two, 2.0)])
def test_lengths_must_agree(function):
    with pytest.raises(ValueError, match=r"wrong has shape \(3,\), expected \(4,\)"):
        function(np.ones(4), np.zeros(3, dtype=bool))


@pytest.mark.parametrize("dtype", [np.int32, np.float64])
def test_take_at(dtype):
    said = np.array([5, 7, 9], dtype=dtype)
    leaf = np.array([2, 2, 0, 1], dtype=np.int32)
    taken = take_at(said, leaf)
    assert taken.dtype == dtype
    np.testing.assert_array_equal(taken, said[leaf])


@pytest.fixture(scope="module")
def bits():
    """What the first instruction set gave."""
    return []


def test_same_rounds_on_every_instruction_set_and_number_of_threads(isa, bits):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1003, 6))
    y = (X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=1003) > 0) * 1 + (X[:, 3] > 1)
    weight = rng.random(1003)
    for n_jobs in (1, 2, 3, 7):
        found = b""
        for depth in (1, 3):
            member = DecisionTreeClassifier(max_depth=depth)
            model = AdaBoostClassifier(member, n_estimators=20, random_state=0, n_jobs=n_jobs)
            model.fit(X, y, weight)
            found += model.estimator_weights_.tobytes() + model.decision_function(X).tobytes()
        bits.append(found)
        assert found == bits[0]
