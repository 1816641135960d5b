"""Write the golden files of the current version of the format: ``python tests/io/golden/make.py``.

Run it once when FORMAT_VERSION grows and commit what it writes; files of older versions stay for ever. A file
that exists is not overwritten.
"""

import json
from pathlib import Path

import numpy as np

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.io.model_file import FORMAT_VERSION

HERE = Path(__file__).parent
COLOURS = ["red", "green", "blue", "grey", "größer"]


def table(n_rows, seed):
    """Two numbers with missing values, and a text."""
    rng = np.random.default_rng(seed)
    rows = np.empty((n_rows, 3), dtype=object)
    rows[:, 0] = np.round(rng.normal(size=n_rows), 3)
    rows[:, 1] = rng.integers(0, 9, n_rows).astype(float)
    rows[:, 2] = rng.choice(COLOURS, n_rows)
    rows[rng.random(n_rows) < 0.1, 0] = np.nan
    return rows


def write(name, model, raw):
    path = HERE / f"v{FORMAT_VERSION}_{name}.fastml"
    if path.exists():
        print(f"{path.name} exists and stays")
        return
    X = table(20, seed=1)
    model.save(path)
    rows = [[None if cell != cell else cell for cell in row] for row in X.tolist()]
    expected = np.atleast_2d(raw(X).T).T
    content = {"X": rows, "raw": [[value.hex() for value in row] for row in expected.tolist()]}
    path.with_suffix(".json").write_text(
        json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def main():
    X = table(120, seed=0)
    score = (
        np.nan_to_num(X[:, 0].astype(float))
        + 2.0 * np.isin(X[:, 2], ["red", "größer"])
        - 0.2 * X[:, 1].astype(float)
    )
    options = {
        "max_iter": 2,
        "max_leaf_nodes": 5,
        "min_samples_leaf": 5,
        "categorical_features": [2],
        "random_state": 0,
    }
    classes = np.array(["low", "middle", "größer"], dtype=object)[np.digitize(score, [-1.0, 0.0])]
    classifier = GradientBoostingClassifier(
        **options, class_weight={"low": 1.0, "middle": 2.0, "größer": 1.5}
    )
    classifier.fit(X, classes)
    write("classifier", classifier, classifier.decision_function)
    regressor = GradientBoostingRegressor(**options, loss="absolute_error", early_stopping=True)
    regressor.fit(X, score.astype(float))
    write("regressor", regressor, regressor.predict)


if __name__ == "__main__":
    main()
