"""GMMHMM."""

import io

import numpy as np
import pytest

import fastml
from fastml.hmm import GMMHMM, GaussianHMM
from tests.reference import forward_backward as reference

TYPES = ["spherical", "diag", "full", "tied"]
LENGTHS = [40, 1, 59]


def started(covariance_type, n_mix=2, **options):
    rng = np.random.default_rng(3)
    n, d = 3, 2
    model = GMMHMM(n, n_mix, covariance_type=covariance_type, init_params="", tol=-np.inf, **options)
    model.startprob_, model.transmat_ = rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n), size=n)
    model.weights_ = rng.dirichlet(np.ones(n_mix), size=n)
    model.means_ = rng.normal(size=(n, n_mix, d)) * 3
    full = np.eye(d) * 2 + 0.4
    model.covars_ = {
        "spherical": np.full((n, n_mix), 2.0),
        "diag": np.full((n, n_mix, d), 2.0),
        "full": np.tile(full, (n, n_mix, 1, 1)),
        "tied": np.tile(full, (n, 1, 1)),
    }[covariance_type]
    return model


def frames():
    rng = np.random.default_rng(4)
    return rng.normal(size=(100, 2)) + rng.normal(size=(6, 2))[rng.integers(0, 6, 100)] * 3


def slow_logs(model, X):
    n, m, d = model.means_.shape
    logs = reference.gaussian_logs(X, model.means_.reshape(n * m, d), model._matrices())
    return reference.log_sum(logs.reshape(len(X), n, m) + np.log(model.weights_), axis=2)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("missing", [False, True])
def test_slow_recursions(covariance_type, missing):
    X, model = frames(), started(covariance_type)
    if missing:
        X[[0, 7, 40, 99]] = np.nan
        if covariance_type in ("spherical", "diag"):
            X[20:30, 1] = np.nan
    logs = slow_logs(model, X)
    logs[np.isnan(X).all(axis=1)] = 0
    ends = np.cumsum(LENGTHS)
    parts = [
        reference.expectations(model.startprob_, model.transmat_, logs[e - n : e])
        for e, n in zip(ends, LENGTHS, strict=True)
    ]
    total, posteriors = model.score_samples(X, LENGTHS)
    assert total == pytest.approx(sum(part[0] for part in parts), rel=1e-11)
    np.testing.assert_allclose(posteriors, np.concatenate([part[1] for part in parts]), atol=1e-10)
    path = model.predict(X, LENGTHS)
    np.testing.assert_array_equal(
        path[:40], reference.viterbi(model.startprob_, model.transmat_, logs[:40])[1]
    )


@pytest.mark.parametrize("covariance_type", ["diag", "full", "tied"])
def test_likelihood_grows(covariance_type):
    model = started(covariance_type, n_iter=30).fit(frames(), LENGTHS)
    assert (np.diff(model.monitor_.history) > -1e-8).all()


@pytest.mark.parametrize("covariance_type", ["diag", "full"])
def test_one_gaussian_is_gaussian(covariance_type):
    X, model = frames(), started(covariance_type, n_mix=1, n_iter=5)
    twin = GaussianHMM(
        3, covariance_type, init_params="", tol=-np.inf, n_iter=5, covars_prior=0, covars_weight=0
    )
    twin.startprob_, twin.transmat_ = model.startprob_, model.transmat_
    twin.means_, twin.covars_ = model.means_[:, 0], model.covars_[:, 0]
    model.fit(X, LENGTHS)
    twin.fit(X, LENGTHS)
    np.testing.assert_allclose(model.means_[:, 0], twin.means_, rtol=1e-9)
    np.testing.assert_allclose(model.covars_[:, 0], twin._covars_, rtol=1e-8)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_threads_files_samples(covariance_type):
    X, seen = frames(), set()
    for n_jobs in (1, 2, 3, 7):
        model = started(covariance_type, n_iter=3, n_jobs=n_jobs).fit(X, LENGTHS)
        seen.add(model.means_.tobytes() + model.covars_.tobytes() + model.transmat_.tobytes())
    assert len(seen) == 1
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    assert fastml.load(file).score(X, LENGTHS) == model.score(X, LENGTHS)
    assert model.sample(30, random_state=0)[0].shape == (30, 2)
    fresh = GMMHMM(2, 2, covariance_type=covariance_type, random_state=0).fit(X, LENGTHS)
    assert np.isfinite(fresh.score(X, LENGTHS)) and fresh.score(X) < 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("weights_", np.full((3, 2), 0.7)),
        ("weights_", np.full((2, 2), 0.5)),
        ("means_", np.zeros((3, 2))),
        ("covars_", -np.ones((3, 2, 2))),
        ("covars_", np.ones((3, 2))),
        ("means_", np.full((3, 2, 2), np.nan)),
    ],
)
def test_bad_parameters(name, value):
    model = started("diag")
    setattr(model, name, value)
    with pytest.raises(ValueError):
        model.score(frames())


@pytest.mark.parametrize("covariance_type", TYPES)
def test_a_chain_without_memory_may_be_cut(covariance_type):
    X, fitted = frames(), []
    for lengths in (None, LENGTHS):
        model = started(covariance_type, n_iter=1)
        model.startprob_, model.transmat_ = np.full(3, 1 / 3), np.full((3, 3), 1 / 3)
        fitted.append(model.fit(X, lengths))
    for name in ("means_", "covars_", "weights_"):
        np.testing.assert_allclose(getattr(fitted[0], name), getattr(fitted[1], name), rtol=1e-11)


@pytest.mark.filterwarnings("ignore:Number of distinct clusters|covariances of states|no frame was in")
@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("X", [np.ones((50, 3)), np.full((50, 3), 1e-310), np.repeat([[0.0], [1.0]], 20, 0)])
def test_fewer_different_frames_than_states(covariance_type, X):
    model = GMMHMM(3, 2, covariance_type=covariance_type, random_state=0).fit(X)
    for name in model._letters.values():
        assert np.isfinite(getattr(model, name)).all()
    assert model.predict(X).shape == (len(X),) and np.isfinite(model.score(X))
