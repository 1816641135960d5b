"""Names of evaluation sets. What they are used for is tested in test_monitor.py."""

import pytest

from fastml.ensemble.rows import named_sets

X, Y, W, M = object(), object(), object(), object()


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ({"a": (X, Y), "b": (X, Y, W)}, ["a", "b"]),
        ([(X, Y), (X, Y, W, M)], ["eval_0", "eval_1"]),
        (((X, Y), (X, Y)), ["eval_0", "eval_1"]),
        ((X, Y), ["eval_0"]),
        ((X, Y, W, M), ["eval_0"]),
        ([[X, Y]], ["eval_0"]),
    ],
)
def test_names(given, names):
    sets = named_sets(given)
    assert list(sets) == names
    assert all(rows.X is X and rows.y is Y and rows.weight in (None, W) for rows in sets.values())
    assert all((rows.margin is M) == (rows.weight is W and name != "b") for name, rows in sets.items())


@pytest.mark.parametrize(
    ("given", "error"),
    [("abc", TypeError), (3, TypeError), ({1: (X, Y)}, TypeError), ([(X,)], ValueError), ([X], ValueError)],
)
def test_what_is_no_set(given, error):
    with pytest.raises(error, match="eval_set"):
        named_sets(given)
