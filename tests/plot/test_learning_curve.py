"""plot_learning_curve: one line for each set, the best iteration marked."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from fastml.plot import plot_learning_curve

RESULTS = {
    "training": {"log_loss": [3.0, 2.0, 1.0], "auc": [0.5, 0.6, 0.7]},
    "validation": {"log_loss": [3.0, 2.5, 2.75]},
}


def lines(ax):
    return {line.get_label(): line.get_xydata().tolist() for line in ax.lines if line.get_label()[0] != "_"}


def test_lines_of_evaluation_sets_start_at_iteration_1():
    ax = plot_learning_curve(RESULTS)
    assert lines(ax) == {
        "training": [[1, 3.0], [2, 2.0], [3, 1.0]],
        "validation": [[1, 3.0], [2, 2.5], [3, 2.75]],
    }
    assert ax.get_ylabel() == "log_loss"


def test_metric_is_chosen_by_name():
    assert lines(plot_learning_curve(RESULTS, metric="auc")) == {"training": [[1, 0.5], [2, 0.6], [3, 0.7]]}
    with pytest.raises(ValueError, match=r"metric 'f1'; known are \['auc', 'log_loss'\]"):
        plot_learning_curve(RESULTS, metric="f1")


def test_given_best_iteration_is_marked_on_the_validation_set():
    ax = plot_learning_curve({**RESULTS, "later": {"log_loss": [1.0]}}, best_iteration=2)
    assert any(line.get_xydata().tolist() == [[2, 2.5]] for line in ax.lines)
    assert [text.get_text() for text in ax.texts] == ["best: 2 (2.5)"]


def test_best_iteration_is_that_of_the_highest_validation_score():
    model = SimpleNamespace(train_score_=[-3.0, -2.0, -1.0], validation_score_=[-3.0, -2.0, -2.5])
    assert [text.get_text() for text in plot_learning_curve(model).texts] == ["best: 1 (-2)"]
    assert not plot_learning_curve(model, best_iteration=None).texts
    assert not plot_learning_curve(RESULTS).texts


def test_scores_of_early_stopping_start_before_the_first_iteration():
    model = SimpleNamespace(train_score_=np.array([-2.0, -1.0]), validation_score_=np.array([-3.0, -2.5]))
    ax = plot_learning_curve(model)
    assert lines(ax) == {"training": [[0, -2.0], [1, -1.0]], "validation": [[0, -3.0], [1, -2.5]]}
    assert ax.get_ylabel() == "Negative loss"
    model.scoring = "roc_auc"
    assert plot_learning_curve(model).get_ylabel() == "Score (roc_auc)"


def test_given_axes_are_used():
    _, ax = plt.subplots()
    assert plot_learning_curve(RESULTS, ax=ax, log_scale=True) is ax
    assert ax.get_yscale() == "log"


def test_model_without_scores_is_refused():
    with pytest.raises(ValueError, match="recorded no scores"):
        plot_learning_curve(SimpleNamespace(train_score_=np.array([])))
    with pytest.raises(ValueError, match="no metric 'auc'"):
        plot_learning_curve(SimpleNamespace(), metric="auc")
