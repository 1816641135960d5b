"""Gradient boosting against LightGBM, XGBoost, CatBoost and scikit-learn: time, quality, memory, prediction.

Each set and number of leaves is measured in turns: in every turn each contestant (a library in one of its
modes) fits in a process of its own, on the training rows of that turn's seed. The first turn has all
contestants; later turns have those that can still be the fastest (`still_racing`). On the costly sets the
modes of a library are compared over a few rounds first, and only the fastest goes to the contest (`pilot`).
"""

import argparse
import itertools
import os
import platform
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

from benchmarks import boosting_tables, datasets, process, rivals
from benchmarks.records import Records
from benchmarks.setting import Setting

OUTPUT = process.ROOT / "build" / "bench"
LEAVES = (255, 31)
COSTLY = ("kddcup99", "mnist")
REPEATS = {"generated-10k": 5, "adult": 5, "kddcup99": 2, "mnist": 2}  # by cost; 3 for the others
PILOT_ROUNDS = 10
SCALING_SET = "generated-1m"  # fastml runs there on one thread, too
MUCH_SLOWER = 2.0  # times the fastest rival: not measured again
NEARLY_BEST = 1.15  # times the same library's best mode: measured again
QUICK = 5.0  # seconds: such fits are measured again, however slow they are
GIVE_UP = 4.0  # times the fastest rival so far (at least 60 s): stopped


@dataclass(frozen=True)
class Contestant:
    library: str
    mode: str
    threads: int

    @property
    def label(self):
        mode = "" if self.mode == "default" else f" {self.mode}"
        return f"{rivals.adapter(self.library).TITLE}{mode}, {self.threads} threads"


def contestants(libraries, set_name, threads):
    """All (library, mode) pairs, and fastml on one thread where the scaling is measured."""
    found = [Contestant(lib, mode, threads) for lib in libraries for mode in rivals.adapter(lib).MODES]
    if set_name == SCALING_SET and "fastml" in libraries and threads > 1:
        found.append(Contestant("fastml", "default", 1))
    return found


def still_racing(seconds):
    """Which of {contestant: seconds of the first turn, or None if it failed} are measured again.

    fastml, and whoever is QUICK or not MUCH_SLOWER than the fastest rival, if the mode is its library's best
    or NEARLY_BEST.
    """
    done = {c: s for c, s in seconds.items() if s is not None}
    best = {name: min(s for c, s in done.items() if c.library == name) for name in {c.library for c in done}}
    fastest_rival = min((s for name, s in best.items() if name != "fastml"), default=0.0)
    limit = max(QUICK, MUCH_SLOWER * fastest_rival)
    return [
        c for c, s in done.items() if c.library == "fastml" or s <= min(limit, NEARLY_BEST * best[c.library])
    ]


class Race:
    """The contest on one set with one number of leaves."""

    def __init__(self, records, options, set_name, leaves):
        self.records, self.options = records, options
        self.job = {"set": set_name, "leaves": leaves, "rounds": options.rounds, "rows": options.rows}
        self.repeats = options.repeat or REPEATS.get(set_name, 3)
        self.racing = []

    def turn(self, seed):
        """One fit of each contestant; seed 0 has all, later seeds have those that race on."""
        if seed == 0:
            libraries = [name for name in rivals.NAMES if rivals.version(name)]
            everyone = contestants(libraries, self.job["set"], self.options.threads)
            # LightGBM first: the others are stopped when they take many times as long
            everyone.sort(key=lambda c: (c.library != "lightgbm", c.library))
            if self.job["set"] in COSTLY and self.job["rounds"] > PILOT_ROUNDS:
                everyone = self.pilot(everyone)
            first = {c: self.measure(c, seed) for c in everyone}
            self.racing = still_racing({c: r.get("fit_seconds") for c, r in first.items() if r})
        else:
            shift = seed % max(1, len(self.racing))
            for contestant in self.racing[shift:] + self.racing[:shift]:
                self.measure(contestant, seed)

    def pilot(self, everyone):
        """Each library in the mode that is the fastest over PILOT_ROUNDS; none if all its modes failed."""
        chosen = []
        for library in dict.fromkeys(c.library for c in everyone):
            ways = [c for c in everyone if c.library == library]
            if len(ways) > 1:
                tried = {c: self.measure(c, 0, PILOT_ROUNDS) or {} for c in ways}
                done = {c: r["fit_seconds"] for c, r in tried.items() if "fit_seconds" in r}
                ways = [min(done, key=done.get)] if done else []
            chosen += ways
        return chosen

    def measure(self, contestant, seed, rounds=None):
        """The record of one fit, an earlier run's or new; None if there is none and --only excludes it."""
        c, options = contestant, self.options
        job = {**self.job, "rounds": rounds or self.job["rounds"]}
        key = {**vars(c), **job, "seed": seed}
        record = self.records.get(**key)
        current = rivals.version(c.library)
        if record and {"fit_seconds", "stopped_after"} & record.keys() and record["version"] == current:
            return record  # an earlier run's; what is to be measured again was forgotten before
        if c.library not in (options.only or [c.library]):
            return record
        task_file = datasets.stored(job["set"], seed, job["rows"], OUTPUT / "data")
        setting = Setting(leaves=job["leaves"], threads=c.threads, seed=seed, rounds=job["rounds"])
        order = {"library": c.library, "mode": c.mode, "task_file": str(task_file), "setting": vars(setting)}
        when = datetime.now().isoformat(timespec="seconds")
        outcome = process.measured("benchmarks.measure:main", order, c.threads, self.time_limit(job))
        record = {**key, "version": current, "when": when, **outcome}
        self.records.add(record)
        told = f"{record['fit_seconds']:9.3f} s" if "fit_seconds" in record else record["error"]
        where = f"{job['set']}, {job['leaves']} leaves, {job['rounds']} rounds, seed {seed}"
        print(f"{where}, {c.label}: {told}", file=sys.stderr, flush=True)
        return record

    def time_limit(self, job):
        """Seconds that a process may take, loading and scoring included."""
        found = self.records.select(**job, threads=self.options.threads)
        seconds = [r["fit_seconds"] for r in found if r["library"] != "fastml" and "fit_seconds" in r]
        return min(self.options.limit, max(60.0, GIVE_UP * min(seconds))) if seconds else self.options.limit


def machine():
    """Processor, cores and system in one line."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":")[1].strip() if names else model
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{model}, {os.cpu_count()} cores, {system}"


def parse(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run boosting", description=__doc__)
    parser.add_argument("--sets", nargs="+", choices=datasets.NAMES, default=datasets.NAMES, metavar="SET")
    parser.add_argument("--leaves", nargs="+", type=int, default=LEAVES)
    parser.add_argument(
        "--only", nargs="+", choices=rivals.NAMES, help="measure these again, keep the others' records"
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what was measured; measure what is missing"
    )
    parser.add_argument("--tables", action="store_true", help="only print the tables of what was measured")
    parser.add_argument(
        "--repeat", type=int, help="turns, one seed each (by default 2 to 5, by the cost of the set)"
    )
    parser.add_argument("--quick", action="store_true", help="the same as --repeat 1")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=100, help="trees (per class)")
    parser.add_argument("--rows", type=int, help="at most so many training rows, to try things out")
    parser.add_argument("--minutes", type=float, default=55.0, help="after these, no fit is measured again")
    parser.add_argument("--limit", type=float, default=300.0, help="most seconds for one measurement")
    parser.add_argument(
        "--output", type=Path, default=OUTPUT / "boosting.jsonl", help="where the records are kept"
    )
    options = parser.parse_args(arguments)
    options.repeat = 1 if options.quick else options.repeat
    return options


def concerns(record, options):
    """Whether a record belongs to what the options ask for."""
    return (
        record["set"] in options.sets
        and record["leaves"] in options.leaves
        and record["rounds"] in (options.rounds, PILOT_ROUNDS)
        and record["rows"] == options.rows
    )


def measure_all(records, options):
    """All sets have their first turn, then their second, and so on until the time is up."""
    start = perf_counter()
    if not options.resume:
        again = options.only or rivals.NAMES
        records.forget(lambda r: r["library"] in again and concerns(r, options))
    races = []
    for job in itertools.product(options.sets, options.leaves):
        race = Race(records, options, *job)
        try:
            race.turn(0)
            races.append(race)
        except FileNotFoundError as missing:
            print(f"{job[0]} left out: {missing}", file=sys.stderr)
    for seed in range(1, max((race.repeats for race in races), default=0)):
        for race in races:
            if seed < race.repeats and perf_counter() - start < 60 * options.minutes:
                race.turn(seed)


def main(arguments):
    options = parse(arguments)
    records = Records(options.output)
    start = perf_counter()
    if not options.tables:
        measure_all(records, options)
    setting = Setting(threads=options.threads, rounds=options.rounds)
    print(f"Machine: {machine()}. Every library: {setting.describe()}.")
    print(boosting_tables.versions({name: rivals.version(name) for name in rivals.NAMES}))
    chosen = [r for r in records.select() if concerns(r, options)]
    print(boosting_tables.report(chosen, options.rounds, options.threads))
    if not options.tables:
        print(f"\nThis run took {(perf_counter() - start) / 60:.0f} minutes.")
