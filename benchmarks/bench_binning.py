"""Binning, one thread, every instruction set; extra_info has nanoseconds per value.

Edges look at a sample of 200,000 rows, codes at all of them; `transform` writes both copies of the codes.
"""

import numpy as np
import pytest

from fastml._engine.runtime import kernels
from fastml._engine.tree.binning import BinMapper

TALL, WIDE, TINY = (1_000_000, 28), (70_000, 784), (100, 4)


@pytest.fixture(scope="module", params=kernels.available())
def isa(request):
    before = kernels.selected()
    kernels.select(request.param)
    yield request.param
    kernels.select(before)


def normal(shape, dtype, order="C"):
    return np.asarray(np.random.default_rng(0).normal(size=shape), dtype=dtype, order=order)


def pixels(shape):
    rng = np.random.default_rng(0)
    return ((rng.random(shape) < 0.2) * rng.integers(0, 256, shape)).astype(np.float32)


TABLES = {
    "tall float32 C": lambda: normal(TALL, np.float32),
    "tall float32 F": lambda: normal(TALL, np.float32, "F"),
    "tall float64 C": lambda: normal(TALL, np.float64),
    "tall float64 F": lambda: normal(TALL, np.float64, "F"),
    "tall float64 large offset": lambda: normal(TALL, np.float64) + 1e6,
    "tall float64 50 distinct": lambda: np.round(normal(TALL, np.float64) * 7),
    "tall int8": lambda: np.round(normal(TALL, np.float32) * 10).astype(np.int8),
    "wide float32": lambda: pixels(WIDE),
    "wide float32 row of 4096 bytes": lambda: normal((20_000, 1024), np.float32),
    "tiny float64": lambda: normal(TINY, np.float64),
}


@pytest.fixture(scope="module", params=TABLES)
def table(request):
    return TABLES[request.param]()


def note(benchmark, table):
    benchmark.extra_info["ns_per_value"] = round(benchmark.stats["min"] / table.size * 1e9, 3)


def bench_fit(benchmark, table, isa):
    mapper = BinMapper()
    benchmark.pedantic(mapper.fit, args=(table,), rounds=5, warmup_rounds=1)
    note(benchmark, table)


def bench_transform(benchmark, table, isa):
    mapper = BinMapper().fit(table)
    benchmark.pedantic(mapper.transform, args=(table,), rounds=5, warmup_rounds=1)
    note(benchmark, table)


def bench_codes(benchmark, table, isa):
    mapper = BinMapper().fit(table)
    out = np.empty(table.shape, dtype=np.uint8)
    benchmark.pedantic(mapper.codes, args=(table, out), rounds=5, warmup_rounds=1)
    note(benchmark, table)


def bench_reorder(benchmark, isa):
    table = normal(TALL, np.float32)
    binned = BinMapper().fit(table).transform(table)
    perm = np.random.default_rng(1).permutation(len(table)).astype(np.uint32)
    benchmark.pedantic(binned.reorder, args=(perm,), rounds=5, warmup_rounds=1)
    note(benchmark, table)
