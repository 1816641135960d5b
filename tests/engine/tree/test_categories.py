"""Labels become numbers, the same for the same label in any container."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from fastml._engine.tree.categories import CategoryEncoder
from fastml._engine.tree.table import Table


def _fit(X, mask):
    return CategoryEncoder().fit(Table(X), np.asarray(mask))


def test_labels_are_numbered_in_sorted_order():
    frame = pd.DataFrame({"x": [1, 2, 3], "c": pd.Categorical(["b", "a", None], categories=["c", "b", "a"])})
    encoder = _fit(frame, [False, True])
    assert encoder.categories_ == {1: ["a", "b"]}  # "c" is in no row
    x, c = encoder.transform(Table(frame))
    np.testing.assert_array_equal(x, [1, 2, 3])
    np.testing.assert_array_equal(c, np.array([1, 0, np.nan], dtype=np.float32))


def test_every_container_gives_the_same_numbers():
    encoder = _fit(pd.DataFrame({"c": ["b", "a", "d"]}), [True])
    want = np.array([2, np.nan, np.nan, 0], dtype=np.float32)
    texts = ["d", None, "c", "a"]  # "c" was not seen
    for X in (
        pd.DataFrame({"c": texts}),
        pd.DataFrame({"c": pd.Categorical(texts)}),
        pl.DataFrame({"c": texts}),
        pl.DataFrame({"c": pl.Series(texts, dtype=pl.Categorical)}),
        pa.table({"c": texts}),
        pa.table({"c": pa.array(texts).dictionary_encode()}),
        np.array(texts, dtype=object)[:, None],
    ):
        np.testing.assert_array_equal(encoder.transform(Table(X))[0], want)


def test_numbers_stand_for_themselves():
    X = np.array([[3.0, 1.0], [7.0, 2.0]])
    encoder = _fit(X, [True, False])
    assert encoder.categories_ == {}
    assert encoder.transform(Table(X)) is X


def test_categorical_dtype_of_numbers():
    encoder = _fit(pd.DataFrame({"c": pd.Categorical([30, 10, 20])}), [True])
    assert encoder.categories_ == {0: [10, 20, 30]}
    np.testing.assert_array_equal(
        encoder.transform(Table(pd.DataFrame({"c": [20.0, 5.0, np.nan]})))[0], [1, np.nan, np.nan]
    )


def test_labels_of_several_types():
    encoder = _fit(np.array(["b", 2, "a", 1], dtype=object)[:, None], [True])
    assert encoder.categories_ == {0: [1, 2, "a", "b"]}


def test_text_in_a_column_that_is_not_categorical():
    frame = pd.DataFrame({"city": ["Bonn", "Köln"], "c": pd.Categorical(["a", "b"])})
    with pytest.raises(
        ValueError, match=r"Column 'city' of X is numeric but holds text.*'Bonn'.*categorical_features"
    ):
        _fit(frame, [False, True]).transform(Table(frame))


def test_state_and_pickle():
    encoder = _fit(
        pd.DataFrame({"c": ["b", "a"], "x": [1, 2], "d": pd.Categorical([5, 4])}), [True, False, True]
    )
    for copy in (
        CategoryEncoder.from_state(encoder.get_state(), 3),
        pickle.loads(pickle.dumps(encoder)),
    ):
        assert copy.categories_ == encoder.categories_
        table = Table(pd.DataFrame({"c": ["a", "z"], "x": [0, 0], "d": [5, 6]}))
        for mine, other in zip(encoder.transform(table), copy.transform(table), strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    "state",
    [
        {"3": np.array(["a"], dtype=object)},
        {"-1": np.array(["a"], dtype=object)},
        {"01": np.array(["a"], dtype=object)},
        {"x": np.array(["a"], dtype=object)},
        {"0": np.array(["a", "a"], dtype=object)},
        {"0": np.array([None], dtype=object)},
        {"0": np.array([["a"]], dtype=object)},
        {"0": np.array(3)},
    ],
)
def test_false_states(state):
    with pytest.raises(ValueError, match="categories"):
        CategoryEncoder.from_state(state, 3)
