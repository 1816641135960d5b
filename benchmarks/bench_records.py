"""Moving a node's records to its children, by record and rows; each round moves about 10 million rows."""

import numpy as np
import pytest

from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart import CartGrower
from fastml._engine.tree.impurity import time_split


@pytest.mark.parametrize("n_rows", [100, 10_000, 200_000])
@pytest.mark.parametrize(
    ("n_features", "options"),
    [
        (28, {"criterion": "gini", "n_classes": (2,)}),  # 32 bytes a record
        (28, {"criterion": "squared_error"}),  # 48 bytes
        (60, {"criterion": "gini", "n_classes": (2,)}),  # 64 bytes
        (80, {"criterion": "gini", "n_classes": (2,)}),  # wide: 8 bytes, the code is fetched from its column
    ],
    ids=["32 bytes", "48 bytes", "64 bytes", "wide"],
)
def bench_split(benchmark, n_features, options, n_rows):
    rng = np.random.default_rng(0)
    X = rng.integers(0, 200, size=(200_000, n_features)).astype(np.float32)
    binned = BinMapper().fit(X).transform(X)
    targets = rng.integers(0, 2, size=(200_000, 1)).astype(np.int32 if "n_classes" in options else np.float64)
    grower = CartGrower(binned, BinValues(X, binned), **options)
    benchmark(lambda: time_split(grower, targets, n_rows, 100, 10_000_000 // n_rows))
