"""Products of small matrices, against NumPy's. Smoothing over maps: tests/cluster/test_som_grid.py."""

import numpy as np
import pytest

from fastml._engine.dense.neighbourhood import products


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (3, 7, 5, 4), (2, 13, 9, 131), (1, 6, 40, 64), (4, 1, 3, 200)]
)
def test_products(shape):
    n, m, p, w = shape
    rng = np.random.default_rng(0)
    h, s, out = rng.standard_normal((n, m, p)), rng.standard_normal((n, p, w)), np.full((n, m, w), np.nan)
    for n_threads in (1, 2, 7):
        products(h, s, out, n_threads)
        np.testing.assert_allclose(out, h @ s, atol=1e-12)


def test_views_may_overlap():
    rng = np.random.default_rng(0)
    band, s = rng.standard_normal((5, 12)), rng.standard_normal((1, 8, 3))
    windows = np.lib.stride_tricks.as_strided(band[:, 4:], (3, 5, 8), (-16, band.strides[0], 8))
    out = np.empty((3, 5, 3))
    products(windows, np.broadcast_to(s, (3, 8, 3)), out)
    np.testing.assert_allclose(out, [band[:, 4 - 2 * i : 12 - 2 * i] @ s[0] for i in range(3)], atol=1e-12)


def test_zeros_at_the_ends_of_lines_are_skipped():
    h = np.zeros((1, 20, 30))
    h[0, 3, 4] = h[0, 9, 20] = 2.0
    s = np.arange(90.0).reshape(1, 30, 3)
    out = np.full((1, 20, 3), np.nan)
    products(h, s, out)
    np.testing.assert_array_equal(out, h @ s)


def test_empty_and_wrong_shapes():
    out = np.full((1, 2, 3), np.nan)
    products(np.empty((1, 2, 0)), np.empty((1, 0, 3)), out)
    assert not out.any()
    with pytest.raises(ValueError, match="cannot multiply"):
        products(np.ones((1, 2, 4)), np.ones((1, 3, 3)), out)
    with pytest.raises(ValueError, match="contiguous"):
        products(np.ones((1, 4, 2)).transpose(0, 2, 1), np.ones((1, 4, 3)), out)
