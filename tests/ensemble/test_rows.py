"""Names of evaluation sets, rows of tables. What they are used for is tested in test_monitor.py."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from fastml.ensemble.rows import named_sets, take_rows

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


TABLE = np.arange(12.0).reshape(4, 3)
COLUMNS = {name: TABLE[:, j] for j, name in enumerate("abc")}


@pytest.mark.parametrize(
    "X",
    [
        TABLE,
        TABLE.tolist(),
        pd.DataFrame(COLUMNS),
        pl.DataFrame(COLUMNS),
        pa.table(COLUMNS),
        pa.record_batch(COLUMNS),
        *(sparse.csr_array(TABLE).asformat(f) for f in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")),
    ],
    ids=lambda X: type(X).__name__,
)
def test_rows_of_any_table(X):
    rows = np.array([3, 0])
    taken = take_rows(X, rows)
    if sparse.issparse(taken):
        taken = taken.toarray()
    elif type(taken).__module__.startswith("pyarrow"):
        taken = np.column_stack([taken.column(j).to_numpy() for j in range(3)])
    np.testing.assert_array_equal(np.asarray(taken), TABLE[rows])
