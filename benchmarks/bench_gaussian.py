"""One pass of EM over rows, one thread: E-step and M-step sums."""

import numpy as np
import pytest

from fastml._engine.dense.gaussian import Components, accumulate

CASES = {"full-16": (100_000, 16, 16), "full-64": (20_000, 64, 10), "tied-16": (100_000, 16, 16)}
CASES |= {"diag-16": (100_000, 16, 16), "full-3": (100_000, 3, 8)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def bench_accumulate(benchmark, case, dtype):
    n, d, k = CASES[case]
    kind = case.split("-")[0]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    factors = {
        "full": np.repeat(np.eye(d)[None], k, axis=0),
        "tied": np.eye(d),
        "diag": np.ones((k, d)),
    }[kind]
    means = rng.standard_normal((k, d))
    components = Components(kind, means, factors, np.zeros(k), np.zeros(d), dtype)
    benchmark(lambda: accumulate(X, components))
