import numpy as np
import pytest

from fastml._engine.tree.rows import gather


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("n", [0, 1, 40_000])
def test_gather(dtype, n):
    values = (np.arange(50_000) % 251).astype(dtype)
    order = np.random.default_rng(0).permutation(50_000)[:n].astype(np.uint32)
    found = gather(values, order, n_threads=3)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values[order])


def test_gather_checks_the_rows():
    with pytest.raises(IndexError, match="row 3 of 3"):
        gather(np.zeros(3), np.array([0, 3], dtype=np.uint32))
