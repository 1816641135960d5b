"""Metrics by name against scikit-learn's."""

import math

import numpy as np
import pytest
from sklearn import metrics as sk

from fastml._engine.tree.metric import METRIC_NAMES, make_metrics
from fastml._engine.tree.objective import make_objective

N = 500
RNG = np.random.default_rng(0)
WEIGHTS = [None, RNG.random(N) + 0.1]


def one(metric, objective):
    (made,) = make_metrics(metric, objective)
    return made


REGRESSION = {
    "mse": sk.mean_squared_error,
    "rmse": sk.root_mean_squared_error,
    "mae": sk.mean_absolute_error,
    "mape": sk.mean_absolute_percentage_error,
    "r2": sk.r2_score,
    "poisson_deviance": sk.mean_poisson_deviance,
    "gamma_deviance": sk.mean_gamma_deviance,
    "tweedie_deviance": lambda y, p, sample_weight: sk.mean_tweedie_deviance(
        y, p, sample_weight=sample_weight, power=1.5
    ),
    "quantile": sk.mean_pinball_loss,
    "huber": lambda y, p, sample_weight: np.average(
        np.where(np.abs(y - p) <= 1, (y - p) ** 2 / 2, np.abs(y - p) - 0.5), weights=sample_weight
    ),
}
CLASSIFICATION = {
    "logloss": lambda y, p, sample_weight: sk.log_loss(y, p, sample_weight=sample_weight),
    "error": lambda y, p, sample_weight: 1 - sk.accuracy_score(y, p.argmax(1), sample_weight=sample_weight),
    "accuracy": lambda y, p, sample_weight: sk.accuracy_score(y, p.argmax(1), sample_weight=sample_weight),
    "balanced_accuracy": lambda y, p, sample_weight: sk.balanced_accuracy_score(
        y, p.argmax(1), sample_weight=sample_weight
    ),
    "brier": lambda y, p, sample_weight: sk.brier_score_loss(
        y, p[:, 1] if p.shape[1] == 2 else p, sample_weight=sample_weight
    ),
    "auc": lambda y, p, sample_weight: np.mean(
        [sk.roc_auc_score(y == k, p[:, k], sample_weight=sample_weight) for k in range(p.shape[1])]
    ),
    "average_precision": lambda y, p, sample_weight: np.mean(
        [
            sk.average_precision_score(y == k, p[:, k], sample_weight=sample_weight)
            for k in (range(p.shape[1]) if p.shape[1] > 2 else [1])
        ]
    ),
}
CLASSIFICATION["multi_logloss"] = CLASSIFICATION["logloss"]
CLASSIFICATION["multi_error"] = CLASSIFICATION["error"]


def test_every_name_is_tested():
    assert METRIC_NAMES == {"regression": sorted(REGRESSION), "classification": sorted(CLASSIFICATION)}


@pytest.mark.parametrize("name", sorted(REGRESSION))
def test_regression_metrics(name):
    objective = make_objective("poisson")
    y, raw = RNG.gamma(2.0, size=N) + 0.1, RNG.normal(size=(1, N))
    metric = one(name, objective)
    for w in WEIGHTS:
        expected = REGRESSION[name](y, np.exp(raw[0]), sample_weight=w)
        assert metric(y, raw, w) == pytest.approx(expected, rel=1e-12)
    exact = metric(y, np.log(y)[None], None)
    assert metric.greater_is_better == (exact > metric(y, raw, None))


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("name", sorted(CLASSIFICATION))
def test_classification_metrics(name, n_classes):
    objective = make_objective("log_loss", n_classes)
    y = objective.check_y(np.arange(N) % n_classes)
    raw = RNG.normal(size=(objective.n_outputs, N))
    metric = one(name, objective)
    for w in WEIGHTS:
        expected = CLASSIFICATION[name](y, objective.inverse_link(raw), sample_weight=w)
        assert metric(y, raw, w) == pytest.approx(expected, rel=1e-10)
    truth = (y[None] == np.arange(n_classes)[:, None]) * 20.0
    exact = metric(y, truth[1:] - truth[:1] if n_classes == 2 else truth, None)
    assert metric.greater_is_better == (exact > metric(y, raw, None))


def test_default_is_the_loss():
    for objective in (make_objective("gamma"), make_objective("quantile", quantile=0.2)):
        y, raw = RNG.gamma(2.0, size=N), RNG.normal(size=(1, N))
        metric = one(None, objective)
        assert metric.name == "loss" and metric.greater_is_better is False
        assert metric(y, raw, WEIGHTS[1]) == objective.loss(y, raw, WEIGHTS[1])


def test_parameters_come_from_the_name_the_loss_or_the_default():
    y, raw = RNG.gamma(2.0, size=N), RNG.normal(size=(1, N))
    quantile = make_objective("quantile", quantile=0.9)
    pinball = {q: sk.mean_pinball_loss(y, raw[0], alpha=q) for q in (0.2, 0.5, 0.9)}
    assert one("quantile:0.2", quantile)(y, raw) == pytest.approx(pinball[0.2])
    assert one("quantile", quantile)(y, raw) == pytest.approx(pinball[0.9])
    assert one("quantile", make_objective("squared_error"))(y, raw) == pytest.approx(pinball[0.5])
    tweedie = make_objective("tweedie", power=1.2)
    for name, power in (("tweedie_deviance", 1.2), ("tweedie_deviance:1.8", 1.8)):
        expected = sk.mean_tweedie_deviance(y, np.exp(raw[0]), power=power)
        assert one(name, tweedie)(y, raw) == pytest.approx(expected)


def test_callables_get_predictions():
    seen = {}

    def mine(y_true, y_pred, sample_weight):
        seen.update(y=y_true, p=y_pred, w=sample_weight)
        return np.float32(7)

    objective = make_objective("log_loss", 3)
    y, raw = objective.check_y(np.arange(N) % 3), RNG.normal(size=(3, N))
    metric = one(mine, objective)
    assert metric.name == "mine" and metric.greater_is_better is None
    assert metric(y, raw, WEIGHTS[1]) == 7.0
    np.testing.assert_array_equal(seen["p"], objective.inverse_link(raw))
    assert seen["y"] is y and seen["w"] is WEIGHTS[1]
    mine.greater_is_better = True
    assert one(mine, objective).greater_is_better is True
    with pytest.raises(ValueError, match="'<lambda>' must return a number"):
        one(lambda *_: "high", objective)(y, raw)


def test_auc_of_one_class_is_not_a_number():
    objective = make_objective("log_loss", 2)
    assert math.isnan(one("auc", objective)(np.ones(N, np.uint8), RNG.normal(size=(1, N)), None))


def test_deviances_bear_means_of_zero():
    value = one("poisson_deviance", make_objective("poisson"))(np.array([0.0, 1.0]), np.full((1, 2), -1e4))
    assert math.isfinite(value) and value > 100


def test_wrong_names():
    regression, classification = make_objective("squared_error"), make_objective("log_loss", 2)
    for objective, name in (
        (regression, "auc"),
        (classification, "rmse"),
        (regression, "nope"),
        (regression, "mse:3"),
        (regression, ""),
    ):
        with pytest.raises(ValueError, match="unknown metric"):
            make_metrics(name, objective)
    for name in ("quantile:1.5", "quantile:", "huber:-1", "tweedie_deviance:x", "tweedie_deviance:0.5"):
        with pytest.raises(ValueError, match="out of range"):
            make_metrics([name], regression)
    with pytest.raises(ValueError, match="given twice"):
        make_metrics(["mse", "mse"], regression)
    with pytest.raises(TypeError, match="name or a callable"):
        make_metrics([3], regression)
    with pytest.raises(TypeError, match="a name, a callable or a list of these, got 3"):
        make_metrics(3, regression)
