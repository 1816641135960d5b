"""The main job from end to end: fit, cross-validate, save, load, draw, and compare with scikit-learn.

Run it with ``make demo``. Three data sets come with scikit-learn, one is generated. Both libraries get the
same rows, the same parameters and all cores, and each fits once before anything is timed. Model files and a
picture go to ``build/demo``.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # draw without a screen; must come before pyplot

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split

import fastml
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.plot import plot_importance, plot_learning_curve

OUTPUT = Path(__file__).resolve().parent.parent / "build" / "demo"
PARAMETERS = {
    "max_iter": 100,
    "max_leaf_nodes": 31,
    "learning_rate": 0.1,
    "early_stopping": False,
    "random_state": 0,
}


@dataclass
class DataSet:
    """Rows, and how a model of them is scored."""

    name: str
    X: object
    y: np.ndarray
    scoring: str
    folds: int = 0

    @property
    def is_classification(self):
        return self.scoring != "r2"

    def estimators(self):
        """Ours and scikit-learn's, unfitted, with the same parameters."""
        if self.is_classification:
            return GradientBoostingClassifier(**PARAMETERS), HistGradientBoostingClassifier(**PARAMETERS)
        return GradientBoostingRegressor(**PARAMETERS), HistGradientBoostingRegressor(**PARAMETERS)

    def split(self):
        """Training and test rows."""
        stratify = self.y if self.is_classification else None
        return train_test_split(self.X, self.y, random_state=0, stratify=stratify)


def data_sets():
    cancer, digits, diabetes = (
        load(as_frame=True) for load in (load_breast_cancer, load_digits, load_diabetes)
    )
    X, y = make_classification(
        200_000,
        28,
        n_informative=14,
        n_redundant=4,
        n_clusters_per_class=8,
        class_sep=0.7,
        flip_y=0.05,
        random_state=0,
    )
    return [
        DataSet("breast cancer", cancer.data, cancer.target, "roc_auc", folds=5),
        DataSet("digits (10 classes)", digits.data, digits.target, "accuracy", folds=3),
        DataSet("diabetes", diabetes.data, diabetes.target, "r2", folds=5),
        DataSet("generated", X.astype(np.float32), y, "roc_auc"),
    ]


def warm_up(data):
    """One small fit of each library, so that no import or start of threads is timed."""
    for estimator in data.estimators():
        estimator.set_params(max_iter=2).fit(data.X, data.y)


def fit_seconds(estimator, X, y):
    """Shortest of several fits: as many as go into about a second, at least two, at most five."""
    seconds = []
    while len(seconds) < 2 or (len(seconds) < 5 and sum(seconds) < 1.0):
        start = time.perf_counter()
        estimator.fit(X, y)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def fit_and_score(data):
    """Fit both libraries on the training rows, print a line of the table, return our model."""
    X_train, X_test, y_train, y_test = data.split()
    ours, theirs = data.estimators()
    seconds = [fit_seconds(model, X_train, y_train) for model in (ours, theirs)]
    scores = [get_scorer(data.scoring)(model, X_test, y_test) for model in (ours, theirs)]
    rows, columns = data.X.shape
    print(
        f"  {data.name:<20} {rows:>7,} x {columns:<2}  {seconds[0]:>8.3f} {seconds[1]:>12.3f} "
        f"{seconds[1] / seconds[0]:>7.1f}x   {data.scoring:<8} {scores[0]:>7.4f} {scores[1]:>12.4f}"
    )
    return ours


def cross_validate(data):
    """Cross-validate both libraries on the same folds and print a line of the table."""
    splitter = StratifiedKFold if data.is_classification else KFold
    folds = splitter(data.folds, shuffle=True, random_state=0)
    cells = []
    for estimator in data.estimators():
        start = time.perf_counter()
        scores = cross_val_score(estimator, data.X, data.y, cv=folds, scoring=data.scoring)
        cells.append((time.perf_counter() - start, f"{scores.mean():.4f} +- {scores.std():.4f}"))
    (our_seconds, our_scores), (their_seconds, their_scores) = cells
    print(
        f"  {data.name:<20} {data.folds:>6} folds  {our_seconds:>8.3f} {their_seconds:>12.3f} "
        f"{their_seconds / our_seconds:>7.1f}x   {data.scoring:<8} {our_scores:>17} {their_scores:>17}"
    )


def save_and_load(data, model):
    """Write a model file, read it back, and check that every prediction is the same to the bit."""
    path = OUTPUT / f"{data.name.split(' (')[0].replace(' ', '_')}.fastml"
    model.save(path)
    loaded = fastml.load(path)
    names = ["predict", "predict_proba"] if data.is_classification else ["predict"]
    for name in names:
        if not np.array_equal(getattr(model, name)(data.X), getattr(loaded, name)(data.X)):
            raise AssertionError(f"{path}: the loaded model's {name} differs")
    kibibytes = path.stat().st_size / 1024
    print(f"  {path.relative_to(OUTPUT.parent.parent)!s:<34} {kibibytes:>6,.0f} KiB, equal predictions")


def draw(data):
    """Importances and learning curve of a model with evaluation sets; write the PNG."""
    X_train, X_test, y_train, y_test = data.split()
    model = GradientBoostingClassifier(**PARAMETERS)
    model.fit(X_train, y_train, eval_set={"training": (X_train, y_train), "validation": (X_test, y_test)})
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5), layout="constrained")
    plot_importance(model, max_features=15, ax=left)
    best = 1 + int(np.argmin(model.evals_result_["validation"]["loss"]))
    plot_learning_curve(model, best_iteration=best, ax=right)
    figure.suptitle("Gradient boosting on the breast cancer data")
    path = OUTPUT / "importance_and_learning_curve.png"
    figure.savefig(path, dpi=120)
    plt.close(figure)
    print(f"  {path.relative_to(OUTPUT.parent.parent)}")


def main():
    start = time.perf_counter()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    fastml.show_config()
    sets = data_sets()
    warm_up(sets[0])

    settings = ", ".join(f"{name}={value}" for name, value in PARAMETERS.items())
    print(f"\nBoth libraries: {settings}\n")
    header = f"{'fastml':>8} {'scikit-learn':>12} {'faster':>8}   {'score':<8}"
    print("Fit on three quarters of the rows (seconds), score on the rest")
    print(f"  {'':<33}{header} {'fastml':>7} {'scikit-learn':>12}")
    models = [fit_and_score(data) for data in sets]
    print("\nCross-validation (seconds in all; mean and deviation over the folds)")
    print(f"  {'':<33}{header} {'fastml':>17} {'scikit-learn':>17}")
    for data in sets:
        if data.folds:
            cross_validate(data)
    print("\nSave, load and compare predictions")
    for data, model in zip(sets, models, strict=True):
        save_and_load(data, model)
    print("\nPicture")
    draw(sets[0])
    print(f"\nDone in {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
