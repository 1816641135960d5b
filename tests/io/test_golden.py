"""Files of every version of the format stay readable and predict the same.

Trees to the bit; what is computed with exponentials and logarithms to the rounding of another processor.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml.io.model_file import _ESTIMATORS, FORMAT_VERSION

from .golden.make import answer

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.fastml"))
_FLOATS = ("mixture", "hmm", "cluster", "decomposition")


def test_every_version_and_every_estimator_has_golden_files():
    versions = {int(path.name[1:].split("_")[0]) for path in GOLDEN}
    assert versions == set(range(1, FORMAT_VERSION + 1))
    assert {type(fastml.load(path)).__name__ for path in GOLDEN} == set(_ESTIMATORS)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_file_predicts_as_it_did(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    rows = [[np.nan if cell is None else cell for cell in row] for row in expected["X"]]
    has_text = any(isinstance(cell, str) for row in rows for cell in row)
    X = np.array(rows, dtype=object if has_text else None)
    model = fastml.load(path)
    raw = answer(model, X)
    known = np.array([[float.fromhex(value) for value in row] for row in expected["raw"]]).reshape(raw.shape)
    if type(model).__module__.split(".")[1] in _FLOATS:
        np.testing.assert_allclose(raw, known, rtol=1e-5 if raw.dtype == np.float32 else 1e-9)
    else:
        np.testing.assert_array_equal(raw, known)


def test_what_categories_are_called_is_in_the_file():
    for name in ("v1_classifier", "v1_regressor"):
        assert "x2 in {" in fastml.load(GOLDEN[0].parent / f"{name}.fastml").dump()
