"""Contests of clustering, mixtures and their like: same data, same start, seconds and quality side by side.

A benchmark is a module with

SETS : dict of str to function
    Name of a case, and what makes its data (any picklable object; the same every time). A dict gets the
    number of the turn as "turn", for libraries that draw their start: a seed.
CONTESTANTS : list of Contestant
quality : function (data, fitted) -> dict of str to float
    Measures of what `fit` returned. Not timed.
AIM : str
    What the contest is about, one line over the table.

Every contestant runs in a process of its own; in each of `--repeat` turns all of them run in a row, so
that a drift of the machine meets them all. A contestant is tried with each of its numbers of threads, and the
fastest counts.
"""

import argparse
import itertools
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import perf_counter

from benchmarks import boosting, process, rivals
from benchmarks.boosting_tables import MB, markdown
from benchmarks.measure import median_time
from benchmarks.memory import PeakMemory
from benchmarks.tree_contest import figure

QUICK = 20.0  # seconds of a fit that is measured again in later turns
SKIPPED = "skipped: "


class NotHere(Exception):
    """Raised by `prepare` where a contestant cannot take part in a case, with the reason."""


@dataclass(frozen=True)
class Contestant:
    """A library in one of its modes.

    Parameters
    ----------
    name : str
        As the table names it; the first of a benchmark is ours.
    prepare : function (data, threads) -> function () -> fitted
        Imports the library and makes ready what a user has before the clock starts (the raw array). What it
        returns is timed: from raw array to fitted model.
    threads : tuple of int
        Numbers of threads to try.
    package : str
        Distribution whose version is told.
    """

    name: str
    prepare: Callable
    threads: tuple = (2,)
    package: str = ""


def child(order):
    """Measure what the JSON text `order` says; prints one JSON line."""
    order = json.loads(order)
    bench = import_module(order["bench"])
    contestant = next(c for c in bench.CONTESTANTS if c.name == order["contestant"])
    data = bench.SETS[order["set"]]()
    if isinstance(data, dict):
        data["turn"] = order["turn"]
    try:
        fit = contestant.prepare(data, order["threads"])
    except (NotHere, ImportError) as reason:
        print(json.dumps({"error": f"{SKIPPED}{reason}"}))
        return
    memory = PeakMemory().start()
    start = perf_counter()
    fitted = fit()
    first = perf_counter() - start
    peak = memory.growth()
    seconds, fitted = median_time(fit, [first], fitted)
    told = {name: float(value) for name, value in bench.quality(data, fitted).items()}
    print(json.dumps({"seconds": seconds, "peak_bytes": peak, "quality": told}))


def parse(bench, arguments):
    """Options of the command line."""
    parser = argparse.ArgumentParser(description=bench.__doc__)
    names = [c.name for c in bench.CONTESTANTS]
    parser.add_argument("--sets", nargs="+", choices=[*bench.SETS], default=[*bench.SETS], metavar="SET")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--repeat", type=int, default=3, help="turns")
    parser.add_argument("--quick", action="store_true", help="one turn")
    parser.add_argument("--limit", type=float, default=300.0, help="most seconds for one process")
    parser.add_argument("--output", type=Path, help="file for the records, one JSON line each")
    options = parser.parse_args(arguments)
    options.repeat = 1 if options.quick else options.repeat
    return options


def run(name, arguments):
    """Measure and print the table of the benchmark module `name`."""
    bench = import_module(name)
    options = parse(bench, arguments)
    contestants = [c for c in bench.CONTESTANTS if c.name in options.only]
    start = perf_counter()
    records = [r for case in options.sets for r in turns(name, case, contestants, options)]
    print(f"Machine: {boosting.machine()}. Versions: {versions(contestants)}.\n\n{bench.AIM}\n")
    print(table(options.sets, contestants, records))
    print(f"\nThis run took {(perf_counter() - start) / 60:.0f} minutes.")


def turns(name, case, contestants, options):
    """Records of one case: what was quick or ended in the first turn is measured in the later ones, too."""
    records, over = [], set()
    entries = [(c.name, threads) for c in contestants for threads in c.threads]
    for turn, entry in itertools.product(range(options.repeat), entries):
        if entry in over:
            continue
        order = {"bench": name, "set": case, "contestant": entry[0], "threads": entry[1], "turn": turn}
        told = process.measured("benchmarks.dense_contest:child", order, entry[1], options.limit)
        if told.get("seconds", QUICK) >= QUICK:
            over.add(entry)
        records.append(order | told)
        if options.output:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            with options.output.open("a") as file:
                file.write(json.dumps(records[-1]) + "\n")
        seconds = f"{told['seconds']:9.3f} s" if "seconds" in told else told["error"]
        print(f"{case}, {entry[0]}, {entry[1]} threads: {seconds}", file=sys.stderr, flush=True)
    return records


def versions(contestants):
    """Names and versions of the packages in the contest."""
    from importlib.metadata import PackageNotFoundError, version

    told = {}
    for contestant in contestants:
        package = contestant.package or contestant.name.split()[0]
        try:
            told[package] = rivals.version(package) if package == "fastml" else version(package)
        except PackageNotFoundError:
            told[package] = "-"
    return ", ".join(f"{package} {number}" for package, number in told.items())


def best(records, case, contestant):
    """(threads, records) of the number of threads with the least median, or None."""
    by_threads = {}
    for r in records:
        if (r["set"], r["contestant"]) == (case, contestant) and "seconds" in r:
            by_threads.setdefault(r["threads"], []).append(r)
    runs = sorted(by_threads.items(), key=lambda item: statistics.median(r["seconds"] for r in item[1]))
    return runs[0] if runs else None


def table(cases, contestants, records):
    """One line for each case and contestant."""
    measures = list(dict.fromkeys(name for r in records for name in r.get("quality", {})))
    lines = []
    for case in cases:
        own = best(records, case, contestants[0].name)
        for contestant in contestants:
            found = best(records, case, contestant.name)
            if found:
                lines.append([case, contestant.name, *cells(*found, own, measures)])
                continue
            errors = [r["error"] for r in records if (r["set"], r["contestant"]) == (case, contestant.name)]
            if errors and not errors[-1].startswith(SKIPPED):
                lines.append([case, contestant.name, errors[-1], *"---", *("-" for _ in measures)])
    return markdown(["data", "library", "seconds", "threads", "/ ours", "peak, MB", *measures], lines)


def cells(threads, runs, own, measures):
    """Seconds, threads, ratio to ours, peak of memory: medians over the turns; measures: mean and spread."""

    def median(values):
        return statistics.median(values)

    seconds = median(r["seconds"] for r in runs)
    yield from (figure(seconds), str(threads))
    yield figure(seconds / median(r["seconds"] for r in own[1])) if own else "-"
    yield figure(median(r["peak_bytes"] for r in runs) / MB)
    for name in measures:
        told = [r["quality"][name] for r in runs if name in r["quality"]]
        spread = f" ± {statistics.stdev(told):.2g}" if len(set(told)) > 1 else ""
        yield f"{statistics.fmean(told):.6g}{spread}" if told else "-"
