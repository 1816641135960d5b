"""Early stopping, evaluation sets, callbacks, progress and interrupts."""

import os
import signal
import threading
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_friedman1
from sklearn.metrics import log_loss, make_scorer, mean_absolute_error, mean_squared_error, roc_auc_score
from sklearn.model_selection import train_test_split

from fastml._engine.runtime.progress import duration
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from fastml.ensemble.monitor import no_improvement, small_sample
from fastml.ensemble.progress import Progress


def _regression(n_rows=800):
    return make_friedman1(n_rows, random_state=0, noise=3.0)


# -- early stopping


@pytest.mark.parametrize(
    ("scores", "stop"),
    [
        ([], False),
        ([1.0, 1.0, 1.0], False),
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 0.9, 0.9, 1.05], True),  # better, but by no more than the tolerance
        ([1.0, 0.9, 0.9, 1.2], False),
        ([1.0, 1.2, 0.9, 0.9], False),
        ([1.2, 1.0, 1.1, 1.1], True),
        ([1.0, np.nan, np.nan, np.nan], True),
    ],
)
def test_no_improvement(scores, stop):
    assert no_improvement(scores, 3, 0.1) is stop


def test_small_sample():
    assert small_sample(10_000, None, 0) is None
    classes = np.repeat([0, 1], [4000, 16_000])
    rows = small_sample(20_000, classes, 0)
    assert len(rows) == len(set(rows.tolist())) == 10_000
    assert np.mean(classes[rows]) == pytest.approx(0.8)


@pytest.mark.parametrize("validation_fraction", [0.2, 100, None])
@pytest.mark.parametrize("scoring", ["loss", "neg_mean_absolute_error", None, "own"])
def test_scores_of_early_stopping(scoring, validation_fraction):
    """The scores are those that the model with as many rounds has on the rows set aside."""
    X, y = _regression()
    own = make_scorer(mean_squared_error, greater_is_better=False)
    model = GradientBoostingRegressor(
        early_stopping=True,
        max_iter=300,
        learning_rate=0.3,
        scoring=own if scoring == "own" else scoring,
        validation_fraction=validation_fraction,
        random_state=0,
    ).fit(X, y)
    # with its own training scores to judge by, it may improve for long
    assert 10 <= model.n_iter_ < 300 or validation_fraction is None
    scores = model.train_score_
    if validation_fraction is None:
        assert model.validation_score_.size == 0
        kept, held_out = np.arange(len(y)), None
    else:
        kept, held_out = train_test_split(
            np.arange(len(y)), test_size=validation_fraction, random_state=model._random_seed
        )
        scores = model.validation_score_
        assert scores.size == model.n_iter_ + 1
        assert no_improvement(scores.tolist(), 10, 1e-7)
        assert not no_improvement(scores[:-1].tolist(), 10, 1e-7)
    assert model.train_score_.size == model.n_iter_ + 1
    for rows, last in ((kept, model.train_score_[-1]), (held_out, scores[-1])):
        if rows is None:
            continue
        prediction = model.predict(X[rows])
        want = {
            "loss": -mean_squared_error(y[rows], prediction) / 2,
            "neg_mean_absolute_error": -mean_absolute_error(y[rows], prediction),
            None: model.score(X[rows], y[rows]),
            "own": -mean_squared_error(y[rows], prediction),
        }[scoring]
        assert last == pytest.approx(want)
    alone = GradientBoostingRegressor(max_iter=model.n_iter_, learning_rate=0.3).fit(X[kept], y[kept])
    np.testing.assert_allclose(alone.predict(X), model.predict(X), rtol=1e-9)


def test_bins_come_from_the_training_rows():
    X, y = _regression(200)
    model = GradientBoostingRegressor(early_stopping=True, validation_fraction=0.25, max_iter=2).fit(X, y)
    assert np.all(model._bin_mapper.n_codes_ == 150 + 1)  # a bin for each value, and missing


@pytest.mark.parametrize("weighted", [False, True])
def test_validation_rows_of_the_user(weighted):
    X, y = load_breast_cancer(return_X_y=True)
    weight = np.random.default_rng(0).random(len(y)) if weighted else np.ones(len(y))
    train, val = slice(0, 400), slice(400, None)
    model = GradientBoostingClassifier(learning_rate=0.5)
    model.fit(
        X[train],
        y[train],
        weight[train] if weighted else None,
        X_val=X[val],
        y_val=y[val],
        sample_weight_val=weight[val] if weighted else None,
    )
    assert model.do_early_stopping_ and model.n_iter_ < 100
    want = -log_loss(y[val], model.predict_proba(X[val]), sample_weight=weight[val])
    assert model.validation_score_[-1] == pytest.approx(want)


def test_early_stopping_of_text_classes_and_frames():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["a", "b", "c"], dtype=object)[y]
    for scoring in ("loss", "accuracy", "neg_log_loss", None, make_scorer(lambda y, p: np.mean(y == p))):
        model = GradientBoostingClassifier(early_stopping=True, scoring=scoring, random_state=0).fit(X, names)
        assert model.validation_score_.size == model.n_iter_ + 1
        if callable(scoring) or scoring == "accuracy":
            assert 0.8 < model.validation_score_[-1] <= 1


def test_automatic_early_stopping():
    X, y = make_friedman1(10_001, random_state=0)
    for n_rows, stops in ((10_000, False), (10_001, True)):
        model = GradientBoostingRegressor(max_iter=1).fit(X[:n_rows], y[:n_rows])
        assert model.do_early_stopping_ is stops


def test_base_margin_of_validation_rows():
    X, y = _regression()
    margin = np.linspace(-50, 50, 800)
    model = GradientBoostingRegressor(max_iter=5)
    model.fit(
        X[:600],
        y[:600] + margin[:600],
        base_margin=margin[:600],
        X_val=X[600:],
        y_val=y[600:] + margin[600:],
        base_margin_val=margin[600:],
    )
    prediction = model.predict(X[600:], margin[600:])
    assert model.validation_score_[-1] == pytest.approx(
        -0.5 * np.mean((prediction - y[600:] - margin[600:]) ** 2)
    )
    split = GradientBoostingRegressor(max_iter=5, early_stopping=True, random_state=0)
    split.fit(X, y + margin, base_margin=margin)
    assert split.validation_score_[-1] > -np.var(y)


# -- evaluation sets


def test_evaluation_sets():
    X, y = load_breast_cancer(return_X_y=True)
    weight = np.random.default_rng(0).random(169)
    seen = []

    def brier(y, p, weight):
        seen.append((y.dtype, p.shape, weight))
        return np.average((p[:, 1] - y) ** 2, weights=weight)

    model = GradientBoostingClassifier(max_iter=6).fit(
        X[:400],
        y[:400],
        eval_set={"train": (X[:400], y[:400]), "test": (X[400:], y[400:], weight)},
        eval_metric=["loss", "auc", brier],
    )
    assert list(model.evals_result_) == ["train", "test"]
    assert {name: len(v) for name, v in model.evals_result_["test"].items()} == {
        "loss": 6,
        "auc": 6,
        "brier": 6,
    }
    for i, proba in enumerate(model.staged_predict_proba(X[400:])):
        result = {name: values[i] for name, values in model.evals_result_["test"].items()}
        assert result["loss"] == pytest.approx(log_loss(y[400:], proba, sample_weight=weight))
        assert result["auc"] == pytest.approx(roc_auc_score(y[400:], proba[:, 1], sample_weight=weight))
        assert result["brier"] == pytest.approx(np.average((proba[:, 1] - y[400:]) ** 2, weights=weight))
    assert all(shape[1] == 2 for _, shape, _ in seen)
    assert model.do_early_stopping_ is False


def test_evaluation_does_not_change_the_model():
    X, y = _regression()
    plain = GradientBoostingRegressor(max_iter=5, boosting="dart", random_state=0)
    want = plain.fit(X, y).predict(X)
    watched = plain.fit(X, y, eval_set=(X, y), eval_metric="rmse")
    np.testing.assert_array_equal(watched.predict(X), want)
    assert watched.evals_result_["eval_0"]["rmse"][-1] == pytest.approx(np.sqrt(mean_squared_error(y, want)))
    assert plain.fit(X, y).evals_result_ == {}


@pytest.mark.parametrize("n_classes", [2, 3])
def test_evaluation_with_margin_and_text_classes(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[y < n_classes], np.array(["a", "b", "c"])[y[y < n_classes]]
    margin = np.random.default_rng(0).standard_normal(len(y) if n_classes == 2 else (len(y), 3))
    model = GradientBoostingClassifier(max_iter=3).fit(
        X, y, base_margin=margin, eval_set=[(X, y, None, margin)], eval_metric="logloss"
    )
    want = log_loss(y, model.predict_proba(X, margin))
    assert model.evals_result_["eval_0"]["logloss"][-1] == pytest.approx(want)


def test_evaluation_of_frames_with_categories():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"c": pd.Categorical(rng.choice(list("abc"), 300)), "x": rng.random(300)})
    y = (X["c"] == "b") + X["x"]
    other = X.assign(c=X["c"].astype(object))
    model = GradientBoostingRegressor(max_iter=5).fit(X, y, eval_set={"same": (X, y), "other": (other, y)})
    assert model.evals_result_["same"] == model.evals_result_["other"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"eval_set": 3}, TypeError, "eval_set must be"),
        ({"eval_set": [(1, 2, 3, 4, 5)]}, ValueError, r"eval_set 'eval_0' must be \(X, y\)"),
        ({"eval_set": {1: ()}}, TypeError, "names in eval_set"),
        ({"eval_set": {"a": (np.ones((3, 9)), np.ones(3))}}, ValueError, "9 features"),
        ({"eval_set": {"a": (np.ones((3, 10)), np.ones(2))}}, ValueError, "inconsistent numbers"),
        ({"eval_set": {"a": (np.ones((3, 10)), [1, 2, np.nan])}}, ValueError, "NaN"),
        (
            {"eval_set": {"a": (np.ones((3, 10)), np.ones(3), [1, 1, -1])}},
            ValueError,
            "sample weights of eval_set 'a'",
        ),
        (
            {"eval_set": {"a": (np.ones((3, 10)), np.ones(3))}, "eval_metric": "auc"},
            ValueError,
            "unknown metric",
        ),
        ({"callbacks": 3}, TypeError, "callbacks must be callables"),
        ({"callbacks": [print, 3]}, TypeError, "callbacks must be callables"),
        ({"X_val": np.ones((3, 10))}, ValueError, "y_val was not provided"),
        ({"sample_weight_val": np.ones(3)}, ValueError, "X_val, which was not provided"),
    ],
)
def test_wrong_arguments_of_fit(options, error, message):
    X, y = _regression(100)
    with pytest.raises(error, match=message):
        GradientBoostingRegressor(max_iter=2).fit(X, y, **options)


# -- callbacks


def test_callbacks_are_told():
    X, y = _regression()
    infos, predictions = [], []

    def watch(info):
        infos.append((info.iteration, info.max_iter, info.evals, info.learning_rate))
        predictions.append(info.estimator.predict(X))
        assert info.estimator.n_iter_ == info.iteration

    model = GradientBoostingRegressor(max_iter=4).fit(X, y, callbacks=watch, eval_set=[(X, y)])
    assert [i[0] for i in infos] == [1, 2, 3, 4] and all(i[1] == 4 and i[3] == 0.1 for i in infos)
    assert [i[2]["eval_0"]["loss"] for i in infos] == model.evals_result_["eval_0"]["loss"]
    for mine, stage in zip(predictions, model.staged_predict(X), strict=True):
        np.testing.assert_array_equal(mine, stage)


@pytest.mark.parametrize("by_value", [True, False])
def test_callbacks_may_stop(by_value):
    X, y = _regression()
    calls = []

    def stop(info):
        calls.append("stop")
        if info.iteration == 3:
            return True if by_value else info.stop()

    model = GradientBoostingRegressor().fit(X, y, callbacks=[stop, lambda info: calls.append("other")])
    assert model.n_iter_ == 3 and calls == ["stop", "other"] * 3


def test_callbacks_may_change_the_rate():
    X, y = _regression()

    def decay(info):
        info.learning_rate = info.learning_rate * 0.5

    model = GradientBoostingRegressor(max_iter=3, learning_rate=0.4).fit(X, y, callbacks=decay)
    whole = GradientBoostingRegressor(max_iter=1, learning_rate=0.4).fit(X, y)
    np.testing.assert_array_equal(next(model.staged_predict(X)), whole.predict(X))
    spread = [np.abs(model._forest.tree(i)["value"]).max() for i in range(3)]
    assert spread[1] < 0.8 * spread[0] and spread[2] < 0.8 * spread[1]
    with pytest.raises(ValueError, match="learning_rate to -1"):
        model.fit(X, y, callbacks=lambda info: setattr(info, "learning_rate", -1))


def test_an_error_in_a_callback_keeps_the_rounds():
    X, y = _regression()

    def fail(info):
        if info.iteration == 3:
            raise RuntimeError("mine")

    model = GradientBoostingRegressor(early_stopping=True, random_state=0)
    with pytest.raises(RuntimeError, match="mine"):
        model.fit(X, y, callbacks=fail)
    assert model.n_iter_ == 3 and model.train_score_.size == 4
    assert model.predict(X).shape == (800,)


# -- Ctrl-C


def test_interrupt_keeps_the_rounds():
    X, y = _regression(5000)

    def press(info):
        if info.iteration == 5:
            os.kill(os.getpid(), signal.SIGINT)

    model = GradientBoostingRegressor(max_iter=100_000)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, callbacks=press)
    assert model.n_iter_ >= 4
    short = GradientBoostingRegressor(max_iter=model.n_iter_).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), short.predict(X))


def test_interrupt_from_outside_ends_within_a_second():
    X, y = make_friedman1(20_000, random_state=0)
    model = GradientBoostingRegressor(max_iter=1_000_000, early_stopping=False, max_leaf_nodes=255)
    timer = threading.Timer(1.0, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    assert time.monotonic() - start < 4
    assert model.n_iter_ > 0 and np.isfinite(model.predict(X)).all()


def test_a_fit_that_fails_early_leaves_the_old_model():
    X, y = _regression()
    model = GradientBoostingRegressor(max_iter=3).fit(X, y)
    before = {name: value for name, value in vars(model).items()}
    for bad in (
        lambda: model.fit(X, np.full(800, np.nan)),
        lambda: model.fit(X[:, :3], y, eval_set=[(X, y)]),
        lambda: model.fit(pd.DataFrame(X[:, :5]), y, sample_weight=-np.ones(800)),
    ):
        with pytest.raises(ValueError):
            bad()
        assert vars(model).keys() == before.keys()
        assert all(vars(model)[name] is value for name, value in before.items())
    fresh = GradientBoostingRegressor()
    with pytest.raises(ValueError):
        fresh.fit(X, np.full(800, np.nan))
    assert set(vars(fresh)) == set(fresh.get_params())


# -- progress


def test_progress_of_every_round(capsys):
    X, y = _regression()
    model = GradientBoostingRegressor(max_iter=3, verbose=2)
    model.fit(X, y, eval_set={"test": (X, y)}, eval_metric="rmse")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Bins and codes: ")
    assert [line[:5] for line in lines[1:4]] == ["[1/3]", "[2/3]", "[3/3]"]
    assert all(" leaves, " in line and "test rmse" in line and "left" in line for line in lines[1:4])
    n_leaves = [len(np.unique(column)) for column in model.apply(X).T]
    assert [f"{n} leaves" in line for n, line in zip(n_leaves, lines[1:4], strict=True)] == [True] * 3
    assert lines[4].startswith("Fitted 3 rounds (3 trees) in ") and len(lines) == 5


def test_progress_once_a_second(capsys, monkeypatch):
    clock = iter(np.arange(0, 100, 0.4))
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    progress = Progress(1, 10, 20)
    progress.begin()
    for n_rounds in range(11, 21):
        progress.round_done(n_rounds, 5, {"train score": 0.5})
    lines = capsys.readouterr().out.splitlines()
    # the clock ticks 0.4 s a round: every third round, and the last
    assert [line.split("]")[0] for line in lines] == ["[13/20", "[16/20", "[19/20", "[20/20"]
    assert lines[0].endswith("train score 0.5, 1.2 s, 2.8 s left")


def test_silence(capsys):
    X, y = _regression(100)
    GradientBoostingRegressor(max_iter=3).fit(X, y)
    assert capsys.readouterr().out == ""


def test_progress_says_why_it_ended(capsys):
    X, y = _regression()
    GradientBoostingRegressor(verbose=1, early_stopping=True, learning_rate=0.5, random_state=0).fit(X, y)
    assert "stopped early" in capsys.readouterr().out
    GradientBoostingRegressor(verbose=1).fit(X, y, callbacks=lambda info: True)
    assert "stopped by a callback" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (99.9, "99.9 s"), (100, "1:40"), (3723.4, "1:02:03")]
)
def test_durations(seconds, text):
    assert duration(seconds) == text
