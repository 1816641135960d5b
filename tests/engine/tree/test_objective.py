"""Objectives against scikit-learn's losses, and their input checks."""

import copy
import pickle

import numpy as np
import pytest
from sklearn._loss import loss as sklearn_loss

from fastml._engine.tree.objective import make_objective

N = 3000
REGRESSION = {
    "squared_error": sklearn_loss.HalfSquaredError(),
    "absolute_error": sklearn_loss.AbsoluteError(),
    "huber": sklearn_loss.HuberLoss(delta=0.7),
    "quantile": sklearn_loss.PinballLoss(quantile=0.3),
    "poisson": sklearn_loss.HalfPoissonLoss(),
    "gamma": sklearn_loss.HalfGammaLoss(),
    "tweedie": sklearn_loss.HalfTweedieLoss(power=1.3),
}
PARAMS = {"quantile": 0.3, "delta": 0.7, "power": 1.3, "focal_gamma": 2.0}


def cases():
    """(name, objective, scikit-learn's loss or None, y, raw)"""
    rng = np.random.default_rng(0)
    y = rng.gamma(1.5, size=N) + 0.01
    for name, theirs in REGRESSION.items():
        yield name, make_objective(name, **PARAMS), theirs, y, rng.normal(size=(1, N))
    binary = rng.integers(0, 2, N).astype(float)
    yield (
        "log2",
        make_objective("log_loss", 2),
        sklearn_loss.HalfBinomialLoss(),
        binary,
        rng.normal(size=(1, N)),
    )
    yield "focal2", make_objective("focal", 2), None, binary, rng.normal(size=(1, N))
    several = rng.integers(0, 4, N).astype(float)
    theirs = sklearn_loss.HalfMultinomialLoss(n_classes=4)
    yield "log4", make_objective("log_loss", 4), theirs, several, rng.normal(size=(4, N))
    yield "focal4", make_objective("focal", 4), None, several, rng.normal(size=(4, N))


def weights():
    rng = np.random.default_rng(1)
    return [None, rng.random(N), rng.integers(0, 3, N).astype(float)]


ALL = pytest.mark.parametrize(
    ("objective", "theirs", "y", "raw"), [c[1:] for c in cases()], ids=[c[0] for c in cases()]
)


def their_raw(raw):
    return raw[0] if raw.shape[0] == 1 else np.ascontiguousarray(raw.T)


def gradients(objective, y, raw, w=None, n_threads=1):
    """g, h of shape (n_outputs, n_rows)."""
    g, h = np.empty(raw.shape, np.float32), np.empty(raw.shape, np.float32)
    objective.start_round(y, raw, w, n_threads)
    for k in range(raw.shape[0]):
        objective.gradients(y, raw, w, k, g[k], h[k], n_threads)
    return g, h


@ALL
def test_loss_baseline_and_gradients_are_scikit_learn_s(objective, theirs, y, raw):
    if theirs is None:
        theirs_of = {1: sklearn_loss.HalfBinomialLoss(), 4: sklearn_loss.HalfMultinomialLoss(n_classes=4)}
        theirs = theirs_of[raw.shape[0]]
        objective = make_objective("focal", max(2, raw.shape[0]), focal_gamma=0.0)  # log loss by another way
    ours = objective.check_y(y)
    for w in weights():
        assert objective.loss(ours, raw, w) == pytest.approx(theirs(y, their_raw(raw), w), rel=1e-10)
        np.testing.assert_allclose(
            objective.baseline(ours, w), theirs.fit_intercept_only(y, w), rtol=1e-13, atol=1e-14
        )
        g, h = gradients(objective, ours, raw, w)
        g_ref, h_ref = theirs.gradient_hessian(y, their_raw(raw), w)
        np.testing.assert_allclose(g, g_ref.T.reshape(g.shape), rtol=1e-5, atol=5e-7)
        if objective.name != "huber":  # theirs is zero beyond delta, where no Newton step exists
            h_ref = np.broadcast_to(h_ref.T.reshape(-1, h_ref.size // h.shape[0]), h.shape)
            np.testing.assert_allclose(h, h_ref, rtol=1e-5, atol=5e-7)


@ALL
def test_baseline_is_the_minimum(objective, theirs, y, raw):
    y = objective.check_y(y)
    if objective.name == "focal":  # starts where log loss does
        objective = make_objective("log_loss", objective.n_classes)
    for w in weights():
        baseline = objective.baseline(y, w)
        assert baseline.shape == (objective.n_outputs,)
        best = objective.loss(y, np.repeat(baseline[:, None], N, axis=1), w)
        for step in (-1e-2, 1e-2):
            moved = baseline.copy()
            moved[0] += step
            # Huber's start is one step from the median towards the minimum (Friedman, 2001), not the minimum
            slack = 1e-3 if objective.name == "huber" else 1e-12
            assert objective.loss(y, np.repeat(moved[:, None], N, axis=1), w) >= best - slack


@ALL
def test_predictions_are_scikit_learn_s(objective, theirs, y, raw):
    found = objective.inverse_link(raw)
    if objective.n_classes is None:
        np.testing.assert_allclose(found, theirs.link.inverse(raw[0]), rtol=1e-14)
        assert not np.shares_memory(found, raw)
    else:
        assert found.shape == (N, objective.n_classes)
        np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-14)
        if theirs is not None:
            np.testing.assert_allclose(found, theirs.predict_proba(their_raw(raw)), rtol=1e-13)
        extreme = objective.inverse_link(np.array([[-1e4, 1e4, 0.0]] * raw.shape[0]))
        assert np.isfinite(extreme).all()


@pytest.mark.parametrize("name", ["absolute_error", "quantile", "huber"])
def test_leaves_take_scikit_learn_s_values(name):
    rng = np.random.default_rng(2)
    objective, theirs = make_objective(name, **PARAMS), REGRESSION[name]
    assert objective.refit and objective.constant_hessian
    y, raw = rng.normal(size=N), rng.normal(size=(1, N))
    leaves = [np.sort(rows).astype(np.uint32) for rows in np.array_split(rng.permutation(N), 7)]
    leaves.append(np.array([5], np.uint32))
    before = y.copy(), raw.copy()
    for w in weights()[:2]:
        expected = [theirs.fit_intercept_only(y[r] - raw[0][r], None if w is None else w[r]) for r in leaves]
        found = [objective.leaf_value(y, raw, w, rows) for rows in leaves]
        np.testing.assert_allclose(found, expected, rtol=1e-13)
        np.testing.assert_array_equal(objective.leaf_values(y, raw, w, leaves, n_threads=2), found)
    assert objective.leaf_value(y, raw, None, leaves[0][:0]) == 0.0
    assert objective.leaf_value(y, raw, np.zeros(N), leaves[0]) == 0.0
    np.testing.assert_array_equal(y, before[0])
    np.testing.assert_array_equal(raw, before[1])


def test_huber_s_delta_follows_the_residuals():
    rng = np.random.default_rng(3)
    objective = make_objective("huber", huber_quantile=0.8)
    y, raw = rng.normal(size=N), np.zeros((1, N))
    for scale in (1.0, 0.1):
        objective.start_round(y * scale, raw)
        assert objective.param == pytest.approx(np.percentile(np.abs(y * scale), 80), rel=1e-14)
    objective.start_round(np.zeros(N), raw)
    assert objective.param > 0
    w = rng.integers(0, 3, N)
    objective.start_round(y, raw, w.astype(float))
    assert objective.param in np.abs(y)
    assert np.mean(np.repeat(np.abs(y) <= objective.param, w)) == pytest.approx(0.8, abs=1e-3)


@ALL
def test_class_numbers_in_any_type_give_the_same_gradients(objective, theirs, y, raw):
    g, h = gradients(objective, objective.check_y(y), raw)
    g2, h2 = gradients(objective, y, raw)
    np.testing.assert_array_equal(g, g2)
    np.testing.assert_array_equal(h, h2)


@ALL
def test_copies_and_pickles_work_alike(objective, theirs, y, raw):
    y = objective.check_y(y)
    g, _ = gradients(objective, y, raw)
    for other in (pickle.loads(pickle.dumps(objective)), copy.deepcopy(objective)):
        np.testing.assert_array_equal(gradients(other, y, raw)[0], g)


def test_tweedie_s_ends_are_its_neighbours():
    assert make_objective("tweedie", power=1).name == "poisson"
    assert make_objective("tweedie", power=2).name == "gamma"


@pytest.mark.parametrize(
    ("loss", "y", "message"),
    [
        ("poisson", [1.0, -1.0], "requires non-negative y"),
        ("poisson", [0.0, 0.0], r"sum\(y\) > 0"),
        ("tweedie", [1.0, -1.0], "requires non-negative y"),
        ("gamma", [1.0, 0.0], "requires strictly positive y"),
        ("squared_error", [1.0, np.nan], "NaN or infinity"),
        ("squared_error", [1.0, -np.inf], "NaN or infinity"),
        ("squared_error", [1.0, -1e37], "rescale y"),
        ("squared_error", ["a", "b"], "real numbers"),
        ("squared_error", [[1.0, 2.0]], "one dimension"),
        ("quantile", [1.0, np.inf], "NaN or infinity"),
    ],
)
def test_targets_outside_the_domain_are_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        make_objective(loss, quantile=0.5).check_y(y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("y", [[0, n] for n in (3, -1, 0.5, np.nan, 1e30)])
def test_class_numbers_are_checked(y, n_classes):
    with pytest.raises(ValueError, match=r"class numbers|NaN"):
        make_objective("log_loss", n_classes).check_y(y)


@pytest.mark.parametrize(
    ("loss", "n_classes", "params", "message"),
    [
        ("hinge", None, {}, "not a loss for regression; choose squared_error"),
        ("log_loss", None, {}, "not a loss for regression"),
        ("squared_error", 2, {}, "not a loss for classification; choose log_loss"),
        (3, None, {}, "not a loss for regression"),
        ("log_loss", 1, {}, "at least 2 classes"),
        ("quantile", None, {}, "quantile must be a number > 0 and < 1, got None"),
        ("quantile", None, {"quantile": 1.0}, "quantile must be a number"),
        ("huber", None, {"delta": 0.0}, "delta must be a number > 0"),
        ("huber", None, {"huber_quantile": 1.5}, "huber_quantile must be a number"),
        ("tweedie", None, {"power": 0.5}, "power must be a number > 1 and < 2"),
        ("tweedie", None, {"power": "1.5"}, "power must be a number"),
        ("focal", 2, {"focal_gamma": -1.0}, "focal_gamma must be a number >= 0"),
        ("focal", 3, {"focal_gamma": np.nan}, "focal_gamma must be a number >= 0"),
    ],
)
def test_losses_and_parameters_are_checked(loss, n_classes, params, message):
    with pytest.raises(ValueError, match=message):
        make_objective(loss, n_classes, **params)


@pytest.mark.parametrize("scale", [1e35, 1e-30, 1e-300])
@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "gamma", "poisson", "tweedie"])
def test_huge_and_tiny_targets(name, scale):
    objective = make_objective(name, **PARAMS)
    y = (np.arange(100) + 1) * scale / 100
    if objective.scales_with_y and scale < 1e-30:
        with pytest.raises(ValueError, match="rescale y"):
            objective.check_y(y)
        return
    y = objective.check_y(y)
    baseline = objective.baseline(y)
    expected = np.median(y) if name == "absolute_error" else np.mean(y)
    assert objective.inverse_link(baseline[:, None])[0] == pytest.approx(expected, rel=1e-10)
    g, h = gradients(objective, y, np.repeat(baseline[:, None], 100, axis=1))
    assert np.isfinite(g).all() and np.isfinite(h).all()
    if name == "gamma":  # knows no scale
        np.testing.assert_allclose(h[0], y / np.mean(y), rtol=1e-6)


@ALL
def test_no_weight_at_all_is_an_error(objective, theirs, y, raw):
    y, none = objective.check_y(y), np.zeros(N)
    with pytest.raises(ValueError, match="sums to zero"):
        objective.baseline(y, none)
    with pytest.raises(ValueError, match="sums to zero"):
        objective.loss(y, raw, none)
    g, h = gradients(objective, y, raw, none)
    assert not g.any() and not h.any()


def logistic(y, raw):
    p = 1 / (1 + np.exp(-raw))
    return p - y, p * (1 - p)


def softmax_loss(y, raw):
    p = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
    return p - (y[:, None] == np.arange(raw.shape[1])), p * (1 - p)


def test_custom_losses_do_as_the_built_in_ones():
    rng = np.random.default_rng(4)
    w = rng.random(N)
    for function, n_classes in ((logistic, 2), (softmax_loss, 3)):
        n_outputs = 1 if n_classes == 2 else n_classes
        y, raw = rng.integers(0, n_classes, N), rng.normal(size=(n_outputs, N))
        custom, built_in = make_objective(function, n_classes), make_objective("log_loss", n_classes)
        assert custom.n_outputs == n_outputs and not custom.constant_hessian
        for weight in (None, w):
            g, h = gradients(custom, custom.check_y(y), raw, weight)
            g2, h2 = gradients(built_in, built_in.check_y(y), raw, weight)
            np.testing.assert_allclose(g, g2, atol=3e-7)
            np.testing.assert_allclose(h, h2, atol=3e-7)
        np.testing.assert_allclose(custom.inverse_link(raw), built_in.inverse_link(raw))
        np.testing.assert_array_equal(custom.baseline(y), np.zeros(n_outputs))


class WithExtras:
    def __call__(self, y, raw):
        return raw - y, np.ones_like(y)

    def loss(self, y, raw):
        return (raw - y) ** 2 / 2

    def baseline(self, y, weight):
        return np.average(y, weights=weight)

    def inverse_link(self, raw):
        return 2 * raw


def test_custom_losses_may_bring_more():
    rng = np.random.default_rng(5)
    y, raw, w = rng.normal(size=N), rng.normal(size=(1, N)), rng.random(N)
    custom, built_in = make_objective(WithExtras()), make_objective("squared_error")
    assert custom.loss(y, raw, w) == built_in.loss(y, raw, w)
    np.testing.assert_allclose(custom.baseline(y, w), built_in.baseline(y, w))
    np.testing.assert_array_equal(custom.inverse_link(raw), 2 * raw[0])
    with pytest.raises(ValueError, match="no attribute 'loss'"):
        make_objective(lambda y, raw: (raw, raw)).loss(y, raw)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda y, raw: raw - y, "must return a pair"),
        (
            lambda y, raw: (raw - y, np.ones(3)),
            r"hessian of the custom loss must have shape \(3000,\), got \(3,\)",
        ),
        (lambda y, raw: ((raw - y)[:, None], np.ones_like(y)), "gradient of the custom loss must have shape"),
        (lambda y, raw: (raw * np.nan, np.ones_like(y)), "gradient of the custom loss is NaN"),
        (lambda y, raw: (raw, -np.ones_like(y)), "hessian that the custom loss returned is negative"),
        (lambda y, raw: (raw + 1j, np.ones_like(y)), "gradient.* real numbers, got dtype complex128"),
        (lambda y, raw: (raw, ["a"] * len(y)), "hessian.* real numbers, got dtype <U1"),
    ],
)
def test_what_custom_losses_return_is_checked(function, message):
    with pytest.raises(ValueError, match=message):
        make_objective(function).start_round(np.zeros(N), np.zeros((1, N)))


def test_what_the_parts_of_custom_losses_return_is_checked():
    def function(y, raw):
        return raw - y, np.ones_like(y)

    objective = make_objective(function)
    function.inverse_link = lambda raw: raw[:3]
    with pytest.raises(ValueError, match=rf"one prediction for each of the {N} rows, got shape \(3,\)"):
        objective.inverse_link(np.zeros((1, N)))
    function.loss = lambda y, raw: y * np.nan
    with pytest.raises(ValueError, match="loss of the custom loss is NaN"):
        objective.loss(np.zeros(N), np.zeros((1, N)))


def test_custom_losses_cannot_change_the_scores():
    def vandal(y, raw):
        raw += 1
        return raw, raw

    with pytest.raises(ValueError, match="read-only"):
        make_objective(vandal).start_round(np.zeros(N), np.zeros((1, N)))


@pytest.mark.parametrize("make", [lambda: make_objective("log_loss", 3), lambda: make_objective(logistic)])
def test_gradients_need_a_round(make):
    objective, g = make(), np.empty(10, np.float32)
    with pytest.raises(RuntimeError, match="start_round"):
        objective.gradients(np.zeros(10), np.zeros((3, 10)), None, 0, g, g.copy())


def test_unusual_arrays():
    objective = make_objective("squared_error")
    y = np.arange(20.0)
    for other in (y.astype(">f8"), np.repeat(y, 2)[::2], y.astype(np.float32), list(y), y.astype(np.int8)):
        np.testing.assert_array_equal(objective.check_y(other), y)
    y.flags.writeable = False
    g, h = np.empty(20, np.float32), np.empty(20, np.float32)
    raw = np.zeros((1, 20))
    raw.flags.writeable = False
    objective.gradients(y, raw, None, 0, g, h)
    np.testing.assert_array_equal(g, -y)
    assert objective.check_y([]).size == 0
