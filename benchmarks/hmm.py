"""Hidden Markov models: iterations of EM from one start, on made and on real sequences.

Made sets: a chain that stays with probability 0.9, Gaussian states, 10 iterations from the same start. Real
sets of the directory that FASTML_DATA names: `japanese_vowels` (270 series of 7 to 29 frames) and `brown_pos`
(57,340 sentences of 1,161,192 words, 27,806 of them different), 50 states of symbols.
"""

import logging
import warnings

import numpy as np

from benchmarks import datasets
from benchmarks.dense_contest import Contestant, run

ITERATIONS = 10
AIM = "Aim: 20 times faster than hmmlearn's fastest mode. LL: log-likelihood before the last iteration."


def main(options):
    """Measure and print the table; `--help` tells the options."""
    run(__name__, options)


def generated(n_sequences, n_frames, covariance_type, k=8, d=8):
    """Sequences of a chain of Gaussian states, and a start near the truth."""
    rng = np.random.default_rng(0)
    means = 1.5 * rng.standard_normal((k, d))
    n = n_sequences * n_frames
    jump = rng.random(n) < 0.1 * k / (k - 1)
    drawn = rng.integers(0, k, n)
    last = np.maximum.accumulate(np.where(jump, np.arange(n), 0))
    X = means[drawn[last]] + rng.standard_normal((n, d))
    start = {
        "startprob_": np.full(k, 1 / k),
        "transmat_": np.full((k, k), 0.5 / k) + 0.5 * np.eye(k),
        "means_": means + 0.5 * rng.standard_normal((k, d)),
        "covars_": np.ones((k, d)) if covariance_type == "diag" else np.tile(np.eye(d), (k, 1, 1)),
    }
    return {
        "model": "GaussianHMM",
        "X": X,
        "lengths": np.full(n_sequences, n_frames),
        "options": {"n_components": k, "covariance_type": covariance_type, "n_iter": ITERATIONS},
        "start": start,
    }


def japanese_vowels():
    """270 series x 12, 5 diagonal states."""
    data = datasets._read("japanese_vowels.npz")
    X, k = data["train_X"].astype(np.float64), 5
    rng = np.random.default_rng(0)
    start = {
        "startprob_": np.full(k, 1 / k),
        "transmat_": np.full((k, k), 0.5 / k) + 0.5 * np.eye(k),
        "means_": X[rng.choice(len(X), k, replace=False)],
        "covars_": np.tile(X.var(axis=0), (k, 1)),
    }
    return {
        "model": "GaussianHMM",
        "X": X,
        "lengths": np.diff(data["train_ptr"]),
        "options": {"n_components": k, "covariance_type": "diag", "n_iter": ITERATIONS},
        "start": start,
    }


def brown():
    """Words of the Brown corpus, 50 states, 3 iterations."""
    data, k = datasets._read("brown_pos.npz"), 50
    words = data["words"].astype(np.int64)[:, None]
    rng = np.random.default_rng(0)
    start = {
        "startprob_": rng.dirichlet(np.full(k, 5.0)),
        "transmat_": rng.dirichlet(np.full(k, 5.0), size=k),
        "emissionprob_": rng.dirichlet(np.full(int(words.max()) + 1, 5.0), size=k),
    }
    return {
        "model": "CategoricalHMM",
        "X": words,
        "lengths": np.diff(data["sent_ptr"]),
        "options": {"n_components": k, "n_features": int(words.max()) + 1, "n_iter": 3},
        "start": start,
    }


SETS = {
    "diag, 100 x 1,000 frames, d=8, K=8": lambda: generated(100, 1000, "diag"),
    "full, 100 x 1,000 frames, d=8, K=8": lambda: generated(100, 1000, "full"),
    "diag, one sequence of 1,000,000 frames, d=8, K=8": lambda: generated(1, 1_000_000, "diag"),
    "japanese_vowels, diag, K=5": japanese_vowels,
    "brown_pos, symbols, K=50, 3 iterations": brown,
}


def quality(data, fitted):
    """The log-likelihood, and how many iterations there were."""
    return {"LL": fitted["log_prob"], "iterations": fitted["iterations"]}


def _fit(module, data, **more):
    options = {**data["options"], "init_params": "", "tol": -np.inf, **more}
    model = getattr(module, data["model"])(**options)
    for name, value in data["start"].items():
        setattr(model, name, np.array(value))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(data["X"], data["lengths"])
    return {"log_prob": float(model.monitor_.history[-1]), "iterations": float(model.monitor_.iter)}


def _ours(data, threads):
    from fastml import hmm

    return lambda: _fit(hmm, data, n_jobs=threads)


def _hmmlearn(implementation):
    def prepare(data, threads):
        from hmmlearn import hmm

        logging.getLogger("hmmlearn").setLevel(logging.ERROR)
        return lambda: _fit(hmm, data, implementation=implementation)

    return prepare


CONTESTANTS = [
    Contestant("fastml", _ours, package="fastml"),
    Contestant("hmmlearn, scaling", _hmmlearn("scaling"), package="hmmlearn"),
    Contestant("hmmlearn, log", _hmmlearn("log"), package="hmmlearn"),
]
