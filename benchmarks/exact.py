"""What exact splits of small nodes are worth: forests with and without them, beside scikit-learn's.

Quality is a mean over draws of the training rows and over several forests of each draw; times are CPU seconds
of one thread, the three modes in turns, the least of all fits.
"""

import argparse
import statistics
from time import process_time

from benchmarks import boosting, datasets
from benchmarks.boosting_tables import markdown
from benchmarks.scores import quality
from benchmarks.tree_contest import MEASURES, figure
from benchmarks.tree_libraries import FORESTS, LIBRARIES, as_numbers, predict

MODES = (False, "auto", True)
SETS = ("diamonds", "adult", "generated-10k")
HEADER = ["learner, data", "measure", *(f"exact={mode!r}" for mode in MODES), "scikit-learn"]
HEADER += ["'auto' minus scikit-learn", *(f"{mode!r}, CPU ms" for mode in MODES)]


def main(arguments):
    """Measure and print the table; `--help` tells the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run exact", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=datasets.TREE_NAMES, default=SETS, metavar="SET")
    parser.add_argument("--learners", nargs="+", choices=FORESTS, default=FORESTS)
    parser.add_argument("--draws", type=int, default=5, help="of the training rows")
    parser.add_argument("--forests", type=int, default=1, help="of each draw")
    parser.add_argument("--trees", type=int, default=50)
    options = parser.parse_args(arguments)
    forests = f"{options.draws} x {options.forests} forests of {options.trees} trees"
    print(f"Machine: {boosting.machine()}. {forests}.")
    jobs = [(learner, name) for name in options.sets for learner in options.learners]
    print(markdown(HEADER, [line(*job, options) for job in jobs]))


def line(learner, name, options):
    """Cells of a learner on a set."""
    found = {mode: [] for mode in (*MODES, "scikit-learn")}
    least = dict.fromkeys(MODES, float("inf"))
    for draw in range(options.draws):
        try:
            task = as_numbers(datasets.load(name, draw))
        except FileNotFoundError as missing:
            return [f"{learner}, {name}", f"left out: {missing}"]
        for seed in range(options.forests):
            for mode in found:
                own = mode in least
                library = LIBRARIES["fastml" if own else "sklearn"]
                model = library.estimator(learner, task.kind, options.trees, 1 if own else 2, seed)
                if own:
                    model.set_params(exact=mode)
                start = process_time()
                model.fit(task.X, task.y)
                if own:
                    least[mode] = min(least[mode], process_time() - start)
                told = quality(task, predict(model, task, task.X_test))
                found[mode].append(told[MEASURES[task.kind]])
    apart = [a - b for a, b in zip(found["auto"], found["scikit-learn"], strict=True)]
    error = statistics.stdev(apart) / len(apart) ** 0.5 if len(apart) > 1 else float("nan")
    cells = [f"{learner}, {name}", MEASURES[task.kind]]
    cells += [f"{statistics.fmean(values):.5g}" for values in found.values()]
    cells.append(f"{statistics.fmean(apart):+.2g} ± {error:.1g}")
    return cells + [figure(1e3 * seconds) for seconds in least.values()]
