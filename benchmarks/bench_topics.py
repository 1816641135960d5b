"""Passes over kos_bow with 50 topics, and the functions of digamma; FASTML_DATA names the folder of the data.

The topics are those after 5 batch passes, so that documents have few of them, as in most of a fit.
"""

import numpy as np
import pytest

from benchmarks.lda import kos_bow
from fastml._engine.dense import digamma
from fastml._engine.dense import topics as engine
from fastml.decomposition import LatentDirichletAllocation

TYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


class State:
    """Everything that the loops want, for documents as they are."""

    def __init__(self, dtype):
        X = kos_bow()["X"].astype(dtype)
        model = LatentDirichletAllocation(50, max_iter=5, random_state=0).fit(X)
        self.documents = engine.Documents(X)
        self.table = np.zeros((X.shape[1], engine.width_of(50, dtype)), dtype)
        self.table[:, :50] = model.components_.T
        self.sums = self.table[:, :50].sum(axis=0, dtype=np.float64)
        self.weights, self.stat = np.zeros_like(self.table), np.zeros(self.table.shape)
        self.alpha = np.full(50, 0.02, dtype)
        self.weigh(1)

    def weigh(self, n_threads):
        engine.weigh(self.table, self.sums, self.weights, n_threads=n_threads)

    def accumulate(self, n_threads, negligible):
        rule = {"n_topics": 50, "max_iter": 100, "tolerance": 1e-3, "negligible": negligible}
        n = self.documents.n_documents
        engine.accumulate(
            self.documents, 0, n, self.weights, self.alpha, rule, self.stat, n_threads=n_threads
        )


@pytest.fixture(scope="module")
def states():
    """One for each type, made once."""
    return {dtype: State(dtype) for dtype in (np.float64, np.float32)}


@TYPES
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("negligible", [0.0, 1e-10], ids=["all topics", "topics leave"])
def bench_accumulate(benchmark, states, dtype, n_threads, negligible):
    benchmark(states[dtype].accumulate, n_threads, negligible)


@TYPES
@pytest.mark.parametrize("n_threads", [1, 2])
def bench_weigh(benchmark, states, dtype, n_threads):
    benchmark(states[dtype].weigh, n_threads)


@TYPES
def bench_transform(benchmark, states, dtype):
    X = kos_bow()["X"].astype(dtype)
    model = LatentDirichletAllocation(50, max_iter=5, random_state=0, n_jobs=2).fit(X)
    benchmark(model.transform, X)


@TYPES
def bench_exp_digamma(benchmark, dtype):
    x = np.random.default_rng(0).gamma(0.3, 10.0, 1 << 16).astype(dtype) + dtype(1e-3)
    benchmark(digamma.exp_digamma, x)
