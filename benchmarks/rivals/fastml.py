"""fastml: one mode, no knob turned but those that every library gets."""

TITLE = "fastml"
MODES = {"default": {}}
LOSSES = {"binary": "log_loss", "multiclass": "log_loss", "regression": "squared_error", "poisson": "poisson"}


def parameters(task, setting, mode):
    return {
        "loss": LOSSES[task.kind],
        "max_iter": setting.rounds,
        "max_leaf_nodes": setting.leaves,
        "learning_rate": setting.learning_rate,
        "max_bins": setting.max_bins,
        "min_samples_leaf": setting.min_samples_leaf,
        "l2_regularization": setting.l2,
        "early_stopping": False,
        "n_jobs": setting.threads,
        "random_state": setting.seed,
        **MODES[mode],
    }


def fit(task, setting, mode):
    from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor

    classes = task.kind in ("binary", "multiclass")
    estimator = GradientBoostingClassifier if classes else GradientBoostingRegressor
    return estimator(**parameters(task, setting, mode)).fit(task.X, task.y, sample_weight=task.weight)


def predict(model, task, X, setting):
    if task.kind == "binary":
        return model.predict_proba(X)[:, 1]
    return model.predict_proba(X) if task.kind == "multiclass" else model.predict(X)
