"""GaussianHMM."""

import io

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import fastml
from fastml.hmm import GaussianHMM
from tests.reference import forward_backward as reference

TYPES = ["spherical", "diag", "full", "tied"]


def drawn(rng, lengths, n_states=3, n_features=2, apart=3.0):
    means = rng.normal(size=(n_states, n_features)) * apart
    states = np.concatenate([(rng.random(n) < 0.2).cumsum() % n_states for n in lengths])
    return means[states] + rng.normal(size=(len(states), n_features)) + 50


def started(covariance_type, X, n_states=3, **options):
    rng = np.random.default_rng(1)
    d = X.shape[1]
    model = GaussianHMM(n_states, covariance_type, init_params="", tol=-np.inf, **options)
    model.startprob_ = rng.dirichlet(np.ones(n_states))
    model.transmat_ = rng.dirichlet(np.ones(n_states), size=n_states)
    known = X[~np.isnan(X).any(axis=1)]
    model.means_ = known[rng.choice(len(known), n_states)].astype(float)
    model.covars_ = {
        "spherical": np.full(n_states, 2.0),
        "diag": np.full((n_states, d), 2.0),
        "full": np.tile(np.eye(d) * 2 + 0.3, (n_states, 1, 1)),
        "tied": np.eye(d) * 2 + 0.3,
    }[covariance_type]
    return model


def slow_step(model, X, lengths, weights):
    """One EM step without priors, from the slow recursions."""
    logs = reference.gaussian_logs(X, model.means_, model.covars_)
    start, moves, gamma, total, at = 0.0, 0.0, np.empty(logs.shape), 0.0, 0
    for n, weight in zip(lengths, weights, strict=True):
        part = reference.expectations(model.startprob_, model.transmat_, logs[at : at + n])
        total += weight * part[0]
        gamma[at : at + n] = weight * part[1]
        start, moves = start + weight * part[1][0], moves + weight * part[2]
        at += n
    return total, start / start.sum(), moves / moves.sum(axis=1, keepdims=True), gamma


@pytest.mark.parametrize("covariance_type", TYPES)
def test_step_is_that_of_the_slow_recursions(covariance_type):
    rng = np.random.default_rng(0)
    lengths = [40, 1, 25, 70]
    X = drawn(rng, lengths)
    weights = np.array([1.0, 2.0, 0.5, 0.0])
    model = started(covariance_type, X, n_iter=1, covars_prior=0, covars_weight=0)
    total, start, moves, gamma = slow_step(model, X, lengths, weights)
    model.fit(X, lengths, sample_weight=weights)
    assert model.monitor_.history[0] == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(model.startprob_, start, atol=1e-11)
    np.testing.assert_allclose(model.transmat_, moves, atol=1e-10)
    n = gamma.sum(axis=0)
    means = gamma.T @ X / n[:, None]
    np.testing.assert_allclose(model.means_, means, rtol=1e-10)
    apart = X[:, None] - means
    covars = np.einsum("tk,tki,tkj->kij", gamma, apart, apart)
    if covariance_type == "tied":
        covars = np.tile(covars.sum(axis=0) / n.sum(), (3, 1, 1))
    else:
        covars /= n[:, None, None]
    if covariance_type in ("diag", "spherical"):
        covars *= np.eye(2)
    if covariance_type == "spherical":
        covars = np.eye(2) * np.trace(covars, axis1=1, axis2=2)[:, None, None] / 2
    np.testing.assert_allclose(model.covars_, covars, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("implementation", ["log", "scaling"])
def test_likelihood_grows(covariance_type, implementation):
    rng = np.random.default_rng(2)
    lengths = [30] * 20
    X = drawn(rng, lengths)
    model = started(
        covariance_type, X, n_iter=25, covars_prior=0, covars_weight=0, implementation=implementation
    )
    history = list(model.fit(X, lengths).monitor_.history)
    assert len(history) == 25 and (np.diff(history) > -1e-8).all()
    assert model.score(X, lengths) >= history[-1] - 1e-8


@pytest.mark.parametrize("covariance_type", TYPES)
def test_weights_are_repetitions(covariance_type):
    rng = np.random.default_rng(3)
    lengths = [20, 30, 25]
    X = drawn(rng, lengths)
    parts = np.split(X, np.cumsum(lengths)[:-1])
    one = started(covariance_type, X).fit(X, lengths, sample_weight=[2, 0, 1])
    two = started(covariance_type, X).fit(np.concatenate([parts[0], parts[2], parts[0]]), [20, 25, 20])
    for name in ("startprob_", "transmat_", "means_", "covars_"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_same_bits_on_any_number_of_threads(covariance_type, dtype):
    rng = np.random.default_rng(4)
    lengths = [*rng.integers(1, 200, size=40), 4000]
    X = drawn(rng, lengths).astype(dtype)
    seen = set()
    for n_jobs in (1, 2, 3, 7):
        model = started(covariance_type, X, n_iter=4, n_jobs=n_jobs).fit(X, lengths)
        assert model.means_.dtype == model.transmat_.dtype == model.covars_.dtype == dtype
        seen.add(
            b"".join(
                getattr(model, name).tobytes() for name in ("startprob_", "transmat_", "means_", "covars_")
            )
            + model.predict_proba(X, lengths).tobytes()
            + model.predict(X, lengths).tobytes()
        )
    assert len(seen) == 1


@pytest.mark.parametrize("covariance_type", TYPES)
def test_missing_frames_say_nothing(covariance_type):
    """Against the slow recursions with densities of 1, for scores and one step."""
    rng = np.random.default_rng(5)
    lengths = [40, 30]
    X = drawn(rng, lengths)
    X[[0, 3, 4, 5, 39, 60, 69]] = np.nan
    model = started(covariance_type, X, n_iter=1, covars_prior=0, covars_weight=0)
    total, _, moves, gamma = slow_step(model, X, lengths, [1, 1])
    assert model.score(X, lengths) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(model.predict_proba(X, lengths), gamma, atol=1e-11)
    model.fit(X, lengths)
    np.testing.assert_allclose(model.transmat_, moves, atol=1e-10)
    known = ~np.isnan(X[:, 0])
    np.testing.assert_allclose(
        model.means_, gamma[known].T @ X[known] / gamma[known].sum(axis=0)[:, None], rtol=1e-10
    )
    assert np.isfinite(GaussianHMM(3, covariance_type, random_state=0).fit(X, lengths).means_).all()


@pytest.mark.parametrize("covariance_type", ["spherical", "diag"])
def test_missing_entries(covariance_type):
    rng = np.random.default_rng(6)
    lengths = [50, 30]
    X = drawn(rng, lengths, n_features=3)
    X[rng.random(X.shape) < 0.3] = np.nan
    X[7] = np.nan
    model = started(covariance_type, X, n_iter=20, covars_prior=0, covars_weight=0)
    total, _, _, gamma = slow_step(model, X, lengths, [1, 1])
    assert model.score(X, lengths) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(model.predict_proba(X, lengths), gamma, atol=1e-11)
    model.fit(X, lengths)
    if covariance_type == "diag":
        assert (np.diff(model.monitor_.history) > -1e-8).all()
    path = model.predict(X, lengths)
    _, way = reference.viterbi(
        model.startprob_, model.transmat_, reference.gaussian_logs(X[:50], model.means_, model.covars_)
    )
    np.testing.assert_array_equal(path[:50], way)


def test_left_right_stays_left_right():
    rng = np.random.default_rng(7)
    lengths = [60, 60, 200]
    X = np.concatenate([np.linspace(0, 30, n)[:, None] + rng.normal(size=(n, 1)) for n in lengths])
    model = GaussianHMM(4, init_params="mc", n_iter=20, random_state=0)
    model.startprob_ = np.array([1.0, 0, 0, 0])
    model.transmat_ = np.array([[0.9, 0.1, 0, 0], [0, 0.9, 0.1, 0], [0, 0, 0.9, 0.1], [0, 0, 0, 1.0]])
    zeros = model.transmat_ == 0
    model.fit(X, lengths)
    assert (model.transmat_[zeros] == 0).all() and model.startprob_.tolist() == [1, 0, 0, 0]
    assert (np.diff(model.predict(X[:60])) >= 0).all()
    np.testing.assert_allclose(model.predict_proba(X, lengths).sum(axis=1), 1)


def test_outliers_do_not_underflow():
    """What hmmlearn's scaling refuses."""
    rng = np.random.default_rng(8)
    X = np.concatenate([rng.normal(5 * (i % 2), 1, 100) for i in range(4)])[:, None]
    X[40] = 10000
    model = GaussianHMM(2, "spherical", n_iter=20, init_params="", implementation="scaling")
    model.startprob_, model.transmat_ = np.array([0.0, 1]), np.array([[0.4, 0.6], [0.6, 0.4]])
    model.means_, model.covars_ = np.array([[0.0], [5]]), np.array([1.0, 1])
    logs = reference.gaussian_logs(X, model.means_, model.covars_)
    expected = reference.expectations(model.startprob_, model.transmat_, logs)
    assert model.score(X) == pytest.approx(expected[0], rel=1e-12)
    # the slow recursions lose digits to the likelihood of -5e7
    np.testing.assert_allclose(model.predict_proba(X), expected[1], atol=2e-6)
    model.fit(X)
    assert np.isfinite(model.score(X))


def test_a_path_that_scaling_cannot_see():
    """A forbidden way back, and evidence beyond the range of floats: computed in logarithms, fit included."""
    X = np.zeros((60, 1))
    X[5] = 100.0
    X[20:] = -4.0
    model = GaussianHMM(2, init_params="", params="m", n_iter=1)
    model.startprob_, model.transmat_ = np.array([0.5, 0.5]), np.eye(2)
    model.means_, model.covars_ = np.array([[0.0], [100.0]]), np.array([[1.0], [1.0]])
    logs = reference.gaussian_logs(X, model.means_, model.covars_)
    total, gamma, _ = reference.expectations(model.startprob_, model.transmat_, logs)
    assert model.score(X) == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(model.predict_proba(X), gamma, atol=1e-12)
    with pytest.warns(ConvergenceWarning, match="no frame"):
        model.fit(np.concatenate([X, X]), [60, 60])
    np.testing.assert_allclose(model.means_[0], X.mean(), rtol=1e-12)


def test_states_without_frames_keep_their_parameters():
    rng = np.random.default_rng(9)
    X = rng.normal(size=(100, 2))
    model = started("full", X)
    model.means_[2] = 1e6
    with pytest.warns(ConvergenceWarning, match=r"no frame was in states \[2\]"):
        model.fit(X)
    assert (model.means_[2] == 1e6).all() and np.isfinite(model.covars_).all()
    np.testing.assert_allclose(model.transmat_.sum(axis=1), 1)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_collapsed_covariances(covariance_type):
    X = np.repeat([[0.0, 0.0], [9.0, 1.0], [5.0, 5.0]], 20, axis=0)
    model = started(covariance_type, X, covars_prior=0, covars_weight=0)
    model.means_, model._covars_ = X[::20].copy(), model._covars_ / 100
    with pytest.warns(ConvergenceWarning, match="collapsed"):
        model.fit(X)
    assert np.isfinite(model.score(X))


def test_partial_fit_learns_a_stream():
    rng = np.random.default_rng(10)
    model = GaussianHMM(2, random_state=0, learning_decay=0.6)
    X = drawn(rng, [200] * 60, n_states=2, n_features=1, apart=12)
    for i in range(0, len(X), 400):
        model.partial_fit(X[i : i + 400], [200] * 2)
    whole = GaussianHMM(2, random_state=0, n_iter=50).fit(X, [200] * 60)
    np.testing.assert_allclose(np.sort(model.means_[:, 0]), np.sort(whole.means_[:, 0]), atol=0.1)
    assert model.score(X, [200] * 60) > whole.score(X, [200] * 60) - 0.002 * len(X)


def test_first_partial_fit_is_an_iteration_of_fit():
    rng = np.random.default_rng(11)
    X = drawn(rng, [50, 60])
    one = started("full", X).partial_fit(X, [50, 60])
    two = started("full", X, n_iter=1).fit(X, [50, 60])
    for name in ("startprob_", "transmat_", "means_", "covars_"):
        np.testing.assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_files(covariance_type):
    rng = np.random.default_rng(12)
    X = drawn(rng, [50, 60]).astype(np.float32)
    model = started(covariance_type, X).fit(X, [50, 60])
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    same = fastml.load(file)
    np.testing.assert_array_equal(same.predict_proba(X), model.predict_proba(X))
    assert same.score(X) == model.score(X)
    values, arrays = model._get_model_state()
    for name, spoil in [("means", np.nan), ("transmat", -1.0), ("covars", np.inf), ("startprob", 7.0)]:
        bad = {key: value.copy() for key, value in arrays.items()}
        bad[name].flat[0] = spoil
        with pytest.raises(ValueError):
            GaussianHMM(3, covariance_type)._set_model_state(dict(values), bad)


def test_sample_and_criteria():
    model = started("diag", np.zeros((5, 2)))
    X, states = model.sample(500, random_state=0)
    assert X.shape == (500, 2) and states.shape == (500,)
    _, more = model.sample(5, random_state=1, currstate=2)
    assert more[0] == 2
    assert model.bic(X) - model.aic(X) == pytest.approx((2 + 6 + 6 + 6) * (np.log(500) - 2))
    stationary = model.get_stationary_distribution()
    np.testing.assert_allclose(stationary @ model.transmat_, stationary)


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([50, 40], "doesn't sum to 100 samples"),
        ([100, 0], "at least 1"),
        ([], "no sequences"),
        ([101, -1], "at least 1"),
        ([50.5, 49.5], "whole numbers"),
        ([[50, 50]], "whole numbers"),
    ],
)
def test_bad_lengths(lengths, message):
    with pytest.raises(ValueError, match=message):
        GaussianHMM().fit(np.zeros((100, 1)), lengths)


@pytest.mark.parametrize(
    ("weight", "message"),
    [([1, -1], "not negative"), ([1, np.nan], "finite"), ([0, 0], "zero for every"), ([1], "each of the 2")],
)
def test_bad_weights(weight, message):
    with pytest.raises(ValueError, match=message):
        GaussianHMM().fit(np.zeros((100, 1)), [50, 50], sample_weight=weight)


def test_bad_frames():
    X = np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match="every frame of X is missing"):
        GaussianHMM().fit(np.full((4, 2), np.nan))
    with pytest.raises(ValueError, match="infinity"):
        GaussianHMM().fit(np.where(X > 1, np.inf, X))
    X[3, 1] = np.nan
    for covariance_type in ("full", "tied"):
        with pytest.raises(ValueError, match="row 3 of X has NaN in some features"):
            GaussianHMM(covariance_type=covariance_type).fit(X)
    with pytest.raises(NotFittedError):
        GaussianHMM().score(X)
    with pytest.raises(ValueError, match="2 features"):
        GaussianHMM().fit(X).score(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="only 2 frames"):
        GaussianHMM(3).fit(X[:2])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("startprob_", [0.5, 0.6, 0], "must sum to 1"),
        ("startprob_", [0.5, 0.5], "length n_components=3"),
        ("startprob_", [1.5, -0.5, 0], "not be negative"),
        ("transmat_", np.eye(3) * 2, "must sum to 1"),
        ("transmat_", np.eye(2), "must have shape"),
        ("transmat_", np.full((3, 3), np.nan), "finite"),
        ("means_", np.zeros((2, 2)), "must have shape"),
        ("means_", [["a", "b"]] * 3, "numbers"),
    ],
)
def test_bad_parameters(name, value, message):
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = started("diag", X)
    setattr(model, name, value)
    for call in (model.fit, model.score, model.predict):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize(
    ("covariance_type", "covars"),
    [
        ("spherical", [1.0, 0.0, 1.0]),
        ("diag", [[1.0, -1.0]] * 3),
        ("full", [[[1.0, 2.0], [2.0, 1.0]]] * 3),
        ("tied", [[1.0, 0.5], [0.0, 1.0]]),
        ("tied", [[1.0, np.nan], [np.nan, 1.0]]),
        ("full", np.ones((2, 2, 2))),
        ("strange", [1.0]),
    ],
)
def test_bad_covariances(covariance_type, covars):
    model = GaussianHMM(3, covariance_type)
    with pytest.raises(ValueError):
        model.covars_ = covars


def test_bad_options():
    X = np.random.default_rng(0).normal(size=(30, 2))
    for options in (
        {"n_components": 0},
        {"covariance_type": "x"},
        {"params": "stmx"},
        {"algorithm": "x"},
        {"learning_decay": 2.0},
        {"implementation": "x"},
        {"n_iter": -1},
    ):
        with pytest.raises(ValueError):
            GaussianHMM(**options).fit(X)
    with pytest.raises(ValueError, match="Unknown decoder"):
        GaussianHMM().fit(X).decode(X, algorithm="x")


def test_a_failed_fit_leaves_the_model_as_it_was():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = GaussianHMM(2, random_state=0).fit(X)
    before = model.means_.copy()
    with pytest.raises(ValueError):
        model.fit(np.full((5, 3), np.nan))
    assert (model.means_ == before).all() and model.n_features_in_ == 2
