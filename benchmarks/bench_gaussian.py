"""One pass of EM over rows, one thread: E-step and M-step sums."""

import numpy as np
import pytest

from fastml._engine.dense.gaussian import Components, accumulate
from fastml._engine.dense.gaussian_missing import missing, split_rows

CASES = {"full-16": (100_000, 16, 16), "full-64": (20_000, 64, 10), "tied-16": (100_000, 16, 16)}
CASES |= {"diag-16": (100_000, 16, 16), "full-3": (100_000, 3, 8)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def bench_accumulate(benchmark, case, dtype):
    n, d, k = CASES[case]
    kind = case.split("-")[0]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d)).astype(dtype)
    components = components_of(kind, rng, d, k, dtype)
    benchmark(lambda: accumulate(X, components))


# rows, features, components, share of missing values: 0.6 us to 0.1 ms a row
GAPS = {"16": (50_000, 16, 16, 0.1), "64": (50_000, 64, 10, 0.02), "16-half": (20_000, 16, 16, 0.5)}
GAPS |= {"64-half": (3000, 64, 10, 0.5), "8-one": (20_000, 8, 1, 0.2)}


@pytest.mark.parametrize("kind", ["full", "tied", "diag"])
@pytest.mark.parametrize("case", GAPS)
def bench_missing(benchmark, case, kind):
    """The rows that lack a value alone."""
    n, d, k, share = GAPS[case]
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n, d))
    lost = rng.random((n, d)) < share
    lost[np.arange(n), rng.integers(0, d, n)] = False
    X[lost] = np.nan
    rows = split_rows(X)[1]
    components = components_of(kind, rng, d, k, np.float64).for_missing()
    if kind == "diag":
        benchmark(lambda: accumulate(X, components, index=rows))
    else:
        benchmark(lambda: missing(X, components, rows, sum_up=True))


def components_of(kind, rng, d, k, dtype):
    """Components of unit covariance."""
    factors = {
        "full": np.repeat(np.eye(d)[None], k, axis=0),
        "tied": np.eye(d),
        "diag": np.ones((k, d)),
    }[kind]
    means = rng.standard_normal((k, d))
    return Components(kind, means, factors, np.zeros(k), np.zeros(d), dtype)
