"""Least and greatest value of each code, and thresholds between them."""

import numpy as np
import pytest
from scipy import sparse

from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from tests.reference.cart import BinValues as Reference


@pytest.mark.parametrize("n_threads", [1, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_equals_reference(n_threads, dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(5000, 4)).astype(dtype)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[:, 2] = rng.integers(0, 9, size=5000)
    mapper = BinMapper(max_bins=50, categorical=[False, False, True, False])
    binned = mapper.fit(X).transform(X)
    found = BinValues(X, binned, n_threads=n_threads)
    expected = Reference(X, binned.column_codes.T, binned.is_categorical)
    np.testing.assert_array_equal(found.lower, expected.lower)
    np.testing.assert_array_equal(found.upper, expected.upper)


def test_sparse_and_weights():
    X = np.array([[0.0, 1.0], [2.0, 0.0], [0.0, 5.0], [3.0, 0.0]])
    mapper = BinMapper()
    binned = mapper.fit(X).transform(X)
    dense, found = BinValues(X, binned), BinValues(sparse.csr_matrix(X), binned)
    np.testing.assert_array_equal(found.lower, dense.lower)
    np.testing.assert_array_equal(found.upper, dense.upper)
    weighted = BinValues(X, binned, sample_weight=[1, 1, 1, 0])
    assert np.nanmax(weighted.upper[0]) == 2.0


def test_wrong_shapes():
    X = np.zeros((4, 2))
    binned = BinMapper().fit(X).transform(X)
    with pytest.raises(ValueError, match="expected that of the codes"):
        BinValues(X[:3], binned)
    with pytest.raises(ValueError, match="sample_weight has 3 entries, expected 4"):
        BinValues(X, binned, sample_weight=[1, 1, 1])
