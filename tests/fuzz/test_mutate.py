"""Some hundred damaged files, the same every time. ``make fuzz`` tries as many as the time allows."""

import numpy as np
import pytest

from tests.fuzz.mutate import mutated, run, sources

SOURCES = list(sources())


@pytest.mark.parametrize("name, content, kind", SOURCES, ids=[name for name, _, _ in SOURCES])
def test_damaged_file_is_refused_or_read(name, content, kind, tmp_path):
    rng = np.random.default_rng(sum(map(ord, name)))
    assert run(content, kind, tmp_path)
    results = [run(mutated(content, kind, rng), kind, tmp_path) for _ in range(25)]
    assert not all(results)
