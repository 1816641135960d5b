"""Losses, weights and base margins of gradient boosting."""


import numpy as np
import pytest
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_friedman1

import fastml
from fastml.ensemble import GradientBoostingClassifier, GradientBoostingRegressor
from tests.ensemble.boosting_data import one_thread_for_scikit_learn as one_thread_for_scikit_learn

# -- losses


def test_one_round_of_each_log_link_loss_is_exact():
    """One leaf-pure feature, learning rate 1, many rounds: the mean of each group is found."""
    X = np.repeat([[0.0], [1.0]], 50, axis=0)
    y = np.concatenate([np.tile([1.0, 3.0], 25), np.tile([10.0, 30.0], 25)])
    for loss in ("squared_error", "poisson", "gamma", "tweedie"):
        model = GradientBoostingRegressor(loss=loss, learning_rate=1.0, max_iter=30).fit(X, y)
        np.testing.assert_allclose(model.predict([[0.0], [1.0]]), [2.0, 20.0], rtol=1e-3, err_msg=loss)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_quantiles(level):
    rng = np.random.default_rng(0)
    X = rng.random((4000, 1))
    y = X[:, 0] + rng.exponential(1 + X[:, 0])
    model = GradientBoostingRegressor(loss="quantile", quantile=level, max_iter=40, max_leaf_nodes=8).fit(
        X, y
    )
    # 4000 coins, and the model follows them a little
    assert abs(np.mean(y <= model.predict(X)) - level) < 0.02


def test_robust_losses_ignore_outliers():
    X = np.repeat(np.arange(10.0), 100)[:, None]
    y = X[:, 0].copy()
    y[::20] = 1e4
    for options in ({"loss": "absolute_error"}, {"loss": "huber"}, {"loss": "huber", "huber_delta": 0.5}):
        model = GradientBoostingRegressor(max_iter=100, **options).fit(X, y)
        error = np.abs(model.predict(np.arange(10.0)[:, None]) - np.arange(10))
        assert error.max() < 1.5, options
    plain = GradientBoostingRegressor(max_iter=100).fit(X, y)
    assert np.abs(plain.predict(np.arange(10.0)[:, None]) - np.arange(10)).max() > 100


def test_focal_loss_of_zero_is_log_loss():
    X, y = load_wine(return_X_y=True)
    for rows in (slice(None), y < 2):
        focal = GradientBoostingClassifier(loss="focal", focal_gamma=0.0, max_iter=5).fit(X[rows], y[rows])
        plain = GradientBoostingClassifier(max_iter=5).fit(X[rows], y[rows])
        np.testing.assert_allclose(focal.predict_proba(X), plain.predict_proba(X), atol=1e-4)
        strong = GradientBoostingClassifier(loss="focal", focal_gamma=4.0, max_iter=20).fit(X[rows], y[rows])
        assert strong.score(X[rows], y[rows]) > 0.95
        assert np.abs(strong.predict_proba(X) - plain.predict_proba(X)).max() > 0.01


class _SquaredError:
    def __call__(self, y, raw):
        return raw - y, np.ones_like(y)

    def loss(self, y, raw):
        return 0.5 * (y - raw) ** 2

    def baseline(self, y, weight):
        return np.average(y, weights=weight)


class _LogLoss:
    def __call__(self, y, raw):
        p = expit(raw)
        return p - y, p * (1 - p)


def test_custom_loss():
    X, y = load_diabetes(return_X_y=True)
    weight = np.random.default_rng(0).random(len(y))
    plain = GradientBoostingRegressor(max_iter=20, early_stopping=True, random_state=0).fit(X, y, weight)
    own = GradientBoostingRegressor(
        loss=_SquaredError(), max_iter=20, early_stopping=True, random_state=0
    ).fit(X, y, weight)
    np.testing.assert_allclose(own.predict(X), plain.predict(X), rtol=1e-3)
    np.testing.assert_allclose(own.validation_score_, plain.validation_score_, rtol=1e-3)
    X, y = load_breast_cancer(return_X_y=True)
    own = GradientBoostingClassifier(loss=_LogLoss(), max_iter=100).fit(X, y)
    assert own.predict_proba(X).shape == (569, 2) and own.score(X, y) > 0.99


def test_custom_loss_without_loss_function_cannot_stop_early():
    X, y = load_breast_cancer(return_X_y=True)
    with pytest.raises(ValueError, match="no attribute 'loss'"):
        GradientBoostingClassifier(loss=_LogLoss(), early_stopping=True).fit(X, y)


def test_warm_start_with_a_function_from_elsewhere(tmp_path):
    """A model file holds no function; it is given again to go on."""
    X, y = load_diabetes(return_X_y=True)
    whole = GradientBoostingRegressor(loss=_SquaredError(), max_iter=6, warm_start=True)
    whole.set_params(max_iter=3).fit(X, y).save(tmp_path / "three")
    whole.set_params(max_iter=6).fit(X, y)
    loaded = fastml.load(tmp_path / "three").set_params(max_iter=6)
    with pytest.raises(Exception, match="not part of the model file"):
        loaded.fit(X, y)
    loaded.set_params(loss=_SquaredError()).fit(X, y)
    np.testing.assert_array_equal(loaded.predict(X), whole.predict(X))


# -- weights


def _repeated(seed=0, n_rows=2000):
    X, y = make_friedman1(n_rows, random_state=seed, noise=1.0)
    weight = np.random.default_rng(seed).integers(0, 4, n_rows)
    return X, y, weight


@pytest.mark.parametrize("kind", ["regression", "two classes", "three classes"])
def test_weights_are_repeats(kind):
    """A row of weight w counts as w rows. Gradients are rounded, so models agree as far as that lets them."""
    X, y, weight = _repeated()
    cls = GradientBoostingRegressor
    if kind != "regression":
        cls = GradientBoostingClassifier
        y = np.digitize(y, [14] if kind == "two classes" else [12, 16])
    # limits in rows would tell the two apart, limits in weight do not
    options = {"min_samples_leaf": 1, "min_weight_leaf": 20, "max_leaf_nodes": 6}

    def fit(n_rounds):
        weighted = cls(max_iter=n_rounds, **options).fit(X, y, sample_weight=weight)
        repeated = cls(max_iter=n_rounds, **options).fit(np.repeat(X, weight, axis=0), np.repeat(y, weight))
        return weighted, repeated, weighted._raw_predict(X), repeated._raw_predict(X)

    weighted, repeated, mine, other = fit(1)
    np.testing.assert_allclose(mine, other, rtol=1e-4)
    # later a split may differ where two are equally good, and then all that follows
    *_, mine, other = fit(20)
    assert np.mean((mine - other) ** 2) < 0.02 * mine.var()
    for name in ("edges", "edges_offsets", "n_codes"):
        np.testing.assert_array_equal(
            weighted._bin_mapper.get_state()[name], repeated._bin_mapper.get_state()[name]
        )


def test_rows_of_weight_zero_do_not_matter():
    X, y, _ = _repeated(n_rows=500)
    weight = (np.arange(500) % 2).astype(float)
    spoiled = y.copy()
    spoiled[weight == 0] = 1e6
    options = {"min_samples_leaf": 1, "min_weight_leaf": 10, "max_iter": 5}
    np.testing.assert_array_equal(
        GradientBoostingRegressor(**options).fit(X, y, weight).predict(X),
        GradientBoostingRegressor(**options).fit(X, spoiled, weight).predict(X),
    )


def test_scale_of_weights_does_not_matter():
    X, y, _ = _repeated(n_rows=500)
    weight = np.random.default_rng(1).random(500)
    options = {"min_sum_hessian": 0.0, "max_iter": 10}
    one = GradientBoostingRegressor(**options).fit(X, y, weight).predict(X)
    for factor in (2.0**-40, 2.0**40):
        np.testing.assert_allclose(
            GradientBoostingRegressor(**options).fit(X, y, factor * weight).predict(X), one, rtol=1e-6
        )


def test_class_weight():
    X, y = load_breast_cancer(return_X_y=True)
    by_class = GradientBoostingClassifier(max_iter=5, class_weight={0: 3.0, 1: 0.5}).fit(X, y)
    by_row = GradientBoostingClassifier(max_iter=5).fit(X, y, sample_weight=np.where(y == 0, 3.0, 0.5))
    np.testing.assert_array_equal(by_class.decision_function(X), by_row.decision_function(X))
    names = np.array(["no", "yes"])[y]
    by_name = GradientBoostingClassifier(max_iter=5, class_weight={"no": 3.0, "yes": 0.5}).fit(X, names)
    np.testing.assert_array_equal(by_name.decision_function(X), by_row.decision_function(X))

# -- base margin


def test_base_margin_of_a_model_continues_it():
    X, y = make_friedman1(1000, random_state=0)
    first = GradientBoostingRegressor(max_iter=20).fit(X, y)
    margin = first.predict(X)
    second = GradientBoostingRegressor(max_iter=20).fit(X, y, base_margin=margin)
    both = GradientBoostingRegressor(max_iter=40).fit(X, y)
    # the constant of the second is near zero: nothing is left for it to do
    assert abs(second._forest.baseline[0]) < 1e-6
    np.testing.assert_allclose(second.predict(X, base_margin=margin), both.predict(X), rtol=1e-2)
    np.testing.assert_allclose(second.predict(X, margin) - second.predict(X), margin, rtol=1e-9)


def test_base_margin_is_an_offset():
    rng = np.random.default_rng(0)
    exposure = rng.uniform(0.1, 10, 4000)
    X = rng.random((4000, 2))
    y = rng.poisson(exposure * np.exp(X[:, 0])).astype(float)
    model = GradientBoostingRegressor(loss="poisson", max_iter=60, max_leaf_nodes=6)
    model.fit(X, y, base_margin=np.log(exposure))
    rate = model.predict(X)  # of one unit of exposure
    np.testing.assert_allclose(model.predict(X, np.log(exposure)), rate * exposure)
    assert np.corrcoef(rate, np.exp(X[:, 0]))[0, 1] > 0.97
    assert np.sum(rate * exposure) == pytest.approx(y.sum(), rel=0.02)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_base_margin_in_classification(n_classes):
    X, y = load_iris(return_X_y=True)
    X, y = X[50 * (3 - n_classes) :], y[50 * (3 - n_classes) :]
    rng = np.random.default_rng(0)
    margin = rng.standard_normal(len(y) if n_classes == 2 else (len(y), 3))
    model = GradientBoostingClassifier(max_iter=5).fit(X, y, base_margin=margin)
    for name in ("predict", "predict_proba", "decision_function"):
        last = list(getattr(model, f"staged_{name}")(X, base_margin=margin))[-1]
        np.testing.assert_array_equal(last, getattr(model, name)(X, base_margin=margin))
    np.testing.assert_allclose(model.decision_function(X, margin), model.decision_function(X) + margin)
    empty = GradientBoostingClassifier(max_iter=1, min_samples_leaf=1000)
    plain = empty.fit(X, y, base_margin=np.zeros_like(margin)).decision_function(X[:1])
    without = empty.fit(X, y).decision_function(X[:1])
    np.testing.assert_allclose(plain - plain.mean(), without - without.mean(), atol=1e-6)
