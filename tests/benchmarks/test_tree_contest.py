"""The benchmarks of forests and AdaBoost: tables of made-up figures, and what libraries are asked for."""

import numpy as np
import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are in the source tree only")

from benchmarks import adaboost, datasets, forest, tree_contest
from benchmarks.tree_contest import Contest, Job
from benchmarks.tree_libraries import LIBRARIES, as_numbers, predict


def made_up(library, seconds, accuracy, kind="multiclass"):
    return {
        "fit_seconds": seconds,
        "peak_bytes": 3e6,
        "model_bytes": 1e6 if library == "fastml" else 4e6,
        "predict_seconds": 0.01,
        "quality": {tree_contest.MEASURES[kind]: accuracy},
        "kind": kind,
        "shape": [100, 4],
    }


def run(monkeypatch, tmp_path, answers, arguments=(), name="forest", learners=None):
    """A contest in which `answers(order)` stands for the measuring process; returns the orders."""
    orders = []

    def child(function, order, threads, limit):
        orders.append((order["library"], order["threads"], order["seed"]))
        return answers(order)

    monkeypatch.setattr(tree_contest.process, "measured", child)
    monkeypatch.setattr(tree_contest.datasets, "stored", lambda *_: tmp_path / "task")
    monkeypatch.setattr(tree_contest.LIBRARIES["sklearn"].__class__, "version", lambda self: "1")
    contest = Contest(name, learners or {"random forest": "8 times"}, n_trees=50)
    contest.main(["--sets", "letter", "--output", str(tmp_path / "r.jsonl"), *arguments])
    return contest, orders


def test_tables(monkeypatch, tmp_path, capsys):
    seconds = {"fastml": 2.0, "sklearnex": 16.0, "sklearn": 80.0}

    def answers(order):
        slower = 1.5 if order["threads"] == 1 else 1.0
        return made_up(order["library"], slower * seconds[order["library"]], 0.9 + order["seed"] / 100)

    contest, orders = run(monkeypatch, tmp_path, answers, ["--seeds", "3"])
    assert orders[:4] == [("fastml", 2, 0), ("fastml", 1, 0), ("sklearnex", 2, 0), ("sklearn", 2, 0)]
    assert orders[4:] == [("fastml", 2, 1), ("sklearnex", 2, 1), ("fastml", 2, 2), ("sklearnex", 2, 2)]
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| letter")]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:6] == ["2 (3)", "16.0 (3)", "80.0 (1)", "8", "40.0"]
    assert cells[6:11] == ["accuracy", "0.91", "0.91", "0.9", "the same"]
    assert cells[12] == "1 / 4 / 4"
    again = Contest("forest", contest.learners, n_trees=50)
    again.main(["--sets", "letter", "--output", str(tmp_path / "r.jsonl"), "--tables"])
    assert line in capsys.readouterr().out


def test_what_fails_is_told(monkeypatch, tmp_path, capsys):
    def answers(order):
        if order["library"] == "sklearn":
            return {"error": "stopped after 40 s", "stopped_after": 40.0}
        return made_up(order["library"], 1.0, 0.9)

    run(monkeypatch, tmp_path, answers, ["--quick"])
    out = capsys.readouterr().out
    assert "> 40" in out and "Not finished" in out and "scikit-learn, 2 threads: stopped after 40 s" in out


@pytest.mark.parametrize(
    ("own", "rival", "kind", "expected"),
    [
        ([0.9, 0.91], [0.9, 0.92], "multiclass", "the same"),
        ([0.95, 0.96], [0.9, 0.91], "multiclass", "better"),
        ([9.5, 9.6], [9.0, 9.1], "regression", "worse"),
        ([9.5], [9.0, 9.1], "regression", "one run"),
    ],
)
def test_verdict(own, rival, kind, expected):
    runs = [[made_up("", 1.0, value, kind) for value in values] for values in (own, rival)]
    assert tree_contest.verdict(*runs, kind) == expected


@pytest.mark.parametrize("learner", [*forest.LEARNERS, *adaboost.LEARNERS])
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_small_fit(name, learner):
    library = LIBRARIES[name]
    if not library.version() or learner not in library.learners:
        pytest.skip("not there")
    task = datasets.generated("tiny", 400, seed=1)
    model = library.estimator(learner, task.kind, 5, 1, seed=0).fit(task.X, task.y)
    predicted = predict(model, task, task.X_test[:100])
    assert predicted.shape == (100,) and 0 <= predicted.min() < predicted.max() <= 1
    parameters = model.get_params()
    assert parameters["random_state"] == 0
    if learner != "tree":
        assert parameters["n_estimators"] == 5
    if learner in adaboost.LEARNERS:
        assert parameters["estimator__max_depth"] == (1 if learner == "stumps" else 3)


def test_frames_become_the_same_numbers_for_all():
    pandas = pytest.importorskip("pandas")
    train = pandas.DataFrame({"c": pandas.Categorical(["b", None, "a"]), "x": [1, 2, 3]})
    test = pandas.DataFrame({"c": pandas.Categorical(["a", "b"]), "x": [4, 5]})
    task = as_numbers(datasets.Task("t", "binary", train, np.zeros(3), test, np.zeros(2)))
    assert task.X.dtype == np.float32
    assert task.X.tolist() == [[1, 1], [-1, 2], [0, 3]] and task.X_test.tolist() == [[0, 4], [1, 5]]


def test_jobs_are_learners_on_sets():
    assert Job("tree", "adult") == Job("tree", "adult") != Job("tree", "letter")
    assert set(tree_contest.QUICK_SETS) < set(datasets.TREE_NAMES)
