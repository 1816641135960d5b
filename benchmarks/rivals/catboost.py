"""CatBoost, leaf-wise and with its own symmetric trees.

Symmetric trees have a depth, not a number of leaves, and no least number of rows in a leaf: depth 8 stands
beside 255 leaves and depth 5 beside 31 (256 and 32 leaves). Bootstrap is off and a leaf gets one Newton step,
as in the other libraries; with its defaults CatBoost would sample 80 % of the rows and take up to ten steps.
Scores start at the mean, as in the other libraries: by `boost_from_average` where CatBoost has it, by a
baseline for Poisson; for several classes CatBoost starts at zero.
"""

import math
from dataclasses import replace

import numpy as np

TITLE = "CatBoost"
MODES = {"Lossguide": {"grow_policy": "Lossguide"}, "symmetric": {"grow_policy": "SymmetricTree"}}
OBJECTIVES = {"binary": "Logloss", "multiclass": "MultiClass", "regression": "RMSE", "poisson": "Poisson"}
PREDICTIONS = {"binary": "Probability", "multiclass": "Probability"}


def parameters(task, setting, mode):
    params = {
        "loss_function": OBJECTIVES[task.kind],
        "iterations": setting.rounds,
        "learning_rate": setting.learning_rate,
        "border_count": setting.max_bins - 1,  # borders between the bins
        "l2_leaf_reg": setting.l2,
        "thread_count": setting.threads,
        "random_seed": setting.seed,
        "bootstrap_type": "No",
        "leaf_estimation_method": "Newton",
        "leaf_estimation_iterations": 1,
        "metric_period": setting.rounds,
        "logging_level": "Silent",
        "allow_writing_files": False,
        **MODES[mode],
    }
    if mode == "symmetric":
        params["depth"] = math.ceil(math.log2(setting.leaves))
    else:
        params |= {"max_leaves": setting.leaves, "min_data_in_leaf": setting.min_samples_leaf, "depth": 16}
    if task.kind == "multiclass":
        params["classes_count"] = task.n_classes
    elif task.kind != "poisson":
        params["boost_from_average"] = True
    return params


def prepare(task):
    """Missing categories get a name: CatBoost refuses NaN in a categorical column."""
    if not task.categorical:
        return task
    return replace(task, **{part: _named(getattr(task, part), task.categorical) for part in ("X", "X_test")})


def _named(frame, columns):
    texts = {
        column: frame[column].astype(object).where(frame[column].notna(), "missing") for column in columns
    }
    return frame.assign(**{column: text.astype(str).astype("category") for column, text in texts.items()})


def fit(task, setting, mode):
    import catboost

    start = math.log(np.average(task.y, weights=task.weight)) if task.kind == "poisson" else 0.0
    data = catboost.Pool(
        task.X,
        task.y,
        weight=task.weight,
        baseline=np.full(len(task.y), start) if start else None,
        cat_features=task.categorical or None,
        thread_count=setting.threads,
    )
    return catboost.CatBoost(parameters(task, setting, mode)).fit(data), start


def predict(model, task, X, setting):
    model, start = model
    prediction_type = PREDICTIONS.get(task.kind, "RawFormulaVal")
    scores = model.predict(X, prediction_type=prediction_type, thread_count=setting.threads)
    if task.kind == "poisson":
        return np.exp(scores + start)
    return scores[:, 1] if task.kind == "binary" else scores
