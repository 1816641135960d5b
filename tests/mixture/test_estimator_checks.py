"""scikit-learn's estimator checks of the mixtures, none expected to fail."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.mixture import BayesianGaussianMixture, GaussianMixture


@parametrize_with_checks(
    [
        GaussianMixture(),
        GaussianMixture(covariance_type="tied"),
        GaussianMixture(covariance_type="diag", init_params="k-means++"),
        GaussianMixture(covariance_type="spherical", covariance_prior="empirical"),
        GaussianMixture(covariance_prior="empirical", n_jobs=2),
        BayesianGaussianMixture(),
        BayesianGaussianMixture(
            covariance_type="tied", weight_concentration_prior_type="dirichlet_distribution"
        ),
        BayesianGaussianMixture(covariance_type="diag"),
    ]
)
def test_checks(estimator, check):
    check(estimator)
