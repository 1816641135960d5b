"""exp and log of the dense kernels against NumPy's long double, over their whole range."""

import numpy as np
import pytest

from fastml._engine.dense import vmath


def ulps(got, exact):
    """Largest difference in units of the last place of the result's type."""
    spacing = np.spacing(np.abs(exact).astype(got.dtype)).astype(np.longdouble)
    return float(np.max(np.abs(got.astype(np.longdouble) - exact) / spacing))


RANGES = [(np.float32, -86.9, 88.0), (np.float64, -707.9, 709.0)]


@pytest.mark.parametrize(("dtype", "low", "high"), RANGES)
def test_exp(dtype, low, high):
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(low, high, 20_001), rng.normal(0, 1, 20_000), [0.0]]).astype(dtype)
    assert ulps(vmath.exp(x), np.exp(x.astype(np.longdouble))) < 1.6
    assert vmath.exp(dtype([0.0]))[0] == 1.0


@pytest.mark.parametrize(("dtype", "low", "high"), RANGES)
def test_exp_saturates(dtype, low, high):
    out = vmath.exp(np.array([-np.inf, 2 * low, low - 1, high + 1, np.inf], dtype))
    assert (out[:3] == 0).all()
    assert np.isfinite(out).all()


@pytest.mark.parametrize(("dtype", "low", "high"), RANGES)
def test_log(dtype, low, high):
    rng = np.random.default_rng(0)
    x = np.concatenate([np.exp(rng.uniform(low, high, 20_001)), 1 + rng.normal(0, 0.01, 20_000)])
    x = x.astype(dtype)
    assert ulps(vmath.log(x), np.log(x.astype(np.longdouble))) < 2.5
    assert vmath.log(dtype([1.0]))[0] == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 31, 33])
def test_any_length(dtype, n):
    x = np.linspace(0.5, 2.0, n).astype(dtype)
    np.testing.assert_allclose(vmath.exp(x), np.exp(x), rtol=1e-6)
    np.testing.assert_allclose(vmath.log(x), np.log(x), rtol=1e-6, atol=1e-7)
