"""One measurement of a forest, tree or AdaBoost, in a process of its own; prints one JSON line."""

import json
import pickle
from pathlib import Path
from time import perf_counter

from benchmarks.measure import median_time
from benchmarks.memory import PeakMemory
from benchmarks.scores import quality
from benchmarks.tree_libraries import LIBRARIES, as_numbers, predict


def measure(library, learner, task, n_trees, threads, seed):
    """Fit once (more often if that is quick) and tell what `benchmarks.measure.measure` tells, and bytes."""
    library, task = LIBRARIES[library], as_numbers(task)

    def new(n):
        return library.estimator(learner, task.kind, n, threads, seed)

    small = task.small()
    predict(new(2).fit(small.X, small.y), small, small.X)

    memory = PeakMemory().start()
    start = perf_counter()
    model = new(n_trees).fit(task.X, task.y)
    first = perf_counter() - start
    peak_bytes = memory.growth()
    fit_seconds, model = median_time(lambda: new(n_trees).fit(task.X, task.y), [first], model)
    predict_seconds, predicted = median_time(lambda: predict(model, task, task.X_test))
    return {
        "fit_seconds": fit_seconds,
        "peak_bytes": peak_bytes,
        "model_bytes": len(pickle.dumps(model, protocol=5)),
        "predict_seconds": predict_seconds,
        "quality": quality(task, predicted),
        "shape": list(task.X.shape),
        "kind": task.kind,
    }


def main(order):
    """Measure what the JSON text `order` says."""
    order = json.loads(order)
    task = pickle.loads(Path(order.pop("task_file")).read_bytes())
    print(json.dumps(measure(task=task, **order)))
