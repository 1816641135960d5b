"""The kernels' digamma, its exponential and log gamma against SciPy's, over their whole range."""

import numpy as np
import pytest
from scipy.special import gammaln, psi

from fastml._engine.dense import digamma

X = np.concatenate([np.logspace(-2.8, 11, 30_001), np.linspace(0.01, 20, 20_001)])


@pytest.mark.parametrize(
    ("dtype", "tolerance", "least"), [(np.float32, 1e-6, 1e-36), (np.float64, 8e-15, 1e-280)]
)
def test_exp_digamma(dtype, tolerance, least):
    x = X.astype(dtype)
    exact = np.exp(psi(x.astype(np.float64)))
    kept = exact > least
    error = np.abs(digamma.exp_digamma(x)[kept] / exact[kept] - 1) / (1 + 1 / x[kept])
    assert error.max() < tolerance
    assert digamma.exp_digamma(x).dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_digamma_of_nothing_is_nothing(dtype):
    assert (digamma.exp_digamma(np.array([0, 1e-38, 1e-30, 1e-4], dtype)) == 0).all()


def test_digamma():
    x = np.concatenate([X, np.logspace(-200, -3, 101)])
    assert (np.abs(digamma.digamma(x) - psi(x)) / (1 + 1 / x)).max() < 8e-15


def test_log_gamma():
    x = np.concatenate([X, np.logspace(-200, -3, 101)])
    assert (np.abs(digamma.log_gamma(x) - gammaln(x)) / (1 + np.abs(gammaln(x)))).max() < 1e-14
    assert np.abs(digamma.log_gamma([1.0, 2.0])).max() < 1e-14


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 17])
def test_any_length(n):
    x = np.linspace(0.5, 20, n)
    np.testing.assert_allclose(digamma.exp_digamma(x), np.exp(psi(x)), rtol=1e-13)
    np.testing.assert_allclose(digamma.digamma(x), psi(x), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(digamma.log_gamma(x), gammaln(x), rtol=1e-13, atol=1e-14)
    assert digamma.digamma(x.reshape(1, n)).shape == (1, n)
