"""How often each row is drawn."""

import numpy as np
import pytest

from fastml._engine.tree.bootstrap import bootstrap_counts


def test_uniform():
    counts = bootstrap_counts(3, 10_000, 10_001)
    assert counts.sum() == 10_001 and counts.dtype == np.int32
    assert abs((counts == 0).mean() - np.exp(-1)) < 0.02
    np.testing.assert_array_equal(counts, bootstrap_counts(3, 10_000, 10_001))
    assert not np.array_equal(counts, bootstrap_counts(4, 10_000, 10_001))


def test_weighted():
    weights = np.array([0.0, 1.0, 3.0, 0.0, 6.0])
    counts = bootstrap_counts(0, 5, 100_000, weights)
    assert counts[0] == counts[3] == 0
    np.testing.assert_allclose(counts / 100_000, weights / 10, atol=0.01)


def test_extreme_weights():
    weights = np.array([1e-300, 1e300, 0.0])
    np.testing.assert_array_equal(bootstrap_counts(0, 3, 50, weights), [0, 50, 0])


@pytest.mark.parametrize("weights", [[0.0, 0.0], [1.0, -1.0], [np.nan, 1.0], [np.inf, 1.0], [1.0]])
def test_bad_weights(weights):
    with pytest.raises(ValueError, match="weights"):
        bootstrap_counts(0, 2, 5, weights)


def test_bad_numbers():
    with pytest.raises(ValueError, match="n_rows=0"):
        bootstrap_counts(0, 0, 5)
