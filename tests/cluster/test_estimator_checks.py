"""scikit-learn's estimator checks of k-means.

Two cannot hold, in scikit-learn's neither: they ask that a row of weight 3 leads to the same random draws
as three rows in another order. From a given start they hold: see test_kmeans.py.
"""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.cluster import KMeans, MiniBatchKMeans


def cannot_hold(estimator):
    why = "the start is drawn among rows by their number"
    return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [KMeans(), KMeans(n_clusters=3, init="random", n_init=2), MiniBatchKMeans(batch_size=10)],
    expected_failed_checks=cannot_hold,
)
def test_checks(estimator, check):
    check(estimator)
