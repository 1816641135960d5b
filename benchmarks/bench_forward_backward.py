"""One pass of the forward-backward engine: expected counts of 8 Gaussian states with 8 features."""

import numpy as np
import pytest

from fastml._engine.dense.chain import expectations
from fastml._engine.dense.hidden_markov import Frames, Model


@pytest.mark.parametrize("lengths", [[1000] * 100, [100_000]], ids=["many", "one"])
@pytest.mark.parametrize("kind", ["diagonal", "full"])
def bench_pass(benchmark, lengths, kind):
    rng = np.random.default_rng(0)
    n = d = 8
    X = rng.standard_normal((sum(lengths), d))
    transmat = np.full((n, n), 0.1 / n) + 0.9 * np.eye(n)
    means = rng.standard_normal((n, d))
    options = {"constant": np.zeros(n), "offset": -means, "n_features": d, "second": True}
    if kind == "diagonal":
        options["scale"] = np.ones((n, d))
    else:
        options["factor"] = np.tile(np.eye(d)[np.triu_indices(d)], (n, 1))
    frames = Frames(
        X, np.array(lengths), n_states=n, n_components=n, statistics_bytes=8000, has_missing=False
    )
    model = Model(np.full(n, 1 / n), transmat, kind, **options)
    benchmark(expectations, frames, model, counting=True, n_threads=1)
