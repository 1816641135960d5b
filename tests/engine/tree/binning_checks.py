"""What several test modules of binning share."""

import numpy as np

from fastml._engine.tree.binning import BinMapper
from tests.reference import binning as reference


def check_matrix(binned, codes):
    """Both layouts hold the codes, padding is zero."""
    assert (binned.n_rows, binned.n_features) == codes.shape
    assert np.array_equal(binned.column_codes, codes.T)
    assert np.array_equal(binned.has_missing, (codes == 0).any(axis=0))
    for b in range(binned.n_blocks):
        first, last = binned.block_first[b : b + 2]
        rows = binned.row_codes(b)
        assert rows.shape[1] == binned.block_stride[b] >= last - first <= 64
        assert np.array_equal(rows[:, : last - first], codes[:, first:last])
        assert not rows[:, last - first :].any()


def check(X, max_bins=255, categorical=None, sample_weight=None, n_threads=1):
    """fit, transform and codes against the reference."""
    mapper = BinMapper(max_bins, categorical, n_threads=n_threads).fit(X, sample_weight)
    codes, edges, n_codes = reference.bin_table(np.asarray(X), max_bins, categorical, sample_weight)
    for f, expected in enumerate(edges):
        if expected is not None:
            assert mapper.edges_[f].tolist() == expected
    assert mapper.n_codes_.tolist() == n_codes
    check_matrix(mapper.transform(X), codes)
    assert np.array_equal(mapper.codes(X), codes)
    return mapper


def mixed(rng, n=700):
    """Columns of every sort: continuous, few values, constant, all missing, half missing, huge, ties."""
    X = rng.normal(size=(n, 12))
    X[:, 1] = rng.integers(0, 9, n)
    X[:, 2] = 3.5
    X[:, 3] = np.nan
    X[rng.random(n) < 0.5, 4] = np.nan
    X[:, 5] *= 1e300
    X[:, 6] = np.where(rng.random(n) < 0.9, 0.0, X[:, 6])
    X[:, 7] = 1e6 + X[:, 7] * 1e-3
    X[:, 8] = np.round(np.exp(3 * X[:, 8]), 1)
    X[:, 9] = np.where(rng.random(n) < 0.1, np.inf, np.where(rng.random(n) < 0.1, -np.inf, X[:, 9]))
    X[:, 10] *= 1e-310
    X[:, 11] = rng.integers(0, 256, n)
    return X


def from_edges(edges, max_bins=255):
    edges = np.asarray(edges, dtype=np.float64)
    return BinMapper.from_state(
        {
            "max_bins": np.int64(max_bins),
            "is_categorical": np.zeros(1, np.uint8),
            "n_codes": np.array([len(edges) + 2], np.uint16),
            "edges": edges,
            "edges_offsets": np.array([0, len(edges)]),
            **{f"{name}": np.empty(0) for name in ("categories", "grouped")},
            **{f"{name}_offsets": np.zeros(2, np.int64) for name in ("categories", "grouped")},
        }
    )
