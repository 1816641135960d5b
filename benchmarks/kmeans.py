"""k-means from one start for all: passes over generated rows, and real rows to convergence.

The generated sets make PASSES iterations (nobody may stop before); the real ones go on until no label
changes or MOST iterations are made. float32 throughout; the time is from the raw array to the fitted model.
At the end: GFLOP/s of the kernel beside the machine's sgemm and its peak of fused multiply-adds.
"""

import os
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import datasets, process
from benchmarks.dense_contest import Contestant, NotHere, run

PASSES = 20
MOST = 300
AIM = (
    "Aim: at least 2.5 times faster than the fastest other library at every shape. Inertia: computed alike "
    "for all, in float64."
)


def main(options):
    """Measure and print the table; `--help` tells the options."""
    run(__name__, options)
    if "--help" not in options:
        print(flops())


def generated(n, d, k):
    """Rows of one broad Gaussian: no library converges within the passes."""

    def make():
        rng = np.random.default_rng(0)
        X = rng.standard_normal((n, d), dtype=np.float32)
        return {
            "X": X,
            "start": X[rng.choice(n, k, replace=False)].copy(),
            "passes": PASSES,
            "converge": False,
        }

    return make


def real(read, k):
    """Rows of a file in the folder FASTML_DATA, to convergence."""

    def make():
        X = np.ascontiguousarray(read(), dtype=np.float32)
        start = np.unique(X, axis=0)
        start = start[np.random.default_rng(0).choice(len(start), k, replace=False)]
        return {"X": X, "start": start, "passes": MOST, "converge": True}

    return make


def skin():
    return datasets._read("skin.parquet").drop(columns=["label"]).to_numpy()


def birch(number):
    def read():
        with np.load(os.path.join(os.environ["FASTML_DATA"], "clustering_suite.npz")) as suite:
            return suite[f"sipu/birch{number}/X"]

    return read


SETS = {
    "500,000 x 32, k=64": generated(500_000, 32, 64),
    "1,000,000 x 8, k=16": generated(1_000_000, 8, 16),
    "100,000 x 128, k=256": generated(100_000, 128, 256),
}
if os.environ.get("FASTML_DATA"):
    SETS |= {
        "skin, k=20": real(skin, 20),
        "mnist, k=100": real(lambda: datasets.mnist().X, 100),
        "birch1, k=100": real(birch(1), 100),
        "birch2, k=100": real(birch(2), 100),
    }


def quality(data, fitted):
    """Inertia of the centres found, from differences in float64; iterations where the library tells them."""
    from fastml._engine.dense.nearest import accumulate

    centers, n_iter = fitted
    told = {"inertia": accumulate(data["X"], np.asarray(centers, dtype=np.float64)).inertia}
    return told | ({} if n_iter is None else {"iterations": n_iter})


def options_of(data):
    return {"init": data["start"], "n_init": 1, "max_iter": data["passes"], "tol": 0}


def prepare_fastml(data, threads):
    from fastml.cluster import KMeans

    def fit():
        model = KMeans(len(data["start"]), n_jobs=threads, **options_of(data)).fit(data["X"])
        return model.cluster_centers_, model.n_iter_

    return fit


def prepare_sklearn(algorithm, name="sklearn.cluster"):
    def prepare(data, threads):
        from importlib import import_module

        KMeans = import_module(name).KMeans

        def fit():
            model = KMeans(len(data["start"]), algorithm=algorithm, **options_of(data)).fit(data["X"])
            return model.cluster_centers_, model.n_iter_

        return fit

    return prepare


def prepare_faiss(data, threads):
    import faiss

    if data["converge"]:
        raise NotHere("faiss has no stopping rule")
    faiss.omp_set_num_threads(threads)
    k, d = data["start"].shape

    def fit():
        model = faiss.Kmeans(d, k, niter=data["passes"], max_points_per_centroid=len(data["X"]))
        model.train(data["X"], init_centroids=data["start"])
        return model.centroids, None

    return fit


CONTESTANTS = [
    Contestant("fastml", prepare_fastml),
    Contestant("scikit-learn lloyd", prepare_sklearn("lloyd")),
    Contestant("scikit-learn elkan", prepare_sklearn("elkan")),
    Contestant("scikit-learn-intelex", prepare_sklearn("lloyd", "sklearnex.cluster")),
    Contestant("faiss-cpu", prepare_faiss),
]


def seconds(function, rounds=7):
    """Least time of a call."""
    times = []
    for _ in range(rounds):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def peak():
    """GFLOP/s of one core in fused multiply-adds, by a loop of nothing else; None without a C compiler."""
    compiler = os.environ.get("CC", "cc").split()
    flags = ["-O3", "-march=native", "-ffp-contract=fast"]
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "peak")
        source = Path(__file__).with_name("fma_peak.c")
        try:
            subprocess.run([*compiler, *flags, str(source), "-o", program], check=True, capture_output=True)
            return float(subprocess.run([program], check=True, capture_output=True, text=True).stdout)
        except (OSError, subprocess.CalledProcessError):
            return None


def flops():
    """The kernel against matrix products of the same sizes and larger, and the peak, all on one thread.

    In a process of its own: a limit set while BLAS runs does not reach every copy of it that has been loaded.
    """
    return process.output("benchmarks.kmeans:print_flops", threads=1)


def print_flops():
    """What `flops` tells, measured in this process."""
    from threadpoolctl import threadpool_info

    from fastml._engine.dense.nearest import Rows

    rng = np.random.default_rng(0)
    A = rng.standard_normal((2048, 2048), dtype=np.float32)
    lines = []
    most = peak()
    lines += [] if most is None else [f"| peak of fused multiply-adds | {most:.0f} |"]
    lines.append(f"| sgemm 2048 x 2048 x 2048 | {2e-9 * 2048**3 / seconds(lambda: A @ A):.0f} |")
    for n, d, k in [(100_000, 128, 256), (100_000, 100, 2500), (60_000, 784, 100)]:
        X = rng.standard_normal((n, d), dtype=np.float32)
        C = X[:k].copy()
        rows = Rows(X, 1, False)
        work = 2e-9 * n * d * k
        ours = work / seconds(lambda rows=rows, C=C: rows.nearest(C, distances=False))
        fused = work / seconds(lambda rows=rows, C=C: rows.accumulate(C, errors=False))
        some = X[:20_000]
        gemm = work * len(some) / n / seconds(lambda some=some, C=C: some @ C.T)
        lines.append(f"| nearest of {k} to {n:,} x {d} | {ours:.0f} |")
        lines.append(f"| the same with sums by centroid | {fused:.0f} |")
        lines.append(f"| sgemm of these sizes, without finding the nearest | {gemm:.0f} |")
    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    told = {f"{b['internal_api']} {b['version']}, threads: {b['num_threads']}" for b in blas}
    print(f"\n| float32, one thread ({'; '.join(sorted(told))}) | GFLOP/s |\n|---|---|")
    print("\n".join(lines))
