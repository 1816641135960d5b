"""Progress of long predictions: what the engine tells, what is printed, and that models print it."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.ensemble import RandomForestRegressor as SklearnForest

from fastml._engine.runtime import progress
from fastml._engine.runtime.progress import RowProgress
from fastml._engine.tree import predict, walk
from fastml._engine.tree.value_rows import ValueRows
from fastml.ensemble import ExtraTreesRegressor, GradientBoostingClassifier, RandomForestClassifier
from fastml.io import from_sklearn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
NUMBER = X[:, 0] + X[:, 1] * X[:, 2]
MANY = np.broadcast_to(X[0], (70_000, 6))  # more rows than a block has


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("function", [predict.predict_raw, predict.apply])
def test_codes(function, n_threads):
    model = GradientBoostingClassifier(max_iter=9, random_state=0).fit(X, NUMBER > 0)
    told = []
    answer = function(
        model._forest, model._bin_mapper, MANY, n_threads, progress=lambda *counts: told.append(counts)
    )
    check(told, len(MANY))
    np.testing.assert_array_equal(answer, function(model._forest, model._bin_mapper, MANY, n_threads))


@pytest.mark.parametrize("n_threads", [1, 2, 3, 7])
@pytest.mark.parametrize("n_trees", [3, 2100])  # one batch of trees, and two
def test_values(n_trees, n_threads):
    model = ExtraTreesRegressor(n_trees, max_depth=2, random_state=0, n_jobs=2).fit(X, NUMBER)
    n_rows = 70_000 if n_trees == 3 else 4000
    told, sums = [], np.zeros((n_rows, 1))
    rows = ValueRows(MANY[:n_rows], None, model._cart.used_features())
    walk.add_values(
        model._cart, rows, sums, n_threads=n_threads, progress=lambda *counts: told.append(counts)
    )
    check(told, n_rows)
    told.clear()
    walk.leaves(model._cart, rows, n_threads=n_threads, progress=lambda *counts: told.append(counts))
    check(told, n_rows)


def check(told, n_rows):
    done = [n for n, _ in told]
    assert done == sorted(done)
    assert done[0] > 0
    assert told[-1] == (n_rows, n_rows)
    assert {n for _, n in told} == {n_rows}


def test_lines(monkeypatch, capsys):
    now = [50.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    tell = RowProgress.of(1)
    for seconds, done in [(0.5, 100), (1.0, 200), (1.9, 300), (2.5, 500), (3.0, 1000)]:
        now[0] = 50 + seconds
        tell(done, 1000)
    assert capsys.readouterr().out.splitlines() == [
        "[ 200/1000] rows, 1.0 s, 4.0 s left",
        "[ 500/1000] rows, 2.5 s, 2.5 s left",
        "[1000/1000] rows, 3.0 s, 0.0 s left",
    ]


def test_what_is_quick_is_silent(capsys):
    RowProgress.of(True)(10, 10)
    assert capsys.readouterr().out == ""
    assert RowProgress.of(0) is None


@pytest.mark.parametrize("verbose", [0, 1])
@pytest.mark.parametrize(
    "model",
    [
        GradientBoostingClassifier(max_iter=3).fit(X, NUMBER > 0),
        RandomForestClassifier(3).fit(X, NUMBER > 0),
        from_sklearn(HistGradientBoostingRegressor(max_iter=3).fit(X, NUMBER)),
        from_sklearn(SklearnForest(3).fit(X, np.stack([NUMBER, X[:, 3]], axis=1))),
    ],
    ids=["boosting", "forest", "codes taken over", "values taken over"],
)
def test_models(model, verbose, monkeypatch, capsys):
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
    model.set_params(verbose=verbose)
    for method in (model.predict, model.apply):
        method(MANY)
        assert ("[70000/70000] rows" in capsys.readouterr().out) == bool(verbose)
