"""The harness of the contests of clustering, mixtures and their like, on a benchmark of two ways to sum."""

import json
import sys

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are in the source tree only")

from benchmarks import dense_contest, process
from benchmarks.dense_contest import Contestant, NotHere

BENCH = '''
"""Sums."""
import numpy as np
from benchmarks.dense_contest import Contestant, NotHere

def absent(data, threads):
    raise NotHere("no such rival")

AIM = "A sum."
SETS = {"ones": lambda: np.ones(1000)}
CONTESTANTS = [
    Contestant("fast", lambda data, threads: data.sum, package="numpy"),
    Contestant("slow", lambda data, threads: lambda: sum(data), threads=(1, 2)),
    Contestant("absent", absent),
]
def quality(data, fitted):
    return {"error": abs(fitted - 1000)}
'''


@pytest.fixture
def bench(tmp_path, monkeypatch):
    (tmp_path / "sums_bench.py").write_text(BENCH)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    yield "sums_bench"
    sys.modules.pop("sums_bench", None)


def test_every_contestant_runs_in_its_own_process(bench, tmp_path, capsys):
    output = tmp_path / "records.jsonl"
    dense_contest.run(bench, ["--repeat", "2", "--output", str(output)])
    records = [json.loads(line) for line in output.read_text().splitlines()]
    measured = [(r["contestant"], r["threads"]) for r in records if "seconds" in r]
    assert measured == [("fast", 2), ("slow", 1), ("slow", 2)] * 2
    assert [r["error"] for r in records if "error" in r] == ["skipped: no such rival"]
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("| ones | fast |") and line.endswith("| 0 |") for line in lines)
    assert not any("absent" in line for line in lines if line.startswith("|"))


def test_ratio_is_that_of_the_medians_of_the_best_number_of_threads():
    def record(contestant, threads, seconds):
        return {"set": "s", "contestant": contestant, "threads": threads, "seconds": seconds,
                "peak_bytes": 0, "quality": {"q": seconds}}  # fmt: skip

    records = [record("ours", 2, s) for s in (1.0, 2.0, 9.0)]
    records += [record("theirs", 1, 12.0), record("theirs", 2, 8.0), record("theirs", 2, 8.0)]
    contestants = [Contestant("ours", None), Contestant("theirs", None, threads=(1, 2))]
    text = dense_contest.table(["s"], contestants, records)
    assert "| s | theirs | 8 | 2 | 4 |" in text


def test_a_process_that_fails_says_why(bench):
    order = {"bench": bench, "set": "ones", "contestant": "fast", "threads": 1}
    child = "benchmarks.dense_contest:child"
    assert process.measured(child, order | {"set": "none"}, 1, 60) == {"error": "KeyError: 'none'"}
    assert np.isfinite(process.measured(child, order, 1, 60)["seconds"])
    assert issubclass(NotHere, Exception)
