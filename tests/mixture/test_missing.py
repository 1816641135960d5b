"""Missing values: exact EM against the brute-force reference, and what is refused."""

import numpy as np
import pytest

from fastml.mixture import BayesianGaussianMixture, GaussianMixture
from tests.mixture.test_gaussian_mixture import TYPES, blobs, matrices, start
from tests.reference import gaussian

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def holes(X, share, seed=0):
    """X with NaN at random, a known value in every row."""
    X = X.copy()
    rng = np.random.default_rng(seed)
    lost = rng.random(X.shape) < share
    lost[np.arange(len(X)), rng.integers(0, X.shape[1], len(X))] = False
    X[lost] = np.nan
    return X


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("share", [0.05, 0.5])
@pytest.mark.parametrize(("dtype", "digits"), [(np.float64, 1e-10), (np.float32, 1e-5)])
def test_em_is_exact(covariance_type, share, dtype, digits):
    X = blobs(70, 4, 2).astype(dtype)
    options = start(X.astype(np.float64), 2, covariance_type)
    X = holes(X, share)
    weight = np.random.default_rng(1).integers(0, 3, len(X)).astype(float)
    one = 1 / options["precisions_init"].max()
    covariances = np.repeat(one * np.eye(4)[None], 2, axis=0)
    expected = gaussian.em(
        X.astype(np.float64), options["weights_init"], options["means_init"], covariances, covariance_type, 5,
        weight, reg_covar=1e-6,
    )  # fmt: skip
    model = GaussianMixture(**options, tol=0, max_iter=5).fit(X, sample_weight=weight)
    np.testing.assert_allclose(model.lower_bounds_, expected[3], rtol=digits)
    np.testing.assert_allclose(model.means_, expected[1], rtol=100 * digits, atol=10 * digits)
    np.testing.assert_allclose(matrices(model, 2, 4), expected[2], rtol=100 * digits, atol=100 * digits)
    resp, log_prob = gaussian.e_step(
        X.astype(np.float64), model.weights_.astype(float), model.means_.astype(float), matrices(model, 2, 4)
    )
    np.testing.assert_allclose(model.score_samples(X), log_prob, rtol=100 * digits, atol=100 * digits)
    np.testing.assert_allclose(model.predict_proba(X), resp, atol=100 * digits)


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_any_start_any_threads(cls, covariance_type):
    X = holes(blobs(900, 3, 3), 0.2)
    for init_params in ("kmeans", "k-means++", "random", "random_from_data"):
        models = [
            cls(n_components=3, covariance_type=covariance_type, init_params=init_params, random_state=0,
                max_iter=5, n_jobs=n_jobs).fit(X)
            for n_jobs in (1, 3)
        ]  # fmt: skip
        assert models[0].means_.tobytes() == models[1].means_.tobytes()
        assert np.isfinite(models[0].score(X))


@pytest.mark.parametrize("covariance_type", TYPES)
def test_bound_never_falls(covariance_type):
    X = holes(blobs(300, 5, 3), 0.3)
    model = GaussianMixture(
        3, covariance_type=covariance_type, random_state=0, tol=0, max_iter=40, reg_covar=0
    ).fit(X)
    assert np.diff(model.lower_bounds_).min() > -1e-10


def test_parameters_are_found_again():
    rng = np.random.default_rng(0)
    X = rng.multivariate_normal([1, 2, 3], [[2, 1, 0.5], [1, 2, 0], [0.5, 0, 1]], 20_000)
    model = GaussianMixture(tol=1e-7).fit(holes(X, 0.3))
    np.testing.assert_allclose(model.means_[0], X.mean(axis=0), atol=0.03)
    np.testing.assert_allclose(model.covariances_[0], np.cov(X.T), atol=0.06)


def test_rows_and_features_without_values_are_refused():
    X = blobs(30, 3, 2)
    X[7] = np.nan
    with pytest.raises(ValueError, match="such as row 7"):
        GaussianMixture().fit(X)
    X = blobs(30, 3, 2)
    X[:, 1] = np.nan
    with pytest.raises(ValueError, match="such as feature 1"):
        GaussianMixture().fit(X)
    X = blobs(30, 3, 2)
    with pytest.raises(ValueError, match="such as row 2"):
        GaussianMixture().fit(X).predict(np.where(np.arange(30)[:, None] == 2, np.nan, X))
