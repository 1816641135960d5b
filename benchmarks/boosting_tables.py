"""The tables of the boosting benchmark in Markdown, from its records (see benchmarks/records.py)."""

import statistics
from dataclasses import dataclass

from benchmarks import datasets, rivals
from benchmarks.scores import HIGHER_IS_BETTER, MEASURES

PREDICTION_SET = "generated-1m"
MB = 1e6


@dataclass(frozen=True)
class Entry:
    """A library's best mode on one set and number of leaves: its records, one a seed."""

    library: str
    mode: str
    runs: list

    @property
    def seconds(self):
        return self.median("fit_seconds")

    def median(self, field):
        return statistics.median(r[field] for r in self.runs)

    def quality(self):
        """(mean, least, greatest) over the seeds of the main measure."""
        values = [r["quality"][MEASURES[r["kind"]]] for r in self.runs]
        return statistics.fmean(values), min(values), max(values)


def versions(found):
    """One line with the libraries' versions."""
    told = [f"{rivals.adapter(name).TITLE} {number or 'not installed'}" for name, number in found.items()]
    return "Versions: " + ", ".join(told) + "."


def modes(records, library):
    """Entries of all modes of one library, fastest first."""
    by_mode = {}
    for r in records:
        if r["library"] == library and "fit_seconds" in r:
            by_mode.setdefault(r["mode"], []).append(r)
    return sorted((Entry(library, mode, runs) for mode, runs in by_mode.items()), key=lambda e: e.seconds)


def best_entries(records):
    """{library: Entry of its fastest mode} of the records of one set and number of leaves."""
    return {name: found[0] for name in rivals.NAMES if (found := modes(records, name))}


def fastest_rival(entries):
    """The Entry of the fastest library but fastml; None if there is none."""
    others = [e for name, e in entries.items() if name != "fastml"]
    return min(others, key=lambda e: e.seconds, default=None)


def ratio(entries):
    """Seconds of the fastest rival over fastml's; None if one of them is missing."""
    rival = fastest_rival(entries)
    return rival.seconds / entries["fastml"].seconds if rival and "fastml" in entries else None


def verdict(entries):
    """Where fastml's mean quality lies to the fastest rival's range over seeds: inside, better or worse."""
    rival, own = fastest_rival(entries), entries.get("fastml")
    if rival is None or own is None:
        return "-"
    mean, (_, least, greatest) = own.quality()[0], rival.quality()
    if least <= mean <= greatest:
        return "inside"
    higher = mean > greatest
    return "better" if higher == (MEASURES[own.runs[0]["kind"]] in HIGHER_IS_BETTER) else "worse"


def markdown(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _figure(value):
    """Three significant digits without an exponent."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _seconds(entry, records, library, most_runs):
    if entry is None:
        return _failure([r for r in records if r["library"] == library])
    told = _figure(entry.seconds) if entry.seconds >= 0.1 else f"{entry.seconds:.3f}"
    notes = [entry.mode] if len(rivals.adapter(library).MODES) > 1 else []
    if len(entry.runs) < most_runs:
        notes.append("1 run" if len(entry.runs) == 1 else f"{len(entry.runs)} runs")
    return told + (f" ({', '.join(notes)})" if notes else "")


def _failure(records):
    if not records:
        return "-"
    stopped = [r["stopped_after"] for r in records if "stopped_after" in r]
    return f"stopped at {max(stopped):.0f}" if stopped else "failed"


def _quality(entry):
    if entry is None:
        return "-"
    mean, least, greatest = (f"{value:.4f}" for value in entry.quality())
    return mean if len(entry.runs) == 1 else f"{mean} [{least}, {greatest}]"


def _when(entries):
    """Time of the first and last measurement; two spans if fastml was measured apart from the rivals."""
    spans = []
    for own in (True, False):
        times = sorted(r["when"] for e in entries.values() if (e.library == "fastml") == own for r in e.runs)
        if times:
            spans.append((times[0][:16].replace("T", " "), times[-1][:16].replace("T", " ")))
    if len(spans) == 2 and spans[0][0] <= spans[1][1] and spans[1][0] <= spans[0][1]:
        spans = [(min(s[0] for s in spans), max(s[1] for s in spans))]
    told = [a if a == b else f"{a} to {b[11:] if b[:10] == a[:10] else b}" for a, b in spans]
    return told[0] if len(told) == 1 else f"fastml {told[0]}; rivals {told[1]}"


def report(records, rounds, threads):
    """All tables.

    Fits of `rounds` rounds on `threads` threads are compared; those on one thread show the scaling, those of
    fewer rounds how a library's mode was chosen.
    """
    groups, pilots = {}, {}
    for r in sorted(records, key=lambda r: (datasets.NAMES.index(r["set"]), -r["leaves"])):
        (groups if r["rounds"] == rounds else pilots).setdefault((r["set"], r["leaves"]), []).append(r)
    same_threads = {key: [r for r in rows if r["threads"] == threads] for key, rows in groups.items()}
    titles = [rivals.adapter(name).TITLE for name in rivals.NAMES]
    return "\n\n".join(
        [
            "Fit, seconds (median; a library's fastest mode)",
            _fit_table(same_threads, titles),
            "Quality on held-out rows (mean [least, greatest] over seeds)",
            _quality_table(same_threads, titles),
            "Peak memory of the fit over the loaded data, MB (median)",
            _memory_table(same_threads, titles),
            f"fastml on 1 and {threads} threads, seconds",
            _scaling_table(groups, threads),
            "Prediction of 100,000 held-out rows, milliseconds (median)",
            _prediction_table(same_threads, titles),
            "LightGBM and CatBoost in all their modes, seconds (median)",
            _modes_table(same_threads),
            *(["The same over fewer rounds, to choose the mode", _modes_table(pilots)] if pilots else []),
            *_failures([*groups.values(), *pilots.values()]),
        ]
    )


def _fit_table(groups, titles):
    rows = []
    for (name, leaves), records in groups.items():
        entries = best_entries(records)
        if not entries:
            continue
        most = max(len(e.runs) for e in entries.values())
        cells = [_seconds(entries.get(library), records, library, most) for library in rivals.NAMES]
        times = ratio(entries)
        rows.append([name, str(leaves), *cells, f"{times:.2f}" if times else "-", str(most), _when(entries)])
    return markdown(["data", "leaves", *titles, "best rival / fastml", "runs", "measured"], rows)


def _quality_table(groups, titles):
    rows = []
    for (name, leaves), records in groups.items():
        entries = best_entries(records)
        if entries:
            measure = MEASURES[next(iter(entries.values())).runs[0]["kind"]]
            cells = [_quality(entries.get(library)) for library in rivals.NAMES]
            rows.append([name, str(leaves), measure, *cells, verdict(entries)])
    return markdown(["data", "leaves", "measure", *titles, "fastml to the fastest rival's range"], rows)


def _memory_table(groups, titles):
    rows = []
    for (name, leaves), records in groups.items():
        entries = best_entries(records)
        if entries:
            n_rows, n_features = next(iter(entries.values())).runs[0]["shape"]
            aim = (2.5 * n_features + 60) * n_rows / MB
            cells = [
                _figure(e.median("peak_bytes") / MB) if e else "-" for e in map(entries.get, rivals.NAMES)
            ]
            rows.append([name, str(leaves), f"{n_rows} x {n_features}", *cells, _figure(aim)])
    return markdown(
        ["data", "leaves", "training rows x features", *titles, "2.5 x rows x features + 60 x rows"], rows
    )


def _scaling_table(groups, threads):
    rows = []
    for (name, leaves), records in groups.items():
        pair = [modes([r for r in records if r["threads"] == t], "fastml") for t in (1, threads)]
        if threads > 1 and all(pair):
            one, more = (entries[0].seconds for entries in pair)
            rows.append([name, str(leaves), _figure(one), _figure(more), f"{one / more:.2f}"])
    return markdown(["data", "leaves", "1 thread", f"{threads} threads", "times faster"], rows)


def _prediction_table(groups, titles):
    rows = []
    for (name, leaves), records in groups.items():
        entries = best_entries(records)
        if name == PREDICTION_SET and entries:
            cells = [
                _figure(1e3 * e.median("predict_seconds")) if e else "-"
                for e in map(entries.get, rivals.NAMES)
            ]
            rows.append([name, str(leaves), *cells])
    return markdown(["data", "leaves", *titles], rows)


def _modes_table(groups):
    ways = [(library, mode) for library in ("lightgbm", "catboost") for mode in rivals.adapter(library).MODES]
    rows = []
    for (name, leaves), records in groups.items():
        cells = []
        for library, mode in ways:
            tried = [r for r in records if (r["library"], r["mode"]) == (library, mode)]
            found = modes(tried, library)
            cells.append(_figure(found[0].seconds) if found else _failure(tried))
        rows.append([name, str(leaves), str(records[0]["rounds"]), *cells])
    titles = [f"{rivals.adapter(library).TITLE} {mode}" for library, mode in ways]
    return markdown(["data", "leaves", "rounds", *titles], rows)


def _failures(groups):
    """A paragraph that tells what failed or was stopped, or nothing."""
    told = set()
    for r in (r for records in groups for r in records if "error" in r):
        job = f"{r['set']}, {r['leaves']} leaves, {r['rounds']} rounds, {r['threads']} threads"
        told.add(f"- {job}, {rivals.adapter(r['library']).TITLE} {r['mode']}: {r['error']}")
    return ["Not finished:\n" + "\n".join(sorted(told))] if told else []
