"""Whole fits, every library in its default mode, under pytest-benchmark: a quick look, all in one process.

The README's figures come from `python -m benchmarks.run boosting`, where each library has its own process.
"""

import pytest

from benchmarks import datasets, rivals
from benchmarks.setting import Setting


@pytest.fixture(scope="module", params=[10_000, 100_000], ids="{} rows".format)
def task(request):
    return datasets.generated("generated", request.param, seed=0)


@pytest.mark.parametrize("leaves", [31, 255], ids="{} leaves".format)
@pytest.mark.parametrize("library", rivals.NAMES)
def bench_fit(benchmark, task, library, leaves):
    if rivals.version(library) is None:
        pytest.skip(f"{library} is not installed")
    rival = rivals.adapter(library)
    mode, setting = next(iter(rival.MODES)), Setting(leaves=leaves)
    benchmark.pedantic(rival.fit, args=(task, setting, mode), rounds=3, warmup_rounds=1)
    assert benchmark.stats["min"] > 0
