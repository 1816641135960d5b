"""Boosting while other processes keep every core busy: seconds on one thread and on all.

``python -m benchmarks.busy_cores``; with ``GOMP_SPINCOUNT=300000`` before it, what GNU's OpenMP runtime does
when nobody tells it how long to wait (see fastml/_engine/runtime/wait.py).
"""

import multiprocessing
import os
from time import perf_counter

from benchmarks import datasets
from fastml.ensemble import GradientBoostingClassifier


def burn():
    """Never ends."""
    while True:
        pass


def median_seconds(task, n_jobs, times=5):
    """Of a fit of 100 trees with 31 leaves."""
    taken = []
    for _ in range(times):
        start = perf_counter()
        GradientBoostingClassifier(max_iter=100, n_jobs=n_jobs, early_stopping=False).fit(task.X, task.y)
        taken.append(perf_counter() - start)
    return sorted(taken)[times // 2]


def main():
    """Print a line for idle cores and one for busy ones."""
    cores = os.cpu_count()
    task = datasets.load("generated-10k", seed=0)
    print(f"GOMP_SPINCOUNT={os.environ.get('GOMP_SPINCOUNT', 'not set')}, {cores} cores, 10,000 x 28")
    for n_busy in (0, cores):
        others = [
            multiprocessing.get_context("spawn").Process(target=burn, daemon=True) for _ in range(n_busy)
        ]
        for process in others:
            process.start()
        told = ", ".join(f"{n} threads {median_seconds(task, n):.3f} s" for n in (1, cores))
        print(f"{n_busy} other processes: {told}")
        for process in others:
            process.kill()


if __name__ == "__main__":
    main()
