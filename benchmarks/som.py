"""Self-organising maps: batch epochs and online steps, from one start and by one schedule for all.

Batch training makes EPOCHS passes on a rectangular planar map, Gaussian neighbourhood, radius from half the
shorter side to 1; online training takes each row once, learning rate from 0.5 to 0.01. All begin from the
same codebook, drawn from the rows (SuSi can be given none and draws its own).
"""

import os

import numpy as np

from benchmarks import datasets
from benchmarks.dense_contest import Contestant, NotHere, run

EPOCHS = 10
AIM = (
    "Aims: batch epochs 8 times faster than XPySom on 25 x 15 and 20 times on 50 x 50, online training 20 "
    "times faster than MiniSom. QE: mean distance to the winner; TE: share of rows whose best two nodes do "
    "not touch."
)


def main(options):
    """Measure and print the table; `--help` tells the options."""
    run(__name__, options)


def blobs(n, d, n_blobs, seed=0):
    """n rows of a mixture of Gaussians whose centres lie on a curved sheet."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-1, 1, size=(n_blobs, 2)) @ rng.standard_normal((2, d))
    centres = place + 0.5 * np.sin(2 * place)
    rows = centres[rng.integers(0, n_blobs, n)] + 0.3 * rng.standard_normal((n, d))
    return rows.astype(np.float32)


def case(X, n_rows, n_columns, training="batch"):
    """A case, with the codebook that everyone starts from."""
    chosen = np.random.default_rng(1).choice(len(X), n_rows * n_columns, replace=False)
    return {"X": X, "shape": (n_rows, n_columns), "start": X[chosen].copy(), "training": training}


def colours():
    """1,000,000 colours: those of skin and background (FASTML_DATA), each several times and with noise."""
    if os.environ.get("FASTML_DATA"):
        frame = datasets._read("skin.parquet")
        seen = frame.drop(columns=["label"]).to_numpy(np.float32)
    else:
        seen = 60 * blobs(250_000, 3, 40) + 128
    rng = np.random.default_rng(0)
    X = seen[rng.integers(0, len(seen), 1_000_000)] + rng.standard_normal((1_000_000, 3), dtype=np.float32)
    return np.ascontiguousarray(np.clip(X, 0, 255) / 255)


SETS = {
    "batch, 16,000 x 300 on 25 x 15": lambda: case(blobs(16_000, 300, 60), 25, 15),
    "batch, 100,000 x 100 on 50 x 50": lambda: case(blobs(100_000, 100, 200), 50, 50),
    "batch, mnist 60,000 x 784 on 30 x 30": lambda: case(datasets.mnist().X / 255, 30, 30),
    "batch, colours 1,000,000 x 3 on 40 x 40": lambda: case(colours(), 40, 40),
    "online, 16,000 x 300 on 25 x 15": lambda: case(blobs(16_000, 300, 60), 25, 15, "online"),
    "online, 100,000 x 100 on 50 x 50": lambda: case(blobs(100_000, 100, 200), 50, 50, "online"),
    "online, colours 1,000,000 x 3 on 40 x 40": lambda: case(colours(), 40, 40, "online"),
}


def radius(data):
    """The first one."""
    return min(data["shape"]) / 2


def quality(data, codebook):
    """Quantisation and topographic error, computed alike for all."""
    from fastml.cluster import SOM

    rows, columns = data["shape"]
    ours = SOM(rows, columns, init=codebook, max_iter=1).fit(data["X"][:100])
    ours.codebook_ = np.ascontiguousarray(codebook, dtype=np.float32)
    return {"QE": ours.quantization_error(data["X"]), "TE": ours.topographic_error(data["X"])}


def prepare_fastml(data, threads):
    from fastml.cluster import SOM

    def shrunk(progress):
        """As XPySom and MiniSom count: the last epoch is not yet at the end."""
        return radius(data) * (1 / radius(data)) ** (progress * (EPOCHS - 1) / EPOCHS)

    def fit():
        som = SOM(
            *data["shape"],
            training=data["training"],
            init=data["start"],
            max_iter=EPOCHS if data["training"] == "batch" else 1,
            radius_schedule=shrunk if data["training"] == "batch" else "exponential",
            radius=radius(data),
            tol=0,
            n_iter_no_change=EPOCHS + 1,
            random_state=0,
            n_jobs=threads,
        )
        return som.fit(data["X"]).codebook_

    return fit


def prepare_xpysom(data, threads):
    from xpysom import XPySom

    if data["training"] != "batch":
        raise NotHere("trains by batches only")
    rows, columns = data["shape"]

    def fit():
        som = XPySom(
            rows,
            columns,
            data["X"].shape[1],
            sigma=radius(data),
            sigmaN=1,
            std_coeff=1.0,  # its sigma is else twice ours
            decay_function="exponential",
            learning_rate=1,
            learning_rateN=1,
            random_seed=0,
            activation_distance="euclidean",
        )
        som._weights = data["start"].reshape(rows, columns, -1).copy()
        som.train(data["X"], EPOCHS)
        return np.asarray(som._weights).reshape(rows * columns, -1)

    return fit


def prepare_minisom(data, threads):
    from minisom import MiniSom

    rows, columns = data["shape"]
    X = data["X"]
    steps = len(X) * (EPOCHS if data["training"] == "batch" else 1)
    if steps * rows * columns * X.shape[1] > 3e10:
        raise NotHere("would take more than half an hour")

    def fit():
        som = MiniSom(
            rows,
            columns,
            X.shape[1],
            sigma=radius(data),
            learning_rate=0.5 if data["training"] == "online" else 1.0,
            decay_function="linear_decay_to_zero"
            if data["training"] == "online"
            else lambda rate, t, n: rate,
            sigma_decay_function="linear_decay_to_one",
            random_seed=0,
        )
        som._weights = data["start"].reshape(rows, columns, -1).astype(np.float64)
        if data["training"] == "online":
            som.train(X, len(X), random_order=True)
        else:
            som.train_batch_offline(X, EPOCHS)
        return som.get_weights().reshape(rows * columns, -1)

    return fit


def prepare_susi(data, threads):
    from susi import SOMClustering

    rows, columns = data["shape"]
    X = data["X"]
    if data["training"] == "batch":
        raise NotHere("its batch mode keeps an array of rows x nodes x features")
    if len(X) * rows * columns * X.shape[1] > 3e10:
        raise NotHere("would take more than half an hour")

    def fit():
        som = SOMClustering(
            rows,
            columns,
            n_iter_unsupervised=len(X),
            train_mode_unsupervised="online",
            init_mode_unsupervised="random_data",
            learning_rate_end=0.01,
            random_state=0,
            n_jobs=threads,
        )
        som.fit(X)
        return np.asarray(som.unsuper_som_).reshape(rows * columns, -1)

    return fit


CONTESTANTS = [
    Contestant("fastml", prepare_fastml, threads=(2,), package="fastml"),
    Contestant("XPySom", prepare_xpysom, threads=(1, 2), package="XPySom"),
    Contestant("MiniSom", prepare_minisom, threads=(1,), package="minisom"),
    Contestant("SuSi", prepare_susi, threads=(1,), package="susi"),
]
