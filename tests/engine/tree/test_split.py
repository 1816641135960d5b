import numpy as np
import pytest

from fastml._engine.tree.split import best_split
from tests.reference import split as reference


def sums(seed, n_codes, missing=True, sparse=0.5):
    rng = np.random.default_rng(seed)
    h = rng.integers(1, 50, size=n_codes)
    g = rng.integers(-40, 40, size=n_codes)
    empty = rng.random(n_codes) < sparse
    g[empty] = h[empty] = 0
    if not missing:
        g[0] = h[0] = 0
    return g, h


@pytest.mark.parametrize("n_codes", [2, 3, 8, 9, 17, 255, 256])
@pytest.mark.parametrize("missing", [False, True])
def test_equals_reference(isa, n_codes, missing):
    for seed in range(25):
        g, h = sums(seed, n_codes, missing)
        for l2, min_h in ((0.0, 1), (3.5, 1), (1.0, 60)):
            cells = (g.astype(np.int64) << 32) + h
            expected = reference.best_split(g, h, l2=l2, min_h=min_h)
            for n_rows in (1, 1000):  # the cells that are not empty, or all
                assert best_split(cells, n_codes, l2=l2, min_h=min_h, n_rows=n_rows) == expected


def test_equal_gains_take_the_first(isa):
    g, h = np.array([0, 5, 0, 0, -5]), np.array([0, 10, 0, 0, 10])
    cells = (g.astype(np.int64) << 32) + h
    assert best_split(cells, 5)[1:] == (1, False)


def test_nothing_to_gain(isa):
    h = np.array([0, 10, 20, 30])
    for g in (np.zeros(4, dtype=int), 2 * h):
        cells = (g.astype(np.int64) << 32) + h
        assert best_split(cells, 4)[0] == -1.0


def test_largest_sums(isa):
    """Sums at the edge of the fixed-point range, where a 32-bit slip would show."""
    big = 2**31 - 1
    g, h = np.array([0, big, -big]), np.array([0, 2**30, 2**30 - 1])
    cells = (g.astype(np.int64) << 32) + h
    assert best_split(cells, 3) == reference.best_split(g, h, l2=0.0, min_h=1)


@pytest.mark.parametrize("n_codes", [2, 9, 255])
def test_limit_on_rows_of_counted_cells(isa, n_codes):
    for seed in range(25):
        g, h = sums(seed, n_codes)
        rng = np.random.default_rng(seed)
        rows = np.where(h > 0, rng.integers(1, 1 + min(8, 1000 // n_codes), size=n_codes), 0)
        cells = (g.astype(np.int64) << 32) + h
        for min_rows in (1, 5, 40):
            limits = {"l2": 1.0, "min_h": 1, "rows": rows, "min_rows": min_rows}
            expected = reference.best_split(g, h, **limits)
            assert best_split(cells, n_codes, n_rows=int(rows.sum()), **limits) == expected
