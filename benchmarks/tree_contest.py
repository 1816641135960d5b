"""A learner of trees against scikit-learn and scikit-learn-intelex: time, quality, memory.

Every fit is made in a process of its own, on the training rows of its seed. The first seed has all libraries,
on all threads and on one; later seeds have the better of the two, and only those that were QUICK.
"""

import argparse
import json
import statistics
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from benchmarks import boosting, datasets, process
from benchmarks.boosting_tables import MB, markdown
from benchmarks.tree_libraries import LIBRARIES

QUICK = 25.0  # seconds of a fit that is made for every seed
ONE_THREAD = 5.0  # seconds of a fit that is tried on one thread, too
QUICK_SETS = ("generated-10k", "letter", "adult", "diamonds")
MEASURES = {"binary": "AUC", "multiclass": "accuracy", "regression": "RMSE"}


@dataclass(frozen=True)
class Job:
    """A learner on a set."""

    learner: str
    set: str


class Contest:
    """All jobs of one benchmark.

    Parameters
    ----------
    name : str
    learners : dict of str to str
        Name of the learner, and its aim in words.
    n_trees : int
    """

    def __init__(self, name, learners, n_trees):
        self.name = name
        self.learners = learners
        self.n_trees = n_trees

    def main(self, arguments):
        """Measure and print the tables."""
        self.options = options = self.parse(arguments)
        self.records = {}
        self.start = start = perf_counter()
        if options.output.exists() and (options.resume or options.tables):
            for line in options.output.read_text().splitlines():
                self._keep(json.loads(line))
        elif not options.tables:
            options.output.parent.mkdir(parents=True, exist_ok=True)
            options.output.write_text("")
        jobs = [Job(learner, name) for learner in options.learners for name in options.sets]
        if not options.tables:
            for seed in range(options.seeds):
                for job in jobs:
                    self.turn(job, seed)
        print(f"Machine: {boosting.machine()}. {self.n_trees} trees, at most {options.threads} threads.")
        versions = [f"{library.title} {library.version() or '-'}" for library in LIBRARIES.values()]
        print(f"Versions: {', '.join(versions)}.")
        print(self.report(jobs))
        if not options.tables:
            print(f"\nThis run took {(perf_counter() - start) / 60:.0f} minutes.")

    def parse(self, arguments):
        """Options of the command line."""
        names = datasets.TREE_NAMES
        parser = argparse.ArgumentParser(prog=f"python -m benchmarks.run {self.name}", description=__doc__)
        parser.add_argument("--sets", nargs="+", choices=names, metavar="SET")
        parser.add_argument("--learners", nargs="+", choices=[*self.learners], default=[*self.learners])
        parser.add_argument("--only", nargs="+", choices=[*LIBRARIES], help="measure only these libraries")
        parser.add_argument("--resume", action="store_true", help="keep what was measured, by any version")
        parser.add_argument(
            "--tables", action="store_true", help="only print the tables of what was measured"
        )
        parser.add_argument("--seeds", type=int, default=5)
        parser.add_argument(
            "--quick", action="store_true", help="one seed, small sets, at most 40 s a fit: within 10 minutes"
        )
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--trees", type=int, default=self.n_trees)
        parser.add_argument("--rows", type=int, help="at most so many training rows, to try things out")
        parser.add_argument("--minutes", type=float, default=55.0, help="after these, nothing is begun")
        parser.add_argument("--limit", type=float, default=300.0, help="most seconds for one measurement")
        parser.add_argument(
            "--output", type=Path, default=boosting.OUTPUT / f"{self.name}.jsonl", help="for the records"
        )
        options = parser.parse_args(arguments)
        options.sets = options.sets or list(QUICK_SETS if options.quick else names)
        if options.quick:
            options.seeds, options.limit = 1, min(options.limit, 40.0)
            options.minutes = min(options.minutes, 8.0)
        self.n_trees = options.trees
        return options

    # -- measuring

    def turn(self, job, seed):
        """All libraries on one job and seed."""
        for library in LIBRARIES.values():
            if not library.version() or job.learner not in library.learners:
                continue
            if self.options.only and library.name not in self.options.only:
                continue
            for threads in self.ways(job, library, seed):
                self.measure(job, library, threads, seed)

    def ways(self, job, library, seed):
        """Numbers of threads to measure: one after the other, as the first decides about the next."""
        tried = library.threads(job.learner, self.options.threads)
        if seed:
            best = self.best(job, library.name)
            if best and (library.name == "fastml" or best[0]["fit_seconds"] < QUICK):
                yield best[0]["threads"]
            return
        for threads in tried:
            done = self.best(job, library.name)
            if not done or done[0]["fit_seconds"] < ONE_THREAD:
                yield threads

    def measure(self, job, library, threads, seed):
        """Measure, print and keep one record."""
        options = self.options
        key = (job.learner, job.set, library.name, threads, seed, options.rows, options.trees)
        late = perf_counter() - self.start > 60 * options.minutes
        if late or "fit_seconds" in self.records.get(key, {}):
            return
        try:
            task_file = datasets.stored(job.set, seed, options.rows, boosting.OUTPUT / "data")
        except FileNotFoundError as missing:
            print(f"{job.set} left out: {missing}", file=sys.stderr)
            return
        order = {"library": library.name, "learner": job.learner, "task_file": str(task_file)}
        order |= {"n_trees": options.trees, "threads": threads, "seed": seed}
        outcome = process.measured("benchmarks.tree_measure:main", order, threads, options.limit)
        record = dict(zip(KEY, key, strict=True)) | {"version": library.version(), **outcome}
        record["when"] = datetime.now().isoformat(timespec="seconds")
        self._keep(record)
        with options.output.open("a") as file:
            file.write(json.dumps(record) + "\n")
        told = f"{record['fit_seconds']:9.3f} s" if "fit_seconds" in record else record["error"]
        where = f"{job.learner}, {job.set}, seed {seed}"
        print(f"{where}, {library.title}, {threads} threads: {told}", file=sys.stderr, flush=True)

    def _keep(self, record):
        self.records[tuple(record[name] for name in KEY)] = record

    # -- tables

    def of(self, job, library):
        """Records of a library on a job, failed ones too."""
        options = self.options
        return [
            r
            for r in self.records.values()
            if (r["learner"], r["set"], r["library"]) == (job.learner, job.set, library)
            and (r["rows"], r["trees"]) == (options.rows, options.trees)
        ]

    def best(self, job, library):
        """Records with the number of threads that is the fastest, one a seed; empty if none ended."""
        by_threads = {}
        for r in self.of(job, library):
            if "fit_seconds" in r:
                by_threads.setdefault(r["threads"], []).append(r)
        return min(by_threads.values(), key=lambda runs: median(runs, "fit_seconds"), default=[])

    def report(self, jobs):
        """All tables in Markdown."""
        parts = []
        for learner, aim in self.learners.items():
            own = [job for job in jobs if job.learner == learner]
            if own:
                parts += [f"{learner}: {aim}", self.table(own)]
        failed = sorted(
            f"- {r['learner']}, {r['set']}, {LIBRARIES[r['library']].title}, {r['threads']} threads: "
            f"{r['error']}"
            for r in self.records.values()
            if "error" in r
        )
        return "\n\n".join(parts + (["Not finished:\n" + "\n".join(failed)] if failed else []))

    def table(self, jobs):
        """One line for each set."""
        learner = jobs[0].learner
        names = [name for name, library in LIBRARIES.items() if learner in library.learners]
        rivals = [name for name in names if name != "fastml"]
        titles = [LIBRARIES[name].title for name in names]
        header = ["data", *(f"{title}, s" for title in titles)]
        header += [f"{LIBRARIES[name].title} / fastml" for name in rivals]
        header += ["measure", *titles, "fastml to the fastest rival", "peak, MB", "model, MB", "predict, ms"]
        lines = []
        for job in jobs:
            runs = {name: self.best(job, name) for name in names}
            if not any(runs.values()):
                continue
            lines.append(self.line(job, runs, rivals))
        return markdown(header, lines)

    def line(self, job, runs, rivals):
        """Cells of a job."""
        own = runs["fastml"]
        cells = [job.set]
        for name, found in runs.items():
            cells.append(f"{figure(median(found, 'fit_seconds'))} ({len(found)})" if found else
                         self.stopped(job, name))  # fmt: skip
        for name in rivals:
            both = own and runs[name]
            ratio = median(runs[name], "fit_seconds") / median(own, "fit_seconds") if both else None
            cells.append(figure(ratio) if both else "-")
        kind = next(found for found in runs.values() if found)[0]["kind"]
        cells.append(MEASURES[kind])
        for found in runs.values():
            told = [r["quality"][MEASURES[kind]] for r in found]
            cells.append(f"{statistics.fmean(told):.4g}" if told else "-")
        ended = [name for name in rivals if runs[name]]
        fastest = min(ended, key=lambda name: median(runs[name], "fit_seconds"), default=None)
        cells.append(verdict(own, runs[fastest], kind) if own and fastest else "-")
        for field, unit in (("peak_bytes", MB), ("model_bytes", MB), ("predict_seconds", 1e-3)):
            cells.append(" / ".join(figure(median(f, field) / unit) if f else "-" for f in runs.values()))
        return cells

    def stopped(self, job, library):
        """What to show for a library that has not ended."""
        limits = [r["stopped_after"] for r in self.of(job, library) if "stopped_after" in r]
        return f"> {max(limits):.0f}" if limits else "-"


KEY = ("learner", "set", "library", "threads", "seed", "rows", "trees")


def median(runs, field):
    """Median of a field over records."""
    return statistics.median(r[field] for r in runs)


def figure(value):
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.3g}"


def verdict(own, rival, kind):
    """Whether the means over seeds are within two standard errors of their difference."""
    values = [[r["quality"][MEASURES[kind]] for r in runs] for runs in (own, rival)]
    if min(map(len, values)) < 2:
        return "one run"
    apart = statistics.fmean(values[0]) - statistics.fmean(values[1])
    error = sum(statistics.variance(v) / len(v) for v in values) ** 0.5
    if abs(apart) <= 2 * error:
        return "the same"
    return "better" if (apart > 0) == (kind != "regression") else "worse"
