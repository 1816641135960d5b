"""One measurement, in a process of its own; prints one JSON line.

Load the task, warm the library up (import, threads, a small fit and prediction), then time a fit from raw
arrays to the fitted model and read its peak of memory; then predict and score the held-out rows.
"""

import json
import pickle
import statistics
from pathlib import Path
from time import perf_counter

from benchmarks.memory import PeakMemory
from benchmarks.rivals import adapter
from benchmarks.scores import quality
from benchmarks.setting import Setting

TIMES = 5  # that a quick fit and a prediction are repeated in the process; the median counts
LONG = 2.0  # seconds in all, after which nothing is repeated


def median_time(work, times=(), result=None):
    """(median seconds, last result) of `work`, repeated while it is quick; `times`: what it took before."""
    times = list(times)
    while len(times) < TIMES and sum(times) < LONG:
        start = perf_counter()
        result = work()
        times.append(perf_counter() - start)
    return statistics.median(times), result


def measure(library, mode, task, setting):
    """Fit once and tell: seconds, peak bytes over the loaded data, seconds of prediction, quality."""
    rival = adapter(library)
    task = getattr(rival, "prepare", lambda same: same)(task)
    small = task.small()
    warm = rival.fit(small, Setting(**{**vars(setting), "rounds": 2}), mode)
    rival.predict(warm, small, small.X, setting)
    del warm, small

    memory = PeakMemory().start()
    start = perf_counter()
    model = rival.fit(task, setting, mode)
    first = perf_counter() - start
    peak_bytes = memory.growth()

    fit_seconds, model = median_time(lambda: rival.fit(task, setting, mode), [first], model)
    predict_seconds, predicted = median_time(lambda: rival.predict(model, task, task.X_test, setting))
    return {
        "fit_seconds": fit_seconds,
        "peak_bytes": peak_bytes,
        "predict_seconds": predict_seconds,
        "quality": quality(task, predicted),
        "shape": list(task.X.shape),
        "test_rows": len(task.y_test),
        "kind": task.kind,
    }


def main(order):
    """Measure what the JSON text `order` says."""
    order = json.loads(order)
    task = pickle.loads(Path(order["task_file"]).read_bytes())
    print(json.dumps(measure(order["library"], order["mode"], task, Setting(**order["setting"]))))
