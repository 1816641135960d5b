"""XGBoost, hist, grown best leaf first, through its native API on a QuantileDMatrix (its quickest way in)."""

TITLE = "XGBoost"
MODES = {"lossguide": {"grow_policy": "lossguide"}}
OBJECTIVES = {
    "binary": "binary:logistic",
    "multiclass": "multi:softprob",
    "regression": "reg:squarederror",
    "poisson": "count:poisson",
}


def parameters(task, setting, mode):
    params = {
        "objective": OBJECTIVES[task.kind],
        "num_boost_round": setting.rounds,
        "tree_method": "hist",
        "max_leaves": setting.leaves,
        "max_depth": 0,
        "eta": setting.learning_rate,
        "max_bin": setting.max_bins,
        # XGBoost limits a leaf's hessian, not its rows: the same for squared error; else its default stands
        "min_child_weight": setting.min_samples_leaf if task.kind == "regression" else 1,
        "lambda": setting.l2,
        "nthread": setting.threads,
        "seed": setting.seed,
        "verbosity": 0,
        **MODES[mode],
    }
    if task.kind == "multiclass":
        params["num_class"] = task.n_classes
    return params


def fit(task, setting, mode):
    import xgboost

    params = parameters(task, setting, mode)
    rounds = params.pop("num_boost_round")
    data = xgboost.QuantileDMatrix(
        task.X,
        task.y,
        weight=task.weight,
        max_bin=params["max_bin"],
        nthread=setting.threads,
        enable_categorical=True,
    )
    return xgboost.train(params, data, num_boost_round=rounds)


def predict(model, task, X, setting):
    return model.inplace_predict(X)
