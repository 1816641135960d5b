"""What several test modules of gradient boosting share: a table of everything, and both estimators."""

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

BOTH = pytest.mark.parametrize("cls", [GradientBoostingClassifier, GradientBoostingRegressor])


@pytest.fixture(autouse=True)
def one_thread_for_scikit_learn():
    """Its fits of small data on busy cores take a hundred times longer on several threads."""
    with threadpool_limits(limits=1):
        yield


def mixed(n_rows=600, seed=0):
    """Numbers with gaps and two categories; a score that depends on all."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "a": rng.standard_normal(n_rows),
            "b": rng.integers(0, 20, n_rows).astype(np.int16),
            "c": pd.Categorical(rng.choice(list("uvwxyz"), n_rows)),
            "d": np.where(rng.random(n_rows) < 0.2, np.nan, rng.random(n_rows)).astype(np.float32),
        }
    )
    score = X["a"] + 0.1 * X["b"] + X["c"].isin(["u", "x", "z"]) * 2.0 + np.where(X["d"].isna(), 1.0, X["d"])
    return X, (score + 0.1 * rng.standard_normal(n_rows)).to_numpy()
