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


def spread_rows(n, d, k, seed=0):
    """Rows of k components with correlated features."""
    rng = np.random.default_rng(seed)
    shapes = rng.standard_normal((k, d, d)) / np.sqrt(d) + 0.5 * np.eye(d)
    means = 2 * rng.standard_normal((k, d))
    label = rng.integers(0, k, n)
    return means[label] + np.einsum("na,nab->nb", rng.standard_normal((n, d)), shapes[label])


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize(("d", "k"), [(2, 1), (9, 11), (17, 3)])
def test_every_number_of_missing_features(covariance_type, d, k):
    X = spread_rows(12 * d + 20 * k, d, k)
    model = GaussianMixture(k, covariance_type=covariance_type, random_state=0, max_iter=3).fit(X)
    X = X[: 3 * d + 6]
    for i, row in enumerate(X):
        row[np.random.default_rng(i).permutation(d)[: 1 + i % (d - 1)]] = np.nan
    before = model.weights_, model.means_, matrices(model, k, d)
    resp, log_prob = gaussian.e_step(X, *before)
    np.testing.assert_allclose(model.score_samples(X), log_prob, rtol=1e-10)
    np.testing.assert_allclose(model.predict_proba(X), resp, atol=1e-10)
    np.testing.assert_array_equal(model.predict(X), resp.argmax(axis=1))
    # the first batch replaces all that was: one EM step on these rows alone
    model._stream = None
    weight = np.random.default_rng(0).integers(1, 4, len(X)).astype(float)
    model.set_params(learning_decay=1.0).partial_fit(X, sample_weight=weight)
    expected = gaussian.m_step(X, resp * weight[:, None], *before[1:], covariance_type, model.reg_covar)
    heavy = expected[0] > 1e-6
    np.testing.assert_allclose(model.weights_, expected[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.means_[heavy], expected[1][heavy], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(matrices(model, k, d)[heavy], expected[2][heavy], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("covariance_type", TYPES)
def test_threads_change_no_bit(covariance_type, dtype):
    X = holes(spread_rows(3000, 9, 5), 0.2).astype(dtype)
    weight = np.random.default_rng(0).random(len(X))
    models = [
        GaussianMixture(5, covariance_type=covariance_type, random_state=0, max_iter=3, n_jobs=n_jobs)
        .fit(X, sample_weight=weight)
        for n_jobs in (1, 2, 3, 7)
    ]  # fmt: skip
    for model in models[1:]:
        for name in ("weights_", "means_", "covariances_"):
            assert getattr(model, name).tobytes() == getattr(models[0], name).tobytes()
        assert model.predict_proba(X).tobytes() == models[0].predict_proba(X).tobytes()


@pytest.mark.parametrize("covariance_type", TYPES)
def test_rows_far_from_zero(covariance_type):
    X = holes(spread_rows(400, 5, 2), 0.3)
    options = start(spread_rows(400, 5, 2), 2, covariance_type)
    near, far = (
        GaussianMixture(**options | {"means_init": options["means_init"] + by}, max_iter=5, tol=0).fit(X + by)
        for by in (0.0, 2.0**20)
    )
    np.testing.assert_allclose(far.means_ - 2.0**20, near.means_, atol=1e-6)
    np.testing.assert_allclose(far.covariances_, near.covariances_, atol=1e-6)


@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_columns_that_are_nearly_the_same(covariance_type):
    X = spread_rows(300, 4, 2)
    X = np.hstack([X, X[:, :2] + 1e-4 * np.random.default_rng(0).standard_normal((300, 2))])
    X = holes(X, 0.3)
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0, reg_covar=0, max_iter=10)
    model.fit(X)
    resp, log_prob = gaussian.e_step(X, model.weights_, model.means_, matrices(model, 2, 6))
    np.testing.assert_allclose(model.score_samples(X), log_prob, rtol=1e-7)
    np.testing.assert_allclose(model.predict_proba(X), resp, atol=1e-7)
    assert np.diff(model.lower_bounds_).min() > -1e-7
