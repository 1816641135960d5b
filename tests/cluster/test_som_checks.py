"""scikit-learn's estimator checks of maps.

Two cannot hold where rows are taken one by one in random order: they ask that a row of weight 3 leads to the
same draws as three rows in another order.
"""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.cluster import SOM, GrowingSOM, SOMClassifier, SOMRegressor


def cannot_hold(estimator):
    if getattr(estimator, "training", "batch") != "online":
        return {}
    why = "rows are drawn by number"
    return {f"check_sample_weight_equivalence_on_{kind}_data": why for kind in ("dense", "sparse")}


@parametrize_with_checks(
    [
        SOM(),
        SOM(
            4, 4, topology="hexagonal", surface="toroidal", neighbourhood="bubble", transform_to="coordinates"
        ),
        SOM(3, 3, metric="chebyshev", neighbourhood="mexican_hat", n_clusters=2),
        SOM(3, 3, training="minibatch", batch_size=1000),
        SOM(3, 3, training="online", max_iter=5, metric="manhattan"),
        SOMClassifier(6, 6),
        GrowingSOM(growth_threshold=0.7, max_depth=2),
        SOMRegressor(6, 6, metric="manhattan", label_weight=0),
    ],
    expected_failed_checks=cannot_hold,
)
def test_checks(estimator, check):
    check(estimator)
