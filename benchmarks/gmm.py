"""Gaussian mixtures: EM from one start for so many iterations, and real data to convergence with all counted.

Generated sets: 20 iterations from the same means, unit weights and one variance. Real sets (of the directory
that FASTML_DATA names): `fit` with the defaults, k-means and all, until the bound changes by less than 1e-3;
`mnist` is its first 50 principal components.
"""

import warnings
from contextlib import nullcontext

import numpy as np

from benchmarks import datasets
from benchmarks.dense_contest import Contestant, run

ITERATIONS = 20
AIM = (
    "Aims: 20 times faster than scikit-learn for full covariances of 16 features and for diagonal ones, 12 "
    "times for 64 features, 10 times tied. LL: mean log-likelihood of the rows."
)


def main(options):
    """Measure and print the table; `--help` tells the options."""
    run(__name__, options)


def generated(n, d, k, covariance_type):
    """Rows of k overlapping components with a covariance each, and a start."""
    rng = np.random.default_rng(0)
    centres = 2 * rng.standard_normal((k, d))
    shapes = rng.standard_normal((k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    label = rng.integers(0, k, n)
    X = np.empty((n, d))
    for j in range(k):
        rows = label == j
        X[rows] = centres[j] + rng.standard_normal((int(rows.sum()), d)) @ shapes[j]
    one = 1 / X.var(axis=0).mean()
    precisions = {
        "full": np.repeat(one * np.eye(d)[None], k, axis=0),
        "tied": one * np.eye(d),
        "diag": np.full((k, d), one),
    }[covariance_type]
    start = {
        "weights_init": np.full(k, 1 / k),
        "means_init": X[rng.choice(n, k, replace=False)],
        "precisions_init": precisions,
        "tol": 0.0,
        "max_iter": ITERATIONS,
    }
    return {"X": X, "options": {"n_components": k, "covariance_type": covariance_type, **start}}


def skin():
    """245,057 colours x 3, 8 full components."""
    X = datasets._read("skin.parquet").drop(columns=["label"]).to_numpy(np.float64)
    return {"X": X, "options": {"n_components": 8, "random_state": 0, "max_iter": 200}}


def mnist():
    """60,000 digits x 50 principal components, 10 full components."""
    X = datasets._read("mnist.npz")["X_train"].astype(np.float64) / 255
    X -= X.mean(axis=0)
    _, vectors = np.linalg.eigh(X.T @ X)
    return {
        "X": np.ascontiguousarray(X @ vectors[:, :-51:-1]),
        "options": {"n_components": 10, "random_state": 0, "max_iter": 200},
    }


SETS = {
    "full, 200,000 x 16, k=16": lambda: generated(200_000, 16, 16, "full"),
    "diag, 500,000 x 16, k=16": lambda: generated(500_000, 16, 16, "diag"),
    "full, 50,000 x 64, k=10": lambda: generated(50_000, 64, 10, "full"),
    "tied, 200,000 x 16, k=16": lambda: generated(200_000, 16, 16, "tied"),
    "skin, full, k=8, to convergence": skin,
    "mnist, 50 components, full, k=10, to convergence": mnist,
}


def quality(data, fitted):
    """The last lower bound, and how many iterations there were."""
    return {"LL": fitted["bound"], "iterations": fitted["iterations"]}


def _fit(model, X, limits):
    with warnings.catch_warnings(), limits:
        warnings.simplefilter("ignore")
        model.fit(X)
    return {"bound": float(model.lower_bound_), "iterations": model.n_iter_}


def ours(dtype):
    """fastml on rows of this dtype; a conversion counts."""

    def prepare(data, threads):
        from fastml.mixture import GaussianMixture

        def fit():
            X = data["X"].astype(dtype, copy=False)
            return _fit(GaussianMixture(**data["options"], n_jobs=threads), X, nullcontext())

        return fit

    return prepare


def scikit_learn(data, threads):
    """scikit-learn; its BLAS has so many threads."""
    from sklearn.mixture import GaussianMixture
    from threadpoolctl import threadpool_limits

    return lambda: _fit(GaussianMixture(**data["options"]), data["X"], threadpool_limits(threads))


CONTESTANTS = [
    Contestant("fastml", ours(np.float64), threads=(2,), package="fastml"),
    Contestant("fastml, float32", ours(np.float32), threads=(2,), package="fastml"),
    Contestant("scikit-learn", scikit_learn, threads=(1, 2), package="scikit-learn"),
]
