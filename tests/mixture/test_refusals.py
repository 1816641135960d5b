"""Rows that a mixture cannot say anything about, and what a failed fit leaves behind."""

import numpy as np
import pytest

from fastml.mixture import BayesianGaussianMixture, GaussianMixture

X = np.random.default_rng(0).normal(size=(200, 3))
TYPES = ["full", "tied", "diag", "spherical"]


def with_far_row(dtype, missing):
    rows = X[:20].astype(dtype)
    if missing:
        rows[::3, 1] = np.nan
    rows[7, 0] = 1e30 if dtype == np.float32 else 1e200
    return rows


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("ask", ["predict", "predict_proba", "score_samples", "score", "bic"])
def test_rows_beyond_any_density_are_named(covariance_type, dtype, missing, ask):
    model = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X.astype(dtype))
    with pytest.raises(ValueError, match=rf"row 7 of X.*not a number of {np.dtype(dtype)}"):
        getattr(model, ask)(with_far_row(dtype, missing))


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
def test_a_batch_that_is_refused_changes_nothing(cls):
    model = cls(n_components=2, random_state=0).partial_fit(X[:100])
    before = vars(model).copy()
    for bad, weight in ((X[:, :2], 1), (X[:0], 1), (X, 0), (X * 1e200, 1), (X * np.inf, 1)):
        with pytest.raises(ValueError, match=r"features|sample|weight|not finite|infinity"):
            model.partial_fit(bad, sample_weight=np.full(len(bad), float(weight)))
        assert vars(model) == before
    model.partial_fit(X[100:])


@pytest.mark.parametrize("cls", [GaussianMixture, BayesianGaussianMixture])
def test_a_failed_fit_leaves_the_fitted_model(cls):
    model = cls(n_components=2, random_state=0).fit(X)
    before = vars(model).copy()
    for bad in (X[:1], X[:, :1] * 1e200, X * np.nan):
        with pytest.raises(ValueError):
            model.fit(bad)
        assert vars(model) == before
    assert model.predict(X).shape == (200,)


def test_the_type_of_the_first_batch_stays():
    model = GaussianMixture(2, random_state=0).partial_fit(X.astype(np.float32)).partial_fit(X)
    assert model.means_.dtype == np.float32


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_names_may_come_from_an_array(covariance_type):
    """A grid of parameters may be an array, whose entries are of a subclass of str."""
    given = np.array([covariance_type])[0]
    plain, named = (
        GaussianMixture(2, covariance_type=name, random_state=0).fit(X) for name in (covariance_type, given)
    )
    np.testing.assert_array_equal(plain.means_, named.means_)


@pytest.mark.parametrize("covariance_type", TYPES)
@pytest.mark.parametrize("total", [0.7, 1.0, 1.5])
def test_weights_may_have_a_small_sum(covariance_type, total):
    weight = np.full(len(X), total / len(X))
    model = BayesianGaussianMixture(n_components=2, covariance_type=covariance_type, random_state=0)
    model.fit(X, sample_weight=weight)
    size = np.ravel(model.covariance_prior_).max()
    assert np.isfinite(model.covariances_).all() and size < 3 * X.var(axis=0).max()
