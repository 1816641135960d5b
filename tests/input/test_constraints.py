"""What users say about features, in all accepted forms."""

import numpy as np
import pandas as pd
import pytest

from fastml._engine.tree.table import Table
from fastml._input.constraints import categorical_mask, interaction_groups, monotonic_directions

FRAME = Table(pd.DataFrame({"a": [1.0], "b": pd.Categorical(["x"]), "c": ["y"]}))
ARRAY = Table(np.ones((1, 3)))


@pytest.mark.parametrize(
    ("table", "given", "want"),
    [
        (FRAME, "from_dtype", [False, True, False]),
        (ARRAY, "from_dtype", None),
        (FRAME, None, None),
        (FRAME, ["c", "b"], [False, True, True]),
        (FRAME, np.array(["c"], dtype=object), [False, False, True]),
        (ARRAY, [0, 2], [True, False, True]),
        (ARRAY, np.array([1], dtype=np.uint8), [False, True, False]),
        (ARRAY, [False, True, False], [False, True, False]),
        (ARRAY, [False] * 3, None),
        (ARRAY, [], None),
    ],
)
def test_categorical_mask(table, given, want):
    mask = categorical_mask(table, given)
    assert mask is None if want is None else mask.tolist() == want


@pytest.mark.parametrize(
    ("table", "given", "message"),
    [
        (ARRAY, ["a"], "without feature names"),
        (FRAME, ["d"], "'d' which is not a valid feature name"),
        (ARRAY, [3], r"\[0, n_features - 1\]"),
        (ARRAY, [-1], r"\[0, n_features - 1\]"),
        (ARRAY, [True], r"boolean mask must have shape \(n_features,\), got: \(1,\)"),
        (ARRAY, [0.5], "bool, int or str, got: float64"),
        (ARRAY, np.array(["a", 1], dtype=object), "bool, int or str, got: int, str"),
        (ARRAY, {0}, "bool, int or str, got: set"),
    ],
)
def test_wrong_categorical_features(table, given, message):
    with pytest.raises(ValueError, match=message):
        categorical_mask(table, given)


def test_monotonic_directions():
    assert monotonic_directions(None, 3, None, None) is None
    assert monotonic_directions([0, 0, 0], 3, None, None) is None
    for given, names in (([1, 0, -1], None), ({"a": 1, "c": -1}, ["a", "b", "c"])):
        directions = monotonic_directions(given, 3, names, np.array([False, True, False]))
        assert directions.dtype == np.int8 and directions.tolist() == [1, 0, -1]


@pytest.mark.parametrize(
    ("given", "names", "message"),
    [
        ([1, 0], None, r"shape \(2,\) but the input data X has 3 features"),
        ([1, 0, 3], None, r"Observed values: \[3\]"),
        ([1, 0.5, 0], None, r"Observed values: \[0.5\]"),
        ([1, None, 0], None, r"Observed values: \[None\]"),
        ({"a": 1}, None, "MyModel was not fitted on data with feature names"),
        ({"z": 1}, ["a", "b", "c"], r"1 unexpected feature names: \['z'\]"),
        ({f"z{i}": 1 for i in range(7)}, ["a", "b", "c"], r"7 unexpected feature names: \['z0'.*'\.\.\.'\]"),
        ({"a": 2}, ["a", "b", "c"], r"monotonic_cst\['a'\] must be either -1, 0 or 1. Got 2"),
        ([0, 1, 0], None, "Categorical features cannot have monotonic constraints"),
    ],
)
def test_wrong_monotonic_directions(given, names, message):
    with pytest.raises(ValueError, match=message):
        monotonic_directions(given, 3, names, np.array([False, True, False]), "MyModel")


@pytest.mark.parametrize(
    ("given", "want"),
    [
        (None, None),
        ("no_interactions", [{0}, {1}, {2}]),
        ("pairwise", [{0, 1}, {0, 2}, {1, 2}]),
        ([{0, 1, 2}], [{0, 1, 2}]),
        ([[0], (np.int64(2),)], [{0}, {2}, {1}]),
        ([[True], [False, 2]], [{1}, {0, 2}]),
        ([], [{0, 1, 2}]),
    ],
)
def test_interaction_groups(given, want):
    groups = interaction_groups(given, 3)
    assert groups == want
    assert all(type(j) is int for group in groups or [] for j in group)


@pytest.mark.parametrize("given", [[0, 1], [{3}], [{-1}], [{0.5}], [{"a"}]])
def test_wrong_interaction_groups(given):
    with pytest.raises(ValueError, match="Interaction constraints must"):
        interaction_groups(given, 3)
