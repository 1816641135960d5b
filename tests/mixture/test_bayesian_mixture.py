"""BayesianGaussianMixture: bounds iteration by iteration against scikit-learn's."""

import numpy as np
import pytest
import sklearn.mixture

from fastml.mixture import BayesianGaussianMixture
from tests.mixture.test_gaussian_mixture import TYPES, blobs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PRIORS = ["dirichlet_process", "dirichlet_distribution"]


@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("covariance_type", TYPES)
def test_bounds_are_scikit_learns(covariance_type, prior):
    X = blobs(800, 4, 5)
    options = {
        "n_components": 5,
        "covariance_type": covariance_type,
        "init_params": "random",
        "weight_concentration_prior_type": prior,
        "random_state": 0,
        "tol": 0,
        "max_iter": 15,
    }
    ours = BayesianGaussianMixture(**options).fit(X)
    theirs = sklearn.mixture.BayesianGaussianMixture(**options).fit(X)
    np.testing.assert_allclose(ours.lower_bounds_, np.ravel(theirs.lower_bounds_), rtol=1e-9)
    for name in ("weights_", "means_", "covariances_", "mean_precision_", "degrees_of_freedom_"):
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-6)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("prior", PRIORS)
def test_superfluous_components_lose_their_weight(prior):
    X = blobs(2000, 2, 3, seed=5)
    model = BayesianGaussianMixture(
        n_components=10, weight_concentration_prior=1e-3, weight_concentration_prior_type=prior, max_iter=500,
        random_state=0,
    ).fit(X)  # fmt: skip
    assert (model.weights_ > 0.01).sum() < 10


@pytest.mark.parametrize("covariance_type", TYPES)
def test_weights_are_repeated_rows(covariance_type):
    X = blobs(600, 3, 3)
    weight = np.random.default_rng(0).integers(1, 4, len(X))
    options = {"covariance_type": covariance_type, "max_iter": 10, "tol": 0}
    weighted = BayesianGaussianMixture(**options).fit(X, sample_weight=weight)
    repeated = BayesianGaussianMixture(**options).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.lower_bounds_, repeated.lower_bounds_, rtol=1e-9)
    np.testing.assert_allclose(weighted.covariances_, repeated.covariances_, rtol=1e-8)


def test_a_matrix_is_no_spherical_prior():
    with pytest.raises(ValueError, match="should be a number"):
        BayesianGaussianMixture(covariance_type="spherical", covariance_prior=np.eye(2)).fit(blobs(20, 2, 2))
