"""Write small models of LightGBM, XGBoost and CatBoost with their predictions: ``python
tests/io/golden/make_foreign.py``.

Run once where the libraries are; what it writes is committed, so that the tests run without them. A file that
exists is not overwritten.
"""

from pathlib import Path

import catboost
import lightgbm
import numpy as np
import xgboost

HERE = Path(__file__).parent


def table(n_rows, seed):
    """Numbers of many sizes, zeros, whole numbers and missing values."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, 5))
    X[:, 1] *= 1e6
    X[:, 2] = rng.integers(0, 14, n_rows)
    X[:, 3] = np.where(rng.random(n_rows) < 0.5, 0.0, X[:, 3])
    X[rng.random(X.shape) < 0.1] = np.nan
    return X


def save(name, **arrays):
    path = HERE / f"{name}.npz"
    if not path.exists():
        np.savez_compressed(path, **arrays)


def write_lightgbm(name, y, n_rounds, categorical=(), **parameters):
    X, T = table(400, 0), table(60, 1)
    T[:5] = np.array([0.0, 1e30, -1e30, np.inf, -np.inf])[:, None]
    data = lightgbm.Dataset(X, y(X), categorical_feature=list(categorical))
    options = {"num_leaves": 6, "min_data_in_leaf": 5, "verbose": -1, "num_threads": 1, "deterministic": True}
    booster = lightgbm.train(options | parameters, data, n_rounds)
    path = HERE / f"lightgbm_{name}.txt"
    if not path.exists():
        booster.save_model(path)
    booster = lightgbm.Booster(model_file=path)
    save(
        f"lightgbm_{name}", X=T, raw=booster.predict(T, raw_score=True), prediction=booster.predict(T),
        leaves=booster.predict(T, pred_leaf=True),
    )  # fmt: skip


def write_xgboost(name, y, n_rounds, form="json", categorical=(), **parameters):
    X, T = table(400, 0), table(60, 1)
    T[:3] = np.array([0.0, 1e30, -1e30])[:, None]
    T[:, 2] = np.abs(T[:, 2])
    types = ["c" if j in categorical else "q" for j in range(5)]
    given = {"feature_types": types, "enable_categorical": bool(categorical)}
    options = {"max_depth": 3, "min_child_weight": 0.1, "nthread": 1}
    booster = xgboost.train(options | parameters, xgboost.DMatrix(X, y(X), **given), n_rounds)
    path = HERE / f"xgboost_{name}.{form}"
    if not path.exists():
        booster.save_model(path)
    booster = xgboost.Booster(model_file=path)
    rows = xgboost.DMatrix(T, **given)
    save(
        f"xgboost_{name}", X=T, raw=booster.predict(rows, output_margin=True),
        prediction=booster.predict(rows), leaves=booster.predict(rows, pred_leaf=True).reshape(len(T), -1),
    )  # fmt: skip


def write_catboost(name, y, n_rounds, **parameters):
    X, T = table(400, 0), table(60, 1)
    T[:5] = np.array([0.0, 1e30, -1e30, np.inf, -np.inf])[:, None]
    options = {"depth": 3, "border_count": 16, "verbose": 0, "thread_count": 1, "allow_writing_files": False}
    model = catboost.CatBoost(options | parameters | {"iterations": n_rounds}).fit(X, y(X))
    path = HERE / f"catboost_{name}.json"
    if not path.exists():
        model.save_model(path, format="json")
    model = catboost.CatBoost().load_model(path, format="json")
    kind = "Probability" if parameters["loss_function"] in ("Logloss", "MultiClass") else "Exponent"
    kind = kind if parameters["loss_function"] != "MAE" else "RawFormulaVal"
    save(
        f"catboost_{name}", X=T, raw=model.predict(T), prediction=model.predict(T, prediction_type=kind),
        leaves=model.calc_leaf_indexes(T),
    )  # fmt: skip


def number(X):
    X = np.nan_to_num(X)
    return X[:, 0] + (X[:, 2] % 3 == 1) + 0.5 * X[:, 3] + 1e-6 * X[:, 1]


def by_category(X):
    return number(X) + 4.0 * (np.nan_to_num(X[:, 2]) % 3 == 1)


def label(X):
    return np.digitize(number(X), [-0.5, 0.7])


def main():
    write_lightgbm(
        "categories", by_category, 4, [2], objective="regression", min_data_per_group=1, cat_smooth=0
    )
    write_lightgbm("zero_is_missing", label, 3, objective="multiclass", num_class=3, zero_as_missing=True)
    write_lightgbm("poisson", lambda X: np.exp(0.3 * number(X)), 3, objective="poisson", use_missing=False)
    write_lightgbm("forest", lambda X: number(X) > 0, 4, objective="binary", boosting="rf", bagging_freq=1,
                   bagging_fraction=0.5)  # fmt: skip
    write_xgboost("categories", by_category, 3, categorical=[2], max_cat_to_onehot=1)
    write_xgboost("classes", label, 3, "ubj", objective="multi:softprob", num_class=3)
    write_xgboost(
        "dart", lambda X: number(X) > 0, 5, booster="dart", rate_drop=0.5, objective="binary:logistic"
    )
    write_xgboost("gamma", lambda X: np.exp(0.3 * number(X)), 3, "ubj", objective="reg:gamma", gamma=0.5,
                  tree_method="exact")  # fmt: skip
    write_catboost("classes", label, 3, loss_function="MultiClass", nan_mode="Max")
    write_catboost("poisson", lambda X: np.exp(0.3 * number(X)), 3, loss_function="Poisson")
    write_catboost("lossguide", number, 3, loss_function="MAE", grow_policy="Lossguide", max_leaves=6)


if __name__ == "__main__":
    main()
