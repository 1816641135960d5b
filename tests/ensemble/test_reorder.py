"""Rows that are put into the order of the last tree's leaves: from 100,000 rows on, every ten rounds."""

import numpy as np
import pytest

from fastml._engine.tree import boosting
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor


def table(n_features):
    rng = np.random.default_rng(n_features)
    X = rng.normal(size=(boosting.REORDER_MIN_ROWS, n_features)).astype(np.float32)
    X[rng.random(X.shape) < 0.02] = np.nan
    signal = np.nan_to_num(X[:, 0]) * np.nan_to_num(X[:, 1]) + np.nan_to_num(X[:, -1])
    return X, signal + 0.1 * rng.normal(size=len(signal)), rng.random(len(signal)) + 0.5


def settings(**more):
    return {"max_iter": 11, "max_leaf_nodes": 6, "early_stopping": False, "random_state": 0, **more}


@pytest.mark.parametrize(("n_features", "weighted"), [(3, True), (70, False)])
def test_the_order_of_rows_changes_rounding_only(n_features, weighted, monkeypatch):
    X, y, weight = table(n_features)
    weight = weight if weighted else None
    rows = slice(0, 5000)

    def fit(n_jobs):
        number = GradientBoostingRegressor(**settings(n_jobs=n_jobs)).fit(X, y, sample_weight=weight)
        label = GradientBoostingClassifier(**settings(n_jobs=n_jobs)).fit(X, y > 0.3, sample_weight=weight)
        return number.predict(X[rows]), label.decision_function(X[rows])

    one, two = fit(1), fit(2)
    np.testing.assert_array_equal(one, two)
    monkeypatch.setattr(boosting, "REORDER_MIN_ROWS", len(X) + 1)
    for moved, left_alone in zip(one, fit(2), strict=True):
        assert np.corrcoef(moved, left_alone)[0, 1] > 0.999
