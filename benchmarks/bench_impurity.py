"""Search of one node for its best split over 5 of 28 features, by rows; each round is 2000 searches."""

import numpy as np
import pytest

from fastml._engine.tree.bin_values import BinValues
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.cart import CartGrower
from fastml._engine.tree.impurity import time_search

KINDS = {
    "two classes": {"criterion": "gini", "n_classes": (2,)},
    "ten classes": {"criterion": "gini", "n_classes": (10,)},
    "entropy": {"criterion": "entropy", "n_classes": (2,)},
    "numbers": {"criterion": "squared_error"},
    "random": {"criterion": "gini", "n_classes": (2,), "splitter": "random"},
}


@pytest.mark.parametrize("n_rows", [4, 16, 64, 128, 1024])
@pytest.mark.parametrize("kind", KINDS)
def bench_search(benchmark, kind, n_rows):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 28))
    binned = BinMapper().fit(X).transform(X)
    options = KINDS[kind]
    targets = X[:, :1] + rng.normal(size=(2000, 1))
    if "n_classes" in options:
        targets = rng.integers(0, options["n_classes"][0], size=(2000, 1)).astype(np.int32)
    grower = CartGrower(binned, BinValues(X, binned), max_features=5, **options)
    benchmark(lambda: time_search(grower, targets, n_rows, 2000))
