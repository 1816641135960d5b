"""Write the golden files of the current version of the format: ``python tests/io/golden/make.py``.

Run it once when FORMAT_VERSION grows and commit what it writes; files of older versions stay for ever. A file
that exists is not overwritten.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier as TheirForest

from fastml import cluster, decomposition, ensemble, hmm, mixture, tree
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.io import from_catboost, from_lightgbm, from_sklearn, from_xgboost
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


def answer(model, X):
    """What a model says of rows before a link, as far as it tells."""
    for method in ("predict_raw", "decision_function", "predict_proba", "transform", "predict"):
        if hasattr(model, method):
            return np.asarray(getattr(model, method)(X), dtype=np.float64)
    raise TypeError(f"{type(model).__name__} says nothing of rows")


def write(name, model, X):
    path = HERE / f"v{FORMAT_VERSION}_{name}.fastml"
    if path.exists():
        print(f"{path.name} exists and stays")
        return
    model.save(path)
    rows = [[None if cell != cell else cell for cell in row] for row in X.tolist()]
    expected = np.atleast_2d(answer(model, X).T).T
    content = {"X": rows, "raw": [[value.hex() for value in row] for row in expected.tolist()]}
    path.with_suffix(".json").write_text(
        json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def write_boosting():
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
    write("classifier", classifier, table(20, seed=1))
    regressor = GradientBoostingRegressor(**options, loss="absolute_error", early_stopping=True)
    regressor.fit(X, score.astype(float))
    write("regressor", regressor, table(20, seed=1))


def write_trees():
    X, T = table(60, seed=0), table(20, seed=1)
    number = np.nan_to_num(X[:, 0].astype(float)) + 2.0 * np.isin(X[:, 2], ["red", "blue"])
    label = np.array(["low", "middle", "high"])[np.digitize(number, [-0.5, 1.5])]
    options = {"categorical_features": [2], "random_state": 0}
    for name in ("DecisionTree", "ExtraTree"):
        write(
            f"{name}Classifier", getattr(tree, f"{name}Classifier")(max_depth=4, **options).fit(X, label), T
        )
        write(f"{name}Regressor", getattr(tree, f"{name}Regressor")(max_depth=4, **options).fit(X, number), T)
    for name in ("RandomForest", "ExtraTrees"):
        for kind, y in (("Classifier", label), ("Regressor", np.stack([number, -number], axis=1))):
            forest = getattr(ensemble, name + kind)(3, max_depth=4, bootstrap=True, **options)
            write(name + kind, forest.fit(X, y), T)
    members = tree.DecisionTreeClassifier(max_depth=2, categorical_features=[2])
    write(
        "AdaBoostClassifier",
        ensemble.AdaBoostClassifier(members, n_estimators=3, random_state=0).fit(X, label),
        T,
    )
    members = tree.DecisionTreeRegressor(max_depth=2, categorical_features=[2])
    write(
        "AdaBoostRegressor",
        ensemble.AdaBoostRegressor(members, n_estimators=3, random_state=0).fit(X, number),
        T,
    )


def write_clusters():
    rng = np.random.default_rng(0)
    X, T = rng.normal(size=(60, 3)), rng.normal(size=(10, 3))
    label, map_size = np.where(X[:, 0] > 0, "a", "b"), {"n_rows": 3, "n_columns": 2, "random_state": 0}
    write("KMeans", cluster.KMeans(3, n_init=1, random_state=0).fit(X), T)
    write("MiniBatchKMeans", cluster.MiniBatchKMeans(3, n_init=1, random_state=0).fit(X), T)
    write("SOM", cluster.SOM(**map_size).fit(X), T)
    write("SOMClassifier", cluster.SOMClassifier(**map_size).fit(X, label), T)
    write("SOMRegressor", cluster.SOMRegressor(**map_size).fit(X, X[:, 0]), T)
    write("GrowingSOM", cluster.GrowingSOM(random_state=0).fit(X), T)
    counts = rng.integers(0, 4, size=(30, 5)).astype(float)
    write(
        "LatentDirichletAllocation",
        decomposition.LatentDirichletAllocation(2, random_state=0).fit(counts),
        counts[:6],
    )
    for kind in ("full", "diag"):
        model = mixture.GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
        write(f"GaussianMixture_{kind}", model, T)
    write(
        "BayesianGaussianMixture", mixture.BayesianGaussianMixture(n_components=2, random_state=0).fit(X), T
    )
    chain = {"n_components": 2, "n_iter": 3, "random_state": 0}
    write("GaussianHMM", hmm.GaussianHMM(**chain).fit(X), T)
    write("GMMHMM", hmm.GMMHMM(n_mix=2, **chain).fit(X), T)
    write("PoissonHMM", hmm.PoissonHMM(**chain).fit(counts), counts[:6])
    symbols = counts[:, :1].astype(int)
    write("CategoricalHMM", hmm.CategoricalHMM(**chain).fit(symbols), symbols[:6])
    even = np.concatenate([counts, 20 - counts.sum(axis=1, keepdims=True)], axis=1).astype(int)
    write("MultinomialHMM", hmm.MultinomialHMM(**chain).fit(even), even[:6])


def write_foreign():
    """Models of other libraries, in each form in which they are kept."""
    T = np.load(HERE / "lightgbm_categories.npz")["X"][:20]
    write("TreeModel_classes", from_lightgbm(HERE / "lightgbm_zero_is_missing.txt"), T)
    write("TreeModel_categories", from_xgboost(HERE / "xgboost_categories.json"), T)
    write("TreeModel_symmetric", from_catboost(HERE / "catboost_classes.json"), T)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 5))
    label = np.array(["a", "b", "c"])[np.digitize(X[:, 0] + X[:, 1], [-1, 1])]
    write("TreeModel_shares", from_sklearn(TheirForest(3, max_depth=4, random_state=0).fit(X, label)), T)


def main():
    write_boosting()
    write_trees()
    write_clusters()
    write_foreign()


if __name__ == "__main__":
    main()
