"""scikit-learn's estimator checks of the decompositions; none is expected to fail."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from fastml.decomposition import LatentDirichletAllocation


@parametrize_with_checks(
    [
        LatentDirichletAllocation(),
        LatentDirichletAllocation(n_components=3, doc_topic_prior="auto", evaluate_every=2),
        LatentDirichletAllocation(n_components=3, learning_method="online", batch_size=1000),
    ]
)
def test_checks(estimator, check):
    check(estimator)
