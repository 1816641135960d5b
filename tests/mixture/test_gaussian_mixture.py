"""GaussianMixture: bounds iteration by iteration against scikit-learn's and the reference, and more."""

import warnings

import numpy as np
import pytest
import sklearn.mixture
from sklearn.exceptions import ConvergenceWarning

from fastml.mixture import GaussianMixture
from tests.reference import gaussian

TYPES = ["full", "tied", "diag", "spherical"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def blobs(n, d, k, seed=0, offset=0.0):
    """Rows around k centres, each with its own covariance."""
    rng = np.random.default_rng(seed)
    centres = 4 * rng.normal(size=(k, d))
    parts = [c + rng.normal(size=(n // k, d)) @ (0.6 * rng.normal(size=(d, d))) for c in centres]
    return rng.permutation(np.concatenate(parts)) + offset


def start(X, k, covariance_type, seed=0):
    """The same start for every library."""
    d = X.shape[1]
    means = X[np.random.default_rng(seed).choice(len(X), k, replace=False)]
    one = 1 / X.var(axis=0).mean()
    precisions = {
        "full": np.repeat(one * np.eye(d)[None], k, axis=0),
        "tied": one * np.eye(d),
        "diag": np.full((k, d), one),
        "spherical": np.full(k, one),
    }[covariance_type]
    return {
        "n_components": k,
        "covariance_type": covariance_type,
        "weights_init": np.full(k, 1 / k),
        "means_init": means,
        "precisions_init": precisions,
    }


def matrices(model, k, d):
    """Fitted covariances as (k, d, d)."""
    c = model.covariances_
    return {
        "full": lambda: c,
        "tied": lambda: np.repeat(c[None], k, axis=0),
        "diag": lambda: c[:, :, None] * np.eye(d),
        "spherical": lambda: c[:, None, None] * np.eye(d),
    }[model.covariance_type]()


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize(
    ("n", "d", "k"), [(300, 1, 2), (700, 3, 4), (2000, 16, 5), (1500, 17, 9), (900, 8, 8)]
)
def test_bounds_are_scikit_learns(covariance_type, n, d, k):
    X = blobs(n, d, k, offset=10.0)
    options = start(X, k, covariance_type) | {"tol": 0, "max_iter": 12}
    ours = GaussianMixture(**options).fit(X)
    theirs = sklearn.mixture.GaussianMixture(**options).fit(X)
    np.testing.assert_allclose(ours.lower_bounds_, theirs.lower_bounds_, rtol=1e-10)
    np.testing.assert_allclose(ours.means_, theirs.means_, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-7)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert ours.bic(X) == pytest.approx(theirs.bic(X), rel=1e-9)
    assert ours.aic(X) == pytest.approx(theirs.aic(X), rel=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_agrees_with_the_reference(covariance_type):
    X = blobs(60, 3, 2)
    options = start(X, 2, covariance_type)
    weight = np.random.default_rng(1).integers(0, 4, len(X)).astype(float)
    one = 1 / options["precisions_init"].max()
    expected = gaussian.em(
        X, options["weights_init"], options["means_init"], np.repeat(one * np.eye(3)[None], 2, axis=0),
        covariance_type, 6, weight, reg_covar=1e-6,
    )  # fmt: skip
    model = GaussianMixture(**options, tol=0, max_iter=6).fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.lower_bounds_, expected[3], rtol=1e-10)
    np.testing.assert_allclose(model.weights_, expected[0], rtol=1e-9)
    np.testing.assert_allclose(model.means_, expected[1], rtol=1e-9)
    np.testing.assert_allclose(matrices(model, 2, 3), expected[2], rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_weights_are_repeated_rows(covariance_type):
    X = blobs(500, 4, 3)
    weight = np.random.default_rng(0).integers(0, 4, len(X))
    options = start(X, 3, covariance_type) | {"tol": 0, "max_iter": 10}
    weighted = GaussianMixture(**options).fit(X, sample_weight=weight)
    repeated = GaussianMixture(**options).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.lower_bounds_, repeated.lower_bounds_, rtol=1e-12)
    np.testing.assert_allclose(weighted.means_, repeated.means_, rtol=1e-9)
    scaled = GaussianMixture(**options).fit(X, sample_weight=weight * 1e-9)
    np.testing.assert_allclose(scaled.means_, weighted.means_, rtol=1e-9)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_change_no_bit(covariance_type, dtype):
    X = blobs(20_000, 5, 4).astype(dtype)
    models = [
        GaussianMixture(4, covariance_type=covariance_type, random_state=0, max_iter=5, n_jobs=n_jobs).fit(X)
        for n_jobs in (1, 2, 3, 7)
    ]
    for model in models[1:]:
        for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
            assert getattr(model, name).tobytes() == getattr(models[0], name).tobytes()
        assert model.lower_bounds_ == models[0].lower_bounds_
        assert model.score_samples(X).tobytes() == models[0].score_samples(X).tobytes()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_float32_keeps_its_digits(covariance_type):
    X = blobs(5000, 6, 3, offset=1000.0).astype(np.float32)
    options = start(X, 3, covariance_type) | {"tol": 0, "max_iter": 20}
    single = GaussianMixture(**options).fit(X)
    double = GaussianMixture(**options).fit(X.astype(np.float64))
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        assert getattr(single, name).dtype == np.float32
    np.testing.assert_allclose(single.lower_bounds_, double.lower_bounds_, rtol=3e-6)
    np.testing.assert_allclose(single.means_, double.means_, rtol=1e-6)


def test_bad_initial_weights():
    X = blobs(30, 2, 2)
    for weights, message in [
        ([0.5, 0.5, 0.0], "should have the shape of"),
        ([1.5, -0.5], r"range \[0, 1\], but got max value 1.50000, min value -0.50000"),
        ([0.5, 0.6], "should be normalized"),
    ]:
        with pytest.raises(ValueError, match=message):
            GaussianMixture(2, weights_init=weights).fit(X)


@pytest.mark.parametrize("covariance_type", TYPES)
def test_start_from_precisions(covariance_type):
    X = blobs(400, 3, 2)
    first = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    again = GaussianMixture(
        2, covariance_type=covariance_type, precisions_init=first.precisions_, means_init=first.means_,
        weights_init=first.weights_, max_iter=0,
    ).fit(X)  # fmt: skip
    np.testing.assert_allclose(again.precisions_cholesky_, first.precisions_cholesky_, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(again.covariances_, first.covariances_, rtol=1e-7, atol=1e-10)


def test_nothing_is_drawn_when_all_is_given():
    X = blobs(100, 2, 2)
    state = np.random.RandomState(0)
    GaussianMixture(**start(X, 2, "full"), random_state=state).fit(X)
    assert state.uniform() == np.random.RandomState(0).uniform()


def test_zero_weights_and_too_few_rows_are_refused():
    X = blobs(20, 2, 2)
    with pytest.raises(ValueError, match="non-zero"):
        GaussianMixture().fit(X, sample_weight=np.zeros(len(X)))
    weight = np.zeros(len(X))
    weight[:2] = 1
    with pytest.raises(ValueError, match=r"n_components = 3, n_samples = 2 \(of positive weight\)"):
        GaussianMixture(3).fit(X, sample_weight=weight)
    with pytest.raises(ValueError, match="Negative"):
        GaussianMixture().fit(X, sample_weight=-np.ones(len(X)))


def test_converges_and_says_when_not():
    X = blobs(500, 2, 3)
    model = GaussianMixture(3, random_state=0).fit(X)
    assert (
        model.converged_
        and model.n_iter_ == len(model.lower_bounds_)
        and np.all(np.diff(model.lower_bounds_) > -1e-9)
    )
    with pytest.warns(ConvergenceWarning):
        warnings.simplefilter("always")
        GaussianMixture(3, random_state=0, max_iter=1, tol=0).fit(X)
