"""scikit-learn's estimator checks; see README.md for how and what is left out."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.hmm import GMMHMM, GaussianHMM


class Gaussian(GaussianHMM):
    """Takes targets and ignores them."""

    def fit(self, X, y=None):
        return super().fit(X)

    def partial_fit(self, X, y=None):
        return super().partial_fit(X)

    def score(self, X, y=None):
        return super().score(X)


class Mixture(GMMHMM):
    """The same."""

    def fit(self, X, y=None):
        return super().fit(X)

    def partial_fit(self, X, y=None):
        return super().partial_fit(X)

    def score(self, X, y=None):
        return super().score(X)


# A frame's state depends on its neighbours: not on its own line alone, and not whatever the order
SEQUENTIAL = "the states of a sequence depend on its order"
EXPECTED = {
    "check_methods_subset_invariance": SEQUENTIAL,
    "check_methods_sample_order_invariance": SEQUENTIAL,
    "check_dont_overwrite_parameters": "n_features, set by fit, is hmmlearn's",
}


@parametrize_with_checks([Gaussian(n_iter=3), Mixture(n_iter=3)], expected_failed_checks=lambda _: EXPECTED)
def test_checks(estimator, check):
    check(estimator)
