"""Prediction with a model that LightGBM has trained: through fastml, LightGBM itself, and others.

`python -m benchmarks.run predict`. A case of single rows is 1,000 calls, one row each.
"""

import os
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import dense_contest
from benchmarks.dense_contest import Contestant, NotHere

AIM = (
    "Prediction, seconds for all rows (1,000 calls where the rows are single), 28 features, float64, a model "
    "of LightGBM; XGBoost predicts with its own model of the same shape. Aims: 12 times the fastest rival at "
    "300 x 31, 4 times at 100 x 255."
)
SINGLE = 1000


def _folder():
    return Path(tempfile.gettempdir()) / f"fastml-predict-{os.getuid() if hasattr(os, 'getuid') else 0}"


def _rows(n):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 28))
    y = X[:, 0] * X[:, 1] + np.sin(X[:, 2]) + X[:, 3:8].sum(axis=1) + rng.normal(size=n)
    return X, y


def _case(n_trees, n_leaves, n_rows):
    def make():
        import lightgbm

        X, y = _rows(100_000)
        path = _folder() / f"{n_trees}x{n_leaves}.txt"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            options = {"num_leaves": n_leaves, "verbose": -1, "num_threads": 2}
            lightgbm.train(options, lightgbm.Dataset(X, y), n_trees).save_model(path)
        rows = X[:SINGLE] if n_rows == 1 else np.tile(X, (max(1, n_rows // len(X)), 1))[:n_rows]
        return {
            "X": rows,
            "y": y,
            "train": X,
            "path": path,
            "single": n_rows == 1,
            "shape": (n_trees, n_leaves),
        }

    return make


SETS = {
    f"{trees} x {leaves}, {'single rows' if rows == 1 else f'{rows:,} rows'}": _case(trees, leaves, rows)
    for trees, leaves in ((300, 31), (100, 255), (1000, 8))
    for rows in (1, 100, 10_000, 100_000, 1_000_000)
}


def _calls(data, many, one=None):
    """The timed function: one call for all rows, or one for each."""
    X = data["X"]
    if not data["single"]:
        return lambda: many(X)
    one = one or many
    rows = [X[i : i + 1] for i in range(len(X))]
    return lambda: np.concatenate([np.atleast_1d(one(row)) for row in rows])


def prepare_fastml(data, threads):
    from fastml.io import from_lightgbm

    model = from_lightgbm(data["path"], n_jobs=threads)
    return _calls(data, model.predict, model.predictor())


def prepare_lightgbm(data, threads):
    import lightgbm

    booster = lightgbm.Booster(model_file=data["path"])
    return _calls(data, lambda X: booster.predict(X, num_threads=threads))


def prepare_xgboost(data, threads):
    import xgboost

    n_trees, n_leaves = data["shape"]
    path = _folder() / f"{n_trees}x{n_leaves}.ubj"
    if not path.exists():
        options = {"grow_policy": "lossguide", "max_leaves": n_leaves, "max_depth": 0, "nthread": 2}
        matrix = xgboost.DMatrix(data["train"], data["y"])
        xgboost.train(options, matrix, n_trees).save_model(path)
    booster = xgboost.Booster(model_file=path)
    booster.set_param({"nthread": threads})
    return _calls(data, booster.inplace_predict)


def prepare_daal4py(data, threads):
    import daal4py
    import lightgbm

    daal4py.daalinit(threads)
    model = daal4py.mb.convert_model(lightgbm.Booster(model_file=data["path"]))
    return _calls(data, lambda X: model.predict(X))


def prepare_lleaves(data, threads):
    import lleaves

    model = lleaves.Model(model_file=str(data["path"]))
    model.compile()
    return _calls(data, lambda X: model.predict(X, n_jobs=threads))


def prepare_treelite(data, threads):
    import treelite

    if data["single"]:
        raise NotHere("treelite's own prediction is for many rows")
    model = treelite.frontend.load_lightgbm_model(str(data["path"]))
    return _calls(data, lambda X: treelite.gtil.predict(model, X, nthread=threads).reshape(-1))


CONTESTANTS = [
    Contestant("fastml", prepare_fastml, (2, 1), "fastml"),
    Contestant("LightGBM", prepare_lightgbm, (2, 1), "lightgbm"),
    Contestant("XGBoost", prepare_xgboost, (2, 1), "xgboost-cpu"),
    Contestant("daal4py", prepare_daal4py, (2,), "daal4py"),
    Contestant("lleaves", prepare_lleaves, (2, 1), "lleaves"),
    Contestant("treelite", prepare_treelite, (2,), "treelite"),
]


def quality(data, fitted):
    """Largest difference to LightGBM in the first thousand rows (XGBoost has a model of its own)."""
    import lightgbm

    expected = lightgbm.Booster(model_file=data["path"]).predict(data["X"][:1000])
    return {"difference": float(np.abs(expected - np.ravel(fitted)[:1000]).max())}


def main(arguments):
    """Measure and print."""
    dense_contest.run("benchmarks.predict", arguments)
