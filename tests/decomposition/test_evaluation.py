"""Perplexities with known answers, document completion, coherence, top words."""

import itertools

import numpy as np
import pytest
from scipy import sparse
from scipy.special import gammaln, logsumexp

from fastml.decomposition import (
    LatentDirichletAllocation,
    completion_perplexity,
    split_documents,
    topic_coherence,
)
from tests.decomposition.test_lda import corpus


def with_topics(components, **options):
    """A model with these topics."""
    components = np.asarray(components, dtype=np.float64)
    model = LatentDirichletAllocation(len(components), max_iter=0, random_state=0, **options)
    model.fit(np.ones((2, components.shape[1])))
    model.components_ = components
    return model


def test_perplexity_of_one_topic_is_that_of_word_frequencies():
    X, held_out = corpus(), corpus(seed=1)
    model = LatentDirichletAllocation(1, random_state=0).fit(X)
    p = (1 + X.sum(axis=0)) / (40 + X.sum())
    for documents in (X, held_out, held_out[:3]):
        expected = np.exp(-(documents @ np.log(p)).sum() / documents.sum())
        assert model.perplexity(documents) == pytest.approx(expected, rel=1e-12)
        assert model.perplexity(documents, sub_sampling=True) == model.perplexity(documents)


def test_perplexity_of_disjoint_topics_is_exact():
    """A word tells its topic, so the integral over theta has a closed form and the bound is no bound."""
    beta = np.kron(np.eye(3), [[0.5, 0.3, 0.2]])
    alpha = np.array([0.2, 0.7, 1.5])
    model = with_topics(
        beta * 1e6 + 1e-9, doc_topic_prior=alpha, mean_change_tol=1e-12, topic_word_prior=1e-9
    )
    X = np.random.default_rng(0).poisson(2.0, (8, 9)).astype(float)
    n = X.reshape(8, 3, 3).sum(axis=2)
    exact = gammaln(alpha.sum()) - gammaln(alpha.sum() + n.sum(axis=1))
    exact += (gammaln(alpha + n) - gammaln(alpha)).sum(axis=1) + X @ np.log(np.tile([0.5, 0.3, 0.2], 3))
    assert model.score(X) == pytest.approx(exact.sum(), rel=1e-7)
    assert model.perplexity(X) == pytest.approx(np.exp(-exact.sum() / X.sum()), rel=1e-7)


def test_score_is_below_the_probability_and_close_to_it():
    """The probability by summing over all topics of all tokens."""
    rng = np.random.default_rng(0)
    beta, alpha = rng.dirichlet(np.full(5, 0.5), 3), np.array([0.3, 0.5, 0.9])
    model = with_topics(beta * 1e5, doc_topic_prior=alpha, mean_change_tol=1e-10)
    beta = model.components_ / model.components_.sum(axis=1, keepdims=True)
    for tokens in ([0, 1, 1, 4], [2, 2, 2, 3, 0], [1]):
        terms = []
        for z in itertools.product(range(3), repeat=len(tokens)):
            n = np.bincount(z, minlength=3)
            term = np.log(beta[list(z), tokens]).sum() + (gammaln(alpha + n) - gammaln(alpha)).sum()
            terms.append(term + gammaln(alpha.sum()) - gammaln(alpha.sum() + len(tokens)))
        exact = logsumexp(terms)
        score = model.score(np.bincount(tokens, minlength=5)[None, :])
        assert exact - 1.0 < score <= exact + 1e-9


def test_perplexity_does_not_depend_on_how_many_documents_there_are():
    model = LatentDirichletAllocation(4, random_state=0).fit(corpus())
    held_out = corpus(seed=3)
    assert model.perplexity(np.tile(held_out, (5, 1))) == pytest.approx(model.perplexity(held_out), rel=1e-12)
    # what scikit-learn computes does
    small, large = (np.exp(-model.lower_bound(X) / X.sum()) for X in (held_out, np.tile(held_out, (5, 1))))
    assert small > 1.05 * large


def test_perplexity_of_training_documents_falls():
    X = corpus()
    found = [LatentDirichletAllocation(4, max_iter=n, random_state=0).fit(X).bound_ for n in (0, 1, 5, 20)]
    assert found == sorted(found, reverse=True)
    model = LatentDirichletAllocation(4, max_iter=20, random_state=0).fit(X)
    assert model.bound_ == model.perplexity(X)
    assert model.perplexity(X) == pytest.approx(np.exp(-model.score(X) / X.sum()))


def test_true_topics_have_the_best_perplexity():
    rng = np.random.default_rng(0)
    X, held_out = np.split(corpus(2000, 60, 5, seed=2), [1500])
    right = LatentDirichletAllocation(5, random_state=0, max_iter=50).fit(X)
    assert right.perplexity(held_out) < 0.9 * LatentDirichletAllocation(1).fit(X).perplexity(held_out)
    blurred = with_topics(right.components_ + rng.uniform(0, 300, right.components_.shape))
    assert right.completion_perplexity(held_out) < blurred.completion_perplexity(held_out)


def test_documents_are_split_token_by_token():
    X = sparse.csr_matrix(corpus())
    seen, hidden = split_documents(X, fraction=0.3, random_state=0)
    assert (seen + hidden != X).nnz == 0
    assert 0.27 < seen.sum() / X.sum() < 0.33
    assert seen.data.min() > 0 and hidden.data.min() > 0
    again, _ = split_documents(X.toarray(), fraction=0.3, random_state=0)
    assert (again != seen).nnz == 0


def test_completion_perplexity_with_a_known_answer():
    topics = [[3, 1, 0], [0, 0, 5]]
    hidden = [[2, 0, 1], [0, 0, 1]]
    p = [0.5 * 0.75, 0.5 * 0.75, 0.5, 1.0]
    found = completion_perplexity([[2, 2], [0, 1]], topics, hidden)
    assert found == pytest.approx(np.exp(-np.log(p).mean()))
    with pytest.raises(ValueError, match="no token"):
        completion_perplexity([[1, 1]], topics, [[0, 0, 0]])


def test_completion_perplexity_of_a_model():
    model = LatentDirichletAllocation(4, random_state=0).fit(corpus())
    held_out = corpus(seed=5)
    seen, hidden = split_documents(held_out, random_state=7)
    expected = completion_perplexity(model.transform(seen), model.components_, hidden)
    assert model.completion_perplexity(held_out, random_state=7) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split_documents([[0.5, 1.0]]), "whole numbers"),
        (lambda: split_documents([[-1, 1]]), "whole numbers"),
        (lambda: split_documents([[1, 1]], fraction=1.0), "fraction"),
        (lambda: completion_perplexity([[1, 1]], [[1, 2, 3]], [[1, 1, 1]]), "doc_topics has shape"),
        (lambda: completion_perplexity([[1]], [[1, 2, 3]], [[1, 1]]), "hidden has shape"),
        (lambda: topic_coherence([[1.0, 2.0]], [[1, 1, 1]]), "2 words"),
        (lambda: topic_coherence([[0, 3]], [[1, 1, 1]]), "from 0 to 2"),
        (lambda: topic_coherence([[0, 0]], [[1, 1, 1]]), "distinct"),
        (lambda: topic_coherence([[0, 1]], [[1, 1, 1]], measure="umass"), "measure"),
        (lambda: topic_coherence([[1.0, 2.0]], [[1, 1]], n_words=0), "n_words"),
        (lambda: with_topics(np.ones((2, 3))).top_words(0), "positive integer"),
        (lambda: with_topics(np.ones((2, 3))).top_words(2, ["a"]), "feature_names"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_coherence_of_words_that_are_always_or_never_together():
    X = np.array([[1, 2, 0, 0], [3, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]])
    topics = [[0, 1], [0, 2], [2, 3]]
    np.testing.assert_allclose(topic_coherence(topics, X, measure="npmi"), [1, -1, 1], atol=0.1)
    together = topic_coherence(topics, X, measure="c_v")
    assert together[0] == pytest.approx(1) and together[1] < 0.5


def test_npmi_with_a_known_answer():
    """Two words in half of the documents each, together in a quarter (independent), or in three eighths."""
    X = np.zeros((8, 3))
    X[:4, 0] = 1
    X[2:6, 1] = 1
    X[1:5, 2] = 1
    found = topic_coherence([[0, 1], [0, 2]], sparse.csc_matrix(X), measure="npmi")
    np.testing.assert_allclose(found, [0, np.log(0.375 / 0.25) / -np.log(0.375)], atol=1e-9)
    assert np.isnan(topic_coherence([[0]], X, measure="npmi")[0])


def test_coherence_is_gensims():
    """gensim 4.4's CoherenceModel on the same documents, window_size=1000: each document is one window."""
    rng = np.random.default_rng(0)
    X = (rng.random((60, 12)) < rng.random(12) * 0.6) * 1
    X[:20, :4] |= rng.random((20, 4)) < 0.6
    topics = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 5, 9, 11]]
    expected = {
        "npmi": [0.26271183448786234, -0.2456931278693073, -0.05470625006144031],
        "c_v": [0.8118952178087722, 0.30881408404794164, 0.420035896772916],
    }
    for measure, values in expected.items():
        np.testing.assert_allclose(topic_coherence(topics, X, measure=measure), values, rtol=1e-8)


def test_coherence_takes_components():
    X = corpus()
    model = LatentDirichletAllocation(4, random_state=0).fit(X)
    words = model.top_words(5)
    for measure in ("npmi", "c_v"):
        np.testing.assert_array_equal(
            topic_coherence(model.components_, X, measure=measure, n_words=5),
            topic_coherence(words, X, measure=measure),
        )


def test_top_words():
    model = with_topics([[1, 5, 3], [2, 2, 9]])
    assert model.top_words(2) == [[1, 2], [2, 0]]
    assert model.top_words(1, ["a", "b", "c"]) == [["b"], ["c"]]
