"""The loops of topic models against the slow ones, for any number of topics, words and threads."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import psi

from fastml._engine.dense import topics as engine
from tests.reference import topics as reference

CASES = [(1, 5, 4), (2, 30, 1), (7, 40, 11), (8, 40, 300), (16, 10, 65), (17, 25, 33), (50, 12, 120)]


def corpus(n_topics, n_documents, n_words, dtype=np.float64, seed=0):
    """Documents of few topics each, topics as after a pass, and everything that the engine wants."""
    rng = np.random.default_rng(seed)
    beta = rng.dirichlet(np.full(n_words, 0.2), n_topics)
    theta = rng.dirichlet(np.full(n_topics, 0.2), n_documents)
    p = theta @ beta
    p = p / (p.sum(axis=1, keepdims=True) * (1 + 1e-12))
    X = np.array([rng.multinomial(rng.integers(0, 80), row) for row in p]).astype(dtype)
    topics = (0.05 + rng.gamma(100.0, 0.01, beta.shape) * beta * 50).astype(dtype)
    return X, topics


class Engine:
    def __init__(self, X, topics, alpha, n_threads=1, negligible=1e-10, max_iter=100, tolerance=1e-3):
        n_topics, n_words = topics.shape
        dtype = topics.dtype
        self.n_threads, self.n_topics = n_threads, n_topics
        self.table = np.zeros((n_words, engine.width_of(n_topics, dtype)), dtype)
        self.table[:, :n_topics] = topics.T
        self.sums = self.table[:, :n_topics].sum(axis=0, dtype=np.float64)
        self.documents = engine.Documents(sparse.csr_matrix(X))
        self.alpha = np.broadcast_to(alpha, n_topics).astype(dtype)
        self.rule = dict(n_topics=n_topics, max_iter=max_iter, tolerance=tolerance, negligible=negligible)
        self.weights, self.peak = np.empty_like(self.table), np.empty(n_words)
        self.weigh()

    def weigh(self, **options):
        engine.weigh(self.table, self.sums, self.weights, peak=self.peak, n_threads=self.n_threads, **options)

    def infer(self):
        gamma = np.empty((self.documents.n_documents, self.table.shape[1]), self.table.dtype)
        engine.infer(self.documents, self.weights, self.alpha, self.rule, gamma, self.n_threads)
        return gamma

    def accumulate(self, first=0, last=None, **options):
        stat = np.zeros(self.table.shape)
        last = self.documents.n_documents if last is None else last
        engine.accumulate(
            self.documents,
            first,
            last,
            self.weights,
            self.alpha,
            self.rule,
            stat,
            n_threads=self.n_threads,
            **options,
        )
        return stat

    def tokens(self, **options):
        return (self.accumulate(**options) * self.weights)[:, : self.n_topics].T


TYPES = [(np.float64, 1e-9), (np.float32, 2e-3)]


@pytest.mark.parametrize(("n_topics", "n_documents", "n_words"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), TYPES)
def test_expectation_step(n_topics, n_documents, n_words, dtype, tolerance):
    X, topics = corpus(n_topics, n_documents, n_words, dtype)
    ours = Engine(X, topics, 0.1)
    tokens, gamma = reference.accumulate(X, topics.astype(np.float64), np.full(n_topics, 0.1))
    np.testing.assert_allclose(ours.infer()[:, :n_topics], gamma, rtol=tolerance, atol=tolerance)
    assert (ours.infer()[:, n_topics:] == 0).all()
    np.testing.assert_allclose(ours.tokens(), tokens, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("alpha", [1e-3, 0.02, 1.0, 5.0])
@pytest.mark.parametrize("negligible", [0.0, 1e-10])
def test_priors_and_topics_that_leave_the_loop(alpha, negligible):
    X, topics = corpus(20, 30, 60)
    ours = Engine(X, topics, alpha, negligible=negligible)
    tokens, gamma = reference.accumulate(X, topics, np.full(20, alpha))
    np.testing.assert_allclose(ours.infer()[:, :20], gamma, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(ours.tokens(), tokens, rtol=1e-6, atol=1e-6)


def test_topics_that_leave_too_early_come_back():
    X, topics = corpus(12, 40, 60)
    early = Engine(X, topics, 0.5, negligible=0.01, max_iter=2000, tolerance=1e-9)
    _, gamma = reference.accumulate(X, topics, np.full(12, 0.5), max_iter=2000, tolerance=1e-9)
    shares = gamma / gamma.sum(axis=1, keepdims=True)
    found = early.infer()[:, :12]
    assert np.abs(found / found.sum(axis=1, keepdims=True) - shares).max() < 0.05


@pytest.mark.parametrize("max_iter", [0, 1, 3])
def test_few_steps(max_iter):
    X, topics = corpus(9, 20, 50)
    ours = Engine(X, topics, 0.1, max_iter=max_iter)
    tokens, gamma = reference.accumulate(X, topics, np.full(9, 0.1), max_iter=max_iter)
    np.testing.assert_allclose(ours.infer()[:, :9], gamma, rtol=1e-10)
    np.testing.assert_allclose(ours.tokens(), tokens, rtol=1e-9, atol=1e-12)


def test_asymmetric_prior_and_weights_of_documents():
    X, topics = corpus(6, 25, 40)
    alpha = np.linspace(0.05, 1.5, 6)
    weight = np.arange(25) % 4 / 2
    expected, _ = reference.accumulate(X[weight > 0], topics, alpha)
    parts = [reference.accumulate(X[[d]], topics, alpha)[0] * weight[d] for d in range(25)]
    ours = Engine(X, topics, alpha)
    np.testing.assert_allclose(ours.tokens(sample_weight=weight), sum(parts), rtol=1e-7, atol=1e-9)
    assert np.abs(sum(parts) - expected).max() > 0.1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_threads", [2, 3, 7])
def test_same_bytes_on_any_number_of_threads(dtype, n_threads):
    X, topics = corpus(10, 700, 900, dtype)
    one, many = Engine(X, topics, 0.1), Engine(X, topics, 0.1, n_threads)
    np.testing.assert_array_equal(one.weights, many.weights)
    np.testing.assert_array_equal(one.infer(), many.infer())
    first, second = one.accumulate(), many.accumulate()
    np.testing.assert_array_equal(first, second)
    gamma = one.infer()
    for model, stat in ((one, first), (many, second)):
        model.scores = engine.score(
            model.documents, model.weights, model.peak, model.alpha, model.rule, gamma, model.n_threads
        )
        engine.update(
            model.table,
            model.weights,
            stat,
            model.sums,
            prior=0.1,
            keep=0.3,
            gain=0.7,
            n_threads=model.n_threads,
        )
        assert (stat == 0).all()
    np.testing.assert_array_equal(one.scores, many.scores)
    np.testing.assert_array_equal(one.table, many.table)
    np.testing.assert_array_equal(one.sums, many.sums)


def test_windows_change_nothing():
    """Enough documents for several windows: the statistic is that of the documents one by one."""
    X, topics = corpus(64, 9000, 20)
    ours = Engine(X, topics, 0.1, max_iter=2)
    stat = np.zeros(ours.table.shape)
    for first in range(0, 9000, 1000):
        stat += ours.accumulate(first, first + 1000)
    np.testing.assert_allclose(ours.accumulate(), stat, rtol=1e-11)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-5)])
@pytest.mark.parametrize("mean", [False, True])
def test_score(dtype, tolerance, mean):
    X, topics = corpus(9, 40, 70, dtype)
    ours = Engine(X, topics, 0.3)
    ours.weigh(mean=mean)
    gamma = ours.infer()
    exact = topics.astype(np.float64)
    log_beta = np.log(exact / exact.sum(axis=1, keepdims=True)) if mean else reference.expected_log(exact)
    expected = [
        reference.document_bound(counts, g.astype(np.float64), log_beta, np.full(9, 0.3))
        for counts, g in zip(X, gamma[:, :9], strict=True)
    ]
    found = engine.score(ours.documents, ours.weights, ours.peak, ours.alpha, ours.rule, gamma)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_weights_of_some_words_only():
    X, topics = corpus(9, 10, 300)
    ours = Engine(X, topics, 0.1)
    every = ours.weights.copy()
    expected = np.exp(psi(topics) - psi(topics.sum(axis=1, keepdims=True))).T
    np.testing.assert_allclose(every[:, :9], expected / expected.max(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(np.exp(ours.peak), expected.max(axis=1), rtol=1e-12)
    ours.weights[:] = -1
    rows = np.array([0, 5, 17, 299], dtype=np.int32)
    ours.weigh(rows=rows)
    np.testing.assert_array_equal(ours.weights[rows], every[rows])
    assert (np.delete(ours.weights, rows, axis=0) == -1).all()


def test_words_that_no_topic_can_tell_keep_their_tokens():
    """Parameters so small that exp(psi(x)) is no number of float32: quotients are right all the same."""
    topics = np.full((3, 4), 1e-3, dtype=np.float32)
    topics[:, 0] = 5
    X = np.array([[1, 2, 0, 0], [0, 0, 3, 1]], dtype=np.float32)
    ours = Engine(X, topics, 0.01)
    gamma = ours.infer()[:, :3]
    np.testing.assert_allclose(gamma.sum(axis=1), X.sum(axis=1) + 0.03, rtol=1e-5)
    np.testing.assert_allclose(ours.tokens().sum(), X.sum(), rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_extreme_counts(dtype):
    X, topics = corpus(5, 6, 20, dtype)
    for factor in (1e-6, 1e9):
        gamma = Engine(X * dtype(factor), topics, 0.1).infer()[:, :5]
        assert np.isfinite(gamma).all()
        np.testing.assert_allclose(gamma.sum(axis=1), X.sum(axis=1) * factor + 0.5, rtol=1e-4)


def test_fade_and_update_of_some_words():
    _, topics = corpus(9, 10, 30)
    ours = Engine(np.zeros((1, 30)), topics, 0.1)
    table = ours.table.copy()
    keep = np.linspace(0, 1, 30)
    rows = np.array([3, 29], dtype=np.int32)
    engine.fade(ours.table, 0.2, keep, rows=rows)
    expected = table.copy()
    expected[rows] = 0.2 + keep[rows, None] * (table[rows] - 0.2)
    np.testing.assert_allclose(ours.table, expected, rtol=1e-15)
    stat = np.zeros(table.shape)
    stat[rows, :9] = 2.0
    sums = ours.table[:, :9].sum(axis=0)
    before = ours.table.copy()
    engine.update(ours.table, ours.weights, stat, sums, prior=0.2, keep=0.5, gain=3.0, rows=rows)
    faded = 0.2 + 0.5 * (before - 0.2)
    np.testing.assert_array_equal(np.delete(ours.table, rows, axis=0), np.delete(before, rows, axis=0))
    faded[rows, :9] += 6.0 * ours.weights[rows, :9]
    np.testing.assert_allclose(ours.table[rows], faded[rows], rtol=1e-14)
    np.testing.assert_allclose(sums, faded[:, :9].sum(axis=0), rtol=1e-13)
