import numpy as np
import pytest

from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.partition import partition
from tests.reference import partition as reference


def make(n, seed=0, levels=40):
    rng = np.random.default_rng(seed)
    X = rng.integers(0, levels, size=(n, 2)).astype(np.float64)
    X[rng.random((n, 2)) < 0.2] = np.nan
    gh = rng.integers(0, 2**32, size=n, dtype=np.uint64).astype(np.uint32)
    return BinMapper(random_state=0).fit(X).transform(X), gh


def check(binned, gh, rows, feature, n_threads=1, **rule):
    n = len(gh)
    given = None if rows is None else rows
    listed = np.arange(n, dtype=np.uint32) if rows is None else rows
    left, right = reference.partition(
        binned.column_codes.T,
        listed,
        feature,
        rule.get("code", 0),
        rule.get("missing_left", False),
        rule.get("category_set"),
    )
    found_rows, found_gh, n_left = partition(binned, feature, gh, rows=given, n_threads=n_threads, **rule)
    assert n_left == len(left)
    np.testing.assert_array_equal(found_rows, left + right)
    where = {int(row): i for i, row in enumerate(listed)}
    np.testing.assert_array_equal(found_gh, gh[[where[int(row)] for row in found_rows]])


@pytest.mark.parametrize("n", [1, 7, 63, 64, 65, 200, 1000])
@pytest.mark.parametrize("code", [1, 13, 40, 255])
@pytest.mark.parametrize("missing_left", [False, True])
def test_equals_reference(isa, n, code, missing_left):
    binned, gh = make(n)
    check(binned, gh, None, 1, code=code, missing_left=missing_left)


def test_listed_rows(isa):
    binned, gh = make(3000)
    rows = np.sort(np.random.default_rng(0).choice(3000, 1234, replace=False)).astype(np.uint32)
    for code in (1, 3, 20, 39):
        check(binned, gh[:1234], rows, 0, code=code)


def test_sorted_and_one_sided(isa):
    """Long runs on one side: the vectors near the end of a side's share must not spill over."""
    X = np.repeat([0.0, 1.0, 0.0, 1.0], [100, 900, 3, 40])[:, None]
    binned = BinMapper().fit(X).transform(X)
    gh = np.arange(len(X), dtype=np.uint32)
    check(binned, gh, None, 0, code=1)
    check(binned, gh, None, 0, code=2)


def test_categories(isa):
    binned, gh = make(500)
    members = np.zeros(32, dtype=np.uint8)
    for code in (0, 3, 17, 33):
        members[code >> 3] |= 1 << (code & 7)
    check(binned, gh, None, 0, category_set=members)


@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_same_on_any_number_of_threads(n_threads):
    binned, gh = make(70_000)
    one = partition(binned, 0, gh, code=12)
    many = partition(binned, 0, gh, code=12, n_threads=n_threads)
    assert one[2] == many[2]
    np.testing.assert_array_equal(one[0], many[0])
    np.testing.assert_array_equal(one[1], many[1])
