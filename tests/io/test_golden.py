"""Files of every version of the format stay readable and predict the same to the bit."""

import json
from pathlib import Path

import numpy as np
import pytest

import fastml
from fastml.io.model_file import FORMAT_VERSION

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.fastml"))


def test_every_version_has_golden_files():
    versions = {int(path.name[1:].split("_")[0]) for path in GOLDEN}
    assert versions == set(range(1, FORMAT_VERSION + 1))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_file_predicts_as_it_did(path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    X = np.array([[np.nan if cell is None else cell for cell in row] for row in expected["X"]], dtype=object)
    model = fastml.load(path)
    raw = getattr(model, "decision_function", model.predict)(X)
    raw = [[value.hex() for value in row] for row in raw.reshape(len(X), -1).tolist()]
    assert raw == expected["raw"]
    assert "x2 in {" in model.dump()
