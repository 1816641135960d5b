"""`python -m benchmarks.ladder.limit`: how many additions a tree takes, and how many cycles each.

On the generated million rows and one thread: rounds are timed, then the histograms of the last tree are
built again, node by node, from the rows that they had.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from benchmarks import datasets
from fastml._engine.tree.binning import BinMapper
from fastml._engine.tree.boosting import BoostingLoop
from fastml._engine.tree.forest import Forest
from fastml._engine.tree.grow import Grower
from fastml._engine.tree.histogram import HistogramLayout, histogram
from fastml._engine.tree.objective import make_objective

TABLES = 16, 32, 64  # KB
ROUNDS = 6  # the first sorts the rows


def machine():
    """Clock in GHz, and cycles of an addition to a random cell of each of the TABLES."""
    source = Path(__file__).with_name("adds.c")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "adds")
        subprocess.run([os.environ.get("CC", "cc"), "-std=gnu11", "-O3", source, "-o", program], check=True)
        found = subprocess.run([program, *map(str, TABLES)], check=True, capture_output=True, text=True)
    return [float(line) for line in found.stdout.split()]


def train(task, leaves):
    """Seconds of a round, the middle one after the first; the loop."""
    objective = make_objective("log_loss", 2)
    y = objective.check_y(task.y)
    binned = BinMapper(random_state=0).fit(task.X).transform(task.X)
    forest = Forest(1, objective.baseline(y))
    loop = BoostingLoop(
        forest=forest,
        binned=binned,
        grower=Grower(binned, max_leaf_nodes=leaves),
        objective=objective,
        y=y,
        weight=None,
        raw=np.repeat(forest.baseline[:, None], len(y), axis=1),
        seed=0,
        grower_seed=0,
        n_threads=1,
        constant_hessian=False,
        moved=lambda y, weight, raw: None,
    )
    seconds = []
    for _ in range(ROUNDS):
        start = perf_counter()
        loop.grow_round(0.1)
        seconds.append(perf_counter() - start)
    return float(np.median(seconds[1:])), loop


def counted_nodes(loop):
    """Rows of the nodes of the last tree that were counted: the root and the smaller child of each split."""
    tree = loop.forest.tree(loop.forest.n_trees - 1)
    rows = {int(node): loop.grower.leaf_rows(k) for k, node in enumerate(loop.grower.leaf_nodes)}
    counted = [None]  # the root: all rows
    for node in reversed(range(len(tree["left"]))):
        left, right = int(tree["left"][node]), int(tree["right"][node])
        if left >= 0:
            counted.append(min(rows[left], rows[right], key=len))
            rows[node] = np.sort(np.concatenate([rows.pop(left), rows.pop(right)]))
    return counted


def time_histograms(loop, counted):
    """Seconds of the histograms, less those of histograms of one row; the least of three."""
    gh = np.random.default_rng(0).integers(0, 2**32, loop.binned.n_rows, dtype=np.uint32) & 0xFFFF3FFF
    layout = HistogramLayout(loop.binned)

    def seconds(rows):
        own = gh if rows is None else gh[: len(rows)]
        found = []
        for _ in range(3):
            start = perf_counter()
            histogram(loop.binned, own, rows=rows, layout=layout)
            found.append(perf_counter() - start)
        return min(found)

    beside = seconds(np.zeros(1, dtype=np.uint32))
    return sum(max(0.0, seconds(rows) - beside) for rows in counted)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ladder.limit", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    clock, *cycles = machine()
    told = ", ".join(f"{c:.2f} in {size} KB" for c, size in zip(cycles, TABLES, strict=True))
    print(f"{clock:.2f} GHz; cycles of an addition to a random cell: {told}")
    task = datasets.generated("generated", options.rows, 0)
    print("| leaves | ms a round | rows counted | additions | ms of histograms | ns each | cycles each |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for leaves in (31, 255):
        seconds, loop = train(task, leaves)
        counted = counted_nodes(loop)
        n_rows = sum(options.rows if rows is None else len(rows) for rows in counted)
        adds = n_rows * loop.binned.n_features
        spent = time_histograms(loop, counted)
        each = spent / adds
        print(
            f"| {leaves} | {1e3 * seconds:.1f} | {n_rows / 1e6:.2f} million | {adds / 1e6:.0f} million "
            f"| {1e3 * spent:.1f} | {1e9 * each:.3f} | {each * clock * 1e9:.2f} |"
        )


if __name__ == "__main__":
    main()
