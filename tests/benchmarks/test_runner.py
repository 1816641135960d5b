"""The benchmark runner: tables of made-up measurements, and that every library is asked for the same."""

import json

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are in the source tree only")

from benchmarks import boosting, boosting_tables, datasets, rivals
from benchmarks.measure import median_time
from benchmarks.memory import PeakMemory
from benchmarks.records import Records
from benchmarks.setting import Setting


def record(library, seconds, auc=0.8, mode="default", seed=0, threads=2, **other):
    """A made-up measurement of a binary task."""
    job = {"set": "generated-1m", "leaves": 31, "rounds": 100, "rows": None, "threads": threads, "seed": seed}
    found = {
        "fit_seconds": seconds,
        "peak_bytes": 5_000_000,
        "predict_seconds": 0.012,
        "quality": {"AUC": auc},
    }
    task = {"kind": "binary", "shape": [1_000_000, 28], "test_rows": 100_000}
    when = f"2026-01-02T03:0{seed}:00"
    return {"library": library, "mode": mode, "version": "1", "when": when} | job | found | task | other


def stopped(library, mode):
    whole = record(library, None, mode=mode, error="stopped after 66 s", stopped_after=66.0)
    return {name: value for name, value in whole.items() if name != "fit_seconds"}


MADE_UP = [
    *(record("fastml", s, auc, seed=i) for i, (s, auc) in enumerate([(2, 0.79), (4, 0.81), (3, 0.80)])),
    record("fastml", 6.0, threads=1),
    *(record("lightgbm", s, auc, seed=i) for i, (s, auc) in enumerate([(11, 0.80), (13, 0.82), (12, 0.81)])),
    record("lightgbm", 15.0, mode="row-wise"),
    record("xgboost", 40.0, mode="lossguide"),
    stopped("catboost", "Lossguide"),
]


def cells(report, start):
    """The cells of the only line of the report that starts so."""
    (line,) = [line for line in report.splitlines() if line.startswith(start)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_tables():
    fit, quality, memory, scaling, *_ = boosting_tables.report(MADE_UP, rounds=100, threads=2).split("\n\n")[
        1::2
    ]
    assert cells(fit, "| generated-1m")[2:] == [
        "3.00",
        "12.0 (default)",
        "40.0 (1 run)",
        "stopped at 66",
        "-",
        "4.00",
        "3",
        "2026-01-02 03:00 to 03:02",
    ]
    assert cells(quality, "| generated-1m")[3:5] == ["0.8000 [0.7900, 0.8100]", "0.8100 [0.8000, 0.8200]"]
    assert cells(quality, "| generated-1m")[-1] == "inside"
    assert cells(memory, "| generated-1m")[-1] == "130"  # (2.5 * 28 + 60) * 1e6 bytes
    assert cells(scaling, "| generated-1m")[2:] == ["6.00", "3.00", "2.00"]
    assert "lightgbm" not in boosting_tables.report(MADE_UP, rounds=100, threads=2).split("Not finished")[1]


@pytest.mark.parametrize(("auc", "expected"), [(0.805, "inside"), (0.9, "better"), (0.7, "worse")])
def test_verdict(auc, expected):
    rival = [record("lightgbm", 9.0, value, seed=seed) for seed, value in enumerate((0.80, 0.81))]
    assert (
        boosting_tables.verdict(boosting_tables.best_entries([record("fastml", 1.0, auc), *rival]))
        == expected
    )


def test_verdict_when_lower_is_better():
    worse = record("fastml", 1.0, kind="regression", quality={"RMSE": 3.0})
    rival = record("sklearn", 2.0, kind="regression", quality={"RMSE": 2.0})
    assert boosting_tables.verdict(boosting_tables.best_entries([worse, rival])) == "worse"


def test_who_races_on():
    seconds = {
        boosting.Contestant("fastml", "default", 2): 1.0,
        boosting.Contestant("fastml", "default", 1): 200.0,  # fastml always races on
        boosting.Contestant("lightgbm", "default", 2): 71.0,  # far behind, but the fastest rival
        boosting.Contestant("lightgbm", "row-wise", 2): 72.0,
        boosting.Contestant("lightgbm", "col-wise", 2): 90.0,  # within twice, but not this library's best
        boosting.Contestant("sklearn", "default", 2): 141.0,  # not yet twice the fastest rival
        boosting.Contestant("xgboost", "lossguide", 2): 143.0,
        boosting.Contestant("catboost", "symmetric", 2): None,  # failed
    }
    expected = ["fastml", "fastml", "lightgbm", "lightgbm", "sklearn"]
    assert [c.library for c in boosting.still_racing(seconds)] == expected
    quick = {c: s and s / 30 for c, s in seconds.items()}
    assert [c.library for c in boosting.still_racing(quick)] == [*expected, "xgboost"]


def test_records_survive_a_restart(tmp_path):
    path = tmp_path / "r.jsonl"
    records = Records(path)
    records.add(record("fastml", 1.0))
    records.add(record("fastml", 2.0))
    records.add(record("xgboost", 3.0))
    again = Records(path)
    assert sorted(r["fit_seconds"] for r in again.select()) == [2.0, 3.0]
    again.forget(lambda r: r["library"] == "fastml")
    assert [json.loads(line)["library"] for line in path.read_text().splitlines()] == ["xgboost"]


SETTING = Setting(
    leaves=77, rounds=11, learning_rate=0.3, max_bins=99, min_samples_leaf=5, l2=0.25, threads=3, seed=8
)
SAME = {  # SETTING in the libraries' words
    "fastml": {
        "max_iter": 11,
        "max_leaf_nodes": 77,
        "learning_rate": 0.3,
        "max_bins": 99,
        "min_samples_leaf": 5,
        "l2_regularization": 0.25,
        "n_jobs": 3,
        "random_state": 8,
    },
    "lightgbm": {
        "num_iterations": 11,
        "num_leaves": 77,
        "learning_rate": 0.3,
        "max_bin": 99,
        "min_data_in_leaf": 5,
        "lambda_l2": 0.25,
        "num_threads": 3,
        "seed": 8,
    },
    "xgboost": {
        "num_boost_round": 11,
        "max_leaves": 77,
        "eta": 0.3,
        "max_bin": 99,
        "min_child_weight": 5,
        "lambda": 0.25,
        "nthread": 3,
        "seed": 8,
    },
    "catboost": {
        "iterations": 11,
        "learning_rate": 0.3,
        "border_count": 98,
        "l2_leaf_reg": 0.25,
        "thread_count": 3,
        "random_seed": 8,
    },
    "sklearn": {  # threads by OMP_NUM_THREADS
        "max_iter": 11,
        "max_leaf_nodes": 77,
        "learning_rate": 0.3,
        "max_bins": 99,
        "min_samples_leaf": 5,
        "l2_regularization": 0.25,
        "random_state": 8,
    },
}
SIZES = {"Lossguide": {"max_leaves": 77, "min_data_in_leaf": 5}, "symmetric": {"depth": 7}}  # CatBoost's


@pytest.mark.parametrize("library", rivals.NAMES)
def test_every_library_is_asked_for_the_same(library):
    X = np.zeros((4, 2), dtype=np.float32)
    task = datasets.Task("t", "regression", X, np.arange(4.0), X, np.arange(4.0))
    adapter = rivals.adapter(library)
    for mode in adapter.MODES:
        given = adapter.parameters(task, SETTING, mode)
        expected = SAME[library] | SIZES.get(mode, {})
        assert {name: given.get(name) for name in expected} == expected, mode


@pytest.mark.parametrize("library", rivals.NAMES)
def test_a_small_fit(library):
    pytest.importorskip(library)
    task = datasets.generated("tiny", 400, seed=1)
    adapter = rivals.adapter(library)
    setting = Setting(leaves=7, rounds=5)
    model = adapter.fit(task, setting, next(iter(adapter.MODES)))
    predicted = adapter.predict(model, task, task.X_test[:100], setting)
    assert predicted.shape == (100,)
    assert 0 <= predicted.min() < predicted.max() <= 1


def test_held_out_rows_do_not_depend_on_the_seed():
    one, two = (datasets.load("generated-10k", seed, rows=50) for seed in (0, 1))
    assert np.array_equal(one.X_test, two.X_test)
    assert not np.array_equal(one.X, two.X)


def test_peak_memory_sees_what_was_freed():
    memory = PeakMemory().start()
    np.ones(8_000_000)  # 64 MB, freed at once
    assert 60e6 < memory.growth() < 100e6


def test_median_time_stops_when_it_takes_long():
    calls = []
    median, result = median_time(lambda: calls.append(1) or len(calls), times=[1.0, 3.0])
    assert (median, result, calls) == (2.0, None, [])
    assert median_time(lambda: 7)[1] == 7


def test_a_whole_run(tmp_path, capsys, monkeypatch):
    """Two seeds of one set: each contestant on both; then fastml alone again; then nothing is missing."""
    pytest.importorskip("sklearn")
    calls = []

    def made_up(function, order, threads, limit):
        calls.append((order["library"], order["setting"]["seed"]))
        found = record(order["library"], 1.0 if order["library"] == "fastml" else 9.0)
        return {
            k: found[k] for k in ("fit_seconds", "peak_bytes", "predict_seconds", "quality", "kind", "shape")
        }

    monkeypatch.setattr(boosting.process, "measured", made_up)
    monkeypatch.setattr(boosting.datasets, "stored", lambda *_: tmp_path / "task")
    monkeypatch.setattr(rivals, "version", lambda name: "1" if name in ("fastml", "sklearn") else None)
    options = ["--sets", "adult", "--leaves", "31", "--repeat", "2", "--output", str(tmp_path / "r.jsonl")]
    boosting.main(options)
    assert calls == [("fastml", 0), ("sklearn", 0), ("sklearn", 1), ("fastml", 1)]
    assert cells(capsys.readouterr().out, "| adult | 31 | 1.00")[7] == "9.00"
    calls.clear()
    boosting.main([*options, "--only", "fastml"])
    assert calls == [("fastml", 0), ("fastml", 1)]
    boosting.main([*options, "--resume"])
    assert len(calls) == 2
