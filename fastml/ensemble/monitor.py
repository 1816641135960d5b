"""Watching a fit: early stopping, evaluation sets, callbacks, progress.

Nothing here costs time per row unless it was asked for.
"""

from __future__ import annotations

import numpy as np
from sklearn.utils import resample

__all__ = [
    "EarlyStopping",
    "EvaluationSet",
    "Monitor",
    "RoundInfo",
    "callback_list",
    "no_improvement",
    "small_sample",
]

_SMALL_SAMPLE = 10_000


def no_improvement(scores, n_iter_no_change, tol):
    """Whether none of the last ``n_iter_no_change`` scores beats the one before them by more than ``tol``."""
    if len(scores) <= n_iter_no_change:
        return False
    limit = scores[-n_iter_no_change - 1] + tol
    return not any(score > limit for score in scores[-n_iter_no_change:])


def small_sample(n_rows, classes, seed):
    """Rows on which a scorer is computed during training, at most 10,000; None for all.

    Parameters
    ----------
    n_rows : int
    classes : array of shape (n_rows,) or None
        Class of every row, to draw the same part of each.
    seed : int
    """
    if n_rows <= _SMALL_SAMPLE:
        return None
    rows = np.arange(n_rows)
    return resample(rows, n_samples=_SMALL_SAMPLE, replace=False, random_state=seed, stratify=classes)


class EarlyStopping:
    """Scores after every round, and the decision to stop.

    Parameters
    ----------
    score_train, score_validation : callable () -> float, or None
        Higher is better. Without validation rows the decision is made on the training score.
    n_iter_no_change : int
    tol : float
    train_score, validation_score : list of float
        Scores of an earlier fit that is continued; appended to in place.
    """

    def __init__(self, score_train, score_validation, n_iter_no_change, tol, train_score, validation_score):
        self._score_train = score_train
        self._score_validation = score_validation
        self._n_iter_no_change = n_iter_no_change
        self._tol = tol
        self.train_score = train_score
        self.validation_score = validation_score

    def check(self):
        """Compute the scores; return whether to stop."""
        self.train_score.append(self._score_train())
        if self._score_validation is None:
            return no_improvement(self.train_score, self._n_iter_no_change, self._tol)
        self.validation_score.append(self._score_validation())
        return no_improvement(self.validation_score, self._n_iter_no_change, self._tol)

    def latest(self):
        """The last scores, by name."""
        scores = {"train score": self.train_score[-1]}
        if self.validation_score:
            scores["validation score"] = self.validation_score[-1]
        return scores


class EvaluationSet:
    """Rows that metrics are computed on after every round.

    Parameters
    ----------
    name : str
    rows : WatchedRows
        With the scores that follow the forest.
    y, weight : array of shape (n_rows,), weight may be None
    metrics : list of Metric
    """

    def __init__(self, name, rows, y, weight, metrics):
        self.name = name
        self.rows = rows
        self.y = y
        self.weight = weight
        self.metrics = metrics
        self.history = {metric.name: [] for metric in metrics}

    def evaluate(self):
        """Compute all metrics on the scores as they are."""
        for metric in self.metrics:
            self.history[metric.name].append(float(metric(self.y, self.rows.raw, self.weight)))


def callback_list(callbacks):
    """The callbacks as a list.

    Raises
    ------
    TypeError
        If there is something that cannot be called.
    """
    if callbacks is None:
        return []
    listed = (
        [callbacks] if callable(callbacks) or not isinstance(callbacks, (list, tuple)) else list(callbacks)
    )
    for callback in listed:
        if not callable(callback):
            raise TypeError(f"callbacks must be callables that take a RoundInfo, got {callback!r}")
    return listed


class RoundInfo:
    """What a callback is told after a round.

    Attributes
    ----------
    iteration : int
        Rounds in the model, the one just grown included.
    max_iter : int
        Rounds that the model will have if nothing stops it.
    evals : dict of str to dict of str to float
        Latest value of each metric on each evaluation set.
    estimator : estimator
        Being fitted: it predicts with the rounds so far.
    learning_rate : float
        Rate of the next round; assign to it to change it.
    """

    def __init__(self, iteration, max_iter, evals, estimator, learning_rate):
        self.iteration = iteration
        self.max_iter = max_iter
        self.evals = evals
        self.estimator = estimator
        self.learning_rate = learning_rate
        self.stopped = False

    def stop(self):
        """End the fit after this round. Returning True from the callback does the same."""
        self.stopped = True


class Monitor:
    """Runs the rounds of a fit.

    Parameters
    ----------
    estimator : estimator
    loop : BoostingLoop
    max_iter : int
        Rounds that the model has at the end.
    learning_rate : float
    early_stopping : EarlyStopping or None
    sets : list of EvaluationSet
    callbacks : list of callable (RoundInfo) -> bool or None
    progress : Progress
    """

    def __init__(
        self, estimator, loop, *, max_iter, learning_rate, early_stopping, sets, callbacks, progress
    ):
        self.estimator = estimator
        self.loop = loop
        self.max_iter = max_iter
        self.learning_rate = learning_rate
        self.early_stopping = early_stopping
        self.sets = sets
        self.callbacks = callbacks
        self.progress = progress

    def run(self):
        """Grow rounds until there are ``max_iter`` or something says stop."""
        loop, progress = self.loop, self.progress
        n_before = loop.forest.n_trees
        progress.begin()
        why = ""
        for n_rounds in range(loop.n_rounds + 1, self.max_iter + 1):
            n_nodes = loop.forest.n_nodes if progress.verbose else 0
            loop.grow_round(self.learning_rate)
            stop = self.early_stopping is not None and self.early_stopping.check()
            for watched in self.sets:
                watched.evaluate()
            if progress.verbose:
                # A binary tree with m nodes has (m + 1) / 2 leaves.
                n_leaves = (loop.forest.n_nodes - n_nodes + loop.n_outputs) // 2
                progress.round_done(n_rounds, n_leaves, self._scores())
            if self.callbacks and self._call_back(n_rounds):
                why = ", stopped by a callback"
                break
            if stop:
                why = ", stopped early: the score did not improve"
                break
        progress.end(loop.n_rounds, loop.forest.n_trees - n_before, why)

    def _scores(self):
        scores = {} if self.early_stopping is None else self.early_stopping.latest()
        for name, values in self._latest().items():
            scores.update({f"{name} {metric}": value for metric, value in values.items()})
        return scores

    def _latest(self):
        return {s.name: {metric: values[-1] for metric, values in s.history.items()} for s in self.sets}

    def _call_back(self, n_rounds):
        info = RoundInfo(n_rounds, self.max_iter, self._latest(), self.estimator, self.learning_rate)
        for callback in self.callbacks:
            if callback(info) is True:
                info.stop()
        rate = info.learning_rate
        if not (isinstance(rate, (int, float, np.number)) and np.isfinite(rate) and rate > 0):
            raise ValueError(f"a callback set learning_rate to {rate!r}; it must be a positive number")
        self.learning_rate = float(rate)
        return info.stopped
