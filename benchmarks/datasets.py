"""The data sets: generated ones, and real ones from the directory that FASTML_DATA names.

The held-out rows of a set never change. Another seed gives other training rows: the generated sets are drawn
anew, the real sets leave out another random 5 %. Every library sees the same rows for the same seed, so that
the spread of a quality over seeds is the spread that the choice of training rows makes.
"""

import os
import pickle
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

HELD_OUT_SEED = 12345  # of the generated held-out rows and of random splits; never a training seed
LEFT_OUT = 0.05
FEATURES = 28


@dataclass(frozen=True)
class Task:
    """One learning problem, split.

    X and X_test are float32 arrays (n, d), or DataFrames whose categorical columns have the dtype "category".
    y is float64, classes are 0..n_classes-1. kind is "binary", "multiclass", "regression" or "poisson".
    weight and weight_test may be None.
    """

    name: str
    kind: str
    X: object
    y: np.ndarray
    X_test: object
    y_test: np.ndarray
    weight: np.ndarray | None = None
    weight_test: np.ndarray | None = None
    n_classes: int = 1

    @property
    def categorical(self):
        """Names of the categorical columns."""
        if isinstance(self.X, np.ndarray):
            return []
        return [c for c in self.X.columns if self.X[c].dtype == "category"]

    def training_rows(self, rows):
        """The task with only these training rows, in this order."""
        take = self.X[rows] if isinstance(self.X, np.ndarray) else self.X.iloc[rows].reset_index(drop=True)
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, X=take, y=self.y[rows], weight=weight)

    def small(self, n_rows=500):
        """About n_rows evenly spaced rows, with one of each class: enough to warm a library up."""
        spaced = np.linspace(0, len(self.y) - 1, min(n_rows, len(self.y))).astype(np.int64)
        if self.kind in ("binary", "multiclass"):
            spaced = np.union1d(spaced, np.unique(self.y, return_index=True)[1])
        return self.training_rows(spaced)


def _draw(n_rows, rng):
    """Normal features and a noisy logistic label of products, a sine, a square, a switch and plain sums."""
    X = rng.standard_normal((n_rows, FEATURES), dtype=np.float32)
    score = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) * X[:, 3] + 0.5 * X[:, 4] ** 2 - X[:, 5] * (X[:, 6] > 0)
    score += 0.3 * X[:, 7:15].sum(axis=1) + np.abs(X[:, 15]) * X[:, 16]
    return X, (score + rng.logistic(size=n_rows) > 0.5).astype(np.float64)


def generated(name, n_rows, seed):
    """n_rows x 28, binary, 11 of 28 columns pure noise; 100,000 held-out rows."""
    X, y = _draw(n_rows, np.random.default_rng(seed))
    X_test, y_test = _draw(100_000, np.random.default_rng(HELD_OUT_SEED))
    return Task(name, "binary", X, y, X_test, y_test, n_classes=2)


def _read(file):
    directory = os.environ.get("FASTML_DATA")
    if not directory:
        raise FileNotFoundError("FASTML_DATA is not set: it names the directory of the real data sets")
    path = Path(directory) / file
    if path.suffix == ".npz":
        return np.load(path)
    import pandas as pd

    return pd.read_parquet(path)


def _categories(frame, columns):
    return frame.astype({column: "category" for column in columns})


def _split(name, kind, X, y, test, weight=None, n_classes=1):
    """Cut a frame by the boolean mask `test`."""
    y = np.asarray(y, dtype=np.float64)
    part = [None, None] if weight is None else [weight[~test], weight[test]]
    X_train, X_test = (X[mask].reset_index(drop=True) for mask in (~test, test))
    return Task(name, kind, X_train, y[~test], X_test, y[test], *part, n_classes=n_classes)


def _fifth(n_rows):
    """A random fifth of the rows, always the same."""
    test = np.zeros(n_rows, dtype=bool)
    test[np.random.default_rng(HELD_OUT_SEED).permutation(n_rows)[: n_rows // 5]] = True
    return test


def _fremtpl2():
    frame = _read("fremtpl2.parquet")
    columns = "Area VehPower VehAge DrivAge BonusMalus VehBrand VehGas Density Region".split()
    return frame, _categories(frame[columns], ["Area", "VehBrand", "VehGas", "Region"])


def fremtpl2_claim():
    """Motor insurance: has the policy a claim? (5 % have one)"""
    frame, X = _fremtpl2()
    return _split("fremtpl2-claim", "binary", X, frame["ClaimNb"] > 0, _fifth(len(X)), n_classes=2)


def fremtpl2_poisson():
    """Motor insurance: claims a year, weighted by the years of exposure."""
    frame, X = _fremtpl2()
    exposure = frame["Exposure"].to_numpy(np.float64)
    return _split("fremtpl2-poisson", "poisson", X, frame["ClaimNb"] / exposure, _fifth(len(X)), exposure)


def beijing_air():
    """Hourly PM2.5 at 12 stations without PM10, which nearly tells it; learn 2013-2015, predict 2016 on."""
    frame = _read("beijing_air.parquet")
    frame = frame[frame["PM2.5"].notna()]
    X = _categories(frame.drop(columns=["PM2.5", "PM10", "year"]), ["wd", "station"])
    return _split("beijing_air", "regression", X, frame["PM2.5"], (frame["year"] >= 2016).to_numpy())


def kddcup99():
    """Network connections, 23 very unequal classes; every fifth row of a class is held out."""
    frame = _read("kddcup99_10pct.parquet")
    y = frame["target"].to_numpy()
    X = _categories(frame.drop(columns=["target"]), ["protocol_type", "service", "flag"])
    rng = np.random.default_rng(HELD_OUT_SEED)
    test = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        test[rng.permutation(np.flatnonzero(y == label))[4::5]] = True
    return _split("kddcup99", "multiclass", X, y, test, n_classes=23)


def mnist():
    """Handwritten digits; the standard split; pixels as float32."""
    z = _read("mnist.npz")
    X, X_test = (z[k].astype(np.float32) for k in ("X_train", "X_test"))
    y, y_test = (z[k].astype(np.float64) for k in ("y_train", "y_test"))
    return Task("mnist", "multiclass", X, y, X_test, y_test, n_classes=10)


def adult():
    """Census incomes; the standard split; missing values among the categories."""
    frame = _read("adult.parquet")
    X = frame.drop(columns=["income", "split"])
    X = _categories(X, [c for c in X.columns if not np.issubdtype(X[c].to_numpy().dtype, np.number)])
    test = (frame["split"] == "test").to_numpy()
    return _split("adult", "binary", X, frame["income"] == ">50K", test, n_classes=2)


def letter():
    """Letters as 16 features of their pictures; a random fifth is held out."""
    frame = _read("letter.parquet")
    return _codes("letter", frame.drop(columns=["target"]), frame["target"])


def fars():
    """Injuries in traffic accidents, 29 columns of codes; a random fifth is held out."""
    frame = _read("fars.parquet")
    return _codes("fars", frame.drop(columns=["target"]), frame["target"])


def _codes(name, X, target):
    labels, y = np.unique(target.to_numpy(), return_inverse=True)
    return _split(name, "multiclass", X, y, _fifth(len(X)), n_classes=labels.size)


def sgemm():
    """Logarithm of the mean time of a GPU kernel over a grid of its settings; a random fifth is held out."""
    frame = _read("sgemm.parquet")
    runs = [f"run{i}" for i in range(1, 5)]
    y = np.log(frame[runs].to_numpy(np.float64).mean(axis=1))
    return _split("sgemm", "regression", frame.drop(columns=runs), y, _fifth(len(frame)))


def diamonds():
    """Prices of diamonds, three columns of ordered categories; a random fifth is held out."""
    frame = _read("diamonds.parquet")
    X = _categories(frame.drop(columns=["price"]), ["cut", "color", "clarity"])
    return _split("diamonds", "regression", X, frame["price"], _fifth(len(X)))


GENERATED = {"generated-1m": 1_000_000, "generated-200k": 200_000, "generated-10k": 10_000}
REAL = {
    "fremtpl2-claim": fremtpl2_claim,
    "fremtpl2-poisson": fremtpl2_poisson,
    "beijing_air": beijing_air,
    "kddcup99": kddcup99,
    "mnist": mnist,
    "adult": adult,
    "letter": letter,
    "fars": fars,
    "sgemm": sgemm,
    "diamonds": diamonds,
}
NAMES = ["generated-1m", "generated-10k", "fremtpl2-claim", "fremtpl2-poisson", "beijing_air"]
NAMES += ["kddcup99", "mnist", "adult"]
"""Of the benchmark of gradient boosting."""
TREE_NAMES = ["generated-200k", "generated-10k", "letter", "mnist", "fars", "adult", "sgemm"]
TREE_NAMES += ["kddcup99", "diamonds"]
"""Of the benchmarks of forests and AdaBoost."""


def _leave_some_out(task, seed):
    """Leave out 5 % of the training rows, but none of a class that has fewer than 100."""
    keep = np.random.default_rng(seed).random(len(task.y)) >= LEFT_OUT
    if task.kind == "multiclass":
        labels, counts = np.unique(task.y, return_counts=True)
        keep |= np.isin(task.y, labels[counts < 100])
    return task.training_rows(np.flatnonzero(keep))


def load(name, seed, rows=None):
    """The task `name` with the training rows of `seed`; at most `rows` of them (for trying things out).

    Raises KeyError for an unknown name and FileNotFoundError if a real set is not there.
    """
    if name in GENERATED:
        return generated(name, min(GENERATED[name], rows or GENERATED[name]), seed)
    task = _leave_some_out(REAL[name](), seed)
    if rows and rows < len(task.y):
        some = np.random.default_rng(seed).permutation(len(task.y))[:rows]
        if task.kind == "multiclass":  # no class may vanish: a library must not see fewer than it was told
            some = np.union1d(some, np.unique(task.y, return_index=True)[1])
        task = task.training_rows(some)
    return task


def stored(name, seed, rows, directory):
    """Path of a file with the pickled task, written if it is missing: measuring processes load it quickly."""
    path = Path(directory) / f"{name}-seed{seed}{f'-{rows}rows' if rows else ''}.pickle"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_bytes(pickle.dumps(load(name, seed, rows), protocol=5))
        draft.rename(path)
    return path
