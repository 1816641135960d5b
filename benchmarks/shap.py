"""SHAP values, interactions, values against a background: ours, LightGBM's, XGBoost's, the shap package's."""

from dataclasses import replace

import numpy as np

from benchmarks.datasets import generated
from benchmarks.dense_contest import Contestant, NotHere, run

AIM = (
    "Exact SHAP values of 2,000 rows, interactions of 64 rows, values of 500 rows against a background of "
    "100 and of 2,000 rows against one of 10,000, 28 features; each library explains a model of its own with "
    "as many trees and leaves, trained on the same 100,000 rows. Long paths: 200 rows against 10,000, of 28 "
    "features that all matter, leaves of 5 rows, a regression. `error`: the values' sum against the margin."
)
ROWS = {"values": 2000, "interactions": 64, "background": 500, "large background": 2000, "long paths": 200}
BACKGROUND_ROWS = {"background": 100, "large background": 10_000, "long paths": 10_000}
TRAINING_ROWS = 100_000


def setting(trees, leaves, depth=None, what="values"):
    """What makes the data of a case."""

    def make():
        task = generated("shap", TRAINING_ROWS, 0)
        if what == "long paths":
            # boosting of a linear target peels off extreme rows: paths are long, their features many
            rng = np.random.default_rng(0)
            X = rng.normal(size=(20_000, task.X.shape[1]))
            y = X @ rng.normal(size=X.shape[1]) + rng.normal(size=len(X))
            task = replace(task, X=X, y=y, X_test=X)
        X = np.ascontiguousarray(task.X_test[: ROWS[what]], dtype=np.float64)
        told = {"X": task.X, "y": task.y, "rows": X, "trees": trees, "leaves": leaves, "depth": depth}
        background = None
        if what in BACKGROUND_ROWS:
            background = np.ascontiguousarray(task.X[: BACKGROUND_ROWS[what]], dtype=np.float64)
        return told | {"what": what, "background": background}

    return make


SHAPES = {"300 x 31": (300, 31), "100 x 255": (100, 255), "1000 x 8": (1000, 8, 3)}
SETS = {name: setting(*shape) for name, shape in SHAPES.items()}
for what in ("interactions", "background", "large background"):
    SETS |= {f"{name}, {what}": setting(*shape, what=what) for name, shape in SHAPES.items()}
SETS["100 x 255, long paths"] = setting(100, 255, what="long paths")


def prepare_fastml(data, threads):
    from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    long_paths = data["what"] == "long paths"
    model = (GradientBoostingRegressor if long_paths else GradientBoostingClassifier)(
        max_iter=data["trees"],
        max_leaf_nodes=data["leaves"],
        max_depth=data["depth"],
        min_samples_leaf=5 if long_paths else 20,
        early_stopping=False,
        n_jobs=threads,
    ).fit(data["X"], data["y"])
    rows, background = data["rows"], data["background"]
    score = model.predict if long_paths else model.decision_function
    margin = score(rows)
    if data["what"] == "interactions":
        return lambda: (model.shap_interaction_values(rows), model.expected_value, margin)
    base = model.expected_value if background is None else score(background).mean()
    return lambda: (model.shap_values(rows, background=background), base, margin)


def prepare_lightgbm(data, threads):
    import lightgbm

    if data["what"] != "values":
        raise NotHere(f"LightGBM has no {data['what']}")
    model = lightgbm.LGBMClassifier(
        n_estimators=data["trees"],
        num_leaves=data["leaves"],
        max_depth=data["depth"] or -1,
        n_jobs=threads,
        verbose=-1,
    ).fit(data["X"], data["y"])
    booster, rows = model.booster_, data["rows"]
    margin = booster.predict(rows, raw_score=True)

    def explain():
        values = booster.predict(rows, pred_contrib=True, num_threads=threads)
        return values, 0.0, margin

    return explain


def prepare_xgboost(data, threads):
    import xgboost

    if data["background"] is not None:
        raise NotHere("XGBoost has no background")
    model = xgboost.XGBClassifier(
        n_estimators=data["trees"],
        max_leaves=data["leaves"],
        max_depth=data["depth"] or 0,
        grow_policy="lossguide",
        tree_method="hist",
        learning_rate=0.1,
        n_jobs=threads,
    ).fit(data["X"], data["y"])
    booster, rows = model.get_booster(), data["rows"]
    what = {"pred_interactions" if data["what"] == "interactions" else "pred_contribs": True}
    margin = booster.predict(xgboost.DMatrix(rows), output_margin=True)
    return lambda: (booster.predict(xgboost.DMatrix(rows, nthread=threads), **what), 0.0, margin)


def prepare_shap(data, threads):
    import shap
    from sklearn.ensemble import HistGradientBoostingClassifier

    if data["what"] == "interactions":
        raise NotHere("the shap package has no interactions of this model faster than XGBoost's")
    if data["what"] in ("large background", "long paths"):
        raise NotHere("the shap package takes a hundred times as long as for a background of 100")
    model = HistGradientBoostingClassifier(
        max_iter=data["trees"], max_leaf_nodes=data["leaves"], max_depth=data["depth"], early_stopping=False
    ).fit(data["X"], data["y"])
    rows, margin = data["rows"], model.decision_function(data["rows"])
    explainer = shap.TreeExplainer(model, data["background"])

    def explain():
        return explainer.shap_values(rows, check_additivity=False), explainer.expected_value, margin

    return explain


CONTESTANTS = [
    Contestant("fastml", prepare_fastml, threads=(1, 2)),
    Contestant("LightGBM pred_contrib", prepare_lightgbm, package="lightgbm"),
    Contestant("XGBoost pred_contribs", prepare_xgboost, package="xgboost"),
    Contestant("shap TreeExplainer", prepare_shap, threads=(1,), package="shap"),
]


def quality(data, fitted):
    """Greatest difference of a row's sum of values from the margin."""
    values, base, margin = fitted
    sums = np.asarray(values, dtype=np.float64).reshape(len(margin), -1).sum(axis=1) + base
    return {"error": np.abs(sums - margin).max()}


def main(options):
    """Run it."""
    run(__name__, options)
