"""LightGBM through its native API: no label encoding, no copy of the finished model."""

TITLE = "LightGBM"
MODES = {
    "default": {},
    "row-wise": {"force_row_wise": True},
    "col-wise": {"force_col_wise": True},
    "quantized row-wise": {"force_row_wise": True, "use_quantized_grad": True},
    "quantized col-wise": {"force_col_wise": True, "use_quantized_grad": True},
}
OBJECTIVES = {
    "binary": "binary",
    "multiclass": "multiclass",
    "regression": "regression",
    "poisson": "poisson",
}


def parameters(task, setting, mode):
    params = {
        "objective": OBJECTIVES[task.kind],
        "num_iterations": setting.rounds,
        "num_leaves": setting.leaves,
        "learning_rate": setting.learning_rate,
        "max_bin": setting.max_bins,
        "min_data_in_leaf": setting.min_samples_leaf,
        "lambda_l2": setting.l2,
        "num_threads": setting.threads,
        "seed": setting.seed,
        "verbosity": -1,
        **MODES[mode],
    }
    if task.kind == "multiclass":
        params["num_class"] = task.n_classes
    return params


def fit(task, setting, mode):
    import lightgbm

    params = parameters(task, setting, mode)
    rounds = params.pop("num_iterations")
    data = lightgbm.Dataset(task.X, task.y, weight=task.weight, params=params)
    # keep_training_booster: or the whole model would be written to text and read back inside the timed fit
    return lightgbm.train(params, data, num_boost_round=rounds, keep_training_booster=True)


def predict(model, task, X, setting):
    return model.predict(X, num_threads=setting.threads)
