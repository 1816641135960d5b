"""The libraries that have forests, trees and AdaBoost, all behind scikit-learn's interface.

A mode is a number of threads: the fastest one counts. All get the same rows: arrays of float32, categories as
numbers in alphabetical order, a missing category as -1 (see `as_numbers`).
"""

from dataclasses import dataclass, replace
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from importlib.util import find_spec

import numpy as np

CLASSES = {  # learner: (module below the library, class, parameters)
    "random forest": ("ensemble", "RandomForest", {}),
    "extra trees": ("ensemble", "ExtraTrees", {}),
    "tree": ("tree", "DecisionTree", {}),
    "stumps": ("ensemble", "AdaBoost", {"max_depth": 1}),
    "depth 3": ("ensemble", "AdaBoost", {"max_depth": 3}),
}
FORESTS = ("random forest", "extra trees")


@dataclass(frozen=True)
class Library:
    """A library: its package, how tables call it, its distribution, what it has, what takes `n_jobs`."""

    name: str
    title: str
    distribution: str
    learners: tuple
    threaded: tuple

    def version(self):
        """Of the installed library, or None."""
        if self.name == "fastml":
            return getattr(import_module("fastml"), "__version__", None) if find_spec("fastml") else None
        try:
            return installed_version(self.distribution)
        except PackageNotFoundError:
            return None

    def threads(self, learner, most):
        """Numbers of threads to try."""
        return sorted({1, most}, reverse=True) if learner in self.threaded else [1]

    def estimator(self, learner, kind, n_trees, threads, seed):
        """The unfitted estimator."""
        module, name, depth = CLASSES[learner]
        name += "Regressor" if kind == "regression" else "Classifier"
        cls = getattr(import_module(f"{self.name}.{module}"), name)
        parameters = {"random_state": seed}
        if learner in self.threaded:
            parameters["n_jobs"] = threads
        if learner != "tree":
            parameters["n_estimators"] = n_trees
        if depth:
            tree = getattr(import_module(f"{self.name}.tree"), name.replace("AdaBoost", "DecisionTree"))
            parameters["estimator"] = tree(**depth)
        return cls(**parameters)


LIBRARIES = {
    library.name: library
    for library in (
        Library("fastml", "fastml", "fastml", tuple(CLASSES), tuple(CLASSES)),
        Library("sklearnex", "scikit-learn-intelex", "scikit-learn-intelex", FORESTS, FORESTS),
        Library("sklearn", "scikit-learn", "scikit-learn", tuple(CLASSES), FORESTS),
    )
}


def as_numbers(task):
    """The task with arrays of float32 for data frames."""
    if not task.categorical and isinstance(task.X, np.ndarray):
        return task
    columns = {c: sorted(task.X[c].dropna().unique()) for c in task.categorical}
    return replace(task, X=_numbers(task.X, columns), X_test=_numbers(task.X_test, columns))


def _numbers(frame, columns):
    from pandas import Categorical

    out = np.empty(frame.shape, dtype=np.float32)
    for j, name in enumerate(frame.columns):
        out[:, j] = Categorical(frame[name], columns[name]).codes if name in columns else frame[name]
    return out


def predict(model, task, X):
    """Scores as `benchmarks.scores.quality` takes them."""
    if task.kind == "regression":
        return model.predict(X)
    shares = model.predict_proba(X)
    return shares[:, 1] if task.kind == "binary" else shares
